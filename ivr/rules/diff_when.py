"""When a difference counts, as a roster on the wall says it: `senin-jumat kecuali libur 07:00-19:00`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby

from ivr.messages import say
from ivr.rules.diff_routes import Hours, When
from ivr.rules.week import DAYS, MINUTES_PER_DAY, clock

DATES_SHOWN = 4
ALL_DAY: Hours = ((0, MINUTES_PER_DAY),)


def when_text(when: When, holidays: frozenset[date]) -> str:
    """The ordinary week, then the dates that differ from it; `holidays` are those both editions have."""
    weekly = begun_weekly(when.weekly)
    week = say("diff.always") if all(hours == ALL_DAY for hours in weekly) else week_text(weekly)
    dated: dict[Hours, list[date]] = {}
    for day, begun in _begun_on_dates(when, weekly):
        dated.setdefault(begun, []).append(day)
    for hours, key in (((), "except_holidays"), (_usual(weekly), "and_holidays")):
        if hours in dated and set(dated[hours]) == {day for day in holidays if weekly[day.weekday()] != hours}:
            week = say(f"diff.{key}", week=week)
            del dated[hours]
    if not week:
        return "; ".join(f"{dates_text(days)} {hours_text(hours)}" for hours, days in dated.items())
    said = "; ".join(_dated(hours, days) for hours, days in dated.items())
    return say("diff.dated", week=week, dates=said) if said else week


def _usual(weekly: tuple[Hours, ...]) -> Hours:
    """The hours of every day that has some; none when they are not the same."""
    different = {hours for hours in weekly if hours}
    return different.pop() if len(different) == 1 else ()


def _dated(hours: Hours, days: Sequence[date]) -> str:
    if not hours:
        return say("diff.except_dates", dates=dates_text(days))
    return say("diff.on_dates", dates=dates_text(days), hours=hours_text(hours))


def begun_weekly(weekly: tuple[Hours, ...]) -> tuple[Hours, ...]:
    """The stretches that begin on each day of the week: a night belongs to its evening, as in a roster."""
    return tuple(_begun(weekly[day - 1], weekly[day], weekly[(day + 1) % 7]) for day in range(7))


def _begun_on_dates(when: When, weekly: tuple[Hours, ...]) -> Iterator[tuple[date, Hours]]:
    """The same for the dates on which something else begins than on their day of the week."""
    dated = dict(when.dated)

    def on(day: date) -> Hours:
        return dated.get(day, when.weekly[day.weekday()])

    for day in sorted({day + timedelta(days=step) for day in dated for step in (-1, 0, 1)}):
        begun = _begun(on(day - timedelta(days=1)), on(day), on(day + timedelta(days=1)))
        if begun != weekly[day.weekday()]:
            yield day, begun


def _begun(yesterday: Hours, today: Hours, tomorrow: Hours) -> Hours:
    hours = list(today)
    if _night(yesterday, today):
        del hours[0]
    if _night(today, tomorrow):
        hours[-1] = (today[-1][0], MINUTES_PER_DAY + tomorrow[0][1])
    return tuple(hours)


def _night(first: Hours, second: Hours) -> bool:
    """Whether the last stretch of a day goes on into the next and is shorter than a day."""
    if not first or not second:
        return False
    (start, midnight), (begin, end) = first[-1], second[0]
    return midnight == MINUTES_PER_DAY and begin == 0 and end < start


def week_text(weekly: tuple[Hours, ...]) -> str:
    """`senin-jumat 07:00-19:00; sabtu, minggu 24 jam`; "" for no hours at all."""
    days_of: dict[tuple[int, int], list[int]] = {}
    for day, hours in enumerate(weekly):
        for stretch in hours:
            days_of.setdefault(stretch, []).append(day)
    hours_on: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for stretch, days in sorted(days_of.items()):
        hours_on.setdefault(tuple(days), []).append(stretch)
    return "; ".join(f"{days_text(days)} {hours_text(hours)}" for days, hours in sorted(hours_on.items()))


def hours_text(hours: Iterable[tuple[int, int]]) -> str:
    return ", ".join(_stretch(start, end) for start, end in hours)


def _stretch(start: int, end: int) -> str:
    if end - start == MINUTES_PER_DAY:
        return say("diff.all_hours")
    return f"{clock(start)}-{clock(end if end <= MINUTES_PER_DAY else end - MINUTES_PER_DAY)}"


def days_text(days: Sequence[int]) -> str:
    """`senin-jumat`, `sabtu, minggu`, `setiap hari`."""
    if len(days) == len(DAYS):
        return say("diff.every_day")
    runs = [[day for _, day in run] for _, run in groupby(enumerate(days), key=lambda pair: pair[1] - pair[0])]
    return ", ".join(
        f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else ", ".join(DAYS[day] for day in run) for run in runs
    )


def dates_text(days: Sequence[date], shown: int = DATES_SHOWN) -> str:
    """`2026-12-25, 2026-12-31 s.d. 2027-01-02`; so many stretches, then how many more days."""
    stretches: list[list[date]] = []
    for day in sorted(days):
        if stretches and day - stretches[-1][-1] == timedelta(days=1):
            stretches[-1].append(day)
        else:
            stretches.append([day])
    texts = [
        say("diff.until", first=one[0], last=one[-1]) if len(one) > 1 else str(one[0]) for one in stretches[:shown]
    ]
    more = sum(len(one) for one in stretches[shown:])
    return say("diff.more", shown=", ".join(texts), count=more) if more else ", ".join(texts)


def when_json(when: When) -> dict[str, object]:
    """Hours of each day of the week by its name, and of the dates that differ; `HH:MM-HH:MM`."""
    return {
        "week": {DAYS[day]: _clocks(hours) for day, hours in enumerate(when.weekly) if hours},
        "dates": {day.isoformat(): _clocks(hours) for day, hours in when.dated},
    }


def _clocks(hours: Hours) -> list[str]:
    return [f"{clock(start)}-{clock(end)}" for start, end in hours]
