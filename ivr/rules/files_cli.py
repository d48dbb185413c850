"""`ivr rules diff`, `ivr rules schema`, `ivr rules new`: the rules as files on the command line."""

import errno
import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ivr.messages import say
from ivr.rules.diff import difference
from ivr.rules.diff_words import as_json, sentences
from ivr.rules.load import load_rules
from ivr.rules.model import Rules
from ivr.rules.new import BadAnswer, file_text, interview, known_city, write_new
from ivr.rules.problems import RulesError, shown
from ivr.rules.schema import schema_text

TROUBLE = 2  # as diff(1): 0 the same, 1 different

DIFF_HELP = """What changes for whom between two editions of the rules: by meaning, not by line.

Examples:

  ivr rules diff

  ivr rules diff draft.yaml

  ivr rules diff 3fa9c1d2 routing_rules.yaml

  ivr rules diff old.yaml new.yaml --json

One file alone is compared with the rules in force. Dates that are over do not count.

Exit codes: 0 nothing changes, 1 something does, 2 cannot be compared.
"""

SCHEMA_HELP = """Print the JSON Schema of the rules file, which editors use for completion and checking.

Example:

  ivr rules schema > docs/routing_rules.schema.json
"""

NEW_HELP = """Ask a few questions and write a city's first rules file. What is there is never overwritten.

Without a terminal the answers are read from stdin, one a line; an empty line takes the default.

Examples:

  ivr rules new kota.yaml

  ivr rules new kota.yaml < answers.txt

Exit codes: 0 written, 1 not.
"""

PROJECT = Path(__file__).resolve().parents[2]
SCHEMA_FILE = PROJECT / "docs" / "routing_rules.schema.json"

Kept = Callable[[str | None], str | None]
"""The text of the rules in force (None), or of those whose hash begins so; None where there are none."""


def add_commands(app: typer.Typer, file: Callable[[], Path], kept: Kept = lambda _: None) -> None:
    """Add the commands to `ivr rules`; `file` is the city's file, `kept` looks into the history."""

    @app.command("diff", help=DIFF_HELP)
    def show_difference(
        old: Annotated[
            str | None, typer.Argument(help="File, or hash of the history; in force when left out.")
        ] = None,
        new: Annotated[Path | None, typer.Argument(help="File; the city's when left out.")] = None,
        as_data: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        draft = Path(old) if old is not None and new is None and _there(old) else None
        before, after = _old(None if draft else old, kept), _readable(draft or new or file())
        found = difference(before, after, datetime.now(after.city.clock).date())
        if as_data:
            typer.echo(json.dumps(as_json(found), ensure_ascii=False))
        else:
            for sentence in sentences(found, before, after):
                typer.echo(sentence)
        raise typer.Exit(1 if found else 0)

    @app.command("schema", help=SCHEMA_HELP)
    def show_schema() -> None:
        typer.echo(schema_text(), nl=False)

    @app.command("new", help=NEW_HELP)
    def new_file(
        path: Annotated[Path | None, typer.Argument(metavar="FILE", help="The city's when left out.")] = None,
    ) -> None:
        _write_first(path or file())


def _write_first(path: Path) -> None:
    if obstacle := _obstacle(path):
        raise _refused(obstacle)
    typer.echo(say("new.begin", path=path))
    try:
        answers = interview(input, _known, typer.echo if sys.stdin.isatty() else None)
        text = file_text(answers, _schema_for(path.resolve()))
        load_rules(text)
        write_new(path, text)
    except (EOFError, KeyboardInterrupt, UnicodeDecodeError) as error:
        typer.echo("")
        raise _refused(say("new.cancelled")) from error
    except FileExistsError as error:
        raise _refused(say("new.exists", path=path)) from error
    except OSError as error:
        raise _refused(say("new.unwritable", path=path, reason=error.strerror)) from error
    except (BadAnswer, RulesError) as error:
        typer.echo("")
        raise _refused(f"{error}\n{say('new.cancelled')}") from error
    typer.echo(say("new.written", path=path))
    if answers.codes_guessed:
        typer.echo(say("new.check_codes"))


def _obstacle(path: Path) -> str:
    """Why no new file can be written there, in a sentence; "" when one can."""
    try:
        path.stat()
    except OSError as error:
        free = isinstance(error, FileNotFoundError) and path.parent.is_dir()
        if free and os.access(path.parent, os.W_OK):
            return ""
        reason = os.strerror(errno.EACCES) if free else error.strerror
        return say("new.unwritable", path=path, reason=reason)
    return say("new.exists", path=path)


def _there(given: str) -> bool:
    """Whether this is a file. One that cannot even be looked at is: opening it says why."""
    try:
        Path(given).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _schema_for(path: Path) -> str:
    """The schema as a file names it: from its own folder inside the project, in full outside."""
    return os.path.relpath(SCHEMA_FILE, path.parent) if path.is_relative_to(PROJECT) else str(SCHEMA_FILE)


def _known(code: str) -> Rules | None:
    return known_city(code, [PROJECT / "routing_rules.yaml", *sorted((PROJECT / "examples").glob("*.yaml"))])


def _refused(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(1)


def _old(given: str | None, kept: Kept) -> Rules:
    if given is not None and _there(given):
        return _readable(Path(given))
    text = kept(given)
    if text is not None:
        return _readable(text, given or say("diff.in_force"))
    if given is None:
        raise _trouble(say("diff.no_rules_in_force"))
    raise _trouble(say("diff.no_such_rules", given=shown(given)))


def _readable(source: Path | str, name: str = "") -> Rules:
    try:
        return load_rules(source)
    except RulesError as error:
        told = "\n".join(f"  {problem}" for problem in error.problems)
        raise _trouble(say("diff.cannot_read", path=name or source) + "\n" + told) from error


def _trouble(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(TROUBLE)
