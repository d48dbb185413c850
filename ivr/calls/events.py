"""One thing that happened to one call.

>>> happened("ivr112-1.2", Kind.UNDERSTOOD, what="category", value="kebakaran", how="key").kind
<Kind.UNDERSTOOD: 'understood'>
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

Source = Literal["controller", "asterisk", "sweep", "recorder"]
Scalar = str | int | float | bool | None

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """What happened; the comment names the fields of `Event.detail`."""

    # the caller's channel, from Asterisk's plain CEL rows
    CHANNEL_STARTED = "channel_started"  # number, name, dialled, channel
    SERVER_ANSWERED = "server_answered"  # (none): the caller stops hearing the network's ringing
    HUNG_UP = "hung_up"  # cause (Q.850), by: caller|callee|server, channel (who hung up)
    CHANNEL_ENDED = "channel_ended"
    CALL_CLOSED = "call_closed"  # the last leg of the call is gone

    # the dialplan's own CEL user events
    ARRIVED = "arrived"  # number, name, dialled, endpoint
    RECORDING_STARTED = "recording_started"  # path, relative to the recordings folder
    STEP = "step"  # step, lines (joined by &), seconds
    RING = "ring"  # line
    PICKED_UP = "picked_up"  # line
    ACCEPTED = "accepted"  # line: a human has taken the call
    DECLINED = "declined"  # line
    NO_KEY = "no_key"  # line
    RING_END = "ring_end"  # line, status (DIALSTATUS)
    QUEUE = "queue"  # seconds
    QUEUE_END = "queue_end"  # status (QUEUESTATUS)
    OVERFLOW = "overflow"  # lines: operators' queue full or in vain
    LAST_RESORT = "last_resort"  # lines
    OPERATOR_KEY = "operator_key"  # step
    CORRECT = "correct"  # step
    LIFELINE = "lifeline"  # status (AGISTATUS)
    DEADMAN = "deadman"  # status (AGISTATUS)
    ENDED = "ended"  # agi_status, plan, step, dial_status, queue_status
    TEST_CALL = "test_call"  # token: no citizen, the server calls itself (ivr/heartbeat)

    # the calling half of a test call, which is no call itself
    HEARTBEAT = "heartbeat"  # token, result, milliseconds

    # the same, of the calls by which joint agencies are told; these may come after the end
    TELLING = "telling"  # line: it is rung
    TOLD = "told"  # line: a human has pressed 1
    NOT_TOLD = "not_told"  # line, status (DIALSTATUS, or NO_KEY): given up after the second attempt

    # the controller; a question about one group of kecamatan says `group` too
    ATTENDED = "attended"  # number, name: the questions begin
    QUESTION = "question"  # question: category|area, attempt
    KEY_PRESSED = "key_pressed"  # question, keys
    NO_INPUT = "no_input"  # question, attempt
    WRONG_KEY = "wrong_key"  # question, keys, attempt
    UNDERSTOOD = "understood"  # what: category|area, value, how: key|speech|network|operator
    OPERATOR_CHOSEN = "operator_chosen"  # question, reason: key|no_input|wrong_key|budget|error, possibly_silent
    PLAN = "plan"  # plan (text), rules (hash of the rules in force), reason
    PROBLEM = "problem"  # what, consequence (for the caller)

    # after the call
    CLOSED_BY_SWEEP = "closed_by_sweep"  # (none): the channel is gone and Asterisk wrote no end
    RECORDING_CHECKED = "recording_checked"  # path, seconds, bytes, sha256, level, repaired, problem


TELLINGS = frozenset({Kind.TELLING, Kind.TOLD, Kind.NOT_TOLD})


def storable(text: str) -> str:
    r"""`text` as valid Unicode: bytes that were not UTF-8 (surrogates) become `\xff`, as they would in a log."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "backslashreplace")


def microseconds(at: datetime) -> int:
    """Whole microseconds since 1970, exact (no float in between)."""
    return (at - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Event:
    """`key` is unique within the call: the same event noted twice is stored once.

    `at` must know its zone (ValueError otherwise) and is kept in UTC. `monotonic` is the controller's clock in
    seconds, for intervals that a stepped wall clock would falsify. `kind` is a `Kind`, or the name of a dialplan
    event this version does not know.
    """

    call_id: str
    kind: str
    at: datetime
    source: Source
    detail: Mapping[str, Scalar] = field(default_factory=dict)
    key: str = ""
    monotonic: float | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"an event needs a time with a zone, not {self.at}")
        detail = {name: storable(v) if isinstance(v, str) else v for name, v in self.detail.items()}
        object.__setattr__(self, "at", self.at.astimezone(UTC))
        object.__setattr__(self, "detail", detail)
        object.__setattr__(self, "call_id", storable(self.call_id))
        object.__setattr__(self, "key", storable(self.key) or _key_from(self))

    def text(self, name: str) -> str:
        """A field of the detail as text, empty when it is not there."""
        value = self.detail.get(name)
        return "" if value is None else str(value)


def _key_from(event: Event) -> str:
    content = json.dumps(event.detail, sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()[:8]
    return f"{event.source}:{event.kind}:{microseconds(event.at)}:{digest}"


def happened(
    call_id: str,
    kind: str,
    *,
    source: Source = "controller",
    at: datetime | None = None,
    monotonic: float | None = None,
    **detail: Scalar,
) -> Event:
    """An event of now (or of `at`), its key made from its own content."""
    if at is None:
        at, monotonic = datetime.now(UTC), time.monotonic()
    return Event(call_id, kind, at, source, detail, monotonic=monotonic)
