from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.calls.events import TELLINGS as TELLING_KINDS
from ivr.calls.events import Event, Kind, Scalar, Source, happened
from ivr.calls.order import on_one_clock
from ivr.calls.projection import CallRecord, Outcome, Stage, is_call, project
from tests.calls.story import (
    CALL,
    NUMBER,
    abandoned_rows,
    answered_rows,
    at,
    events,
    hangup,
    row,
    told_by_controller,
)


def told(*rows: list[str]) -> CallRecord:
    return project(CALL, events([row("ARRIVED", 0, "112|trunk"), *rows]))


def test_an_answered_call() -> None:
    record = project(CALL, [*events(answered_rows()), *told_by_controller()])
    assert (record.arrived_at, record.caller_number, record.caller_name) == (at(0), NUMBER, "Budi")
    assert (record.dialled, record.endpoint) == ("112", "trunk")
    assert (record.category, record.category_how) == ("kebakaran", "key")
    assert (record.area, record.area_how) == ("pahandut", "key")
    assert (record.plan, record.rules, record.lifeline) == ("damkar-1 > damkar-2", "abc", False)
    assert (record.answered_by, record.answered_at) == ("damkar-2", at(21))
    assert (record.ended_at, record.hung_up_by) == (at(81), "caller")
    assert (record.outcome, record.stage) == (Outcome.ANSWERED, Stage.TALKING)
    assert record.recording_path == f"2026/11/22/{CALL}.wav"


def test_the_attempts_of_an_answered_call() -> None:
    first, second = project(CALL, events(answered_rows())).attempts
    assert (first.line, first.rang_at, first.ended_at, first.result) == ("damkar-1", at(9.1), at(15), "no_answer")
    assert (second.line, second.picked_up_at, second.accepted_at) == ("damkar-2", at(18), at(21))
    assert (second.ended_at, second.result) == (at(80.9), "accepted")


def test_a_caller_who_hangs_up_while_a_phone_rings_is_abandoned() -> None:
    record = project(CALL, events(abandoned_rows()))
    assert (record.outcome, record.stage, record.ended_at) == (Outcome.ABANDONED, Stage.RINGING, at(12))
    assert [attempt.result for attempt in record.attempts] == ["cancelled"]


def test_a_call_is_open_until_its_end_is_known() -> None:
    assert project(CALL, events(answered_rows()[:-4])).outcome == Outcome.OPEN


def test_the_stage_is_the_question_the_caller_left_in() -> None:
    record = project(CALL, [*told_by_controller()[:4], *events(hangup(4))])
    assert (record.stage, record.outcome) == ("area", Outcome.ABANDONED)


def test_a_caller_who_corrects_is_asked_again() -> None:
    again = [
        happened(CALL, Kind.UNDERSTOOD, at=at(20), what="category", value="banjir", how="key"),
        happened(CALL, Kind.QUESTION, at=at(21), question="area"),
    ]
    record = project(CALL, [*events(abandoned_rows()[:-3]), *told_by_controller(), *again])
    assert (record.category, record.stage) == ("banjir", "area")


def test_an_operators_phone_that_rings_leaves_the_caller_in_the_queue() -> None:
    assert told(row("QUEUE", 1, "60"), row("RING", 2, "op-1"), *hangup(3)).stage == Stage.QUEUE


def test_the_24_hour_line_is_a_stage() -> None:
    assert told(row("LAST_RESORT", 1, "siaga"), row("RING", 2, "siaga"), *hangup(3)).stage == Stage.LAST_RESORT


def test_the_overflow_is_a_stage() -> None:
    rows = row("QUEUE_END", 1, "FULL"), row("OVERFLOW", 2, "dishub"), row("RING", 3, "dishub")
    assert told(*rows, *hangup(4)).stage == Stage.OVERFLOW


def test_the_lifeline_is_remembered() -> None:
    record = told(row("DEADMAN", 3, "FAILURE"), row("RING", 4, "damkar-1"))
    assert record.lifeline
    assert record.stage == Stage.RINGING


def test_declined_and_no_key_say_more_than_the_end_of_ringing() -> None:
    record = told(
        row("RING", 1, "a"),
        row("RING", 1.1, "b"),
        row("PICKED_UP", 2, "a"),
        row("DECLINED", 3, "a"),
        row("NO_KEY", 4, "b"),
        row("RING_END", 5, "a|ANSWER"),
        row("RING_END", 5.1, "b|ANSWER"),
    )
    assert [attempt.result for attempt in record.attempts] == ["declined", "no_key"]


def test_every_end_of_ringing_has_its_word() -> None:
    words = {
        "NOANSWER": "no_answer",
        "BUSY": "busy",
        "CHANUNAVAIL": "unreachable",
        "CONGESTION": "congestion",
        "CANCEL": "cancelled",
        "ANSWER": "not_accepted",
        "": "cancelled",
    }
    for status, word in words.items():
        (attempt,) = told(row("RING", 1, "a"), row("RING_END", 2, f"a|{status}")).attempts
        assert attempt.result == word


def test_a_line_rung_twice_has_two_attempts() -> None:
    record = told(row("RING", 1, "a"), row("RING_END", 2, "a|BUSY"), row("RING", 3, "a"), row("ACCEPTED", 4, "a"))
    assert [(a.rang_at, a.result) for a in record.attempts] == [(at(1), "busy"), (at(3), "accepted")]


def test_an_acceptance_whose_ringing_was_lost_still_answers_the_call() -> None:
    record = told(row("ACCEPTED", 4, "a"))
    assert record.answered_by == "a"
    assert [attempt.line for attempt in record.attempts] == ["a"]


def test_an_operator_who_picks_up_and_accepts_in_the_same_microsecond_has_accepted() -> None:
    (attempt,) = told(row("RING", 1, "op"), row("PICKED_UP", 2, "op"), row("ACCEPTED", 2, "op")).attempts
    assert (attempt.picked_up_at, attempt.accepted_at, attempt.result) == (at(2), at(2), "accepted")


def test_the_first_who_accepts_answers() -> None:
    record = told(row("RING", 1, "a"), row("RING", 1.1, "b"), row("ACCEPTED", 2, "b"), row("ACCEPTED", 2.1, "a"))
    assert (record.answered_by, record.answered_at) == ("b", at(2))


GONE_AT_ONCE = (
    row("QUEUE", 1, "60"),
    row("RING", 2, "op"),
    row("ACCEPTED", 5, "op"),
    row("RING_END", 6, "op|ANSWER"),
    row("QUEUE_END", 6.1, "CONTINUE"),
    row("LAST_RESORT", 6.2, "siaga"),
    row("RING", 6.3, "siaga"),
)


def test_an_operator_who_is_gone_at_once_leaves_the_answer_to_the_next_who_accepts() -> None:
    record = told(*GONE_AT_ONCE, row("ACCEPTED", 9, "siaga"), *hangup(30))
    assert (record.answered_by, record.answered_at, record.outcome) == ("siaga", at(9), Outcome.ANSWERED)
    assert [(a.line, a.accepted_at) for a in record.attempts] == [("op", at(5)), ("siaga", at(9))]
    assert record.stage == Stage.TALKING


def test_a_caller_who_hangs_up_while_the_next_is_rung_for_one_who_was_gone_at_once_reached_nobody() -> None:
    record = told(*GONE_AT_ONCE, *hangup(8))
    assert (record.answered_by, record.answered_at, record.outcome) == (None, None, Outcome.ABANDONED)
    assert [(a.line, a.result) for a in record.attempts] == [("op", "accepted"), ("siaga", "cancelled")]
    assert record.stage == Stage.LAST_RESORT


@pytest.mark.parametrize(
    ("name", "text", "stage"),
    [
        ("STEP", "2|damkar-2|20", Stage.RINGING),
        ("QUEUE", "60", Stage.QUEUE),
        ("OVERFLOW", "dishub", Stage.OVERFLOW),
        ("LAST_RESORT", "siaga", Stage.LAST_RESORT),
        ("OPERATOR_KEY", "1", Stage.RINGING),
        ("CORRECT", "1", Stage.RINGING),
    ],
)
def test_whatever_the_dialplan_goes_on_with_the_call_is_not_answered_any_more(
    name: str, text: str, stage: Stage
) -> None:
    record = told(row("RING", 1, "a"), row("ACCEPTED", 2, "a"), row(name, 3, text))
    assert (record.answered_by, record.outcome, record.stage) == (None, Outcome.OPEN, stage)


def test_what_follows_a_conversation_in_the_dialplan_leaves_it_answered() -> None:
    talked = row("QUEUE", 1, "60"), row("RING", 2, "op"), row("ACCEPTED", 5, "op"), row("RING_END", 60, "op|ANSWER")
    ended = row("QUEUE_END", 60.1, "CONTINUE"), row("ENDED", 60.2, "SUCCESS|ready|||CONTINUE"), *hangup(60.3)
    assert told(*talked, *ended).answered_by == "op"
    assert told(*talked, *ended, row("LAST_RESORT", 61, "siaga")).answered_by == "op", "the call had ended"


def test_an_officer_who_accepts_after_the_hang_up_has_not_reached_the_caller() -> None:
    record = told(row("RING", 1, "a"), *hangup(2), row("ACCEPTED", 2.1, "a"))
    assert record.outcome == Outcome.ABANDONED


def test_silence_marks_the_call() -> None:
    chosen = happened(CALL, Kind.OPERATOR_CHOSEN, at=at(9), question="area", reason="no_input", possibly_silent=True)
    assert project(CALL, [chosen]).possibly_silent


def closing(seconds: float) -> Event:
    return happened(CALL, Kind.CLOSED_BY_SWEEP, at=at(seconds), source="sweep")


def test_the_sweep_closes_a_call_whose_end_nobody_wrote() -> None:
    record = project(CALL, [*events(abandoned_rows()[:-3]), closing(9.2)])
    assert (record.outcome, record.ended_by_sweep, record.ended_at) == (Outcome.ABANDONED, True, at(9.2))


def test_a_sign_of_life_after_the_sweep_opens_the_call_again() -> None:
    record = project(CALL, [*events(answered_rows()[:-4]), closing(10)])
    assert (record.outcome, record.ended_by_sweep, record.answered_by) == (Outcome.OPEN, False, "damkar-2")


def test_the_true_end_replaces_the_sweeps() -> None:
    record = project(CALL, [*events(answered_rows()), closing(30)])
    assert (record.ended_at, record.ended_by_sweep) == (at(81), False)


def test_a_recording_checked_before_the_end_is_to_be_checked_again() -> None:
    def check(seconds: float) -> Event:
        return happened(CALL, Kind.RECORDING_CHECKED, at=at(seconds), source="recorder", seconds=9, bytes=5)

    rows = events(answered_rows())
    assert project(CALL, [*rows, check(40)]).recording_checked_at is None
    record = project(CALL, [*rows, check(90)])
    assert (record.recording_seconds, record.recording_bytes, record.recording_problem) == (9.0, 5, None)


TELLINGS = (row("TELL", 100, f"{CALL}|pln"), row("TOLD", 130, f"{CALL}|pln"), row("NOT_TOLD", 190, f"{CALL}|x|BUSY"))


def test_what_is_told_of_a_call_changes_nothing_in_its_record_not_even_its_end() -> None:
    known = [*events(answered_rows()), *told_by_controller()]
    assert project(CALL, [*known, *events([*TELLINGS])]) == project(CALL, known)
    swept = [*events(answered_rows()[:-5]), happened(CALL, Kind.CLOSED_BY_SWEEP, at=at(95), source="sweep")]
    assert project(CALL, swept).ended_by_sweep
    assert project(CALL, [*swept, *events([*TELLINGS])]) == project(CALL, swept)


def test_what_is_told_of_a_call_alone_is_no_call() -> None:
    assert len(events([*TELLINGS])) == 3
    assert not any(is_call(event) for event in events([*TELLINGS]))


def test_a_hang_up_alone_is_no_call() -> None:
    assert not any(is_call(event) for event in events(hangup(1)))
    assert all(is_call(event) for event in [*events(answered_rows()[:2]), *told_by_controller()])


def test_the_number_the_dialplan_found_replaces_that_of_the_channel() -> None:
    rows = [row("CHAN_START", 0, number="anonymous"), row("ARRIVED", 1, "112|trunk", number=NUMBER)]
    assert project(CALL, events(rows)).caller_number == NUMBER


lines = st.sampled_from(["a", "b", ""])
details: st.SearchStrategy[dict[str, Scalar]] = st.fixed_dictionaries(
    {},
    optional={
        "line": lines,
        "status": st.sampled_from(["ANSWER", "BUSY", ""]),
        "question": st.sampled_from(["category", "area"]),
        "what": st.sampled_from(["category", "area", "else"]),
        "value": st.text(max_size=3),
        "how": st.just("key"),
        "possibly_silent": st.booleans(),
        "number": st.text(max_size=5),
        "seconds": st.one_of(st.none(), st.floats(allow_nan=False), st.text(max_size=2)),
    },
)
sources: st.SearchStrategy[Source] = st.sampled_from(["controller", "asterisk", "sweep", "recorder"])
any_event = st.builds(
    Event,
    call_id=st.just(CALL),
    kind=st.one_of(st.sampled_from(list(Kind)), st.just("unheard_of")),
    at=st.integers(0, 30).map(lambda tenth: at(tenth / 10)),
    source=sources,
    detail=details,
)


@settings(max_examples=150)
@given(st.lists(any_event, max_size=25), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_give_the_same_record(some: list[Event], random: object) -> None:
    mixed = [*some, *some[::3]]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert project(CALL, mixed) == project(CALL, some)


@given(st.lists(any_event, min_size=1, max_size=25))
def test_what_happened_always_makes_sense(some: list[Event]) -> None:
    record = project(CALL, some)
    told = [event.at for event in on_one_clock(some) if event.kind not in TELLING_KINDS]
    assert record.arrived_at == min(told, default=None)
    assert (record.outcome == Outcome.OPEN) == (record.ended_at is None)
    assert (record.answered_at is None) == (record.answered_by is None)
    if record.ended_at:
        assert "ringing" not in {a.result for a in record.attempts if a.rang_at < record.ended_at}


def test_an_unknown_kind_changes_nothing_but_the_last_moment() -> None:
    before = project(CALL, events(abandoned_rows()))
    after = project(CALL, [*events(abandoned_rows()), happened(CALL, "flood_siren", at=at(50))])
    assert after == replace(before, last_event_at=at(50))


def test_a_call_is_a_test_call_once_the_dialplan_has_said_so() -> None:
    assert not told(row("STEP", 1, "1|damkar-1|10")).test
    assert told(row("TEST", 1, "17953344-1a2b"), *hangup(3)).test


def test_the_result_of_a_test_call_is_no_call() -> None:
    assert not any(map(is_call, events([row("HEARTBEAT", 1, "17953344-1a2b|ok|8123")])))
