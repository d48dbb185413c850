"""The row of a call: a pure fold over its events in the order of time.

`project` gives the same record for any order and any repetition of the same events.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ivr.calls.events import TELLINGS, Event, Kind
from ivr.calls.order import on_one_clock


class Outcome(StrEnum):
    """How the call ended for the caller."""

    OPEN = "open"
    ANSWERED = "answered"  # a human accepted the call, and was not gone at once
    ABANDONED = "abandoned"  # it ended before that


class Stage(StrEnum):
    """How far the caller came; while a question is asked, the stage is the question's name."""

    ARRIVED = "arrived"
    PLANNED = "planned"
    RINGING = "ringing"
    QUEUE = "queue"
    OVERFLOW = "overflow"
    LAST_RESORT = "last_resort"
    LIFELINE = "lifeline"
    TALKING = "talking"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One ringing of one line; `ended_at` is when it stopped ringing, not the end of the talk.

    `result`: ringing, picked_up, accepted, declined, no_key, or how the ringing ended (no_answer, busy, unreachable,
    congestion, cancelled, not_accepted, or another DIALSTATUS in lower case).
    """

    line: str
    rang_at: datetime
    picked_up_at: datetime | None = None
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    result: str = "ringing"


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is known of a call. Times in UTC; `arrived_at` is None only before the first event.

    `answered_by`: who took the call, and was not gone so soon that the dialplan rang the next (their attempts still
    say `accepted`). `test`: the server called itself (ivr/heartbeat); such a call is in no list and no statistics.
    """

    call_id: str
    arrived_at: datetime | None = None
    last_event_at: datetime | None = None
    caller_number: str = ""
    caller_name: str = ""
    dialled: str = ""
    endpoint: str = ""
    category: str | None = None
    category_how: str | None = None
    area: str | None = None
    area_how: str | None = None
    possibly_silent: bool = False
    plan: str | None = None
    rules: str | None = None
    lifeline: bool = False
    test: bool = False
    answered_by: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by_sweep: bool = False
    hung_up_by: str | None = None
    stage: str = Stage.ARRIVED
    recording_path: str | None = None
    recording_started_at: datetime | None = None
    recording_checked_at: datetime | None = None
    recording_seconds: float | None = None
    recording_bytes: int | None = None
    recording_sha256: str | None = None
    recording_problem: str | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Open until the end is known, then whether a human was reached."""
        if self.ended_at is None:
            return Outcome.OPEN
        return Outcome.ANSWERED if self.answered_at else Outcome.ABANDONED


# rows that any channel writes, and what is only said of a call; alone they do not make one
_OF_ANY_CHANNEL = frozenset({Kind.SERVER_ANSWERED, Kind.HUNG_UP, Kind.CHANNEL_ENDED, Kind.CALL_CLOSED})
_NO_PROOF = _OF_ANY_CHANNEL | TELLINGS | {Kind.HEARTBEAT}
AT_ONCE = timedelta(seconds=5)  # the dialplan goes on after at most 2; and what it does between
_ENDS = frozenset({Kind.HUNG_UP, Kind.CHANNEL_ENDED, Kind.CALL_CLOSED, Kind.ENDED})
_DIALSTATUS = {
    "NOANSWER": "no_answer",
    "CANCEL": "cancelled",
    "CHANUNAVAIL": "unreachable",
    "ANSWER": "not_accepted",
}


def is_call(event: Event) -> bool:
    """Whether this event alone proves that there was a 112 call (a hang-up of any other channel does not)."""
    return event.kind not in _NO_PROOF


def project(call_id: str, events: Iterable[Event]) -> CallRecord:
    """The record from all events of the call, in any order, repeated or not."""
    record = CallRecord(call_id)
    unique = {event.key: event for event in events}
    for event in sorted(on_one_clock(unique.values()), key=lambda event: (event.at, event.key)):
        record = apply(record, event)
    return record


def apply(record: CallRecord, event: Event) -> CallRecord:
    """The record after one more event, later than those before. Unknown kinds only move `last_event_at`.

    Who was told of the call stands in its events alone: that may go on when the call itself is long over.
    """
    if event.kind in TELLINGS:
        return record
    if record.arrived_at is None:
        record = replace(record, arrived_at=event.at)
    if event.source in {"asterisk", "controller"}:
        record = replace(record, last_event_at=event.at)
        if record.ended_by_sweep:  # the call lived longer than the sweep thought
            record = replace(record, ended_by_sweep=False, ended_at=None)
    change = _CHANGES.get(event.kind)
    record = change(record, event) if change else record
    return _ended(record, event) if event.kind in _ENDS else record


def _at(record: CallRecord, stage: str) -> CallRecord:
    """The stage reached; what comes after a human answered or after the end does not change it."""
    settled = record.stage == Stage.TALKING or record.ended_at is not None
    return record if settled else replace(record, stage=stage)


def _ended(record: CallRecord, event: Event) -> CallRecord:
    if record.ended_at is not None:
        return record
    attempts = tuple(_cut_off(attempt, event.at) for attempt in record.attempts)
    # a recording checked before the end was checked too early
    return replace(record, ended_at=event.at, attempts=attempts, recording_checked_at=None)


def _cut_off(attempt: Attempt, at: datetime) -> Attempt:
    cut = attempt.ended_at is None and attempt.result in {"ringing", "picked_up"}
    return replace(attempt, ended_at=at, result="cancelled") if cut else attempt


def _arrived(record: CallRecord, event: Event) -> CallRecord:
    return replace(
        record,
        caller_number=event.text("number") or record.caller_number,
        caller_name=event.text("name") or record.caller_name,
        dialled=event.text("dialled") or record.dialled,
        endpoint=event.text("endpoint") or record.endpoint,
    )


def _question(record: CallRecord, event: Event) -> CallRecord:
    return _at(record, event.text("question") or record.stage)


def _understood(record: CallRecord, event: Event) -> CallRecord:
    value, how = event.text("value"), event.text("how")
    if event.detail.get("what") == "category":
        return replace(record, category=value, category_how=how)
    if event.detail.get("what") == "area":
        return replace(record, area=value, area_how=how)
    return record


def _operator_chosen(record: CallRecord, event: Event) -> CallRecord:
    silent = record.possibly_silent or bool(event.detail.get("possibly_silent"))
    return replace(record, possibly_silent=silent)


def _plan(record: CallRecord, event: Event) -> CallRecord:
    plan, rules = event.text("plan"), event.text("rules") or record.rules
    return _at(replace(record, plan=plan, rules=rules), Stage.PLANNED)


def _lifeline(record: CallRecord, _event: Event) -> CallRecord:
    return _at(replace(record, lifeline=True), Stage.LIFELINE)


def _current(record: CallRecord, line: str) -> int | None:
    """Where the last attempt of this line is."""
    places = (n for n in range(len(record.attempts) - 1, -1, -1) if record.attempts[n].line == line)
    return next(places, None)


def _attempt(record: CallRecord, event: Event, change: Callable[[Attempt], Attempt]) -> CallRecord:
    """Changes the line's last attempt, or a new one when its RING was lost."""
    line = event.text("line")
    place = _current(record, line)
    if place is None:
        return replace(record, attempts=(*record.attempts, change(Attempt(line, event.at))))
    attempts = list(record.attempts)
    attempts[place] = change(attempts[place])
    return replace(record, attempts=tuple(attempts))


def _ring(record: CallRecord, event: Event) -> CallRecord:
    attempts = (*record.attempts, Attempt(event.text("line"), event.at))
    # in the queue an operator's phone rings too: the caller is still in the queue
    stage = record.stage if record.stage in {Stage.QUEUE, Stage.OVERFLOW, Stage.LAST_RESORT} else Stage.RINGING
    return _at(replace(record, attempts=attempts), stage)


def _picked_up(record: CallRecord, event: Event) -> CallRecord:
    def pick_up(attempt: Attempt) -> Attempt:
        # an operator's pick-up and acceptance may have the same time, and come in either order
        result = "accepted" if attempt.result == "accepted" else "picked_up"
        return replace(attempt, picked_up_at=event.at, result=result)

    return _attempt(record, event, pick_up)


def _accepted(record: CallRecord, event: Event) -> CallRecord:
    record = _attempt(
        record,
        event,
        lambda a: replace(
            a, picked_up_at=a.picked_up_at or event.at, accepted_at=event.at, result="accepted", ended_at=None
        ),
    )
    if record.answered_at is not None or record.ended_at is not None:
        return record  # taken before, or the caller had gone when the officer pressed the key
    record = _at(record, Stage.TALKING)
    return replace(record, answered_at=event.at, answered_by=event.text("line"))


def _on(stage: Stage) -> Callable[[CallRecord, Event], CallRecord]:
    """The dialplan goes on with the caller: whoever took the call before was gone at once, and talked to nobody.

    After a conversation it ends the call (asterisk-config/extensions.conf, `talked`).
    """

    def go_on(record: CallRecord, event: Event) -> CallRecord:
        if record.ended_at is None and _was_gone_at_once(record, event.at):
            record = replace(record, answered_at=None, answered_by=None, stage=stage)
        return _at(record, stage)

    return go_on


def _was_gone_at_once(record: CallRecord, now: datetime) -> bool:
    """A few seconds ago, by a line that was seen to ring before: else it is a clock that was set, not an officer."""
    taken = record.answered_at
    if taken is None or now - taken > AT_ONCE:
        return False
    return any(
        attempt.line == record.answered_by
        and attempt.accepted_at == taken
        and attempt.rang_at < (attempt.picked_up_at or taken)
        for attempt in record.attempts
    )


def _refused(result: str) -> Callable[[CallRecord, Event], CallRecord]:
    return lambda record, event: _attempt(record, event, lambda a: replace(a, result=result))


def _ring_end(record: CallRecord, event: Event) -> CallRecord:
    status = event.text("status")
    ended = _DIALSTATUS.get(status, status.lower() or "cancelled")

    def end(attempt: Attempt) -> Attempt:
        undecided = attempt.result in {"ringing", "picked_up", "cancelled"}
        return replace(attempt, ended_at=event.at, result=ended if undecided else attempt.result)

    return _attempt(record, event, end)


def _hung_up(record: CallRecord, event: Event) -> CallRecord:
    return replace(record, hung_up_by=event.text("by") or None)


def _closed_by_sweep(record: CallRecord, event: Event) -> CallRecord:
    return record if record.ended_at else replace(_ended(record, event), ended_by_sweep=True)


def _recording_started(record: CallRecord, event: Event) -> CallRecord:
    return replace(record, recording_path=event.text("path"), recording_started_at=event.at)


def _recording_checked(record: CallRecord, event: Event) -> CallRecord:
    seconds, size = event.detail.get("seconds"), event.detail.get("bytes")
    return replace(
        record,
        recording_checked_at=event.at,
        recording_path=event.text("path") or record.recording_path,
        recording_seconds=float(seconds) if isinstance(seconds, int | float) else None,
        recording_bytes=size if isinstance(size, int) else None,
        recording_sha256=event.text("sha256") or None,
        recording_problem=event.text("problem") or None,
    )


_CHANGES: Mapping[str, Callable[[CallRecord, Event], CallRecord]] = {
    Kind.CHANNEL_STARTED: _arrived,
    Kind.ARRIVED: _arrived,
    Kind.ATTENDED: _arrived,
    Kind.QUESTION: _question,
    Kind.UNDERSTOOD: _understood,
    Kind.OPERATOR_CHOSEN: _operator_chosen,
    Kind.PLAN: _plan,
    Kind.LIFELINE: _lifeline,
    Kind.DEADMAN: _lifeline,
    Kind.TEST_CALL: lambda record, _event: replace(record, test=True),
    Kind.STEP: _on(Stage.RINGING),
    Kind.RING: _ring,
    Kind.PICKED_UP: _picked_up,
    Kind.ACCEPTED: _accepted,
    Kind.DECLINED: _refused("declined"),
    Kind.NO_KEY: _refused("no_key"),
    Kind.RING_END: _ring_end,
    Kind.OPERATOR_KEY: _on(Stage.RINGING),
    Kind.CORRECT: _on(Stage.RINGING),
    Kind.QUEUE: _on(Stage.QUEUE),
    Kind.OVERFLOW: _on(Stage.OVERFLOW),
    Kind.LAST_RESORT: _on(Stage.LAST_RESORT),
    Kind.HUNG_UP: _hung_up,
    Kind.CLOSED_BY_SWEEP: _closed_by_sweep,
    Kind.RECORDING_STARTED: _recording_started,
    Kind.RECORDING_CHECKED: _recording_checked,
}
