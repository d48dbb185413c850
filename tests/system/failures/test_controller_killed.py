"""The controller is killed (SIGKILL): who was being asked reaches a human at once, all others notice nothing."""

import time

import pytest

from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind
from tests.system.failures import scenes
from tests.system.failures.peers import Middle
from tests.system.measured import holds, outcome, reached, stayed
from tests.system.people import SwitchOn, kinds
from tests.system.server import Server, until
from tests.system.test_the_call import listens_to

LIMIT = 2.0
GREETING_OVER = ("greeting", "ask-category", "option-kebakaran")


@pytest.mark.parametrize("step", ["greeting", "category", "area"])
def test_a_caller_whose_controller_is_killed_in_a_question_reaches_a_human_within_two_seconds(
    step: str, own_server: Server, switch_on: SwitchOn
) -> None:
    """After the first answer the lifeline still knows what happened, and rings that agency."""
    scene = scenes.at("category" if step == "greeting" else step, own_server, switch_on)
    if step == "category":
        asked = scene.citizen.until(Happened.QUESTION)
        listens_to(own_server, scene.citizen, asked.at, *GREETING_OVER)
    since = scenes.killed(own_server)
    scene.meet()
    measured = reached(scene.citizen.phone, scene.human, since)
    record, _ = scene.ends()
    holds(f"controller killed in the {step}", "area" if step == "area" else "category", measured,
          outcome(record), limit=LIMIT, dead_air=LIMIT)  # fmt: skip
    assert (record.lifeline, record.answered_by) == (True, scene.human.account)
    assert record.category == ("kebakaran" if step == "area" else None)


@pytest.mark.parametrize("moment", ["GENERATION", '"CATEGORY"', "SCREEN", "PLAN_1_DIAL", "PLAN_2_SECONDS", '"PLAN"'])
def test_a_caller_whose_controller_is_killed_before_its_last_word_reaches_a_human_within_two_seconds(
    moment: str, own_server: Server, switch_on: SwitchOn
) -> None:
    """A plan that is not whole is none: the lifeline rings instead."""
    killed: list[float] = []
    scene = scenes.at("new call", own_server, switch_on)
    agency = switch_on(own_server, "damkar_1")
    with Middle(scenes.agi_port(own_server), moment, lambda: killed.append(scenes.killed(own_server))) as middle:
        scene.citizen.phone.dial("112")
        scene.citizen.phone.wait_event(Kind.ESTABLISHED)
        if moment != "GENERATION":
            scene.citizen.phone.press("13")
        until(middle.happened.is_set, "moment to kill", 15)
        known = moment not in {"GENERATION", '"CATEGORY"'}
        human = agency if known else scene.human
        scenes.Scene(own_server, scene.citizen, human).meet()
        measured = reached(scene.citizen.phone, human, killed[0])
    record, _ = scene.ends(40)
    holds(f"controller killed before {moment}", "plan", measured, outcome(record), limit=LIMIT, dead_air=LIMIT)
    assert (record.lifeline, record.answered_by) == (True, human.account)


@pytest.mark.parametrize("step", ["ringing", "queue", "talking"])
def test_a_caller_who_has_a_plan_notices_nothing_of_a_controller_that_is_killed(
    step: str, own_server: Server, switch_on: SwitchOn
) -> None:
    scene, before = scenes.at(step, own_server, switch_on), own_server.controller_pid
    since = scenes.killed(own_server)
    if step == "talking":
        measured = stayed(scene.citizen.phone, since, 3)
    else:
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, since)
    scenes.another_controller(own_server, before, since, 30)
    record, events = scene.ends()
    holds("controller killed", step, measured, outcome(record), dead_air=1 if step != "talking" else 0.1)
    assert (record.lifeline, record.answered_by) == (False, scene.human.account)
    assert kinds(events).count(Happened.RING) == 1


def test_a_caller_who_corrects_after_the_controller_was_killed_reaches_an_operator_within_two_seconds(
    own_server: Server, switch_on: SwitchOn
) -> None:
    """`*` while ringing asks again; nobody is there who could."""
    scene, operator = scenes.at("ringing", own_server, switch_on), switch_on(own_server, "operator1")
    with own_server.without_restarts():
        scenes.killed(own_server)
        since = time.monotonic()
        scene.citizen.phone.press("*")
        scenes.Scene(own_server, scene.citizen, operator).meet()
        measured = reached(scene.citizen.phone, operator, since)
    record, events = scene.ends()
    holds("controller killed, then `*`", "ringing", measured, outcome(record), limit=LIMIT, dead_air=LIMIT)
    assert record.answered_by == "operator1"
    assert {Happened.CORRECT, Happened.LIFELINE} <= set(kinds(events))


def test_calls_made_while_the_controller_was_away_are_in_the_log_afterwards(
    own_server: Server, switch_on: SwitchOn
) -> None:
    citizen = switch_on(own_server, "warga")
    with own_server.without_restarts():
        scenes.killed(own_server)
        for _ in range(3):
            citizen.dial("112")
            citizen.wait_event(Kind.ESTABLISHED)
            citizen.hang_up()
        assert own_server.calls() == []
    until(lambda: len(own_server.calls()) == 3, "three calls in the log", 30)
    until(lambda: all(call.ended_at for call in own_server.calls()), "end of all calls")
    assert {call.outcome for call in own_server.calls()} == {"abandoned"}
