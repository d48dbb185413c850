import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from bench import fuzz
from bench.mutations import mutated
from ivr.rules import Rules, RulesError, load, load_rules


def run(*words: str) -> Any:
    app = Typer()
    app.command()(fuzz.main)
    return CliRunner().invoke(app, words)


@pytest.mark.thorough
def test_two_thousand_broken_files_are_refused_with_reasons_or_sound() -> None:
    report, whole = fuzz.fuzz(seed=2026, files=2000, processes=2)
    assert report.faults == []
    assert whole
    assert (report.files, report.accepted + report.refused) == (2000, 2000)
    assert min(report.accepted, report.refused) > 200
    assert len(report.kinds) > 40


def test_the_same_seed_breaks_the_files_in_the_same_way() -> None:
    bases = fuzz.texts()
    one, again, other = (mutated(Random(f"{seed}:7"), bases) for seed in (1, 1, 2))
    assert one == again
    assert one != other


@pytest.mark.thorough
@pytest.mark.parametrize("blind", ["check_references", "check_clashes"])
def test_the_judge_sees_what_a_loader_without_one_of_its_checks_lets_through(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, blind: str
) -> None:
    monkeypatch.setattr(load, blind, lambda data: ())
    assert fuzz.fuzzed(5, range(300), tmp_path).faults


def test_the_judge_sees_a_wrong_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Rules, "rule_for", lambda *_: None)
    assert any("and not" in fault for fault in fuzz.fuzzed(5, range(60), tmp_path).faults)


def test_a_refused_file_changes_nothing_in_force_and_a_good_one_takes_its_place(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    good = fuzz.LastGood(load_rules(fuzz.texts()[0]))
    file.write_text("kota: [", encoding="utf-8")
    with pytest.raises(RulesError):
        good.offer(file)
    assert good.unchanged
    file.write_text(fuzz.texts()[3], encoding="utf-8")
    assert good.offer(file).city.name == "Kota Contoh"
    assert good.unchanged


def test_the_report_is_json_when_asked_for_and_a_single_file_can_be_shown() -> None:
    told = run("--files", "20", "--processes", "1", "--seed", "3", "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout)["files"] == 20
    assert run("--show", "7", "--seed", "3").stdout_bytes == mutated(Random("3:7"), fuzz.texts())[0]


def test_the_report_names_the_slowest_files() -> None:
    told = run("--files", "20", "--processes", "1")
    assert "accepted and sound" in told.stdout
    assert "slowest: " in told.stdout
