"""Counting starts: by two processes, over a crash, on a full disk."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.restarts import FILE, RECENT, Reason, Restarts, note, read

START = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


def test_nothing_was_noted_before_the_first_start(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == Restarts()


def test_every_note_counts_and_the_first_one_dates_the_installation(tmp_path: Path) -> None:
    for minute in range(3):
        note(tmp_path / "health", Reason.CONTROLLER_STARTED, START + timedelta(minutes=minute))
    note(tmp_path / "health", Reason.CONTROLLER_FROZEN, START + timedelta(minutes=3))
    found = read(tmp_path / "health")
    assert found.since == START
    assert (found.count(Reason.CONTROLLER_STARTED), found.count(Reason.CONTROLLER_FROZEN)) == (3, 1)
    assert found.count(Reason.ASTERISK_ENDED) == 0


def test_only_those_of_one_kind_and_of_the_last_minutes_are_within(tmp_path: Path) -> None:
    for minute in (0, 5, 9, 11):
        note(tmp_path, Reason.CONTROLLER_STARTED, START + timedelta(minutes=minute))
    note(tmp_path, Reason.ASTERISK_ENDED, START + timedelta(minutes=10))
    span, now = timedelta(minutes=10), START + timedelta(minutes=12)
    assert read(tmp_path).within(Reason.CONTROLLER_STARTED, span, now) == 3
    assert read(tmp_path).within(Reason.CONTROLLER_STARTED, span, START - span) == 0, "a clock that was set back"


def test_a_crash_loop_of_years_stays_a_small_file(tmp_path: Path) -> None:
    for second in range(RECENT + 30):
        note(tmp_path, Reason.CONTROLLER_STARTED, START + timedelta(seconds=second))
    found = read(tmp_path)
    assert (found.count(Reason.CONTROLLER_STARTED), len(found.recent), found.since) == (RECENT + 30, RECENT, START)


def test_notes_at_one_moment_are_all_counted(tmp_path: Path) -> None:
    threads = [threading.Thread(target=note, args=(tmp_path, reason)) for reason in list(Reason) * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reason: read(tmp_path).count(reason) for reason in Reason} == dict.fromkeys(Reason, 5)


def test_a_disk_that_cannot_be_written_costs_only_the_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "health").write_text("in the way")
    note(tmp_path / "health", Reason.CONTROLLER_STARTED)
    assert "is not counted" in caplog.text


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"since": 1, "counts": {}, "recent": []}', '{"since": null}', "\x00", '"x"']
)
def test_a_file_that_cannot_be_read_begins_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    assert read(tmp_path) == Restarts()
    note(tmp_path, Reason.ASTERISK_ENDED, START)
    assert read(tmp_path).count(Reason.ASTERISK_ENDED) == 1
