"""The controller's process: FastAGI threads for the callers, one event loop for the record."""

import asyncio
import logging
import resource
import signal
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from ivr.asterisk.accounts import account_names
from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import ManagerError
from ivr.asterisk.fastagi import FastAgiServer
from ivr.asterisk.lines import qualify
from ivr.calls.catchup import QUIET, FileReader
from ivr.calls.celfile import CelFile
from ivr.calls.database import Database, LogUnavailable, Unstorable
from ivr.calls.forget import forget_tests
from ivr.calls.recordings import check_due
from ivr.calls.reserve import keep
from ivr.calls.sweep import sweep
from ivr.calls.writer import CallLog
from ivr.controller.attendant import Attendant
from ivr.controller.script import CityScript
from ivr.health.guard import Controller, Guard
from ivr.heartbeat.job import beat
from ivr.notify import notify
from ivr.restarts import Reason, note
from ivr.rulebook.ask import asked_by, findable
from ivr.rulebook.force import Force, Request
from ivr.rulebook.history import How
from ivr.rulebook.lastgood import InForce, left_by_the_last_run
from ivr.rulebook.watch import watch
from ivr.rules import route
from ivr.secrets import Secrets
from ivr.settings import Settings

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
SWEEP_EVERY = 3.0  # seconds
WATCHDOG_EVERY = 1.0
STUCK_AFTER = 3.0  # seconds beyond its dead-man timer, after which a call's thread will never come back
DRAIN = 125.0  # seconds: the longest budget that rules may give (120), for whoever is asked at a SIGTERM
DRAIN_LOOK = 0.05
HURRY = 3.0  # the same after SIGINT, and after a second SIGTERM
ASK_AFTER = (0.0, 0.5, 1.0, 2.0, 4.0)  # seconds, one pause after the other
TESTS_KEPT = timedelta(days=7)
KEPT = {"journal": 16 << 20, "cel": 16 << 20, "cdr": 4 << 20}  # bytes of disk: about a thousand calls


class Service:
    """Everything the controller runs, started and stopped together."""

    def __init__(self, settings: Settings, start: InForce) -> None:
        self._settings = settings
        self._calls = CallLog(Database(settings.database, busy_seconds=2.0), settings.journal)
        self._cel = FileReader(self._calls, CelFile(settings.cel_file))
        self._cel_wake = asyncio.Event()
        self._stop, self._hurry, self._back = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._no_space_kept = False
        self._manager = AsteriskManager(
            LOOPBACK,
            settings.ami_port,
            "controller",
            Secrets(settings.state / "secrets.json")["manager"],
            on_event=self._heard,
            on_connected=self._resync,
        )
        route(start.rules, None, None, datetime.now(UTC))  # reads its sentences now, not in the first call
        self._force = force = Force(settings, self._manager, start)
        attendant = Attendant(lambda: force.edition, settings.built_prompts, self._calls.note)
        self._agi = FastAgiServer(LOOPBACK, settings.agi_port, attendant.attend)
        self._door_ok = True
        looked_at = Controller(
            manager=self._manager,
            calls=self._calls,
            agi=self._agi,
            edition=lambda: force.edition,
            door_ok=lambda: self._door_ok,
            stopping=self._stop.is_set,
        )
        self._guard = Guard(settings, looked_at)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; SIGHUP reads the rules. Raises OSError without the FastAGI port.

        SIGTERM lets the questions that are being asked come to their end; new calls meanwhile take the lifeline.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._asked_to_stop)
        loop.add_signal_handler(signal.SIGINT, self._asked_to_hurry)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        await self._calls.start()
        watchdog: asyncio.Task[None] | None = None
        try:
            self._agi.start()
            watchdog = asyncio.create_task(self._tell_watchdog())
            with findable(self._settings.state):
                await self._work()
        finally:
            await asyncio.to_thread(self._guard.close)
            await self._calls.stop()
            if watchdog is not None:  # until now: what is written last may take longer than its patience
                watchdog.cancel()

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def _asked_to_hurry(self) -> None:
        self._stop.set()
        self._hurry.set()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            jobs = [
                tasks.create_task(self._manager.run(), name="manager"),
                tasks.create_task(keep_doing(self._follow_cel, 1.0), name="cel"),
                tasks.create_task(keep_doing(self._check_recordings, 1.0), name="recordings"),
                tasks.create_task(keep_doing(self._sweep, SWEEP_EVERY), name="sweep"),
                tasks.create_task(keep_doing(self._use_rules, 1.0), name="rules"),
                tasks.create_task(keep_doing(self._watch_rules, 1.0), name="watch"),
                tasks.create_task(keep_doing(self._keep_space, 30.0), name="space"),
                tasks.create_task(keep_doing(self._ask_phones, 0.0), name="phones"),
                tasks.create_task(keep_doing(self._forget_tests, 3600.0), name="forget tests"),
                tasks.create_task(keep_doing(self._guard.keep_alarms, 1.0), name="alarms"),
                tasks.create_task(keep_doing(self._guard.serve_health, 1.0), name="health"),
                tasks.create_task(self._tell_ready(), name="ready"),
            ]
            if self._settings.heartbeat_minutes:
                jobs.append(tasks.create_task(keep_doing(self._heartbeat, 5.0), name="heartbeat"))
            await self._stop.wait()
            await self._drain()
            for job in jobs:
                job.cancel()
            note(self._settings.health, Reason.CONTROLLER_STOPPED)

    async def _drain(self) -> None:
        """The door is shut at once; who is being asked is asked to the end."""
        notify(STOPPING="1")
        self._agi.shut()
        if asked := len(self._agi.sessions):
            log.warning("asked to stop: %d calls are still asked, new ones take the lifeline", asked)
        for _ in range(round(DRAIN / DRAIN_LOOK)):
            if self._hurry.is_set() or not self._agi.busy:
                break
            await asyncio.sleep(DRAIN_LOOK)
        await asyncio.to_thread(self._agi.stop, HURRY if self._hurry.is_set() else 0.0)

    def _heard(self, _event: Mapping[str, str]) -> None:
        self._cel_wake.set()

    def _reload(self) -> None:
        self._force.look(Request(How.RELOAD, asked_by(self._settings.state)))

    async def _use_rules(self) -> None:
        await self._force.run()

    async def _watch_rules(self) -> None:
        await watch(self._settings.rules_file, lambda: self._force.look(Request(How.SAVED)))

    async def _heartbeat(self) -> None:
        await beat(self._settings, lambda now: CityScript(self._force.edition.rules, now), lambda _: None)

    async def _forget_tests(self) -> None:
        await forget_tests(self._calls.database, datetime.now(UTC) - TESTS_KEPT)

    async def _resync(self) -> None:
        self._force.asterisk_is_back()
        self._back.set()
        try:
            await self._sweep()
        except (LogUnavailable, Unstorable, OSError) as error:
            log.warning("calls are compared with Asterisk's a little later: %s", str(error).splitlines()[0])

    async def _ask_phones(self) -> None:
        """After each start of Asterisk, which lets us in before it knows its phones: hence several times."""
        await self._back.wait()
        self._back.clear()
        for pause in ASK_AFTER:
            await asyncio.sleep(pause)
            try:
                await qualify(self._manager, account_names(self._force.edition.rules, self._settings))
            except ManagerError as error:
                log.warning("Asterisk asks no phone whether it is there: %s; it does so by itself in a while", error)

    async def _sweep(self) -> None:
        live = None
        if self._manager.connected:
            try:
                live = {channel.unique_id for channel in await self._manager.live_channels()}
            except ManagerError as error:
                log.warning("Asterisk does not say which channels live: %s; no call is closed meanwhile", error)
        await sweep(self._calls, self._cel, live, datetime.now(UTC))

    async def _follow_cel(self) -> None:
        await self._cel.follow(self._cel_wake)

    async def _check_recordings(self) -> None:
        await check_due(self._calls, self._settings.recordings)

    async def _tell_ready(self) -> None:
        """Ready once callers are answered and Asterisk is there; without Asterisk, ready all the same after 10 s."""
        try:
            await self._manager.wait_connected(10.0)
        except ManagerError as error:
            log.warning("Asterisk's manager is not there yet: %s; calls do not need it", error)
        notify(READY="1", STATUS="asterisk" if self._manager.connected else "no asterisk")

    async def _tell_watchdog(self) -> None:
        """The sign of life: this loop turns, a new call would be taken, and no call's thread is stuck."""
        while True:
            trouble = await self._trouble()
            self._door_ok = not trouble
            if trouble:
                log.error("%s: the watchdog will replace this controller; calls meanwhile take the lifeline", trouble)
            else:
                notify(WATCHDOG="1")
            await asyncio.sleep(WATCHDOG_EVERY)

    async def _trouble(self) -> str:
        if stuck := self._agi.stuck(STUCK_AFTER):
            return f"call {stuck[0].unique_id}: its thread makes no progress"
        if self._stop.is_set() or await self._agi.answers(WATCHDOG_EVERY):
            return ""
        return "FastAGI does not answer"

    async def _keep_space(self) -> None:
        """So that calls are written down when the disk is full."""
        files = {"journal": self._settings.journal, "cel": self._settings.cel_file, "cdr": self._settings.cdr_file}
        for name, path in files.items():
            try:
                possible = await asyncio.to_thread(keep, path, KEPT[name])
            except OSError as error:
                log.warning("no space is kept for %s: %s; on a full disk it would stop", path.name, error.strerror)
                continue
            if not possible and not self._no_space_kept:
                self._no_space_kept = True
                log.warning("this file system keeps no space for files: calls are not written down when it is full")


async def keep_doing(job: Callable[[], Coroutine[None, None, None]], every: float) -> NoReturn:
    """For the jobs of the record: whatever ends one, the callers' questions go on, and it is done again."""
    told = -QUIET
    while True:
        try:
            await job()
        except Exception as error:
            if time.monotonic() - told >= QUIET:
                told = time.monotonic()
                foreseen = isinstance(error, LogUnavailable | Unstorable | OSError)
                name = job.__name__.strip("_").replace("_", " ")
                log.error("%s: %s; calls go on, it is tried again", name, error, exc_info=not foreseen)
        await asyncio.sleep(every)


def serve(settings: Settings) -> None:
    """Run the controller in this process until it is told to stop.

    Raises RulesError when the rules file cannot be used and no rules were ever accepted.
    """
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # 1,024 files, a common default, are soon used up
    start = left_by_the_last_run(settings)
    for trouble in start.trouble:
        log.error("%s", trouble)
    note(settings.health, Reason.CONTROLLER_STARTED)
    asyncio.run(_serve(settings, start))


async def _serve(settings: Settings, start: InForce) -> None:
    await Service(settings, start).run()
