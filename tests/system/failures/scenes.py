"""Where a caller can be when something fails, and the human who must be reached from there."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ivr.calls.events import Event
from ivr.calls.events import Kind as Happened
from ivr.calls.projection import CallRecord
from ivr.phones.baresip import Phone, PhoneError
from tests.audio import load, loudness
from tests.system.measured import QUIET
from tests.system.people import Citizen, SwitchOn
from tests.system.server import LOOPBACK, Server, until
from tests.system.test_the_call import talks

NEEDS_A_KEY = {"damkar_1", "damkar_2", "psc119", "polresta", "siaga"}
KEYS = {"new call": (), "category": (), "area": ("1",), "ringing": ("1", "1"), "queue": ("0",), "talking": ("1", "1")}


@dataclass(frozen=True, slots=True)
class Scene:
    """A caller, and the phone of the human whom the rules want for them."""

    server: Server
    citizen: Citizen
    human: Phone

    def meet(self) -> None:
        """The human picks up, accepts once the announcement is heard, and both hear each other."""
        self.human.answer(15)
        if self.human.account in NEEDS_A_KEY:
            until(lambda: hears_something(self.human), f"announcement for {self.human.account}")
            self.human.press("1")
        talks(self.citizen, self.human)

    def dials(self) -> float:
        """A new call, which may not be in the log yet; when it was dialled (monotonic)."""
        dialled = time.monotonic()
        self.citizen.phone.dial("112")
        return dialled

    def ends(self, seconds: float = 20.0) -> tuple[CallRecord, list[Event]]:
        """The caller hangs up; the record once it is complete."""
        self.citizen.phone.hang_up()
        if self.citizen.call_id:
            return self.citizen.record()
        return self.server.ended_call(self.citizen.phone.account, seconds)


def at(step: str, server: Server, switch_on: SwitchOn) -> Scene:
    """Who is on duty is there; the caller has come to this step. In the questions the category is known but not more.

    `new call`: not dialled yet. `talking`: with the fire brigade, all others: see KEYS.
    """
    human = switch_on(server, "operator1" if step in {"new call", "category", "queue"} else "damkar_1")
    scene = Scene(server, Citizen(server, switch_on(server, "warga")), human)
    if step == "new call":
        return scene
    scene.citizen.dial().answers(*KEYS[step])
    if step in {"category", "area"}:
        scene.citizen.is_asked(step)
    else:
        scene.citizen.until(Happened.RING, line=human.account)
    if step == "talking":
        scene.meet()
    return scene


def hears_something(phone: Phone) -> bool:
    """Whether any sound came in this call so far; no log is asked, which may be away."""
    with suppress(PhoneError):
        return bool((loudness(load(phone.heard())) > QUIET).any())
    return False


# -- the controller as a process


def killed(server: Server) -> float:
    """The controller is killed (SIGKILL); when (monotonic)."""
    at_once = server.controller_pid
    moment = time.monotonic()
    os.kill(at_once, signal.SIGKILL)
    return moment


def asterisk_killed(server: Server) -> float:
    """Asterisk is killed (SIGKILL); when (monotonic)."""
    return asterisk_gets(server, signal.SIGKILL)


def asterisk_gets(server: Server, number: signal.Signals) -> float:
    """Asterisk gets this signal; when (monotonic)."""
    process = int((server.state / "asterisk" / "run" / "asterisk.pid").read_text())
    moment = time.monotonic()
    os.kill(process, number)
    return moment


@contextmanager
def frozen(server: Server) -> Iterator[float]:
    """The controller is frozen (SIGSTOP), and goes on afterwards unless it was replaced; when (monotonic)."""
    process = server.controller_pid
    moment = time.monotonic()
    os.kill(process, signal.SIGSTOP)
    try:
        yield moment
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


def agi_port(server: Server) -> int:
    return int(server.environment["IVR_AGI_PORT"])


def ami_port(server: Server) -> int:
    return int(server.environment["IVR_AMI_PORT"])


def says(server: Server, words: str) -> int:
    """How often the controller's own log says this."""
    return (server.state / "log" / "controller.log").read_text(errors="replace").count(words)


def answers_on(port: int) -> bool:
    """Whether somebody listens there."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
        return True
    return False


def another_controller(server: Server, before: int, since: float, seconds: float) -> float:
    """Wait until another process than `before` takes calls; seconds from `since` (monotonic) on."""
    until(lambda: server.controller_pid != before, "new controller", seconds)
    until(lambda: answers_on(agi_port(server)), "open FastAGI port", seconds)
    return time.monotonic() - since
