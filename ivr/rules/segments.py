"""Plans by the clock: an ordinary week cut where the plan changes, and the dates that differ from it."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import NamedTuple

from ivr.rules.model import Rules
from ivr.rules.route import Plan, plan_at
from ivr.rules.week import MINUTES_PER_DAY, clock, weekday_of


class Segment(NamedTuple):
    """Hours with one plan: weekdays (0 = Monday) from `start` to `end`, `HH:MM`, both inclusive."""

    days: frozenset[int]
    start: str
    end: str
    plan: Plan


def week_segments(rules: Rules, category: str | None) -> list[Segment]:
    """An ordinary week for a category (any area); every minute is in exactly one segment."""
    days: dict[tuple[int, int, Plan], set[int]] = {}
    for weekday in range(7):
        for piece in day_plans(rules, category, rules.ordinary_monday + weekday):
            days.setdefault(piece, set()).add(weekday)
    ordered = sorted(days.items(), key=lambda item: (item[0][0], min(item[1])))
    return [Segment(frozenset(on), clock(start), clock(end - 1), plan) for (start, end, plan), on in ordered]


def dated_segments(rules: Rules, category: str | None) -> dict[date, list[Segment]]:
    """The dates whose plans differ from their weekday's, each whole; holidays, exceptions, replacements."""
    found = {}
    for day in rules.special_days:
        pieces = day_plans(rules, category, day)
        if pieces != day_plans(rules, category, rules.ordinary(day)):
            on = frozenset({weekday_of(day)})
            found[date.fromordinal(day)] = [Segment(on, clock(s), clock(e - 1), plan) for s, e, plan in pieces]
    return found


def day_plans(rules: Rules, category: str | None, day: int) -> list[tuple[int, int, Plan]]:
    """One day (ordinal) cut where the plan for a category (any area) changes: start, end (exclusive), plan."""
    plans = [(start, plan_at(rules, category, None, day, start)) for start in boundaries(rules, category, day)]
    merged = [next(same) for _, same in groupby(plans, key=lambda pair: pair[1])]
    ends = [start for start, _ in merged[1:]] + [MINUTES_PER_DAY]
    return [(start, end, plan) for (start, plan), end in zip(merged, ends, strict=True)]


def boundaries(rules: Rules, category: str | None, day: int, area: str | None = None) -> list[int]:
    """The minutes of a day, 0 included, at which the plan may change."""
    return sorted({0, *_rule_boundaries(rules, category, area), *duty_boundaries(rules, day)})


def _rule_boundaries(rules: Rules, category: str | None, area: str | None) -> Iterator[int]:
    for position in rules.candidates(category, area):
        yield from (minute % MINUTES_PER_DAY for minute in rules.rules[position].hours)


def duty_boundaries(rules: Rules, day: int) -> Iterator[int]:
    """The minutes of a day at which somebody's duty may begin or end."""
    for table in rules.timetables.values():
        yield from table.boundaries(day)
