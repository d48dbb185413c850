import asyncio
import logging
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from ivr.calls import query
from ivr.calls.database import Database, Unstorable, reader
from ivr.calls.events import Kind, happened
from ivr.calls.migrations import upgrade
from ivr.calls.projection import Outcome, project
from ivr.calls.writer import CallLog
from tests.calls.story import CALL, answered_rows, at, events, hangup, told_by_controller
from tests.calls.written import count, key, said, stored, with_log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "calls.sqlite"


def test_the_row_of_a_call_is_the_projection_of_its_events(path: Path) -> None:
    told = [*events(answered_rows()), *told_by_controller()]

    async def work(calls: CallLog) -> None:
        for event in reversed(told):
            assert calls.note(event)
            assert await calls.flush()

    with_log(path, work)
    assert stored(path) == project(CALL, told)


def test_events_come_back_as_they_were(path: Path) -> None:
    name = "\0\x1b[2J'\"\n" * 1000
    odd = happened(
        CALL, Kind.ARRIVED, number="\udcff\0", name=name, dialled="112", endpoint=None, big=2**70, yes=True
    )

    async def work(calls: CallLog) -> None:
        calls.note(odd)

    with_log(path, work)
    with reader(path) as connection:
        found = query.call(connection, CALL)
    assert found is not None
    assert found[1] == [odd]
    assert found[0].caller_name == name


def test_an_event_noted_twice_is_in_the_log_once(path: Path) -> None:
    async def work(calls: CallLog) -> None:
        for _ in range(3):
            for event in events(answered_rows()):
                calls.note(event)
            await calls.flush()

    with_log(path, work)
    assert count(path) == len(answered_rows())


def test_twenty_threads_lose_nothing(path: Path) -> None:
    def shout(calls: CallLog, thread: int) -> None:
        for number in range(500):
            assert calls.note(key(f"call-{thread}", number))

    async def work(calls: CallLog) -> None:
        threads = [threading.Thread(target=shout, args=(calls, n)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert await calls.flush(20)
        assert calls.dropped == 0

    with_log(path, work)
    assert count(path) == 20 * 500


def test_noting_does_not_wait_for_a_locked_database_and_nothing_is_lost(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(calls: CallLog) -> None:
        calls.note(key(CALL, 0))
        assert await calls.flush()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for number in range(1, 1000):  # if one of them waited for the lock, nobody would ever release it
                assert calls.note(key(CALL, number))
            await said("database is locked", caplog)
            async with asyncio.timeout(20):
                while calls.journaled < 999:  # noqa: ASYNC110 nobody tells
                    await asyncio.sleep(0.005)
            assert not await calls.flush(0.1)
            assert (calls.waiting, calls.journaled) == (0, 999)
            other.execute("ROLLBACK")
        assert await calls.flush()

    with_log(path, work)
    assert count(path) == 1000
    assert "database is locked" in caplog.text
    assert "works again" in caplog.text
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1


def test_a_full_queue_refuses_counts_and_says_so_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        calls = CallLog(Database(path), capacity=10)
        assert [calls.note(key(CALL, number)) for number in range(15)] == [True] * 10 + [False] * 5
        assert calls.dropped == 5
        await calls.start()
        assert await calls.flush()
        assert calls.note(key(CALL, 99))
        await calls.stop()

    asyncio.run(run())
    assert count(path) == 11
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1


def test_after_the_stop_events_are_refused(path: Path) -> None:
    async def run() -> CallLog:
        async with CallLog(Database(path)) as calls:
            calls.note(key(CALL, 1))
        return calls

    calls = asyncio.run(run())
    assert not calls.note(key(CALL, 2))
    assert count(path) == 1


def test_a_stop_while_the_database_is_locked_ends_in_time_and_the_next_start_brings_the_rest_in(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def locked() -> None:
        calls = CallLog(Database(path, busy_seconds=0.05))
        await calls.start()
        calls.note(key(CALL, 0))
        await calls.flush()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            calls.note(key(CALL, 1))
            start = time.perf_counter()
            await calls.stop(0.2)
            assert time.perf_counter() - start < 2

    async def later(calls: CallLog) -> None:
        assert await calls.flush()

    asyncio.run(locked())
    assert "1 events are in the journal alone" in caplog.text
    assert "written nowhere" not in caplog.text
    assert count(path) == 1
    with_log(path, later)
    assert count(path) == 2


def test_a_process_that_is_killed_has_written_down_what_was_noted_milliseconds_before(path: Path) -> None:
    upgrade(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True, timeout=20)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        other.execute("ROLLBACK")

    async def later(calls: CallLog) -> None:
        assert await calls.flush()

    with_log(path, later)
    assert count(path) == 20


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from ivr.calls.database import Database
from ivr.calls.events import Kind, happened
from ivr.calls.writer import CallLog

async def run():
    calls = CallLog(Database(Path(sys.argv[1]), busy_seconds=5.0))
    await calls.start()
    for number in range(20):
        calls.note(happened("ivr112-1.2", Kind.KEY_PRESSED, question="area", keys=str(number)))
    while calls.waiting:
        await asyncio.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(run())
"""


def test_an_event_that_cannot_be_stored_does_not_take_the_others_with_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    endless = happened(CALL, Kind.RECORDING_CHECKED, at=at(1), source="recorder", bytes=2**70)
    good = [key("good", n) for n in range(3)]

    async def work(calls: CallLog) -> None:
        with pytest.raises(Unstorable):
            await calls.store([endless])
        for event in [good[0], endless, *good[1:]]:
            calls.note(event)
        assert await calls.flush()
        assert calls.dropped == 1

    with_log(path, work)
    assert count(path) == 3
    assert "given up" in caplog.text


def test_channels_that_are_no_call_have_no_row_until_they_are_one(path: Path) -> None:
    async def work(calls: CallLog) -> None:
        first = await calls.store(events(hangup(5)))
        assert (len(first.events), first.new_calls) == (3, frozenset())
        assert stored(path) is None
        second = await calls.store(events(answered_rows()[:2]))
        assert second.new_calls == {CALL}
        third = await calls.store(events(answered_rows()[:2]))
        assert (third.events, third.new_calls) == ((), frozenset())

    with_log(path, work)
    found = stored(path)
    assert found is not None
    assert found.outcome == Outcome.ABANDONED


def test_followers_hear_each_event_once_it_is_written(path: Path) -> None:
    async def work(calls: CallLog) -> None:
        with calls.followed() as follower, calls.followed(capacity=1) as slow:
            for event in [key(CALL, 1), key(CALL, 1), key(CALL, 2)]:
                calls.note(event)
            heard = [await asyncio.wait_for(follower.get(), 5) for _ in range(2)]
            assert heard == [key(CALL, 1), key(CALL, 2)]
            assert stored(path) is not None
            assert slow.qsize() == 1

    with_log(path, work)


def test_readers_see_the_log_while_it_is_written(path: Path) -> None:
    async def work(calls: CallLog) -> None:
        await calls.store(events(answered_rows()))
        async with calls.database.writing():
            assert await asyncio.to_thread(stored, path) is not None
            async with calls.database.reading() as connection:
                assert await connection.run_sync(query.calls, query.Filter())

    with_log(path, work)


def test_parallel_writes_do_not_lose_each_other(path: Path) -> None:
    async def work(calls: CallLog) -> None:
        await asyncio.gather(*(calls.store([key(CALL, number)]) for number in range(50)))

    with_log(path, work)
    assert count(path) == 50


@pytest.mark.parametrize(("events", "said"), [(0, []), (2, ["2 events are written nowhere"])])
def test_a_stop_whose_time_is_over_says_what_is_written_nowhere_and_of_nothing_says_nothing(
    path: Path, events: int, said: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def over(_seconds: float) -> bool:
        return False

    async def work() -> None:
        calls = CallLog(Database(path))
        await calls.start()
        assert await calls.flush(30)
        monkeypatch.setattr(calls, "flush", over)
        for number in range(events):
            calls.note(key(CALL, number))
        await calls.stop()

    asyncio.run(work())
    assert [record.message.partition(":")[0] for record in caplog.records] == said


def test_a_trouble_that_nobody_foresaw_ends_neither_writer(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No thread, no memory: for a while everything fails with what is no OSError."""

    async def work(calls: CallLog) -> None:
        assert await calls.flush()
        with monkeypatch.context() as short:
            short.setattr(asyncio, "to_thread", no_thread)
            calls.note(key(CALL, 1))
            assert not await calls.flush(0.3)
        calls.note(key(CALL, 2))
        assert await calls.flush(10)

    with_log(path, work)
    assert count(path) == 2
    assert "can't start new thread" in caplog.text


def no_thread(*_arguments: object) -> None:
    raise RuntimeError("can't start new thread")
