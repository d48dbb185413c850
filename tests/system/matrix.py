"""The failure matrix as a table: `python -m tests.system.matrix FILE` prints the rows that `measured` wrote.

IVR_MATRIX=/tmp/rows scripts/isolated pytest tests/system && python -m tests.system.matrix /tmp/rows
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from statistics import median

from tests.system.measured import STEPS, Row

HEAD = (  # seconds, and of several runs median / worst
    "| Cause | Step | Runs | To a human | Limit | Silence | Dead air | Outcome |\n|---|---|---|---|---|---|---|---|"
)


def table(rows: Iterable[Row]) -> str:
    """Markdown, one line for each cause and step."""
    ordered = sorted(rows, key=_place)
    return "\n".join([HEAD, *(_line(list(runs)) for _, runs in groupby(ordered, key=_place))]) + "\n"


def read(path: Path) -> Iterator[Row]:
    """The rows of a file. Raises OSError, and ValueError or TypeError for what is no row."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield Row(**json.loads(line))


def _place(row: Row) -> tuple[str, int]:
    return row.cause, STEPS.index(row.step)


def _line(runs: Sequence[Row]) -> str:
    first = runs[0]
    outcomes = ", ".join(outcome for outcome, _ in Counter(row.outcome for row in runs).most_common())
    limit = max((row.limit for row in runs if row.limit is not None), default=None)
    cells = (
        first.cause,
        first.step,
        str(len(runs)),
        _spread([row.rang for row in runs], "had one") + (f" ({first.until})" if first.until else ""),
        "no change" if limit is None else f"{limit:g}",
        _spread([row.silence for row in runs], "-"),
        _spread([row.dead_air for row in runs], "-"),
        outcomes,
    )
    return f"| {' | '.join(cells)} |"


def _spread(given: Iterable[float | None], otherwise: str) -> str:
    seconds = [one for one in given if one is not None]
    return f"{median(seconds):.2f} / {max(seconds):.2f}" if seconds else otherwise


if __name__ == "__main__":
    sys.stdout.write(table(read(Path(sys.argv[1]))))
