"""The database is deleted, damaged, full or away: the record goes on, and nothing is lost."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event as alchemy

from ivr.calls import query
from ivr.calls.database import Database
from ivr.calls.recover import readable
from ivr.calls.writer import CallLog
from tests.calls.story import CALL
from tests.calls.written import count, key, said, stored, with_log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "calls.sqlite"


def test_a_deleted_database_is_made_again_with_all_that_was_in_it(path: Path) -> None:
    async def work(calls: CallLog) -> None:
        calls.note(key("before", 1))
        assert await calls.flush()
        for file in path.parent.glob("calls.sqlite*"):
            file.unlink()
        calls.note(key("after", 1))
        assert await calls.flush()

    with_log(path, work)
    assert stored(path, "before") is not None
    assert stored(path, "after") is not None


def overwrite(path: Path) -> None:
    path.write_bytes(b"something else\n" * 1000)
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def test_a_file_that_is_no_database_is_kept_beside_and_a_new_one_made(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(calls: CallLog) -> None:
        calls.note(key("before", 1))
        assert await calls.flush()
        await calls.database.close()
        overwrite(path)
        calls.note(key("after", 1))
        assert await calls.flush()

    with_log(path, work)
    assert stored(path, "before") is not None
    assert stored(path, "after") is not None
    (kept,) = path.parent.glob("calls.sqlite.broken-*")
    assert kept.read_bytes().startswith(b"something else")
    assert "is no database or damaged: kept as" in caplog.text


def destroy_half(path: Path) -> None:
    """Every second page of it; the first twenty, with the list of the tables, are left."""
    page = 4096
    with path.open("r+b") as file:
        for number in range(20, path.stat().st_size // page, 2):
            file.seek(number * page)
            file.write(b"\xa5" * page)


def test_a_database_too_damaged_to_be_written_is_kept_beside_and_what_can_be_read_of_it_comes_back(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its journal was rotated away: what only the damaged file knows is read out of it."""

    async def work(calls: CallLog) -> None:
        for number in range(400):
            calls.note(key(f"old-{number}", number))
        assert await calls.flush()
        await calls.database.close()
        destroy_half(path)
        calls.journal.path.write_bytes(b"")
        calls.note(key("after", 1))
        assert await calls.flush()

    with_log(path, work)
    assert stored(path, "after") is not None
    assert stored(path, "old-0") is None
    (kept,) = path.parent.glob("calls.sqlite.broken-*[0-9]")
    found = list(readable(kept))
    events = [event for portion in found for event in portion.events]
    assert 50 < len(events) < 400
    assert sum(portion.unreadable for portion in found) > 100
    assert "malformed" in caplog.text
    assert "old-" not in caplog.text


@pytest.mark.parametrize("table", ["cel_position", "alembic_version"])
def test_a_database_that_is_damaged_where_reading_begins_is_kept_beside_too(table: str, path: Path) -> None:
    async def work(calls: CallLog) -> None:
        calls.note(key("before", 1))
        assert await calls.flush()

    async def again(calls: CallLog) -> None:
        calls.note(key("after", 1))
        assert await calls.flush()

    with_log(path, work)
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)
    with_log(path, again)
    assert stored(path, "before") is not None
    assert stored(path, "after") is not None


def test_what_was_written_while_the_database_was_away_is_there_in_order(path: Path) -> None:
    async def work(calls: CallLog) -> None:
        assert await calls.flush()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for number in range(1200):
                calls.note(key(CALL, number))
                await asyncio.sleep(0)
            other.execute("ROLLBACK")
        for number in range(1200, 1300):
            calls.note(key(CALL, number))
        assert await calls.flush(10)

    with_log(path, work)
    with closing(sqlite3.connect(path)) as connection:
        keys = [row[0] for row in connection.execute("SELECT detail ->> 'keys' FROM events ORDER BY id")]
    assert keys == [str(number) for number in range(1300)]


def test_a_folder_that_comes_later_is_waited_for(path: Path) -> None:
    path.parent.write_text("in the way")

    async def work(calls: CallLog) -> None:
        calls.note(key(CALL, 1))
        assert not await calls.flush(0.2)
        path.parent.unlink()
        assert await calls.flush()

    with_log(path, work)
    assert count(path) == 1


def test_a_full_disk_is_waited_for(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pages = 1_000_000

    async def work(calls: CallLog) -> None:
        nonlocal pages
        calls.note(key(CALL, 0))
        assert await calls.flush()

        @alchemy.listens_for(calls.database._engine.sync_engine, "begin")  # type: ignore[union-attr]
        def begin(connection: object) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")  # type: ignore[attr-defined]

        pages = 1  # SQLite takes the present size: no page can be added
        for number in range(1, 700):
            calls.note(key(f"call-{number % 20}", number))
        await said("full", caplog)
        pages = 1_000_000
        assert await calls.flush(20)

    with_log(path, work)
    assert "full" in caplog.text
    assert count(path) == 700


def test_the_database_is_closed_after_whoever_uses_it(path: Path) -> None:
    """A connection that is dropped in use is never given back: it ends with the process, with a warning, or not."""
    done = []

    async def main() -> None:
        database = Database(path, busy_seconds=5)
        begun = asyncio.Event()

        async def reads() -> None:
            async with database.reading() as connection:
                begun.set()
                await asyncio.sleep(0.05)
                await connection.run_sync(query.calls, query.Filter())
            done.append("read")

        reader = asyncio.create_task(reads())
        await begun.wait()
        await database.close()
        done.append("closed")
        await reader

    asyncio.run(main())
    assert done == ["read", "closed"]


def test_the_end_does_not_wait_for_ever_for_who_uses_the_database(path: Path) -> None:
    async def main() -> None:
        database = Database(path, busy_seconds=-0.9)
        async with database.reading(), asyncio.timeout(5):
            await database.close()

    asyncio.run(main())


def test_a_database_that_is_deleted_while_nothing_happens_is_made_again_all_the_same(path: Path) -> None:
    async def work(calls: CallLog) -> None:
        calls.note(key("before", 1))
        assert await calls.flush()
        for file in path.parent.glob("calls.sqlite*"):
            file.unlink()
        with calls.followed() as follower:  # hears what is written again
            assert (await asyncio.wait_for(follower.get(), 5)).call_id == "before"

    with_log(path, work)
