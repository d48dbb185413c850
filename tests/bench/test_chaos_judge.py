from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bench.chaos.judge import Dropped, Judgement, Seen, Verdict, judge
from ivr.calls.projection import Attempt, CallRecord

BEGAN = datetime(2026, 11, 23, 3, tzinfo=UTC).timestamp()


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(BEGAN + seconds, UTC)


TALKED = Seen(1, "0536000001", BEGAN, BEGAN + 20, "hung up", BEGAN + 0.1, "damkar_1", BEGAN + 10)
ALONE = replace(TALKED, human=None, human_at=None)
ANSWERED = CallRecord(
    "ivr112-1.1",
    at(0),
    dialled="0536000001",
    answered_by="damkar_1",
    answered_at=at(9.5),
    ended_at=at(20),
    attempts=(Attempt("damkar_1", at(5), at(7), at(9.5), result="accepted"),),
)
ABANDONED = replace(ANSWERED, answered_by=None, answered_at=None, attempts=())


def judged(seen: Seen, *rows: CallRecord, dropped: tuple[Dropped, ...] = ()) -> Judgement:
    return judge([seen], {seen.dialled: rows}, dropped)[0]


def test_who_heard_a_human_and_stands_in_the_log_once_is_right() -> None:
    assert judged(TALKED, ANSWERED) == Judgement(TALKED, Verdict.REACHED, 1, False, "", "ivr112-1.1")
    assert judged(TALKED, ANSWERED).right


@pytest.mark.parametrize(
    ("ended", "verdict"),
    [
        ("hung up", Verdict.LEFT),
        ("gave up", Verdict.LOST),
        ("cut off", Verdict.LOST),
        ("phone failed", Verdict.UNSEEN),
    ],
)
def test_who_heard_nobody_is_lost_unless_the_caller_hung_up(ended: str, verdict: Verdict) -> None:
    one = judged(replace(ALONE, ended=ended), ABANDONED)  # type: ignore[arg-type]
    assert one.verdict == verdict
    assert one.right == (verdict == Verdict.LEFT)


def test_a_server_that_ends_the_call_after_the_conversation_loses_nobody() -> None:
    assert judged(replace(TALKED, ended="cut off"), ANSWERED).verdict == Verdict.REACHED


def test_a_call_must_be_in_the_log_once_and_ended() -> None:
    assert (judged(TALKED).rows, judged(TALKED).right) == (0, False)
    assert (judged(TALKED, ANSWERED, ABANDONED).rows, judged(TALKED, ANSWERED, ABANDONED).right) == (2, False)
    still = replace(ANSWERED, ended_at=None)
    assert (judged(TALKED, still).is_open, judged(TALKED, still).right) == (True, False)


def test_the_log_must_name_the_human_who_was_heard() -> None:
    assert "the log knows of nobody" in judged(TALKED, ABANDONED).disagrees
    other = replace(ANSWERED, answered_by="siaga", attempts=())
    assert judged(TALKED, other).disagrees == "talked to damkar_1, the log says siaga"


def test_somebody_who_took_the_call_first_and_was_gone_is_no_disagreement() -> None:
    first = replace(ANSWERED, answered_by="operator1", attempts=ANSWERED.attempts)
    assert judged(TALKED, first).disagrees == ""


def test_an_answer_that_the_caller_never_heard_is_a_disagreement() -> None:
    assert "heard nobody, the log says damkar_1" in judged(ALONE, ANSWERED).disagrees


def test_an_answer_in_the_moment_of_hanging_up_or_by_somebody_gone_at_once_is_none() -> None:
    assert judged(replace(ALONE, ended_at=BEGAN + 10.5), ANSWERED).disagrees == ""
    assert judged(ALONE, ANSWERED, dropped=(Dropped("damkar_1", BEGAN + 10),)).disagrees == ""


def test_of_a_caller_who_cannot_hear_the_log_is_believed() -> None:
    deaf = replace(ALONE, hears=False, ended="cut off")
    assert judged(deaf, ANSWERED).verdict == Verdict.REACHED
    assert judged(deaf, ABANDONED).verdict == Verdict.LOST
