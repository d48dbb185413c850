"""`python -m bench`: measure, then print tables or JSON. Progress goes to stderr; Ctrl-C ends everything started."""

import dataclasses
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import answer, cpu, imports, key, memory, reload, rules, soak, start
from bench.capture import CaptureLost
from bench.figures import Bench, Figure, NotMeasured
from bench.machine import Machine, this_machine
from bench.network import NoNamespace, own_loopback
from ivr.asterisk.program import AsteriskMissing
from ivr.phones.events import PhoneError


class Name(StrEnum):
    """The figures that can be measured."""

    ANSWER = "answer"
    KEY = "key"
    CPU = "cpu"
    MEMORY = "memory"
    IMPORTS = "imports"
    START = "start"
    RULES = "rules"
    RELOAD = "reload"
    SOAK = "soak"


_MEASURE: dict[Name, Callable[[Bench], Figure]] = {
    Name.ANSWER: answer.measure,
    Name.KEY: key.measure,
    Name.CPU: cpu.measure,
    Name.MEMORY: memory.measure,
    Name.IMPORTS: imports.measure,
    Name.START: start.measure,
    Name.RULES: rules.measure,
    Name.RELOAD: reload.measure,
    Name.SOAK: soak.measure,
}
_PROMISED = {Name.RELOAD, Name.SOAK}
"""A goal missed here is a fault and no slowness: the exit code says so."""


def main(
    figures: Annotated[list[Name] | None, typer.Argument(help="Which figures; none named: all of them.")] = None,
    calls: Annotated[int, typer.Option(min=1, max=1000, help="Calls per distribution; below 30 only to try.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with every sample instead of tables.")] = False,
) -> None:
    """Measure the call server on this machine, in a network namespace and with a state of its own.

    Example: python -m bench answer key --calls 60
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    load = os.getloadavg()[0]
    try:
        own_loopback()
        with tempfile.TemporaryDirectory(prefix="ivr-bench-") as folder:
            measured = [_measured(name, Path(folder), calls) for name in dict.fromkeys(figures or Name)]
        machine = this_machine(load)
    except (NoNamespace, NotMeasured, CaptureLost, PhoneError, AsteriskMissing, AssertionError) as error:
        typer.echo(f"not measured: {error}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        run = {"machine": dataclasses.asdict(machine), "figures": [dataclasses.asdict(figure) for figure in measured]}
        typer.echo(json.dumps(run, indent=2))
    else:
        _print(machine, measured)
    if any(not goal.met for figure in measured if figure.name in _PROMISED for goal in figure.goals):
        raise typer.Exit(1)


def _measured(name: Name, folder: Path, calls: int) -> Figure:
    def tell(text: str) -> None:
        typer.echo(f"{name}: {text}", err=True)

    tell("starting")
    return _MEASURE[name](Bench(folder, calls, tell))


def _print(machine: Machine, figures: list[Figure]) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(machine.line)
    for figure in figures:
        table = Table(title=f"\n{figure.name}: {figure.title}", title_justify="left", title_style="bold")
        for number, column in enumerate(figure.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in figure.rows:
            table.add_row(*(str(cell) for cell in row))
        console.print(table)
        console.print(figure.compared, style="dim")
        for goal in figure.goals:
            verdict = "reached" if goal.met else "missed"
            console.print(f"Goal {verdict}: {goal.text}: {goal.value} (at most {goal.limit})")


if __name__ == "__main__":
    typer.run(main)
