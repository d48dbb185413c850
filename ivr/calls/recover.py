"""What can still be read of a damaged database: every event that SQLite gives."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from ivr.calls.database import reader
from ivr.calls.events import Event
from ivr.calls.model import EventRow
from ivr.calls.store import event_of

PORTION = 500  # events
SMALLEST = 8  # events that are given up together: about as many as lie on a damaged page
GIVES_UP = 20_000  # ids in a row of which none can be read: the end, or nothing is left


@dataclass(frozen=True, slots=True)
class Found:
    """Events of a part of the file; `unreadable`: how many ids before the last of them could not be read."""

    events: tuple[Event, ...]
    unreadable: int = 0


def readable(path: Path) -> Iterator[Found]:
    """The events of the file in portions; it is not changed. Raises LogUnavailable when it is no record."""
    with reader(path) as connection:
        connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'events'").one()  # raises
        first, silent, unreadable = 1, 0, 0
        while silent < GIVES_UP:
            found = _between(connection, first, first + PORTION)
            first += PORTION
            silent += PORTION
            unreadable += found.unreadable
            if found.events:
                yield Found(found.events, unreadable)
                silent = unreadable = 0


def _between(connection: Connection, first: int, end: int) -> Found:
    """Where a page in the middle is damaged, those before and behind it are still read: in ever smaller parts."""
    table = EventRow.__table__
    wanted = select(table).where(table.c.id >= first, table.c.id < end).order_by(table.c.id)
    try:
        return Found(tuple(map(event_of, connection.execute(wanted))))
    except (SQLAlchemyError, ValueError, TypeError, KeyError):
        if end - first <= SMALLEST:
            return Found((), end - first)
    middle = (first + end) // 2
    lower, upper = _between(connection, first, middle), _between(connection, middle, end)
    return Found(lower.events + upper.events, lower.unreadable + upper.unreadable)
