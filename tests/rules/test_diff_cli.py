"""`ivr rules diff`: its exit codes, and files that cannot be compared."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ivr.rules.files_cli import add_commands
from tests.rules.conftest import SMALL, out_of_sight

RUN = CliRunner()


@pytest.fixture
def app(tmp_path: Path) -> typer.Typer:
    """The command in a folder with the city's file; the history holds the same as `abc123`."""
    (tmp_path / "rules.yaml").write_text(SMALL, encoding="utf-8")
    app = typer.Typer()
    texts = {None: SMALL, "abc": SMALL}
    add_commands(app, lambda: tmp_path / "rules.yaml", texts.get)
    return app


def test_as_diff_it_ends_with_0_when_nothing_changes_and_1_when_something_does(
    app: typer.Typer, tmp_path: Path
) -> None:
    assert RUN.invoke(app, ["diff"]).exit_code == 0
    assert RUN.invoke(app, ["diff", "abc"]).exit_code == 0
    other = tmp_path / "other.yaml"
    other.write_text(SMALL.replace("op_2", "op_3"), encoding="utf-8")
    done = RUN.invoke(app, ["diff", "abc", str(other)])
    assert (done.exit_code, "op_3" in done.output) == (1, True)
    assert RUN.invoke(app, ["diff", str(other), str(other)]).exit_code == 0


def test_what_cannot_be_compared_is_said_with_exit_code_2(app: typer.Typer, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("kota: 1", encoding="utf-8")
    for arguments in (["unknown"], ["abc", str(broken)], ["abc", str(tmp_path / "nowhere.yaml")]):
        done = RUN.invoke(app, ["diff", *arguments])
        assert (done.exit_code, bool(done.stderr)) == (2, True)


def test_files_that_may_not_even_be_looked_at_cannot_be_compared(app: typer.Typer, tmp_path: Path) -> None:
    folder = tmp_path / "milik_orang"
    folder.mkdir()
    file = folder / "rules.yaml"
    file.write_text(SMALL, encoding="utf-8")
    RUN.invoke(app, ["diff", "abc"])
    with out_of_sight(folder):
        done = [RUN.invoke(app, ["diff", *words]) for words in ([str(file)], [str(file), str(file)])]
    for one in done:
        assert (one.exit_code, one.stdout) == (2, "")
        assert "tidak dapat dibaca (Permission denied)" in one.stderr


@pytest.mark.parametrize("more", [[], ["other.yaml"]])
def test_a_name_longer_than_any_file_has_cannot_be_compared(app: typer.Typer, more: list[str]) -> None:
    done = RUN.invoke(app, ["diff", "x" * 300, *more])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "tidak dapat dibaca (File name too long)" in done.stderr


def test_a_path_below_a_file_is_no_file(app: typer.Typer, tmp_path: Path) -> None:
    done = RUN.invoke(app, ["diff", str(tmp_path / "rules.yaml" / "x")])
    assert (done.exit_code, "Tidak ada berkas" in done.stderr) == (2, True)


def test_json_holds_ids_days_and_both_sides(app: typer.Typer, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(SMALL.replace("langkah: [[damkar, bpbd]]", "langkah: [bpbd]"), encoding="utf-8")
    found = json.loads(RUN.invoke(app, ["diff", "abc", str(other), "--json"]).output)
    assert not found["same"]
    route = found["routes"][0]
    assert (route["categories"], route["areas"]) == (["api"], ["99.01.02.1001"])
    assert route["week"]["senin"]
    assert route["after"]["steps"] == [{"kind": "lines", "lines": ["siaga"], "agency": "bpbd", "seconds": 30}]
