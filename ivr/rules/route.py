"""`route(category, area, time) -> Plan`: pure and total. No input falls through, every plan ends in a person.

The first rule of the file that serves category and area decides. Its steps are taken in order, without those who
are off duty; then the operators, then the 24-hour line.
"""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Literal, NamedTuple

from ivr.messages import say
from ivr.rules.duty import agency_lines, boundaries, may_ring
from ivr.rules.model import OPERATOR, Kecamatan, Rules
from ivr.rules.week import MINUTES_PER_DAY, clock, week_minute


@dataclass(frozen=True)
class Step:
    """Phones that ring together for `seconds`. `agency` is who the caller is told they are connected with."""

    kind: Literal["lines", "operators", "fallback"]
    lines: tuple[str, ...]
    agency: str | None
    seconds: int


@dataclass(frozen=True)
class Plan:
    """Steps one after the other; the last two are always the operators and the 24-hour line.

    `reason` says in Indonesian why; it takes no part in comparison, two plans are equal when they ring the same.
    """

    steps: tuple[Step, ...]
    reason: str = field(compare=False)


class Segment(NamedTuple):
    """Hours of the week with one plan: weekdays (0 = Monday) from `start` to `end`, `HH:MM`, both inclusive."""

    days: frozenset[int]
    start: str
    end: str
    plan: Plan


def route(rules: Rules, category: str | None, area: str | None, at: datetime) -> Plan:
    """Who is rung for a category id in an area (code of a kecamatan or kelurahan) at an instant.

    Unknown and absent categories and areas are served by the rules for `semua`, or by the operators.
    """
    return _plan(rules, category, area, week_minute(at, rules.city.clock))


def asks_kelurahan(rules: Rules, category: str | None, kecamatan: str, at: datetime) -> bool:
    """Whether knowing the kelurahan would change who is rung."""
    area = rules.area(kecamatan)
    if not isinstance(area, Kecamatan):
        return False
    plan = route(rules, category, kecamatan, at)
    return any(route(rules, category, ward.code, at) != plan for ward in area.kelurahan)


def week_segments(rules: Rules, category: str | None) -> list[Segment]:
    """The week cut where the plan for a category (any area) changes; every minute is in exactly one segment."""
    days: dict[tuple[int, int, Plan], set[int]] = {}
    for day in range(7):
        for start, end, plan in _day_segments(rules, category, day):
            days.setdefault((start, end, plan), set()).add(day)
    ordered = sorted(days.items(), key=lambda item: (item[0][0], min(item[1])))
    return [Segment(frozenset(on), clock(start), clock(end - 1), plan) for (start, end, plan), on in ordered]


def _day_segments(rules: Rules, category: str | None, day: int) -> list[tuple[int, int, Plan]]:
    starts = boundaries(rules)
    plans = [(start, _plan(rules, category, None, day * MINUTES_PER_DAY + start)) for start in starts]
    merged = [next(same) for _, same in groupby(plans, key=lambda pair: pair[1])]
    ends = [start for start, _ in merged[1:]] + [MINUTES_PER_DAY]
    return [(start, end, plan) for (start, plan), end in zip(merged, ends, strict=True)]


def _plan(rules: Rules, category: str | None, area: str | None, minute: int) -> Plan:
    position = rules.rule_for(category, area)
    named = rules.rules[position].steps if position is not None else ()
    steps = [_step(rules, names, minute) for names in named]
    absent = [", ".join(names) for names, step in zip(named, steps, strict=True) if step is None]
    present = [step for step in steps if step]
    if not present or present[-1].kind != "operators":
        present.append(_operators(rules))
    return Plan((*present, _fallback(rules)), _reason(position, absent))


def _step(rules: Rules, names: tuple[str, ...], minute: int) -> Step | None:
    """The step with those who are on duty; None when nobody is. It speaks of the first agency that rings."""
    if names == (OPERATOR,):
        return _operators(rules)
    ringing = [(name, _lines(rules, name, minute)) for name in names]
    lines = tuple(dict.fromkeys(line for _, found in ringing for line in found))
    if not lines:
        return None
    first = next(name for name, found in ringing if found)
    agency = first if first in rules.agency_by_id else rules.agency_of_line.get(first)
    return Step("lines", lines, agency, _seconds(rules, lines))


def _lines(rules: Rules, name: str, minute: int) -> tuple[str, ...]:
    """The lines a name in a step means: an agency's, or the line of that name."""
    agency = rules.agency_by_id.get(name)
    if agency:
        return agency_lines(rules, agency, minute)
    return (name,) if may_ring(rules, name, minute) else ()


def _operators(rules: Rules) -> Step:
    return Step("operators", rules.operators.accounts, None, rules.operators.seconds)


def _fallback(rules: Rules) -> Step:
    return Step("fallback", rules.fallback, None, _seconds(rules, rules.fallback))


def _seconds(rules: Rules, lines: tuple[str, ...]) -> int:
    return max(rules.line(line).seconds for line in lines)


def _reason(position: int | None, absent: list[str]) -> str:
    decided = say("rules.by_no_rule") if position is None else say("rules.by_rule", number=position + 1)
    return say("rules.absent", decided=decided, names="; ".join(absent)) if absent else decided
