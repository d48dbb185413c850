"""What breaks, for real: each fault goes on for its seconds, then everything is put back as it was."""

import logging
import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Signal

from bench.chaos.city import City
from bench.chaos.plan import Cause, Fault

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
REPLACED = 45.0  # seconds for a new controller after a frozen one
DRAINED = 70.0  # seconds for a new controller after one that was asked to stop
STRANGERS = 20
GARBAGE = bytes(range(256)) * 400


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault as it happened, seconds since 1970; `note` when it went otherwise than meant."""

    fault: Fault
    began: float
    ended: float
    note: str = ""


class NotBroken(Exception):
    """The fault could not be made; the text says why."""


class Breaker:
    """Breaks things of one city. `over` ends a fault early."""

    def __init__(self, city: City, over: Signal) -> None:
        self._city, self._over = city, over
        self._rules = city.rules.read_text("utf-8")
        self._do: dict[Cause, Callable[[Fault], None]] = {
            Cause.KILLED: self._killed,
            Cause.FROZEN: self._frozen,
            Cause.DRAINED: self._drained,
            Cause.AWAY: self._away,
            Cause.PROBED: self._probed,
            Cause.SLOW_AGI: lambda fault: self._slow(fault, self._port("AGI")),
            Cause.SLOW_HTTP: lambda fault: self._slow(fault, self._port("HTTP")),
            Cause.AMI_DROPPED: lambda fault: self._filtered(fault, "drop"),
            Cause.AMI_REFUSED: lambda fault: self._filtered(fault, "reject with tcp reset"),
            Cause.AMI_BURST: self._burst,
            Cause.LOCKED: self._locked,
            Cause.DELETED: self._deleted,
            Cause.GARBAGE: self._garbage,
            Cause.DISK: self._disk_full,
            Cause.RULES_GOOD: self._rules_good,
            Cause.RULES_BROKEN: lambda fault: self._rules_are(fault, self._rules + "\n: : [\n"),
            Cause.RULES_HALF: lambda fault: self._rules_are(fault, self._rules[: len(self._rules) // 2]),
            Cause.RULES_GONE: lambda fault: self._rules_are(fault, None),
            Cause.PROMPT_GONE: lambda fault: self._prompt(fault, keep=0.0),
            Cause.PROMPT_CUT: lambda fault: self._prompt(fault, keep=0.3),
        }

    def apply(self, fault: Fault) -> Broken:
        """Break it, wait, mend it."""
        began, note = time.time(), ""
        try:
            self._do[fault.cause](fault)
        except (NotBroken, OSError, sqlite3.Error, AssertionError, subprocess.SubprocessError) as error:
            note = str(error)
            log.warning("%s: %s", fault.cause, error)
        return Broken(fault, began, time.time(), note)

    def _wait(self, seconds: float) -> None:
        self._over.wait(seconds)

    def _port(self, name: str) -> int:
        return int(self._city.environment[f"IVR_{name}_PORT"])

    # the controller

    def _killed(self, fault: Fault) -> None:
        os.kill(self._city.controller_pid, signal.SIGKILL)
        self._wait(fault.seconds)

    def _frozen(self, _fault: Fault) -> None:
        self._replaced(signal.SIGSTOP, REPLACED)

    def _drained(self, _fault: Fault) -> None:
        self._replaced(signal.SIGTERM, DRAINED)

    def _replaced(self, number: signal.Signals, within: float) -> None:
        pid, deadline = self._city.controller_pid, time.monotonic() + within
        os.kill(pid, number)
        while not self._over.is_set() and time.monotonic() < deadline:
            with suppress(AssertionError):
                if self._city.controller_pid != pid:
                    return
            self._wait(0.2)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        if not self._over.is_set():
            raise NotBroken(f"the controller was not replaced within {within:g} s")

    def _away(self, fault: Fault) -> None:
        with self._city.without_restarts():
            os.kill(self._city.controller_pid, signal.SIGKILL)
            self._wait(fault.seconds)

    # its ports

    def _probed(self, fault: Fault) -> None:
        deadline = time.monotonic() + fault.seconds
        while time.monotonic() < deadline and not self._over.is_set():
            with suppress(OSError):
                socket.create_connection((LOOPBACK, self._port("AGI")), 1).close()
            self._wait(0.2)

    def _slow(self, fault: Fault, port: int) -> None:
        with ExitStack() as held:
            strangers = []
            for _ in range(STRANGERS):
                with suppress(OSError):
                    strangers.append(held.enter_context(socket.create_connection((LOOPBACK, port), 1)))
            deadline = time.monotonic() + fault.seconds
            while time.monotonic() < deadline and not self._over.is_set():
                for stranger in strangers:
                    with suppress(OSError):
                        stranger.send(b"a")
                self._wait(0.5)

    # Asterisk's manager

    def _filtered(self, fault: Fault, verdict: str) -> None:
        port = self._port("AMI")
        table = "add table inet chaos; add chain inet chaos input { type filter hook input priority 0; };"
        rules = "".join(f"add rule inet chaos input tcp {side} {port} {verdict};" for side in ("dport", "sport"))
        subprocess.run(["nft", table + rules], check=True, capture_output=True, timeout=5)
        try:
            self._wait(fault.seconds)
        finally:
            subprocess.run(["nft", "delete table inet chaos"], check=True, capture_output=True, timeout=5)

    def _burst(self, _fault: Fault) -> None:
        self._city.asterisk("channel originate Local/burst@chaos/n application NoOp")

    # the database

    def _locked(self, fault: Fault) -> None:
        with closing(sqlite3.connect(self._city.settings.database, timeout=5, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            self._wait(fault.seconds)
            connection.execute("ROLLBACK")

    def _deleted(self, _fault: Fault) -> None:
        for file in self._database_files():
            file.unlink(missing_ok=True)

    def _garbage(self, fault: Fault) -> None:
        """An admin removes it in the end, unless the server has done so."""
        self._city.settings.database.write_bytes(GARBAGE)
        self._wait(fault.seconds)
        with self._city.settings.database.open("rb") as file:
            still = file.read(256) == GARBAGE[:256]
        if still:
            self._deleted(fault)
            raise NotBroken("the server went on with the garbage until it was deleted")

    def _database_files(self) -> list[Path]:
        database = self._city.settings.database
        return [database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))]

    def _disk_full(self, fault: Fault) -> None:
        filler = self._city.state / "filler"
        with filling(filler):
            self._wait(fault.seconds)

    # files of the city

    def _rules_good(self, fault: Fault) -> None:
        changes = (
            ("detik: 6", "detik: 5"),
            ("tombol: 5", "tombol: 6"),
            ("langkah: [damkar, damkar_pos]", "langkah: [[damkar, damkar_pos]]"),
            ("langkah: [dishub]", "langkah: [dishub, polresta]"),
            ("nama: Polresta", "nama: Polisi"),
        )
        self._rules_are(fault, self._rules.replace(*changes[fault.pick % len(changes)]))

    def _rules_are(self, fault: Fault, text: str | None) -> None:
        file = self._city.rules
        if text is None:
            file.unlink()
        else:
            file.write_text(text, "utf-8")
        try:
            self._wait(max(2.0, fault.seconds))
        finally:
            new = file.with_suffix(".new")
            new.write_text(self._rules, "utf-8")
            new.replace(file)

    def _prompt(self, fault: Fault, keep: float) -> None:
        files = sorted(self._city.settings.built_prompts.rglob("*.wav"))
        file = files[fault.pick % len(files)]
        content = file.read_bytes()
        if keep:
            os.truncate(file, round(len(content) * keep))
        else:
            file.unlink()
        try:
            self._wait(fault.seconds)
        finally:
            new = file.with_suffix(".new")
            new.write_bytes(content)
            new.replace(file)


@contextmanager
def filling(file: Path) -> Iterator[None]:
    """Every byte of the file's disk is used; a disk above 1 GB is nobody's to fill."""
    space = os.statvfs(file.parent)
    if space.f_blocks * space.f_frsize > 1_000_000_000:
        raise NotBroken("the state is not on a small disk of its own")
    try:
        with suppress(OSError), file.open("wb", buffering=0) as filler:
            while filler.write(bytes(1 << 16)):
                pass
        yield
    finally:
        file.unlink(missing_ok=True)
