"""One call's questions and plan: the controller's whole part in the life of a caller.

It runs in a thread of its own per call, needs no database and no network but the AGI connection, and its last word is
the sentinel that proves a whole plan. Whatever goes wrong before that, the dialplan goes on to the lifeline.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ivr.asterisk.agi import CommandFailed, Session
from ivr.asterisk.plan import READY, plan_variables, screen, spoken
from ivr.calls.events import Event, Kind, Scalar
from ivr.controller.begun import Begun
from ivr.controller.repeats import RecentCallers
from ivr.controller.script import CityScript, manners
from ivr.dialogue import Understanding, converse
from ivr.messages import say
from ivr.prompts.shelf import ClipShelf
from ivr.rulebook.edition import Edition
from ivr.rules import Plan, Rules, route

log = logging.getLogger(__name__)

DISPLAY_LENGTH = 40
LAST_IN_THE_QUEUE = "0"  # behind every category, and still in it: nobody is refused
UNKNOWN_PRIORITY = 2  # of a category nobody knows yet; 1 is the most urgent


@dataclass(frozen=True, slots=True)
class CallerOnAgi:
    """The dialogue's caller, over one AGI session."""

    session: Session
    shelf: ClipShelf

    def seconds(self, clips: Sequence[str]) -> float:
        """How long the clips sound, in seconds."""
        return self.shelf.seconds(clips)

    def ask(self, clips: Sequence[str], *, digits: int, wait: float) -> str:
        """One prompt, one answer, in one command: no key can fall in between.

        CommandFailed also when no clip is there: the caller would wait in silence, not knowing for what.
        """
        if not (files := self.shelf.files(clips)):
            raise CommandFailed("none of the question's prompts is there")
        return self.session.ask(files, max_digits=digits, wait=wait, expected=self.shelf.seconds(clips) + wait)


@dataclass(frozen=True, slots=True)
class Attendant:
    """Answers every call. `edition` gives the one in force now; a call keeps the one it started with."""

    edition: Callable[[], Edition]
    prompts: Path
    log_event: Callable[[Event], object]
    callers: RecentCallers = field(default_factory=RecentCallers)
    begun: Begun = field(default_factory=Begun)

    def attend(self, session: Session) -> None:
        """Ask, decide, hand the plan over. Raises the session's own errors, which all lead to the lifeline."""
        call, again, test = session.unique_id, session.script == "again", session.script == "test"
        edition = (self.begun.edition(call) if again else None) or self.edition()

        def note(kind: str, detail: Mapping[str, Scalar]) -> None:
            self.log_event(Event(call, kind, datetime.now(UTC), "controller", detail, monotonic=time.monotonic()))

        if not again:
            self.begun.note(call, edition)
            note(Kind.ATTENDED, {"number": session.caller_number, "name": session.caller_name})
            if not test:
                self.callers.note(session.caller_number)
        session.set("GENERATION", edition.generation)  # from here on the lifeline rings by the same rules as we
        understood = self._ask(session, edition, note, again=again)
        plan = Plan((), understood.reason)
        if not test and (calls := self._too_many_calls(session, edition.rules)):
            plan = Plan((), say("controller.calls_often", calls=calls))
            session.set("QUEUE_PRIO", LAST_IN_THE_QUEUE)
        elif not understood.wants_operator:
            plan = route(edition.rules, understood.category, understood.area, datetime.now(UTC))
        note(Kind.PLAN, {"plan": describe(plan), "rules": edition.digest, "reason": plan.reason})
        self._hand_over(session, edition, plan, understood)

    def _too_many_calls(self, session: Session, rules: Rules) -> int:
        """How often this number has called lately if that is more than the rules allow, else 0."""
        limit = rules.policies.repeats
        calls = self.callers.count(session.caller_number, limit.minutes) if limit else 0
        return calls if limit and calls > limit.calls else 0

    def _ask(
        self, session: Session, edition: Edition, note: Callable[[str, Mapping[str, Scalar]], None], *, again: bool
    ) -> Understanding:
        known, rules = Understanding(), edition.rules

        def remember(kind: str, detail: Mapping[str, str | int | bool]) -> None:
            nonlocal known
            if kind == Kind.UNDERSTOOD:
                # For the lifeline, should we die in the next question.
                what, value = detail["what"], str(detail["value"])
                known = replace(known, category=value) if what == "category" else replace(known, area=value)
                session.set("CATEGORY", known.category or "")
                session.set("SPOKEN", spoken(self.prompts, known.category, known.area))
                session.set("QUEUE_PRIO", queue_priority(rules, known.category))
            note(kind, detail)

        caller = CallerOnAgi(session, edition.shelf)
        script = CityScript(rules, datetime.now(UTC))
        try:
            return converse(caller, script, manners(rules, again=again), clock=time.monotonic, note=remember)
        except CommandFailed as error:
            log.error("call %s: the questions end (%s), the caller goes to an operator", session.unique_id, error)
            note(Kind.OPERATOR_CHOSEN, {"reason": "error", "possibly_silent": False})
            return replace(known, reason="error")

    def _hand_over(self, session: Session, edition: Edition, plan: Plan, understood: Understanding) -> None:
        session.set("CALLERID(name)", display_name(edition.rules, understood))
        session.set("__SCREEN", screen(self.prompts, understood.category, understood.area))
        if understood.possibly_silent:
            session.set("SILENT", "1")
        for name, value in plan_variables(plan, understood.category, understood.area, edition.generation):
            session.set(name, value)
        session.set(*READY)


def display_name(rules: Rules, understood: Understanding) -> str:
    """What an officer's or operator's phone shows: `112 Kebakaran, Pahandut`."""
    category = rules.category(understood.category)
    parts = [category.name] if category else []
    parts += [rules.area_name(understood.area)] if understood.area else []
    return f"112 {', '.join(parts)}".strip()[:DISPLAY_LENGTH]


def queue_priority(rules: Rules, category: str | None) -> str:
    """QUEUE_PRIO of Asterisk, where the highest is served first; in the rules 1 is the most urgent, 5 the least."""
    known = rules.category(category)
    return str(6 - (known.priority if known else UNKNOWN_PRIORITY))


def describe(plan: Plan) -> str:
    """`damkar_1&damkar_2 20s > operators 60s > siaga 30s`, for the record."""
    return " > ".join(f"{'&'.join(step.lines) or step.kind} {step.seconds}s" for step in plan.steps) or "operators"
