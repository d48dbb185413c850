"""What the commands of backup and restore have in common: sentences, exit codes, the bar on a terminal."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from ivr.backup import amounts
from ivr.backup.make import CannotBackUp, Progress
from ivr.backup.manifest import About, Broken
from ivr.backup.restore import CannotRestore
from ivr.backup.snapshot import Unsound
from ivr.checks import CannotStart
from ivr.messages import say

NO, WRONG_USE = 1, 2  # exit codes

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)]


@contextmanager
def plainly(cancelled: str, failed: str) -> Iterator[None]:
    """What cannot be done is one sentence and exit code 1. SIGTERM ends like Ctrl-C: everything is cleared away.

    `cancelled`, `failed`: the messages for Ctrl-C and for an OSError (`reason`).
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except (CannotBackUp, CannotRestore, CannotStart, Broken) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(NO) from error
    except Unsound as error:
        typer.echo(say("backup.unsound", path="", reason=error), err=True)
        raise typer.Exit(NO) from error
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        typer.echo(say(failed, reason=reason), err=True)
        raise typer.Exit(NO) from error
    except KeyboardInterrupt as error:
        typer.echo(say(cancelled), err=True)
        raise typer.Exit(NO) from error
    finally:
        signal.signal(signal.SIGTERM, before)


class Amount(ProgressColumn):
    """`12,3 MB / 40,0 MB`, rich's own has a decimal point."""

    def render(self, task: Task) -> Text:
        """As rich asks for it."""
        total = f" / {amounts.size(int(task.total))}" if task.total else ""
        return Text(amounts.size(int(task.completed)) + total)


@contextmanager
def shown(quiet: bool) -> Iterator[Progress]:
    """A bar on a terminal, nothing otherwise."""
    console = Console(stderr=True, markup=False, emoji=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), Amount(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        tasks: list[TaskID] = []

        def begin(what: str, total: int) -> None:
            for task in tasks:
                bar.update(task, visible=False)
            tasks.append(bar.add_task(what, total=total or None))

        yield Progress(begin, lambda more: bar.advance(tasks[-1], more))


def told_of(about: About) -> dict[str, object]:
    """For the sentences about a backup."""
    return {"city": about.city or "-", "made_at": about.made_at[:19], "host": about.host, "program": about.program}


def print_json(value: object) -> None:
    """One line."""
    typer.echo(json.dumps(value, ensure_ascii=False))
