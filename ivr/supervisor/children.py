"""Child processes that are kept running: started in their own session, restarted when they end, stopped in order."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

log = logging.getLogger(__name__)

RESTART_DELAYS = (0.2, 0.5, 1.0, 2.0, 5.0)
LOG_LIMIT = 10_000_000


class Child:
    """One process.

    `meanwhile` says what becomes of calls while it is away. `stop_pid` finds the process that must get the signal
    when a sandbox stands in between.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_file: Path,
        *,
        meanwhile: str = "calls go on without it",
        environment: Mapping[str, str] | None = None,
        stop_pid: Callable[[], int | None] = lambda: None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.starts = 0
        self._command = list(command)
        self._meanwhile = meanwhile
        self.log_file = log_file
        self._environment = {**os.environ, **(environment or {})}
        self._stop_pid, self._stop_signal = stop_pid, stop_signal
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process that is to get signals, None when none runs."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._stop_pid() or self._process.pid

    async def start(self) -> None:
        """Start it; its output goes to the end of the log file. Raises OSError."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_LIMIT:
            self.log_file.replace(self.log_file.with_suffix(".old.log"))
        with self.log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )
        self.starts += 1

    async def ended(self) -> None:
        """Wait for its end."""
        if self._process is not None:
            await self._process.wait()

    def last_words(self) -> str:
        """The last line it wrote."""
        lines = self.log_file.read_text(errors="replace").strip().splitlines() if self.log_file.exists() else []
        return lines[-1] if lines else ""

    async def keep(self, on_restart: Callable[[], None] = lambda: None) -> None:
        """Wait for its end and start it again, later and later while it keeps ending; returns after stop()."""
        loop = asyncio.get_running_loop()
        failures = 0
        while self._process is not None:
            began = loop.time()
            code = await self._process.wait()
            if self._stopping:
                return
            failures = 0 if loop.time() - began > 60 else failures + 1
            delay = RESTART_DELAYS[min(max(failures - 1, 0), len(RESTART_DELAYS) - 1)]
            log.error(
                "%s ended with code %s; %s, it is started again in %s s", self.name, code, self._meanwhile, delay
            )
            await asyncio.sleep(delay)
            on_restart()
            await self._start_again()

    async def _start_again(self) -> None:
        """Whatever the system is short of (files, memory, disk): the other processes must not end because of it."""
        while not self._stopping:
            try:
                await self.start()
            except OSError as error:
                pause = RESTART_DELAYS[-1]
                log.error(
                    "%s cannot be started (%s); %s, tried again in %s s", self.name, error, self._meanwhile, pause
                )
                await asyncio.sleep(pause)
            else:
                return

    def kill(self) -> None:
        """End it at once (a frozen process does not listen to anything softer)."""
        self._signal(signal.SIGKILL)

    async def stop(self, patience: float) -> None:
        """Ask it to end, wait `patience` seconds, then insist."""
        self._stopping = True
        if self._process is None or self._process.returncode is not None:
            return
        self._signal(self._stop_signal)
        try:
            await asyncio.wait_for(self._process.wait(), patience)
        except TimeoutError:
            log.warning("%s did not end within %s s and is killed", self.name, patience)
            self._signal(signal.SIGKILL)
            self._process.kill()
            await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is None:
            return
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            log.debug("%s was already gone", self.name)
        except OSError as error:
            log.error("%s gets no signal (%s); %s", self.name, error, self._meanwhile)
