import json
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from bench.fuzz import rules, runner
from bench.fuzz.__main__ import main
from bench.fuzz.ami import Stream
from bench.fuzz.cel import Rows
from bench.fuzz.mutations import mutated
from bench.fuzz.parser import Parser, Verdict
from bench.fuzz.parsers import PARSERS
from bench.fuzz.rules import LastGood, RulesFile
from ivr.asterisk import ami_model
from ivr.calls import celfile
from ivr.rules import Rules, RulesError, load, load_rules

pytestmark = pytest.mark.thorough  # hundreds of hostile inputs for every parser

SECONDS = 2.0  # for a sample of one parser, at most


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    """Warnings of hostile answers hold what no report of a test can carry."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def run(*words: str) -> Any:
    app = Typer()
    app.command()(main)
    return CliRunner().invoke(app, words)


def faults(parser: Any, numbers: range, seed: int = 5) -> list[str]:
    return [f for number in numbers for f in runner.judged(parser, runner.case(parser, seed, number)).faults]


@pytest.mark.parametrize("name", sorted(set(PARSERS) - {"rules"}))
def test_a_sample_of_hostile_input_finds_no_fault(name: str) -> None:
    report = runner.part(name, 2026, range(300), None)
    assert report.faults == []
    assert report.cases == 300
    assert len(report.kinds) > 1


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(set(PARSERS) - {"rules"}))
def test_two_thousand_hostile_inputs_find_no_fault(name: str) -> None:
    report, whole = runner.run(name, 2027, 2000, 2, None, lambda *_: None)
    assert (report.faults, report.cases, whole) == ([], 2000, True)


@pytest.mark.thorough
def test_two_thousand_broken_files_are_refused_with_reasons_or_sound() -> None:
    report, whole = runner.run("rules", 2026, 2000, 2, None, lambda *_: None)
    assert report.faults == []
    assert whole
    assert report.kinds["accepted"] + report.kinds["refused"] == report.cases == 2000
    assert min(report.kinds["accepted"], report.kinds["refused"]) > 200
    assert len(report.kinds) > 40


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_the_same_seed_and_number_make_the_same_case(name: str, tmp_path: Path) -> None:
    with closing(PARSERS[name](tmp_path)) as parser:
        assert runner.case(parser, 1, 7) == runner.case(parser, 1, 7)
        assert runner.case(parser, 1, 7) != runner.case(parser, 2, 7)


# -- the judges see what is wrong


@pytest.mark.thorough
@pytest.mark.parametrize("blind", ["check_references", "check_clashes"])
def test_the_judge_sees_what_a_loader_without_one_of_its_checks_lets_through(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, blind: str
) -> None:
    monkeypatch.setattr(load, blind, lambda data: ())
    assert faults(RulesFile(tmp_path), range(300))


def test_the_judge_sees_a_wrong_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Rules, "rule_for", lambda *_: None)
    assert any("and not" in fault for fault in faults(RulesFile(tmp_path), range(60)))


def test_the_judge_sees_a_reader_that_loses_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(celfile, "_row_at", lambda data, start: None)
    assert any("lost" in fault for fault in faults(Rows(tmp_path), range(20)))


def test_the_judge_sees_a_caller_who_frames_messages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ami_model, "FRAME", set())
    with closing(Stream(tmp_path)) as parser:
        assert faults(parser, range(200))


def test_a_parser_that_raises_or_hangs_is_at_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Parser):
        def make(self, random: Random) -> bytes:
            return random.randbytes(1)

        def check(self, content: bytes) -> Verdict:
            while content[0] % 2:
                pass
            raise LookupError("lost")

    monkeypatch.setattr(runner, "HUNG", 0.05)
    assert runner.judged(Broken(), b"\0").faults == ("LookupError: lost",)
    assert runner.judged(Broken(), b"\1").faults == ("HangsError: no end after 0.05 s",)


# -- the rules in force


def test_a_refused_file_changes_nothing_in_force_and_a_good_one_takes_its_place(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    good = LastGood(load_rules(rules.texts()[0]))
    file.write_text("kota: [", encoding="utf-8")
    with pytest.raises(RulesError):
        good.offer(file)
    assert good.unchanged
    file.write_text(rules.texts()[3], encoding="utf-8")
    assert good.offer(file).city.name == "Kota Contoh"
    assert good.unchanged


# -- the command


def test_the_report_is_json_when_asked_for_and_a_single_case_can_be_shown(tmp_path: Path) -> None:
    told = run("rules", "--cases", "20", "--processes", "1", "--seed", "3", "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout)["parsers"][0]["cases"] == 20
    assert run("rules", "--show", "7", "--seed", "3").stdout_bytes == mutated(Random("3:7"), rules.texts())[0]


def test_the_report_names_the_slowest_cases_and_the_ways_out() -> None:
    told = run("recording", "--cases", "50", "--processes", "1")
    assert "slowest: " in told.stdout
    assert "format" in told.stdout


def test_a_fault_ends_with_one_and_its_case_is_kept_and_judged_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(celfile, "_row_at", lambda data, start: None)
    told = run("cel", "--cases", "20", "--processes", "1", "--seed", "5", "--faults", str(tmp_path))
    assert told.exit_code == 1
    kept = sorted(tmp_path.iterdir())
    assert kept[0].name.startswith("cel-5-")
    assert run("cel", "--replay", str(kept[0])).exit_code == 1
    monkeypatch.undo()
    assert run("cel", "--replay", str(kept[0])).exit_code == 0


def test_an_unknown_parser_is_refused() -> None:
    told = run("nonsense")
    assert told.exit_code == 2
    assert run("--show", "1").exit_code == 2
