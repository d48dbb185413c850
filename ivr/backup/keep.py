"""The backups of a folder: which there are, whether one is whole, and which of them may go."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from ivr.backup import amounts, names, snapshot
from ivr.backup.manifest import RECORD, About, Broken, Contents
from ivr.backup.read import Head, Told, read, read_about
from ivr.messages import say

AHEAD = timedelta(hours=1)  # a later date than this from now was given by a clock that was wrong
OLD = 24 * 3600.0  # seconds; no verifying takes that long


@dataclass(frozen=True, slots=True)
class Listed:
    """A backup in its folder; `about` is None when its beginning cannot be read. Not verified."""

    path: Path
    size: int
    about: About | None


@dataclass(frozen=True, slots=True)
class Surplus:
    """`paths` may go, oldest first; `ahead` are dated in the future: not counted, not to be deleted."""

    paths: tuple[Path, ...]
    ahead: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Deleted:
    """What went, and in sentences (Indonesian) what did not."""

    paths: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """A whole backup; `settings` is the text of its `.env`, None when it has none."""

    contents: Contents
    settings: bytes | None


def listed(folder: Path) -> list[Listed]:
    """Newest first. Raises OSError."""
    return [Listed(path, path.stat().st_size, _about(path)) for path in reversed(names.backups_in(folder))]


def surplus(made: Path, about: About, keep: int) -> Surplus:
    """All but `made` and the newest `keep` - 1 others of this installation; what cannot be read is not ours.

    `made` stays whatever the names of the others say: the clock may have been ahead once. Raises OSError.
    """
    ours = [one.path for one in listed(made.parent) if one.about and one.about.same_installation(about)]
    others = [path for path in ours if path != made]
    ahead = [path for path in others if _moment(path) > datetime.now(UTC) + AHEAD]
    counted = [path for path in others if path not in ahead]
    return Surplus(tuple(reversed(counted[keep - 1 :])), tuple(ahead))


def keep_newest(made: Path, about: About, keep: int) -> Deleted:
    """Delete the surplus. What cannot be deleted is a warning: the backup itself was made."""
    try:
        found = surplus(made, about, keep)
    except OSError as error:
        return Deleted(warnings=(_not_deleted(made.parent, error),))
    deleted, warnings = [], [say("backup.ahead", path=path) for path in found.ahead]
    for path in found.paths:
        try:
            path.unlink(missing_ok=True)
            deleted.append(path)
        except OSError as error:
            warnings.append(_not_deleted(path, error))
    return Deleted(tuple(deleted), tuple(warnings))


def _not_deleted(path: Path, error: OSError) -> str:
    return say("backup.not_deleted", path=path, reason=error.strerror or error)


def clear_checks(folder: Path) -> list[Path]:
    """Remove what cut off verifications left, which holds citizens' data; the folders removed. Raises OSError."""
    left = [path for path in names.checks_in(folder) if _is_old(path)]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return [path for path in left if not path.exists()]


def _is_old(path: Path) -> bool:
    there = path.stat()
    return there.st_uid == os.geteuid() and time.time() - there.st_mtime > OLD


def _moment(path: Path) -> datetime:
    return names.moment_of(path.name) or datetime.min.replace(tzinfo=UTC)


def verify(path: Path, told: Told = lambda _: None) -> Verified:
    """Read all of it, and open the databases inside. Raises Broken (the text names the place), OSError."""
    with _room(path) as work:
        databases: dict[str, Path] = {}
        settings = work / "settings"

        def receive(head: Head) -> BinaryIO | None:
            if head.name == "project/.env":
                return settings.open("xb")
            if head.name != RECORD and not head.first.startswith(snapshot.MAGIC):
                return None
            if head.size > shutil.disk_usage(work).free:
                raise OSError(28, say("backup.no_room", needed=amounts.size(head.size)), str(work))
            databases[head.name] = work / f"{len(databases)}.sqlite"
            return databases[head.name].open("xb")

        contents = read(path, receive, told)
        for name, database in databases.items():
            try:
                snapshot.check_record(database) if name == RECORD else snapshot.check(database)
            except snapshot.Unsound as error:
                raise Broken(say("backup.damaged", place=name, reason=error)) from error
        return Verified(contents, settings.read_bytes() if settings.exists() else None)


@contextlib.contextmanager
def _room(path: Path) -> Iterator[Path]:
    """A folder for databases: beside the backup, where there was room for it, or where the system has some."""
    with contextlib.ExitStack() as stack:
        try:
            beside = tempfile.TemporaryDirectory(prefix=names.PREFIX, suffix=names.CHECKING, dir=path.parent)
        except OSError:
            beside = tempfile.TemporaryDirectory(prefix=names.PREFIX, suffix=names.CHECKING)
        yield Path(stack.enter_context(beside))


def _about(path: Path) -> About | None:
    try:
        return read_about(path)
    except (Broken, OSError):
        return None
