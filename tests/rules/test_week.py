from datetime import date

import pytest

from ivr.rules.week import Days, clock, parse_dates, parse_days, parse_hours, parse_moment, parse_until, weekday_of


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("senin", (0,)),
        ("senin-jumat", (0, 1, 2, 3, 4)),
        ("Senin - Jum'at", (0, 1, 2, 3, 4)),
        ("sabtu-senin", (0, 5, 6)),
        ("sabtu, ahad", (5, 6)),
        ("senin-rabu, jumat", (0, 1, 2, 4)),
        ("setiap hari", (0, 1, 2, 3, 4, 5, 6)),
    ],
)
def test_days_are_read_as_a_roster_on_the_wall_writes_them(text: str, days: tuple[int, ...]) -> None:
    assert parse_days(text) == Days(frozenset(days))


@pytest.mark.parametrize("text", ["senen", "", "senin-", "senin jumat", "monday"])
def test_a_word_that_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_days(text)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("07:00-14:00", (420, 840)),
        ("7.00 – 14.00", (420, 840)),
        ("21:00-07:00", (1260, 1860)),
        ("14:00-24:00", (840, 1440)),
        ("14:00-00:00", (840, 1440)),
        ("24 jam", (0, 1440)),
    ],
)
def test_hours_may_pass_midnight(text: str, hours: tuple[int, int]) -> None:
    assert parse_hours(text) == hours


@pytest.mark.parametrize(
    "text", ["07:00", "07:00-07:00", "25:00-26:00", "07:60-08:00", "24:00-08:00", "24:30-25:00", ""]
)
def test_hours_that_leave_a_doubt_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_hours(text)


@pytest.mark.parametrize(
    ("text", "monday", "holiday_monday", "holiday_sunday"),
    [
        ("senin-jumat", True, True, False),
        ("senin-jumat kecuali libur", True, False, False),
        ("Setiap hari, kecuali libur", True, False, False),
        ("sabtu, minggu, libur", False, True, True),
        ("libur", False, True, True),
        ("setiap hari", True, True, True),
    ],
)
def test_holidays_are_days_like_any_other_unless_the_text_speaks_of_them(
    text: str, monday: bool, holiday_monday: bool, holiday_sunday: bool
) -> None:
    days = parse_days(text)
    assert days.include(0, holiday=False) == monday
    assert days.include(0, holiday=True) == holiday_monday
    assert days.include(6, holiday=True) == holiday_sunday


@pytest.mark.parametrize("text", ["libur kecuali libur", "kecuali libur", "kecuali senin"])
def test_days_that_say_nothing_or_contradict_themselves_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_days(text)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-12-25", "2026-12-25", "2026-12-25"),
        ("2026-12-24 s.d. 2027-01-02", "2026-12-24", "2027-01-02"),
        ("2026-12-24 sampai 2026-12-26", "2026-12-24", "2026-12-26"),
        ("2026-12-24 - 2026-12-26", "2026-12-24", "2026-12-26"),
    ],
)
def test_dates_are_one_day_or_a_range(text: str, first: str, last: str) -> None:
    assert [str(day) for day in parse_dates(text)] == [first, last]


@pytest.mark.parametrize(
    "text",
    [
        "25-12-2026",
        "1999-12-31",
        "2200-01-01",
        "9999-12-31",
        "9999-12-30 s.d. 9999-12-31",
        "2026-13-01",
        "2026-02-30",
        "2026-12-26 s.d. 2026-12-24",
        "2026-01-01 s.d. 2029-01-01",
        "",
    ],
)
def test_dates_that_leave_a_doubt_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_dates(text)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("senin 08:00", "2026-11-23 08:00"),
        ("minggu 09:00", "2026-11-22 09:00"),
        ("minggu 08:00", "2026-11-29 08:00"),
        ("senin", "2026-11-24 00:00"),
        ("2026-12-01 07:30", "2026-12-01 07:30"),
        ("2026-12-01", "2026-12-02 00:00"),
        ("2026-12-01 24:00", "2026-12-02 00:00"),
    ],
)
def test_until_monday_means_the_first_monday_after_the_beginning(text: str, end: str) -> None:
    sunday = parse_moment("2026-11-22 08:00")
    assert f"{parse_until(text, sunday):%Y-%m-%d %H:%M}" == end


@pytest.mark.parametrize("text", ["9999-12-31 24:00", "0001-01-01", "senin besok", "8 pagi", "", "2026-11-22 25:00"])
def test_a_moment_that_leaves_a_doubt_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_moment(text)
    with pytest.raises(ValueError, match=r".*"):
        parse_until(text, parse_moment("2026-11-22 08:00"))


def test_the_first_day_of_the_calendar_was_a_monday() -> None:
    assert weekday_of(1) == 0
    assert weekday_of(date(2026, 11, 22).toordinal()) == 6


def test_minutes_are_shown_as_a_clock_shows_them() -> None:
    assert (clock(0), clock(7 * 60 + 5), clock(24 * 60)) == ("00:00", "07:05", "24:00")
