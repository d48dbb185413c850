"""How often the controller and Asterisk were started again, and why: noted by whoever does it.

One small file, `restarts.json`, replaced whole under a lock: the supervisor and the controller both write it.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from ivr.alone import alone
from ivr.rulebook.durable import replace

log = logging.getLogger(__name__)

FILE = "restarts.json"
RECENT = 50  # what is kept one by one


class Reason(StrEnum):
    """CONTROLLER_STARTED is every start, also the first; CONTROLLER_STOPPED the end of a run that was asked to end.

    The controller notes these two, `ivr up` and `ivr watch` the others. What was killed because it was frozen has
    ended, too: `ivr up` counts both.
    """

    CONTROLLER_STARTED = "controller_started"
    CONTROLLER_STOPPED = "controller_stopped"
    CONTROLLER_FROZEN = "controller_frozen"
    CONTROLLER_ENDED = "controller_ended"
    ASTERISK_FROZEN = "asterisk_frozen"
    ASTERISK_ENDED = "asterisk_ended"


@dataclass(frozen=True, slots=True)
class Restarts:
    """`since`: the first note of the installation (UTC), None before it; `recent`: the last ones, oldest first."""

    since: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    recent: tuple[tuple[datetime, str], ...] = ()

    def within(self, reason: Reason, span: timedelta, now: datetime) -> int:
        """How many of one kind there were in the last `span`."""
        return sum(kind == reason and timedelta(0) <= now - at <= span for at, kind in self.recent)

    def last(self, reason: Reason, now: datetime) -> datetime | None:
        """When the last one of a kind was, None when none is known; those of the future do not count."""
        return max((at for at, kind in self.recent if kind == reason and at <= now), default=None)

    def count(self, reason: str) -> int:
        """How many of one kind there were ever."""
        return self.counts.get(reason, 0)


def note(folder: Path, reason: Reason, now: datetime | None = None) -> None:
    """Count one. A disk that cannot be written costs the count and nothing else."""
    at = now or datetime.now(UTC)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        with alone(folder):
            replace(folder / FILE, json.dumps(_as_json(_one_more(read(folder), reason, at))).encode())
    except OSError as error:
        log.error("a restart (%s) is not counted: %s", reason, error)


def read(folder: Path) -> Restarts:
    """What was noted; nothing when there is no such file or it cannot be read."""
    try:
        row = json.loads((folder / FILE).read_bytes())
        recent = tuple((_time(at), str(reason)) for at, reason in row["recent"])
        return Restarts(_time(row["since"]), {str(name): int(n) for name, n in row["counts"].items()}, recent)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return Restarts()


def _one_more(before: Restarts, reason: Reason, at: datetime) -> Restarts:
    counts = {**before.counts, reason: before.count(reason) + 1}
    return Restarts(before.since or at, counts, (*before.recent, (at, reason))[-RECENT:])


def _as_json(restarts: Restarts) -> dict[str, Any]:
    recent = [[at.isoformat(), reason] for at, reason in restarts.recent]
    since = restarts.since.isoformat() if restarts.since else None
    return {"since": since, "counts": dict(restarts.counts), "recent": recent}


def _time(text: str) -> datetime:
    """Raises TypeError, ValueError."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
