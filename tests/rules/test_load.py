import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules import Problem, Rules, RulesError, load_rules
from tests.rules.conftest import SHIPPED, SMALL


def problems(*changes: tuple[str, str]) -> tuple[Problem, ...]:
    """What is said about the small file after some changes, each of which must change something."""
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(RulesError) as raised:
        load_rules(text)
    return raised.value.problems


def place_of(fragment: str, text: str = SMALL) -> tuple[int, int]:
    before = text[: text.index(fragment)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def test_the_shipped_file_loads_without_a_warning(shipped: Rules) -> None:
    assert shipped.city.name == "Palangka Raya"
    assert shipped.warnings == ()
    assert sum(len(area.kelurahan) for area in shipped.areas) == 30
    assert [area.key for area in shipped.areas] == ["1", "2", "3", "4", "5"]


def test_defaults_are_filled_in(small: Rules) -> None:
    assert (small.policies.budget_seconds, small.policies.wait_seconds, small.policies.mistakes_allowed) == (40, 5, 2)
    assert small.category("api") is not None
    assert (small.line("pos_siang").seconds, small.line("pos_siang").accepts_by_key) == (20, True)
    assert small.operators.seconds == 60


def test_a_phone_number_keeps_its_zero(small: Rules) -> None:
    assert small.line("kantor").phone == "0213455670"
    assert not small.line("kantor").accepts_by_key


def test_an_operators_phone_is_a_line_that_accepts_by_picking_up(small: Rules) -> None:
    assert small.line("op_1").account == "op_1"
    assert not small.line("op_1").accepts_by_key


def test_rules_cannot_be_changed(small: Rules) -> None:
    with pytest.raises(ValueError, match="frozen"):
        small.city.name = "Lain"


def test_a_kelurahan_is_shown_with_its_kecamatan(small: Rules) -> None:
    assert small.area_name("99.01.02.1001") == "Pantai - Selatan"
    assert small.area_name("99.01.02") == "Selatan"
    assert small.area_name("12.34.56") == "12.34.56"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("99.01.01.1002", ("99.01.01.1002",)),
        ("utara", ("99.01.01",)),
        ("LOR", ("99.01.01",)),
        ("Utara - Utara", ("99.01.01.1001",)),
        ("pesisir", ("99.01.02.1001",)),
        ("Pantai - Selatan", ("99.01.02.1001",)),
        ("Atlantis", ()),
    ],
)
def test_an_area_is_found_by_code_name_alias_and_full_name(small: Rules, text: str, codes: tuple[str, ...]) -> None:
    assert small.find_area(text) == codes


def test_kelurahan_take_their_keys_from_their_order_unless_the_file_gives_keys(small: Rules) -> None:
    assert [area.key for area in small.areas[0].kelurahan] == ["1", "2"]
    given = load_rules(SMALL.replace("1002: Pasar", "1002: {nama: Pasar, tombol: 7}"))
    assert [area.key for area in given.areas[0].kelurahan] == [None, "7"]


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    told = problems(
        ("zona: Asia/Makassar", "zona: WITA"),
        ("darurat: tidak", "darurat: no"),
        ("detik: 25", "detik: lama"),
        ("damkar]}", "damkra]}"),
        ("siaga_24_jam: siaga", "siaga_24_jam: sigaa"),
    )
    assert [one.where for one in told] == [
        "kota.zona",
        "kategori.sampah.darurat",
        "jalur.pos_malam.detik",
        "aturan[2].langkah[1]",
        "aturan[3].langkah[3]",
        "siaga_24_jam",
    ]


def test_one_wrong_shift_does_not_make_the_roster_look_empty() -> None:
    assert [one.where for one in problems(("hari: senin-jumat", "hari: senen"))] == ["piket.kantor[1].hari"]


def test_a_name_that_several_areas_have_must_be_made_clear() -> None:
    (told,) = problems(("Pasar", "Pantai"), ("wilayah: Pantai", "wilayah: pantai"))
    assert "99.01.01.1002, 99.01.02.1001" in told.text


def test_a_problem_reads_as_one_line() -> None:
    (told,) = problems(("piket: pos}", "piket: poss}"))
    line, column = place_of("pos}")
    assert str(told) == f"baris {line}, kolom {column}: piket `poss` tidak ada. Maksud Anda `pos`?"


def test_the_file_cannot_write_to_the_terminal() -> None:
    told = problems(("piket: pos}", 'piket: "\\e[31m\\0"}'))
    assert all(str(one).isprintable() for one in told)


def test_a_rule_that_never_serves_is_a_warning() -> None:
    rules = load_rules(SMALL.replace("kategori: sampah,", "kategori: api,"))
    assert [(one.where, one.line) for one in rules.warnings] == [
        ("kategori.sampah", place_of("sampah")[0]),
        ("aturan[3]", place_of("- {kategori: sampah")[0]),
    ]
    assert "aturan ke-2" in rules.warnings[1].text


def test_a_more_general_rule_after_a_special_one_is_no_warning(small: Rules) -> None:
    assert small.warnings == ()


@pytest.mark.parametrize("text", ["", "# kosong\n", "kota", "[]", "kota:\n", "a: 1\n", SMALL[:300], "\0"])
def test_an_empty_or_cut_file_is_refused(text: str) -> None:
    with pytest.raises(RulesError) as raised:
        load_rules(text)
    assert raised.value.problems


def test_a_vanished_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="tidak dapat dibaca"):
        load_rules(tmp_path / "routing_rules.yaml")


def test_a_file_saved_by_a_windows_editor_loads(tmp_path: Path, small: Rules) -> None:
    path = tmp_path / "routing_rules.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_rules(path) == small


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "routing_rules.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RulesError, match="UTF-8"):
        load_rules(path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_mutilated_file_is_refused_with_problems_or_loads_as_rules(data: st.DataObject) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 60)))
    junk = data.draw(st.sampled_from(["", "x", ":", "[", "{", "- ", "\n", "  ", "*a", "&a ", "!x ", "0", "'"]))
    rules = None
    try:
        rules = load_rules(text[:start] + junk + text[end:])
    except RulesError as error:
        told = error.problems
    else:
        told = rules.warnings
    assert rules or told
    assert all(one.line >= 1 and one.column >= 1 and one.text and one.remedy for one in told)


WORDS = st.sampled_from(["api", "damkar", "semua", "operator", "1", "", "tombol", "99.01.01", "ya", "07:00-09:00"])
TREES = st.recursive(
    WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=12
)


@settings(max_examples=150, deadline=None)
@given(section=st.sampled_from(list(Rules.model_fields.values())), tree=TREES)
def test_any_shape_in_any_section_is_refused_or_loads_and_nothing_else(section: object, tree: object) -> None:
    name = str(getattr(section, "alias", ""))
    kept = "".join(part for part in _sections(SMALL) if not part.startswith(f"{name}:"))
    told: Sequence[Problem] = ()
    try:
        rules = load_rules(f"{kept}{json.dumps(name)}: {json.dumps(tree)}\n")
    except RulesError as error:
        rules, told = None, error.problems
    assert bool(told) == (rules is None)


def _sections(text: str) -> list[str]:
    parts: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith(" "):
            parts[-1] += line
        else:
            parts.append(line)
    return parts


@pytest.mark.parametrize("account", ["trunk", "phone", "udp", "warga"])
def test_an_account_cannot_take_a_name_that_the_phones_configuration_has_already(account: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8").replace("akun: pln}", f"akun: {account}}}")
    with pytest.raises(RulesError, match="sudah ada artinya"):
        load_rules(text)


def test_a_category_of_one_letter_is_refused_because_a_dialplan_reads_it_differently() -> None:
    text = SHIPPED.read_text(encoding="utf-8").replace("  listrik:\n", "  s:\n").replace("listrik", "s")
    with pytest.raises(RulesError, match="sudah ada artinya"):
        load_rules(text)
