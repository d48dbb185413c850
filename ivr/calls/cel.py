"""Asterisk's channel event log (CEL): one row of its CSV file -> `Event`.

The file is the only source: the AMI event of the same row has whole seconds of local time, cannot be joined with
it, and lets a newline in a caller name forge headers. AMI only wakes the reader of the file (`celfile.follow`).
Source: Asterisk 22 `main/cel.c`, `configs/samples/cel_custom.conf.sample`, and rows seen on 22.10.1.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from ivr.calls.events import EPOCH, TELLINGS, Event, Kind, Scalar, microseconds


@dataclass(frozen=True, slots=True)
class Entrance:
    """How a channel is known to be a citizen's from its first row, before the dialplan says ARRIVED: by what was
    dialled, or by the context of the trunk, where every number is an emergency call."""

    numbers: frozenset[str] = frozenset({"112"})
    contexts: frozenset[str] = frozenset({"from-trunk"})

    def admits(self, row: "CelRow") -> bool:
        """Whether the channel that starts with this row begins a call."""
        return row.exten in self.numbers or row.context in self.contexts


ENTRANCE = Entrance()

USER_EVENTS: Mapping[str, tuple[Kind, tuple[str, ...]]] = {
    "ARRIVED": (Kind.ARRIVED, ("dialled", "endpoint")),
    "RECORDING": (Kind.RECORDING_STARTED, ("path",)),
    "STEP": (Kind.STEP, ("step", "lines", "seconds")),
    "RING": (Kind.RING, ("line",)),
    "PICKED_UP": (Kind.PICKED_UP, ("line",)),
    "ACCEPTED": (Kind.ACCEPTED, ("line",)),
    "DECLINED": (Kind.DECLINED, ("line",)),
    "NO_KEY": (Kind.NO_KEY, ("line",)),
    "RING_END": (Kind.RING_END, ("line", "status")),
    "QUEUE": (Kind.QUEUE, ("seconds",)),
    "QUEUE_END": (Kind.QUEUE_END, ("status",)),
    "OVERFLOW": (Kind.OVERFLOW, ("lines",)),
    "LAST_RESORT": (Kind.LAST_RESORT, ("lines",)),
    "OPERATOR_KEY": (Kind.OPERATOR_KEY, ("step",)),
    "CORRECT": (Kind.CORRECT, ("step",)),
    "LIFELINE": (Kind.LIFELINE, ("status",)),
    "DEADMAN": (Kind.DEADMAN, ("status",)),
    "ENDED": (Kind.ENDED, ("agi_status", "plan", "step", "dial_status", "queue_status")),
    "TEST": (Kind.TEST_CALL, ("token",)),
    "HEARTBEAT": (Kind.HEARTBEAT, ("token", "result", "milliseconds")),
    "TELL": (Kind.TELLING, ("call", "line")),
    "TOLD": (Kind.TOLD, ("call", "line")),
    "NOT_TOLD": (Kind.NOT_TOLD, ("call", "line", "status")),
}

# the context of a test call's calling half: what it says with HEARTBEAT is all there is to know of it
CALLING_HALF = "heartbeat"

_TIME = re.compile(r"(\d{1,11})\.(\d{1,6})", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CelRow:
    """One row as Asterisk wrote it, all text, in the order of the file's columns.

    `linked_id` is the call, `unique_id` the channel. `name` is the event; for a user event it is the user's name
    (`${eventtype}`) or USER_DEFINED (`${eventenum}`), and `user_name` is not empty.
    """

    name: str
    time: str
    user_name: str
    caller_name: str
    caller_number: str
    exten: str
    context: str
    channel: str
    application: str
    application_data: str
    unique_id: str
    linked_id: str
    peer: str
    extra: str

    @property
    def of_caller(self) -> bool:
        """Whether the row is about the channel that began the call."""
        return self.unique_id == self.linked_id


COLUMNS = len(fields(CelRow))


def event_of(columns: Sequence[str], entrance: Entrance = ENTRANCE) -> Event | None:
    """The event of one CSV row; None when the row says nothing about a call or is no CEL row.

    A channel that came in another way than by the `entrance` (an operator's service code) begins no call, unless
    the dialplan says ARRIVED. Joint agencies are told by a channel of their own, whose event names the call.
    """
    if len(columns) != COLUMNS:
        return None
    row = CelRow(*columns)
    at = time_of(row.time)
    if at is None or not row.linked_id:
        return None
    of_user = bool(row.user_name)
    found = _user_event(row) if of_user else _plain_event(row, entrance)
    if found is None:
        return None
    kind, detail = found
    call = row.linked_id
    if kind in TELLINGS:  # by a telephone call of its own, which may outlast the one it tells of
        call = str(detail.pop("call", ""))
        if not (call and detail.get("line")):
            return None
    name = f"USER:{row.user_name}" if of_user else row.name
    return Event(call, kind, at, "asterisk", detail, f"{name}:{row.unique_id}:{microseconds(at)}")


def time_of(text: str) -> datetime | None:
    """`1763800000.123456` (seconds since 1970, Asterisk's default) as UTC, exact to the microsecond."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    seconds, fraction = match.groups()
    return EPOCH + timedelta(seconds=int(seconds), microseconds=int(fraction.ljust(6, "0")))


Found = tuple[str, dict[str, Scalar]] | None


def _user_event(row: CelRow) -> Found:
    kind, names = USER_EVENTS.get(row.user_name, (row.user_name.lower(), ("text",)))
    parts = str(_extra(row).get("extra", row.extra)).split("|", len(names) - 1)
    detail: dict[str, Scalar] = {name: _value(name, part) for name, part in zip(names, parts, strict=False)}
    if kind == Kind.ARRIVED:
        detail |= {"number": row.caller_number, "name": row.caller_name}
    return kind, detail


def _plain_event(row: CelRow, entrance: Entrance) -> Found:
    if row.context == CALLING_HALF:
        return None
    if row.name == "LINKEDID_END":  # reported on whichever channel was the last of the call
        return Kind.CALL_CLOSED, {}
    read = _OF_CALLER.get(row.name)
    return read(row, entrance) if read and row.of_caller else None


def _started(row: CelRow, entrance: Entrance) -> Found:
    if not entrance.admits(row):
        return None
    caller: dict[str, Scalar] = {"number": row.caller_number, "name": row.caller_name}
    return Kind.CHANNEL_STARTED, caller | {"dialled": row.exten, "channel": row.channel}


def _hung_up(row: CelRow, _entrance: Entrance) -> Found:
    extra = _extra(row)
    cause, who = extra.get("hangupcause"), str(extra.get("hangupsource", ""))
    by = _who_hung_up(who, row.channel)
    return Kind.HUNG_UP, {"cause": cause if isinstance(cause, int) else None, "by": by, "channel": who}


def _who_hung_up(who: str, caller_channel: str) -> str:
    if who == caller_channel:
        return "caller"
    return "callee" if "/" in who and not who.startswith("dialplan/") else "server"


_OF_CALLER: Mapping[str, Callable[[CelRow, Entrance], Found]] = {
    "CHAN_START": _started,
    "ANSWER": lambda _row, _entrance: (Kind.SERVER_ANSWERED, {}),
    "HANGUP": _hung_up,
    "CHAN_END": lambda _row, _entrance: (Kind.CHANNEL_ENDED, {}),
}


def _extra(row: CelRow) -> Mapping[str, object]:
    """`extra` is a JSON object (a user event's own text under "extra") or empty; anything else has no fields."""
    try:
        loaded = json.loads(row.extra)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _value(name: str, text: str) -> Scalar:
    return int(text) if name in {"step", "seconds", "milliseconds"} and _WHOLE.fullmatch(text) else text
