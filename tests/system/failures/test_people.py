"""The agency does not take the call, for every reason there is: the caller is with the next person in time, and hears
throughout that somebody is being called."""

import time
from collections.abc import Callable

import pytest

from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind, Phone
from tests.system.measured import holds, outcome, reached
from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import Server, until
from tests.system.test_the_call import talks

RINGS = 12.0  # seconds, of damkar_1 in the rules of the tests
LISTENS = 33.0  # seconds that a phone which was picked up may keep the call without a key
DEAD_AIR = 1.5  # seconds beyond the rest of a ringing tone


# Each gives the moment (monotonic) just before its last act, from which on the caller waits for somebody else.


def declines(citizen: Citizen, officer: Phone) -> float:
    officer.answer(10)
    citizen.until(Happened.PICKED_UP, line="damkar_1")
    since = time.monotonic()
    officer.press("2")
    return since


def is_busy(citizen: Citizen, officer: Phone) -> float:
    officer.wait_event(Kind.INCOMING, 10)
    since = time.monotonic()
    officer.reject()
    return since


def never_answers(citizen: Citizen, officer: Phone) -> float:
    return officer.wait_event(Kind.INCOMING, 10).at


def hangs_up_instead_of_a_key(citizen: Citizen, officer: Phone) -> float:
    officer.answer(10)
    citizen.until(Happened.PICKED_UP, line="damkar_1")
    since = time.monotonic()
    officer.hang_up()
    return since


def picks_up_and_says_nothing(citizen: Citizen, officer: Phone) -> float:
    since = time.monotonic()
    officer.answer(10)
    return since


def accepts_and_is_gone(citizen: Citizen, officer: Phone) -> float:
    accepts(citizen, officer)
    citizen.until(Happened.ACCEPTED, line="damkar_1")
    since = time.monotonic()
    officer.hang_up()
    return since


AGENCY: dict[Callable[[Citizen, Phone], float], tuple[float, str]] = {
    declines: (2.5, "declined"),
    is_busy: (2.0, "busy"),
    never_answers: (RINGS + 1.0, "no_answer"),
    hangs_up_instead_of_a_key: (2.0, "not_accepted"),
    picks_up_and_says_nothing: (LISTENS, "no_key"),
    accepts_and_is_gone: (2.0, "accepted"),
}


@pytest.mark.parametrize("behaves", AGENCY, ids=lambda behaves: behaves.__name__)
def test_a_caller_whose_agency_does_this_is_with_the_next_line_in_time(
    behaves: Callable[[Citizen, Phone], float], server: Server, switch_on: SwitchOn
) -> None:
    limit, result = AGENCY[behaves]
    first, second = switch_on(server, "damkar_1"), switch_on(server, "damkar_2")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("1", "1")
    citizen.until(Happened.RING, line="damkar_1")
    since = behaves(citizen, first)
    second.wait_event(Kind.INCOMING, limit + 5)
    accepts(citizen, second)
    talks(citizen, second)
    measured = reached(citizen.phone, second, since)
    record, _ = citizen.hangs_up()
    cause = f"agency {behaves.__name__.replace('_', ' ')}"
    holds(cause, "ringing", measured, outcome(record), limit=limit, dead_air=DEAD_AIR)
    assert [a.result for a in record.attempts if a.line == "damkar_1"] == [result]
    assert record.attempts[-1].line == "damkar_2"


def test_a_caller_whose_agency_has_its_phone_off_is_with_the_next_line_in_time(
    server: Server, switch_on: SwitchOn
) -> None:
    second = switch_on(server, "damkar_2")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("1", "1")
    since = time.monotonic()
    accepts(citizen, second)
    talks(citizen, second)
    measured = reached(citizen.phone, second, since)
    record, _ = citizen.hangs_up()
    holds("agency unreachable", "ringing", measured, outcome(record), limit=2.0, dead_air=DEAD_AIR)
    assert [(a.line, a.result) for a in record.attempts] == [("damkar_1", "unreachable"), ("damkar_2", "accepted")]


def test_a_caller_whose_whole_plan_is_away_is_with_an_operator_in_time(server: Server, switch_on: SwitchOn) -> None:
    operator = switch_on(server, "operator1")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("1", "1")
    since = time.monotonic()
    operator.answer(10)
    talks(citizen, operator)
    measured = reached(citizen.phone, operator, since)
    record, _ = citizen.hangs_up()
    holds("all agencies unreachable", "ringing", measured, outcome(record), limit=2.0, dead_air=DEAD_AIR)
    assert record.answered_by == "operator1"


def takes_a_caller(server: Server, switch_on: SwitchOn, operators: list[Phone]) -> None:
    """One more citizen talks to whichever of these operators is rung."""
    Citizen(server, switch_on(server, "warga")).dial().answers("0")

    def rung() -> list[Phone]:
        return [phone for phone in operators if any(event.kind == Kind.INCOMING for event in phone.events)]

    until(rung, "operator who is rung", 10)
    operator = rung()[0]
    operator.answer(5)
    operators.remove(operator)


@pytest.mark.parametrize("operators", ["none is logged in", "all are busy", "nobody answers"])
def test_a_caller_whom_no_operator_takes_is_with_the_24_hour_line_in_time(
    operators: str, server: Server, switch_on: SwitchOn
) -> None:
    """The queue of the tests waits 6 s for operators."""
    accounts = () if operators == "none is logged in" else ("operator1", "operator2")
    people = [switch_on(server, account) for account in accounts]
    while operators == "all are busy" and people:
        takes_a_caller(server, switch_on, people)
    standby = switch_on(server, "siaga")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("0")
    since = time.monotonic()
    accepts(citizen, standby)
    talks(citizen, standby)
    measured = reached(citizen.phone, standby, since)
    record, _ = citizen.hangs_up()
    holds(f"operators: {operators}", "queue", measured, outcome(record), limit=20.0, dead_air=DEAD_AIR)
    assert record.answered_by == "siaga"
