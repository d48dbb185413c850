"""The record of calls: whole, complete, of this program's version; nothing waits, nothing stays open."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from ivr.calls import query
from ivr.calls.cel import event_of
from ivr.calls.celfile import split
from ivr.calls.database import LogUnavailable
from ivr.calls.migrations import versions
from ivr.calls.projection import Outcome, is_call
from ivr.calls.query import Filter
from ivr.calls.store import existing, position_of
from ivr.doctor.context import Context
from ivr.doctor.model import Finding, error, note, ok, some, warning
from ivr.doctor.reading import ask
from ivr.owner import owner_of

LARGE = 500_000_000  # bytes; beyond, the indexes are not compared with the rows
INTEGRITY_SECONDS = 25.0
STEPS = 10_000  # of SQLite's machine, between two looks at the time
LONGEST_CALL = timedelta(hours=2)
RECENT = timedelta(days=7)
LATELY = timedelta(days=6)  # forgotten test calls (7 days) stay in the file of CEL
SETTLED = 60.0  # seconds in which a row of CEL comes into the record
TAIL = 4_000_000  # bytes of CEL, some thousand calls
MOST_CALLS = 100_000


def database(context: Context) -> Iterator[Finding]:
    """Opens, and SQLite finds nothing wrong with it."""
    path = context.settings.database
    if context.log_trouble:
        if context.locked(path):
            path.open("rb").close()  # raises
        yield error("database", "database_closed", path=path, reason=context.log_trouble)
        return
    large = path.stat().st_size > LARGE
    until = time.monotonic() + INTEGRITY_SECONDS

    def check(connection: Connection) -> list[str]:
        _interrupt(connection, until)
        asked = "PRAGMA quick_check(5)" if large else "PRAGMA integrity_check(5)"
        return [str(row[0]) for row in connection.exec_driver_sql(asked)]

    try:
        said = ask(path, check)
    except LogUnavailable as trouble:
        if time.monotonic() >= until:
            yield note("database", "database_slow", path=path, seconds=round(INTEGRITY_SECONDS))
            return
        said = [str(trouble.__cause__).splitlines()[0]]
    if said == ["ok"]:
        yield ok("database", "database_ok", path=path, size=round(path.stat().st_size / 1e6, 1))
    else:
        yield error("database", "database_damaged", path=path, reason=said[0].splitlines()[-1])


def set_aside(context: Context) -> Iterator[Finding]:
    """No damaged record lies beside whose calls are not in this one."""
    path = context.settings.database
    for kept in sorted(path.parent.glob(f"{path.name}.broken-*")):
        if not kept.name.endswith(("-wal", "-shm")):
            yield warning("set_aside", "set_aside", path=kept, owner=owner_of(kept))


def _interrupt(connection: Connection, until: float) -> None:
    """End what runs on the connection once the time is over."""
    driver = connection.connection.driver_connection
    if driver is not None:
        driver.set_progress_handler(lambda: int(time.monotonic() >= until), STEPS)


def schema(context: Context) -> Iterator[Finding]:
    """The tables are those of this program."""
    version = "SELECT version_num FROM alembic_version"
    have = ask(context.settings.database, lambda connection: connection.exec_driver_sql(version).scalar())
    want = versions()[0]
    if have == want:
        yield ok("schema", "schema_ok", version=have)
    else:
        yield error("schema", "schema_apart", have=have, want=want)


def journal(context: Context) -> Iterator[Finding]:
    """Nothing waits in the controller's journal to come into the database."""
    waiting = 0
    for path in sorted((context.settings.state / "journal").glob("*")):
        found = path.stat()
        if time.time() - found.st_mtime > SETTLED:
            waiting += max(0, found.st_size - _read_to(context, path))
    if waiting:
        yield warning("journal", "journal_waiting", bytes=waiting, path=context.settings.state / "journal")
    else:
        yield ok("journal", "journal_ok")


def _read_to(context: Context, path: Path) -> int:
    """Up to which byte the database has the file."""
    if context.log_trouble:
        return 0
    position = ask(context.settings.database, lambda connection: position_of(connection, str(path)))
    return position[1] if position else 0


def open_calls(context: Context) -> Iterator[Finding]:
    """No call is open that must have ended long ago."""
    wanted = Filter(until=context.now - LONGEST_CALL, outcome=Outcome.OPEN, tests=None)
    found = ask(context.settings.database, lambda connection: query.calls(connection, wanted, 100))
    if found:
        ids = some((call.call_id for call in found), 3)
        yield warning("open_calls", "open_calls_old", count=len(found), ids=ids, first=found[-1].call_id)
    else:
        yield ok("open_calls", "open_calls_ok")


def unlogged(context: Context) -> Iterator[Finding]:
    """Every call in Asterisk's own file (its last megabytes) is in the record."""
    path = context.settings.cel_file
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        rows, _, _ = split(file.read(TAIL))
    events = [event for row in rows if (event := event_of(row)) is not None and is_call(event)]
    settled = context.now - timedelta(seconds=SETTLED)
    ids = {event.call_id for event in events if context.now - LATELY < event.at < settled}
    missing = sorted(ids - ask(context.settings.database, lambda connection: existing(connection, ids)))
    if missing:
        yield error("unlogged", "unlogged_calls", count=len(missing), ids=some(missing, 3), path=path)
    else:
        yield ok("unlogged", "unlogged_none", count=len(ids))


def recordings(context: Context) -> Iterator[Finding]:
    """The recordings of the last seven days are there and sound."""
    wanted = Filter(since=context.now - RECENT)
    found = ask(context.settings.database, lambda connection: query.calls(connection, wanted, MOST_CALLS))
    bad = [call for call in found if call.recording_problem]
    if bad:
        ids = some((f"{call.call_id} ({call.recording_problem})" for call in bad), 3)
        yield warning("recordings", "recordings_bad", count=len(bad), all=len(found), ids=ids, first=bad[0].call_id)
    else:
        yield ok("recordings", "recordings_ok", count=sum(bool(call.recording_path) for call in found))
