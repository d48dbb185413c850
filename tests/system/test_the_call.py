"""A citizen dials 112, is asked two questions, and talks to the people on duty."""

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ivr.calls.events import Kind as Happened
from ivr.calls.projection import CallRecord
from ivr.phones import sounds
from ivr.phones.baresip import Kind, Phone, PhoneTimeout
from ivr.prompts.shelf import ClipShelf
from tests.audio import heard_prompts, load, silence_spans, tone_level
from tests.system.conftest import CITIZEN_HERTZ, OFFICER_HERTZ
from tests.system.measured import DEAD_AIR, SOON, Reached, holds, outcome, reached
from tests.system.people import Citizen, SwitchOn, accepts, kinds
from tests.system.server import Server, until

BUDGET = 40.0  # seconds after which the questions end, whatever happens
SAYS = {
    "greeting", "ask-category", "option-kebakaran", "option-medis", "option-keamanan", "option-lampu",
    "option-operator", "ask-area", "option-area-62-71-01", "option-area-62-71-03", "category-kebakaran",
    "category-medis", "area-62-71-01", "area-62-71-03", "to-damkar", "to-damkar-pos", "to-psc119", "to-polresta",
    "understood-wrong", "wrong-key", "to-operator", "operators-busy", "to-standby", "lifeline", "report-silent",
    "screen-call", "screen-keys", "ask-again",
}  # fmt: skip


def prompts_heard(server: Server, phone: Phone) -> list[str]:
    """The ids of all prompts this phone heard, whole or cut off by a key, in order."""
    built = {name: server.prompts / "built" / f"{name}.wav" for name in SAYS}
    return [heard.id for heard in heard_prompts(phone.heard(), built)]


def listens_to(server: Server, citizen: Citizen, since: datetime, *clips: str) -> None:
    """Wait until these clips, played since then, have been heard to their end."""
    length = ClipShelf(server.prompts / "built", server.state).seconds(clips)
    until(lambda: (datetime.now(UTC) - since).total_seconds() > length + 0.2, "end of the prompt", length + 5)


def talks(citizen: Citizen, officer: Phone) -> None:
    """Both have heard the other's voice: two-way audio, measured on both phones."""

    def hears(phone: Phone, hertz: int) -> bool:
        last = load(phone.heard())[-4000:]
        return len(last) == 4000 and tone_level(last, hertz).share > 0.9

    until(lambda: hears(citizen.phone, OFFICER_HERTZ), "officer's voice at the citizen")
    until(lambda: hears(officer, CITIZEN_HERTZ), "citizen's voice at the officer")


def test_two_keys_connect_a_citizen_with_the_fire_brigade(server: Server, switch_on: SwitchOn) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    dialled = time.monotonic()
    citizen.dial().answers("1", "3")
    accepts(citizen, officer)
    talks(citizen, officer)

    measured = reached(citizen.phone, officer, dialled)
    record, events = citizen.hangs_up()
    holds("keys during the prompts", "new call", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert (record.category, record.category_how) == ("kebakaran", "key")
    assert (record.area, record.area_how) == ("62.71.03", "key")
    assert (record.outcome, record.answered_by, record.hung_up_by) == ("answered", "damkar_1", "caller")
    assert not record.lifeline
    assert [(attempt.line, attempt.result) for attempt in record.attempts] == [("damkar_1", "accepted")]
    assert Happened.PLAN in kinds(events)


@pytest.mark.alone
def test_every_prompt_is_heard_whole_and_in_order_by_a_patient_caller(server: Server, switch_on: SwitchOn) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    options = ("option-kebakaran", "option-medis", "option-keamanan", "option-lampu", "option-operator")
    first = ("greeting", "ask-category", *options)
    second = ("ask-area", "option-area-62-71-01", "option-area-62-71-03", "option-operator")
    read_back = ("category-kebakaran", "area-62-71-03", "to-damkar", "understood-wrong")
    asked = citizen.dial().until(Happened.QUESTION, question="category")
    listens_to(server, citizen, asked.at, *first)
    citizen.phone.press("1")
    asked = citizen.until(Happened.QUESTION, question="area")
    listens_to(server, citizen, asked.at, *second)
    citizen.phone.press("3")
    rung = citizen.until(Happened.RING)
    listens_to(server, citizen, rung.at, *read_back)
    assert officer.wait_event(Kind.INCOMING)
    citizen.hangs_up()
    assert prompts_heard(server, citizen.phone) == [*first, *second, *read_back]


def test_the_caller_is_never_left_in_silence(server: Server, switch_on: SwitchOn) -> None:
    """Until the conversation nothing is silent for longer than the rests of the ringing tone."""
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    silences = silence_spans(load(citizen.phone.heard()), threshold=-55, minimum=2.0)
    citizen.hangs_up()
    assert [span for span in silences if span.seconds > 4.1] == []


@pytest.mark.alone
def test_the_officer_hears_what_and_where_before_accepting(server: Server, switch_on: SwitchOn) -> None:
    officer, citizen = switch_on(server, "psc119"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("2", "1")
    officer.answer(15)
    picked_up = citizen.until(Happened.PICKED_UP)
    announcement = ["screen-call", "category-medis", "area-62-71-01", "screen-keys"]
    listens_to(server, citizen, picked_up.at, *announcement)
    officer.press("1")
    talks(citizen, officer)
    citizen.hangs_up()
    assert prompts_heard(server, officer) == announcement


@pytest.mark.parametrize(
    ("keys", "account", "category", "area"),
    [
        (("1", "1"), "damkar_1", "kebakaran", "62.71.01"),
        (("2", "3"), "psc119", "medis", "62.71.03"),
        (("3", "1"), "polresta", "keamanan", "62.71.01"),
        (("3", "3", "1"), "polresta", "keamanan", "62.71.03.1001"),
        (("3", "3", "2"), "damkar_2", "keamanan", "62.71.03.1002"),
    ],
)
def test_each_pair_of_keys_rings_the_agency_of_the_rules(
    keys: tuple[str, ...], account: str, category: str, area: str, server: Server, switch_on: SwitchOn
) -> None:
    officer, citizen = switch_on(server, account), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers(*keys)
    accepts(citizen, officer)
    citizen.until(Happened.ACCEPTED, line=account)
    record, _ = citizen.hangs_up()
    assert (record.category, record.area, record.answered_by) == (category, area, account)


def test_a_category_without_place_rings_at_once_and_its_phone_needs_no_key(
    server: Server, switch_on: SwitchOn
) -> None:
    officer, citizen = switch_on(server, "dishub"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("4")
    officer.answer(15)
    talks(citizen, officer)
    record, _ = citizen.hangs_up()
    assert (record.category, record.area, record.answered_by) == ("lampu", None, "dishub")


def test_keys_typed_ahead_of_every_prompt_are_not_lost(server: Server, switch_on: SwitchOn) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().is_asked("category")
    pressed = time.monotonic()
    citizen.phone.press("13")
    accepts(citizen, officer)
    talks(citizen, officer)
    measured = reached(citizen.phone, officer, pressed)
    record, _ = citizen.hangs_up()
    holds("keys ahead of the prompts", "category", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert (record.category, record.area) == ("kebakaran", "62.71.03")


def test_a_key_cuts_the_prompt_short(server: Server, switch_on: SwitchOn) -> None:
    citizen = Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1").is_asked("area")
    pressed = citizen.until(Happened.KEY_PRESSED, question="category").at
    asked = citizen.until(Happened.QUESTION, question="area").at
    citizen.hangs_up()
    assert "option-operator" not in prompts_heard(server, citizen.phone)
    assert (asked - pressed).total_seconds() < 0.1


def presses(citizen: Citizen, key: str, operator: Phone) -> tuple[Reached, CallRecord]:
    """This key leads to the operator, who talks to the citizen; then the citizen hangs up."""
    pressed = time.monotonic()
    citizen.phone.press(key)
    operator.answer(15)
    talks(citizen, operator)
    measured = reached(citizen.phone, operator, pressed)
    return measured, citizen.hangs_up()[0]


def test_zero_reaches_an_operator_from_the_first_question(server: Server, switch_on: SwitchOn) -> None:
    operator, citizen = switch_on(server, "operator1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().is_asked("category")
    measured, record = presses(citizen, "0", operator)
    holds("key 0", "category", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert (record.answered_by, record.category, record.possibly_silent) == ("operator1", None, False)


def test_zero_at_the_second_question_keeps_what_was_said(server: Server, switch_on: SwitchOn) -> None:
    operator, citizen = switch_on(server, "operator1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("2").is_asked("area")
    measured, record = presses(citizen, "0", operator)
    holds("key 0", "area", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert (record.answered_by, record.category) == ("operator1", "medis")


def test_zero_while_the_agency_rings_reaches_an_operator(server: Server, switch_on: SwitchOn) -> None:
    switch_on(server, "damkar_1")
    operator, citizen = switch_on(server, "operator1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1").until(Happened.RING, line="damkar_1")
    measured, record = presses(citizen, "0", operator)
    holds("key 0", "ringing", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert record.answered_by == "operator1"
    assert Happened.OPERATOR_KEY in kinds(server.story(citizen.call_id)[1])


def test_callers_who_cannot_press_reach_an_operator_flagged_as_possibly_silent(
    server: Server, switch_on: SwitchOn, tmp_path: Path
) -> None:
    """One only breathes, the other stands in a storm: no key is heard from either."""
    storm = np.clip(np.random.default_rng(112).normal(0, 8000, 60 * sounds.RATE), -32768, 32767)
    operators = {name: switch_on(server, name) for name in ("operator1", "operator2")}
    with (
        server.phone("polresta") as breathes,
        server.phone("psc119", microphone=sounds.write(tmp_path / "storm.wav", storm.astype("<i2"))) as in_storm,
    ):
        citizens = {}
        for cause, phone in (("long silence", breathes), ("noise", in_storm)):
            phone.wait_registered()
            citizens[cause] = time.monotonic(), Citizen(server, phone).dial()
        for operator in operators.values():
            operator.answer(45)
        for cause, (dialled, citizen) in citizens.items():
            taken = citizen.until(Happened.ACCEPTED)
            measured = reached(citizen.phone, operators[str(taken.detail["line"])], dialled)
            record, events = citizen.hangs_up()
            holds(cause, "new call", measured, outcome(record), limit=BUDGET)
            assert (record.answered_by, record.possibly_silent) == (taken.detail["line"], True)
            assert Happened.KEY_PRESSED not in kinds(events)


def test_two_wrong_keys_reach_an_operator(server: Server, switch_on: SwitchOn) -> None:
    operator, citizen = switch_on(server, "operator1"), Citizen(server, switch_on(server, "warga"))
    asked = citizen.dial().answers("9").until(Happened.QUESTION, question="category", attempt=2)
    listens_to(server, citizen, asked.at, "wrong-key")
    measured, record = presses(citizen, "#", operator)
    holds("two wrong keys", "category", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert (record.answered_by, record.possibly_silent) == ("operator1", False)
    assert "wrong-key" in prompts_heard(server, citizen.phone)


def test_a_star_while_ringing_asks_again(server: Server, switch_on: SwitchOn) -> None:
    switch_on(server, "damkar_1")
    officer, citizen = switch_on(server, "polresta"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1").until(Happened.RING, line="damkar_1")
    citizen.phone.press("*")
    corrected = citizen.until(Happened.CORRECT)
    listens_to(server, citizen, corrected.at, "ask-again")
    citizen.phone.press("3")
    citizen.until(Happened.UNDERSTOOD, value="keamanan")
    citizen.phone.press("1")
    accepts(citizen, officer)
    talks(citizen, officer)
    record, _ = citizen.hangs_up()
    assert (record.category, record.area, record.answered_by) == ("keamanan", "62.71.01", "polresta")
    assert "ask-again" in prompts_heard(server, citizen.phone)


def test_two_phones_ring_together_and_the_first_to_press_one_gets_the_caller(
    server: Server, switch_on: SwitchOn
) -> None:
    slow, quick = switch_on(server, "psc119"), switch_on(server, "damkar_2")
    citizen = Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("2", "1")
    slow.answer(15)  # picks up first and only listens
    accepts(citizen, quick)
    talks(citizen, quick)
    slow.wait_event(Kind.CLOSED, 15)
    record, _ = citizen.hangs_up()
    assert record.answered_by == "damkar_2"


def test_when_nobody_answers_the_queue_and_then_the_24_hour_line_ring(server: Server, switch_on: SwitchOn) -> None:
    for account in ("damkar_1", "damkar_2", "operator1"):
        switch_on(server, account)
    standby, citizen = switch_on(server, "siaga"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    citizen.until(Happened.LAST_RESORT, seconds=60)
    accepts(citizen, standby)
    talks(citizen, standby)
    record, events = citizen.hangs_up()
    assert [a.line for a in record.attempts] == ["damkar_1", "damkar_2", "operator1", "siaga"]
    assert [a.result for a in record.attempts[:2]] == ["no_answer", "no_answer"]
    assert record.answered_by == "siaga"
    assert kinds(events).index(Happened.QUEUE_END) < kinds(events).index(Happened.LAST_RESORT)


def test_with_nobody_anywhere_the_caller_is_kept_and_reaches_the_first_operator_who_logs_in(
    server: Server, switch_on: SwitchOn
) -> None:
    citizen = Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    citizen.until(Happened.LAST_RESORT, seconds=30)
    operator = switch_on(server, "operator2")
    operator.answer(30)
    talks(citizen, operator)
    record, _ = citizen.hangs_up()
    assert record.answered_by == "operator2"


def test_the_recording_holds_the_whole_call_with_both_voices(server: Server, switch_on: SwitchOn) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    length = len(load(officer.heard()))
    until(lambda: len(load(officer.heard())) > length + 16000, "two more seconds of conversation")
    record, _ = citizen.hangs_up()
    assert record.recording_problem is None
    assert record.recording_path
    assert record.recording_path.endswith(f"/{record.call_id}.wav")
    sound = load(server.recording_of(record))
    assert record.ended_at is not None
    assert record.arrived_at is not None
    assert abs(len(sound) / 8000 - (record.ended_at - record.arrived_at).total_seconds()) < 2
    parts = [sound[start : start + 4000] for start in range(0, len(sound) - 4000, 1000)]
    shares = [(tone_level(part, CITIZEN_HERTZ).share, tone_level(part, OFFICER_HERTZ).share) for part in parts]
    assert any(citizen > 0.3 and officer > 0.3 for citizen, officer in shares)


@pytest.mark.alone
def test_the_recording_begins_with_the_greeting_and_holds_the_waiting(server: Server, switch_on: SwitchOn) -> None:
    switch_on(server, "damkar_1")
    with server.phone("warga") as silent:
        silent.wait_registered()
        citizen = Citizen(server, silent)
        asked = citizen.dial().until(Happened.QUESTION, question="category")
        listens_to(server, citizen, asked.at, "greeting")
        silent.press("1")
        asked = citizen.until(Happened.QUESTION, question="area")
        listens_to(server, citizen, asked.at, "ask-area", "option-area-62-71-01")
        silent.press("1")
        rung = citizen.until(Happened.RING)
        listens_to(server, citizen, rung.at, "category-kebakaran", "area-62-71-01", "to-damkar")
        record, _ = citizen.hangs_up()
    built = server.prompts / "built"
    names = ("greeting", "ask-area", "option-area-62-71-01", "category-kebakaran", "area-62-71-01", "to-damkar")
    heard = heard_prompts(server.recording_of(record), {name: built / f"{name}.wav" for name in names})
    assert [part.id for part in heard] == list(names)
    assert heard[0].at_seconds < 0.6


def test_an_officer_who_hangs_up_ends_the_call_for_the_citizen(server: Server, switch_on: SwitchOn) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    accepted = citizen.until(Happened.ACCEPTED)
    until(lambda: (datetime.now(UTC) - accepted.at).total_seconds() > 4, "conversation of four seconds", 10)
    officer.hang_up()
    citizen.phone.wait_event(Kind.CLOSED, 5)
    record, _ = citizen.record()
    assert (record.outcome, record.answered_by) == ("answered", "damkar_1")


def test_phones_of_officers_can_reach_112_and_nothing_else(server: Server, switch_on: SwitchOn) -> None:
    officer = switch_on(server, "damkar_1")
    officer.dial("0811234567")
    closed = officer.wait_event(Kind.CLOSED, 5)
    assert "404" in closed.detail
    with pytest.raises(PhoneTimeout):
        officer.wait_event(Kind.ESTABLISHED, 0.2)
