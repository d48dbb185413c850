"""Runs the cases of a parser on several processes; keeps each case that shows a fault as a file."""

import logging
import multiprocessing
import resource
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NoReturn

from bench.fuzz.parser import Parser, Verdict
from bench.fuzz.parsers import PARSERS

CHUNK = 200  # cases a process takes at a time
LIMIT = 2.0  # seconds of processor time for one case
HUNG = 20.0  # seconds of the clock for one case
SLOWEST = 5
MOST_FAULTS = 50  # kept as files; thousands of the same would only fill the disk
MEMORY = 1 << 31  # bytes of address space; what wants more gets MemoryError, which is a fault

Tell = Callable[["Report", int, float], None]


class HangsError(BaseException):
    """A case that does not end. No `except Exception` of a parser may take it for something else."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`number` of the case (with the seed it makes the same case again), what was wrong, where the case was kept."""

    number: int
    text: str
    file: str = ""


@dataclass
class Report:
    """What came of the cases. `seconds` is processor time, `memory` the most resident MiB of any process."""

    parser: str
    cases: int = 0
    seconds: float = 0.0
    memory: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    slowest: list[tuple[float, int]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Take another part of the cases in."""
        self.cases += other.cases
        self.seconds += other.seconds
        self.memory = max(self.memory, other.memory)
        self.kinds.update(other.kinds)
        self.slowest = sorted([*self.slowest, *other.slowest], reverse=True)[:SLOWEST]
        self.faults = sorted([*self.faults, *other.faults], key=lambda fault: fault.number)


def case(parser: Parser, seed: int, number: int) -> bytes:
    """The case of this number; it depends on the seed and the number alone."""
    return parser.make(Random(f"{seed}:{number}"))


def judged(parser: Parser, content: bytes) -> Verdict:
    """What comes of one case. Whatever the parser lets out is a fault, and so is not ending."""
    with _alarm():
        try:
            return parser.check(content)
        except (Exception, HangsError) as error:  # noqa: BLE001 whatever it is, it is what we look for
            return Verdict(("let out",), (f"{type(error).__name__}: {error}"[:1000],))


def part(name: str, seed: int, numbers: range, kept: Path | None) -> Report:
    """What comes of the cases with these numbers."""
    report = Report(name)
    with tempfile.TemporaryDirectory(prefix="ivr-fuzz-") as folder, closing(PARSERS[name](Path(folder))) as parser:
        for number in numbers:
            content = case(parser, seed, number)
            before = time.process_time()
            verdict = judged(parser, content)
            spent = time.process_time() - before
            found = [*verdict.faults, *([f"took {spent:.1f} s"] if spent > LIMIT else [])]
            file = _keep(kept, name, seed, number, content) if found and len(report.faults) < MOST_FAULTS else ""
            faults = [Fault(number, text, file) for text in found]
            slowest = [(round(spent, 4), number)]
            report.add(Report(name, 1, spent, 0, Counter(verdict.kinds), slowest, faults))
    report.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return report


def run(name: str, seed: int, cases: int, processes: int, kept: Path | None, tell: Tell) -> tuple[Report, bool]:
    """All cases of one parser on several processes, and whether it came to the end; Ctrl-C ends it early."""
    report, started = Report(name), time.monotonic()
    jobs = [(name, seed, range(n, min(n + CHUNK, cases)), kept) for n in range(0, cases, CHUNK)]
    with multiprocessing.Pool(processes, _worker) as pool:
        try:
            for done, found in enumerate(pool.imap_unordered(_part, jobs), start=1):
                report.add(found)
                if done % 50 == 0:
                    tell(report, cases, time.monotonic() - started)
        except KeyboardInterrupt:
            return report, False
    return report, True


def _part(job: tuple[str, int, range, Path | None]) -> Report:
    return part(*job)


def _worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends us
    logging.disable()  # thousands of warnings about hostile answers
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _keep(folder: Path | None, name: str, seed: int, number: int, content: bytes) -> str:
    if folder is None:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{seed}-{number}"
    file.write_bytes(content)
    return str(file)


@contextmanager
def _alarm() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, _hangs)
    signal.setitimer(signal.ITIMER_REAL, HUNG)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _hangs(_signal: int, _frame: object) -> NoReturn:
    raise HangsError(f"no end after {HUNG:g} s")
