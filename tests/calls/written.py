"""A record of calls under test: what goes in, what is in it."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from ivr.calls import query
from ivr.calls.database import Database, reader
from ivr.calls.events import Event, Kind, happened
from ivr.calls.projection import CallRecord
from ivr.calls.writer import CallLog
from tests.calls.story import CALL, at


def with_log(path: Path, work: Callable[[CallLog], Awaitable[None]]) -> None:
    async def run() -> None:
        async with CallLog(Database(path, busy_seconds=0.05)) as calls:
            await work(calls)

    asyncio.run(run())


def stored(path: Path, call_id: str = CALL) -> CallRecord | None:
    with reader(path) as connection:
        found = query.call(connection, call_id)
    return found and found[0]


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (number,) = connection.execute("SELECT count(*) FROM events").fetchone()
    return int(number)


async def said(words: str, log: pytest.LogCaptureFixture) -> None:
    """Wait until the log says so."""
    async with asyncio.timeout(20):
        while words not in log.text:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.005)


def key(call_id: str, number: int) -> Event:
    return happened(call_id, Kind.KEY_PRESSED, at=at(number / 1000), question="area", keys=str(number))
