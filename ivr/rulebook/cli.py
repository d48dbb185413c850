"""`ivr status`, `ivr rules reload`, `ivr rules history`: the rules in force on the command line."""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer

from ivr.messages import say
from ivr.rulebook import ask, status
from ivr.rulebook.history import SHORT, History, NotKept
from ivr.rulebook.lastgood import history_of, last_good, local
from ivr.rulebook.look import Standing, look, metrics, sentences
from ivr.rulebook.look import as_json as found_as_json
from ivr.rulebook.status import Attempt, Result
from ivr.settings import Settings

ANSWER_WITHIN = 120.0  # seconds; new names are spoken first, and that takes its time
POLL = 0.05

STATUS_HELP = """Which rules are in force, since when, by whom; the file, the last attempt, controller and Asterisk.

Examples:

  ivr status

  ivr status --json

Exit codes: 0 all is well, 1 something is not.
"""

RELOAD_HELP = """Have the running server read the rules file now, and say what became of it.

It does so by itself when the file is saved; this waits for the answer.

Example:

  ivr rules reload

Exit codes: 0 the file's rules are in force, 1 they are not.
"""

HISTORY_HELP = """The rules that were in force, newest first; with a hash (or its beginning) the whole text.

Examples:

  ivr rules history

  ivr rules history 3fa9c1d2 > routing_rules.yaml

Exit codes: 0, 1 no such rules.
"""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def status_command(
    settings: Callable[[], Settings], alarms: Callable[[Settings], tuple[Standing, ...]] = lambda _: ()
) -> typer.Typer:
    """`status`, to be added to the commands of `ivr` itself. `alarms` gives those that stand."""
    app = typer.Typer()

    @app.command("status", help=STATUS_HELP)
    def show_status(
        as_json: AsJson = False,
        prometheus: Annotated[bool, typer.Option("--prometheus", help="Print the metrics Prometheus reads.")] = False,
    ) -> None:
        logging.getLogger("ivr").addHandler(logging.NullHandler())  # what others would log is said here
        try:
            found = look(chosen := settings(), alarms(chosen))
        except OSError as error:
            raise _failed(say("rulebook.history_unreadable", reason=error)) from error
        if as_json:
            typer.echo(json.dumps(found_as_json(found), ensure_ascii=False))
        elif prometheus:
            typer.echo("".join(metrics(found)), nl=False)
        else:
            for sentence in sentences(found):
                typer.echo(sentence)
        raise typer.Exit(0 if found.well else 1)

    return app


def rules_commands(settings: Callable[[], Settings]) -> typer.Typer:
    """`reload` and `history`, to be added to `ivr rules`."""
    app = typer.Typer()

    @app.command("reload", help=RELOAD_HELP)
    def reload(as_json: AsJson = False) -> None:
        chosen = settings()
        try:
            attempt = _answer(chosen, ask.ask(chosen.state, ask.asker()))
        except ask.NotRunning as error:
            raise _failed(say("rulebook.not_running", state=chosen.state)) from error
        except OSError as error:
            raise _failed(say("rulebook.not_allowed", reason=error)) from error
        if attempt is None:
            raise _failed(say("rulebook.no_answer", seconds=ANSWER_WITHIN))
        if as_json:
            typer.echo(json.dumps(status.attempt_as_json(attempt), ensure_ascii=False))
        else:
            typer.echo(say(f"rulebook.result_{attempt.result}", hash=attempt.digest[:SHORT]))
            for problem in attempt.problems:
                typer.echo(f"  {problem}")
        raise typer.Exit(0 if attempt.result in {Result.ACCEPTED, Result.UNCHANGED} else 1)

    @app.command("history", help=HISTORY_HELP)
    def show_history(
        digest: Annotated[str | None, typer.Argument(metavar="HASH", help="As the list shows it.")] = None,
        as_json: AsJson = False,
    ) -> None:
        chosen = settings()
        try:
            if digest is None:
                _list(history_of(chosen), chosen, as_json)
            else:
                sys.stdout.buffer.write(history_of(chosen).text(digest))
        except NotKept as error:
            raise _failed(say("rulebook.not_kept", hash=digest)) from error
        except OSError as error:
            raise _failed(say("rulebook.history_unreadable", reason=error)) from error

    return app


def _answer(settings: Settings, asked: datetime) -> Attempt | None:
    """The first attempt after the request, None when none came in time. Raises NotRunning: the controller ended."""
    deadline = time.monotonic() + ANSWER_WITHIN
    while time.monotonic() < deadline:
        told = status.read(history_of(settings).folder)
        if told and told.attempt and told.attempt.at >= asked:
            return told.attempt
        if ask.controller_pid(settings.state) is None:
            raise ask.NotRunning
        time.sleep(POLL)
    return None


def _list(history: History, settings: Settings, as_json: bool) -> None:
    entries = history.entries()[::-1]
    if as_json:
        for entry in entries:
            typer.echo(json.dumps(status.entry_as_json(entry), ensure_ascii=False))
        return
    if not entries:
        typer.echo(say("rulebook.no_history"))
        return
    good = last_good(settings)
    rows = [tuple(say(f"rulebook.head_{column}") for column in ("at", "hash", "who", "how"))]
    for entry in entries:
        at = local(entry.at, good.rules) if good else entry.at.isoformat(timespec="seconds")
        rows.append((at, entry.short, entry.who, say(f"rulebook.how_{entry.how}")))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _failed(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(1)
