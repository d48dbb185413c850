"""The controller's door is closed: refused, lost on the way, cut in the middle of a question."""

import time

from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind
from ivr.prompts.shelf import ClipShelf
from tests.system.failures import network, scenes
from tests.system.measured import holds, outcome, reached
from tests.system.people import SwitchOn, kinds
from tests.system.server import Server

AREA_QUESTION = ("ask-area", "option-area-62-71-01", "option-area-62-71-03", "option-operator")


def test_a_caller_whom_a_dead_controller_cannot_take_reaches_an_operator_within_two_seconds(
    own_server: Server, switch_on: SwitchOn
) -> None:
    scene = scenes.at("new call", own_server, switch_on)
    with own_server.without_restarts():
        scenes.killed(own_server)
        dialled = scene.dials()
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, dialled)
        scene.citizen.phone.hang_up()
    record, events = scene.ends(30)
    holds("controller gone", "new call", measured, outcome(record), limit=2, dead_air=2)
    assert (record.lifeline, record.answered_by, record.recording_problem) == (True, "operator1", None)
    assert Happened.LIFELINE in kinds(events)


def test_a_caller_whose_controller_refuses_reaches_an_operator_within_two_seconds(
    sturdy: Server, switch_on: SwitchOn
) -> None:
    scene = scenes.at("new call", sturdy, switch_on)
    with sturdy.without_restarts(), network.refused(scenes.agi_port(sturdy)):
        dialled = scene.dials()
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, dialled)
    record, events = scene.ends()
    holds("controller refuses", "new call", measured, outcome(record), limit=2, dead_air=2)
    assert (record.lifeline, record.answered_by) == (True, "operator1")
    assert [e.detail["status"] for e in events if e.kind == Happened.LIFELINE] == ["FAILURE"]


def test_a_caller_whose_controller_cannot_be_heard_of_reaches_an_operator_within_five_seconds(
    sturdy: Server, switch_on: SwitchOn
) -> None:
    """Asterisk itself gives up after two seconds; the dead-man timer would after three."""
    scene = scenes.at("new call", sturdy, switch_on)
    with sturdy.without_restarts(), network.lost(scenes.agi_port(sturdy)):
        dialled = scene.dials()
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, dialled)
    record, _ = scene.ends()
    holds("way to the controller lost", "new call", measured, outcome(record), limit=5, dead_air=5)
    assert (record.lifeline, record.answered_by) == (True, "operator1")


def test_a_caller_in_a_question_whose_way_to_the_controller_is_lost_reaches_the_agency_by_the_dead_man_timer(
    sturdy: Server, switch_on: SwitchOn
) -> None:
    """Nobody tells Asterisk: it waits for the prompt's end, five seconds for a key, and three for the controller."""
    scene = scenes.at("area", sturdy, switch_on)
    with sturdy.without_restarts(), network.lost(scenes.agi_port(sturdy)):
        since = time.monotonic()
        length = ClipShelf(sturdy.prompts / "built", sturdy.state).seconds(AREA_QUESTION)
        scene.human.wait_event(Kind.INCOMING, length + 10)
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, since)
    record, events = scene.ends()
    holds("way to the controller lost", "area", measured, outcome(record), limit=length + 8, dead_air=8)
    assert (record.lifeline, record.answered_by, record.category) == (True, "damkar_1", "kebakaran")
    assert Happened.DEADMAN in kinds(events)
