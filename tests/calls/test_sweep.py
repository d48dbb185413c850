import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Collection
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

import pytest

from ivr.calls import query
from ivr.calls.catchup import FileReader
from ivr.calls.celfile import CelFile
from ivr.calls.database import Database, LogUnavailable, reader
from ivr.calls.projection import CallRecord, Outcome
from ivr.calls.sweep import Report, sweep
from ivr.calls.writer import CallLog
from tests.calls.story import (
    CALL,
    abandoned_rows,
    answered_rows,
    at,
    hangup,
    line,
    row,
    told_by_controller,
    write_rows,
)

OTHER = "ivr112-1795334500.40"
LATER = at(1000)


class House:
    """A log and a CEL file in one folder."""

    def __init__(self, folder: Path, piece_bytes: int = 256 * 1024) -> None:
        self.path = folder / "calls.sqlite"
        self.cel = folder / "calls.csv"
        self.log = CallLog(Database(self.path, busy_seconds=0.05))
        self.reader = FileReader(self.log, CelFile(self.cel, piece_bytes=piece_bytes))

    async def sweep(self, live: Collection[str] | None = None, now: datetime = LATER) -> Report:
        return await sweep(self.log, self.reader, live, now)

    def records(self) -> dict[str, CallRecord]:
        with reader(self.path) as connection:
            return {record.call_id: record for record in query.calls(connection, query.Filter())}


def in_house(folder: Path, work: Callable[[House], Awaitable[None]], piece_bytes: int = 256 * 1024) -> None:
    async def run() -> None:
        house = House(folder, piece_bytes)
        async with house.log:
            await work(house)

    asyncio.run(run())


def test_a_call_the_controller_never_saw_is_added(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        write_rows(house.cel, answered_rows())
        write_rows(house.cel, abandoned_rows(OTHER))
        report = await house.sweep()
        assert report == Report(added=(CALL, OTHER), closed=(), missing=(), still_open=())
        assert await house.sweep() == Report((), (), (), ())
        assert {c: r.outcome for c, r in house.records().items()} == {CALL: "answered", OTHER: "abandoned"}

    in_house(tmp_path, work)


def test_a_call_the_controller_wrote_is_completed_not_added(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        for event in told_by_controller():
            house.log.note(event)
        write_rows(house.cel, answered_rows())
        assert (await house.sweep()).added == ()
        record = house.records()[CALL]
        assert (record.category, record.answered_by, record.outcome) == ("kebakaran", "damkar-2", "answered")

    in_house(tmp_path, work)


def test_no_file_is_no_trouble(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        assert await house.sweep(live=[]) == Report((), (), (), ())

    in_house(tmp_path, work)


def test_a_call_whose_channel_is_gone_is_closed_at_its_last_moment(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        write_rows(house.cel, abandoned_rows()[:4])
        write_rows(house.cel, abandoned_rows(OTHER)[:4])
        report = await house.sweep(live=[OTHER])
        assert (report.closed, report.still_open) == ((CALL,), (OTHER,))
        record = house.records()[CALL]
        assert (record.outcome, record.ended_by_sweep) == (Outcome.ABANDONED, True)
        assert record.ended_at is not None
        assert abs((record.ended_at - at(9.1)).total_seconds()) < 0.001
        assert (await house.sweep(live=[])).closed == (OTHER,)
        assert await house.sweep(live=[]) == Report((), (), (), ())

    in_house(tmp_path, work)


def test_nothing_is_closed_when_nobody_knows_which_channels_live(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        write_rows(house.cel, abandoned_rows()[:4])
        report = await house.sweep(live=None)
        assert (report.closed, report.still_open) == ((), (CALL,))

    in_house(tmp_path, work)


def test_a_call_of_a_moment_ago_is_left_alone(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        write_rows(house.cel, abandoned_rows()[:4])
        assert (await house.sweep(live=[], now=at(12))).closed == ()
        assert (await house.sweep(live=[], now=at(60))).closed == (CALL,)

    in_house(tmp_path, work)


def test_a_call_closed_too_early_opens_again_and_ends_when_it_ends(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        write_rows(house.cel, answered_rows()[:7])
        assert (await house.sweep(live=[])).closed == (CALL,)
        write_rows(house.cel, answered_rows()[7:11])
        report = await house.sweep(live=[CALL])
        assert report.still_open == (CALL,)
        write_rows(house.cel, answered_rows()[11:])
        await house.sweep(live=[])
        record = house.records()[CALL]
        assert (record.outcome, record.ended_at, record.ended_by_sweep) == (Outcome.ANSWERED, at(81), False)

    in_house(tmp_path, work)


def test_a_call_closed_too_early_twice_is_closed_twice(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        write_rows(house.cel, answered_rows()[:7])
        await house.sweep(live=[])
        write_rows(house.cel, answered_rows()[7:9])
        assert (await house.sweep(live=[])).closed == (CALL,)
        assert (await house.sweep(live=[])).still_open == ()

    in_house(tmp_path, work)


def test_telling_joint_agencies_opens_no_call_and_keeps_none_open(tmp_path: Path) -> None:
    """Their channels live longer than the call; a call nobody knows is not made by what is told of it."""
    telling = "ivr112-1795334600.77"

    async def work(house: House) -> None:
        write_rows(house.cel, answered_rows()[:-5])
        first = await house.sweep(live=set(), now=at(100))
        assert first.closed == (CALL,)
        write_rows(
            house.cel,
            [
                row("CHAN_START", 23, call=telling, exten="pln", context="ring-line-0a1b2c3d"),
                row("TELL", 101, f"{CALL}|pln", call=telling, channel_id=f"{telling}1"),
                row("TOLD", 120, f"{CALL}|pln", call=telling, channel_id=f"{telling}2"),
                row("TOLD", 120, f"{OTHER}|pln", call=telling, channel_id=f"{telling}2"),
                *hangup(121, telling),
            ],
        )
        second = await house.sweep(live={telling})
        assert (second.added, second.closed, second.missing, second.still_open) == ((), (), (), ())

    in_house(tmp_path, work)
    record = House(tmp_path).records()
    assert set(record) == {CALL}
    assert record[CALL].ended_by_sweep
    assert record[CALL].ended_at == at(21.000001)
    with reader(tmp_path / "calls.sqlite") as connection:
        found = query.call(connection, CALL)
    assert found is not None
    assert [event.kind for event in found[1]][-2:] == ["telling", "told"]


def test_many_calls_in_small_pieces_are_all_there(tmp_path: Path) -> None:
    ids = [f"ivr112-1.{n}" for n in range(60)]

    async def work(house: House) -> None:
        for call in ids:
            write_rows(house.cel, answered_rows(call))
        await house.sweep()
        with closing(sqlite3.connect(house.path)) as connection:
            assert connection.execute("SELECT count(*) FROM calls").fetchone() == (60,)

    in_house(tmp_path, work, piece_bytes=2000)


def test_a_locked_database_delays_the_sweep_and_loses_no_row(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        await house.sweep()
        write_rows(house.cel, answered_rows())
        with closing(sqlite3.connect(house.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(LogUnavailable):
                await house.sweep()
            other.execute("ROLLBACK")
        assert (await house.sweep()).added == (CALL,)
        assert house.records()[CALL].outcome == Outcome.ANSWERED

    in_house(tmp_path, work)


def test_a_deleted_database_is_filled_again_from_asterisks_file(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        write_rows(house.cel, answered_rows())
        await house.sweep()
        house.path.unlink()
        assert (await house.sweep()).added == (CALL,)

    in_house(tmp_path, work)


def test_rows_that_make_no_sense_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def work(house: House) -> None:
        rows = abandoned_rows()
        house.cel.write_text("".join([line(rows[0]), line(rows[1])[:40], line(rows[2])]), newline="")
        assert (await house.sweep()).unreadable == 1
        assert "cannot be read" in caplog.text

    in_house(tmp_path, work)


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not what():  # noqa: ASYNC110 it is a file written by another task
            await asyncio.sleep(0.01)


def test_the_follower_brings_rows_in_as_they_are_written(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        wake = asyncio.Event()
        task = asyncio.create_task(house.reader.follow(wake, every=0.02))
        with house.log.followed() as heard:
            for n, columns in enumerate(answered_rows(), 1):
                write_rows(house.cel, [columns])
                await until(lambda n=n: heard.qsize() == n)  # type: ignore[misc]
        assert house.records()[CALL].outcome == Outcome.ANSWERED
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    in_house(tmp_path, work)


def test_the_follower_wakes_before_its_time_when_it_is_told(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        wake = asyncio.Event()
        task = asyncio.create_task(house.reader.follow(wake, every=3600))
        write_rows(house.cel, [row("ARRIVED", 0, "112|trunk")])
        with house.log.followed() as heard:
            wake.set()
            assert (await asyncio.wait_for(heard.get(), 5)).call_id == CALL
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    in_house(tmp_path, work)


def test_the_follower_outlives_a_locked_database(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def work(house: House) -> None:
        await house.sweep()
        task = asyncio.create_task(house.reader.follow(asyncio.Event(), every=0.02))
        with closing(sqlite3.connect(house.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            write_rows(house.cel, [*answered_rows()[:-3], *hangup(81.001)])
            await until(lambda: "not in the log yet" in caplog.text)
            other.execute("ROLLBACK")
        await until(lambda: CALL in house.records())
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    in_house(tmp_path, work)
