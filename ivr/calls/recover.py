"""What can still be read of a damaged database: every event that SQLite gives."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.exc import SQLAlchemyError

from ivr.calls.aside import is_damage
from ivr.calls.database import reader
from ivr.calls.events import Event
from ivr.calls.journal import SOURCES
from ivr.calls.model import EventRow
from ivr.calls.store import event_of

PORTION = 500  # events
SMALLEST = 8  # events that are given up together: about as many as lie on a damaged page
WRONG = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError)  # what a value of another type does
GIVES_UP = 20_000  # ids in a row of which none can be read: the end, or nothing is left


@dataclass(frozen=True, slots=True)
class Found:
    """Events of a part of the file; `unreadable`: how many ids before the last of them could not be read."""

    events: tuple[Event, ...]
    unreadable: int = 0


class NoRecord(Exception):
    """The file holds no events at all."""


def readable(path: Path) -> Iterator[Found]:
    """The events of the file in portions; it is not changed.

    Raises NoRecord, LogUnavailable when it cannot be read now.
    """
    with reader(path) as connection:
        _check(connection)
        first, silent, unreadable = 1, 0, 0
        while silent < GIVES_UP:
            found = _between(connection, first, first + PORTION)
            first += PORTION
            silent += PORTION
            unreadable += found.unreadable
            if found.events:
                yield Found(found.events, unreadable)
                silent = unreadable = 0


def _check(connection: Connection) -> None:
    try:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'events'").all()
    except SQLAlchemyError as error:
        if is_damage(error):
            raise NoRecord from error
        raise
    if not tables:
        raise NoRecord


def _between(connection: Connection, first: int, end: int) -> Found:
    """Where a page in the middle is damaged, those before and behind it are still read: in ever smaller parts."""
    table = EventRow.__table__
    wanted = select(table).where(table.c.id >= first, table.c.id < end).order_by(table.c.id)
    try:
        events = [_event(row) for row in connection.execute(wanted)]
    except (SQLAlchemyError, *WRONG) as error:
        if isinstance(error, SQLAlchemyError) and not is_damage(error):
            raise  # locked, no memory: that passes
        if end - first <= SMALLEST:
            return Found((), end - first)
    else:
        sound = tuple(event for event in events if event is not None)
        return Found(sound, len(events) - len(sound))
    middle = (first + end) // 2
    lower, upper = _between(connection, first, middle), _between(connection, middle, end)
    return Found(lower.events + upper.events, lower.unreadable + upper.unreadable)


def _event(row: Row[Any]) -> Event | None:
    """None for a row that is not as it was written: zeros, a source that does not exist."""
    try:
        event = event_of(row)
        sound = event.source in SOURCES and str(event.kind).isascii() and event.call_id.isprintable()
    except WRONG:
        return None
    return event if sound and event.at.tzinfo else None
