"""`ivr calls`: the record of calls on the command line."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from ivr.calls import query, show
from ivr.calls.database import LogUnavailable, reader
from ivr.calls.events import Event, storable
from ivr.calls.projection import CallRecord, Outcome
from ivr.calls.query import Filter
from ivr.calls.show import Names, Style, keys_as_names
from ivr.messages import say
from ivr.owner import owner_of

UNKNOWN_CALL, NO_LOG = 1, 3  # exit codes
POLL = 0.5  # seconds between two looks while following

_AGO = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

LIST_HELP = """The record of calls, newest first.

Examples:

  ivr calls --since 2h --abandoned

  ivr calls --since 2026-11-01 --until 2026-12-01 --category kebakaran --json

  ivr calls --follow

Test calls, by which the server checks itself, are left out unless --tests asks for them.
Times are the city's. --json writes one JSON object a line, times in UTC.
Exit codes: 0, 2 wrong option, 3 the log cannot be read.
"""

SHOW_HELP = """One call and everything that happened to it.

Example:

  ivr calls show ivr112-1763800000.12

Exit codes: 0, 1 unknown call, 3 the log cannot be read.
"""


@dataclass(frozen=True, slots=True)
class LogSources:
    """Where the log is and how the city shows it."""

    database_path: Path
    zone: ZoneInfo
    names: Names = keys_as_names


def commands(open_log: Callable[[], LogSources]) -> typer.Typer:
    """The commands; `open_log` is asked only when one runs."""
    app = typer.Typer(help=LIST_HELP, invoke_without_command=True)

    @app.callback()
    def list_calls(
        context: typer.Context,
        since: Annotated[str | None, typer.Option(help="From: 2026-11-22, '2026-11-22 14:00', 30m, 2h, 7d.")] = None,
        until: Annotated[str | None, typer.Option(help="Before: as --since.")] = None,
        outcome: Annotated[Outcome | None, typer.Option(help="How the call ended.")] = None,
        category: Annotated[str | None, typer.Option(help="Key of the category in the rules.")] = None,
        area: Annotated[str | None, typer.Option(help="Key of the area in the rules.")] = None,
        number: Annotated[str | None, typer.Option(help="Part of the caller's number.")] = None,
        only_open: Annotated[bool, typer.Option("--open", help="Only calls in progress.")] = False,
        abandoned: Annotated[bool, typer.Option("--abandoned", help="Only calls no human answered.")] = False,
        tests: Annotated[bool, typer.Option("--tests", help="Only test calls (ivr heartbeat).")] = False,
        limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
        follow: Annotated[bool, typer.Option("--follow", help="Show events as they happen; Ctrl-C ends.")] = False,
        full_numbers: Annotated[bool, typer.Option("--full-numbers", help="Do not mask numbers.")] = False,
    ) -> None:
        if context.invoked_subcommand is not None:
            return
        sources = _sources(open_log)
        wanted = Filter(
            since=_moment(since, sources.zone),
            until=_moment(until, sources.zone),
            outcome=_chosen(outcome, only_open, abandoned),
            category=_text(category),
            area=_text(area),
            number=_text(number),
            tests=tests,
        )
        style = Style(sources.zone, sources.names, full_numbers)
        run = _follow if follow else _list
        with _told_plainly(sources.database_path):
            run(sources.database_path, wanted, style, limit, as_json)

    @app.command("show", help=SHOW_HELP)
    def show_call(
        call_id: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")],
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        sources = _sources(open_log)
        style = Style(sources.zone, sources.names, whole_numbers=True)
        with _told_plainly(sources.database_path), reader(sources.database_path) as connection:
            found = query.call(connection, storable(call_id))
        if found is None:
            typer.echo(say("calls.unknown_call", call_id=show.visible(call_id)), err=True)
            raise typer.Exit(UNKNOWN_CALL)
        record, events = found
        if as_json:
            told = [show.event_as_json(event, style) for event in events]
            typer.echo(show.json_line({"call": show.as_json(record, style), "events": told}))
            return
        for line in show.call(record, events, style):
            typer.echo(line)

    return app


def _text(given: str | None) -> str | None:
    """As the log would hold it: an argument may be any bytes."""
    return None if given is None else storable(given)


def _list(path: Path, wanted: Filter, style: Style, limit: int, as_json: bool) -> None:
    with reader(path) as connection:
        found = query.calls(connection, wanted, limit + 1)
    shown = found[:limit]
    if as_json:
        for record in shown:
            typer.echo(show.json_line(show.as_json(record, style)))
        return
    if not shown:
        typer.echo(say("calls.no_calls"))
        return
    for line in show.table(shown, style):
        typer.echo(line)
    if len(found) > limit:
        typer.echo(say("calls.more", limit=limit), err=True)


def _follow(path: Path, wanted: Filter, style: Style, _limit: int, as_json: bool) -> None:
    typer.echo(say("calls.following"), err=True)
    try:
        for record, event in events_from_now(path, wanted):
            if as_json:
                typer.echo(show.json_line(show.event_as_json(event, style)))
            else:
                typer.echo(show.follow_line(record, event, style))
    except KeyboardInterrupt:
        return


def events_from_now(
    path: Path, wanted: Filter, after: int | None = None, every: float = POLL
) -> Iterator[tuple[CallRecord, Event]]:
    """Events of calls that fit, as they are written, for ever; a log that is away for a while is waited for.

    `after`: a place in the log (`query.last_event_id`), None for now. Raises LogUnavailable when the log cannot be
    read at the beginning.
    """
    with reader(path) as connection:
        place = query.last_event_id(connection) if after is None else after
    away = False
    while True:
        found: list[tuple[CallRecord, Event]] = []
        try:
            with reader(path) as connection:
                found, place = query.events_after(connection, place, wanted)
            away = False
        except LogUnavailable:
            if not away:
                typer.echo(say("calls.follow_waits"), err=True)
            away = True
        yield from found
        if not found:
            time.sleep(every)


@contextmanager
def _told_plainly(path: Path) -> Iterator[None]:
    """A log that cannot be read is one sentence and an exit code, not a traceback."""
    try:
        yield
    except LogUnavailable as error:
        typer.echo(_why(path, error), err=True)
        raise typer.Exit(NO_LOG) from error


def _why(path: Path, trouble: LogUnavailable) -> str:
    """What keeps the log from being read, in one sentence."""
    try:
        path.open("rb").close()
    except FileNotFoundError:
        return say("calls.not_there", path=path)
    except PermissionError:
        return say("calls.closed", path=path, owner=owner_of(path))
    except OSError as error:
        return say("calls.unavailable", reason=error)
    return say("calls.unavailable", reason=str(trouble.__cause__).splitlines()[0])


def _sources(open_log: Callable[[], LogSources]) -> LogSources:
    """What is asked of the installation before its log; it may be closed to us, too. Raises typer.Exit."""
    try:
        return open_log()
    except PermissionError as error:
        path = Path(error.filename or "?")
        typer.echo(say("calls.closed", path=path, owner=owner_of(path)), err=True)
        raise typer.Exit(NO_LOG) from error


def _chosen(outcome: Outcome | None, only_open: bool, abandoned: bool) -> Outcome | None:
    if only_open:
        return Outcome.OPEN
    return Outcome.ABANDONED if abandoned else outcome


def _moment(text: str | None, zone: ZoneInfo) -> datetime | None:
    """A time as people type it. Raises typer.BadParameter."""
    if text is None:
        return None
    now = datetime.now(UTC)
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if text == "today":
            return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(say("calls.bad_time", text=show.visible(text))) from error
