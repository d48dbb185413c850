"""The days and hours of a difference, as people say them."""

from datetime import date

from ivr.rules.diff_routes import Hours, When
from ivr.rules.diff_when import DATES_SHOWN, dates_text, when_text
from ivr.rules.week import MINUTES_PER_DAY


def test_many_dates_are_counted_after_the_first() -> None:
    days = [date(2027, month, 1) for month in range(1, DATES_SHOWN + 4)]
    assert dates_text(days).endswith(", dan 3 lainnya")
    assert dates_text([date(2027, 1, 1), date(2027, 1, 2)]) == "2027-01-01 s.d. 2027-01-02"


def test_a_weekend_round_the_clock_is_cut_into_days() -> None:
    night, day = (19 * 60, MINUTES_PER_DAY), (0, MINUTES_PER_DAY)
    weekly: tuple[Hours, ...] = (((0, 420),), (), (), (), (night,), (day,), (day,))
    assert when_text(When(weekly, ()), frozenset()) == "senin 00:00-07:00; jumat 19:00-24:00; sabtu, minggu 24 jam"


def test_a_night_that_a_date_cuts_short_is_said_of_its_evening() -> None:
    day: Hours = ((0, 5 * 60), (21 * 60, MINUTES_PER_DAY))
    christmas = (date(2026, 12, 25), day[1:])
    assert when_text(When((day,) * 7, ()), frozenset()) == "setiap hari 21:00-05:00"
    assert (
        when_text(When((day,) * 7, (christmas,)), frozenset())
        == "setiap hari 21:00-05:00 (pada 2026-12-24: 21:00-24:00)"
    )
