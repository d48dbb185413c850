"""The citizen hangs up: at every step the record is right, and nothing stays open."""

import time
from datetime import UTC, datetime

import pytest

from ivr.calls.events import Kind as Happened
from ivr.calls.projection import CallRecord
from ivr.phones.baresip import Kind
from tests.system.measured import DEAD_AIR, SOON, holds, outcome, reached, unheard
from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import Server, until
from tests.system.test_the_call import talks

CLOSED = 2.0  # seconds until the log says how the call ended; its recording is checked later
LET_GO = 10.0  # seconds until an officer has heard that the caller is gone


def hangs_up(citizen: Citizen, step: str, cause: str = "caller hangs up") -> CallRecord:
    """The record, and a row of the matrix: how soon it was closed."""
    since = time.monotonic()
    citizen.phone.hang_up()
    until(lambda: citizen.server.story(citizen.call_id)[0].ended_at, "end in the log")
    took = unheard(time.monotonic() - since)
    record, _ = citizen.record()
    holds(cause, step, took, f"{record.outcome}, {record.stage}", limit=CLOSED, until="record closed")
    return record


@pytest.mark.parametrize(
    ("keys", "moment", "stage", "category", "area"),
    [
        ((), Happened.QUESTION, "category", None, None),
        (("1",), Happened.UNDERSTOOD, "area", "kebakaran", None),
        (("1", "1"), Happened.RING, "ringing", "kebakaran", "62.71.01"),
        (("0",), Happened.QUEUE, "queue", None, None),
    ],
)
def test_a_caller_who_hangs_up_early_is_recorded_as_abandoned_with_what_was_known(
    keys: tuple[str, ...],
    moment: Happened,
    stage: str,
    category: str | None,
    area: str | None,
    server: Server,
    switch_on: SwitchOn,
) -> None:
    switch_on(server, "damkar_1")
    switch_on(server, "operator1")
    citizen = Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers(*keys).until(moment)
    record = hangs_up(citizen, stage)
    assert (record.outcome, record.hung_up_by, record.stage) == ("abandoned", "caller", stage)
    assert (record.category, record.area) == (category, area)
    assert (record.answered_by, record.recording_problem) == (None, None)


def test_a_caller_who_hangs_up_while_the_officer_listens_frees_the_officer(
    server: Server, switch_on: SwitchOn
) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    officer.answer(10)
    citizen.until(Happened.PICKED_UP)
    since = time.monotonic()
    record = hangs_up(citizen, "ringing", "caller hangs up while the officer listens")
    assert record.outcome == "abandoned"
    freed = unheard(officer.wait_event(Kind.CLOSED, 15).at - since)
    holds("officer whose caller is gone", "ringing", freed, "told", limit=LET_GO, until="let go")


def test_a_caller_who_hangs_up_in_the_conversation_was_answered(server: Server, switch_on: SwitchOn) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    record = hangs_up(citizen, "talking")
    assert (record.outcome, record.stage) == ("answered", "talking")


@pytest.mark.parametrize("seconds", [0.0, 1.5])
def test_an_officer_who_hangs_up_instead_of_pressing_a_key_does_not_end_the_call(
    seconds: float, server: Server, switch_on: SwitchOn
) -> None:
    """The next one is rung, as if the first had never picked up."""
    first, second = switch_on(server, "damkar_1"), switch_on(server, "damkar_2")
    citizen = Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    first.answer(10)
    picked_up = citizen.until(Happened.PICKED_UP)
    until(lambda: (datetime.now(UTC) - picked_up.at).total_seconds() >= seconds, "moment to hang up")
    since = time.monotonic()
    first.hang_up()
    accepts(citizen, second)
    talks(citizen, second)
    measured = reached(citizen.phone, second, since)
    record, _ = citizen.hangs_up()
    cause = f"agency hangs up {seconds:g} s after picking up"
    holds(cause, "ringing", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert (record.outcome, record.answered_by, record.hung_up_by) == ("answered", "damkar_2", "caller")


def test_the_last_person_who_hangs_up_without_a_key_leaves_the_caller_with_the_next_round(
    server: Server, switch_on: SwitchOn
) -> None:
    standby, citizen = switch_on(server, "siaga"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("0")
    standby.answer(30)
    citizen.until(Happened.PICKED_UP, line="siaga")
    since = time.monotonic()
    standby.hang_up()
    citizen.until(Happened.QUEUE_END, seconds=30)
    operator = switch_on(server, "operator1")
    operator.answer(40)
    talks(citizen, operator)
    measured = reached(citizen.phone, operator, since)
    record, _ = citizen.hangs_up()
    cause = "24-hour line hangs up, an operator comes later"
    holds(cause, "queue", measured, outcome(record), limit=20.0, dead_air=DEAD_AIR)
    assert (record.outcome, record.answered_by) == ("answered", "operator1")


def test_an_operator_who_takes_the_call_and_is_gone_at_once_leaves_the_caller_with_the_next(
    server: Server, switch_on: SwitchOn
) -> None:
    """A headset button pressed twice is no conversation."""
    operator, standby = switch_on(server, "operator1"), switch_on(server, "siaga")
    citizen = Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("0")
    operator.answer(15)
    since = time.monotonic()
    operator.hang_up()
    accepts(citizen, standby)
    talks(citizen, standby)
    measured = reached(citizen.phone, standby, since)
    record, _ = citizen.hangs_up()
    holds("operator takes the call and is gone", "queue", measured, "siaga, plan", limit=SOON, dead_air=DEAD_AIR)
    assert record.outcome == "answered"
    assert record.hung_up_by == "caller"


def test_a_phone_that_accepts_by_picking_up_and_drops_leaves_the_caller_with_the_operators(
    server: Server, switch_on: SwitchOn
) -> None:
    direct, operator = switch_on(server, "dishub"), switch_on(server, "operator1")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("4")
    direct.answer(15)
    since = time.monotonic()
    direct.hang_up()
    operator.answer(30)
    talks(citizen, operator)
    measured = reached(citizen.phone, operator, since)
    record, _ = citizen.hangs_up()
    cause = "agency without a key takes the call and is gone"
    holds(cause, "ringing", measured, "operator1, plan", limit=SOON, dead_air=DEAD_AIR)
    assert record.outcome == "answered"


def test_a_conversation_that_the_officer_ends_is_over(server: Server, switch_on: SwitchOn) -> None:
    """Nobody else is rung for it."""
    operator, citizen = switch_on(server, "operator1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("0")
    operator.answer(15)
    talks(citizen, operator)
    accepted = citizen.until(Happened.ACCEPTED)
    until(lambda: (datetime.now(UTC) - accepted.at).total_seconds() > 4, "conversation of four seconds")
    operator.hang_up()
    citizen.phone.wait_event(Kind.CLOSED, 10)
    record, events = citizen.record()
    assert (record.outcome, record.answered_by) == ("answered", "operator1")
    assert Happened.LAST_RESORT not in [event.kind for event in events]


@pytest.mark.parametrize(("key", "account"), [("0", "operator1"), ("4", "dishub")])
def test_a_phone_that_hangs_up_in_the_very_moment_it_takes_the_call_leaves_the_caller_with_the_next(
    key: str, account: str, own_server: Server, switch_on: SwitchOn
) -> None:
    """Between the two lines that note who took it: the gap of microseconds is made a second wide."""
    own_server.change_dialplan(BETWEEN, r"\1 same => n,Wait(1)\n\2")
    first, standby = switch_on(own_server, account), switch_on(own_server, "siaga")
    citizen = Citizen(own_server, switch_on(own_server, "warga")).dial().answers(key)
    first.answer(15)
    citizen.until(Happened.PICKED_UP, line=account)
    first.hang_up()
    accepts(citizen, standby)
    citizen.until(Happened.ACCEPTED, line="siaga")
    record, _ = citizen.hangs_up()
    assert (record.hung_up_by, record.answered_by) == ("caller", "siaga")


BETWEEN = r"( same => n,Set\(SHARED\(\w+,\$\{CALLER\}\)=[^\n]*\n)( same => n,Set\(SHARED\()"
