"""The controller is restarted or upgraded (SIGTERM) while people call: nobody notices, and no record stays open."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Phone
from tests.system.failures import scenes
from tests.system.measured import holds, outcome, reached, stayed
from tests.system.people import Citizen, SwitchOn, kinds
from tests.system.server import Server, until

CAUSE = "controller restarted"


@pytest.fixture
def another_citizen(own_server: Server, voices: dict[str, Path]) -> Iterator[Phone]:
    """Phones of agencies reach 112 too."""
    with own_server.phone("polresta", microphone=voices["citizen"]) as phone:
        phone.wait_registered()
        yield phone


def asked_to_stop(server: Server) -> tuple[int, float]:
    """SIGTERM, as a restart or an upgrade sends it; the process and when (monotonic), once its door is shut."""
    process, since = server.controller_pid, time.monotonic()
    os.kill(process, signal.SIGTERM)
    return process, since


@pytest.mark.parametrize(("step", "keys"), [("category", "13"), ("area", "3")])
def test_a_caller_in_a_question_is_asked_to_the_end_by_a_controller_that_is_restarted(
    step: str, keys: str, own_server: Server, switch_on: SwitchOn, another_citizen: Phone
) -> None:
    """And who calls meanwhile takes the lifeline."""
    scene, operator = scenes.at(step, own_server, switch_on), switch_on(own_server, "operator1")
    agency = switch_on(own_server, "damkar_1") if step == "category" else scene.human
    before, _ = asked_to_stop(own_server)
    until(lambda: not scenes.answers_on(scenes.agi_port(own_server)), "shut door")

    late = scenes.Scene(own_server, Citizen(own_server, another_citizen), operator)
    dialled = late.dials()
    late.meet()
    of_late = reached(late.citizen.phone, operator, dialled)

    pressed = time.monotonic()
    assert own_server.controller_pid == before
    scene.citizen.phone.press(keys)
    scene = scenes.Scene(own_server, scene.citizen, agency)
    scene.meet()
    measured = reached(scene.citizen.phone, agency, pressed)
    scenes.another_controller(own_server, before, pressed, 30)
    record, _ = scene.ends()
    later, _ = late.ends()
    holds(CAUSE, step, measured, outcome(record), limit=1, dead_air=1)
    holds(CAUSE, "new call", of_late, outcome(later), limit=2, dead_air=2)
    assert (record.lifeline, record.answered_by) == (False, "damkar_1")
    assert (later.lifeline, later.answered_by) == (True, "operator1")
    assert all(call.ended_at for call in own_server.calls())


@pytest.mark.parametrize("step", ["ringing", "queue", "talking"])
def test_a_caller_who_has_a_plan_notices_nothing_of_a_controller_that_is_restarted(
    step: str, own_server: Server, switch_on: SwitchOn
) -> None:
    scene = scenes.at(step, own_server, switch_on)
    before, since = asked_to_stop(own_server)
    if step == "talking":
        measured = stayed(scene.citizen.phone, since, 3)
    else:
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, since)
    scenes.another_controller(own_server, before, since, 30)
    record, events = scene.ends()
    holds(CAUSE, step, measured, outcome(record), dead_air=1 if step != "talking" else 0.1)
    assert (record.lifeline, record.answered_by) == (False, scene.human.account)
    assert kinds(events).count(Happened.RING) == 1
    assert all(call.ended_at for call in own_server.calls())
