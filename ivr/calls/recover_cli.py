"""`ivr calls recover`: bring what can be read of a damaged database into the one that is used now."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ivr.calls.aside import move
from ivr.calls.database import Database, LogUnavailable, Unstorable
from ivr.calls.recover import NoRecord, readable
from ivr.calls.writer import CallLog
from ivr.messages import say
from ivr.owner import other_owner

FAILED = 3  # exit code
MARK = ".broken-"

HELP = """Bring what can be read of a damaged record (calls.sqlite.broken-...) into the one that is used now.

Example:

  ivr calls recover calls.sqlite.broken-20261122-031500

Works while the server runs. Nothing counts twice, so it may be interrupted and repeated. The damaged file stays; once
all that can be read is in, it is renamed to calls.sqlite.recovered-... (calls.sqlite.unreadable-...: nothing was).
Exit codes: 0, 2 wrong use, 3 the file or the record cannot be used.
"""


def add_recover(app: typer.Typer, database_path: Callable[[], Path]) -> None:
    """The command; `database_path` is asked only when it runs."""

    @app.command("recover", help=HELP)
    def recover(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The damaged file.")],
    ) -> None:
        into = database_path()
        if MARK not in file.name or (into.exists() and file.samefile(into)):
            raise typer.BadParameter(say("calls.recover_itself", path=into))
        try:
            if owner := other_owner(into.parent):
                typer.echo(say("calls.recover_other", path=into.parent, owner=owner), err=True)
                raise typer.Exit(FAILED)
            new, unreadable = asyncio.run(_bring_in(file, into))
            kept = _put_away(file, "recovered")
        except NoRecord as error:
            kept = _put_away(file, "unreadable")
            typer.echo(say("calls.recover_nothing", path=kept), err=True)
            raise typer.Exit(FAILED) from error
        except (LogUnavailable, Unstorable, OSError) as error:
            typer.echo(say("calls.recover_failed", reason=str(error).splitlines()[0]), err=True)
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt:
            typer.echo(say("calls.recover_interrupted"), err=True)
            raise typer.Exit(130) from None
        typer.echo(say("calls.recovered", new=new, unreadable=unreadable, path=kept))


async def _bring_in(file: Path, into: Path) -> tuple[int, int]:
    """(new events, ids that could not be read); in small transactions, between which the server writes its own."""
    calls, new, unreadable, read = CallLog(Database(into)), 0, 0, 0
    try:
        for found in readable(file):
            stored = await calls.store(found.events)
            new += len(stored.events)
            unreadable += found.unreadable
            read += len(found.events)
            typer.echo(say("calls.recover_progress", read=read, new=new), err=True, nl=False)
    finally:
        typer.echo("", err=True)
        await calls.database.close()
    return new, unreadable


def _put_away(file: Path, what: str) -> Path:
    """Under a name of which the doctor speaks no longer. Raises OSError."""
    before, _, after = file.name.rpartition(MARK)
    kept = file.with_name(f"{before}.{what}-{after}")
    move(file, kept)
    return kept
