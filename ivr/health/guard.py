"""The guard: this package put together for the controller, alarms, whom they are told, and the health port."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.fastagi import FastAgiServer
from ivr.backup.names import backups_in, moment_of
from ivr.calls.writer import CallLog
from ivr.health.alarms import Alarms, State
from ivr.health.http import HealthServer
from ivr.health.watchkeeper import Sources, Watchkeeper
from ivr.health.webhook import Webhook
from ivr.heartbeat.last import read_last
from ivr.rulebook.edition import Edition
from ivr.rulebook.lastgood import history_of
from ivr.rulebook.status import read as rules_status
from ivr.settings import Settings

AHEAD = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Controller:
    """The parts of a controller that are looked at. `door_ok`: a call that came now would be taken."""

    manager: AsteriskManager
    calls: CallLog
    agi: FastAgiServer
    edition: Callable[[], Edition]
    door_ok: Callable[[], bool]
    stopping: Callable[[], bool]


class Guard:
    """Two jobs for the controller's loop: `keep_alarms` and `serve_health`; `close` after both have ended."""

    def __init__(self, settings: Settings, controller: Controller) -> None:
        url = settings.alarm_url.get_secret_value()
        self._webhook = Webhook(url, lambda: controller.edition().rules.city.name) if url else None
        told = [self._webhook] if self._webhook else []
        self.alarms = Alarms(settings.health, *told)
        for alarm in self.alarms.standing:  # of the last run, which may not have told them
            for tell in told:
                tell(alarm, State.BEGUN)
        self._keeper = Watchkeeper(_sources(settings, controller), self.alarms)
        address, port = str(settings.http_address), settings.http_port
        self._server = HealthServer(address, port, self._keeper.answers) if port else None

    async def keep_alarms(self) -> None:
        """Looks every few seconds, until cancelled."""
        await self._keeper.run()

    async def serve_health(self) -> None:
        """`/live`, `/ready`, `/metrics`, until cancelled; nothing when the port is 0."""
        await (self._server.run() if self._server else asyncio.Event().wait())

    def close(self) -> None:
        """Lets what is to be written and sent go out, for at most 4 seconds. For a thread."""
        self.alarms.close()
        if self._webhook:
            self._webhook.close()


def _sources(settings: Settings, controller: Controller) -> Sources:
    calls = controller.calls
    return Sources(
        folder=settings.health,
        disks={"state": settings.state, "recordings": settings.recordings},
        manager=controller.manager,
        database=calls.database,
        waiting=lambda: calls.waiting,
        journaled=lambda: calls.journaled,
        dropped=lambda: calls.dropped,
        sessions=lambda: len(controller.agi.sessions),
        door_ok=controller.door_ok,
        stopping=controller.stopping,
        edition=controller.edition,
        rules=lambda: rules_status(history_of(settings).folder),
        last_heartbeat=lambda: read_last(settings.health).ok_at,
        heartbeat_every=timedelta(minutes=settings.heartbeat_minutes),
        last_backup=lambda: newest_backup(settings.backups, datetime.now(UTC)),
    )


def newest_backup(folder: Path, now: datetime) -> datetime | None:
    """When the newest finished backup was made (UTC), None when there is none. Raises OSError.

    One that is dated in the future, by a clock that was wrong, would hide for years that there are no new ones.
    """
    made = (moment_of(path.name) for path in backups_in(folder))
    return max((moment for moment in made if moment and moment <= now + AHEAD), default=None)
