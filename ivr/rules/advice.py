"""Warnings: the file can be used, but says something that will never happen, or leaves somebody alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from ivr.rules.model import ALL, OPERATOR, Rules
from ivr.rules.numbers import read_number
from ivr.rules.parts import Agency, Centre, Line, Rule
from ivr.rules.problems import Finding, Path
from ivr.rules.route import ringing
from ivr.rules.segments import duty_boundaries
from ivr.rules.week import DAYS, MINUTES_PER_DAY, clock, weekday_of

_Pair: TypeAlias = tuple[str | None, str | None]
"""A category and an area; None: any."""


def advise(rules: Rules) -> Iterator[Finding]:
    yield from _shadowed(rules)
    yield from _unserved(rules)
    yield from _unused(rules)
    yield from _uncovered(rules)
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
            earlier = rules.candidates(*pairs[0])
            yield Finding(("aturan", position), "shadowed", values={"other": (earlier[-1] if earlier else 0) + 1})


def _unless_all(name: str) -> str | None:
    return None if name == ALL else name


def _ever_serving(rules: Rules, pair: _Pair) -> set[int | None]:
    """The rules that are at some moment the first that serves a category and an area."""
    candidates = rules.candidates(*pair)
    minutes = {0, *(minute % MINUTES_PER_DAY for position in candidates for minute in rules.rules[position].hours)}
    days = _sample_days(rules) if len(candidates) > 1 else [rules.ordinary_monday]
    found = {rules.rule_for(*pair, day, minute) for day in days for minute in minutes}
    return found.union(candidates[:1])


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
    """Hours of an ordinary week when an emergency finds no agency on duty, only operators."""
    emergencies = {category.id for category in rules.categories if category.emergency}
    week = [rules.ordinary_monday + weekday for weekday in range(7)]
    changes = {day: {0, *duty_boundaries(rules, day)} for day in week}
    for position, rule in enumerate(rules.rules):
        if not emergencies.intersection(rule.categories) and ALL not in rule.categories:
            continue
        agencies = tuple(dict.fromkeys(name for step in rule.steps for name in step if name != OPERATOR))
        if agencies and (hours := _hours_without(rules, rule, agencies, changes)):
            yield Finding(("aturan", position), "uncovered", values={"hours": hours, "names": ", ".join(agencies)})


def _hours_without(rules: Rules, rule: Rule, agencies: tuple[str, ...], changes: Mapping[int, set[int]]) -> str:
    """`senin 00:00-07:00` and how many more stretches, "" when somebody is always there."""
    if any(_always_there(rules, name) for name in agencies):
        return ""
    found = []
    for day, minutes in changes.items():
        starts = sorted(minutes.union(minute % MINUTES_PER_DAY for minute in rule.hours))
        for start, end in zip(starts, [*starts[1:], MINUTES_PER_DAY], strict=True):
            alone = rule.covers(day, start, rules.city.holiday_days) and not ringing(rules, agencies, day, start)
            if alone:
                found.append(f"{DAYS[weekday_of(day)]} {clock(start)}-{clock(end)}")
    return ", ".join(found[:2]) + (f" (+{len(found) - 2})" if len(found) > 2 else "")


def _always_there(rules: Rules, name: str) -> bool:
    """Whether a name in a step has a phone of its own that has no shifts."""
    agency = rules.agency_by_id.get(name)
    if agency and agency.roster:
        return False
    lines = rules.lines_of(name) if agency else (name,)
    return any(line not in rules.shift_lines for line in lines)


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
