"""Clocks that are set back while a call lasts."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.calls import query
from ivr.calls.catchup import FileReader
from ivr.calls.celfile import CelFile
from ivr.calls.database import Database, reader
from ivr.calls.events import Event
from ivr.calls.projection import CallRecord, Outcome, project
from ivr.calls.recordings import check_due
from ivr.calls.sweep import sweep
from ivr.calls.writer import CallLog
from tests.calls.story import (
    CALL,
    abandoned_rows,
    answered_rows,
    at,
    events,
    line,
    told_by_controller,
    wave,
    write_rows,
)

SIX_HOURS = timedelta(hours=6)


def set_back(told: list[Event], after: float, by: timedelta = SIX_HOURS) -> list[Event]:
    """As they would be dated had the clock been set back so many seconds after the call began."""
    return [replace(event, at=event.at - by) if event.at > at(after) else event for event in told]


def intervals(record: CallRecord) -> list[timedelta]:
    """Everything that is shown as a duration."""
    assert record.arrived_at is not None
    moments = [record.recording_started_at, record.answered_at, record.ended_at]
    shown = [moment - record.arrived_at for moment in moments if moment]
    for attempt in record.attempts:
        until = [attempt.picked_up_at, attempt.accepted_at, attempt.ended_at]
        shown += [moment - attempt.rang_at for moment in until if moment]
    return shown


@pytest.mark.parametrize("after", [0.0015, 5, 10, 15.05, 19, 21.5, 80.95, 81.0001])
def test_a_call_in_which_the_clock_is_set_back_is_told_like_any_other(after: float) -> None:
    told = [*events(answered_rows()), *told_by_controller()]
    record, usual = project(CALL, set_back(told, after)), project(CALL, told)
    assert (record.arrived_at, record.answered_by, record.stage) == (at(0), "damkar-2", usual.stage)
    assert (record.outcome, record.hung_up_by) == (Outcome.ANSWERED, "caller")
    assert [attempt.result for attempt in record.attempts] == [attempt.result for attempt in usual.attempts]
    assert min(intervals(record)) >= timedelta(0)


def test_what_follows_a_clock_set_back_keeps_its_distances() -> None:
    record = project(CALL, set_back(events(answered_rows()), 15.05))
    assert (record.answered_at, record.ended_at) == (at(15 + 5.900001), at(15 + 65.900001))


@pytest.mark.parametrize("seconds", [0.5, -3600, -SIX_HOURS.total_seconds()])
def test_events_are_left_as_they_are_by_slewing_and_by_a_clock_set_ahead(seconds: float) -> None:
    told = set_back(events(answered_rows()), 19, timedelta(seconds=seconds))
    record = project(CALL, told)
    assert record.ended_at == at(81) - timedelta(seconds=seconds)


def test_a_call_open_when_the_clock_is_set_back_is_closed_once_and_its_recording_checked_once(tmp_path: Path) -> None:
    """Asterisk died with it, so that no end was written."""
    path, cel, folder = tmp_path / "calls.sqlite", tmp_path / "calls.csv", tmp_path / "recordings"
    file = folder / f"2026/11/22/{CALL}.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(wave(16))
    write_rows(cel, answered_rows()[:8])
    ringing_again = line(answered_rows()[8]).replace("1795309215", "1795287615")
    cel.write_text(cel.read_text() + ringing_again)

    async def run() -> list[tuple[str, ...]]:
        async with CallLog(Database(path)) as calls:
            later = at(20) - SIX_HOURS
            asterisk = FileReader(calls, CelFile(cel))
            closed = [(await sweep(calls, asterisk, set(), later)).closed for _ in range(3)]
            checked = [await check_due(calls, folder, later) for _ in range(3)]
        assert checked == [1, 0, 0]
        return closed

    assert asyncio.run(run()) == [(CALL,), (), ()]
    with reader(path) as connection:
        found = query.call(connection, CALL)
    assert found is not None
    record, told = found
    assert (record.outcome, record.recording_seconds, record.ended_by_sweep) == (Outcome.ABANDONED, 16.0, True)
    assert [event.at for event in told] == sorted(event.at for event in told)
    assert told[0].at == record.arrived_at == at(0)


def test_a_call_that_ended_before_the_clock_was_set_back_has_its_recording_checked_at_once(tmp_path: Path) -> None:
    file = tmp_path / f"2026/11/22/{CALL}.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(wave(81))

    async def run() -> list[int]:
        async with CallLog(Database(tmp_path / "calls.sqlite")) as calls:
            await calls.store(events(answered_rows()))
            return [await check_due(calls, tmp_path, at(82) - SIX_HOURS) for _ in range(3)]

    assert asyncio.run(run()) == [1, 0, 0]


def test_a_call_of_a_moment_ago_is_left_alone_also_by_the_clock_that_was_set_back(tmp_path: Path) -> None:
    cel = tmp_path / "calls.csv"
    write_rows(cel, abandoned_rows()[:4])

    async def run() -> tuple[str, ...]:
        async with CallLog(Database(tmp_path / "calls.sqlite")) as calls:
            return (await sweep(calls, FileReader(calls, CelFile(cel)), set(), at(9.1 - 2))).closed

    assert asyncio.run(run()) == ()


@pytest.mark.parametrize("seconds", [6, 8, 12])
def test_a_clock_set_back_a_little_while_it_rings_takes_no_answer_back(seconds: int) -> None:
    """Whoever accepted seems to have done so before it rang: that is the clock, not somebody who was gone at once."""
    record = project(CALL, set_back(events(answered_rows()), 20, timedelta(seconds=seconds)))
    assert (record.outcome, record.answered_by) == ("answered", "damkar-2")
