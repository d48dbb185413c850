"""Days, hours and moments as an admin asks for them, and in words.

`senin 22:30` is a moment of an ordinary week: no holiday, no dated exception, nobody replaced.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from ivr.messages import say
from ivr.rules.model import Rules
from ivr.rules.week import (
    ALL_HOURS,
    DAYS,
    EVERY_DAY,
    EXCEPT_HOLIDAYS,
    HOLIDAYS,
    MINUTES_PER_DAY,
    Days,
    clock,
    parse_clock,
    parse_date,
    parse_days,
)


def read_moment(rules: Rules, text: str) -> datetime:
    """`2026-12-24 23:30` or `senin 22:30` on the city's clock, without a zone. Raises ValueError."""
    word, _, time = text.strip().lower().partition(" ")
    minutes = timedelta(minutes=parse_clock(time.strip()))
    return datetime.fromordinal(_day(rules, word)) + minutes


def _day(rules: Rules, word: str) -> int:
    if word[:1].isdigit():
        return parse_date(word).toordinal()
    days = parse_days(word)
    if len(days.weekdays) != 1 or days.on_holidays is not None:
        raise ValueError(word)
    return rules.ordinary_monday + min(days.weekdays)


def in_ordinary_week(rules: Rules, day: int) -> bool:
    """Whether an ordinal day only has a name, not a date: the ordinary week, the day before, the week after."""
    return rules.ordinary_monday - 1 <= day <= rules.ordinary_monday + 14


def day_in_words(rules: Rules, day: int) -> str:
    """`Kamis 24 Desember 2026`, or `Kamis biasa`."""
    on = date.fromordinal(day)
    weekday = DAYS[on.weekday()].capitalize()
    if in_ordinary_week(rules, day):
        return say("explain.ordinary_day", weekday=weekday)
    return say("explain.day", weekday=weekday, date=date_in_words(on))


def moment_in_words(rules: Rules, day: int, minute: int) -> str:
    """`Kamis 24 Desember 2026 pukul 23:30`."""
    return say("explain.moment", day=day_in_words(rules, day), time=clock(minute))


def date_in_words(on: date, months: str = "explain.months") -> str:
    """`24 Desember 2026`; with `explain.months_short` `24 Des 2026`."""
    return say("explain.date", day=on.day, month=say(months).split()[on.month - 1], year=on.year)


def dates_in_words(first: date, last: date, months: str = "explain.months") -> str:
    """`24 Desember 2026`, or `31 Desember 2026 s.d. 1 Januari 2027`."""
    if first == last:
        return date_in_words(first, months)
    return say("explain.dates", first=date_in_words(first, months), last=date_in_words(last, months))


def days_in_words(days: Days) -> str:
    """As an admin writes them: `senin-jumat kecuali libur`, `sabtu, minggu, libur`."""
    words = weekdays_in_words(days.weekdays)
    if days.on_holidays is None:
        return words
    if days.on_holidays:
        return f"{words}, {HOLIDAYS}" if words else HOLIDAYS
    return f"{words} {EXCEPT_HOLIDAYS}"


def weekdays_in_words(weekdays: Iterable[int]) -> str:
    """`setiap hari`, `senin-kamis, sabtu`, `sabtu, minggu`."""
    chosen = set(weekdays)
    if len(chosen) == len(DAYS):
        return EVERY_DAY
    runs = (_run(chosen, first) for first in sorted(chosen) if (first - 1) % 7 not in chosen)
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def _run(chosen: set[int], first: int) -> list[str]:
    """The days from `first` on without a gap, past Sunday too."""
    length = next(step for step in range(1, 8) if (first + step) % 7 not in chosen)
    return [DAYS[(first + step) % 7] for step in range(length)]


def hours_in_words(hours: tuple[int, int]) -> str:
    """`19:00-07:00` of (1140, 1860); a whole day is `24 jam`."""
    start, end = hours
    if (start, end) == (0, MINUTES_PER_DAY):
        return ALL_HOURS
    return f"{clock(start)}-{clock(end if end <= MINUTES_PER_DAY else end - MINUTES_PER_DAY)}"
