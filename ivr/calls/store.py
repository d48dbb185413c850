"""Events and their projections in the tables. Functions on a connection whose transaction is the caller's."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as upsert

from ivr.calls.events import Event, Scalar, Source
from ivr.calls.model import AttemptRow, CallRow, CelPositionRow, EventRow
from ivr.calls.projection import Attempt, CallRecord, is_call, project

_ATTEMPT_FIELDS = [field.name for field in dataclasses.fields(Attempt)]
_CALL_FIELDS = [field.name for field in dataclasses.fields(CallRecord) if field.name != "attempts"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a write changed: events that were not there before, ids of calls that were not there before."""

    events: tuple[Event, ...]
    new_calls: frozenset[str]


def store(connection: Connection, events: Sequence[Event]) -> Stored:
    """Inserts what is new and projects the calls it touches. Writing an event again changes nothing."""
    noted: dict[str, dict[str, Event]] = defaultdict(dict)
    for event in events:
        noted[event.call_id].setdefault(event.key, event)
    known = events_of(connection, noted)
    known_calls = existing(connection, noted)
    new: list[Event] = []
    records: list[CallRecord] = []
    for call_id, by_key in noted.items():
        before = known[call_id]
        keys = {event.key for event in before}
        fresh = [event for key, event in by_key.items() if key not in keys]
        if fresh:
            new += fresh
            if any(is_call(event) for event in (*before, *fresh)):
                records.append(project(call_id, [*before, *fresh]))
    _save(connection, records)
    if new:
        connection.execute(_EVENTS, [_event_values(event) for event in new])
    touched = {event.call_id for event in new}
    return Stored(tuple(new), frozenset(existing(connection, touched) - known_calls))


def events_of(connection: Connection, call_ids: Iterable[str]) -> defaultdict[str, list[Event]]:
    """The events of these calls, in the order in which they were stored."""
    found: defaultdict[str, list[Event]] = defaultdict(list)
    for some in _portions(call_ids):
        rows = connection.execute(select(EventRow.__table__).where(EventRow.call_id.in_(some)).order_by("id"))
        for row in rows:
            found[row.call_id].append(event_of(row))
    return found


def existing(connection: Connection, call_ids: Iterable[str]) -> set[str]:
    """Those of the ids that have a call's row."""
    found: set[str] = set()
    for some in _portions(call_ids):
        found.update(connection.scalars(select(CallRow.call_id).where(CallRow.call_id.in_(some))))
    return found


def position_of(connection: Connection, path: str) -> tuple[bytes, int] | None:
    """(head, offset) up to which the CEL file `path` was read, None when never."""
    row = connection.execute(select(CelPositionRow.__table__).where(CelPositionRow.path == path)).one_or_none()
    return None if row is None else (row.head, row.offset)


def set_position(connection: Connection, path: str, head: bytes, offset: int) -> None:
    """Remembers how far the CEL file was read; meant for the transaction that stores its events."""
    read = {"head": head, "offset": offset}
    statement = upsert(CelPositionRow).values(path=path, **read)
    connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=read))


def event_of(row: Row[Any]) -> Event:
    """The event of a row of `events`."""
    detail = cast("dict[str, Scalar]", row.detail)
    return Event(row.call_id, row.kind, row.at, cast("Source", row.source), detail, row.key, row.monotonic)


def record_of(row: Row[Any], attempts: Iterable[Row[Any]]) -> CallRecord:
    """The record of a row of `calls` and its rows of `attempts` in order."""
    values = {name: getattr(row, name) for name in _CALL_FIELDS}
    rung = tuple(Attempt(**{name: getattr(a, name) for name in _ATTEMPT_FIELDS}) for a in attempts)
    return CallRecord(**values, attempts=rung)


def _save(connection: Connection, records: Sequence[CallRecord]) -> None:
    """One statement for all of them: building it anew for each call takes longer than carrying it out."""
    if not records:
        return
    connection.execute(_UPSERT, [_call_values(record) for record in records])
    connection.execute(_FORGET_ATTEMPTS, [{"of_call": record.call_id} for record in records])
    attempts = [
        {"call_id": record.call_id, "place": n, **dataclasses.asdict(attempt)}
        for record in records
        for n, attempt in enumerate(record.attempts)
    ]
    if attempts:
        connection.execute(_ATTEMPTS, attempts)


def _call_values(record: CallRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in _CALL_FIELDS} | {"outcome": record.outcome.value}


def _upsert_of_calls() -> Insert:
    statement = upsert(cast("Table", CallRow.__table__))
    return statement.on_conflict_do_update(
        index_elements=["call_id"], set_={name: statement.excluded[name] for name in (*_CALL_FIELDS, "outcome")}
    )


_UPSERT = _upsert_of_calls()
_FORGET_ATTEMPTS = delete(cast("Table", AttemptRow.__table__)).where(AttemptRow.call_id == bindparam("of_call"))
_ATTEMPTS = insert(cast("Table", AttemptRow.__table__))
_EVENTS = insert(cast("Table", EventRow.__table__))


def _event_values(event: Event) -> dict[str, object]:
    values = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return values | {"kind": str(event.kind), "detail": dict(event.detail)}


def _portions(call_ids: Iterable[str], size: int = 500) -> Iterable[list[str]]:
    """SQLite takes a limited number of parameters in one statement."""
    ids = list(call_ids)
    return (ids[start : start + size] for start in range(0, len(ids), size))
