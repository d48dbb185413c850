import pytest

from ivr.heartbeat.result import Outcome, Result, result_in
from tests.calls.story import at, events, row

CALL = "20261122T010000-1a2b3c4d"


def told(*texts: str) -> Result | None:
    return result_in(events([row("HEARTBEAT", 9, text) for text in texts]), CALL)


def test_a_result_has_its_time_and_how_long_it_took() -> None:
    assert told(f"{CALL}|ok|4600") == Result(CALL, at(9), Outcome.OK, 4.6)


def test_what_another_test_call_says_is_not_ours() -> None:
    assert told("20261122T005500-99999999|ok|4600") is None
    assert told() is None


@pytest.mark.parametrize("text", [f"{CALL}|lifeline", f"{CALL}|lifeline|", f"{CALL}|lifeline|soon"])
def test_a_result_without_a_time_counts_all_the_same(text: str) -> None:
    assert told(text) == Result(CALL, at(9), Outcome.LIFELINE, 0.0)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_a_call_that_went_all_the_way_is_good(outcome: Outcome) -> None:
    assert Result(CALL, at(0), outcome, 1.0).ok == (outcome == "ok")
    assert not Result(CALL, at(0), "", 1.0).ok
