"""`ivr prompts build` and `ivr prompts check`."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from ivr.messages import say
from ivr.prompts.build import Report, build
from ivr.prompts.catalogue import PromptError, PromptSources
from ivr.prompts.check import Finding, State, check

INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
ShowAll = Annotated[bool, typer.Option("--all", help="List every prompt, not only those to look at.")]


def commands(load: Callable[[], PromptSources]) -> typer.Typer:
    """The sub-app `prompts`. `load` is called when a command runs; its PromptError is shown, exit 1."""
    app = typer.Typer(no_args_is_help=True, help="Make and check what callers and officers hear.")

    @app.command("build")
    def build_command(as_json: Json = False) -> None:
        """Make the prompts that changed. Exit 1: some could not be made or a studio file was refused.

        Example: ivr prompts build
        """
        try:
            report = _build_shown(load(), hidden=as_json)
        except PromptError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            typer.echo(say("prompts.interrupted"), err=True)
            raise typer.Exit(INTERRUPTED) from None
        if as_json:
            typer.echo(json.dumps(asdict(report), ensure_ascii=False))
        else:
            _tell_report(report)
        raise typer.Exit(1 if report.refused else 0)

    @app.command("check")
    def check_command(as_json: Json = False, show_all: ShowAll = False) -> None:
        """Look at every prompt file. Exit 1: missing, outdated, clipped, silent or of a wrong format.

        Example: ivr prompts check --all
        """
        try:
            findings = check(load())
        except PromptError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error
        if as_json:
            typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
        else:
            _tell_findings(findings, show_all=show_all)
        raise typer.Exit(1 if any(finding.is_problem for finding in findings) else 0)

    return app


def _build_shown(sources: PromptSources, *, hidden: bool) -> Report:
    columns = TextColumn(say("prompts.building")), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True), disable=hidden, transient=True) as bar:
        task = bar.add_task("", total=None)
        return build(sources, lambda done, total, id_: bar.update(task, completed=done, total=total, description=id_))


def _tell_report(report: Report) -> None:
    counts = {name: len(getattr(report, name)) for name in ("built", "kept", "removed")}
    typer.echo(say("prompts.built", **counts, seconds=report.seconds))
    for id_, reason in sorted(report.refused.items()):
        typer.echo(say("prompts.studio-refused", file=f"{id_}.wav", reason=reason), err=True)


def _tell_findings(findings: list[Finding], *, show_all: bool) -> None:
    quiet = {State.SYNTHETIC, State.STUDIO, State.TONE}
    shown = [finding for finding in findings if show_all or finding.state not in quiet]
    if shown:
        table = Table(*(say(f"prompts.column-{name}") for name in ("id", "state", "detail")), box=None)
        for finding in shown:
            state = Text(say(f"prompts.state-{finding.state}"), style="red" if finding.is_problem else "")
            table.add_row(Text(finding.id), state, Text(finding.detail))
        Console().print(table)
    problems = len({finding.id for finding in findings if finding.is_problem})
    if problems:
        typer.echo(say("prompts.problems", count=problems))
        return
    count = Counter(finding.state for finding in findings)
    kinds = {"studio": count[State.STUDIO], "synthetic": count[State.SYNTHETIC], "tones": count[State.TONE]}
    typer.echo(say("prompts.all-well", count=sum(kinds.values()), **kinds))
