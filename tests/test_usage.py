import re
from collections.abc import Callable
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from ivr.cli import app
from ivr.messages import say
from ivr.usage import _FRAMES, _REASONS, Commands
from tests.test_cli import commands

RUN = CliRunner()


def wrong(*words: str, code: int = 2) -> list[str]:
    """The lines on stderr, where nothing goes to stdout."""
    done = RUN.invoke(app, words, prog_name="ivr")
    assert (done.exit_code, done.stdout) == (code, ""), done.output
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("words", "sentence"),
    {
        "calls --limt 3": "Opsi --limt tidak dikenal. Mungkin maksudnya: --limit",
        "calls --xyzzy": "Opsi --xyzzy tidak dikenal.",
        "--xyzzy": "Opsi --xyzzy tidak dikenal.",
        "cals": "Perintah cals tidak dikenal. Mungkin maksudnya: calls",
        "rules xyzzy": "Perintah xyzzy tidak dikenal.",
        "calls show": "ID belum disebut.",
        "calls show one two": "Terlalu banyak isian: two tidak dipakai di sini.",
        "calls --limit lima": "Nilai untuk --limit tidak dapat dipakai: harus bilangan bulat.",
        "calls --limit 0": "Nilai untuk --limit tidak dapat dipakai: paling kecil 1.",
        "calls --outcome x": "Nilai untuk --outcome tidak dapat dipakai: pilihannya open, answered, abandoned.",
        "rules coverage --days 900": "Nilai untuk --days tidak dapat dipakai: paling besar 366.",
        "restore /nothing.gz": "Nilai untuk FILE tidak dapat dipakai: berkas /nothing.gz tidak ada.",
        "restore /": "Nilai untuk FILE tidak dapat dipakai: / adalah folder, bukan berkas.",
    }.items(),
)
def test_wrong_use_is_said_in_indonesian_with_the_usage_and_where_help_is(words: str, sentence: str) -> None:
    first, usage, help_line = wrong(*words.split())
    assert first == sentence
    assert usage.startswith("Pemakaian: ivr ")
    assert help_line.startswith("Keterangan: ivr ")
    assert help_line.endswith(" --help")


@pytest.mark.parametrize(
    ("words", "sentence"),
    {
        "rules coverage --days": "Opsi --days membutuhkan nilai.",
        "rules coverage --json=3": "Opsi --json tidak memakai nilai.",
    }.items(),
)
def test_help_of_the_right_command_is_named_also_where_click_forgot_which_one_it_was(
    words: str, sentence: str
) -> None:
    assert wrong(*words.split()) == [sentence, "Keterangan: ivr rules coverage --help"]


def test_our_own_sentence_about_a_value_stays_as_it_is() -> None:
    assert wrong("calls", "--since", "x")[0] == say("calls.bad_time", text="x")


def test_no_command_answers_wrong_use_in_english() -> None:
    for words in commands(typer.main.get_command(app)):
        first, *_ = wrong(*words, "--x-y-z", code=3 if words == ("doctor",) else 2)
        assert first.startswith("Opsi --x-y-z tidak dikenal.")


def little(command: Callable[..., None]) -> typer.Typer:
    made = typer.Typer(cls=Commands)
    made.callback()(lambda: None)
    made.command("go")(command)
    return made


def test_an_option_that_must_be_given_is_named() -> None:
    def go(folder: Annotated[str, typer.Option()]) -> None:
        raise AssertionError

    assert RUN.invoke(little(go), ["go"]).stderr.startswith("Opsi --folder harus diisi.")


@pytest.mark.parametrize("key", [*_FRAMES, *_REASONS])
def test_everything_that_is_recognised_has_its_words(key: str) -> None:
    values = re.findall(r"\?P<(\w+)>", {**_FRAMES, **_REASONS}[key])
    assert say(f"cli.{key}", **dict.fromkeys(values, "x"))


def test_exit_codes_stay_and_an_interrupted_command_is_quiet() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    def refused() -> None:
        raise typer.Exit(1)

    def given_up() -> None:
        raise typer.Abort

    done = RUN.invoke(little(interrupted), ["go"])
    assert (done.exit_code, done.output) == (130, "")
    assert RUN.invoke(little(refused), ["go"]).exit_code == 1
    done = RUN.invoke(little(given_up), ["go"])
    assert (done.exit_code, done.stderr) == (1, "Dibatalkan.\n")
    assert RUN.invoke(little(lambda: None), ["go"]).exit_code == 0


def test_completion_still_completes() -> None:
    words = {"_IVR_COMPLETE": "complete_bash", "COMP_WORDS": "ivr cal", "COMP_CWORD": "1"}
    done = RUN.invoke(app, [], prog_name="ivr", env=words)
    assert (done.exit_code, done.stdout) == (0, "calls\n")
