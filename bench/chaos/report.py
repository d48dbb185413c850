"""What a run showed: a table for people, the same as JSON."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from bench.chaos.judge import Judgement, Seen, Verdict
from bench.chaos.run import Result

TOLD = 20  # timelines in the text
LONG_SILENCE = 5.5  # seconds: the dead-man timer and the rests of the ringing tone stay below


@dataclass(frozen=True, slots=True)
class Row:
    """Calls of one manner, or in progress during one kind of fault. `median` and `worst`: seconds to a human."""

    name: str
    calls: int
    times: int
    reached: int
    left: int
    lost: int
    median: float | None
    worst: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """`lost` and so on are numbers of calls; `settled`: seconds until the log was complete."""

    seed: int
    planned: int
    seconds: float
    settled: float
    whole: bool
    calls: int
    reached: int
    left: int
    lost: tuple[int, ...]
    unseen: tuple[int, ...]
    missing: tuple[int, ...]
    doubled: tuple[int, ...]
    open: tuple[int, ...]
    disagree: tuple[int, ...]
    silences: tuple[tuple[int, float], ...]
    longest_silence: float
    to_human: tuple[float, float, float] | None
    humans: dict[str, int]
    manners: tuple[Row, ...]
    faults: tuple[Row, ...]
    not_broken: tuple[str, ...]
    timelines: dict[int, list[str]]

    @property
    def good(self) -> bool:
        """Every call reached a human or hung up first, and is in the log once, with its end."""
        return not (self.lost or self.unseen or self.missing or self.doubled or self.open)


def report(result: Result) -> Report:
    """The figures of a run."""
    judged = result.judgements
    to_human = [seconds for one in judged if (seconds := _to_human(one.seen)) is not None]
    silences = sorted(((one.seen.number, round(one.seen.silence, 1)) for one in judged), key=lambda pair: -pair[1])
    strange = sorted((one for one in judged if not one.right or one.disagrees), key=_importance)
    return Report(
        seed=result.plan.seed,
        planned=len(result.plan.callers),
        seconds=round(result.seconds, 1),
        settled=round(result.settled, 1),
        whole=result.whole,
        calls=len(judged),
        reached=sum(one.verdict == Verdict.REACHED for one in judged),
        left=sum(one.verdict == Verdict.LEFT for one in judged),
        lost=_numbers(one for one in judged if one.verdict == Verdict.LOST),
        unseen=_numbers(one for one in judged if one.verdict == Verdict.UNSEEN),
        missing=_numbers(one for one in judged if one.rows == 0 and one.verdict != Verdict.UNSEEN),
        doubled=_numbers(one for one in judged if one.rows > 1),
        open=_numbers(one for one in judged if one.is_open),
        disagree=_numbers(one for one in judged if one.disagrees),
        silences=tuple(pair for pair in silences if pair[1] > LONG_SILENCE),
        longest_silence=silences[0][1] if silences else 0.0,
        to_human=_spread(to_human),
        humans=dict(Counter(one.seen.human for one in judged if one.seen.human).most_common()),
        manners=tuple(_manners(result)),
        faults=tuple(_faults(result)),
        not_broken=tuple(f"{one.fault.cause}: {one.note}" for one in result.broken if one.note),
        timelines={one.seen.number: timeline(one, result) for one in strange},
    )


def timeline(one: Judgement, result: Result) -> list[str]:
    """Everything about a call in the order of time: what the caller saw, what the log says, what was broken."""
    began, ended = one.seen.dialled_at, one.seen.ended_at
    lines = [(at, f"caller  {text}") for at, text in one.seen.story]
    lines += [
        (event.at.timestamp(), f"log     {event.kind} {' '.join(f'{k}={v}' for k, v in event.detail.items())}"[:160])
        for event in result.stories.get(one.seen.number, [])
    ]
    for broken in result.broken:
        if broken.began < ended and broken.ended > began:
            lines += [
                (broken.began, f"fault   {broken.fault.cause}"),
                (broken.ended, f"mended  {broken.fault.cause}"),
            ]
    verdict = f"call {one.seen.number} ({one.call_id or 'not in the log'}): {one.verdict}"
    wrong = [one.disagrees] if one.disagrees else []
    wrong += [f"{one.rows} rows in the log"] if one.rows != 1 else []
    wrong += ["its row has no end"] if one.is_open else []
    clock = f"{datetime.fromtimestamp(began, UTC):%H:%M:%S}"
    return ["; ".join([verdict, *wrong, f"dialled at {clock} UTC"])] + [
        f"{at - began:+8.2f} s  {text}" for at, text in sorted(lines)
    ]


def as_text(report: Report) -> Iterator[str]:
    """For people, line by line."""
    yield (
        f"seed {report.seed}: {report.calls} of {report.planned} calls in {report.seconds:.0f} s"
        + ("" if report.whole else ", interrupted")
    )
    yield f"reached a human {report.reached}, hung up first {report.left}, lost {len(report.lost)}"
    yield (
        f"in the log: missing {len(report.missing)}, twice {len(report.doubled)}, without end {len(report.open)}, "
        f"otherwise than the caller saw {len(report.disagree)}; complete after {report.settled:.1f} s"
    )
    if report.unseen:
        yield f"not seen, the caller's own phone failed: {len(report.unseen)}"
    if report.to_human:
        yield "seconds to a human: median {:.1f}, p95 {:.1f}, worst {:.1f}".format(*report.to_human)
    yield "who was heard: " + ", ".join(f"{name} {count}" for name, count in report.humans.items())
    yield f"longest silence {report.longest_silence:.1f} s; above {LONG_SILENCE} s: {len(report.silences)} calls"
    for pair in report.silences[:20]:
        yield "  call {}: {:.1f} s".format(*pair)
    for title, rows in (("callers", report.manners), ("faults", report.faults)):
        yield ""
        yield f"{title:38} {'times':>5} {'calls':>5} {'human':>5} {'left':>5} {'lost':>5} {'median':>7} {'worst':>7}"
        for row in rows:
            median, worst = (f"{value:.1f}" if value is not None else "-" for value in (row.median, row.worst))
            yield (
                f"{row.name:38} {row.times or '':>5} {row.calls:>5} {row.reached:>5} {row.left:>5} {row.lost:>5} "
                f"{median:>7} {worst:>7}"
            )
    for line in report.not_broken:
        yield f"not as planned: {line}"
    for lines in list(report.timelines.values())[:TOLD]:
        yield ""
        yield from lines
    if len(report.timelines) > TOLD:
        yield f"\n{len(report.timelines) - TOLD} more timelines: --json"


def as_json(report: Report) -> dict[str, object]:
    """The same for programs."""
    return {**dataclasses.asdict(report), "good": report.good}


def _importance(one: Judgement) -> tuple[bool, bool]:
    """The lost first, then those the log has wrong."""
    return one.verdict not in {Verdict.LOST, Verdict.UNSEEN}, one.right


def _numbers(judged: Iterator[Judgement]) -> tuple[int, ...]:
    return tuple(one.seen.number for one in judged)


def _to_human(seen: Seen) -> float | None:
    return None if seen.human_at is None else seen.human_at - seen.dialled_at


def _spread(values: list[float]) -> tuple[float, float, float] | None:
    if not values:
        return None
    median, high = np.percentile(values, [50, 95])
    return round(float(median), 1), round(float(high), 1), round(max(values), 1)


def _manners(result: Result) -> Iterator[Row]:
    manner = {caller.number: caller.manner for caller in result.plan.callers}
    for name in dict.fromkeys(manner.values()):
        if mine := [one for one in result.judgements if manner[one.seen.number] == name]:
            yield _row(name, 0, mine)


def _faults(result: Result) -> Iterator[Row]:
    """Each kind with the calls that were in progress meanwhile; a call may have met several."""
    times = Counter(one.fault.cause for one in result.broken)
    for cause, count in times.items():
        spans = [(one.began, one.ended) for one in result.broken if one.fault.cause == cause]
        met = [one for one in result.judgements if any(_meets(one.seen, span) for span in spans)]
        yield _row(cause, count, met)
    quiet = [one for one in result.judgements if not any(_meets(one.seen, (b.began, b.ended)) for b in result.broken)]
    yield _row("nothing", 0, quiet)


def _meets(seen: Seen, span: tuple[float, float]) -> bool:
    return seen.dialled_at < span[1] and seen.ended_at > span[0]


def _row(name: str, times: int, judged: list[Judgement]) -> Row:
    spread = _spread([seconds for one in judged if (seconds := _to_human(one.seen)) is not None])
    verdicts = Counter(one.verdict for one in judged)
    return Row(
        name,
        len(judged),
        times,
        verdicts[Verdict.REACHED],
        verdicts[Verdict.LEFT],
        verdicts[Verdict.LOST] + verdicts[Verdict.UNSEEN],
        spread[0] if spread else None,
        spread[2] if spread else None,
    )
