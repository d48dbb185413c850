import pytest

from ivr.controller.repeats import LONGEST, MOST_NUMBERS, RecentCallers


def called(callers: RecentCallers, number: str, minutes: int = 30) -> int:
    """One more call of this number; how many it has made lately."""
    callers.note(number)
    return callers.count(number, minutes)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_calls_within_the_minutes_are_counted_and_older_ones_are_not(clock: Clock) -> None:
    callers = RecentCallers(clock)
    counts = []
    for _ in range(4):
        counts.append(called(callers, "08123"))
        clock.now += 600
    assert counts == [1, 2, 3, 3]


def test_each_number_has_a_count_of_its_own(clock: Clock) -> None:
    callers = RecentCallers(clock)
    assert [called(callers, number) for number in ("08123", "08124", "08123")] == [1, 1, 2]


@pytest.mark.parametrize("number", ["", "anonymous", "unavailable"])
def test_callers_without_a_number_are_never_taken_for_one_another(clock: Clock, number: str) -> None:
    callers = RecentCallers(clock)
    assert [called(callers, number) for _ in range(3)] == [0, 0, 0]


def test_memory_is_bounded_and_the_number_that_was_quiet_longest_goes_first(clock: Clock) -> None:
    callers = RecentCallers(clock)
    callers.note("0811")
    for number in range(MOST_NUMBERS - 1):
        callers.note(f"1{number}")
    callers.note("0811")
    callers.note("0899")
    assert callers.count("0811", 30) == 2
    assert callers.count("10", 30) == 0


def test_a_day_later_nothing_is_kept(clock: Clock) -> None:
    callers = RecentCallers(clock)
    callers.note("0811")
    clock.now += LONGEST + 1
    assert called(callers, "0811", 1440) == 1
