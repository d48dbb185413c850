"""Disks: room for recordings and the record of calls, and a second disk for what must survive the first."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ivr.doctor.context import Context
from ivr.doctor.model import Finding, error, note, ok, warning

GIB = 1 << 30
LOW_BYTES, GONE_BYTES = 2 * GIB, GIB // 4
LOW_INODES = 10_000
LOW_DAYS, GONE_DAYS = 14, 3
WEEK = 7


@dataclass(frozen=True, slots=True)
class Space:
    """What a file system has left for us; `device` is its number. Inodes are None where it counts none."""

    device: int
    free: int
    inodes: int | None


def disk(context: Context) -> Iterator[Finding]:
    """Free space wherever we write, each disk once."""
    settings = context.settings
    daily = daily_growth(context)
    seen: set[int] = set()
    for path in (settings.recordings, settings.state, settings.backups):
        space = space_of(path)
        if space.device not in seen:
            seen.add(space.device)
            yield from judged(path, space, daily if path == settings.recordings else 0.0)


def judged(path: Path, space: Space, daily: float) -> Iterator[Finding]:
    """What is to be said of a disk; `daily`: bytes that recordings grow by."""
    days = space.free / daily if daily else float("inf")
    values = {"path": path, "free": round(space.free / GIB, 1), "days": round(days) if daily else "-"}
    if space.free < LOW_BYTES:
        yield (error if space.free < GONE_BYTES else warning)("disk", "disk_low", **values)
    elif days < LOW_DAYS:
        values["daily"] = round(daily / GIB, 2)
        yield (error if days < GONE_DAYS else warning)("disk", "disk_days", **values)
    else:
        yield ok("disk", "disk_growing" if daily else "disk_ok", **values)
    if space.inodes is not None and space.inodes < LOW_INODES:
        yield warning("disk", "disk_inodes", path=path, inodes=space.inodes)


def backup_disk(context: Context) -> Iterator[Finding]:
    """A backup on the disk it is to save goes with that disk."""
    settings = context.settings
    if space_of(settings.backups).device == space_of(settings.state).device:
        yield note("backup_disk", "backup_disk_same", path=settings.backups)
    else:
        yield ok("backup_disk", "backup_disk_ok", path=settings.backups)


def space_of(path: Path) -> Space:
    """Of the disk that the path is on, or will be once it is made. Raises OSError."""
    while not path.exists():
        path = path.parent
    found = os.statvfs(path)
    inodes = found.f_favail if found.f_files else None
    return Space(path.stat().st_dev, found.f_bavail * found.f_frsize, inodes)


def daily_growth(context: Context) -> float:
    """Bytes of recordings a day, over the last seven days (their folders are the city's days)."""
    last = context.now.astimezone(context.rules.city.clock) if context.rules else context.now
    folders = [context.settings.recordings / f"{last - timedelta(days=ago):%Y/%m/%d}" for ago in range(WEEK)]
    return sum(file.stat().st_size for folder in folders for file in folder.glob("*.wav")) / WEEK
