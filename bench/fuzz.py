"""`python -m bench.fuzz`: broken rules files by the hundred thousand; each is refused with reasons or is sound."""

import json
import multiprocessing
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from bench.mutations import mutated
from bench.soundness import acceptance_faults, refusal_faults
from ivr.rules import Rules, RulesError, load_rules
from ivr.settings import PROJECT
from tests.rules.kinds import kind_of

BASES = ("routing_rules.yaml", "examples/ambon.yaml", "examples/kendari.yaml", "examples/kecil.yaml")
SLOWEST = 5
CHUNK = 200  # files a process takes at a time
LIMIT = 2.0  # seconds of processor time for one file


@dataclass
class Report:
    """What came of the files. `faults` is empty when all is well; times are seconds of processor time."""

    files: int = 0
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    slowest: list[tuple[float, int, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Take another part of the files in."""
        self.files += other.files
        self.accepted += other.accepted
        self.refused += other.refused
        self.seconds += other.seconds
        self.kinds.update(other.kinds)
        self.slowest = sorted([*self.slowest, *other.slowest], reverse=True)[:SLOWEST]
        self.faults += other.faults


class LastGood:
    """A stand-in for the controller: rules in force, which a refusal must leave exactly as they are."""

    def __init__(self, rules: Rules) -> None:
        self._take(rules)

    def offer(self, source: Path | str) -> Rules:
        """Put the rules of a file or a text into force. Raises RulesError."""
        rules = load_rules(source)
        self._take(rules)
        return rules

    @property
    def unchanged(self) -> bool:
        """Whether the rules in force are what they were when they were taken."""
        return self._rules.model_dump_json() == self._as_taken

    def _take(self, rules: Rules) -> None:
        self._rules, self._as_taken = rules, rules.model_dump_json()


def texts() -> list[str]:
    """The files that are broken."""
    return [(PROJECT / name).read_text(encoding="utf-8") for name in BASES]


def fuzzed(seed: int, numbers: range, folder: Path) -> Report:
    """What comes of the files with these numbers; each depends on the seed and its number alone."""
    report, bases, file = Report(), texts(), folder / f"{numbers.start}.yaml"
    good = LastGood(load_rules(bases[0]))
    for number in numbers:
        content, changes = mutated(Random(f"{seed}:{number}"), bases)
        source = _source(content, file)
        before = time.process_time()
        try:
            outcome = _offered(good, source)
            spent = time.process_time() - before
            faults = list(_faults(outcome, good, content.decode("utf-8", "replace"), Random(number)))
        except Exception as error:  # noqa: BLE001 whatever it is, it is what we look for
            report.add(Report(1, faults=[_fault(number, changes, f"{type(error).__name__}: {error}")]))
            continue
        faults += [f"took {spent:.1f} s"] if spent > LIMIT else []
        report.add(_single(outcome, spent, number, changes, faults))
    file.unlink(missing_ok=True)
    return report


def _source(content: bytes, file: Path) -> Path | str:
    """The text, which costs no disk; a file where it is none."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        file.write_bytes(content)
        return file


def _offered(good: LastGood, source: Path | str) -> Rules | RulesError:
    try:
        return good.offer(source)
    except RulesError as error:
        return error


def _faults(outcome: Rules | RulesError, good: LastGood, text: str, random: Random) -> Iterator[str]:
    if isinstance(outcome, Rules):
        yield from acceptance_faults(outcome, text, random)
        return
    yield from refusal_faults(outcome, text)
    if not good.unchanged:
        yield "the rules in force changed though the file was refused"


def _single(outcome: Rules | RulesError, spent: float, number: int, changes: str, faults: list[str]) -> Report:
    slowest, faults = [(round(spent, 4), number, changes)], [_fault(number, changes, fault) for fault in faults]
    if isinstance(outcome, Rules):
        kinds = Counter({f"warning: {kind_of(one)}" for one in outcome.warnings})
        return Report(1, 1, 0, spent, kinds, slowest, faults)
    return Report(1, 0, 1, spent, Counter({kind_of(one) for one in outcome.problems}), slowest, faults)


def _fault(number: int, changes: str, fault: str) -> str:
    return f"file {number} ({changes}): {fault}"[:1000]


def _part(job: tuple[int, range, Path]) -> Report:
    return fuzzed(*job)


def _quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends us


def fuzz(seed: int, files: int, processes: int) -> tuple[Report, bool]:
    """All files on several processes, and whether it came to the end; Ctrl-C ends it early."""
    report, started = Report(), time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="ivr-fuzz-") as folder,
        multiprocessing.Pool(processes, _quiet) as pool,
    ):
        jobs = [(seed, range(n, min(n + CHUNK, files)), Path(folder)) for n in range(0, files, CHUNK)]
        try:
            for done, part in enumerate(pool.imap_unordered(_part, jobs), start=1):
                report.add(part)
                if done % 25 == 0:
                    _tell(report, files, time.monotonic() - started)
        except KeyboardInterrupt:
            return report, False
    return report, True


def _tell(report: Report, files: int, seconds: float) -> None:
    left = seconds / report.files * (files - report.files)
    typer.echo(
        f"{report.files} of {files}: {report.accepted} accepted, {report.refused} refused, "
        f"{len(report.faults)} faults; "
        f"{seconds:.0f} s, {left:.0f} s left",
        err=True,
    )


def main(
    files: Annotated[int, typer.Option(min=1, help="How many files.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = 1,
    processes: Annotated[int, typer.Option(min=1, help="How many at a time.")] = 2,
    show: Annotated[int | None, typer.Option(help="Print the file with this number, and do nothing else.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a report.")] = False,
) -> None:
    """Break the shipped rules in many ways: whatever is accepted is sound, whatever is refused says why.

    Ends with 1 when it finds a fault. Example: python -m bench.fuzz --files 100000 --seed 7
    """
    if show is not None:
        sys.stdout.buffer.write(mutated(Random(f"{seed}:{show}"), texts())[0])
        return
    started = time.monotonic()
    report, whole = fuzz(seed, files, processes)
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        typer.echo(json.dumps({"seed": seed, "whole": whole, "clock": seconds, **vars(report)}, indent=2))
    else:
        _print(report, seed, seconds)
    raise typer.Exit(1 if report.faults or not whole else 0)


def _print(report: Report, seed: int, seconds: float) -> None:
    typer.echo(f"seed {seed}: {report.files} files in {seconds} s, {report.seconds:.0f} s of it in load_rules")
    typer.echo(f"accepted and sound {report.accepted}, refused {report.refused}, faults {len(report.faults)}")
    typer.echo("slowest: " + "; ".join(f"{spent} s, file {number} ({by})" for spent, number, by in report.slowest))
    for kind, count in report.kinds.most_common():
        typer.echo(f"{count:8} {kind}")
    for fault in report.faults[:50]:
        typer.echo(fault)


if __name__ == "__main__":
    typer.run(main)
