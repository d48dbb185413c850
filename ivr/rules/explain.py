"""Why a plan is what it is: the rule, every step, every line's duty. Pure; the words are in `explain_words`.

The duties are looked up here again, line by line, and not read from the plan: that both say the same is a test.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from ivr.messages import say
from ivr.rules.duty import Duty
from ivr.rules.model import OPERATOR, Rules
from ivr.rules.moments import dates_in_words, days_in_words, hours_in_words, in_ordinary_week, moment_in_words
from ivr.rules.parts import DatedRoster, Replacement, Shift
from ivr.rules.route import Step, asks_kelurahan, lines_now, plan_at

LOOK_AHEAD = 370  # days
PASSED_LISTED = 5


class Now(NamedTuple):
    """An ordinal day and a minute of it."""

    day: int
    minute: int


@dataclass(frozen=True, slots=True)
class Ringer:
    """A line that rings; `why` says for each duty what roster and shift, as whom and since when."""

    line: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Absence:
    """An agency or a line that does not ring, and the next moment of the city's clock that it would."""

    name: str
    reason: str
    next: datetime | None


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the rule or of every plan. No ringers: it is skipped, and takes 0 seconds.

    `stated`: whether the rule names it; operators and the 24-hour line come without being named.
    """

    kind: Literal["lines", "operators", "fallback"]
    stated: bool
    ringers: tuple[Ringer, ...]
    absent: tuple[Absence, ...] = ()
    agency: str | None = None
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Passed:
    """An earlier rule for the same category and area that does not serve now (number from 1)."""

    number: int
    days: str
    hours: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """`at` is the city's clock without a zone; `ordinary`: only its weekday and its time count, as in a usual week.

    `number` counts rules from 1, None: no rule serves. `passed` holds the nearest earlier rules that do not serve
    now, `passed_more` is how many others there are.
    """

    category: str | None
    area: str | None
    at: datetime
    ordinary: bool
    holiday: str | None
    number: int | None
    passed: tuple[Passed, ...]
    passed_more: int
    stages: tuple[Stage, ...]
    told: tuple[Ringer, ...]
    told_absent: tuple[Absence, ...]
    overflow: tuple[str, ...]
    overflow_waiting: int
    asks_kelurahan: bool


def explain(rules: Rules, category: str | None, area: str | None, at: datetime) -> Explanation:
    """What `route()` answers, with every reason. A time without a zone is the city's clock."""
    now = Now(*rules.moment(at))
    position = rules.rule_for(category, area, *now)
    earlier = [p for p in rules.candidates(category, area) if position is None or p < position]
    told = _named(rules, rules.rules[position].told if position is not None else (), now)
    return Explanation(
        category=category,
        area=area,
        at=_datetime(now),
        ordinary=in_ordinary_week(rules, now.day),
        holiday=rules.city.holidays.get(date.fromordinal(now.day)),
        number=None if position is None else position + 1,
        passed=tuple(_passed(rules, one) for one in earlier[-PASSED_LISTED:]),
        passed_more=max(0, len(earlier) - PASSED_LISTED),
        stages=_stages(rules, category, area, now),
        told=told[0],
        told_absent=told[1],
        overflow=rules.policies.overflow_lines,
        overflow_waiting=rules.policies.overflow_waiting,
        asks_kelurahan=area is not None and asks_kelurahan(rules, category, area, at),
    )


def rosters_behind(rules: Rules, name: str) -> tuple[str, ...]:
    """The rosters that decide whether an agency or a line rings; none: it always does."""
    agency = rules.agency_by_id.get(name)
    if agency and agency.roster:
        return (agency.roster,)
    lines = rules.lines_of(name) if agency else (name,)
    with_shifts = [line for line in lines if line in rules.shift_lines]
    return tuple(dict.fromkeys(roster for line in with_shifts for roster in rules.rosters_of_line[line]))


def ringers_of(rules: Rules, name: str, day: int, minute: int) -> tuple[Ringer, ...]:
    """The lines a name means at a moment, each with its reasons."""
    return _named(rules, (name,), Now(day, minute))[0]


def line_why(rules: Rules, line: str, day: int, minute: int) -> str:
    """In one phrase why a line rings."""
    found = ringers_of(rules, line, day, minute)
    return "; ".join(found[0].why) if found and found[0].why else say("explain.always")


def _passed(rules: Rules, position: int) -> Passed:
    rule = rules.rules[position]
    return Passed(position + 1, days_in_words(rule.days), hours_in_words(rule.hours))


def _stages(rules: Rules, category: str | None, area: str | None, now: Now) -> tuple[Stage, ...]:
    """The rule's steps, those that are skipped among them, and what every plan has."""
    position = rules.rule_for(category, area, *now)
    named = rules.rules[position].steps if position is not None else ()
    stages = [_stage(rules, names, now) for names in named]
    if rules.policies.operators_first and not _operators_at(stages, 0):
        stages.insert(0, _operators(rules, stated=False))
    if not _operators_at(stages, -1):
        stages.append(_operators(rules, stated=False))
    stages.append(Stage("fallback", False, tuple(Ringer(line, ()) for line in rules.fallback)))
    steps = iter(plan_at(rules, category, area, *now).steps)
    return tuple(_timed(stage, steps) if stage.ringers else stage for stage in stages)


def _operators_at(stages: list[Stage], place: int) -> bool:
    """Whether the first or last step that rings is the operators'."""
    rung = [stage for stage in stages if stage.ringers]
    return bool(rung) and rung[place].kind == "operators"


def _operators(rules: Rules, *, stated: bool) -> Stage:
    return Stage("operators", stated, tuple(Ringer(account, ()) for account in rules.operators.accounts))


def _timed(stage: Stage, steps: Iterator[Step]) -> Stage:
    step = next(steps)
    return replace(stage, agency=step.agency, seconds=step.seconds)


def _stage(rules: Rules, names: tuple[str, ...], now: Now) -> Stage:
    if names == (OPERATOR,):
        return _operators(rules, stated=True)
    ringers, absent = _named(rules, names, now)
    return Stage("lines", True, ringers, absent)


def _named(rules: Rules, names: tuple[str, ...], now: Now) -> tuple[tuple[Ringer, ...], tuple[Absence, ...]]:
    """Who rings and who does not of these agencies and lines, each line once."""
    ringers: dict[str, Ringer] = {}
    absent = []
    for asked in names:
        for name in _each(rules, asked):
            found = _ringers(rules, name, now)
            ringers |= {one.line: one for one in found if one.line not in ringers}
            if not found:
                absent.append(Absence(name, _reason(rules, name, now), _next(rules, name, now)))
    return tuple(ringers.values()), tuple(absent)


def _each(rules: Rules, name: str) -> tuple[str, ...]:
    """An agency without a roster as its lines, which may be on duty or not one by one."""
    agency = rules.agency_by_id.get(name)
    return (name,) if agency is None or agency.roster else rules.lines_of(name)


def _ringers(rules: Rules, name: str, now: Now) -> list[Ringer]:
    """The lines of an agency with a roster, or the line itself; none when nobody is on duty."""
    rosters = rosters_behind(rules, name)
    agency = rules.agency_by_id.get(name)
    if not rosters:
        return [Ringer(name, ())]
    duties = [(roster, duty) for roster in rosters for duty in rules.timetable(roster).duties(*now)]
    if not (agency and agency.roster):
        duties = [(roster, duty) for roster, duty in duties if duty.line == name]
    lines = dict.fromkeys(duty.line for _, duty in duties)
    whys = [(duty.line, _why(rules, roster, duty, now)) for roster, duty in duties]
    return [Ringer(line, tuple(why for whose, why in whys if whose == line)) for line in lines]


def _why(rules: Rules, roster: str, duty: Duty, now: Now) -> str:
    shift = duty.shift
    hours = hours_in_words(shift.hours)
    began = moment_in_words(rules, _began(duty, now), shift.hours[0])
    if isinstance(shift, Shift):
        why = say("explain.duty", roster=roster, days=days_in_words(shift.days), hours=hours, began=began)
    else:
        dates = _dates(duty.exception)
        why = say("explain.duty_dated", roster=roster, dates=dates, hours=hours, began=began)
    if duty.replacement:
        why = say("explain.replacing", why=why, line=duty.replacement.line, until=_until(rules, duty.replacement))
    return say("explain.officer", why=why, officer=duty.officer) if duty.officer else why


def _began(duty: Duty, now: Now) -> int:
    """The ordinal day a duty began that is on at this moment."""
    return now.day if now.minute >= duty.shift.hours[0] else now.day - 1


def _dates(exception: DatedRoster | None) -> str:
    return dates_in_words(*exception.dates) if exception else ""


def _until(rules: Rules, replacement: Replacement) -> str:
    return moment_in_words(rules, *rules.moment(replacement.end))


def _reason(rules: Rules, name: str, now: Now) -> str:
    """Why nobody of an agency, or a line, is on duty."""
    rosters = rosters_behind(rules, name)
    for replacement in (one for roster in rosters for one in rules.roster(roster).replacements):
        if replacement.line == name and replacement.covers(*now):
            return say("explain.replaced", by=replacement.by, until=_until(rules, replacement))
    for roster in rosters:
        for missing in _usually(rules, roster, name, now):
            began = _began(missing, now)
            dated = next((one for one in rules.roster(roster).exceptions if began in one.days()), None)
            if dated:
                return say("explain.closed", dates=_dates(dated))
            if holiday := rules.city.holidays.get(date.fromordinal(began)):
                return say("explain.holiday", holiday=holiday)
    return say("explain.off_hours")


def _usually(rules: Rules, roster: str, name: str, now: Now) -> list[Duty]:
    """The duties of this hour in an ordinary week."""
    duties = rules.timetable(roster).duties(rules.ordinary(now.day), now.minute)
    return [duty for duty in duties if duty.line == name or name in rules.agency_by_id]


def _next(rules: Rules, name: str, now: Now) -> datetime | None:
    """The first moment after now at which somebody of it is on duty, None when nobody is for a year."""
    tables = [rules.timetable(roster) for roster in rosters_behind(rules, name)]
    ahead = 7 if in_ordinary_week(rules, now.day) else LOOK_AHEAD
    for day in range(now.day, now.day + ahead + 1):
        for minute in sorted({edge for table in tables for edge in table.boundaries(day)}):
            if (day, minute) > now and lines_now(rules, name, day, minute):
                return _datetime(Now(day, minute))
    return None


def _datetime(now: Now) -> datetime:
    return datetime.fromordinal(now.day) + timedelta(minutes=now.minute)
