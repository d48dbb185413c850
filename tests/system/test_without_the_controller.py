"""The controller refuses, dies or freezes: the caller reaches a human all the same, and the log tells it."""

import os
import signal
import time

import pytest

from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind, Phone
from tests.system.people import Citizen, SwitchOn, accepts, kinds
from tests.system.server import Server, until
from tests.system.test_the_call import prompts_heard, talks


def seconds_until_ringing(phone_events: list[object], since: float) -> float:
    """How long after `since` (monotonic) the phone began to ring."""
    ringing = [event.at for event in phone_events if event.kind == Kind.INCOMING]  # type: ignore[attr-defined]
    return float(ringing[0]) - since


def in_question(question: str, server: Server, switch_on: SwitchOn) -> tuple[Phone, Citizen]:
    """Who the lifeline will ring (the agency, once the category is known), and a caller who is being asked this."""
    human = switch_on(server, "operator1" if question == "category" else "damkar_1")
    citizen = Citizen(server, switch_on(server, "warga")).dial()
    if question == "area":
        citizen.answers("1")
    return human, citizen.is_asked(question)


def test_a_dead_controller_leads_to_an_operator_within_two_seconds(own_server: Server, switch_on: SwitchOn) -> None:
    operator, citizen = switch_on(own_server, "operator1"), switch_on(own_server, "warga")
    with own_server.without_restarts():
        os.kill(own_server.controller_pid, signal.SIGKILL)
        dialled = time.monotonic()
        citizen.dial("112")
        operator.answer(10)
        assert seconds_until_ringing(list(operator.events), dialled) < 2
        until(lambda: citizen.heard().stat().st_size > 30000, "two seconds of sound")
        citizen.hang_up()
    record, events = own_server.ended_call("warga", 30)
    assert (record.lifeline, record.answered_by) == (True, "operator1")
    assert Happened.LIFELINE in kinds(events)
    assert record.recording_problem is None


@pytest.mark.parametrize("question", ["category", "area"])
def test_a_controller_killed_during_a_question_loses_nobody(
    question: str, own_server: Server, switch_on: SwitchOn
) -> None:
    """After the first answer the lifeline still knows what happened, and rings that agency."""
    human, citizen = in_question(question, own_server, switch_on)
    killed = time.monotonic()
    os.kill(own_server.controller_pid, signal.SIGKILL)
    human.wait_event(Kind.INCOMING, 5)
    assert seconds_until_ringing(list(human.events), killed) < 2
    human.answer()
    if human.account == "damkar_1":
        citizen.until(Happened.PICKED_UP, line=human.account)
        human.press("1")
    talks(citizen, human)
    record, _ = citizen.hangs_up()
    assert (record.lifeline, record.answered_by) == (True, human.account)


@pytest.mark.parametrize("question", ["category", "area"])
def test_a_frozen_controller_loses_nobody_and_is_replaced(
    question: str, own_server: Server, switch_on: SwitchOn
) -> None:
    human, citizen = in_question(question, own_server, switch_on)
    frozen = own_server.controller_pid
    os.kill(frozen, signal.SIGSTOP)
    citizen.phone.press("3")  # Asterisk has the key, the controller will never take it
    human.wait_event(Kind.INCOMING, 30)
    until(lambda: own_server.controller_pid != frozen, "new controller", 15)
    record, _ = citizen.hangs_up()
    assert record.lifeline


def test_a_new_caller_is_answered_while_the_controller_is_frozen(own_server: Server, switch_on: SwitchOn) -> None:
    operator, citizen = switch_on(own_server, "operator1"), switch_on(own_server, "warga")
    with own_server.without_restarts():
        os.kill(own_server.controller_pid, signal.SIGSTOP)
        dialled = time.monotonic()
        citizen.dial("112")
        operator.wait_event(Kind.INCOMING, 10)
        assert seconds_until_ringing(list(operator.events), dialled) < 5
        citizen.hang_up()
    record, events = own_server.ended_call("warga", 40)
    assert record.lifeline
    assert Happened.DEADMAN in kinds(events)


def test_a_controller_killed_while_people_talk_changes_nothing_for_them(
    own_server: Server, switch_on: SwitchOn
) -> None:
    officer, citizen = switch_on(own_server, "damkar_1"), Citizen(own_server, switch_on(own_server, "warga"))
    citizen.dial().answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    first = own_server.controller_pid
    os.kill(first, signal.SIGKILL)
    until(lambda: own_server.controller_pid != first, "new controller")
    talks(citizen, officer)
    record, _ = citizen.hangs_up()
    assert (record.answered_by, record.lifeline) == ("damkar_1", False)


def test_a_controller_killed_while_phones_ring_changes_nothing_for_the_caller(
    own_server: Server, switch_on: SwitchOn
) -> None:
    officer, citizen = switch_on(own_server, "damkar_1"), Citizen(own_server, switch_on(own_server, "warga"))
    citizen.dial().answers("1", "1").until(Happened.RING, line="damkar_1")
    os.kill(own_server.controller_pid, signal.SIGKILL)
    officer.answer(10)
    until(lambda: "screen-call" in prompts_heard(own_server, officer), "announcement", 20)
    officer.press("1")
    talks(citizen, officer)
    record, _ = citizen.hangs_up()
    assert (record.answered_by, record.area) == ("damkar_1", "62.71.01")


def test_calls_made_while_the_controller_was_away_are_in_the_log_afterwards(
    own_server: Server, switch_on: SwitchOn
) -> None:
    citizen = switch_on(own_server, "warga")
    with own_server.without_restarts():
        os.kill(own_server.controller_pid, signal.SIGKILL)
        for _ in range(3):
            citizen.dial("112")
            citizen.wait_event(Kind.ESTABLISHED)
            citizen.hang_up()
        assert own_server.calls() == []
    until(lambda: len(own_server.calls()) == 3, "three calls in the log", 30)
    until(lambda: all(call.ended_at for call in own_server.calls()), "end of all calls")
    assert {call.outcome for call in own_server.calls()} == {"abandoned"}
