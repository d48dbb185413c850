"""What decided a past call: its record, and the text of the rules it had."""

from datetime import datetime

from ivr.calls import query
from ivr.calls.database import LogUnavailable, reader
from ivr.calls.events import Event, Kind
from ivr.messages import say
from ivr.rulebook.history import History, NotKept
from ivr.rulebook.lastgood import history_of
from ivr.rules.cli import Decision
from ivr.settings import Settings

STRAIGHT_TO_OPERATORS = ("key", "no_input", "wrong_key", "budget", "error")


def decided(settings: Settings, call_id: str) -> Decision | None:
    """The last decision about a call; None when the log has no such call, or its rules are not kept.

    A call that the controller never decided was the lifeline's: by the rules in force at its arrival, without place.
    """
    try:
        with reader(settings.database) as connection:
            found = query.call(connection, call_id)
    except LogUnavailable:
        return None
    if found is None or (arrived := found[0].arrived_at) is None:
        return None
    record, events = found
    plans = [event for event in events if event.kind == Kind.PLAN]
    history = history_of(settings)
    digest = str(plans[-1].detail.get("rules", "")) if plans else _in_force(history, arrived)
    try:
        text = history.text(digest).decode("utf-8-sig")
    except (NotKept, OSError, UnicodeDecodeError):
        return None
    if not plans:
        return Decision(call_id, text, digest, record.category, None, arrived, say("rulebook.by_lifeline"))
    return Decision(call_id, text, digest, record.category, record.area, plans[-1].at, _aside(plans[-1]))


def _in_force(history: History, at: datetime) -> str:
    """The hash of the rules in force at an instant, "" when none were."""
    try:
        past = [entry.digest for entry in history.entries() if entry.at <= at]
    except OSError:
        return ""
    return past[-1] if past else ""


def _aside(plan: Event) -> str:
    """Why the caller was not connected as the rules say, "" when they were."""
    reason = str(plan.detail.get("reason", ""))
    if plan.detail.get("plan") != "operators":
        return ""
    return say(f"rulebook.straight_{reason}") if reason in STRAIGHT_TO_OPERATORS else reason
