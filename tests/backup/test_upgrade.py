"""A city that ran the previous release keeps every row of its record, and the new program goes on with it.

`release-0.1.0.sql.gz`: 60 calls as the store of 0.1.0 (commit f8835c7) wrote them: answered, abandoned, told of,
through the lifeline, closed by the sweep, one open; with names in quotes and other alphabets. Nobody's real number.
"""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ivr.calls.catchup import FileReader
from ivr.calls.celfile import CelFile
from ivr.calls.database import Database, LogUnavailable, reader
from ivr.calls.migrations import upgrade
from ivr.calls.projection import Outcome, project
from ivr.calls.query import Filter, call, calls
from ivr.calls.store import events_of
from ivr.calls.sweep import sweep
from ivr.calls.writer import CallLog
from ivr.supervisor.prepare import _log_trouble
from tests.backup.installation import RELEASE, load
from tests.calls import story

Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "calls.sqlite"
    load(RELEASE, path)
    return path


def columns_and_rows(path: Path, only: dict[str, Table] | None = None) -> dict[str, Table]:
    """Every table but Alembic's; with `only`, those tables with the columns they have there."""
    found = {}
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in only or [name for name in names if name != "alembic_version"]:
            if only is None:
                columns = tuple(row[1] for row in connection.execute(f'PRAGMA table_info("{name}")'))
            else:
                columns = only[name][0]
            listed = ", ".join(f'"{column}"' for column in columns)
            found[name] = columns, connection.execute(f'SELECT {listed} FROM "{name}" ORDER BY 1, 2').fetchall()  # noqa: S608
    return found


def test_every_value_of_the_previous_release_is_there_after_the_upgrade(old: Path) -> None:
    before = columns_and_rows(old)
    counted = {name: len(rows) for name, (_, rows) in before.items()}
    assert counted == {"attempts": 100, "calls": 60, "cel_position": 1, "events": 1212}
    upgrade(old)
    assert columns_and_rows(old, before) == before
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone()[0] > "0001"


def test_every_call_of_the_previous_release_reads_as_it_was_and_projects_to_the_same(old: Path) -> None:
    upgrade(old)
    with reader(old) as connection:
        listed = calls(connection, Filter(), 100)
        events = events_of(connection, [record.call_id for record in listed])
        assert len(listed) == 60
        assert [project(record.call_id, events[record.call_id]) for record in listed] == listed
        assert all(call(connection, record.call_id) is not None for record in listed)
        assert len(calls(connection, Filter(outcome=Outcome.ANSWERED), 100)) == 40


def test_the_record_goes_on_where_the_previous_release_stopped(old: Path, tmp_path: Path) -> None:
    """New calls come in, the open one is closed, and the old ones are not touched by it."""
    before = columns_and_rows(old)
    open_call = "ivr112-1795744871.57"
    story.write_rows(tmp_path / "cel.csv", story.answered_rows("ivr112-1796000000.1"))

    async def go_on() -> None:
        async with CallLog(Database(old)) as log:
            for event in story.told_by_controller("ivr112-1796000000.1"):
                log.note(event)
            assert await log.flush(10)
            report = await sweep(
                log, FileReader(log, CelFile(tmp_path / "cel.csv")), [], datetime(2027, 1, 1, tzinfo=UTC)
            )
            assert report.closed == (open_call,)
            assert report.added == ()

    asyncio.run(go_on())
    with reader(old) as connection:
        found = call(connection, "ivr112-1796000000.1")
        closed = call(connection, open_call)
    assert found is not None
    assert found[0].answered_by == "damkar-2"
    assert found[0].category == "kebakaran"
    assert closed is not None
    assert closed[0].ended_by_sweep
    after = columns_and_rows(old, before)
    new = {"ivr112-1796000000.1", open_call}
    for name in ("calls", "attempts", "events"):
        place = before[name][0].index("call_id")
        untouched = [row for row in after[name][1] if row[place] not in new]
        assert untouched == [row for row in before[name][1] if row[place] not in new]


def test_a_database_of_a_newer_program_is_refused_untouched_and_calls_are_served(old: Path) -> None:
    upgrade(old)
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = columns_and_rows(old)

    async def use() -> None:
        database = Database(old)
        with pytest.raises(LogUnavailable, match="9999"):
            async with database.writing():
                pass
        log = CallLog(database)
        assert log.note(story.told_by_controller()[0])
        await database.close()

    asyncio.run(use())
    [sentence] = _log_trouble(old)
    assert "Panggilan tetap dilayani" in sentence
    assert columns_and_rows(old) == before
