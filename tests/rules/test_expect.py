import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules import Rules, RulesError, load_rules, route
from ivr.rules.document import read
from ivr.rules.expect import Expectation, Outcome, examine, rung
from ivr.rules.expect_file import KEYS, Sheet, expectations, open_sheet
from ivr.rules.expect_words import in_sentences, outcomes_as_json, steps_in_words
from tests.rules.cities import AREAS, CATEGORIES, cities, moments
from tests.rules.conftest import SMALL

ROOT = Path(__file__).parents[2]
SHIPPED_SHEETS = [ROOT / "routing_rules.tests.yaml", *sorted((ROOT / "examples").glob("*.tests.yaml"))]


def outcomes(folder: Path, *rows: str) -> tuple[Rules, list[Outcome]]:
    """Rows of expectations for the small city, examined."""
    (folder / "kota.yaml").write_text(SMALL, encoding="utf-8")
    path = folder / "kota.tests.yaml"
    path.write_text("\n".join(["aturan: kota.yaml", "harapan:", *(f"  - {row}" for row in rows)]), encoding="utf-8")
    sheet = open_sheet(path)
    rules = load_rules(sheet.rules_file)
    return rules, examine(rules, expectations(sheet, rules))


def met(folder: Path, row: str) -> bool:
    return outcomes(folder, row)[1][0].failure is None


def told(folder: Path, *rows: str) -> list[str]:
    rules, found = outcomes(folder, *rows)
    return list(in_sentences(rules, Path("k.yaml"), found))


def problems(folder: Path, *rows: str) -> list[str]:
    """What is said of rows that cannot be used."""
    with pytest.raises(RulesError) as refused:
        outcomes(folder, *rows)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("path", SHIPPED_SHEETS, ids=lambda path: path.name)
def test_every_shipped_expectation_is_met(path: Path) -> None:
    sheet = open_sheet(path)
    rules = load_rules(sheet.rules_file)
    assert [outcome for outcome in examine(rules, expectations(sheet, rules)) if outcome.failure] == []


@given(cities(), st.sampled_from(CATEGORIES), st.sampled_from(AREAS), moments, st.integers(0, 2))
@settings(max_examples=40, deadline=None)
def test_the_plan_itself_is_always_as_expected_and_any_other_never(
    rules: Rules, category: str | None, area: str | None, at: datetime, left_out: int
) -> None:
    plan = route(rules, category, area, at)
    steps = rung(plan.steps)
    for rings in (steps[: len(steps) - left_out], (*steps, frozenset({"operator"})), steps[1:], steps[:-3]):
        expected = Expectation(1, category or "?", area, "", (rules.moment(at),), rings, frozenset(plan.told), "")
        same = rings in (steps, steps[:-1], steps[:-2])
        assert (examine(rules, [expected])[0].failure is None) == same


@pytest.mark.parametrize(
    ("row", "as_expected"),
    [
        ("{kategori: api, pada: senin 10:00, berdering: [pos_siang]}", True),
        ("{kategori: api, pada: senin 10:00, berdering: pos_siang}", True),
        ("{kategori: api, pada: senin 10:00, berdering: [pos_siang, operator]}", True),
        ("{kategori: api, pada: senin 10:00, berdering: [pos_siang, operator, siaga]}", True),
        ("{kategori: api, pada: senin 10:00, berdering: [pos_siang, siaga]}", False),
        ("{kategori: api, pada: senin 10:00, berdering: [operator, pos_siang]}", False),
        ("{kategori: api, pada: senin 10:00, berdering: [operator]}", False),
        ("{kategori: api, pada: senin 21:00, berdering: [pos_siang]}", False),
        ("{kategori: api, wilayah: Pesisir, pada: senin 10:00, berdering: [[siaga, pos_siang]]}", True),
        ("{kategori: api, wilayah: Pantai, pada: senin 10:00, berdering: [siaga, pos_siang]}", False),
        ("{kategori: api, wilayah: 99.01.02.1001, pada: 2026-12-25 10:00, berdering: [[siaga, pos_siang]]}", True),
        ("{kategori: sampah, wilayah: Utara, pada: minggu 10:00, berdering: [operator, pos_siang]}", True),
        ("{kategori: sampah, wilayah: Selatan, pada: minggu 10:00, berdering: [operator, siaga]}", True),
        ("{kategori: api, pada: setiap saat, berdering: [pos_siang]}", False),
        ("{kategori: api, pada: senin 10:00, berdering: [pos_siang], beri_tahu: []}", True),
        ("{kategori: api, pada: senin 10:00, berdering: [pos_siang], beri_tahu: kantor}", False),
    ],
)
def test_steps_are_compared_in_order_and_lines_of_one_step_as_a_set(
    tmp_path: Path, row: str, as_expected: bool
) -> None:
    assert met(tmp_path, row) == as_expected


def test_always_means_every_quarter_hour_of_an_ordinary_week(tmp_path: Path) -> None:
    _, found = outcomes(tmp_path, "{kategori: api, pada: setiap saat, berdering: [pos_siang]}")
    assert len(found[0].expectation.moments) == 7 * 24 * 4
    assert found[0].failed == 7 * 10 * 4


def test_a_row_that_is_not_met_says_where_what_and_why_in_one_line(tmp_path: Path) -> None:
    row = (
        "kategori: sampah, wilayah: Pasar, pada: senin 10:00, catatan: pagi, berdering: [kantor, [pos_siang, siaga]]"
    )
    assert told(tmp_path, f"{{{row}}}") == [
        "k.yaml:3: sampah, Pasar - Utara (99.01.01.1002), senin 10:00 (pagi): diharapkan kantor, [pos_siang, siaga]; "
        "yang berdering kantor, operator, pos_siang "
        "(aturan ke-3; pos_siang: piket pos, setiap hari 07:00-21:00, sejak Senin biasa pukul 07:00)",
        "1 harapan, 1 tidak terpenuhi",
    ]


def test_an_unexpected_line_is_explained_by_its_duty(tmp_path: Path) -> None:
    line = told(tmp_path, "{kategori: api, pada: senin 23:00, berdering: [pos_siang]}")[0]
    assert line.endswith(
        "yang berdering pos_malam (aturan ke-2; "
        "pos_malam: piket pos, setiap hari 21:00-07:00, sejak Senin biasa pukul 21:00)"
    )


def test_always_tells_the_first_moment_and_how_many(tmp_path: Path) -> None:
    line = told(tmp_path, "{kategori: api, pada: setiap saat, berdering: [pos_siang]}")[0]
    assert "setiap saat, gagal pada 280 dari 672 saat, pertama Senin biasa pukul 00:00: " in line


def test_who_is_told_is_a_difference_of_its_own(tmp_path: Path) -> None:
    line = told(tmp_path, "{kategori: api, pada: senin 10:00, berdering: [pos_siang], beri_tahu: [kantor]}")[0]
    assert "senin 10:00: diharapkan memberi tahu kantor; yang diberi tahu tidak seorang pun (aturan ke-2)" in line


def test_when_all_is_met_one_line_says_how_many(tmp_path: Path) -> None:
    row = "{kategori: api, pada: senin 10:00, berdering: [pos_siang]}"
    assert told(tmp_path, row, row) == ["2 harapan, semua terpenuhi"]


def test_steps_are_shown_as_they_are_written() -> None:
    assert steps_in_words((frozenset({"b", "a"}), frozenset({"operator"}))) == "[a, b], operator"


def test_failures_are_told_as_data(tmp_path: Path) -> None:
    rules, found = outcomes(tmp_path, "{kategori: api, pada: senin 10:00, berdering: [pos_malam]}")
    data = outcomes_as_json(rules, tmp_path / "kota.yaml", found)
    assert data["expectations"] == 1
    assert [(one["line"], one["expected"], one["rings"]) for one in data["failed"]] == [  # type: ignore[attr-defined]
        (3, [["pos_malam"]], [["pos_siang"], ["operator"], ["siaga"]])
    ]


GOOD = "kategori: api, pada: senin 10:00"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{kategori: apii, pada: senin 10:00, berdering: [siaga]}", "kolom 16: kategori `apii` tidak ada. Maksud"),
        ("{pada: senin 10:00, berdering: [siaga]}", "kolom 5: `kategori` belum ditulis. "),
        ("{kategori: api, berdering: [siaga]}", "kolom 5: `pada` belum ditulis. "),
        (f"{{{GOOD}}}", "kolom 5: `berdering` belum ditulis. "),
        (f"{{{GOOD}, berdering: []}}", "kolom 51: `berdering` masih kosong. "),
        (f"{{{GOOD}, berdering: [[]]}}", "kolom 52: `berdering` masih kosong. "),
        (f"{{{GOOD}, berdering: {{a: b}}}}", "kolom 51: `berdering` harus berupa daftar. "),
        (f"{{{GOOD}, berdering: [[[siaga]]]}}", "kolom 53: `berdering` harus berupa satu teks, bukan daftar. "),
        (f"{{{GOOD}, berdering: [siagaa]}}", "kolom 52: jalur `siagaa` tidak ada. Maksud Anda `siaga`?"),
        (f"{{{GOOD}, berdering: [damkar]}}", "`damkar` instansi, bukan jalur. Tulis jalurnya: pos_siang, pos_malam."),
        (f"{{{GOOD}, berdering: [[operator, siaga]]}}", "`operator` tidak dapat digabung"),
        (f"{{{GOOD}, berdering: [siaga], beri_tahu: [operator]}}", "operator tidak pernah diberi tahu. "),
        (f"{{{GOOD}, berdering: [siaga], beritahu: [siaga]}}", "kunci `beritahu` tidak dikenal di sini. Maksud"),
        (f"{{{GOOD}, berdering: [siaga], wilayah: Pasa}}", "wilayah `Pasa` tidak ada. Maksud Anda `Pasar`?"),
        (f"{{{GOOD}, berdering: [siaga], catatan: [a]}}", "`catatan` harus berupa satu teks, bukan daftar. "),
        ("{kategori: api, pada: besok, berdering: [siaga]}", "kolom 27: `besok` bukan waktu. Tulis misalnya "),
        ("{kategori: api, pada: '', berdering: [siaga]}", "kolom 27: `pada` masih kosong. "),
        ("teks", "kolom 5: isi `harapan` harus berupa susunan `kunci: nilai`. "),
    ],
)  # fmt: skip
def test_a_wrong_row_is_told_with_its_place(tmp_path: Path, row: str, problem: str) -> None:
    found = problems(tmp_path, row)
    assert found[0].startswith("baris 3, kolom ")
    assert problem in found[0]
    assert len(found) == 1


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "{kategori: x, pada: y, berdering: [z]}", f"{{{GOOD}, berdering: [siaga], a: b}}")
    assert [line.partition(":")[0] for line in found] == [
        "baris 3, kolom 16",
        "baris 3, kolom 25",
        "baris 3, kolom 40",
        "baris 4, kolom 60",
    ]


def test_an_unclear_place_is_told_with_what_it_may_be(tmp_path: Path) -> None:
    rules = load_rules(ROOT / "examples" / "ambon.yaml")
    path = tmp_path / "ambon.tests.yaml"
    path.write_text(
        "aturan: x\nharapan:\n  - {kategori: medis, wilayah: Urimessing, pada: senin 10:00, berdering: pln}"
    )
    with pytest.raises(RulesError, match=r"81\.71\.01\.1011 \(Kelurahan Urimessing - Nusaniwe\), 81\.71\.01\.2005"):
        expectations(open_sheet(path), rules)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "`aturan` belum ditulis"),
        ("- aturan", "`aturan` belum ditulis"),
        ("harapan: []", "`aturan` belum ditulis"),
        ("aturan: [a]", "`aturan` belum ditulis"),
        ("aturan: a\naturan: b", "`aturan` ditulis dua kali"),
        ("aturan: &a b", "rujukan YAML"),
        ("aturan: [", "tidak terbaca sebagai YAML"),
    ],
)
def test_a_file_that_names_no_rules_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "x.tests.yaml"
    path.write_text(text)
    with pytest.raises(RulesError) as refused:
        open_sheet(path)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("aturan: a", "`harapan` belum ditulis"),
        ("aturan: a\nharapan: []", "`harapan` masih kosong. Tulis paling sedikit satu harapan."),
        ("aturan: a\nharapan: {a: b}", "`harapan` harus berupa daftar"),
        ("aturan: a\nharapn: []", "kunci `harapn` tidak dikenal di sini. Maksud Anda `harapan`?"),
    ],
)
def test_a_file_without_rows_is_refused(small: Rules, tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "x.tests.yaml"
    path.write_text(text)
    with pytest.raises(RulesError) as refused:
        expectations(open_sheet(path), small)
    assert problem in str(refused.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.tests.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RulesError):
        open_sheet(path)


WORDS = st.sampled_from(
    ("", "api", "senin 10:00", "setiap saat", "siaga", "operator", "Utara", "damkar", "?", "\u0000")
)
TREES = st.recursive(WORDS, lambda below: st.lists(below, max_size=3) | st.dictionaries(WORDS, below, max_size=3))
ROWS = st.dictionaries(st.sampled_from((*KEYS, "lain")), TREES)


@given(TREES | st.lists(ROWS | TREES, max_size=4))
@settings(max_examples=100, deadline=None)
def test_whatever_stands_there_gives_rows_or_problems_and_nothing_else(small: Rules, harapan: object) -> None:
    sheet = Sheet(read(json.dumps({"aturan": "a", "harapan": harapan})), Path("a"))
    with suppress(RulesError):
        found = expectations(sheet, small)
        assert found
        assert all(one.moments and one.rings for one in found)
