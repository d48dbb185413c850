"""Warnings: the file can be used, but says something that will never happen, or leaves somebody alone."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TypeAlias

from ivr.messages import say
from ivr.rules.model import ALL, OPERATOR, Rules
from ivr.rules.numbers import read_number
from ivr.rules.parts import Agency, Centre, Kelurahan, Line, Timed
from ivr.rules.problems import Finding, Path
from ivr.rules.route import plan_at
from ivr.rules.segments import boundaries
from ivr.rules.week import DAYS, MINUTES_PER_DAY, clock, weekday_of

_Pair: TypeAlias = tuple[str | None, str | None]
"""A category and an area; None: any."""

MOST_PLACES, MOST_DATES = 100, 60
"""How much of a very large file is looked at: a warning must not cost seconds."""


def advise(rules: Rules) -> Iterator[Finding]:
    yield from _shadowed(rules)
    yield from _unserved(rules)
    yield from _unused(rules)
    yield from _uncovered(rules)
    yield from _exception_gaps(rules)
    yield from _unasked(rules)
    yield from _no_holidays(rules)
    yield from _doubtful(rules)


def placeholders(rules: Rules) -> Iterator[Finding]:
    """Numbers that only an example may have."""
    for path, phone in _phones(rules):
        if read_number(phone).placeholder:
            yield Finding(path, "placeholder", phone)


def _shadowed(rules: Rules) -> Iterator[Finding]:
    serving: dict[_Pair, set[int | None]] = {}
    for position, rule in enumerate(rules.rules):
        codes = [code for area in rule.areas for code in rules.codes_of(area)]
        pairs = [(_unless_all(one), _unless_all(code)) for one in rule.categories for code in codes]
        for pair in pairs:
            if pair not in serving:
                serving[pair] = _ever_serving(rules, pair)
        if not any(position in serving[pair] for pair in pairs):
            earlier = [other for other in rules.candidates(*pairs[0]) if other < position]
            if earlier:
                yield Finding(("aturan", position), "shadowed", values={"other": earlier[-1] + 1})
            else:
                yield Finding(("aturan", position), "never")


def _unless_all(name: str) -> str | None:
    return None if name == ALL else name


def _ever_serving(rules: Rules, pair: _Pair) -> set[int | None]:
    """The rules that are at some moment the first that serves a category and an area."""
    candidates = rules.candidates(*pair)
    minutes = {0, *(minute % MINUTES_PER_DAY for position in candidates for minute in rules.rules[position].hours)}
    if candidates and rules.rules[candidates[0]].always:
        return {candidates[0]}
    return {rules.rule_for(*pair, day, minute) for day in _sample_days(rules) for minute in minutes}


def _sample_days(rules: Rules) -> Iterable[int]:
    """One day of each kind there is: which weekday, whether a holiday, whether after one."""
    holidays = rules.city.holiday_days
    days = [*range(rules.ordinary_monday, rules.ordinary_monday + 7), *holidays, *(day + 1 for day in holidays)]
    return {(day % 7, day in holidays, day - 1 in holidays): day for day in days}.values()


def _unserved(rules: Rules) -> Iterator[Finding]:
    for category in rules.categories:
        if not any(rules.candidates(category.id, area) for area in [None, *(place.code for place in rules.areas)]):
            yield Finding(("kategori", category.id), "unserved", category.id, at_key=True)
    for kecamatan in rules.areas:
        if not any(rules.candidates(category.id, kecamatan.code) for category in rules.categories):
            yield Finding(("wilayah", kecamatan.code), "unserved_area", kecamatan.name, at_key=True)


def _unused(rules: Rules) -> Iterator[Finding]:
    """Agencies that no rule rings or tells, and phones that nothing rings."""
    named = {name for rule in rules.rules for step in (*rule.steps, rule.told) for name in step}
    for agency in rules.agencies:
        if agency.id not in named and not named.intersection(rules.lines_of(agency.id)):
            yield Finding(("instansi", agency.id), "unused_agency", agency.id, at_key=True)
    used = {line for agency in rules.agencies for line in rules.lines_of(agency.id)}
    used |= {*named, *rules.fallback, *rules.policies.overflow_lines}
    for line in rules.stated_lines:
        if line.id not in used:
            yield Finding(("jalur", line.id), "unused_line", line.id, at_key=True)


def _uncovered(rules: Rules) -> Iterator[Finding]:
    """Hours when an emergency finds no agency on duty, only operators: in an ordinary week and on holidays."""
    for category in rules.categories:
        if not category.emergency:
            continue
        areas = [place.code for place in rules.areas] if category.asks_area else [None]
        alike = {rules.candidates(category.id, area): area for area in reversed(areas)}
        for candidates, area in list(alike.items())[:MOST_PLACES]:
            if (
                candidates
                and not _never_alone(rules, candidates)
                and (hours := _hours_alone(rules, category.id, area))
            ):
                values = {"hours": hours, "place": rules.area_name(area) if area else say("rules.everywhere")}
                yield Finding(("kategori", category.id), "uncovered", category.name, at_key=True, values=values)
                break


def _never_alone(rules: Rules, candidates: tuple[int, ...]) -> bool:
    """The quick answer: some rule always serves, and each has a phone without shifts."""
    served = [rules.rules[position] for position in candidates]
    names = [{name for step in rule.steps for name in step} - {OPERATOR} for rule in served]
    return served[-1].always and all(any(_always_there(rules, name) for name in found) for found in names)


def _hours_alone(rules: Rules, category: str, area: str | None) -> str:
    """`senin 00:00-07:00` and how many more stretches, "" when somebody is always there."""
    days = [*range(rules.ordinary_monday, rules.ordinary_monday + 7), *sorted(rules.city.holiday_days)[:MOST_DATES]]
    found = []
    for day in days:
        starts = boundaries(rules, category, day, area)
        for start, end in zip(starts, [*starts[1:], MINUTES_PER_DAY], strict=True):
            if all(step.kind != "lines" for step in plan_at(rules, category, area, day, start).steps):
                found.append(f"{_day(rules, day)} {clock(start)}-{clock(end)}")
    return ", ".join(found[:2]) + (f" (+{len(found) - 2})" if len(found) > 2 else "")


def _day(rules: Rules, day: int) -> str:
    ordinary = rules.ordinary_monday <= day < rules.ordinary_monday + 7
    return DAYS[weekday_of(day)] if ordinary else date.fromordinal(day).isoformat()


def _always_there(rules: Rules, name: str) -> bool:
    """Whether a name in a step has a phone of its own that has no shifts."""
    agency = rules.agency_by_id.get(name)
    if agency and agency.roster:
        return False
    lines = rules.lines_of(name) if agency else (name,)
    return any(line not in rules.shift_lines for line in lines)


def _exception_gaps(rules: Rules) -> Iterator[Finding]:
    """Hours that a dated exception leaves to nobody though the weekday has somebody: often the night after it."""
    for roster in rules.rosters:
        table = rules.timetables[roster.id]
        days = {day + 1 for dated in roster.exceptions for day in dated.days() if dated.shifts}
        days |= {day for dated in roster.exceptions for day in dated.days() if dated.shifts}
        closed = {day for dated in roster.exceptions for day in dated.days() if not dated.shifts}
        found = []
        for day in sorted(days - closed - {day + 1 for day in closed})[:MOST_DATES]:
            starts = sorted({*table.boundaries(day)})
            for start, end in zip(starts, [*starts[1:], MINUTES_PER_DAY], strict=True):
                if not table.on_duty(day, start) and table.on_duty(rules.ordinary(day), start):
                    found.append(f"{date.fromordinal(day).isoformat()} {clock(start)}-{clock(end)}")
        if found:
            hours = ", ".join(found[:2]) + (f" (+{len(found) - 2})" if len(found) > 2 else "")
            yield Finding(("piket", roster.id, "tanggal"), "exception_gap", at_key=True, values={"hours": hours})


def _unasked(rules: Rules) -> Iterator[Finding]:
    """Rules for places that no caller can choose."""
    for position, rule in enumerate(rules.rules):
        asked = [rules.category(category) for category in rule.categories if category != ALL]
        all_asked = len(asked) < len(rule.categories) or any(one and one.asks_area for one in asked)
        if not all_asked and ALL not in rule.areas:
            yield Finding(("aturan", position, "wilayah"), "area_not_asked", at_key=True)
            continue
        for area in rule.areas:
            places = [rules.area(code) for code in rules.codes_of(area)]
            if any(isinstance(place, Kelurahan) and not place.key for place in places):
                yield Finding(("aturan", position, "wilayah"), "no_key", area)


def _no_holidays(rules: Rules) -> Iterator[Finding]:
    timed: list[Timed] = [*rules.rules, *(shift for roster in rules.rosters for shift in roster.shifts)]
    if not rules.city.holidays and any(one.days.on_holidays is not None for one in timed):
        yield Finding(("kota",), "no_holidays", at_key=True)


def _doubtful(rules: Rules) -> Iterator[Finding]:
    for path, phone in _phones(rules):
        if doubt := read_number(phone).doubtful:
            yield Finding(path, doubt, phone)


def _phones(rules: Rules) -> Iterator[tuple[Path, str]]:
    sections: dict[str, Sequence[Line | Agency | Centre]] = {
        "jalur": rules.stated_lines,
        "instansi": rules.agencies,
        "tetangga": rules.neighbours,
        "nasional": rules.national,
    }
    for section, entries in sections.items():
        for entry in entries:
            if entry.phone:
                yield (section, entry.id, "telepon"), entry.phone
