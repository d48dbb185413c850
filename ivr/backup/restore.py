"""`ivr restore`: verified first, unpacked beside, put in place by renaming; nothing that was there is deleted."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ivr.asterisk.program import asterisk_pid
from ivr.backup import names, snapshot
from ivr.backup.manifest import ROOTS, About, Broken, Contents
from ivr.backup.places import Places
from ivr.backup.plan import FROM_BACKUP, Action, Step
from ivr.backup.read import Head, Told, read
from ivr.calls import migrations
from ivr.checks import check_ports, only_one
from ivr.messages import say
from ivr.rulebook.ask import controller_pid
from ivr.settings import Settings

NEW = ".new"  # behind the state folder's name: where a restore unpacks
BEFORE = "before-restore"  # in the names of what was there
SPARE = 16 << 20  # bytes left when everything is unpacked
UNPACKED = frozenset({Action.STATE, Action.NEW, Action.REPLACED, Action.BY_HAND})


class CannotRestore(Exception):
    """Nothing was changed; the text (Indonesian) says why and what to do."""


@dataclass(frozen=True, slots=True)
class Restored:
    """`before`: where the state folder that was there is now; `kept`: copies of files that were replaced."""

    before: Path | None
    kept: tuple[Path, ...]


def check_schema(about: About) -> None:
    """Raises CannotRestore: a newer program made this database."""
    if about.schema and about.schema not in migrations.versions():
        raise CannotRestore(say("backup.newer_schema", schema=about.schema, program=about.program))


def check_place(settings: Settings, *, ports: bool = True) -> None:
    """Nobody runs on this state folder, and it can be put aside. Raises CannotRestore, CannotStart, OSError.

    `ports`: nor does a server on the ports of the settings.
    """
    state = settings.state
    running = controller_pid(state) if state.is_dir() else None
    for name, pid in (("pengendali", running), ("Asterisk", _asterisk(settings))):
        if pid is not None:
            raise CannotRestore(say("backup.runs", name=name, pid=pid, state=state))
    if ports:
        check_ports(settings)
    parent = state.parent
    while not parent.exists():
        parent = parent.parent
    if state.is_symlink() or os.path.ismount(state) or (state.exists() and not state.is_dir()):
        raise CannotRestore(say("backup.not_movable", path=state))
    owner = (state if state.exists() else parent).stat().st_uid
    if not os.access(parent, os.W_OK | os.X_OK) or (state.exists() and owner != os.geteuid()):
        raise CannotRestore(say("backup.not_ours", path=state, parent=parent))
    if os.geteuid() == 0 and owner == 0 and not settings.allow_root:
        raise CannotRestore(say("backup.root"))


def interrupted(settings: Settings) -> Path | None:
    """What an interrupted restore left beside the state folder. Raises CannotRestore: that is somebody else's."""
    staging = _staging(settings)
    if not os.path.lexists(staging):
        return None
    if staging.is_symlink() or not staging.is_dir() or not {one.name for one in staging.iterdir()} <= ROOTS:
        raise CannotRestore(say("backup.in_the_way", path=staging))
    return staging


def restore(
    path: Path,
    contents: Contents,
    steps: Sequence[Step],
    places: Places,
    told: Told = lambda _: None,
    *,
    ports: bool = True,
) -> Restored:
    """Unpack the file that was verified as `contents` and put it in place as planned in `steps`.

    Until everything is unpacked nothing of this installation is touched. After a crash: do it again, nothing is lost.
    `ports` as of `check_place`, which is asked once more before anything is put in place: unpacking takes a while.
    Raises Broken, CannotRestore, CannotStart, OSError.
    """
    settings, staging = places.settings, _staging(places.settings)
    with _alone(settings):
        if left := interrupted(settings):
            shutil.rmtree(left)
        try:
            staging.mkdir(parents=True, mode=0o700)
            (staging / "state").mkdir(mode=0o750)
            _unpack(path, contents, steps, staging, told)
            snapshot_file = staging / "state" / settings.database.name
            if contents.about.state != str(settings.state) and snapshot_file.exists():
                snapshot.relocate(snapshot_file, contents.about.state, str(settings.state))
            os.sync()
            check_place(settings, ports=ports)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        return _put_in_place(steps, places, staging)


def _unpack(path: Path, contents: Contents, steps: Sequence[Step], staging: Path, told: Told) -> None:
    wanted = {step.member.name for step in steps if step.action in UNPACKED}

    def receive(head: Head) -> BinaryIO | None:
        if head.name not in wanted:
            return None
        if head.size + SPARE > shutil.disk_usage(staging).free:
            raise OSError(28, os.strerror(28), str(staging))
        return _new_file(staging / head.name, head)

    if read(path, receive, told) != contents:
        raise Broken(say("backup.changed", path=path))


def _new_file(target: Path, head: Head) -> BinaryIO:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(target, flags, 0o600)
    os.fchmod(descriptor, head.mode)
    os.utime(descriptor, (head.mtime, head.mtime))
    return os.fdopen(descriptor, "wb")


def _put_in_place(steps: Sequence[Step], places: Places, staging: Path) -> Restored:
    """What lies outside first, the state folder last: it is what tells whether the restore was finished."""
    settings, stamp = places.settings, names.stamp(datetime.now(UTC))
    kept = []
    for step in steps:
        staged = staging / step.member.name
        if step.action is Action.BY_HAND:
            _move(staged, staging / "state" / FROM_BACKUP / step.member.name)
        elif step.target is not None and step.action is Action.REPLACED:
            kept.append(_free(step.target.with_name(f"{step.target.name}.{BEFORE}-{stamp}")))
            shutil.copy2(step.target, kept[-1])
            _move(staged, step.target)
        elif step.target is not None and step.action is Action.NEW:
            _move(staged, step.target)
    before = None
    if settings.state.exists():
        before = _free(settings.state.with_name(f"{settings.state.name}.{BEFORE}-{stamp}"))
        settings.state.rename(before)
    (staging / "state").rename(settings.state)
    for folder in places.inside():
        if before is not None and (old := before / folder.relative_to(settings.state)).exists():
            folder.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            old.rename(folder)
    shutil.rmtree(staging)
    os.sync()
    return Restored(before, tuple(kept))


def _move(staged: Path, target: Path) -> None:
    """In one step, also onto another disk."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    if staged.stat().st_dev != target.parent.stat().st_dev:
        beside = target.with_name(f".{target.name}{NEW}")
        shutil.copy2(staged, beside)
        staged = beside
    staged.replace(target)


def _free(path: Path) -> Path:
    """The path, or with a number behind it when something is there already."""
    number, wanted = 1, path
    while os.path.lexists(path):
        number += 1
        path = wanted.with_name(f"{wanted.name}-{number}")
    return path


def _staging(settings: Settings) -> Path:
    return settings.state.with_name(settings.state.name + NEW)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """No server may start meanwhile, and nobody else restore. Raises CannotRestore, CannotStart, OSError."""
    parent = settings.state.parent
    parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotRestore(say("backup.another_restore", path=parent)) from error
        with only_one(settings) if settings.state.exists() else nullcontext():
            yield
    finally:
        os.close(descriptor)


def _asterisk(settings: Settings) -> int | None:
    """The process of the Asterisk that runs on this folder; a number left behind may be somebody else's by now."""
    pid = asterisk_pid(settings)
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    return pid if str(settings.asterisk_etc).encode() in command else None
