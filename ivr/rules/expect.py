"""Who an admin expects to be rung when, and whether they are. Pure; `expect_file` reads the expectations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ivr.messages import say
from ivr.rules.explain import line_why
from ivr.rules.model import OPERATOR, Rules
from ivr.rules.route import Plan, Step, plan_at

Rung: TypeAlias = tuple[frozenset[str], ...]
"""Steps in order; in a step the lines rung together, or `operator`. The operators and the 24-hour line that end every
plan may be left out."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One row. `line` of the file, `moments`: ordinal days with minutes, `told` None: nothing is expected of it."""

    line: int
    category: str
    area: str | None
    at: str
    moments: tuple[tuple[int, int], ...]
    rings: Rung
    told: frozenset[str] | None
    note: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The first moment (ordinal day, minute) at which an expectation is not met, and what happens then."""

    day: int
    minute: int
    plan: Plan
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an expectation: met when there is no failure. `failed`: how many of its moments."""

    expectation: Expectation
    failure: Failure | None
    failed: int


def examine(rules: Rules, expectations: Sequence[Expectation]) -> list[Outcome]:
    """Hold the rules against every expectation."""
    return [_examined(rules, one) for one in expectations]


def rung(steps: Sequence[Step]) -> Rung:
    """A plan's steps as expectations write them."""
    return tuple(frozenset({OPERATOR} if step.kind == "operators" else step.lines) for step in steps)


def rings_so(expected: Expectation, plan: Plan) -> bool:
    """Whether the plan rings as expected."""
    found = rung(plan.steps)
    return expected.rings in (found, found[:-1], found[:-2])


def tells_so(expected: Expectation, plan: Plan) -> bool:
    """Whether the plan tells whom it should, when that is expected at all."""
    return expected.told is None or expected.told == frozenset(plan.told)


def _examined(rules: Rules, expected: Expectation) -> Outcome:
    plans = [(moment, plan_at(rules, expected.category, expected.area, *moment)) for moment in expected.moments]
    failed = [(moment, plan) for moment, plan in plans if not (rings_so(expected, plan) and tells_so(expected, plan))]
    if not failed:
        return Outcome(expected, None, 0)
    (day, minute), plan = failed[0]
    return Outcome(expected, Failure(day, minute, plan, _why(rules, expected, plan, day, minute)), len(failed))


def _why(rules: Rules, expected: Expectation, plan: Plan, day: int, minute: int) -> str:
    """The plan's reason, and why the first line rings that was not expected at its place."""
    places = zip(plan.steps, [*expected.rings, *[frozenset()] * len(plan.steps)], strict=False)
    lines = (line for step, wanted in places if step.kind == "lines" for line in step.lines if line not in wanted)
    strange = next(lines, None)
    if strange is None:
        return plan.reason
    return say("expect.why_line", reason=plan.reason, line=strange, why=line_why(rules, strange, day, minute))
