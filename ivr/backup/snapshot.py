"""Copies of SQLite files that others are writing to, and whether a copy is sound."""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ivr.messages import say

MAGIC = b"SQLite format 3\0"
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file, and makes again
PAGES = 250  # copied at once; then the disk is left to others for as long as that took
PATIENCE = 15.0  # seconds for somebody who holds the file alone


class Unsound(Exception):
    """The database cannot be copied or is damaged; the text is SQLite's own, or says that it is empty."""


def is_database(path: Path) -> bool:
    """Whether the file is SQLite's. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def copy(source: Path, target: Path, told: Callable[[int], None] = lambda _: None) -> None:
    """The database as it is at one moment, into a new file of mode 0600, by SQLite's online backup.

    The moment is held by a read transaction: without it, each commit of a writer would make the copying begin again
    (https://sqlite.org/c3ref/backup_finish.html), and under a busy writer it would never end. In WAL mode it keeps
    no writer waiting. Both use one disk, so half of the time is left to the writer: on a busy machine it came to 3
    commits in 2 s without that, to 80 with it. `told` hears the bytes copied so far.

    Raises Unsound, and OSError when the disk is full.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            closing(sqlite3.connect(_uri(source), uri=True, timeout=PATIENCE, isolation_level=None)) as reading,
            closing(sqlite3.connect(target, isolation_level=None)) as written,
        ):
            size = reading.execute("PRAGMA page_size").fetchone()[0]
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the moment is now
            written.execute("PRAGMA synchronous=OFF")

            began = time.monotonic()

            def progress(_state: int, left: int, pages: int) -> None:
                nonlocal began
                told((pages - left) * size)
                time.sleep(time.monotonic() - began)
                began = time.monotonic()

            reading.backup(written, pages=PAGES, progress=progress)
    except sqlite3.Error as error:
        raise _named(error, target) from error


def check(path: Path) -> None:
    """Of a file nobody writes to. Raises Unsound: it is damaged, or a row refers to one that is not there."""
    try:
        with closing(_quiet(path)) as connection:
            said = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
            if said != ["ok"]:
                raise Unsound(f"integrity_check: {said[0] if said else '-'}")
            if orphan := connection.execute("PRAGMA foreign_key_check").fetchone():
                raise Unsound(f"foreign_key_check: {orphan[0]}, {orphan[1]} -> {orphan[2]}")
    except sqlite3.Error as error:
        raise _named(error, path) from error


def check_record(path: Path) -> None:
    """As `check`, of the record of calls: an empty file is a sound database to SQLite, and none to us."""
    check(path)
    if not schema(path):
        raise Unsound(say("backup.empty"))


def schema(path: Path) -> str:
    """The version Alembic wrote into the database, "" when there is none. Raises Unsound."""
    try:
        with closing(_quiet(path)) as connection:
            there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if there else None
    except sqlite3.Error as error:
        raise _named(error, path) from error
    return str(row[0]) if row else ""


def relocate(path: Path, before: str, after: str) -> None:
    """How far files below the folder `before` were read, as of the same files below `after`. Raises Unsound."""
    statement = "UPDATE cel_position SET path = ? || substr(path, ?) WHERE substr(path, 1, ?) = ?"
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'cel_position'").fetchone():
                connection.execute(statement, (after, len(before) + 1, len(before) + 1, f"{before}/"))
    except sqlite3.Error as error:
        raise _named(error, path) from error


def _uri(path: Path, **options: str) -> str:
    return f"{path.absolute().as_uri()}?mode=ro" + "".join(f"&{name}={value}" for name, value in options.items())


def _quiet(path: Path) -> sqlite3.Connection:
    """A connection that makes no file beside it."""
    return sqlite3.connect(_uri(path, immutable="1"), uri=True)


def _named(error: sqlite3.Error, path: Path) -> Exception:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF == sqlite3.SQLITE_FULL:
        return OSError(28, os.strerror(28), str(path))
    return Unsound(str(error))
