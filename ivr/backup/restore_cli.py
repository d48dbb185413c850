"""`ivr restore`."""

import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from ivr import settings as installation
from ivr.backup.console import NO, WRONG_USE, AsJson, File, plainly, print_json, shown, told_of
from ivr.backup.keep import verify
from ivr.backup.places import Places
from ivr.backup.plan import FROM_BACKUP, Action, Step, plan
from ivr.backup.restore import Restored, check_place, check_schema, interrupted, restore
from ivr.messages import say
from ivr.settings import Settings

RESTORE_HELP = """Put a backup in the place of this installation. The server must be stopped.

The file is verified first. Nothing that is there is deleted: the state folder gets another name, and so does a
rules, prompt or settings file that differs. Recordings and TLS files that are there stay.

With --to only that folder is made, everything below it, and nothing else is touched: a rehearsal beside the running
server.

Examples:

  ivr restore /mnt/nas/112/ivr112-20261122-031500.tar.gz --dry-run

  ivr restore /mnt/nas/112/ivr112-20261122-031500.tar.gz

  ivr restore ivr112-20261122-031500.tar.gz --to /tmp/rehearsal --yes

Exit codes: 0 restored, 1 not: nothing was changed, 2 wrong use (without a terminal --yes is needed).
"""


def restore_command(settings: Callable[[], Settings]) -> typer.Typer:
    """`restore`, to be added to the commands of `ivr` itself."""
    app = typer.Typer()

    @app.command("restore", help=RESTORE_HELP)
    def restore_file(
        file: File,
        to: Annotated[
            Path | None, typer.Option("--to", metavar="STATE", help="Into this folder alone, touching nothing else.")
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Verify, and say what would be done.")] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
        as_json: AsJson = False,
    ) -> None:
        chosen = _at(settings(), to)
        places, path = Places(chosen, installation.PROJECT), file.absolute()
        with plainly("backup.nothing_changed", "backup.not_restored"):
            if not dry_run:
                check_place(chosen, ports=to is None)
                if left := interrupted(chosen):
                    typer.echo(say("backup.interrupted", path=left), err=True)
            with shown(as_json) as progress:
                progress.begin(say("backup.reading"), 0)
                found = verify(path, progress.advance)
            check_schema(found.contents.about)
            steps = plan(found.contents, places, found.settings, outside=to is None)
            if not as_json:
                typer.echo(say("backup.would", path=file, state=chosen.state, **told_of(found.contents.about)))
                typer.echo("\n".join(_told(steps, chosen)))
            done = None
            if not dry_run:
                _agreed(yes, chosen.state)
                with shown(as_json) as progress:
                    progress.begin(say("backup.unpacking"), sum(member.size for member in found.contents.members))
                    done = restore(path, found.contents, steps, places, progress.advance, ports=to is None)
        finished = "backup.restored" if to is None else "backup.rehearsed"
        _tell_restored(done, steps, chosen, None if as_json else finished)

    return app


def _at(settings: Settings, state: Path | None) -> Settings:
    """The settings with another state folder."""
    if state is None:
        return settings
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return type(settings).model_construct(**{**values, "state": state.absolute()})


def _agreed(yes: bool, state: Path) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        typer.echo(say("backup.say_yes"), err=True)
        raise typer.Exit(WRONG_USE)
    if not typer.confirm(say("backup.sure", state=state)):
        typer.echo(say("backup.nothing_changed"), err=True)
        raise typer.Exit(NO)


def _told(steps: list[Step], settings: Settings) -> Iterator[str]:
    counted = Counter(step.action for step in steps)
    for action in (Action.STATE, Action.SAME, Action.LEFT):
        if counted[action]:
            yield "  " + say(f"backup.step_{action}", count=counted[action], path=settings.state)
    for step in steps:
        if step.action in {Action.NEW, Action.REPLACED} and not step.member.name.startswith("recordings/"):
            yield "  " + say(f"backup.step_{step.action}", path=step.target)
    if new := sum(step.action is Action.NEW and step.member.name.startswith("recordings/") for step in steps):
        yield "  " + say("backup.step_recordings", count=new, path=settings.recordings)
    yield from _by_hand(steps, settings)


def _by_hand(steps: list[Step], settings: Settings) -> Iterator[str]:
    by_hand = [step for step in steps if step.action is Action.BY_HAND]
    if by_hand and all(step.target is None for step in by_hand):
        yield "  " + say("backup.step_unplaced", count=len(by_hand), path=settings.state / FROM_BACKUP)
        return
    for step in by_hand:
        source = settings.state / FROM_BACKUP / step.member.name
        yield "  " + say("backup.step_by_hand", source=source, path=step.target or "-")


def _tell_restored(done: Restored | None, steps: list[Step], settings: Settings, finished: str | None) -> None:
    """`finished`: the message of a restore that is done; None: as JSON."""
    if finished is None:
        rows = [
            {"member": s.member.name, "target": str(s.target) if s.target else None, "action": s.action}
            for s in steps
        ]
        before = str(done.before) if done and done.before else None
        kept = [str(path) for path in done.kept] if done else []
        print_json(
            {"restored": done is not None, "state": str(settings.state), "before": before, "kept": kept}
            | {"members": rows}
        )
        return
    if done is None:
        typer.echo(say("backup.dry_run"))
        return
    typer.echo(say(finished, state=settings.state, quoted=shlex.quote(str(settings.state))))
    for path in [done.before, *done.kept]:
        if path is not None:
            typer.echo(say("backup.kept", path=path))
