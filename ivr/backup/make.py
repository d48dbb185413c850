"""`ivr backup`: the file is written under another name, read back, and only then gets its own."""

import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ivr import __version__
from ivr.backup import amounts, names, snapshot
from ivr.backup.keep import Deleted, clear_checks, keep_newest
from ivr.backup.manifest import FORMAT, RECORD, SECRETS, About, Broken, Contents
from ivr.backup.places import Item, Places
from ivr.backup.read import read
from ivr.backup.write import Writer, writing
from ivr.messages import say
from ivr.owner import other_owner
from ivr.rulebook.lastgood import rules_in_force
from ivr.rules import RulesError
from ivr.settings import Settings

PACKED = 3  # the least a database or text becomes smaller by
SPARE = 64 << 20  # bytes left on the state folder's own disk: calls need it


class CannotBackUp(Exception):
    """No backup was made, nothing is left of it; the text (Indonesian) says why and what to do."""


@dataclass(frozen=True, slots=True)
class Made:
    """A finished backup and how many bytes it has; `removed` (paths): what earlier, cut off backups had left.

    `deleted`: older backups that went; `warnings` (Indonesian): what somebody must look at all the same.
    """

    path: Path
    size: int
    contents: Contents
    removed: tuple[Path, ...]
    deleted: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Hears what is being done (Indonesian), of how many bytes, and how many of them more are done."""

    begin: Callable[[str, int], None] = lambda _what, _total: None
    advance: Callable[[int], None] = lambda _more: None


def make(
    places: Places,
    folder: Path,
    *,
    recordings: bool = False,
    keep: int | None = None,
    progress: Progress | None = None,
) -> Made:
    """Back up the installation into a new file of the folder; then delete all but the newest `keep` of it.

    Raises CannotBackUp.
    """
    check_user(places.settings.state)
    try:
        with _alone_in(folder):
            removed = _clear(folder)
            items = list(places.items(recordings=recordings))
            _check_secrets(items, places.settings.state)
            _check_space(items, folder, places.settings.state)
            with _work_in(folder) as work:
                made = _make(places, folder, work, items, recordings, removed, progress or Progress())
            if _record_is_missing(places, items):
                return replace(made, warnings=(say("backup.no_record", path=places.settings.database),))
            deleted = keep_newest(made.path, made.contents.about, keep) if keep else Deleted()
            return replace(made, deleted=deleted.paths, warnings=deleted.warnings)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise CannotBackUp(say("backup.files", reason=reason)) from error
    except Broken as error:
        raise CannotBackUp(say("backup.not_read_back", reason=error)) from error


def check_user(state: Path) -> None:
    """SQLite makes files beside a database: another user's would lock the server out. Raises CannotBackUp."""
    try:
        owner = other_owner(state)
    except OSError as error:
        raise CannotBackUp(say("backup.no_state", path=state, reason=error.strerror)) from error
    if owner:
        raise CannotBackUp(say("backup.other_user", path=state, owner=owner))


def _make(
    places: Places,
    folder: Path,
    work: Path,
    items: list[Item],
    recordings: bool,
    removed: tuple[Path, ...],
    progress: Progress,
) -> Made:
    copies = dict(_snapshots(items, work, progress))
    schema = next(
        (snapshot.schema(path) for item, path in copies.items() if item.path == places.settings.database), ""
    )
    final = _free_name(folder)
    about = About(
        FORMAT,
        __version__,
        _city(places.settings),
        socket.gethostname(),
        str(names.moment_of(final.name)),
        schema,
        str(places.settings.state),
        recordings,
    )
    packed = work / final.name
    progress.begin(say("backup.packing"), sum(map(_size, items)))
    with writing(packed, about, progress.advance) as writer:
        _add(writer, items, copies)
        _add_new(writer, places)
    size = packed.stat().st_size
    progress.begin(say("backup.reading"), sum(member.size for member in writer.members))
    contents = read(packed, told=progress.advance)
    os.rename(packed, final)  # noqa: PTH104 nobody else makes names here: the folder is locked
    _sync_folder(folder)
    return Made(final, size, contents, removed)


def _snapshots(items: list[Item], work: Path, progress: Progress) -> Iterator[tuple[Item, Path]]:
    """Every database's copy, found to be sound. Raises CannotBackUp."""
    for number, item in enumerate(item for item in items if item.database):
        path = work / f"{number}.sqlite"
        done = 0

        def told(copied: int) -> None:
            nonlocal done
            progress.advance(copied - done)
            done = copied

        progress.begin(say("backup.copying", path=item.path.name), _size(item))
        try:
            snapshot.copy(item.path, path, told)
            snapshot.check_record(path) if item.name == RECORD else snapshot.check(path)
        except snapshot.Unsound as error:
            raise CannotBackUp(say("backup.unsound", path=item.path, reason=error)) from error
        yield item, path


def _add(writer: Writer, items: list[Item], copies: dict[Item, Path]) -> None:
    for item in items:
        try:
            if item in copies:
                writer.add(item.name, copies[item], item.path.stat().st_mode & 0o777)
            else:
                writer.add(item.name, item.path, settled=item.settled)
        except FileNotFoundError:
            continue  # rotated or cleared away since we looked: under its new name it is added below


def _add_new(writer: Writer, places: Places) -> None:
    """What was given a new name (log rotation) or was made meanwhile; a row that is in two files counts once."""
    known = {member.name for member in writer.members}
    _add(writer, [item for item in places.state_items() if item.name not in known and not item.database], {})


def _city(settings: Settings) -> str:
    try:
        return rules_in_force(settings).rules.city.name
    except RulesError:
        return ""


def _size(item: Item) -> int:
    try:
        return item.path.stat().st_size
    except FileNotFoundError:
        return 0


def _check_space(items: list[Item], folder: Path, state: Path) -> None:
    recorded = sum(_size(item) for item in items if item.name.startswith("recordings/"))
    databases = sum(_size(item) for item in items if item.database)
    others = sum(map(_size, items)) - recorded
    same_disk = folder.stat().st_dev == state.stat().st_dev
    needed = databases + others // PACKED + recorded + (SPARE if same_disk else 0)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise CannotBackUp(
            say("backup.no_space", path=folder, needed=amounts.size(needed), free=amounts.size(free))
            + (" " + say("backup.without_recordings") if recorded else "")
        )


def _check_secrets(items: list[Item], state: Path) -> None:
    """No phone could register with what a restore would bring back. Raises CannotBackUp."""
    if not any(item.name == SECRETS for item in items):
        raise CannotBackUp(say("backup.no_secrets", path=state / "secrets.json"))


def _record_is_missing(places: Places, items: list[Item]) -> bool:
    """There were calls, and no database tells of them."""
    if any(item.name == RECORD for item in items):
        return False
    calls = (path.is_file() for path in places.settings.recordings.rglob("*"))
    return any(item.path.parent == places.settings.cel_file.parent for item in items) or any(calls)


def check_folder(folder: Path) -> None:
    """Backups can be kept there. Raises CannotBackUp: it, or a folder it would be in, is something else."""
    there = next(one for one in (folder, *folder.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise CannotBackUp(say("backup.no_folder", path=there))


@contextmanager
def _work_in(folder: Path) -> Iterator[Path]:
    """What cannot be removed of it afterwards is removed by the next backup."""
    with tempfile.TemporaryDirectory(
        prefix=names.PREFIX, suffix=names.SUFFIX, dir=folder, ignore_cleanup_errors=True
    ) as work:
        yield Path(work)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One backup at a time in a folder. Raises CannotBackUp, OSError."""
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotBackUp(say("backup.another", path=folder)) from error
        yield
    finally:
        os.close(descriptor)


def _clear(folder: Path) -> tuple[Path, ...]:
    """Remove what cut off backups left: the folder is locked, so none of it is in use. And old verifications'."""
    left = names.unfinished_in(folder)
    for path in left:
        shutil.rmtree(path)
    checks = {path: None for where in (folder, Path(tempfile.gettempdir())) for path in clear_checks(where)}
    return (*left, *checks)


def _free_name(folder: Path) -> Path:
    moment = datetime.now(UTC)
    while (path := folder / names.name_of(moment)).exists():
        moment += timedelta(seconds=1)
    return path


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
