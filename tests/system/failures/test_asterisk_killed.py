"""Asterisk is killed under the controller: its calls end, nothing can keep them; the next caller is served soon."""

import csv
import time
from pathlib import Path

import pytest

from ivr.phones.baresip import Kind, Phone, PhoneTimeout
from tests.system.failures import scenes
from tests.system.measured import MACHINE, holds, reached
from tests.system.people import SwitchOn
from tests.system.server import Server, until

SERVED = 10.0
RIGHT = 10.0
CONNECTED = "connected to the Asterisk manager"


@pytest.mark.parametrize("step", ["category", "ringing", "queue", "talking"])
def test_a_caller_whom_asterisk_dropped_is_served_on_redialling_and_the_lost_call_is_closed(
    step: str, own_server: Server, switch_on: SwitchOn
) -> None:
    scene = scenes.at(step, own_server, switch_on)
    lost = scene.citizen.call_id
    since = scenes.asterisk_killed(own_server)
    back = until(lambda: scenes.says(own_server, CONNECTED) > 1 and time.monotonic(), "Asterisk", 20)
    hangs_up(scene.citizen.phone)
    hangs_up(scene.human)
    human = scene.human if scene.human.account == "operator1" else switch_on(own_server, "operator1")
    redials(scene.citizen.phone)
    scene.citizen.phone.press("0")
    scenes.Scene(own_server, scene.citizen, human).meet()
    measured = reached(scene.citizen.phone, human, since)
    until(lambda: own_server.story(lost)[0].ended_at, "end of the lost call", 20)
    assert time.monotonic() - back < RIGHT + MACHINE
    scene.citizen.phone.hang_up()
    record, _ = own_server.ended_call("warga")
    holds("Asterisk killed, caller redials", step, measured, scenes.outcome(record), limit=SERVED)
    assert (record.answered_by, own_server.story(lost)[0].answered_by) == (
        "operator1",
        "damkar_1" if step == "talking" else None,
    )
    until(lambda: all(call.ended_at for call in own_server.calls()), "end of all calls")
    assert ids_of_cel(own_server) == {call.call_id for call in own_server.calls()} == {lost, record.call_id}


def hangs_up(phone: Phone) -> None:
    """A person who hears nothing any more; the phone may have noticed before."""
    phone.hang_up()


def redials(phone: Phone) -> None:
    """Again and again until somebody answers."""
    for _ in range(20):
        phone.dial("112")
        try:
            phone.wait_event(Kind.ESTABLISHED, 1)
        except PhoneTimeout:
            phone.hang_up()
        else:
            return
    raise AssertionError("112 does not answer")


def ids_of_cel(server: Server) -> set[str]:
    """The calls of Asterisk's own journal."""
    with Path(server.state / "asterisk/log/cel-custom/calls.csv").open(newline="") as file:
        return {row[11] for row in csv.reader(file) if row[0] == "ARRIVED"}
