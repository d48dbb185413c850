"""Who may read what: passwords and citizens' voices are nobody else's business."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ivr import settings as settings_module
from ivr.doctor.context import Context
from ivr.doctor.model import Finding, error, note, ok, some, warning
from ivr.messages import say
from ivr.owner import owner_of, user_name

OTHERS, GROUP_OR_OTHERS = 0o007, 0o077
MOST_FILES = 20_000  # of a folder with years of recordings, so many are looked at
SECRET_SETTINGS = ("ALARM_URL", "PASSWORD", "SECRET")


def access(context: Context) -> Iterator[Finding]:
    """What the doctor itself may not read, once; and what did not answer."""
    settings = context.settings
    if context.hung:
        yield error("access", "access_hung", parts=some(context.hung))
    if not _exists(settings.state):
        yield error("access", "access_no_state", path=settings.state)
    elif context.unreadable:
        paths, name = some(map(str, context.unreadable)), owner_of(settings.state)
        yield warning("access", "access_denied", paths=paths, owner=name)
    else:
        yield ok("access", "access_ok", path=settings.state)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True


def root(context: Context) -> Iterator[Finding]:
    """Neither process is root's: what reads strangers' packets must not own the machine."""
    running = {"Asterisk": context.asterisk, say("doctor.controller"): context.controller}
    owners = {who: (context.proc / str(pid)).stat().st_uid for who, pid in running.items() if pid is not None}
    if roots := [who for who, owner in owners.items() if owner == 0]:
        yield warning("root", "root_running", who=some(roots))
    elif owners:
        yield ok("root", "root_ok", user=some(sorted({user_name(owner) for owner in owners.values()})))


def folders(context: Context) -> Iterator[Finding]:
    """State and recordings are closed to other users of the machine."""
    closed = True
    for path in (context.settings.state, context.settings.recordings):
        if path.exists() and (mode := path.stat().st_mode & 0o777) & OTHERS:
            closed = False
            yield warning("folders", "folders_open", path=path, mode=f"{mode:o}")
    if closed:
        yield ok("folders", "folders_ok")


def files(context: Context) -> Iterator[Finding]:
    """Files with passwords and the record of calls belong to their owner alone."""
    settings = context.settings
    generated = settings.asterisk_etc / "generated"
    wanted = [settings.state / "secrets.json", *sorted(generated.glob("*.conf"))]
    wanted += sorted(settings.state.glob(f"{settings.database.name}*")) + sorted(settings.state.glob("journal/*"))
    if settings.trunk_file:
        wanted.append(settings.trunk_file)
    there = [path for path in wanted if path.exists()]
    closed = True
    for path in there:
        mode = path.stat().st_mode & 0o777
        if mode & (OTHERS if path == settings.trunk_file else GROUP_OR_OTHERS):
            closed = False
            yield warning("files", "files_open", path=path, mode=f"{mode:o}")
    yield from _environment()
    if closed and there:
        yield ok("files", "files_ok", count=len(there))


def _environment() -> Iterator[Finding]:
    path = settings_module.PROJECT / ".env"
    if not path.exists() or not path.stat().st_mode & OTHERS:
        return
    lines = path.read_text(encoding="utf-8", errors="replace").upper().splitlines()
    if any(word in line for line in lines if not line.lstrip().startswith("#") for word in SECRET_SETTINGS):
        yield warning("files", "files_environment", path=path, mode=f"{path.stat().st_mode & 0o777:o}")


def owner(context: Context) -> Iterator[Finding]:
    """All files are the service's: what root made by mistake, the service cannot write."""
    settings = context.settings
    if not settings.state.exists():
        return
    service = settings.state.stat().st_uid
    below = [path for folder in (settings.state, settings.recordings) for path in _walk(folder)]
    strange = [path for path in below if path.lstat().st_uid != service]
    if strange:
        name = user_name(service)
        yield warning("owner", "owner_strange", count=len(strange), path=strange[0], user=name, state=settings.state)
    if os.geteuid() not in {service, 0}:
        yield note("owner", "owner_other", user=user_name(service))
    if below and not strange:
        yield ok("owner", "owner_ok", count=len(below), user=user_name(service))


def _walk(folder: Path) -> Iterator[Path]:
    everything = (Path(place) / name for place, below, names in os.walk(folder) for name in (*below, *names))
    return islice(everything, MOST_FILES)
