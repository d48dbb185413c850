"""Questions to the record of calls that leave nothing beside it.

Opening a database in WAL mode, even only to read, makes its `-wal` and `-shm`, and a reader cannot remove them. While
both are missing nobody has it open, and all that was committed is in the file itself: then it is read as one that
does not change (`immutable`). Source: https://sqlite.org/wal.html#readonly, https://sqlite.org/uri.html.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from ivr.calls.database import LogUnavailable, reader, reason_of

Answer = TypeVar("Answer")

BESIDE = ("-wal", "-shm", "-journal")


def ask(database: Path, question: Callable[[Connection], Answer]) -> Answer:
    """What `question` returns. Raises LogUnavailable. A server that starts meanwhile makes it be asked again."""
    before = _alone(database)
    if before is not None:
        try:
            answer = _asked_alone(database, question)
        except LogUnavailable:
            if _alone(database) == before:
                raise
        else:
            if _alone(database) == before:
                return answer
    with reader(database) as connection:
        return question(connection)


def _alone(database: Path) -> tuple[int, int] | None:
    """When the file was last written and its size, None where somebody may have it open, or it cannot be seen."""
    try:
        found = database.stat()
        taken = any(Path(f"{database}{end}").exists() for end in BESIDE)
    except OSError:
        return None
    return None if taken else (found.st_mtime_ns, found.st_size)


def _asked_alone(database: Path, question: Callable[[Connection], Answer]) -> Answer:
    query = {"mode": "ro", "immutable": "1", "uri": "true"}
    engine = create_engine(
        URL.create("sqlite", database=database.resolve().as_uri(), query=query),
        poolclass=NullPool,
        hide_parameters=True,
    )
    try:
        with engine.connect() as connection:
            return question(connection)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise LogUnavailable(reason_of(error)) from error
    finally:
        engine.dispose()
