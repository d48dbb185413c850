"""Hours without anybody: agencies whose roster is empty, and places where an emergency finds only operators.

A day is cut where rules and duties change, never minute by minute. Days with nothing special are looked up once for
each weekday, and rules that serve the same hours with the same agencies once for all their areas, so that ten
thousand rules take seconds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from ivr.rules.explain import rosters_behind
from ivr.rules.model import OPERATOR, Rules
from ivr.rules.parts import Agency, Category
from ivr.rules.route import lines_now
from ivr.rules.week import MINUTES_PER_DAY, Days, weekday_of

Span: TypeAlias = tuple[int, int]
"""Minutes of one day: start, end (exclusive)."""

Spans: TypeAlias = tuple[Span, ...]
"""Hours of one day, in order, apart from each other."""

Gaps: TypeAlias = tuple[tuple[Spans, ...], tuple[Spans, ...]]
"""Of each day of the period, and of each weekday of an ordinary week."""

Served: TypeAlias = tuple[Days, Span, frozenset[str]]
"""What matters of a rule here: its days, its hours, whom it rings."""

ALL_DAY: Spans = ((0, MINUTES_PER_DAY),)


@dataclass(frozen=True, slots=True)
class Cover:
    """The gaps of one agency, or of one category in areas that share them.

    `areas` are codes (kecamatan, and kelurahan that differ from theirs); `everywhere`: no other area differs.
    `days`: the gaps of each day of the period; `usual`: of each weekday (0 = Monday) of an ordinary week.
    """

    kind: Literal["agency", "category"]
    id: str
    emergency: bool
    areas: tuple[str, ...]
    everywhere: bool
    first: int
    days: tuple[Spans, ...]
    usual: tuple[Spans, ...]

    @property
    def minutes(self) -> int:
        """How long nobody is there, over all days."""
        return sum(end - start for spans in self.days for start, end in spans)

    def stretches(self) -> list[tuple[datetime, datetime]]:
        """The gaps as moments of the city's clock, joined over midnight."""
        origin = datetime.fromordinal(self.first)
        offsets = (
            (start + MINUTES_PER_DAY * day, end + MINUTES_PER_DAY * day)
            for day, spans in enumerate(self.days)
            for start, end in spans
        )
        return [
            (origin + timedelta(minutes=start), origin + timedelta(minutes=end)) for start, end in joined(offsets)
        ]


def agencies_cover(rules: Rules, days: range, agencies: Iterable[Agency]) -> list[Cover]:
    """Those of the agencies that depend on a roster, over a range of ordinal days."""
    seen = _Hours(rules, days)
    on_roster = [agency for agency in agencies if rosters_behind(rules, agency.id)]
    found = []
    for agency in on_roster:
        gaps, usual = seen.of_agency(agency.id)
        found.append(Cover("agency", agency.id, False, (), True, days.start, gaps, usual))
    return found


def categories_cover(rules: Rules, days: range, categories: Iterable[Category]) -> list[Cover]:
    """The categories by areas with equal gaps, over a range of ordinal days."""
    seen = _Hours(rules, days)
    return [cover for category in categories for cover in _category_cover(rules, seen, days.start, category)]


def _category_cover(rules: Rules, seen: "_Hours", first: int, category: Category) -> Iterator[Cover]:
    groups: dict[Gaps, list[str]] = {}
    if not category.asks_area:
        groups[seen.of_area(category.id, None)] = []
    for kecamatan in rules.areas if category.asks_area else ():
        gaps = seen.of_area(category.id, kecamatan.code)
        groups.setdefault(gaps, []).append(kecamatan.code)
        for ward in kecamatan.kelurahan:
            own = seen.of_area(category.id, ward.code)
            if own != gaps:
                groups.setdefault(own, []).append(ward.code)
    for (gaps_by_day, usual), areas in groups.items():
        everywhere = len(groups) == 1
        yield Cover("category", category.id, category.emergency, tuple(areas), everywhere, first, gaps_by_day, usual)


class _Hours:
    """Looks hours up, each only once."""

    def __init__(self, rules: Rules, days: range) -> None:
        self._rules, self._holidays = rules, rules.city.holiday_days
        special = frozenset(rules.special_days)
        self._week = range(rules.ordinary_monday, rules.ordinary_monday + 7)
        self._days = [day if day in special else rules.ordinary(day) for day in days]
        self._nobody: dict[tuple[frozenset[str], int], Spans] = {}
        self._of_rules: dict[tuple[int, ...], Gaps] = {}
        self._of_served: dict[tuple[Served, ...], Gaps] = {}
        self._served = [
            (rule.days, rule.hours, frozenset(name for step in rule.steps for name in step if name != OPERATOR))
            for rule in rules.rules
        ]

    def of_agency(self, agency: str) -> Gaps:
        """The hours without anybody."""
        return self._each_day(lambda day: self.nobody(frozenset({agency}), day))

    def of_area(self, category: str, area: str | None) -> Gaps:
        """The hours without an agency."""
        positions = self._rules.candidates(category, area)
        if positions not in self._of_rules:
            rules = tuple(self._served[position] for position in positions)
            if rules not in self._of_served:
                self._of_served[rules] = self._each_day(lambda day: self._only_operators(rules, day))
            self._of_rules[positions] = self._of_served[rules]
        return self._of_rules[positions]

    def _each_day(self, look: Callable[[int], Spans]) -> Gaps:
        found = {day: look(day) for day in {*self._days, *self._week}}
        return tuple(found[day] for day in self._days), tuple(found[day] for day in self._week)

    def nobody(self, names: frozenset[str], day: int) -> Spans:
        """The hours of a day at which none of these agencies and lines is on duty."""
        if (names, day) not in self._nobody:
            tables = [self._rules.timetable(roster) for name in names for roster in rosters_behind(self._rules, name)]
            starts = sorted({0, *(edge for table in tables for edge in table.boundaries(day))})
            pieces = zip(starts, [*starts[1:], MINUTES_PER_DAY], strict=True)
            self._nobody[names, day] = joined(
                piece for piece in pieces if not any(lines_now(self._rules, name, day, piece[0]) for name in names)
            )
        return self._nobody[names, day]

    def _only_operators(self, rules: Sequence[Served], day: int) -> Spans:
        """Each hour is the first rule's that serves it; what no rule serves is the operators' too."""
        unserved, alone = ALL_DAY, list[Span]()
        for days, hours, names in rules:
            for span in self._hours_on(days, hours, day):
                own = overlap(unserved, (span,))
                unserved = without(unserved, span)
                alone += overlap(own, self.nobody(names, day))
            if not unserved:
                break
        return joined(sorted([*alone, *unserved]))

    def _hours_on(self, days: Days, hours: Span, day: int) -> Iterator[Span]:
        """The hours of a day that are a rule's, those of the night before first."""
        start, end = hours
        if end > MINUTES_PER_DAY and days.include(weekday_of(day - 1), holiday=day - 1 in self._holidays):
            yield 0, end - MINUTES_PER_DAY
        if days.include(weekday_of(day), holiday=day in self._holidays):
            yield start, min(end, MINUTES_PER_DAY)


def joined(spans: Iterable[Span]) -> Spans:
    """Spans in order, those that touch as one."""
    found: list[Span] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def overlap(some: Spans, others: Spans) -> Spans:
    """What both have."""
    pairs = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return tuple(sorted((start, end) for start, end in pairs if start < end))


def without(spans: Spans, taken: Span) -> Spans:
    """What is left of the spans."""
    start, end = taken
    pieces = ((a, min(b, start)) for a, b in spans), ((max(a, end), b) for a, b in spans)
    return tuple(sorted((a, b) for kind in pieces for a, b in kind if a < b))
