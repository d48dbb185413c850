"""What a big rules file costs: to load, to keep, and to ask who is rung."""

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeAlias

import numpy as np
import yaml

from bench.figures import Bench, Cell, Figure, Goal, NotMeasured, median
from ivr.rules import Rules, load_rules, route
from ivr.settings import PROJECT

SIZES = (10, 1_000, 10_000)
QUESTIONS = 20_000
LOADS = 5
Question: TypeAlias = tuple[str | None, str | None, datetime]
_LINES = ("damkar", "dishub", "dlh", "bpbd", "pln", "polresta", "psc119")
_DAYS = ("senin-jumat", "sabtu", "libur", "minggu", "setiap hari kecuali libur")


def city(count: int) -> str:
    """The shipped city with this many rules: first random ones for some place, days and hours, then its own."""
    shipped = (PROJECT / "routing_rules.yaml").read_text(encoding="utf-8")
    rules, random = load_rules(shipped), Random(112)
    before, after = shipped.split("aturan:\n")
    more = "".join(_rule(rules, random) for _ in range(count - len(rules.rules)))
    return f"{before}aturan:\n{more}{after}"


def _rule(rules: Rules, random: Random) -> str:
    start, end = random.sample(range(0, 1440, 5), 2)
    return (
        f"  - {{kategori: {random.choice(rules.categories).id}, wilayah: {random.choice(_places(rules))}, "
        f"hari: {random.choice(_DAYS)}, jam: {_clock(start)}-{_clock(end)}, langkah: {random.choice(_LINES)}}}\n"
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _places(rules: Rules) -> list[str]:
    return [code for area in rules.areas for code in (area.code, *(ward.code for ward in area.kelurahan))]


def questions(rules: Rules, seed: int) -> list[Question]:
    """Categories, areas and instants of four years at random, unknown ones among them."""
    random, start = Random(seed), datetime(2026, 1, 1, tzinfo=UTC)
    categories = [*(category.id for category in rules.categories), None, "lain"]
    areas = [*_places(rules), None, "12.34.56.7890"]
    return [
        (random.choice(categories), random.choice(areas), start + timedelta(minutes=random.randrange(4 * 525_600)))
        for _ in range(QUESTIONS)
    ]


def asked(rules: Rules) -> tuple[list[float], list[float]]:
    """Microseconds of one route() each: after as many other questions, and when these are asked again."""
    for question in questions(rules, 1):
        route(rules, *question)
    now = questions(rules, 2)
    first = list(_timed(rules, now))
    Random(3).shuffle(now)
    return first, list(_timed(rules, now))


def _timed(rules: Rules, questions: list[Question]) -> Iterator[float]:
    gc.collect()
    gc.disable()
    try:
        for category, area, at in questions:
            before = time.perf_counter_ns()
            route(rules, category, area, at)
            yield (time.perf_counter_ns() - before) / 1000
    finally:
        gc.enable()


def measure(bench: Bench) -> Figure:
    """Every size beside what PyYAML needs for the same text, in turns."""
    columns = [_column(bench, size) for size in SIZES]
    rows = tuple((name, *(column[name] for column in columns)) for name in columns[0])
    slowest = float(columns[-1]["route(), p99, us"])
    return Figure(
        "rules",
        "Rules of a big city",
        "load_rules is everything: reading, checking every name, warnings. yaml.safe_load reads the same text in the "
        f"same run and checks nothing; medians of {LOADS}. route() {QUESTIONS} times with random categories, areas "
        "and instants of four years, each the second time; the first time it comes after as many others, and what is "
        "remembered of a kind of day may be missing. Memory is what Python holds for the rules after 20000 questions",
        ("", *(f"{size} rules" for size in SIZES)),
        rows,
        (Goal("route() among 10000 rules, p99, us", slowest, 20),),
    )


def _column(bench: Bench, size: int) -> dict[str, Cell]:
    text = city(size)
    bench.tell(f"{size} rules: loading")
    ours, theirs = zip(
        *((_seconds(lambda: load_rules(text)), _seconds(lambda: yaml.safe_load(text))) for _ in range(LOADS)),
        strict=True,
    )
    rules = load_rules(text)
    if len(rules.rules) != size:
        raise NotMeasured(f"{len(rules.rules)} rules instead of {size}")
    bench.tell(f"{size} rules: asking")
    first, again = asked(rules)
    return {
        "file, kB": round(len(text) / 1024),
        "load_rules, ms": round(1000 * median(ours), 1),
        "yaml.safe_load, ms": round(1000 * median(theirs), 1),
        "ratio": round(median(ours) / median(theirs), 2),
        "route(), median, us": round(median(again), 1),
        "route(), p99, us": round(float(np.percentile(again, 99)), 1),
        "first time, p99, us": round(float(np.percentile(first, 99)), 1),
        "memory, MB": round(_kept(text) / 2**20, 1),
    }


def _seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def _kept(text: str) -> int:
    """Bytes that the rules keep, with what they remember of the questions."""
    gc.collect()
    tracemalloc.start()
    rules = load_rules(text)
    for question in questions(rules, 1):
        route(rules, *question)
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept
