"""`python -m bench.chaos`: random calls, random faults, and a verdict. Progress goes to stderr."""

import json
import logging
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bench.chaos.ears import TONES
from bench.chaos.namespace import NoNamespace, own_loopback_and_mounts, small_disk
from bench.chaos.plan import LANES, Plan, plan, reaction
from bench.chaos.report import as_json as to_json
from bench.chaos.report import as_text, report
from bench.chaos.run import Run


def main(
    calls: Annotated[int, typer.Option(min=1, help="How many calls.")] = 500,
    seed: Annotated[int, typer.Option(help="The same seed makes the same calls and faults.")] = 1,
    at_once: Annotated[int, typer.Option(min=4, max=60, help="The most calls at one time.")] = 24,
    without: Annotated[list[str] | None, typer.Option(help=f"Kinds of faults left out: {', '.join(LANES)}.")] = None,
    often: Annotated[float, typer.Option(min=0.1, max=20, help="So many times as many faults.")] = 1.0,
    show: Annotated[bool, typer.Option("--plan", help="Print what would happen, and do nothing else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a report.")] = False,
    keep: Annotated[bool, typer.Option(help="Leave the server's folder for looking into it.")] = False,
) -> None:
    """Random calls under random faults; every one must reach a human or hang up first, and be in the log once.

    Ends with 1 when one is lost, missing, twice or open, or when it is interrupted.

    Example: python -m bench.chaos --calls 500 --seed 7
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    whole = plan(seed, calls, [lane for lane in LANES if lane not in (without or ())], often)
    if show:
        return _show(whole)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="ivr-chaos-"))
    try:
        own_loopback_and_mounts()
        with small_disk(folder / "state", calls):
            result = Run(whole, folder, at_once, lambda text: typer.echo(text, err=True)).run()
            if keep:
                shutil.copytree(folder / "state", folder / "kept", symlinks=True, ignore_dangling_symlinks=True)
    except NoNamespace as error:
        typer.echo(f"not run: {error}", err=True)
        raise typer.Exit(2) from error
    finally:
        if keep:
            typer.echo(f"kept: {folder}", err=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    found = report(result)
    typer.echo(json.dumps(to_json(found), indent=2) if as_json else "\n".join(as_text(found)))
    raise typer.Exit(0 if found.good and found.whole else 1)


def _show(whole: Plan) -> None:
    for caller in whole.callers:
        does = ", ".join(f"{keys} at {at:.1f}" for at, keys in caller.presses) or "nothing"
        leaves = f"; leaves after {caller.leaves:.1f} s" if caller.leaves is not None else ""
        noise = "; in noise" if caller.noise else ""
        typer.echo(f"{caller.at:8.2f} s  call {caller.number}: {caller.manner}: {does}{leaves}{noise}")
    for lane, faults in whole.faults.items():
        for fault in faults:
            typer.echo(f"{lane}: {fault.after:.1f} s after call {fault.call}: {fault.cause}, {fault.seconds:.1f} s")
    for name in TONES:
        acts = ", ".join(reaction(whole.seed, name, ring).act for ring in range(6))
        typer.echo(f"{name}: {acts} ...")


if __name__ == "__main__":
    typer.run(main)
