"""An explanation as one would tell it to a colleague."""

from collections.abc import Iterable, Iterator

from ivr.messages import say
from ivr.rules.explain import Absence, Explanation, Ringer, Stage
from ivr.rules.model import ALL, Rules
from ivr.rules.moments import days_in_words, hours_in_words, moment_in_words
from ivr.rules.parts import Rule

LISTED = 6


def in_words(rules: Rules, told: Explanation, line: int | None = None) -> list[str]:
    """The explanation as lines of text; `line`: where its rule stands in the file."""
    decided, stages = _rule(rules, told, line), _steps(rules, told)
    return [_title(rules, told), _at(rules, told), "", *decided, "", *stages, *_told(rules, told)]


def rule_in_words(rules: Rules, rule: Rule) -> str:
    """`kebakaran di Bukit Batu, senin-jumat 22:00-05:00: damkar, lalu bpbd bersama polri; beri tahu pln`."""
    text = say(
        "explain.rule_text",
        categories=say("explain.all_categories") if ALL in rule.categories else _some(rule.categories),
        areas=say("explain.all_areas") if ALL in rule.areas else _some(_place(rules, area) for area in rule.areas),
        days=days_in_words(rule.days),
        hours=hours_in_words(rule.hours),
        steps=say("explain.then").join(say("explain.together").join(names) for names in rule.steps),
    )
    return say("explain.rule_told", text=text, names=", ".join(rule.told)) if rule.told else text


def named(rules: Rules, name: str) -> str:
    """`damkar_1 (Damkar regu siang)`: an agency or a line as the file and as people call it."""
    agency = rules.agency_by_id.get(name)
    known = agency.name if agency else rules.line(name).name
    return say("explain.named", id=name, name=known) if known else name


def place_in_words(rules: Rules, code: str | None) -> str:
    """`Menteng - Jekan Raya (62.71.03.1002)`."""
    if code is None:
        return say("explain.no_area")
    name = rules.area_name(code)
    return code if name == code else say("explain.named", id=name, name=code)


def _place(rules: Rules, area: str) -> str:
    """An area as the rule names it; a code with its name."""
    return place_in_words(rules, area) if rules.area(area) else area


def _some(texts: Iterable[str]) -> str:
    """A list of names that stays readable."""
    found = list(texts)
    shown = ", ".join(found[:LISTED])
    return say("explain.and_more", names=shown, count=len(found) - LISTED) if len(found) > LISTED else shown


def _title(rules: Rules, told: Explanation) -> str:
    known = rules.category(told.category)
    category = known.name if known else told.category or say("explain.no_category")
    return say("explain.title", category=category, area=place_in_words(rules, told.area))


def _at(rules: Rules, told: Explanation) -> str:
    moment = moment_in_words(rules, *rules.moment(told.at))
    zone = told.at.replace(tzinfo=rules.city.clock).tzname()
    key = "explain.at_holiday" if told.holiday else "explain.at"
    return say(key, moment=moment, zone=zone, holiday=told.holiday)


def _rule(rules: Rules, told: Explanation, line: int | None) -> Iterator[str]:
    if told.passed_more:
        yield say("explain.passed_more", count=told.passed_more)
    for one in told.passed:
        yield say("explain.passed", number=one.number, days=one.days, hours=one.hours)
    if told.number is None:
        yield say("explain.no_rule")
    else:
        text = rule_in_words(rules, rules.rules[told.number - 1])
        yield say("explain.rule_at_line" if line else "explain.rule", number=told.number, line=line, text=text)
    if told.asks_kelurahan:
        yield say("explain.ward_matters")


def _steps(rules: Rules, told: Explanation) -> Iterator[str]:
    number = 0
    last_operators = max(place for place, stage in enumerate(told.stages) if stage.kind == "operators")
    for place, stage in enumerate(told.stages):
        if stage.ringers:
            number += 1
            yield _step(rules, stage, number)
            yield from _reasons(rules, stage)
        else:
            yield from (_absent(rules, "explain.skipped", one) for one in stage.absent)
        if place == last_operators and told.overflow:
            key = "explain.overflow_waiting" if told.overflow_waiting else "explain.overflow"
            yield say(key, names=_names(rules, told.overflow), waiting=told.overflow_waiting)


def _step(rules: Rules, stage: Stage, number: int) -> str:
    key = {"lines": "step", "operators": "step_operators", "fallback": "step_fallback"}[stage.kind]
    if stage.kind == "operators" and not stage.stated and number == 1 and rules.policies.operators_first:
        key = "step_operators_first"
    return say(f"explain.{key}", number=number, seconds=stage.seconds, names=_ringing(rules, stage.ringers))


def _reasons(rules: Rules, stage: Stage) -> Iterator[str]:
    if stage.kind == "lines":
        for one in stage.ringers:
            yield say("explain.reason", line=one.line, reason=_why(one))
    yield from (_absent(rules, "explain.not_along", one) for one in stage.absent)


def _told(rules: Rules, told: Explanation) -> Iterator[str]:
    if told.told or told.told_absent:
        yield ""
    if told.told:
        yield say("explain.told", names=_ringing(rules, told.told))
        yield from (say("explain.reason", line=one.line, reason=_why(one)) for one in told.told if one.why)
    yield from (_absent(rules, "explain.told_absent", one) for one in told.told_absent)


def _why(ringer: Ringer) -> str:
    return "; ".join(ringer.why) or say("explain.always")


def _absent(rules: Rules, key: str, absence: Absence) -> str:
    moment = absence.next and moment_in_words(rules, *rules.moment(absence.next))
    again = say("explain.next", moment=moment) if moment else say("explain.never")
    return say(key, name=named(rules, absence.name), reason=absence.reason, next=again)


def _ringing(rules: Rules, ringers: Iterable[Ringer]) -> str:
    return _names(rules, (one.line for one in ringers))


def _names(rules: Rules, lines: Iterable[str]) -> str:
    return ", ".join(named(rules, line) for line in lines)
