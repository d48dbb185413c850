from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.rules import Rules
from ivr.rules.moments import (
    dates_in_words,
    day_in_words,
    days_in_words,
    hours_in_words,
    moment_in_words,
    read_moment,
    weekdays_in_words,
)
from ivr.rules.week import DAYS, Days, parse_date, parse_days, parse_hours

WEEKDAYS = st.frozensets(st.integers(0, 6), min_size=1)
HOURS = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda hours: hours[0] != hours[1])


@given(WEEKDAYS, st.sampled_from((None, True, False)))
def test_days_in_words_are_read_as_the_same_days(weekdays: frozenset[int], on_holidays: bool | None) -> None:
    days = Days(weekdays, on_holidays)
    assert parse_days(days_in_words(days)) == days


def test_holidays_alone_are_a_kind_of_day() -> None:
    assert days_in_words(parse_days("libur")) == "libur"


@given(HOURS)
def test_hours_in_words_are_read_as_the_same_hours(hours: tuple[int, int]) -> None:
    start, end = hours
    span = (start, end if end > start else end + 1440)
    assert parse_hours(hours_in_words(span)) == span


@pytest.mark.parametrize(
    ("weekdays", "words"),
    [
        (range(7), "setiap hari"),
        (range(5), "senin-jumat"),
        ((5, 6), "sabtu, minggu"),
        ((0, 4, 5, 6), "jumat-senin"),
        ((0, 2), "senin, rabu"),
    ],
)
def test_days_in_a_row_are_written_as_one(weekdays: list[int], words: str) -> None:
    assert weekdays_in_words(weekdays) == words


def test_a_date_and_a_time_are_a_moment_of_the_citys_clock(small: Rules) -> None:
    assert read_moment(small, "2026-12-24 23:30") == datetime(2026, 12, 24, 23, 30)  # noqa: DTZ001


@pytest.mark.parametrize("weekday", range(7))
def test_a_weekday_and_a_time_are_a_moment_of_an_ordinary_week(shipped: Rules, weekday: int) -> None:
    moment = read_moment(shipped, f"{DAYS[weekday].upper()} 22.30")
    assert (moment.weekday(), moment.hour, moment.minute) == (weekday, 22, 30)
    assert shipped.ordinary(moment.toordinal()) == moment.toordinal()
    assert day_in_words(shipped, moment.toordinal()) == f"{DAYS[weekday].capitalize()} biasa"


@pytest.mark.parametrize(
    "text", ["", "senin", "2026-12-24", "senin-rabu 10:00", "libur 10:00", "2026-02-30 10:00", "x 1"]
)
def test_anything_else_is_no_moment(small: Rules, text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_moment(small, text)


def test_dates_are_written_as_people_write_them(small: Rules) -> None:
    christmas = parse_date("2026-12-25")
    assert moment_in_words(small, christmas.toordinal(), 90) == "Jumat 25 Desember 2026 pukul 01:30"
    assert dates_in_words(christmas, parse_date("2027-01-01")) == "25 Desember 2026 s.d. 1 Januari 2027"
