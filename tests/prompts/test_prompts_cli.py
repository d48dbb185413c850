import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ivr.prompts.catalogue import PromptError, PromptSources
from ivr.prompts.cli import INTERRUPTED, commands

RUN = CliRunner()


def test_build_then_check_is_well_and_a_lost_file_is_not(sources: PromptSources) -> None:
    app = commands(lambda: sources)
    assert RUN.invoke(app, ["check"]).exit_code == 1
    built = RUN.invoke(app, ["build"])
    assert (built.exit_code, "24 dibuat" in built.stdout) == (0, True)
    checked = RUN.invoke(app, ["check"])
    assert (checked.exit_code, "Semua 24 rekaman siap" in checked.stdout) == (0, True)
    (sources.built_folder / "greeting.wav").unlink()
    checked = RUN.invoke(app, ["check", "--json"])
    assert checked.exit_code == 1
    found = {row["id"]: row["state"] for row in json.loads(checked.stdout)}
    assert (found["greeting"], found["again"]) == ("missing", "synthetic")
    built = RUN.invoke(app, ["build", "--json"])
    assert json.loads(built.stdout)["built"] == ["greeting"]


def test_every_prompt_is_listed_with_its_text(built: PromptSources) -> None:
    listed = RUN.invoke(commands(lambda: built), ["check", "--all"], env={"COLUMNS": "200"}).stdout
    assert "option-kebakaran" in listed
    assert "Kebakaran, satu." in listed


def test_a_refused_studio_file_shows_in_the_exit_code(built: PromptSources) -> None:
    (built.studio_folder / "greeting.wav").write_bytes(b"mp3 in disguise")
    result = RUN.invoke(commands(lambda: built), ["build"])
    assert result.exit_code == 1
    assert "greeting.wav" in result.stderr


@pytest.mark.parametrize("command", ["build", "check"])
def test_sources_that_cannot_be_loaded_are_told_in_a_sentence(command: str) -> None:
    def load() -> PromptSources:
        raise PromptError("Aturan rusak.")

    result = RUN.invoke(commands(load), [command])
    assert (result.exit_code, result.stderr) == (1, "Aturan rusak.\n")


PROGRAM = """
import sys, time
from pathlib import Path
from ivr.prompts import render
from ivr.prompts.catalogue import PromptSources, Subjects
from ivr.prompts.cli import commands
folder = Path(sys.argv[1])
def load():
    return PromptSources(folder / "prompts.yaml", folder / "studio", folder / "built", Subjects())
def slow(*_):
    print("rendering", flush=True)
    time.sleep(60)
    yield
render.render = slow
commands(load)(["build", "--json"])
"""


def test_ctrl_c_ends_the_build_in_peace(sources: PromptSources) -> None:
    folder = sources.catalogue_file.parent
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as program:
        assert program.stdout
        assert program.stderr
        assert program.stdout.readline() == "rendering\n"
        os.kill(program.pid, signal.SIGINT)
        assert program.wait(timeout=10) == INTERRUPTED
        assert "Dihentikan" in program.stderr.read()
    assert (sources.built_folder / "ringback.wav").exists()
    assert (sources.built_folder / "manifest.json").exists()
