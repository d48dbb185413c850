"""The backups of a folder: which there are, whether one is whole, and which of them may go."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ivr.backup import names, snapshot
from ivr.backup.manifest import About, Broken, Contents
from ivr.backup.read import Head, Told, read, read_about
from ivr.messages import say


@dataclass(frozen=True, slots=True)
class Listed:
    """A backup in its folder; `about` is None when its beginning cannot be read. Not verified."""

    path: Path
    size: int
    about: About | None


@dataclass(frozen=True, slots=True)
class Verified:
    """A whole backup; `settings` is the text of its `.env`, None when it has none."""

    contents: Contents
    settings: bytes | None


def listed(folder: Path) -> list[Listed]:
    """Newest first. Raises OSError."""
    return [Listed(path, path.stat().st_size, _about(path)) for path in reversed(names.backups_in(folder))]


def surplus(folder: Path, newest: About, keep: int) -> list[Path]:
    """All but the newest `keep` of this installation's backups, oldest first; what cannot be read is not ours."""
    ours = [one.path for one in listed(folder) if one.about and one.about.same_installation(newest)]
    return ours[keep:][::-1]


def verify(path: Path, told: Told = lambda _: None) -> Verified:
    """Read all of it, and open the databases inside. Raises Broken (the text names the place), OSError."""
    with _room(path) as work:
        databases: dict[str, Path] = {}
        settings = work / "settings"

        def receive(head: Head) -> BinaryIO | None:
            if head.name == "project/.env":
                return settings.open("xb")
            if not head.first.startswith(snapshot.MAGIC):
                return None
            if head.size > shutil.disk_usage(work).free:
                raise OSError(28, say("backup.no_room", needed=head.size), str(work))
            databases[head.name] = work / f"{len(databases)}.sqlite"
            return databases[head.name].open("xb")

        contents = read(path, receive, told)
        for name, database in databases.items():
            try:
                snapshot.check(database)
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
