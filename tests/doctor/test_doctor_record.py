import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.calls.events import Kind, happened
from ivr.calls.journal import Journal
from ivr.calls.recordings import Inspection, checked
from ivr.doctor import record
from ivr.doctor.context import Context, gather
from ivr.doctor.model import Level
from ivr.doctor.run import examine
from tests.calls.story import CALL, START, abandoned_rows, answered_rows, at, events, write_rows
from tests.doctor.installation import NOW, found, only, settings, write_log

OTHER = "ivr112-1795334400.99"


def installation(folder: Path, *calls: list[list[str]], **given: object) -> Context:
    """With a record that holds these calls."""
    chosen = settings(folder)
    write_log(chosen.database, [event for rows in calls for event in events(rows)])
    return gather(chosen, NOW, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("check", ["database", "schema", "journal", "open_calls", "recordings"])
def test_a_whole_record_is_well(check: str, tmp_path: Path) -> None:
    assert only(check, installation(tmp_path, answered_rows())).level is Level.OK


def test_a_record_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    finding = only("database", gather(settings(tmp_path), NOW))
    assert finding.level is Level.ERROR
    assert "calls.sqlite" in finding.text


def test_a_page_that_was_overwritten_is_found(tmp_path: Path) -> None:
    here = installation(tmp_path, *(answered_rows(f"ivr112-1.{number}") for number in range(30)))
    size = here.settings.database.stat().st_size
    with here.settings.database.open("r+b") as file:
        for page in range(6, size // 4096, 3):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    finding = only("database", here)
    assert finding.level is Level.ERROR
    assert "ivr restore" in finding.remedy


def test_a_file_that_is_no_database_is_an_error_that_the_other_checks_leave_to_this_one(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    chosen.database.write_bytes(b"not a database" * 1000)
    [finding] = examine(gather(chosen, NOW), ["schema", "open_calls", "recordings", "unlogged"])
    assert (finding.check, finding.level) == ("database", Level.ERROR)
    assert "not a database" in finding.text


def test_a_record_that_takes_too_long_is_noted_and_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "INTEGRITY_SECONDS", 0.0)
    monkeypatch.setattr(record, "STEPS", 1)
    assert only("database", installation(tmp_path, answered_rows())).level is Level.NOTE


def test_tables_of_another_version_are_an_error(tmp_path: Path) -> None:
    here = installation(tmp_path)
    with sqlite3.connect(here.settings.database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    finding = only("schema", here)
    assert finding.level is Level.ERROR
    assert "0000" in finding.text


def test_what_waits_in_the_journal_longer_than_a_minute_is_a_warning(tmp_path: Path) -> None:
    here = installation(tmp_path)
    path = here.settings.state / "journal" / "events.log"
    Journal(path).append([happened(CALL, Kind.ARRIVED, at=START, number="1")])
    assert only("journal", here).level is Level.OK  # just written
    os.utime(path, (0, 0))
    finding = only("journal", here)
    assert finding.level is Level.WARNING
    assert f"{path.stat().st_size} byte" in finding.text


def test_what_the_database_has_of_the_journal_does_not_wait(tmp_path: Path) -> None:
    here = installation(tmp_path)
    path = here.settings.state / "journal" / "events.log"
    Journal(path).append([happened(CALL, Kind.ARRIVED, at=START, number="1")])
    os.utime(path, (0, 0))
    with sqlite3.connect(here.settings.database) as connection:
        row = (str(path), b"", path.stat().st_size)
        connection.execute("INSERT INTO cel_position (path, head, offset) VALUES (?, ?, ?)", row)
    connection.close()
    assert only("journal", here).level is Level.OK


def test_a_journal_counts_also_while_the_database_is_away(tmp_path: Path) -> None:
    path = settings(tmp_path).state / "journal" / "events.log"
    Journal(path).append([happened(CALL, Kind.ARRIVED, at=START, number="1")])
    os.utime(path, (0, 0))
    assert only("journal", gather(settings(tmp_path), NOW)).level is Level.WARNING


@pytest.mark.parametrize(("hours", "expected"), [(1, Level.OK), (3, Level.WARNING)])
def test_a_call_open_for_hours_is_a_warning(hours: int, expected: Level, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    write_log(chosen.database, events(answered_rows()[:6]))
    finding = only("open_calls", gather(chosen, START + timedelta(hours=hours)))
    assert finding.level is expected
    assert (CALL in finding.text) == (expected is Level.WARNING)


def test_a_call_that_only_asterisk_knows_is_an_error_after_a_minute(tmp_path: Path) -> None:
    here = installation(tmp_path, answered_rows())
    here.settings.cel_file.parent.mkdir(parents=True)
    write_rows(here.settings.cel_file, answered_rows())
    assert only("unlogged", here).level is Level.OK
    write_rows(here.settings.cel_file, abandoned_rows(OTHER))
    finding = only("unlogged", here)
    assert finding.level is Level.ERROR
    assert OTHER in finding.text
    assert only("unlogged", gather(here.settings, at(30))).level is Level.OK


def test_test_calls_that_were_forgotten_are_not_missing(tmp_path: Path) -> None:
    here = installation(tmp_path)
    here.settings.cel_file.parent.mkdir(parents=True, exist_ok=True)
    write_rows(here.settings.cel_file, abandoned_rows(OTHER))
    assert only("unlogged", gather(here.settings, START + timedelta(days=5))).level is Level.ERROR
    assert only("unlogged", gather(here.settings, START + timedelta(days=7))).level is Level.OK


def test_before_the_first_call_there_is_no_file_to_compare_with(tmp_path: Path) -> None:
    assert found("unlogged", installation(tmp_path)) == []


@pytest.mark.parametrize(("days", "expected"), [(1, Level.WARNING), (8, Level.OK)])
def test_a_bad_recording_of_the_last_week_is_a_warning(days: int, expected: Level, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    bad = checked(CALL, f"2026/11/22/{CALL}.wav", Inspection(problem="missing"), at(90))
    write_log(chosen.database, [*events(answered_rows()), bad])
    finding = only("recordings", gather(chosen, START + timedelta(days=days)))
    assert finding.level is expected
    assert ("missing" in finding.text) == (expected is Level.WARNING)


def test_a_damaged_record_that_was_set_aside_is_said_until_it_is_brought_in(tmp_path: Path) -> None:
    here = installation(tmp_path, answered_rows())
    path = here.settings.database
    assert found("set_aside", here) == []
    for name in (f"{path.name}.broken-20261122-031500", f"{path.name}.broken-20261122-031500-wal"):
        path.with_name(name).write_bytes(b"")
    finding = only("set_aside", here)
    assert finding.level is Level.WARNING
    assert finding.remedy.endswith(f"ivr calls recover {path}.broken-20261122-031500")
