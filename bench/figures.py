"""A figure: what was measured, what it was compared with, and the samples behind it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Cell = str | int | float
Progress = Callable[[str], None]


class NotMeasured(Exception):
    """Too few calls went as planned; the text says what went wrong instead."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What we aim at: `value` at most `limit`."""

    text: str
    value: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether this run reached it."""
        return self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One table. `samples` are the single values behind it, by row, in the table's unit."""

    name: str
    title: str
    compared: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    goals: tuple[Goal, ...] = ()
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """How to measure: a folder of our own, how many calls, whom to tell how far we are."""

    folder: Path
    calls: int
    tell: Progress

    def room(self, name: str) -> Path:
        """A new folder for one server."""
        room = self.folder / name
        room.mkdir()
        return room


def spread(values: Sequence[float], digits: int = 0) -> tuple[float, float, float, float]:
    """Median, 95th percentile, least and most."""
    middle, high = np.percentile(values, [50, 95])
    return tuple(round(float(value), digits) for value in (middle, high, min(values), max(values)))  # type: ignore[return-value]


def median(values: Sequence[float]) -> float:
    """The 50th percentile."""
    return float(np.median(values))
