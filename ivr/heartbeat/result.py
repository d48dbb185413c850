"""What came of a test call: the event HEARTBEAT that its calling half writes into CEL."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ivr.calls.events import Event, Kind


class Outcome(StrEnum):
    """How far the call came."""

    OK = "ok"  # question heard, keys understood, plan ready, and told so: speech and keys pass both ways
    LIFELINE = "lifeline"  # answered, without the controller: a citizen would reach somebody on duty
    NO_KEY = "no_key"  # question heard and a plan made, but no key arrived
    NO_REPLY = "no_reply"  # question heard, keys sent, and nothing more
    NO_QUESTION = "no_question"  # answered, and silence
    NOT_RECOGNISED = "not_recognised"  # through the trunk: answered, but not by us, or the code got lost
    NO_ANSWER = "no_answer"  # nobody answered
    NOT_STARTED = "not_started"  # Asterisk did not take the call file: it is not running, or its disk is full
    MISSING = "missing"  # taken, and nothing was heard of it since


@dataclass(frozen=True, slots=True)
class Result:
    """`at`: when the call was over, or when we stopped waiting; `seconds` from the call file to then."""

    token: str
    at: datetime
    outcome: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether a citizen would have been served as they should."""
        return self.outcome == Outcome.OK


def result_in(events: Iterable[Event], token: str) -> Result | None:
    """The result of this call, None when it is not among the events."""
    told = (event for event in events if event.kind == Kind.HEARTBEAT and event.text("token") == token)
    return next(map(_result, told), None)


def _result(event: Event) -> Result:
    taken = event.detail.get("milliseconds")
    seconds = taken / 1000 if isinstance(taken, int) else 0.0
    return Result(event.text("token"), event.at, event.text("result") or Outcome.MISSING, seconds)
