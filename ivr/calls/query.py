"""Questions to the record of calls. Functions on a connection, so that both the server and a command can ask."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from ivr.calls.events import Event
from ivr.calls.model import AttemptRow, CallRow, EventRow
from ivr.calls.order import on_one_clock
from ivr.calls.projection import CallRecord, Outcome
from ivr.calls.store import event_of, events_of, record_of


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls; what is None does not matter. `since` <= arrival < `until`; `number` is a part of the number.

    `tests`: False leaves the server's calls to itself out, True wants them alone.
    """

    since: datetime | None = None
    until: datetime | None = None
    outcome: Outcome | None = None
    category: str | None = None
    area: str | None = None
    number: str | None = None
    tests: bool | None = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as conditions on `calls`."""
        asked = [
            None if self.since is None else CallRow.arrived_at >= self.since,
            None if self.until is None else CallRow.arrived_at < self.until,
            None if self.outcome is None else CallRow.outcome == self.outcome.value,
            None if self.category is None else CallRow.category == self.category,
            None if self.area is None else CallRow.area == self.area,
            None if self.number is None else CallRow.caller_number.contains(self.number, autoescape=True),
            None if self.tests is None else CallRow.test == self.tests,
        ]
        return [condition for condition in asked if condition is not None]


def calls(connection: Connection, wanted: Filter, limit: int = 50) -> list[CallRecord]:
    """The newest calls that fit, newest first."""
    statement = select(CallRow.__table__).where(*wanted.conditions())
    return records(connection, statement.order_by(CallRow.arrived_at.desc(), CallRow.call_id.desc()).limit(limit))


def call(connection: Connection, call_id: str) -> tuple[CallRecord, list[Event]] | None:
    """The call and its events in the order of time, None when the log has no such call."""
    found = records(connection, select(CallRow.__table__).where(CallRow.call_id == call_id))
    if not found:
        return None
    # Asterisk stamps a channel's last rows with one time: of these, the order in its file is the true one
    return found[0], sorted(on_one_clock(events_of(connection, [call_id])[call_id]), key=lambda event: event.at)


def last_event_id(connection: Connection) -> int:
    """The place in the log after which everything is still to come."""
    return connection.scalar(select(func.max(EventRow.id))) or 0


def events_after(
    connection: Connection, place: int, wanted: Filter, limit: int = 500
) -> tuple[list[tuple[CallRecord, Event]], int]:
    """Events written after `place` in the log, of calls that fit, with their calls; and the next place."""
    statement = select(EventRow.__table__).where(EventRow.id > place).order_by(EventRow.id).limit(limit)
    rows = connection.execute(statement).all()
    if not rows:
        return [], place
    ids = {row.call_id for row in rows}
    fitting = select(CallRow.__table__).where(CallRow.call_id.in_(ids), *wanted.conditions())
    known = {record.call_id: record for record in records(connection, fitting)}
    return [(known[row.call_id], event_of(row)) for row in rows if row.call_id in known], rows[-1].id


def records(connection: Connection, statement: Select[Any]) -> list[CallRecord]:
    """The records of the rows of `calls` that the statement selects, in its order."""
    rows = connection.execute(statement).all()
    attempts: dict[str, list[Row[Any]]] = defaultdict(list)
    for start in range(0, len(rows), 500):
        ids = [row.call_id for row in rows[start : start + 500]]
        rung = select(AttemptRow.__table__).where(AttemptRow.call_id.in_(ids))
        ordered = connection.execute(rung.order_by(AttemptRow.call_id, AttemptRow.place))
        attempts.update((call_id, list(some)) for call_id, some in groupby(ordered, lambda row: row.call_id))
    return [record_of(row, attempts[row.call_id]) for row in rows]
