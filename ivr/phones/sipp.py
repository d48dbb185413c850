"""Callers and agencies in numbers, and the ones no phone would imitate: SIPp 3.6 (package sip-tester).

    pressing = caller("112").silence(2).press("1").silence(3).hang_up()
    with Sipp(agency(rings=1).silence(1).press("1").until_hung_up(), port=15071) as police:
        callers = run_sipp(pressing, "127.0.0.1:5060", calls=20, rate=10)

Sound and keys go out as one pcap file per scenario through a raw socket, which needs root (CAP_NET_RAW).
"""

import csv
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from ivr.phones.events import PhoneError, PhoneMissing, PhoneTimeout
from ivr.phones.ports import free_port
from ivr.phones.scenario import Scenario, agency, caller, rejecting_agency, silent_agency

__all__ = ["Mark", "Outcome", "Sipp", "agency", "caller", "rejecting_agency", "run_sipp", "silent_agency"]


class SippNeedsRoot(PhoneError):
    """Sound and keys need a raw socket."""


@dataclass(frozen=True)
class Mark:
    """Call `call` (1, 2, ...) reached `name` at `at` (seconds since 1970): dialled, rang, answered, ended.

    `detail` of an agency's rang is the From header it was shown.
    """

    name: str
    call: int
    at: float
    detail: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of the calls. `reasons` counts the failed ones by SIPp's own names; `errors` is its error log."""

    ok: int
    failed: int
    marks: tuple[Mark, ...]
    reasons: dict[str, int]
    errors: str

    def times(self, name: str) -> dict[int, float]:
        """Call -> when it reached `name`."""
        return {mark.call: mark.at for mark in self.marks if mark.name == name}

    def seconds(self, start: str, end: str) -> list[float]:
        """For each call that reached both marks: the seconds between them."""
        starts, ends = self.times(start), self.times(end)
        return [ends[call] - starts[call] for call in sorted(starts.keys() & ends.keys())]


class Sipp:
    """A SIPp process. Callers get a `target` host:port; agencies listen at `port` until `stop` or `calls` calls.

    `rate`     new calls per second        `at_once`  the most calls at one time (default: no limit)
    """

    def __init__(
        self,
        scenario: Scenario,
        target: str | None = None,
        *,
        calls: int | None = None,
        rate: float = 10,
        at_once: int | None = None,
        port: int | None = None,
        address: str = "127.0.0.1",
        transport: Literal["udp", "tcp"] = "udp",
        keep: bool = False,
    ) -> None:
        self._scenario, self._target, self._calls, self._rate = scenario, target, calls, rate
        self._at_once, self._address, self._transport, self._keep = at_once, address, transport, keep
        self.port = port or free_port(address)
        self.outcome: Outcome | None = None
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it; an agency is listening on return. Raises PhoneMissing, SippNeedsRoot, PhoneError."""
        program = shutil.which("sipp")
        if program is None:
            raise PhoneMissing("sipp is missing: apt-get install --no-install-recommends sip-tester")
        if self._scenario.sounding:
            _require_raw_sockets()
        if self._listening():
            raise PhoneError(f"sipp: port {self.port} is taken")
        self._folder = Path(tempfile.mkdtemp(prefix="ivr-sipp-"))
        pcap = self._scenario.media.write(self._folder / "media.pcap")
        (self._folder / "scenario.xml").write_text(self._scenario.xml(pcap), encoding="latin-1")
        with (self._folder / "screen").open("wb") as screen:
            self._process = subprocess.Popen(
                [program, *self._arguments()],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
            )
        if self._target is None:
            self._wait_listening()
        return self

    def wait(self, timeout: float = 60) -> Outcome:
        """Wait until all calls are over. Raises PhoneTimeout (and ends them), PhoneError when SIPp itself fails."""
        if self._process is not None:
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                so_far = self.stop()
                raise PhoneTimeout(f"sipp: calls not over after {timeout} s: {so_far}") from None
        return self.stop()

    def stop(self) -> Outcome:
        """End it, cutting what still runs, and say what became of the calls. Harmless when repeated."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGUSR1)  # no new calls; ends when none is left
                try:
                    self._process.wait(0.5)
                except subprocess.TimeoutExpired:
                    self._process.terminate()
            status = self._process.wait()
            self._process = None
            try:
                self.outcome = self._read_outcome(status)
            finally:
                if not self._keep:
                    shutil.rmtree(self._folder, ignore_errors=True)
        if self.outcome is None:
            raise PhoneError("sipp: not started")
        return self.outcome

    def _arguments(self) -> list[str]:
        media_port = free_port(self._address, width=4)  # SIPp binds the next ones too
        arguments = [*([self._target] if self._target else []), "-sf", "scenario.xml", "-nostdin"]
        arguments += ["-i", self._address, "-mi", self._address, "-p", str(self.port)]
        arguments += ["-mp", str(media_port - 10000 if media_port > 55000 else media_port)]  # 4 more per call
        arguments += ["-t", "t1" if self._transport == "tcp" else "u1", "-aa"]
        arguments += ["-trace_stat", "-stf", "stat.csv", "-trace_logs", "-log_file", "marks", "-trace_err"]
        arguments += ["-error_file", "errors", "-timeout_error"]
        if self._calls is not None:
            arguments += ["-m", str(self._calls)]
        if self._target is not None:
            arguments += ["-r", str(self._rate), "-l", str(self._at_once or self._calls or 1000)]
        return arguments

    def _wait_listening(self) -> None:
        deadline = time.monotonic() + 5
        while not self._listening():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise PhoneError(f"sipp does not listen on {self.port}: {self.stop().errors}")
            time.sleep(0.01)

    def _listening(self) -> bool:
        rows = [line.split() for line in Path("/proc/net", self._transport).read_text().splitlines()]
        return any(row[1].endswith(f":{self.port:04X}") for row in rows)

    def _read_outcome(self, status: int) -> Outcome:
        errors = _text(self._folder / "errors")
        rows = list(csv.DictReader(_text(self._folder / "stat.csv").splitlines(), delimiter=";"))
        if not rows:
            raise PhoneError(f"sipp ended with {status}: {errors or _text(self._folder / 'screen')[-500:]}")
        counts = {name: value for name, value in rows[-1].items() if name and name.endswith("(C)")}
        reasons = {
            name.removesuffix("(C)"): int(value)
            for name, value in counts.items()
            if name.startswith("Failed") and name != "FailedCall(C)" and int(value)
        }
        marks = tuple(_mark(line) for line in _text(self._folder / "marks").splitlines() if line.count("|") >= 4)
        return Outcome(int(counts["SuccessfulCall(C)"]), int(counts["FailedCall(C)"]), marks, reasons, errors)


def run_sipp(
    scenario: Scenario,
    target: str,
    *,
    calls: int = 1,
    rate: float = 10,
    at_once: int | None = None,
    timeout: float = 60,
    port: int | None = None,
    transport: Literal["udp", "tcp"] = "udp",
) -> Outcome:
    """Let callers dial and wait until all their calls are over. Raises as `Sipp.start` and `Sipp.wait` do."""
    with Sipp(scenario, target, calls=calls, rate=rate, at_once=at_once, port=port, transport=transport) as callers:
        return callers.wait(timeout)


def _require_raw_sockets() -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError as error:
        raise SippNeedsRoot(
            "sipp sends sound and keys through a raw socket: run as root or use soundless()"
        ) from error


def _mark(line: str) -> Mark:
    name, call, seconds, micros, detail = line.split("|", 4)
    return Mark(name, int(call), float(seconds) + float(micros) / 1e6, detail.strip())


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
