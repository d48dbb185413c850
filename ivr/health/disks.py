"""How much room is left on a disk, and for how long."""

import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

HOUR = 3600.0  # seconds
KEPT = 24 * HOUR
SHORTEST = 2 * HOUR  # a shorter look at a disk says nothing of its pace
APART = 600.0


@dataclass(frozen=True, slots=True)
class Disk:
    """One folder's disk: bytes free for an ordinary user, bytes in all; `hours_left` at the pace seen so far."""

    what: str
    path: Path
    free: int
    total: int
    device: int = 0
    hours_left: float | None = None


def measure(what: str, path: Path) -> Disk:
    """The disk now, of the folder or of the nearest one above that exists. Raises OSError; may hang with the disk."""
    while not path.exists() and path != path.parent:
        path = path.parent
    room = os.statvfs(path)
    return Disk(what, path, room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize, path.stat().st_dev)


@dataclass
class Pace:
    """Remembers a day of looks at one disk."""

    _looks: deque[tuple[float, int]] = field(default_factory=deque)

    def hours_left(self, now: float, free: int) -> float | None:
        """Until the disk is full if it goes on like this; None when it does not fill, or not known yet.

        `now` in seconds of a clock that nobody sets.
        """
        looks = self._looks
        if not looks or now - looks[-1][0] >= APART:
            looks.append((now, free))
        while now - looks[0][0] > KEPT:
            looks.popleft()
        since, before = looks[0]
        if now - since < SHORTEST or free >= before:
            return None
        return free / (before - free) * (now - since) / HOUR
