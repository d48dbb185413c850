import json
import os
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from ivr.controller.script import CityScript
from ivr.heartbeat import job
from ivr.heartbeat.cli import command, sentences
from ivr.heartbeat.last import Last, write_last
from ivr.heartbeat.result import Outcome
from ivr.heartbeat.result import Result as Heard
from ivr.owner import owner_of
from ivr.rules import load_rules
from tests.calls.story import at
from tests.city import SYSTEM_TEST, settings_in

PONTIANAK = ZoneInfo("Asia/Pontianak")


def run(folder: Path, *words: str) -> Result:
    chosen = settings_in(folder)
    return CliRunner().invoke(command(lambda: chosen, lambda _: load_rules(SYSTEM_TEST), CityScript), words)


def heard(outcome: str) -> Heard:
    return Heard("token", at(300), outcome, 4.6)


@pytest.mark.parametrize(("outcome", "code"), [("ok", 0), ("lifeline", 1), ("not_started", 3), ("of_tomorrow", 1)])
def test_the_exit_code_says_whether_all_is_well(outcome: str, code: int, tmp_path: Path) -> None:
    write_last(tmp_path / "state" / "health", heard(outcome))
    assert run(tmp_path, "--last").exit_code == code
    result = run(tmp_path, "--last", "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout)["result"]["outcome"] == outcome


def test_before_the_first_test_call_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    result = run(tmp_path, "--last")
    assert (result.exit_code, result.stdout) == (1, "Belum ada panggilan uji coba.\n")


def test_a_server_that_does_not_run_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "TAKEN_WITHIN", 0.1)
    (tmp_path / "state" / "asterisk" / "spool" / "outgoing").mkdir(parents=True)
    result = run(tmp_path)
    assert result.exit_code == 3
    assert "ivr up" in result.stdout


def test_another_user_is_told_whom_to_be_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    for words in ((), ("--last",)):
        result = run(tmp_path, *words)
        assert result.exit_code == 2
        assert f"sudo -u {owner_of(tmp_path)} ivr heartbeat" in result.stderr
    assert list((tmp_path / "state").iterdir()) == []


def test_without_an_installation_none_is_begun(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 3
    assert "IVR_STATE" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("outcome", [*Outcome, "of_tomorrow"])
def test_every_outcome_has_its_sentence_in_the_citys_time(outcome: str) -> None:
    told = sentences(Last(None, heard(outcome)), PONTIANAK)
    assert told[0] == "Panggilan uji coba 2026-11-22 08:05:00 WIB"
    assert re.search(r"4,6 dtk|ivr up", told[1])


def test_a_bad_one_says_when_it_was_last_good() -> None:
    assert sentences(Last(at(0), heard("no_key")), PONTIANAK)[2] == "Terakhir baik: 2026-11-22 08:00:00 WIB"
    assert "Belum pernah" in sentences(Last(None, heard("no_key")), PONTIANAK)[2]
    assert len(sentences(Last(at(300), heard("ok")), PONTIANAK)) == 2
