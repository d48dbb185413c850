from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ivr.messages import say
from ivr.rules import Rules, load_rules
from ivr.rules.files_cli import add_commands
from ivr.rules.new import (
    AGENCIES,
    MOST_KEYS,
    BadAnswer,
    file_text,
    interview,
    known_city,
    quoted,
    read_areas,
    read_name,
    read_phone,
    write_new,
    zone_of,
)
from tests.rules.conftest import SHIPPED, out_of_sight
from tests.rules.test_schema import FILES, complaints

RUN = CliRunner()
SCREEN = 50  # lines
FIRST = ["Kota Baru", "33.74", "", "Utara, Tengah, Selatan", "0536-3221113", "", "110", "", "siaga_1", "3"]


@pytest.fixture
def app(tmp_path: Path) -> typer.Typer:
    app = typer.Typer()
    add_commands(app, lambda: tmp_path / "routing_rules.yaml")
    return app


def answered(*lines: str, code: str = "") -> Rules:
    """The rules of an interview with these answers; the file must also be good for an editor."""
    left: Iterator[str] = iter(lines)
    answers = interview(lambda _: next(left), lambda asked: load_rules(SHIPPED) if asked == code else None, None)
    assert list(left) == []
    text = file_text(answers, "docs/routing_rules.schema.json")
    assert complaints(text) == []
    return load_rules(text)


def test_the_answers_become_a_file_of_one_screen_without_a_warning(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "kota.yaml"
    done = RUN.invoke(app, ["new", str(file)], input="\n".join(FIRST) + "\n")
    assert (done.exit_code, done.stderr) == (0, "")
    rules = load_rules(file)
    assert rules.warnings == ()
    assert (rules.city.name, rules.city.zone) == ("Kota Baru", "Asia/Jakarta")
    assert [(area.code, area.key, area.name) for area in rules.areas][-1] == ("33.74.03", "3", "Selatan")
    assert [rules.line(id_).phone for id_ in AGENCIES] == ["05363221113", None, "110", None]
    assert rules.line("siaga").account == "siaga_1"
    assert rules.operators.accounts == ("operator1", "operator2", "operator3")
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= SCREEN
    assert max(map(len, text.splitlines())) <= 120
    schema = text.split("\n", 1)[0].rpartition("=")[2]
    assert (tmp_path / schema).resolve().name == "routing_rules.schema.json"
    assert say("new.check_codes") in done.output
    assert "KODE" in text


def test_a_file_that_is_there_is_never_overwritten(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "routing_rules.yaml"
    file.write_text("milik admin", encoding="utf-8")
    done = RUN.invoke(app, ["new"], input="\n".join(FIRST) + "\n")
    assert done.exit_code == 1
    assert done.stderr.strip() == say("new.exists", path=file)
    with pytest.raises(FileExistsError):
        write_new(file, "lain")
    assert file.read_text(encoding="utf-8") == "milik admin"


@pytest.mark.parametrize("count", range(len(FIRST)))
def test_whoever_stops_in_between_leaves_nothing(app: typer.Typer, tmp_path: Path, count: int) -> None:
    done = RUN.invoke(app, ["new"], input="".join(f"{line}\n" for line in FIRST[:count]))
    assert done.exit_code == 1
    assert say("new.cancelled") in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_answer_is_said_at_once_and_ends_it_without_a_terminal(app: typer.Typer, tmp_path: Path) -> None:
    done = RUN.invoke(app, ["new"], input="Kota\n9999\n33.74\n")
    assert done.exit_code == 1
    assert say("new.bad_code", given="9999") in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said_before_any_question(app: typer.Typer, tmp_path: Path) -> None:
    done = RUN.invoke(app, ["new", str(tmp_path / "tidak" / "ada.yaml")], input="")
    assert done.exit_code == 1
    assert "Nama kota" not in done.output


def test_what_cannot_be_written_is_said_before_any_question(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    reasons = {
        tmp_path / ("x" * 300): "File name too long",
        tmp_path / "loop" / "kota.yaml": "Too many levels of symbolic links",
        tmp_path / "file" / "kota.yaml": "Not a directory",
        tmp_path / "tidak" / "kota.yaml": "No such file or directory",
    }
    for path, reason in reasons.items():
        assert refused(app, path) == say("new.unwritable", path=path, reason=reason)


def test_a_folder_that_may_not_be_looked_into_is_said_before_any_question(app: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "milik_orang" / "kota.yaml"
    path.parent.mkdir()
    with out_of_sight(path.parent):
        assert refused(app, path) == say("new.unwritable", path=path, reason="Permission denied")


def refused(app: typer.Typer, path: Path) -> str:
    """Why no file is written there."""
    done = RUN.invoke(app, ["new", str(path)], input="")
    assert (done.exit_code, done.stdout) == (1, "")
    return done.stderr.strip()


def test_on_a_terminal_a_wrong_answer_is_asked_again() -> None:
    lines = iter(["Kota", "kode", "33.74", "timur", "wib", "Utara,", "Utara, Selatan", *[""] * 5, "100", "1"])
    said: list[str] = []
    answers = interview(lambda _: next(lines), lambda _: None, said.append)
    assert [area.name for area in answers.areas] == ["Utara", "Selatan"]
    assert len(said) == 4


def test_kecamatan_that_are_known_are_offered() -> None:
    shipped = load_rules(SHIPPED)
    code = shipped.city.code
    rules = answered("Kota", code, "", "", *[""] * 6, code=code)
    assert [(area.code, area.key, area.name) for area in rules.areas] == [
        (area.code, area.key, area.name) for area in shipped.areas
    ]
    assert [area.name for area in answered("Kota", code, "", "tidak", "Satu", *[""] * 6, code=code).areas] == ["Satu"]


@pytest.mark.parametrize("code", ["62.71", "74.71", "81.71"])
def test_the_three_cities_are_known(app: typer.Typer, tmp_path: Path, code: str) -> None:
    done = RUN.invoke(app, ["new"], input=f"Kota\n{code}\n" + "\n" * 8)
    assert done.exit_code == 0, done.output
    rules, known = load_rules(tmp_path / "routing_rules.yaml"), known_city(code, FILES)
    assert known
    assert {area.code: area.name for area in rules.areas} == {area.code: area.name for area in known.areas}
    assert rules.groups == known.groups
    assert rules.city.zone == known.city.zone


def test_files_that_cannot_be_read_are_no_known_city(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("kode: 33.74", encoding="utf-8")
    (tmp_path / "binary.yaml").write_bytes(b"\xff33.74")
    assert known_city("33.74", [*sorted(tmp_path.iterdir()), tmp_path / "nowhere.yaml", *FILES]) is None


@pytest.mark.parametrize(
    ("code", "zone"),
    [("11.71", "Asia/Jakarta"), ("36.71", "Asia/Jakarta"), ("61.71", "Asia/Pontianak"), ("62.71", "Asia/Pontianak"),
     ("51.71", "Asia/Makassar"), ("63.71", "Asia/Makassar"), ("74.71", "Asia/Makassar"), ("81.71", "Asia/Jayapura"),
     ("94.71", "Asia/Jayapura")],
)  # fmt: skip
def test_the_zone_follows_from_the_province(code: str, zone: str) -> None:
    assert zone_of(code) == zone


@pytest.mark.parametrize(
    "text", ["", "112", "abc def", "operator1", "semua", "damkar", "0536-3221113/14", "sip:a b@c"]
)
def test_a_phone_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(BadAnswer, match=r"\."):
        read_phone(text, {"akun: damkar"})


def test_names_that_repeat_are_refused() -> None:
    with pytest.raises(BadAnswer):
        read_areas("Utara, Selatan, UTARA")


LETTERS = st.characters(categories=["L", "M", "N", "P", "S"]) | st.sampled_from(" ,:#'\"{}[]-")
NAMES = st.sampled_from(["Null", "TRUE", "7.5", "ya", "- a", "a  b"]) | st.text(LETTERS, min_size=1, max_size=12).map(
    lambda text: text.strip() or "Utara"
)
PHONES = st.sampled_from(
    ["", "0536-3221113", "(0536) 3221 113", "+62 812-3456-7890", "110", "sip:piket@contoh.go.id"]
)


@settings(max_examples=60, deadline=None)
@given(
    NAMES,
    st.integers(11, 97).map(lambda province: f"{province}.71"),
    st.sampled_from(["", "WIB", "wita", "WIT"]),
    st.lists(NAMES, min_size=1, max_size=25, unique=True).map(", ".join),
    st.lists(PHONES, min_size=5, max_size=5),
    st.integers(1, 99),
)
def test_whatever_is_answered_the_file_can_be_used(
    city: str, code: str, zone: str, areas: str, phones: list[str], operators: int
) -> None:
    try:
        names = read_areas(areas)
    except BadAnswer:
        return
    rules = answered(city, code, zone, areas, *phones, str(operators))
    assert rules.city.name == read_name(city)
    assert [area.name for area in rules.areas] == names
    assert bool(rules.groups) == (len(names) > MOST_KEYS)
    assert len(rules.operators.accounts) == operators


@given(NAMES)
def test_a_quoted_text_stays_the_same_inside_braces(text: str) -> None:
    assert yaml.load(f"{{a: {quoted(text)}, b: c}}", yaml.BaseLoader) == {"a": text, "b": "c"}  # noqa: S506
