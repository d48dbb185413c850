"""The week as a roster on the wall writes it: `senin-jumat`, `07:00-14:00`, `setiap hari`, `24 jam`.

Time inside a week is counted in minutes since Monday 00:00 of the city's own clock.
"""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

DAYS = ("senin", "selasa", "rabu", "kamis", "jumat", "sabtu", "minggu")
EVERY_DAY = "setiap hari"
ALL_HOURS = "24 jam"
MINUTES_PER_DAY = 24 * 60
MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY

_OTHER_SPELLINGS = {"jum'at": "jumat", "ahad": "minggu"}
_DASH = re.compile(r"\s*[-–]\s*")
_CLOCK = re.compile(r"([0-9]{1,2})[:.]([0-9]{2})")


def week_minute(at: datetime, zone: ZoneInfo) -> int:
    """The minute of the city's week, 0 to 10079. A time without a zone is read as the city's own clock."""
    local = at.astimezone(zone) if at.tzinfo else at
    return local.weekday() * MINUTES_PER_DAY + local.hour * 60 + local.minute


def clock(minute: int) -> str:
    """Minute of the day as `HH:MM`."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def parse_days(text: str) -> tuple[int, ...]:
    """`senin-jumat, minggu` as (0, 1, 2, 3, 4, 6). Raises ValueError with the word that is no day."""
    if text.strip().lower() == EVERY_DAY:
        return tuple(range(7))
    return tuple(sorted({day for part in text.split(",") for day in _days_between(part.strip().lower())}))


def _days_between(part: str) -> list[int]:
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
    start, end = (_minute(word) for word in _DASH.split(text.strip(), maxsplit=1))
    if start in (end, MINUTES_PER_DAY):
        raise ValueError(text)
    return start, end if end > start else end + MINUTES_PER_DAY


def _minute(word: str) -> int:
    match = _CLOCK.fullmatch(word)
    if not match:
        raise ValueError(word)
    minute = int(match[1]) * 60 + int(match[2])
    if int(match[2]) > 59 or minute > MINUTES_PER_DAY:
        raise ValueError(word)
    return minute
