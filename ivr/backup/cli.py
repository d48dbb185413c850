"""`ivr backup`, `ivr backup verify`, `ivr backup list`."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ivr import settings as installation
from ivr.backup import amounts
from ivr.backup.console import AsJson, File, plainly, print_json, shown, told_of
from ivr.backup.keep import Listed, listed, verify
from ivr.backup.make import Made, check_folder, make
from ivr.backup.names import moment_of
from ivr.backup.places import Places
from ivr.messages import say
from ivr.settings import Settings

BACKUP_HELP = """Back up this installation into one checked file, also while calls run.

Database, journal, rules with their history, passwords, settings, trunk, TLS files, prompt texts and studio
recordings, Asterisk's CEL and CDR. Left out, since it is made again: built prompts, Asterisk's configuration;
and logs. Each backup is whole, not only what is new. The file has mode 0600 and holds passwords: keep it where only
admins get at it.

Examples:

  ivr backup

  ivr backup --to /mnt/nas/112 --keep 30

  ivr backup --recordings --to /mnt/nas/112

Exit codes: 0 made and read back, 1 not made (nothing is left of it), 2 wrong use.
"""

VERIFY_HELP = """Read a whole backup: every hash, and whether the databases inside are sound.

Example:

  ivr backup verify /mnt/nas/112/ivr112-20261122-031500.tar.gz

Exit codes: 0 whole, 1 not: the place is named.
"""

LIST_HELP = """The backups of a folder, newest first; `ivr backup verify` says whether one is whole.

Example:

  ivr backup list --to /mnt/nas/112

Exit codes: 0, 1 the folder cannot be read.
"""

To = Annotated[Path | None, typer.Option("--to", metavar="DIR", help="The folder; else the setting IVR_BACKUPS.")]


def backup_commands(settings: Callable[[], Settings]) -> typer.Typer:
    """`backup` with `verify` and `list`."""
    app = typer.Typer(invoke_without_command=True, help=BACKUP_HELP)

    @app.callback()
    def back_up(
        context: typer.Context,
        to: To = None,
        recordings: Annotated[bool, typer.Option("--recordings", help="With the recordings of calls.")] = False,
        keep: Annotated[
            int | None, typer.Option("--keep", min=1, help="Then delete all but the newest N of this installation.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        if context.invoked_subcommand is not None:
            return
        chosen = settings()
        folder = (to or chosen.backups).absolute()
        began = time.monotonic()
        places = Places(chosen, installation.PROJECT)
        with plainly("backup.cancelled", "backup.files"), shown(as_json) as progress:
            made = make(places, folder, recordings=recordings, keep=keep, progress=progress)
        _tell_made(made, time.monotonic() - began, as_json)

    @app.command("verify", help=VERIFY_HELP)
    def verify_file(file: File, as_json: AsJson = False) -> None:
        with plainly("backup.cancelled_reading", "backup.not_read"), shown(as_json) as progress:
            progress.begin(say("backup.reading"), 0)
            contents = verify(file.absolute(), progress.advance).contents
        if as_json:
            print_json({"file": str(file), **asdict(contents)})
        else:
            typer.echo(say("backup.whole", path=file, members=len(contents.members), **told_of(contents.about)))

    @app.command("list", help=LIST_HELP)
    def list_backups(to: To = None, as_json: AsJson = False) -> None:
        folder = (to or settings().backups).absolute()
        with plainly("backup.cancelled_reading", "backup.not_read"):
            check_folder(folder)
            found = listed(folder)
        for one in found:
            print_json(_as_json(one)) if as_json else typer.echo(_line(one))
        if not found and not as_json:
            typer.echo(say("backup.none", path=folder))

    return app


def _tell_made(made: Made, seconds: float, as_json: bool) -> None:
    growing = [member.name for member in made.contents.members if member.growing]
    if as_json:
        told = {"file": str(made.path), "bytes": made.size, "seconds": round(seconds, 2)}
        paths = {"deleted": [str(path) for path in made.deleted], "removed": [str(path) for path in made.removed]}
        print_json({**told, **paths, "growing": growing, "warnings": made.warnings, **asdict(made.contents)})
        return
    for path in made.removed:
        typer.echo(say("backup.removed", path=path), err=True)
    members, size = len(made.contents.members), amounts.size(made.size)
    typer.echo(say("backup.made", path=made.path, size=size, members=members, seconds=amounts.decimal(seconds)))
    if recorded := [name for name in growing if name.startswith("recordings/")]:
        typer.echo(say("backup.growing", count=len(recorded)))
    for path in made.deleted:
        typer.echo(say("backup.deleted", path=path))
    for warning in made.warnings:
        typer.echo(warning, err=True)


def _line(one: Listed) -> str:
    values = {"name": one.path.name, "size": amounts.size(one.size)}
    if one.about is None:
        return say("backup.line_unreadable", **values)
    line = "backup.line_recordings" if one.about.recordings else "backup.line"
    return say(line, **values, **told_of(one.about))


def _as_json(one: Listed) -> dict[str, object]:
    moment = moment_of(one.path.name)
    row = {"file": str(one.path), "bytes": one.size, "at": moment.isoformat() if moment else None}
    return {**row, "about": asdict(one.about) if one.about else None}
