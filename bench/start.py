"""How long a start takes, the first time and every time after."""

import subprocess
import time

from bench.city import City
from bench.figures import Bench, Figure, Goal, NotMeasured, median, spread
from ivr.settings import PROJECT

_RUNS = 5
_LIMIT = 5.0  # seconds


def measure(bench: Bench) -> Figure:
    """New state and no prompts, then the same folder again; between them the server is stopped."""
    times: dict[str, list[float]] = {name: [] for name in ("setup", "first", "second")}
    for run in range(1, _RUNS + 1):
        bench.tell(f"start {run} of {_RUNS}")
        folder = bench.room(f"start-{run}")
        times["setup"].append(_setup())
        for name in ("first", "second"):
            with City(folder) as city:
                times[name].append(city.started_in)
    whole = [setup + up for setup, up in zip(times["setup"], times["second"], strict=True)]
    return Figure(
        "start",
        "Seconds until callers are answered",
        f"{_RUNS} runs each, first and second start in turns. First: Asterisk is downloaded, nothing else is there "
        "(no prompts, no database). Setup is scripts/setup when nothing is missing, the other half of `make run`",
        ("", "median", "p95", "least", "most"),
        (
            ("ivr up, first start", *spread(times["first"], 2)),
            ("ivr up, second start", *spread(times["second"], 2)),
            ("scripts/setup, nothing missing", *spread(times["setup"], 2)),
            ("make run, second start", *spread(whole, 2)),
        ),
        (Goal("median of the second start of make run, s", round(median(whole), 2), _LIMIT),),
        times,
    )


def _setup() -> float:
    """Seconds of a set-up that finds everything there. Raises NotMeasured when it had to install something."""
    began = time.monotonic()
    said = subprocess.run([PROJECT / "scripts/setup", "test"], check=True, capture_output=True, text=True).stdout
    if said:
        raise NotMeasured(f"scripts/setup was not done before: {said.strip()}")
    return time.monotonic() - began
