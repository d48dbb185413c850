from itertools import pairwise

import pytest

from bench.chaos.city import CITY
from bench.chaos.ears import TONES
from bench.chaos.plan import LANES, Act, Cause, Manner, plan, reaction
from ivr.rules import load_rules

MANY = plan(7, 3000)


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    assert plan(7, 200) == plan(7, 200)
    assert plan(7, 200) != plan(8, 200)
    assert [reaction(7, "damkar_1", ring) for ring in range(50)] == [
        reaction(7, "damkar_1", ring) for ring in range(50)
    ]


def test_more_calls_or_fewer_kinds_of_faults_change_nothing_of_the_others() -> None:
    few = plan(7, 200, ["rules"])
    assert few.callers[:190] == MANY.callers[:190]  # a burst at the end may be cut
    assert few.faults == {"rules": tuple(fault for fault in MANY.faults["rules"] if fault.call <= 200)}


def test_every_call_dials_a_number_of_its_own_in_the_order_of_time() -> None:
    assert len({caller.dialled for caller in MANY.callers}) == 3000
    moments = [caller.at for caller in MANY.callers]
    assert moments == sorted(moments)


def test_there_are_bursts_within_a_second_and_calm_stretches_and_about_two_calls_a_second() -> None:
    moments = [caller.at for caller in MANY.callers]
    within = [sum(at <= other <= at + 1 for other in moments[place : place + 15]) for place, at in enumerate(moments)]
    assert max(within) >= 8
    assert max(later - at for at, later in pairwise(moments)) > 4
    assert 1.4 < 3000 / moments[-1] < 2.4


def test_every_manner_act_and_cause_occurs() -> None:
    assert {caller.manner for caller in MANY.callers} == set(Manner)
    assert {reaction(7, name, ring).act for name in TONES for ring in range(300)} == set(Act)
    assert {fault.cause for lane in MANY.faults.values() for fault in lane} == set(Cause)


def test_only_who_hangs_up_somewhere_or_cannot_hear_leaves_before_a_human() -> None:
    leaving = {caller.manner for caller in MANY.callers if caller.leaves is not None}
    assert leaving == {Manner.LEAVES, Manner.HOSTILE}


def test_no_caller_presses_before_the_answer_and_keys_are_those_of_a_phone() -> None:
    presses = [press for caller in MANY.callers for press in caller.presses]
    assert all(at > 0 and set(keys) <= set("0123456789*#") for at, keys in presses)
    assert all([*caller.presses] == sorted(caller.presses) for caller in MANY.callers)


@pytest.mark.parametrize("lane", LANES)
def test_faults_of_a_lane_come_about_as_often_as_they_should(lane: str) -> None:
    expected = 3000 / LANES[lane][0]
    assert 0.5 * expected < len(MANY.faults[lane]) < 1.7 * expected
    assert len(plan(7, 3000, [lane], often=4).faults[lane]) > 2 * len(MANY.faults[lane])


def test_operators_have_no_key_to_decline_with() -> None:
    acts = {reaction(7, "operator1", ring).act for ring in range(500)}
    assert not acts & {Act.DECLINES, Act.LISTENS}


def test_the_city_is_sound_and_every_line_has_a_tone() -> None:
    rules = load_rules(CITY)
    assert {line.id for line in (*rules.lines, *rules.operator_lines)} == set(TONES)
