"""Asterisk's manager (AMI) is away, half open, floods us or refuses us: no call needs it, and the record is whole."""

import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from ivr.calls.events import Kind as Happened
from tests.system.failures import network, scenes
from tests.system.failures.peers import Peer
from tests.system.measured import MACHINE, holds, outcome, reached
from tests.system.people import SwitchOn, kinds
from tests.system.server import Server, until

CONNECTED = "connected to the Asterisk manager"
WITHIN = 10.0
EVENT = b"Event: CEL\r\nEventName: HANGUP\r\nUniqueID: ivr112-1.1\r\nLinkedID: ivr112-1.1\r\nExtra: \r\n\r\n"


def is_served(cause: str, server: Server, switch_on: SwitchOn) -> None:
    """A call by the plan, as quick as ever, and complete in the log."""
    scene = scenes.at("area", server, switch_on)
    pressed = time.monotonic()
    scene.citizen.phone.press("3")
    scene.meet()
    measured = reached(scene.citizen.phone, scene.human, pressed)
    record, events = scene.ends()
    holds(cause, "area", measured, outcome(record), limit=1, dead_air=1)
    assert (record.lifeline, record.answered_by, record.recording_problem) == (False, "damkar_1", None)
    assert {Happened.ARRIVED, Happened.PLAN, Happened.ACCEPTED, Happened.ENDED} <= set(kinds(events))
    assert all(call.ended_at for call in server.calls())


@pytest.mark.parametrize(
    ("cause", "fault"),
    [("manager refuses", network.refused), ("way to the manager lost", network.lost)],
)
def test_a_caller_notices_nothing_of_a_manager_that_is_away(
    cause: str, fault: Callable[[int], AbstractContextManager[None]], sturdy: Server, switch_on: SwitchOn
) -> None:
    until(lambda: scenes.says(sturdy, CONNECTED), "connection to the manager")
    before = scenes.says(sturdy, CONNECTED), scenes.says(sturdy, "no Asterisk manager")
    with fault(scenes.ami_port(sturdy)):
        is_served(cause, sturdy, switch_on)
        until(lambda: scenes.says(sturdy, "no Asterisk manager") > before[1], "loss of the manager", 15)
    back = time.monotonic()
    until(lambda: scenes.says(sturdy, CONNECTED) > before[0], "new connection", WITHIN + MACHINE)
    assert time.monotonic() - back < WITHIN + MACHINE


def test_a_caller_notices_nothing_of_a_manager_that_floods_the_controller(
    sturdy: Server, switch_on: SwitchOn
) -> None:
    """10,000 events at once, then 5,000 a second, and no answer to anything but the login."""
    poured = threading.Event()

    def flood(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"Asterisk Call Manager/12.0.0\r\n")
        login = b""
        while b"\r\n\r\n" not in login:
            said = connection.recv(4096)
            if not said:
                return  # who only looks whether Asterisk lives
            login += said
        action = re.search(rb"ActionID: (\S+)", login)
        assert action
        connection.sendall(
            b"Response: Success\r\nActionID: %s\r\nMessage: Authentication accepted\r\n\r\n" % action[1]
        )
        for _ in range(10):
            connection.sendall(EVENT * 1000)
        poured.set()
        while not over.wait(0.1):
            connection.sendall(EVENT * 500)

    before = sturdy.controller_pid
    with Peer(scenes.ami_port(sturdy), flood):
        with network.refused(scenes.ami_port(sturdy)):
            until(lambda: poured.is_set() or scenes.says(sturdy, "no Asterisk manager"), "loss of the real one", 15)
        until(poured.is_set, "10,000 events", 20)
        is_served("manager floods", sturdy, switch_on)
    assert sturdy.controller_pid == before


def test_a_caller_notices_nothing_of_a_manager_that_does_not_let_us_in(
    own_server: Server, switch_on: SwitchOn
) -> None:
    """Asterisk is started again with another password than ours."""
    file = own_server.state / "asterisk" / "etc" / "generated" / "manager_controller.conf"
    file.write_text(re.sub(r"secret *= *\S+", "secret = another", file.read_text()))
    scenes.asterisk_killed(own_server)
    until(lambda: scenes.says(own_server, "Authentication failed"), "refusal", 20)
    is_served("manager refuses our password", own_server, switch_on)
