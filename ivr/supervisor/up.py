"""`ivr up`: start Asterisk and the controller, say when callers are answered, keep both running, stop cleanly."""

import asyncio
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from ivr.asterisk import pulse
from ivr.asterisk.program import asterisk_pid, pid_file
from ivr.checks import CannotStart, files_fail
from ivr.messages import say
from ivr.notify import NotifySocket
from ivr.restarts import Reason, note
from ivr.supervisor.children import Child
from ivr.supervisor.prepare import Prepared

log = logging.getLogger(__name__)

READY_WITHIN = 30.0  # seconds
HEARD_WITHIN = 30.0  # from the start of the process: Python's modules, the rules, the history
SIP_WITHIN = 3.0
FROZEN_AFTER = 4.0  # seconds without a sign of life: whom it froze on hears silence no longer than that
PATIENCE = 8.0


class Supervisor:
    """The two processes of one installation."""

    def __init__(self, prepared: Prepared) -> None:
        self._settings = settings = prepared.settings
        self.notifications = NotifySocket(settings.state / "notify.sock")
        self.asterisk = Child(
            "Asterisk",
            prepared.program.command(settings, "-f"),
            settings.asterisk_log / "console.log",
            meanwhile="its calls have ended, new ones find nobody",
            environment={"TZ": "UTC"},
            stop_pid=lambda: asterisk_pid(settings),
        )
        self.controller = Child(
            "controller",
            [sys.executable, "-m", "ivr", "controller"],
            settings.state / "log" / "controller.log",
            meanwhile="calls go on, new ones take the lifeline",
            environment=self.notifications.environment,
            stop_signal=signal.SIGINT,  # Asterisk ends too: no use in asking the questions to their end
        )

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Start both, call `on_ready` once callers are answered, and keep them running until cancelled.

        Raises CannotStart when one of them does not come up.
        """
        try:
            await self._start()
            await self._until_ready()
            on_ready()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.asterisk.keep(self._asterisk_again))
                tasks.create_task(self.controller.keep(self._controller_again))
                tasks.create_task(self._watch())
                tasks.create_task(pulse.keep_pulse(partial(pulse.look, self._settings), self._asterisk_frozen))
        finally:
            await self.controller.stop(PATIENCE)
            await self.asterisk.stop(PATIENCE)
            self.notifications.close()

    async def _start(self) -> None:
        try:
            self._forget_pid()
            await self.notifications.open()
            await self.asterisk.start()
            await self.controller.start()
        except OSError as error:
            raise files_fail(self._settings, error) from error

    def _forget_pid(self) -> None:
        """A number left behind by an Asterisk that crashed may be somebody else's by now."""
        pid_file(self._settings).unlink(missing_ok=True)

    def _asterisk_again(self) -> None:
        self._note(Reason.ASTERISK_ENDED)
        self._forget_pid()

    def _asterisk_frozen(self) -> None:
        log.error("Asterisk is frozen: killed and started again; its calls end, who redials is answered")
        self.asterisk.kill()
        self._note(Reason.ASTERISK_FROZEN)

    def _controller_again(self) -> None:
        self._note(Reason.CONTROLLER_ENDED)
        self.notifications.restarted()

    def _note(self, reason: Reason) -> None:
        """In a thread that nobody waits for: a sick disk must delay neither a start nor a kill."""
        threading.Thread(target=note, args=(self._settings.health, reason), daemon=True).start()

    async def _until_ready(self) -> None:
        ended = {asyncio.create_task(child.ended()): child for child in (self.asterisk, self.controller)}
        ready = asyncio.create_task(self.notifications.ready.wait())
        done, waiting = await asyncio.wait([ready, *ended], timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if ready in done and self.notifications.status == "asterisk":
            return await self._sip_answers()
        dead = [child for task, child in ended.items() if task in done]
        if dead:
            raise CannotStart(say("up.died", name=dead[0].name, log=dead[0].log_file, last=dead[0].last_words()))
        raise CannotStart(say("up.not_ready", seconds=READY_WITHIN, log=self.controller.log_file))

    async def _sip_answers(self) -> None:
        """Asterisk starts without complaint when it could not have its SIP port."""
        address, port = str(self._settings.sip_address), self._settings.sip_port
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 compared, not bound
        deadline = time.monotonic() + SIP_WITHIN
        while time.monotonic() < deadline:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(reachable, port), SIP_WITHIN)
            except (OSError, TimeoutError):
                await asyncio.sleep(0.1)
            else:
                return writer.close()
        log_file = self._settings.asterisk_log / "messages.log"
        raise CannotStart(say("up.no_sip", address=address, port=port, log=log_file))

    async def _watch(self) -> None:
        """A frozen controller answers nobody and must not keep its port: new calls meanwhile take the lifeline."""
        looked = time.monotonic()
        while True:
            await asyncio.sleep(0.25)
            before, looked = looked, time.monotonic()
            if looked - before > 1.0:  # it is we who slept: what was said meanwhile is still to be read
                self.notifications.last_seen = looked
            patience = FROZEN_AFTER if self.notifications.heard else HEARD_WITHIN
            if time.monotonic() - self.notifications.last_seen > patience and self.controller.pid:
                log.error("the controller is frozen: killed and started again; calls meanwhile take the lifeline")
                self.controller.kill()
                self.notifications.restarted()
                self._note(Reason.CONTROLLER_FROZEN)


async def supervise(prepared: Prepared, on_ready: Callable[[], None], on_stop: Callable[[], None]) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP. Raises CannotStart."""
    running = asyncio.create_task(Supervisor(prepared).run(on_ready))
    loop = asyncio.get_running_loop()
    asked = False

    def stop() -> None:
        nonlocal asked
        if asked:
            return
        asked = True
        on_stop()
        running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        await running
    except asyncio.CancelledError:
        if not asked:
            raise
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
