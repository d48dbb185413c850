"""Looks at everything every few seconds and keeps the alarms; answers `/live`, `/ready` and `/metrics` from it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ivr.asterisk import lines
from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import ManagerError
from ivr.calls.database import Database, LogUnavailable, Unstorable
from ivr.calls.statistics import CallStatistics, Statistics
from ivr.deadline import beside
from ivr.health.alarms import Alarms, as_json
from ivr.health.conditions import CONDITIONS, Facts, decide
from ivr.health.disks import Disk, Pace, measure
from ivr.health.http import Answers
from ivr.health.metrics import Snapshot, page
from ivr.messages import say
from ivr.restarts import Restarts
from ivr.restarts import read as read_restarts
from ivr.rulebook.edition import Edition
from ivr.rulebook.status import Status

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds
DEADLINE = 3.0  # seconds for each fact
STATISTICS_AGE = 5.0  # seconds
LOOKS, LOOK_EVERY = 20, 0.1  # at the events that wait; seconds

Found = TypeVar("Found")
Moment = tuple[datetime | None] | None  # found, found missing, not found out


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the controller lets us look; every callable answers at once unless it is said otherwise."""

    folder: Path  # state/health
    disks: Mapping[str, Path]  # "state", "recordings"
    manager: AsteriskManager
    database: Database
    waiting: Callable[[], int]  # events on no disk yet
    journaled: Callable[[], int]  # events not in the database yet
    dropped: Callable[[], int]
    sessions: Callable[[], int]  # callers who are being asked
    door_ok: Callable[[], bool]  # a call that came now would be taken
    stopping: Callable[[], bool]
    edition: Callable[[], Edition | None]  # the rules that new calls are asked by
    rules: Callable[[], Status | None]  # may read a file
    last_heartbeat: Callable[[], datetime | None]  # may read a file; raises OSError
    heartbeat_every: timedelta
    last_backup: Callable[[], datetime | None]  # may read a folder; raises OSError


class Watchkeeper:
    """`run()` keeps the alarms; `answers` is for the `HealthServer`."""

    def __init__(self, sources: Sources, alarms: Alarms, every: float = EVERY) -> None:
        self._sources, self._alarms, self._every = sources, alarms, every
        self._statistics = CallStatistics(sources.database)
        self._known: Statistics | None = None
        self._known_at = float("-inf")
        self._database_up: bool | None = None
        self._paces: dict[str, Pace] = {}
        self._seen: Mapping[str, tuple[bool, float]] = {}
        self._since = datetime.now(UTC)
        self._asking = _Asking()
        self._facts = Facts(self._since, time.monotonic())

    @property
    def answers(self) -> Answers:
        """What is shown to the outside."""
        return Answers(self._not_live, self._not_ready, self._shown, self._metrics)

    async def run(self) -> NoReturn:
        """Looks until cancelled, and leaves no question open behind it."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(self._every)
        finally:
            await self._asking.close()

    async def look(self) -> Facts:
        """Once: collects the facts, raises and clears alarms."""
        self._facts = facts = await self._collect()
        standing = {alarm.key for alarm in self._alarms.standing}
        decision = decide(facts, standing, self._seen)
        self._seen = decision.seen
        where = {condition.key: condition.where for condition in CONDITIONS}
        for key, text in decision.standing.items():
            self._alarms.raise_(key, text, where[key])
        for key in decision.over:
            self._alarms.clear(key)
        return facts

    async def _collect(self) -> Facts:
        sources = self._sources
        up = sources.manager.connected
        (reachable, registrations, queue), disks, (kept, heartbeat, backup), waiting, _ = await asyncio.gather(
            self._lines(up), self._disks(), self._files(), self._stuck(), self._count()
        )
        now = datetime.now(UTC)
        self._since = min(self._since, now)  # the clock may have been set back
        return Facts(
            now=now,
            clock=time.monotonic(),
            disks=disks,
            waiting_events=waiting,
            database=self._database_up,
            asterisk=up,
            reachable=reachable,
            registrations=registrations,
            queue=queue,
            heartbeat_every=sources.heartbeat_every,
            heartbeat_expected_since=self._since,
            last_heartbeat=heartbeat[0] if heartbeat else None,
            last_lifeline=self._known.last_lifeline if self._known else None,
            restarts=kept[0] if kept else None,
            last_backup=backup[0] if backup else None,
            backups_known=backup is not None,
        )

    async def _lines(
        self, up: bool
    ) -> tuple[Mapping[str, bool] | None, tuple[lines.Registration, ...] | None, lines.Queue | None]:
        if not up:
            return None, None, None
        manager = self._sources.manager
        return await asyncio.gather(
            self._asking.ask("phones", partial(lines.reachable, manager, deadline=DEADLINE), DEADLINE),
            self._asking.ask("registrations", partial(lines.registrations, manager, deadline=DEADLINE), DEADLINE),
            self._asking.ask("queue", partial(lines.queue, manager, deadline=DEADLINE), DEADLINE),
        )

    async def _disks(self) -> tuple[Disk, ...]:
        found = await asyncio.gather(*(self._disk(what, path) for what, path in self._sources.disks.items()))
        return tuple(disk for disk in found if disk is not None)

    async def _disk(self, what: str, path: Path) -> Disk | None:
        disk = await self._asking.ask(what, partial(beside, partial(measure, what, path)), DEADLINE)
        if disk is None:
            return None
        pace = self._paces.setdefault(what, Pace())
        return replace(disk, hours_left=pace.hours_left(time.monotonic(), disk.free))

    async def _stuck(self) -> int:
        """Events that wait for the record; 0 as soon as it keeps up, as it does even when many calls come."""
        waiting = 0
        for _ in range(LOOKS):
            waiting = self._sources.waiting() + self._sources.journaled()
            if waiting == 0:
                break
            await asyncio.sleep(LOOK_EVERY)
        return waiting

    async def _files(self) -> tuple[tuple[Restarts] | None, Moment, Moment]:
        return await asyncio.gather(
            self._file("restarts", partial(read_restarts, self._sources.folder)),
            self._file("heartbeat", self._sources.last_heartbeat),
            self._file("backup", self._sources.last_backup),
        )

    async def _file(self, what: str, look: Callable[[], Found]) -> tuple[Found] | None:
        """In a thread; None when it cannot be read, so that "nothing there" is something else."""
        return await self._asking.ask(what, partial(beside, lambda: (look(),)), DEADLINE)

    async def _count(self) -> None:
        """The statistics, unless they are new; a database that is away leaves the last ones."""
        if time.monotonic() - self._known_at < STATISTICS_AGE:
            return
        found = await self._asking.ask("database", partial(self._statistics.look, datetime.now(UTC)), DEADLINE)
        self._database_up = found is not None
        self._known_at = time.monotonic()
        if found is not None:
            self._known = found

    # -- shown to the outside

    async def _not_live(self) -> Mapping[str, str]:
        """That this runs at all says that the loop turns."""
        return {} if self._sources.stopping() or self._sources.door_ok() else {"door": say("health.no_door")}

    async def _not_ready(self) -> Mapping[str, str]:
        sources = self._sources
        reasons = {
            "stopping": (sources.stopping(), "health.stopping"),
            "door": (not sources.door_ok(), "health.no_door"),
            "rules": (sources.edition() is None, "health.no_rules"),
            "asterisk": (not sources.manager.connected, "health.no_asterisk"),
        }
        return {name: say(key) for name, (bad, key) in reasons.items() if bad}

    def _shown(self) -> Mapping[str, Any]:
        return {"database": self._database_up, "alarms": as_json(self._alarms.standing)}

    async def _metrics(self) -> bytes:
        sources = self._sources
        await self._count()
        snapshot = Snapshot(
            facts=replace(self._facts, database=self._database_up, asterisk=sources.manager.connected),
            alarms=self._alarms.standing,
            statistics=self._known,
            questions=sources.sessions(),
            waiting=sources.waiting(),
            journaled=sources.journaled(),
            dropped=sources.dropped(),
            rules=await beside(sources.rules),
        )
        return page(snapshot)


class _Asking:
    """Each thing is asked once at a time: what hangs is not asked again, and holds nothing else up."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def ask(self, what: str, how: Callable[[], Awaitable[Found]], deadline: float) -> Found | None:
        """What it found, None when that takes longer or cannot be found out."""
        task = self._running.get(what)
        if task is None:
            task = self._running[what] = asyncio.ensure_future(how())
        await asyncio.wait({task}, timeout=deadline)
        if not task.done():
            log.debug("no answer about %s within %g s", what, deadline)
            return None
        if self._running.get(what) is task:
            del self._running[what]
        try:
            found: Found = task.result()
        except (OSError, ManagerError, LogUnavailable, Unstorable) as error:
            log.debug("nothing is known about %s: %s", what, error)
            return None
        return found

    async def close(self) -> None:
        """Gives up what is still being asked. Nothing is waited for but the tasks' own tidying up."""
        running, self._running = list(self._running.values()), {}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
