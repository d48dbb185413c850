"""A database file that is none, or is damaged, is moved out of the way and kept."""

import contextlib
import os
import sqlite3
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from ivr.alone import alone

BESIDE = ("-wal", "-shm")

Identity = tuple[int, int]
"""Device and inode."""


def identity(path: Path) -> Identity | None:
    """Which file it is, None when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 one system call in the event loop, no Path object
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def is_damage(error: BaseException) -> bool:
    """Whether SQLite found that the file is no database, or damaged."""
    return is_none(error) or _code(error) == sqlite3.SQLITE_CORRUPT


def is_none(error: BaseException) -> bool:
    """Whether SQLite found that the file is no database."""
    return _code(error) == sqlite3.SQLITE_NOTADB


def put_aside(path: Path, seen: Identity | None) -> Path | None:
    """Where the file is now, with what belongs to it, under names by which SQLite still finds that.

    None when it is no longer the one that was `seen`: another process was quicker, and the one there now is good.
    Raises OSError.
    """
    with alone(path.parent):
        if seen is None or identity(path) != seen:
            return None
        moment = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
        names = (path.with_name(f"{path.name}.broken-{moment}{f'-{n}' if n else ''}") for n in count())
        kept = next(name for name in names if not name.exists())
        move(path, kept)
        return kept


def move(path: Path, kept: Path) -> None:
    """The file and what belongs to it. Raises OSError."""
    path.rename(kept)
    for end in BESIDE:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{end}").rename(f"{kept}{end}")


def _code(error: BaseException) -> int:
    """SQLite's primary result code, without what an extended one adds; 0 for none."""
    cause = getattr(error, "orig", None) or error
    code: int = getattr(cause, "sqlite_errorcode", 0)
    return code & 0xFF
