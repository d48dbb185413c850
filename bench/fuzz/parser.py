"""What a parser is to the fuzzer: it can be given a case, and judge what came of one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a case: `kinds` are counted, so that a report shows which ways out the cases took; `faults` are
    sentences, none when all is well."""

    kinds: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


class Parser(Protocol):
    """`make` gives one case as the bytes that are kept when it shows a fault; `check` needs nothing but these."""

    def make(self, random: Random) -> bytes: ...

    def check(self, content: bytes) -> Verdict: ...

    def close(self) -> None:
        """Most have nothing to close."""
        return


Maker = Callable[[Path], Parser]
"""Makes a parser for one process; the folder is its own and may be written to."""
