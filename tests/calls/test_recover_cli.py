"""`ivr calls recover`, as an admin types it."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ivr.calls.database import Database
from ivr.calls.events import Event
from ivr.calls.recover_cli import add_recover
from ivr.calls.writer import CallLog
from tests.calls.story import answered_rows, events, told_by_controller


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


def write(path: Path, told: list[Event]) -> None:
    async def run() -> None:
        calls = CallLog(Database(path))
        await calls.store(told)
        await calls.database.close()

    asyncio.run(run())


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def recover(file: Path, into: Path) -> tuple[int, str]:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_recover(app, lambda: into)
    done = CliRunner().invoke(app, ["recover", str(file)])
    return done.exit_code, done.output


def test_what_the_damaged_file_knows_is_brought_in_once_and_the_file_is_put_away(path: Path) -> None:
    broken = path.with_name("calls.sqlite.broken-20261122-031500")
    told = [*events(answered_rows()), *told_by_controller()]
    write(broken, told)
    write(path, told[:5])
    code, said = recover(broken, path)
    assert (code, count(path)) == (0, len(told))
    assert f"{len(told) - 5} kejadian dimasukkan ke buku panggilan; 0 tidak terbaca" in said
    assert not broken.exists()
    assert count(path.with_name("calls.sqlite.recovered-20261122-031500")) == len(told)


def test_a_file_that_is_no_database_is_said_and_left(path: Path) -> None:
    broken = path.with_name("calls.sqlite.broken-1")
    broken.write_bytes(b"something else" * 1000)
    write(path, told_by_controller())
    code, said = recover(broken, path)
    assert (code, broken.exists()) == (3, False)
    assert "Tidak ada kejadian yang terbaca" in said
    assert path.with_name("calls.sqlite.unreadable-1").exists()


def test_the_record_itself_is_not_recovered_into_itself(path: Path) -> None:
    write(path, told_by_controller())
    code, _ = recover(path, path)
    assert (code, path.exists()) == (2, True)
