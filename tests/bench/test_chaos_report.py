from dataclasses import replace

from bench.chaos.faults import Broken
from bench.chaos.judge import Seen, judge
from bench.chaos.plan import Cause, Fault, plan
from bench.chaos.report import as_json, as_text, report
from bench.chaos.run import Result
from tests.bench.test_chaos_judge import ABANDONED, ALONE, ANSWERED, BEGAN, TALKED, at

KILLED = Broken(Fault(Cause.KILLED, 1, 0.0, 2.0, 0), BEGAN + 4, BEGAN + 6)


def result(*seen: Seen) -> Result:
    records = {"0536000001": [ANSWERED], "0536000002": [replace(ABANDONED, dialled="0536000002", ended_at=at(8))]}
    judgements = judge(seen, records)
    return Result(plan(7, 10, []), 100.0, 0.5, [*seen], [KILLED], judgements, {}, whole=True)


LEFT = replace(ALONE, number=2, dialled="0536000002", ended_at=BEGAN + 3)
LOST = replace(LEFT, ended="cut off", ended_at=BEGAN + 8, story=((BEGAN + 8, "closed: Normal Clearing"),))


def test_a_run_in_which_everybody_was_served_is_good() -> None:
    found = report(result(TALKED, LEFT))
    assert found.good
    assert (found.reached, found.left, found.lost) == (1, 1, ())
    assert found.to_human == (10.0, 10.0, 10.0)
    assert found.timelines == {}


def test_a_lost_call_is_named_with_everything_that_happened_in_its_life() -> None:
    found = report(result(TALKED, LOST))
    assert not found.good
    assert found.lost == (2,)
    lines = found.timelines[2]
    assert "call 2" in lines[0]
    assert [line.split("s  ", 1)[1] for line in lines[1:]] == [
        "fault   controller killed",
        "mended  controller killed",
        "caller  closed: Normal Clearing",
    ]
    assert any("call 2" in line for line in as_text(found))


def test_a_call_that_is_not_in_the_log_makes_a_run_bad() -> None:
    missing = replace(TALKED, number=3, dialled="0536000003")
    found = report(result(TALKED, missing))
    assert (found.missing, found.good) == ((3,), False)


def test_calls_are_counted_under_the_faults_of_their_life() -> None:
    rows = {row.name: row for row in report(result(TALKED, LEFT)).faults}
    assert (rows[Cause.KILLED].times, rows[Cause.KILLED].calls) == (1, 1)
    assert rows["nothing"].calls == 1


def test_long_silences_are_named_and_do_not_make_a_run_bad() -> None:
    found = report(result(replace(TALKED, silence=7.26)))
    assert found.silences == ((1, 7.3),)
    assert found.good


def test_json_says_the_same() -> None:
    found = as_json(report(result(TALKED, LOST)))
    assert found["lost"] == (2,)
    assert found["good"] is False
