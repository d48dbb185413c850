"""Days and hours as a roster on the wall writes them: `senin-jumat kecuali libur`, `07:00-14:00`, `senin 08:00`.

Time of day is counted in minutes since 00:00 of the city's own clock; days of the week from 0 = Monday.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

DAYS = ("senin", "selasa", "rabu", "kamis", "jumat", "sabtu", "minggu")
EVERY_DAY = "setiap hari"
HOLIDAYS = "libur"
EXCEPT_HOLIDAYS = "kecuali libur"
ALL_HOURS = "24 jam"
MINUTES_PER_DAY = 24 * 60

_OTHER_SPELLINGS = {"jum'at": "jumat", "ahad": "minggu"}
_DASH = re.compile(r"\s*[-–]\s*")
_UNTIL = re.compile(r"\s+(?:s\.?\s?d\.?|sampai|-|–)\s+")
_CLOCK = re.compile(r"([0-9]{1,2})[:.]([0-9]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS = range(2000, 2200)  # any other is a slip, and the calendar ends in 9999


@dataclass(frozen=True, slots=True)
class Days:
    """Days of the week, and what they make of public holidays (None: a holiday is a day like any other)."""

    weekdays: frozenset[int]
    on_holidays: bool | None = None

    def include(self, weekday: int, *, holiday: bool) -> bool:
        """Whether a day is one of these: `minggu, libur` holds every holiday, `... kecuali libur` none."""
        if holiday and self.on_holidays is not None:
            return self.on_holidays
        return weekday in self.weekdays


ALWAYS = Days(frozenset(range(7)))


def clock(minute: int) -> str:
    """Minute of the day as `HH:MM`; 24:00 and later belong to the next day."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def weekday_of(day: int) -> int:
    """The day of the week of an ordinal day (`date.toordinal()`)."""
    return (day + 6) % 7


def parse_days(text: str) -> Days:
    """`senin-jumat, minggu`, `sabtu, minggu, libur`, `setiap hari kecuali libur`.

    Raises ValueError with the word that is no day.
    """
    words = text.strip().lower()
    on_holidays = None
    if words.endswith(EXCEPT_HOLIDAYS):
        words, on_holidays = words.removesuffix(EXCEPT_HOLIDAYS).strip(" ,"), False
    weekdays: set[int] = set()
    for part in words.split(","):
        if part.strip() == HOLIDAYS and on_holidays is None:
            on_holidays = True
        else:
            weekdays.update(_days_between(part.strip()))
    return Days(frozenset(weekdays), on_holidays)


def _days_between(part: str) -> Iterable[int]:
    if part == EVERY_DAY:
        return range(7)
    first, *rest = [_day(word) for word in _DASH.split(part, maxsplit=1)]
    last = rest[0] if rest else first
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]


def _day(word: str) -> int:
    name = _OTHER_SPELLINGS.get(word, word)
    if name not in DAYS:
        raise ValueError(word)
    return DAYS.index(name)


def parse_hours(text: str) -> tuple[int, int]:
    """`21:00-07:00` as (1260, 1860): minutes of the day, the end beyond 1440 when it is past midnight.

    Raises ValueError for anything else, also for equal ends: nobody could say if that is a day or nothing.
    """
    if text.strip().lower() == ALL_HOURS:
        return 0, MINUTES_PER_DAY
    start, end = (parse_clock(word) for word in _DASH.split(text.strip(), maxsplit=1))
    if start in (end, MINUTES_PER_DAY):
        raise ValueError(text)
    return start, end if end > start else end + MINUTES_PER_DAY


def parse_clock(word: str) -> int:
    """`07:30`, `7.30` or `24:00` as minutes. Raises ValueError."""
    match = _CLOCK.fullmatch(word)
    if not match:
        raise ValueError(word)
    minute = int(match[1]) * 60 + int(match[2])
    if int(match[2]) > 59 or minute > MINUTES_PER_DAY:
        raise ValueError(word)
    return minute


def parse_date(text: str) -> date:
    """`2026-12-25`, and nothing else that a computer might call a date. Raises ValueError."""
    if not _DATE.fullmatch(text.strip()):
        raise ValueError(text)
    day = date.fromisoformat(text.strip())
    if day.year not in _YEARS:
        raise ValueError(text)
    return day


def parse_dates(text: str) -> tuple[date, date]:
    """`2026-12-25` or `2026-12-24 s.d. 2027-01-02`: the first and the last day. Raises ValueError."""
    first, *rest = [parse_date(word) for word in _UNTIL.split(text.strip(), maxsplit=1)]
    last = rest[0] if rest else first
    if not first <= last <= first + timedelta(days=366):
        raise ValueError(text)
    return first, last


def parse_moment(text: str) -> datetime:
    """`2026-11-22 08:00`, or a date alone for its 00:00; the city's own clock. Raises ValueError."""
    day, _, time = text.strip().partition(" ")
    return _on(parse_date(day), time)


def parse_until(text: str, start: datetime) -> datetime:
    """As `parse_moment`, or `senin 08:00`: the first such moment after `start`. Raises ValueError.

    Without an hour the day itself is included, as people mean it: until its 24:00.
    """
    day, _, time = text.strip().lower().partition(" ")
    time = time.strip() or "24:00"
    if _DATE.fullmatch(day):
        return _on(parse_date(day), time)
    moment = _on(start.date() + timedelta(days=(_day(day) - start.weekday()) % 7), time)
    return moment if moment > start else moment + timedelta(days=7)


def _on(day: date, time: str) -> datetime:
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 the city's clock, whatever its zone
    return midnight + timedelta(minutes=parse_clock(time.strip()) if time.strip() else 0)
