"""The database file: one writer at a time, any number of readers, errors as `LogUnavailable`."""

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from ivr.calls.aside import Identity, identity, is_damage, is_none, put_aside
from ivr.calls.migrations import TablesUnknown, upgrade

log = logging.getLogger(__name__)

WRITING = "BEGIN IMMEDIATE"
PUT_ASIDE_AGAIN = 600.0  # seconds; a disk that breaks every file must not have the record made anew all the time


class LogUnavailable(Exception):
    """The database cannot be used now: locked, disk full, missing, damaged. `__cause__` says which."""


class LogNewer(LogUnavailable):
    """A newer version of the program made the database."""


class Unstorable(Exception):
    """The database works and refuses this content; trying again would not help."""


class Database:
    """An async engine on aiosqlite.

    * WAL: people read while the writer writes.
    * `BEGIN IMMEDIATE`: SQLAlchemy's default begins late and loses updates silently (project facts, Database).
    * `synchronous=FULL`: a commit survives a power cut. It costs about 1 ms, and no call ever waits for it.
    """

    def __init__(self, path: Path, busy_seconds: float = 5.0) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._engine: AsyncEngine | None = None
        self._file: tuple[int, int] | None = None
        self._opened = 0
        self._writing = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._put_aside = -PUT_ASIDE_AGAIN
        self._in_use = 0
        self._idle = asyncio.Event()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write: committed at the end, rolled back by an exception.

        Raises LogUnavailable, Unstorable.
        """
        async with self._writing, self._transaction(WRITING) as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads and blocks nobody."""
        async with self._transaction("BEGIN") as connection:
            yield connection

    @property
    def identity(self) -> tuple[int, int] | None:
        """Which file is in use: device, and how many were before it (a new file may get the old one's inode).

        None when it is not the one that is there now, and before the first use.
        """
        now = identity(self.path)
        return None if now is None or now != self._file else (now[0], self._opened)

    async def close(self) -> None:
        """Ends the connections, once whoever uses one has finished; the database can be used again afterwards.

        It waits no longer than a transaction may wait for its turn. A connection dropped in use is never given back.
        """
        self._idle.clear()
        if self._in_use:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._busy_seconds + 1):
                    await self._idle.wait()
        await self._dispose()

    async def _dispose(self) -> None:
        engine, self._engine, self._file = self._engine, None, None
        if engine is not None:
            await engine.dispose()

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[AsyncConnection]:
        self._in_use += 1
        seen, opened = identity(self.path), False
        try:
            engine = await self._ready()
            seen, opened = self._file, True
            async with engine.connect() as connection:
                await connection.execution_options(ivr_begin=begin)
                try:
                    async with connection.begin():
                        yield connection
                finally:
                    if engine is not self._engine:  # closed meanwhile: its pool takes nothing back
                        await connection.invalidate()
        except (SQLAlchemyError, sqlite3.Error, OSError, TablesUnknown) as error:
            # of a damaged one much may still be read; but what cannot be opened or written keeps no record
            if is_none(error) or (is_damage(error) and (begin == WRITING or not opened)):
                await self._set_aside(seen)
            raise _named(error) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # a value of a wrong type or size: it must not end the writer
            raise Unstorable(f"{type(error).__name__}: {error}") from error
        finally:
            self._in_use -= 1
            if not self._in_use:
                self._idle.set()

    async def _set_aside(self, seen: Identity | None) -> None:
        """Something else lies in its place (a wrong copy, zeros after a power cut), or it is too damaged to write to.

        It is kept beside, for `ivr calls recover`.
        """
        if time.monotonic() - self._put_aside < PUT_ASIDE_AGAIN:
            return
        async with self._opening:
            if self._engine is not None and self._file != seen:
                return  # somebody was quicker
            self._put_aside = time.monotonic()
            await self._dispose()
            kept = await asyncio.to_thread(put_aside, self.path, seen)
        if kept is not None:
            log.error(
                "%s is no database or damaged: kept as %s, a new one is made of the journals; "
                "bring in what else can be read of it: ivr calls recover",
                self.path,
                kept.name,
            )

    async def _ready(self) -> AsyncEngine:
        """The engine on the file that is there now; a file deleted under us is made anew, not written as a ghost."""
        async with self._opening:
            if self._engine is None or self._file != identity(self.path):
                await self._dispose()
                await asyncio.to_thread(upgrade, self.path)
                self._engine, self._file = self._new_engine(), identity(self.path)
                self._opened += 1
            return self._engine

    def _new_engine(self) -> AsyncEngine:
        url = URL.create("sqlite+aiosqlite", database=str(self.path))
        engine = create_async_engine(
            url, connect_args={"timeout": self._busy_seconds}, pool_size=3, hide_parameters=True
        )
        event.listen(engine.sync_engine, "connect", _prepare)
        event.listen(engine.sync_engine, "begin", _begin)
        return engine


@contextmanager
def reader(path: Path) -> Iterator[Connection]:
    """A read-only connection for the command line. Raises LogUnavailable; never creates the file."""
    url = URL.create("sqlite", database=path.resolve().as_uri(), query={"mode": "ro", "uri": "true"})
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": 5.0}, hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield connection
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise LogUnavailable(reason_of(error)) from error
    finally:
        engine.dispose()


def _named(error: Exception) -> LogUnavailable | Unstorable:
    if isinstance(error, TablesUnknown):
        return LogNewer(str(error))
    # a StatementError that is not the database's own is raised while values are made ready for it
    refused = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
    kind = Unstorable if refused or isinstance(error, DataError | IntegrityError) else LogUnavailable
    return kind(reason_of(error))


def reason_of(error: Exception) -> str:
    """Without the statement and its values, which name callers."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}"


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the begin event begins, nothing else does
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("ivr_begin", "BEGIN"))
