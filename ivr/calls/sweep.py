"""Compares the log with what Asterisk knows: no call is missing, none stays open."""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from ivr.calls.catchup import FileReader
from ivr.calls.events import Event, Kind, microseconds
from ivr.calls.model import CallRow
from ivr.calls.projection import CallRecord, Outcome
from ivr.calls.query import records
from ivr.calls.store import existing
from ivr.calls.writer import CallLog

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=4)  # a row of Asterisk's takes far less to reach its file


@dataclass(frozen=True, slots=True)
class Report:
    """Ids of calls: `added` were in CEL and not in the log, `closed` had no end, `missing` are still not in the
    log, `still_open` are open (in progress, or nobody could say). `unreadable` counts CEL rows."""

    added: tuple[str, ...]
    closed: tuple[str, ...]
    missing: tuple[str, ...]
    still_open: tuple[str, ...]
    unreadable: int = 0


async def sweep(
    calls: CallLog, cel: FileReader, live: Collection[str] | None, now: datetime, grace: timedelta = GRACE
) -> Report:
    """Reads CEL to its end, then closes every open call whose channel is gone.

    `live`: unique ids of all channels Asterisk has now, asked for just before; None when it could not be asked,
    then nothing is closed. A call is left alone until `grace` has passed since its last event, since its end may
    be on its way; a last event of the future was dated before the clock was set back. It is closed at its last known
    moment; if it shows signs of life later, it opens again.
    Raises LogUnavailable, OSError.
    """
    began = time.monotonic()
    await calls.flush()
    read = await cel.catch_up()
    async with calls.database.reading() as connection:
        known = await connection.run_sync(existing, read.met)
        unfinished = await connection.run_sync(_open)
    later = now + timedelta(seconds=time.monotonic() - began)  # a call may have come since `now`
    quiet = [record for record in unfinished if now - _last(record) > grace or _last(record) - later > grace]
    gone = [] if live is None else [record for record in quiet if record.call_id not in live]
    await calls.store([_closing(record) for record in gone])
    closed = {record.call_id for record in gone}
    report = Report(
        added=tuple(sorted(read.new_calls)),
        closed=tuple(sorted(closed)),
        missing=tuple(sorted(read.met - known)),
        still_open=tuple(sorted({record.call_id for record in unfinished} - closed)),
        unreadable=read.unreadable,
    )
    if report.closed or report.missing:
        log.warning("sweep: closed %s, missing %s", report.closed, report.missing)
    return report


def _open(connection: Connection) -> list[CallRecord]:
    return records(connection, select(CallRow.__table__).where(CallRow.outcome == Outcome.OPEN))


def _last(record: CallRecord) -> datetime:
    last = record.last_event_at or record.arrived_at
    if last is None:
        raise ValueError(f"the call {record.call_id} has no event")  # a stored call has one
    return last


def _closing(record: CallRecord) -> Event:
    """The end, just after the last thing known: a microsecond keeps it behind in the order of time."""
    at = _last(record) + timedelta(microseconds=1)
    return Event(record.call_id, Kind.CLOSED_BY_SWEEP, at, "sweep", {}, f"sweep:{microseconds(at)}")
