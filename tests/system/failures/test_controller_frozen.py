"""The controller stands still (SIGSTOP): in every step the caller reaches a human, and another controller comes."""

import os
import signal
import time

import pytest

from ivr.calls.events import Kind as Happened
from tests.system.failures import scenes
from tests.system.failures.peers import Middle
from tests.system.measured import MACHINE, holds, outcome, reached, stayed
from tests.system.people import SwitchOn, kinds
from tests.system.server import Server, until

LIMIT = 5.0  # seconds; the watchdog replaces a controller after 4
REPLACED = 10.0


@pytest.mark.parametrize("pressed", ["", "3"])
@pytest.mark.parametrize("step", ["category", "area"])
def test_a_caller_who_is_being_asked_by_a_controller_that_freezes_reaches_a_human_within_five_seconds(
    step: str, pressed: str, own_server: Server, switch_on: SwitchOn
) -> None:
    """With a key, which ends the prompt and which nobody takes, and while the prompt still plays."""
    scene = scenes.at(step, own_server, switch_on)
    with scenes.frozen(own_server) as since:
        if pressed:
            scene.citizen.phone.press(pressed)
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, since)
    record, _ = scene.ends()
    cause = f"controller frozen{', then a key' if pressed else ''}"
    holds(cause, step, measured, outcome(record), limit=LIMIT, dead_air=LIMIT)
    assert (record.lifeline, record.answered_by) == (True, scene.human.account)
    assert record.category == ("kebakaran" if step == "area" else None)


@pytest.mark.parametrize("moment", ["GENERATION", '"CATEGORY"', "PLAN_1_DIAL", '"PLAN"'])
def test_a_caller_whose_controller_freezes_between_a_key_and_the_plan_reaches_a_human_within_five_seconds(
    moment: str, own_server: Server, switch_on: SwitchOn
) -> None:
    frozen: list[float] = []

    def freeze() -> None:
        frozen.append(time.monotonic())
        os.kill(before, signal.SIGSTOP)

    scene, before = scenes.at("new call", own_server, switch_on), own_server.controller_pid
    agency = switch_on(own_server, "damkar_1")
    with Middle(scenes.agi_port(own_server), moment, freeze) as middle:
        scene.citizen.dial()
        if moment != "GENERATION":
            scene.citizen.is_asked("category").phone.press("13")
        until(middle.happened.is_set, "moment to freeze", 15)
        late = "PLAN" in moment
        scene = scenes.Scene(own_server, scene.citizen, agency if late else scene.human)
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, frozen[0])
    record, _ = scene.ends()
    holds(f"controller frozen before {moment}", "plan", measured, outcome(record), limit=LIMIT, dead_air=LIMIT)
    assert (record.lifeline, record.answered_by) == (True, scene.human.account)


def test_a_new_caller_of_a_frozen_controller_reaches_an_operator_by_the_dead_man_timer(
    own_server: Server, switch_on: SwitchOn
) -> None:
    """Even when nobody replaces the controller."""
    scene = scenes.at("new call", own_server, switch_on)
    with own_server.without_restarts(), scenes.frozen(own_server):
        dialled = scene.dials()
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, dialled)
        scene.citizen.phone.hang_up()
    record, events = scene.ends(30)
    holds("controller frozen", "new call", measured, outcome(record), limit=LIMIT, dead_air=LIMIT)
    assert (record.lifeline, record.answered_by) == (True, "operator1")
    assert Happened.DEADMAN in kinds(events)


@pytest.mark.alone
def test_a_frozen_controller_is_replaced_within_ten_seconds_and_asks_the_next_caller(
    own_server: Server, switch_on: SwitchOn
) -> None:
    scene, before = scenes.at("new call", own_server, switch_on), own_server.controller_pid
    with scenes.frozen(own_server) as since:
        assert scenes.another_controller(own_server, before, since, 30) < REPLACED + MACHINE
    scene.citizen.dial().answers("0")
    scene.meet()
    record, _ = scene.ends()
    assert (record.lifeline, record.answered_by) == (False, "operator1")


@pytest.mark.parametrize("step", ["ringing", "queue", "talking"])
def test_a_caller_who_has_a_plan_notices_nothing_of_a_controller_that_freezes(
    step: str, own_server: Server, switch_on: SwitchOn
) -> None:
    scene, before = scenes.at(step, own_server, switch_on), own_server.controller_pid
    with scenes.frozen(own_server) as since:
        if step == "talking":
            measured = stayed(scene.citizen.phone, since, 4)
        else:
            scene.meet()
            measured = reached(scene.citizen.phone, scene.human, since)
        scenes.another_controller(own_server, before, since, 30)
    record, events = scene.ends()
    holds("controller frozen", step, measured, outcome(record), dead_air=1 if step != "talking" else 0.1)
    assert (record.lifeline, record.answered_by) == (False, scene.human.account)
    assert kinds(events).count(Happened.RING) == 1


def test_a_caller_whose_controller_freezes_in_the_middle_of_a_command_is_freed_by_the_watchdog(
    own_server: Server, switch_on: SwitchOn
) -> None:
    """No timer of Asterisk counts while it waits for the end of a line."""
    frozen: list[float] = []

    def freeze() -> None:
        frozen.append(time.monotonic())
        os.kill(before, signal.SIGSTOP)

    scene, before = scenes.at("new call", own_server, switch_on), own_server.controller_pid
    with Middle(scenes.agi_port(own_server), "GET DATA|STREAM FILE", freeze, bytes_first=10):
        scene.citizen.dial()
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, frozen[0])
    record, _ = scene.ends()
    holds(
        "controller frozen within a command",
        "category",
        measured,
        outcome(record),
        limit=LIMIT,
        dead_air=LIMIT,
    )
    assert (record.lifeline, record.answered_by) == (True, "operator1")
