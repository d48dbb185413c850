"""What became of expectations: a line for each that was not met."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ivr.messages import say
from ivr.rules.expect import Expectation, Failure, Outcome, Rung, rings_so, rung, tells_so
from ivr.rules.explain_words import place_in_words
from ivr.rules.model import Rules
from ivr.rules.moments import moment_in_words


def in_sentences(rules: Rules, path: Path, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The expectations that were not met, and how many there are."""
    failed = [(outcome, outcome.failure) for outcome in outcomes if outcome.failure]
    for outcome, failure in failed:
        yield say(
            "expect.failed",
            file=path,
            line=outcome.expectation.line,
            what=_what(rules, outcome, failure),
            differences=say("expect.and").join(_differences(outcome.expectation, failure)),
            why=failure.why,
        )
    yield say("expect.some_failed" if failed else "expect.all_met", count=len(outcomes), failed=len(failed))


def outcomes_as_json(rules: Rules, rules_file: Path, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """How many expectations there are, and each that was not met."""
    failed = [_as_json(outcome.expectation, outcome.failure) for outcome in outcomes if outcome.failure]
    return {"rules": str(rules_file), "city": rules.city.name, "expectations": len(outcomes), "failed": failed}


def steps_in_words(steps: Rung) -> str:
    """`[damkar_1, bpbd], operator`: as expectations are written."""
    return ", ".join(next(iter(step)) if len(step) == 1 else f"[{', '.join(sorted(step))}]" for step in steps)


def _what(rules: Rules, outcome: Outcome, failure: Failure) -> str:
    expected = outcome.expectation
    at = expected.at
    if len(expected.moments) > 1:
        moment = moment_in_words(rules, failure.day, failure.minute)
        at = say("expect.always", at=at, count=outcome.failed, all=len(expected.moments), moment=moment)
    what = say("expect.what", category=expected.category, area=place_in_words(rules, expected.area), at=at)
    return say("expect.noted", what=what, note=expected.note) if expected.note else what


def _differences(expected: Expectation, failure: Failure) -> Iterator[str]:
    if not rings_so(expected, failure.plan):
        rings = steps_in_words(_as_written(expected, failure))
        yield say("expect.rings", expected=steps_in_words(expected.rings), rings=rings)
    if not tells_so(expected, failure.plan):
        yield say("expect.told", expected=_people(expected.told or ()), told=_people(failure.plan.told))


def _as_written(expected: Expectation, failure: Failure) -> Rung:
    """The plan without its usual end, unless there is nothing else or the row writes the end itself."""
    found = rung(failure.plan.steps)
    usual = found[-2:]
    if expected.rings[-2:] == usual or len(found) == len(usual):
        return found
    return found[:-2]


def _people(lines: Collection[str]) -> str:
    return ", ".join(sorted(lines)) or say("expect.nobody")


def _as_json(expected: Expectation, failure: Failure) -> dict[str, object]:
    told = None if expected.told is None else sorted(expected.told)
    return {
        "line": expected.line,
        "category": expected.category,
        "area": expected.area,
        "at": expected.at,
        "note": expected.note,
        "expected": [sorted(step) for step in expected.rings],
        "expected_told": told,
        "rings": [sorted(step) for step in rung(failure.plan.steps)],
        "told": list(failure.plan.told),
        "why": failure.why,
    }
