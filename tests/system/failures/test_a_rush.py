"""A hundred callers within ten seconds, while ports are probed and connections are held open: all reach a human."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

import pytest

from ivr.calls.events import Kind
from ivr.calls.projection import CallRecord
from ivr.phones.scenario import caller
from ivr.phones.sipp import Sipp
from tests.system import crowd
from tests.system.measured import DEAD_AIR, holds, outcome, reached
from tests.system.people import Citizen, SwitchOn
from tests.system.server import LOOPBACK, Server, until
from tests.system.test_many_callers import SHIFT, city
from tests.system.test_the_call import talks

__all__ = ["city"]

CALLERS = 100
CAUSE = "100 callers in 10 s, ports probed and held open"
LIMIT = 5.0  # seconds to a human, on a machine that plays all hundred of them itself
HELD_OPEN = 100  # connections on every port that say one byte now and then
TCP_PORTS = (5060 + SHIFT, 4573 + SHIFT, 5038 + SHIFT, 8112 + SHIFT)


@contextmanager
def disturbed() -> Iterator[None]:
    """Every port is probed each second, and held open by many connections that send a byte a second."""
    with ExitStack() as held:
        over = threading.Event()
        slow = [held.enter_context(slow_connection(port)) for port in TCP_PORTS for _ in range(HELD_OPEN)]

        def disturb() -> None:
            while not over.wait(1.0):
                for port in TCP_PORTS:
                    with contextlib.suppress(OSError):
                        socket.create_connection((LOOPBACK, port), 1).close()
                for connection in slow:
                    with contextlib.suppress(OSError):
                        connection.send(b"a")

        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            yield
        finally:
            over.set()
            disturber.join()


@contextmanager
def slow_connection(port: int) -> Iterator[socket.socket]:
    with socket.socket() as connection:
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.connect((LOOPBACK, port))
        yield connection


def speaks_amid_them(city: Server, switch_on: SwitchOn) -> None:
    """One caller among the hundred has ears: what is heard until an officer speaks."""
    officer, phone = switch_on(city, "dishub"), switch_on(city, "warga")
    until(lambda: len(city.calls()) > CALLERS // 4, "a quarter of the callers", 30)
    dialled = time.monotonic()
    citizen = Citizen(city, phone).dial().answers("4")
    officer.answer()
    talks(citizen, officer)
    measured = reached(phone, officer, dialled)
    record, _ = citizen.hangs_up()
    holds(f"{CAUSE}: one with ears", "new call", measured, outcome(record), limit=LIMIT, dead_air=2 * DEAD_AIR)


@pytest.mark.alone
def test_a_hundred_callers_in_ten_seconds_are_all_answered_asked_and_put_through_whoever_holds_the_doors(
    city: Server, switch_on: SwitchOn
) -> None:
    pressing = caller(number="+6281299{call}").silence(1).press("1").silence(1).press("3", gap=0)
    began = time.monotonic()
    with disturbed(), Sipp(pressing.silence(2).hang_up(), city.registrar, calls=CALLERS, rate=10) as crowded:
        speaks_amid_them(city, switch_on)
        seen = crowded.wait(90)
    assert time.monotonic() - began < 60
    assert (seen.ok, seen.failed) == (CALLERS, 0), seen.errors
    assert median(seen.seconds("dialled", "answered")) < 1.0

    def theirs() -> list[CallRecord]:
        return [c for c in city.calls(2 * CALLERS) if c.caller_number.startswith("+6281299") and c.ended_at]

    until(lambda: len(theirs()) == CALLERS, "a hundred ended calls in the log", 30)
    assert {(call.category, call.area, call.lifeline) for call in theirs()} == {("kebakaran", "62.71.03", False)}
    asked = [Kind.QUESTION in {event.kind for event in city.story(call.call_id)[1]} for call in theirs()]
    assert all(asked)
    for call in theirs():
        crowd.rang(CAUSE, pressing, int(call.caller_number.removeprefix("+6281299")), seen, call, LIMIT)
        assert call.answered_by == "damkar_1"
