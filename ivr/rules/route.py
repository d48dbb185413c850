"""`route(category, area, time) -> Plan`: pure and total. No input falls through, every plan ends in a person.

The first rule of the file that serves category, area and moment decides. Its steps are taken in order, without those
who are off duty; then the operators, then the 24-hour line.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from ivr.messages import say
from ivr.rules.model import OPERATOR, Kecamatan, Rules

_Rung: TypeAlias = tuple[tuple[str, ...], ...]
"""A step's lines that are on duty, name by name."""


@dataclass(frozen=True, slots=True)
class Step:
    """Phones that ring together for `seconds`. `agency` is who the caller is told they are connected with."""

    kind: Literal["lines", "operators", "fallback"]
    lines: tuple[str, ...]
    agency: str | None
    seconds: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps one after the other; the last two are always the operators and the 24-hour line.

    `told` are lines of joint agencies, told once somebody took the call. `reason` says in Indonesian why; it takes no
    part in comparison, two plans are equal when they ring the same.
    """

    steps: tuple[Step, ...]
    reason: str = field(compare=False)
    told: tuple[str, ...] = ()


def route(rules: Rules, category: str | None, area: str | None, at: datetime) -> Plan:
    """Who is rung for a category id in an area (code of a kecamatan or kelurahan) at an instant.

    Unknown and absent categories and areas are served by the rules for `semua`, or by the operators.
    """
    return plan_at(rules, category, area, *rules.moment(at))


def plan_at(rules: Rules, category: str | None, area: str | None, day: int, minute: int) -> Plan:
    """The same at a minute of an ordinal day of the city's clock."""
    position = rules.rule_for(category, area, day, minute)
    if position is None:
        return _kept(rules, None, (), ())
    rule = rules.rules[position]
    rung = tuple(tuple(lines_now(rules, name, day, minute) for name in names) for names in rule.steps)
    return _kept(rules, position, rung, ringing(rules, rule.told, day, minute) if rule.told else ())


def asks_kelurahan(rules: Rules, category: str | None, kecamatan: str, at: datetime) -> bool:
    """Whether knowing the kelurahan would change who is rung or told."""
    area = rules.area(kecamatan)
    if not isinstance(area, Kecamatan):
        return False
    plan = route(rules, category, kecamatan, at)
    return any(route(rules, category, ward.code, at) != plan for ward in area.kelurahan if ward.key)


def ringing(rules: Rules, names: tuple[str, ...], day: int, minute: int) -> tuple[str, ...]:
    """The lines of these agencies and lines that are on duty, each once."""
    if len(names) == 1:
        return lines_now(rules, names[0], day, minute)
    return tuple(dict.fromkeys(line for name in names for line in lines_now(rules, name, day, minute)))


def lines_now(rules: Rules, name: str, day: int, minute: int) -> tuple[str, ...]:
    """The lines a name in a step means now: an agency's, or the line of that name."""
    agency = rules.agency_by_id.get(name)
    if agency is None:
        return (name,) if may_ring(rules, name, day, minute) else ()
    if agency.roster:
        return rules.timetables[agency.roster].on_duty(day, minute)
    return tuple(line for line in agency.lines or (name,) if may_ring(rules, line, day, minute))


def may_ring(rules: Rules, line: str, day: int, minute: int) -> bool:
    """A line without shifts always may, also one that stands in once; one with shifts only while it is on duty."""
    if line not in rules.shift_lines:
        return True
    rosters = rules.rosters_of_line[line]
    return any(line in rules.timetables[roster].on_duty(day, minute) for roster in rosters)


def _kept(rules: Rules, position: int | None, rung: tuple[_Rung, ...], told: tuple[str, ...]) -> Plan:
    """The plan, made once for every state of duty."""
    key = (position, rung, told)
    plan = rules.plans.get(key)
    if plan is None:
        plan = rules.plans[key] = _plan(rules, position, rung, told)
    return plan


def _plan(rules: Rules, position: int | None, rung: tuple[_Rung, ...], told: tuple[str, ...]) -> Plan:
    named = rules.rules[position].steps if position is not None else ()
    steps = [_step(rules, names, lines) for names, lines in zip(named, rung, strict=True) if any(lines)]
    if rules.policies.operators_first and not (steps and steps[0].kind == "operators"):
        steps.insert(0, _operators(rules))
    if not steps or steps[-1].kind != "operators":
        steps.append(_operators(rules))
    absent = [", ".join(names) for names, lines in zip(named, rung, strict=True) if not any(lines)]
    return Plan((*steps, _fallback(rules)), _reason(position, absent), told)


def _step(rules: Rules, names: tuple[str, ...], rung: _Rung) -> Step:
    """The step with those on duty. It speaks of the first agency that rings, and is as long as the longest."""
    if names == (OPERATOR,):
        return _operators(rules)
    there = [(name, lines) for name, lines in zip(names, rung, strict=True) if lines]
    first = next((agency for name, _ in there if (agency := _agency(rules, name))), None)
    lines = tuple(dict.fromkeys(line for _, own in there for line in own))
    return Step("lines", lines, first, max(_rings(rules, name, own) for name, own in there))


def _agency(rules: Rules, name: str) -> str | None:
    """The agency a name in a step means: itself, or the first that has this line."""
    return name if name in rules.agency_by_id else rules.agency_of_line.get(name)


def _rings(rules: Rules, name: str, lines: tuple[str, ...]) -> int:
    """How long: as the agency says, else as its lines say."""
    agency = rules.agency_by_id.get(name)
    return (agency and agency.seconds) or _seconds(rules, lines)


def _operators(rules: Rules) -> Step:
    return Step("operators", rules.operators.accounts, None, rules.operators.seconds)


def _fallback(rules: Rules) -> Step:
    return Step("fallback", rules.fallback, None, _seconds(rules, rules.fallback))


def _seconds(rules: Rules, lines: tuple[str, ...]) -> int:
    return max(rules.line(line).seconds for line in lines)


def _reason(position: int | None, absent: list[str]) -> str:
    decided = say("rules.by_no_rule") if position is None else say("rules.by_rule", number=position + 1)
    return say("rules.absent", decided=decided, names="; ".join(absent)) if absent else decided
