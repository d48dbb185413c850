"""`python -m bench.fuzz`: hostile input for every parser. Progress goes to stderr; Ctrl-C ends everything started."""

import dataclasses
import json
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from bench.fuzz import runner
from bench.fuzz.parsers import PARSERS
from bench.fuzz.runner import Report

SHOWN = 50  # faults of a parser in the report


def main(
    parsers: Annotated[list[str] | None, typer.Argument(help="Which parsers; none named: all of them.")] = None,
    cases: Annotated[int, typer.Option(min=1, help="How many for each parser.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same cases.")] = 112,
    processes: Annotated[int, typer.Option(min=1, help="How many at a time.")] = 2,
    faults: Annotated[Path, typer.Option(help="Where cases that show a fault are kept.")] = Path("fuzz-faults"),
    show: Annotated[int | None, typer.Option(help="Print the case with this number of one parser.")] = None,
    replay: Annotated[Path | None, typer.Option(help="Judge a kept case of one parser again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a report.")] = False,
) -> None:
    """Give every parser hostile input: it answers as documented, in time, and nothing is executed, lost or made up.

    Ends with 1 when it finds a fault, 2 for a wrong option. Examples:

      python -m bench.fuzz agi ami --cases 100000 --seed 7

      python -m bench.fuzz cel --replay fuzz-faults/cel-7-1234
    """
    names = _chosen(parsers)
    if show is not None or replay is not None:
        _one(names, seed, show, replay)
        return
    told = [_told(name, seed, cases, processes, faults, as_json=as_json) for name in names]
    if as_json:
        typer.echo(json.dumps({"seed": seed, "parsers": told}, indent=2))
    if any(one["faults"] or not one["whole"] for one in told):
        raise typer.Exit(1)


def _chosen(parsers: list[str] | None) -> list[str]:
    if unknown := set(parsers or ()) - set(PARSERS):
        raise typer.BadParameter(f"no parser {', '.join(sorted(unknown))}; there are {', '.join(PARSERS)}")
    return list(dict.fromkeys(parsers or PARSERS))


def _one(names: list[str], seed: int, show: int | None, replay: Path | None) -> None:
    if len(names) != 1:
        raise typer.BadParameter("name one parser")
    with (
        tempfile.TemporaryDirectory(prefix="ivr-fuzz-") as folder,
        closing(PARSERS[names[0]](Path(folder))) as parser,
    ):
        if show is not None:
            sys.stdout.buffer.write(runner.case(parser, seed, show))
        if replay is not None:
            verdict = runner.judged(parser, replay.read_bytes())
            typer.echo("\n".join(verdict.faults) or f"all is well: {', '.join(verdict.kinds)}")
            raise typer.Exit(1 if verdict.faults else 0)


def _told(name: str, seed: int, cases: int, processes: int, faults: Path, *, as_json: bool) -> dict[str, object]:
    started = time.monotonic()
    report, whole = runner.run(name, seed, cases, processes, faults, _progress)
    seconds = round(time.monotonic() - started, 1)
    if not as_json:
        _print(report, seed, seconds)
    if not whole:
        typer.echo(f"{name}: ended early", err=True)
    faulty = [dataclasses.asdict(fault) for fault in report.faults]
    return {"whole": whole, "clock": seconds, **vars(report), "faults": faulty}


def _progress(report: Report, cases: int, seconds: float) -> None:
    left = seconds / report.cases * (cases - report.cases)
    typer.echo(
        f"{report.parser}: {report.cases} of {cases}, {len(report.faults)} faults; "
        f"{seconds:.0f} s, {left:.0f} s left",
        err=True,
    )


def _print(report: Report, seed: int, seconds: float) -> None:
    typer.echo(
        f"{report.parser}: {report.cases} cases of seed {seed} in {seconds} s "
        f"({report.seconds:.0f} s of processor time, {report.memory} MiB), faults {len(report.faults)}"
    )
    typer.echo("  slowest: " + "; ".join(f"{spent} s, case {number}" for spent, number in report.slowest))
    for kind, count in report.kinds.most_common():
        typer.echo(f"  {count:8} {kind}")
    for fault in report.faults[:SHOWN]:
        typer.echo(f"  case {fault.number}: {fault.text} {fault.file}")


if __name__ == "__main__":
    typer.run(main)
