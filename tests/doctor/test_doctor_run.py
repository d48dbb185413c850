import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.deadline import TooLate, within
from ivr.doctor.checks import CHECKS, RULES, Check
from ivr.doctor.context import Context, gather
from ivr.doctor.model import Finding, Level, exit_code, ok, some
from ivr.doctor.run import examine, run
from tests.doctor.installation import NOW, context, fake_proc, settings


def test_what_hangs_is_left_behind_in_time() -> None:
    door = threading.Event()
    began = time.monotonic()
    with pytest.raises(TooLate):
        within(0.05, door.wait)
    assert time.monotonic() - began < 2
    door.set()


@pytest.mark.parametrize("raised", [TimeoutError("its own"), KeyError("x")])
def test_what_fails_in_time_fails_as_it_would_have(raised: Exception) -> None:
    def fail() -> None:
        raise raised

    with pytest.raises(type(raised)) as seen:
        within(1.0, fail)
    assert seen.value is raised


def test_a_check_that_hangs_keeps_what_it_found_and_is_named(tmp_path: Path) -> None:
    door = threading.Event()

    def hang(_context: Context) -> Iterator[Finding]:
        yield ok("backlog", "backlog_ok", limit=1)
        door.wait()

    first, late = run(Check("backlog", "machine", hang, seconds=0.05), context(tmp_path))
    door.set()
    assert (first.level, late.level) == (Level.OK, Level.ERROR)
    assert "ivr doctor --only backlog" in late.remedy


@pytest.mark.parametrize(
    ("raised", "level"),
    [(ZeroDivisionError("0/0"), Level.ERROR), (PermissionError(13, "no", "/srv/x"), Level.WARNING)],
)
def test_a_check_that_fails_is_a_finding(raised: Exception, level: Level, tmp_path: Path) -> None:
    def fail(_context: Context) -> Iterator[Finding]:
        yield ok("backlog", "backlog_ok", limit=1)
        raise raised

    first, failed = run(Check("backlog", "machine", fail), context(tmp_path))
    assert (first.level, failed.level) == (Level.OK, level)
    assert ("/srv/x" in failed.text) or ("0/0" in failed.text)


def test_a_machine_that_says_nothing_of_itself_is_one_finding_for_each_check(tmp_path: Path) -> None:
    here = context(tmp_path, proc=fake_proc(tmp_path, {"nothing": ""}))
    findings = examine(here, ["backlog", "limits", "memory"])
    assert [(finding.check, finding.level) for finding in findings] == [
        ("backlog", Level.ERROR),
        ("limits", Level.ERROR),
        ("memory", Level.ERROR),
    ]


def test_while_the_server_is_down_that_is_said_once_for_all_checks_that_ask_it(tmp_path: Path) -> None:
    findings = examine(context(tmp_path), ["trunk", "operators", "agencies", "phones", "standby", "generation"])
    assert [(finding.check, finding.level) for finding in findings] == [("server", Level.ERROR)]


def test_without_rules_the_checks_of_rules_leave_it_to_the_one_that_says_so(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    chosen.rules_file.write_text("kota: [")
    named = [check.id for check in CHECKS if check.needs == (RULES,)]
    findings = examine(gather(chosen, NOW), named)
    assert {finding.check for finding in findings} == {"rules"}


def test_before_the_first_start_everything_can_be_looked_at(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    chosen.state.rmdir()
    chosen.recordings.rmdir()
    findings = examine(gather(chosen, NOW))
    assert not [finding.text for finding in findings if "gagal" in finding.text]
    assert {"access", "server", "database"} <= {f.check for f in findings if f.level is Level.ERROR}
    assert not chosen.state.exists()


def test_nothing_is_written_anywhere(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (chosen.state / "secrets.json").write_text("{}")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    examine(gather(chosen, NOW))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_broken_passwords_are_said_and_not_replaced(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (chosen.state / "secrets.json").write_text("{")
    [finding] = examine(gather(chosen, NOW), ["passwords"])
    assert finding.level is Level.ERROR
    assert (chosen.state / "secrets.json").read_text() == "{"


def test_findings_come_in_the_order_of_the_checks(tmp_path: Path) -> None:
    order = [check.id for check in CHECKS]
    places = [order.index(finding.check) for finding in examine(context(tmp_path))]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("levels", "code"),
    [([], 0), (["ok", "note"], 0), (["note", "warning"], 1), (["error", "warning", "ok"], 2)],
)
def test_the_worst_finding_decides_the_exit_code(levels: list[str], code: int) -> None:
    assert exit_code(Finding("x", Level(level), "") for level in levels) == code


def test_long_lists_stay_short() -> None:
    assert some(map(str, range(9)), 3) == "0, 1, 2 (+6)"
    assert some(["a", "b"]) == "a, b"
