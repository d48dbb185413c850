"""`ivr heartbeat`: a test call now, or what came of the last one."""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from ivr.calls.show import Style
from ivr.dialogue import Script
from ivr.heartbeat import last
from ivr.heartbeat.job import ScriptOf, attempt
from ivr.heartbeat.last import Last
from ivr.heartbeat.result import Outcome
from ivr.messages import say
from ivr.owner import other_owner
from ivr.rules import Rules
from ivr.settings import Settings

NOT_WELL, WRONG_USER, NOT_RUNNING = 1, 2, 3  # exit codes

HELP = """Call our own 112 now, as the server does every few minutes, and say what came of it. Nobody's phone rings.

Examples:

  ivr heartbeat

  ivr heartbeat --last --json

Run it as the user of the services. Exit codes: 0 all is well, 1 it is not (with --last: or no test call was made
yet), 2 wrong use or user, 3 the server is not running.
"""


def command(
    settings: Callable[[], Settings],
    rules: Callable[[Settings], Rules],
    script: Callable[[Rules, datetime], Script],
) -> typer.Typer:
    """`heartbeat`, to be added to the commands of `ivr` itself; `script` makes the city's questions."""
    app = typer.Typer()

    @app.command("heartbeat", help=HELP)
    def heartbeat(
        only_last: Annotated[bool, typer.Option("--last", help="Make no call; show the last one.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        logging.getLogger("ivr").addHandler(logging.NullHandler())  # what others would log is said here
        chosen = settings()
        _check_user(chosen.state, reading=only_last)
        city = rules(chosen)
        try:
            found = _last(chosen) if only_last else _now(chosen, partial(script, city))
        except OSError as error:
            typer.echo(say("heartbeat.unreadable", reason=error), err=True)
            raise typer.Exit(NOT_WELL) from error
        if as_json:
            typer.echo(json.dumps(last.as_json(found)))
        else:
            for sentence in sentences(found, city.city.clock):
                typer.echo(sentence)
        raise typer.Exit(_exit_code(found))

    return app


def _check_user(state: Path, *, reading: bool) -> None:
    """The service could not read another user's files. Raises typer.Exit."""
    try:
        owner = other_owner(state)
    except OSError as error:
        typer.echo(say("heartbeat.no_state", path=state, reason=error.strerror), err=True)
        raise typer.Exit(NOT_RUNNING) from error
    if owner and not (reading and os.geteuid() == 0):
        typer.echo(say("heartbeat.other_user", path=state, owner=owner), err=True)
        raise typer.Exit(WRONG_USER)


def sentences(found: Last, zone: ZoneInfo) -> list[str]:
    """What came of it, and when it last went well, in the city's time."""
    result = found.result
    if result is None:
        return [say("heartbeat.never")]
    seconds = f"{result.seconds:.1f}".replace(".", ",")
    try:
        said = say(f"heartbeat.{result.outcome}", seconds=seconds)
    except KeyError:  # of another version of the dialplan
        said = say("heartbeat.other", outcome=result.outcome, seconds=seconds)
    good = [] if result.ok else [_last_good(found.ok_at, zone)]
    return [say("heartbeat.at", at=Style(zone).time(result.at)), said, *good]


def _last_good(at: datetime | None, zone: ZoneInfo) -> str:
    return say("heartbeat.last_good", at=Style(zone).time(at)) if at else say("heartbeat.never_good")


def _last(settings: Settings) -> Last:
    return last.read_last(settings.health)


def _now(settings: Settings, script: ScriptOf) -> Last:
    result = asyncio.run(attempt(settings, script))
    return Last(result.at if result.ok else _last(settings).ok_at, result)


def _exit_code(found: Last) -> int:
    if found.result is None:
        return NOT_WELL
    if found.result.outcome == Outcome.NOT_STARTED:
        return NOT_RUNNING
    return 0 if found.result.ok else NOT_WELL
