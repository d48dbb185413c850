"""Counting calls: the same sums whether calls are looked at once or again and again, for days."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ivr.calls.database import Database, LogUnavailable
from ivr.calls.events import Event, Kind, happened
from ivr.calls.statistics import SETTLED, WAITS, CallStatistics
from ivr.calls.writer import CallLog
from tests.calls.story import abandoned_rows, answered_rows, at, events, hangup, row

NOW = at(600)


def with_log(folder: Path, work: Callable[[CallLog, CallStatistics], Awaitable[None]]) -> None:
    async def run() -> None:
        async with CallLog(Database(folder / "calls.sqlite", busy_seconds=0.05)) as log:
            await work(log, CallStatistics(log.database))

    asyncio.run(run())


def ringing(call: str) -> list[Event]:
    return events([row("CHAN_START", 0, call=call), row("ARRIVED", 0.001, "112|trunk", call=call)])


def answered_after(seconds: float, call: str) -> list[Event]:
    accepted = row("ACCEPTED", seconds, "damkar-1", call=call, channel_id=f"{call}1")
    return [*ringing(call), *events([accepted, *hangup(seconds + 10, call)])]


def by_lifeline(call: str) -> list[Event]:
    return [*ringing(call), *events([row("LIFELINE", 2, "FAILURE", call=call), *hangup(20, call)])]


def test_an_empty_log_counts_nothing(tmp_path: Path) -> None:
    async def work(log: CallLog, statistics: CallStatistics) -> None:
        found = await statistics.look(NOW)
        assert (dict(found.totals.ended), found.open_calls, found.last_lifeline) == ({}, 0, None)
        assert found.totals.waits == (0,) * (len(WAITS) + 1)

    with_log(tmp_path, work)


def test_calls_are_counted_by_how_they_ended(tmp_path: Path) -> None:
    async def work(log: CallLog, statistics: CallStatistics) -> None:
        await log.store(
            [*events(answered_rows("a-1")), *events(abandoned_rows("a-2")), *events(abandoned_rows("a-3"))]
        )
        await log.store([*ringing("a-4"), *by_lifeline("a-5")])
        found = await statistics.look(NOW)
        assert found.totals.ended == {"answered": 1, "abandoned": 3}
        assert found.totals.abandoned == {"ringing": 2, "lifeline": 1}
        assert (found.open_calls, found.totals.lifeline) == (1, 1)
        assert found.last_lifeline == at(0)

    with_log(tmp_path, work)


def test_the_wait_for_a_human_falls_into_its_span(tmp_path: Path) -> None:
    waits = [1.5, 2.0, 2.001, 9.999, 120.0, 300.0, 300.5, 4000]

    async def work(log: CallLog, statistics: CallStatistics) -> None:
        for number, wait in enumerate(waits):
            await log.store(answered_after(wait, f"a-{number}"))
        totals = (await statistics.look(NOW)).totals
        spans = dict(zip((*WAITS, "more"), totals.waits, strict=True))
        assert spans == dict.fromkeys(spans, 0) | {2: 2, 5: 1, 10: 1, 120: 1, 300: 1, "more": 2}
        assert totals.waited_seconds == pytest.approx(sum(waits), abs=0.02)

    with_log(tmp_path, work)


def test_the_servers_calls_to_itself_are_no_calls(tmp_path: Path) -> None:
    async def work(log: CallLog, statistics: CallStatistics) -> None:
        await log.store([*answered_after(3, "a-1"), happened("a-1", Kind.TEST_CALL, at=at(0.5))])
        await log.store(answered_after(3, "a-2"))
        found = await statistics.look(NOW)
        assert found.totals.ended == {"answered": 1}
        assert sum(found.totals.waits) == 1

    with_log(tmp_path, work)


def test_looking_every_hour_for_days_gives_what_one_look_gives(tmp_path: Path) -> None:
    async def work(log: CallLog, statistics: CallStatistics) -> None:
        looks = [NOW + timedelta(hours=hour) for hour in range(60)]
        for number, moment in enumerate(looks):
            if number == 0:
                await log.store([*events(answered_rows("a-1")), *ringing("a-2"), *by_lifeline("a-3")])
            if number == 5:
                await log.store(events(hangup(5 * 3600, "a-2")))
            repeated = await statistics.look(moment)
        assert repeated.totals == (await CallStatistics(log.database).look(looks[-1])).totals
        assert repeated.totals.ended == {"answered": 1, "abandoned": 2}

    with_log(tmp_path, work)


def test_sums_do_not_fall_when_old_calls_are_deleted(tmp_path: Path) -> None:
    async def work(log: CallLog, statistics: CallStatistics) -> None:
        await log.store(events(answered_rows("a-1")))
        later: datetime = NOW + SETTLED
        before = await statistics.look(later)
        async with log.database.writing() as connection:
            await connection.exec_driver_sql("DELETE FROM calls")
        assert (await statistics.look(later)).totals == before.totals

    with_log(tmp_path, work)


def test_a_look_that_fails_counts_nothing_twice(tmp_path: Path) -> None:
    async def work(log: CallLog, statistics: CallStatistics) -> None:
        await log.store(events(answered_rows("a-1")))
        later = NOW + SETTLED
        async with log.database.writing() as connection:
            await connection.exec_driver_sql("ALTER TABLE calls RENAME TO away")
        with pytest.raises(LogUnavailable):
            await statistics.look(later)
        async with log.database.writing() as connection:
            await connection.exec_driver_sql("ALTER TABLE away RENAME TO calls")
        assert (await statistics.look(later)).totals.ended == {"answered": 1}
        assert (await statistics.look(later + SETTLED)).totals.ended == {"answered": 1}

    with_log(tmp_path, work)


def test_a_clock_that_is_set_back_counts_no_call_twice_and_still_sees_the_lifeline(tmp_path: Path) -> None:
    async def work(log: CallLog, statistics: CallStatistics) -> None:
        await log.store(events(answered_rows("a-1")))
        for now in (NOW, NOW + 2 * SETTLED, NOW, NOW + 2 * SETTLED):
            assert (await statistics.look(now)).totals.ended == {"answered": 1}
        await log.store(by_lifeline("a-2"))
        assert (await statistics.look(NOW)).last_lifeline == at(0)

    with_log(tmp_path, work)


def test_a_lifeline_of_the_future_does_not_hide_one_of_now(tmp_path: Path) -> None:
    async def work(log: CallLog, statistics: CallStatistics) -> None:
        ahead = [replace(event, at=event.at + timedelta(days=400)) for event in by_lifeline("a-1")]
        await log.store([*ahead, *by_lifeline("a-2")])
        assert (await statistics.look(NOW)).last_lifeline == at(0)

    with_log(tmp_path, work)


def test_a_wait_in_which_the_clock_was_set_ahead_is_no_wait(tmp_path: Path) -> None:
    async def work(log: CallLog, statistics: CallStatistics) -> None:
        await log.store(answered_after(3, "a-1"))
        await log.store(answered_after(6 * 3600, "a-2"))
        totals = (await statistics.look(NOW)).totals
        assert (totals.ended, sum(totals.waits)) == ({"answered": 2}, 1)
        assert totals.waited_seconds == pytest.approx(3, abs=0.01)

    with_log(tmp_path, work)
