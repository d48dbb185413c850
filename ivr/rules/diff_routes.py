"""For whom two editions of the rules do something else, and when.

Both are asked through `plan_at`, so that the answer is what a caller would get. What every plan ends with (operators,
24-hour line) and what a difference tells elsewhere (the policy of operators first, a line's seconds) is left out.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TypeVar

from ivr.rules.model import OPERATOR, Rules
from ivr.rules.parts import Agency, Rule
from ivr.rules.route import Plan, plan_at
from ivr.rules.week import MINUTES_PER_DAY, weekday_of

Before = TypeVar("Before", bound=Hashable)
After = TypeVar("After", bound=Hashable)
Hours = tuple[tuple[int, int], ...]
"""Stretches of a day in minutes, the end exclusive."""

Officers = tuple[tuple[str, str | None], ...]
"""Lines on duty, each with the officer named for it."""


class Ring(NamedTuple):
    """Phones that ring together; operators stand without their accounts. Seconds 0: they changed, told elsewhere."""

    kind: str
    lines: frozenset[str]
    agency: str | None
    seconds: int


class Help(NamedTuple):
    """What a caller gets before the operators and the 24-hour line at the end."""

    steps: tuple[Ring, ...]
    told: frozenset[str]


class When(NamedTuple):
    """Hours of each day of an ordinary week (0 = Monday), and of the dates on which they are others."""

    weekly: tuple[Hours, ...]
    dated: tuple[tuple[date, Hours], ...]


@dataclass(frozen=True, slots=True)
class RouteChange:
    """Callers who get something else. Category and area None: not chosen. Before None: nobody could choose it."""

    categories: tuple[str | None, ...]
    areas: tuple[str | None, ...]
    when: When
    before: Help | None
    after: Help


@dataclass(frozen=True, slots=True)
class DutyChange:
    """Other people on duty in a roster: lines with the officers named for them."""

    roster: str
    when: When
    before: Officers
    after: Officers


class Calendar:
    """The days to compare: an ordinary week, and every special date from `since` on that differs from it.

    A day is a pair of ordinal days, the old rules' and the new; days that are alike in both are looked at once.
    """

    def __init__(self, old: Rules, new: Rules, since: date | None) -> None:
        kinds: dict[Hashable, int] = {}
        self.days: list[tuple[int, int]] = []
        self.duty_minutes: list[set[int]] = []

        def kind(of: tuple[int, int]) -> int:
            duties = (_duties(old, of[0]), _duties(new, of[1]))
            found = kinds.setdefault((weekday_of(of[0]), duties, *map(_holidays, (old, new), of)), len(kinds))
            if found == len(self.days):
                self.days.append(of)
                self.duty_minutes.append({minute for duty in duties for _, minute, _ in duty})
            return found

        self.week = tuple(kind((old.ordinary_monday + day, new.ordinary_monday + day)) for day in range(7))
        special = sorted({*old.special_days, *new.special_days})
        dates = {day: kind((day, day)) for day in special if not since or day >= since.toordinal()}
        self.dates = {day: of for day, of in dates.items() if of != self.week[weekday_of(day)]}

    def differences(
        self, minutes: Collection[int], look: Callable[[tuple[int, int], int], tuple[Before, After]]
    ) -> dict[tuple[Before, After], When]:
        """Every pair of states that are not equal, with the time they are so."""
        found: dict[tuple[Before, After], dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for kind, days in enumerate(self.days):
            starts = sorted(self.duty_minutes[kind].union(minutes, (0,)))
            for start, end in zip(starts, [*starts[1:], MINUTES_PER_DAY], strict=True):
                before, after = look(days, start)
                if before != after:
                    _add(found[before, after][kind], start, end)
        return {states: self._when(hours) for states, hours in found.items()}

    def _when(self, hours: dict[int, list[tuple[int, int]]]) -> When:
        of = {kind: tuple(stretches) for kind, stretches in hours.items()}
        weekly = tuple(of.get(kind, ()) for kind in self.week)
        dated = ((day, of.get(kind, ())) for day, kind in self.dates.items())
        return When(weekly, tuple((date.fromordinal(d), h) for d, h in dated if h != weekly[weekday_of(d)]))


def _add(stretches: list[tuple[int, int]], start: int, end: int) -> None:
    if stretches and stretches[-1][1] == start:
        start = stretches.pop()[0]
    stretches.append((start, end))


def _duties(rules: Rules, day: int) -> tuple[tuple[str, int, Officers], ...]:
    tables = rules.timetables.items()
    return tuple(
        (name, minute, _on_duty(rules, name, day, minute)) for name, t in tables for minute in t.boundaries(day)
    )


def _holidays(rules: Rules, day: int) -> tuple[bool, bool]:
    return day in rules.city.holiday_days, day - 1 in rules.city.holiday_days


def _on_duty(rules: Rules, roster: str, day: int, minute: int) -> Officers:
    duties = rules.timetable(roster).duties(day, minute)
    return tuple(sorted({(duty.line, duty.officer) for duty in duties}, key=lambda duty: (duty[0], duty[1] or "")))


def duty_changes(old: Rules, new: Rules, calendar: Calendar) -> Iterator[DutyChange]:
    """For every roster that both have."""
    for roster in old.timetables.keys() & new.timetables.keys():

        def look(days: tuple[int, int], minute: int, roster: str = roster) -> tuple[Officers, Officers]:
            return _on_duty(old, roster, days[0], minute), _on_duty(new, roster, days[1], minute)

        for (before, after), when in calendar.differences((), look).items():
            yield DutyChange(roster, when, before, after)


def route_changes(old: Rules, new: Rules, calendar: Calendar) -> list[RouteChange]:
    """Every difference once, with all the categories and areas it is the same for, in the order of the new file."""
    compare = _Comparison(old, new, calendar)
    same: dict[tuple[Help | None, Help, When], dict[str | None, list[str | None]]] = {}
    for category in (*(one.id for one in new.categories), None):
        for area in all_areas(old, new):
            for (before, after), when in compare.pair(category, area).items():
                same.setdefault((before, after, when), {}).setdefault(category, []).append(area)
    found = []
    for (before, after, when), areas_of in same.items():
        alike: dict[tuple[str | None, ...], list[str | None]] = {}
        for category, areas in areas_of.items():
            alike.setdefault(tuple(areas), []).append(category)
        found += [RouteChange(tuple(names), areas, when, before, after) for areas, names in alike.items()]
    return found


def all_areas(old: Rules, new: Rules) -> list[str | None]:
    """The codes of every kecamatan and kelurahan of both, and None for a caller who named none."""
    codes = {area.code for rules in (old, new) for area in rules.areas}
    codes |= {ward.code for rules in (old, new) for area in rules.areas for ward in area.kelurahan}
    return [*sorted(codes), None]


class _Comparison:
    """Asks both editions; categories and areas that the same rules serve are asked once."""

    def __init__(self, old: Rules, new: Rules, calendar: Calendar) -> None:
        self.old, self.new, self.calendar = old, new, calendar
        self.timed = _timed(old, new)
        self.skips_operators = old.policies.operators_first != new.policies.operators_first
        self.same_holidays = old.city.holiday_days == new.city.holiday_days
        self.known: dict[Hashable, dict[tuple[Help | None, Help], When]] = {}
        self.helps: dict[Plan, Help] = {}
        self.same_name: dict[str, bool] = {}

    def pair(self, category: str | None, area: str | None) -> dict[tuple[Help | None, Help], When]:
        was_there = category is None or self.old.category(category) is not None
        before, after = ([r.rules[p] for p in r.candidates(category, area)] for r in (self.old, self.new))
        key = (was_there, *(tuple(map(_content, rules)) for rules in (before, after)))
        if key not in self.known:
            unchanged = was_there and key[1] == key[2] and all(map(self._same, before))
            self.known[key] = {} if unchanged else self._compare(category, area, was_there, [*before, *after])
        return self.known[key]

    def _compare(
        self, category: str | None, area: str | None, was_there: bool, rules: Iterable[Rule]
    ) -> dict[tuple[Help | None, Help], When]:
        def look(days: tuple[int, int], minute: int) -> tuple[Help | None, Help]:
            before = self._help(plan_at(self.old, category, area, days[0], minute)) if was_there else None
            return before, self._help(plan_at(self.new, category, area, days[1], minute))

        minutes = {minute % MINUTES_PER_DAY for rule in rules for minute in rule.hours}
        return self.calendar.differences(minutes, look)

    def _help(self, plan: Plan) -> Help:
        if plan not in self.helps:
            steps = [self._ring(*step) for step in ((s.kind, s.lines, s.agency, s.seconds) for s in plan.steps[:-2])]
            if self.skips_operators and steps and steps[0].kind == "operators":
                del steps[0]
            self.helps[plan] = Help(tuple(steps), frozenset(plan.told))
        return self.helps[plan]

    def _ring(self, kind: str, lines: tuple[str, ...], agency: str | None, seconds: int) -> Ring:
        if kind == "operators":
            return Ring(kind, frozenset(), None, 0)
        return Ring(kind, frozenset(lines), agency, 0 if self.timed.intersection(lines) else seconds)

    def _same(self, rule: Rule) -> bool:
        """Whether the rule rings the same in both for a reason that can be seen without asking."""
        if not self.same_holidays and rule.days.on_holidays is not None:
            return False
        names = {name for step in (*rule.steps, rule.told) for name in step if name != OPERATOR}
        return all(map(self._same_for, names))

    def _same_for(self, name: str) -> bool:
        if name not in self.same_name:
            self.same_name[name] = _depends_on(self.old, name) == _depends_on(self.new, name)
        return self.same_name[name]


def _content(rule: Rule) -> Hashable:
    return rule.days, rule.hours, rule.steps, rule.told


def _depends_on(rules: Rules, name: str) -> list[object]:
    """Everything in the file that decides whom a name in a step rings."""
    agency = rules.agency_by_id.get(name)
    lines = rules.lines_of(name) if agency else (name,)
    rosters = [one for line in lines for one in rules.rosters_of_line.get(line, ())]
    owners = [(line, rules.line(line).seconds, rules.agency_of_line.get(line)) for line in lines]
    found = [agency and (agency.roster, agency.seconds), owners, [rules.roster(one) for one in rosters]]
    return [*found, rules.city.holiday_days if rosters else None]


def _timed(old: Rules, new: Rules) -> frozenset[str]:
    """The lines whose seconds, or whose agency's, are others now: the difference says so of them."""
    found = {line.id for line in old.lines if line.id in _lines(new) and new.line(line.id).seconds != line.seconds}
    for agency in old.agencies:
        now = new.agency_by_id.get(agency.id)
        if now and rings_for(now) != rings_for(agency):
            found |= {*old.lines_of(agency.id), *new.lines_of(agency.id)}
    return frozenset(found)


def rings_for(agency: Agency) -> int | None:
    """The seconds of an agency; None where its lines have their own."""
    own = agency.own_line()
    return own.seconds if own else agency.seconds


def _lines(rules: Rules) -> set[str]:
    return {line.id for line in rules.lines}
