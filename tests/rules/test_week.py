from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ivr.rules.week import MINUTES_PER_DAY, clock, parse_days, parse_hours, week_minute


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
    assert parse_days(text) == days


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
    ("zone", "expected"), [("Asia/Jakarta", "23:30"), ("Asia/Makassar", "00:30"), ("Asia/Jayapura", "01:30")]
)
def test_an_instant_is_read_on_the_citys_own_clock(zone: str, expected: str) -> None:
    sunday_evening_utc = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
    assert clock(week_minute(sunday_evening_utc, ZoneInfo(zone)) % MINUTES_PER_DAY) == expected


def test_a_time_without_zone_is_the_citys_clock() -> None:
    assert week_minute(datetime(2026, 11, 23, 0, 5), ZoneInfo("Asia/Jayapura")) == 5  # noqa: DTZ001
