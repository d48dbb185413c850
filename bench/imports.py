"""What it saves that a process imports its own rooms only."""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.city import City
from bench.figures import Bench, Figure, median
from bench.processes import memory
from ivr.settings import PROJECT

_EVERY_ROOM = (
    "alembic.command",
    "ivr.backup.cli",
    "ivr.backup.restore_cli",
    "ivr.calls.cli",
    "ivr.doctor.cli",
    "ivr.heartbeat.cli",
    "ivr.prompts.cli",
    "ivr.rulebook.decided",
    "ivr.rules.files_cli",
)
_COMMANDS = ("version", "status --json", "watch --help")
_RUNS = 7
_SETTLES = 0.5  # seconds in which nothing changes any more


def measure(bench: Bench) -> Figure:
    """Two servers one after the other, and the small commands in turns: as they are, and with everything imported."""
    pss = [_running(bench, rooms) for rooms in ("own", "every")]
    with City(bench.room("imports")) as city:
        own = city.environment
        every = own | _preloading(bench.folder)
        bench.tell(f"{_RUNS} runs of each command, in turns")
        times = {command: _in_turns(command, own, every) for command in _COMMANDS}
    rows: list[tuple[str, float, float, float]] = [
        (f"ivr {name}, PSS, kB", pss[0][name], pss[1][name], round(pss[0][name] / pss[1][name], 2)) for name in pss[0]
    ]
    for command, (few, many) in times.items():
        rows.append((f"ivr {command}, processor, ms", few, many, round(few / many, 2)))
    return Figure(
        "imports",
        "Processes that import their own rooms only",
        "The same programs; beside it every room and Alembic are imported at the start. PSS a moment after the start",
        ("", "own rooms", "every room", "ratio"),
        tuple(rows),
    )


def _preloading(folder: Path) -> dict[str, str]:
    """The environment in which Python imports every room before anything else."""
    place = folder / "preloading"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(f"import {', '.join(_EVERY_ROOM)}\n")
    return {"PYTHONPATH": str(place)}


def _running(bench: Bench, rooms: str) -> dict[str, int]:
    """PSS of every process of ours, in kB. The second start: prompts and database are there."""
    bench.tell(f"a server that imports {rooms} room{'s' if rooms == 'own' else ''}")
    folder = bench.room(f"imports-{rooms}")
    with City(folder):
        pass
    city = City(folder)
    if rooms == "every":
        city.environment |= _preloading(bench.folder)
    with city, _watch(city) as watch:
        pids = {"controller": city.controller_pid, "up": _parent(city.controller_pid), "watch": watch}
        return {name: _settled(pid) for name, pid in pids.items()}


@contextmanager
def _watch(city: City) -> Iterator[int]:
    words = [sys.executable, "-m", "ivr", "watch"]
    with subprocess.Popen(words, env=city.environment, cwd=PROJECT) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _settled(pid: int) -> int:
    """PSS once it stays as it is."""
    before, now = 0, memory(pid).pss
    while abs(now - before) > now // 100:
        time.sleep(_SETTLES)
        before, now = now, memory(pid).pss
    return now


def _in_turns(command: str, *environments: dict[str, str]) -> list[float]:
    """The median of the processor time in milliseconds, for each environment."""
    spent: list[list[float]] = [[] for _ in environments]
    for _ in range(_RUNS):
        for environment, times in zip(environments, spent, strict=True):
            times.append(_spent(command, environment))
    return [round(median(times)) for times in spent]


def _spent(command: str, environment: dict[str, str]) -> float:
    words = [sys.executable, "-m", "ivr", *command.split()]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        words, env=environment, cwd=PROJECT, capture_output=True, check=False
    )  # status may have its alarms
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
