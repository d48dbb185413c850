"""What became of each call, from what the callers saw and heard themselves and from what the log says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from ivr.calls.projection import CallRecord

SLACK = 2.0  # seconds between pressing 1 and being heard, or between two clocks
_NEVER: tuple[CallRecord, ...] = ()


class Verdict(StrEnum):
    """What became of a caller."""

    REACHED = "reached a human"
    LEFT = "hung up first"
    LOST = "lost"
    UNSEEN = "not seen: the caller's own phone failed"


@dataclass(frozen=True, slots=True)
class Seen:
    """One call as the caller saw it. Times are seconds since 1970; `silence` is the longest before a human (s).

    `human` was heard at `human_at` and was not gone at once. `ended`: the caller hung up, waited in vain and gave
    up, was cut off by the server, or has a phone that failed. `hears`: this caller can tell whom it heard.
    """

    number: int
    dialled: str
    dialled_at: float
    ended_at: float
    ended: Literal["hung up", "gave up", "cut off", "phone failed"]
    answered_at: float | None = None
    human: str | None = None
    human_at: float | None = None
    silence: float = 0.0
    hears: bool = True
    story: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """Somebody took a call and was gone at once: the log has an answer, the caller had none."""

    line: str
    at: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """One call. `rows` in the log (one is right), `is_open`: one without end, `disagrees`: how log and caller do."""

    seen: Seen
    verdict: Verdict
    rows: int
    is_open: bool
    disagrees: str
    call_id: str | None

    @property
    def right(self) -> bool:
        """Nothing to complain of."""
        return self.verdict in {Verdict.REACHED, Verdict.LEFT} and self.rows == 1 and not self.is_open


def judge(
    seen: Iterable[Seen], records: Mapping[str, Sequence[CallRecord]], dropped: Sequence[Dropped] = ()
) -> list[Judgement]:
    """Each call with its verdict; `records` by the number dialled."""
    return [_judged(one, records.get(one.dialled, _NEVER), dropped) for one in seen]


def _judged(seen: Seen, rows: Sequence[CallRecord], dropped: Sequence[Dropped]) -> Judgement:
    verdict = _verdict(seen, rows)
    disagrees = _disagreement(seen, verdict, rows[0], dropped) if len(rows) == 1 else ""
    is_open = any(row.ended_at is None for row in rows)
    return Judgement(seen, verdict, len(rows), is_open, disagrees, rows[0].call_id if rows else None)


def _verdict(seen: Seen, rows: Sequence[CallRecord]) -> Verdict:
    if seen.human is not None or (not seen.hears and any(row.answered_at for row in rows)):
        return Verdict.REACHED
    ends = {"hung up": Verdict.LEFT, "phone failed": Verdict.UNSEEN}
    return ends.get(seen.ended, Verdict.LOST)


def _disagreement(seen: Seen, verdict: Verdict, row: CallRecord, dropped: Sequence[Dropped]) -> str:
    if not seen.hears:
        return ""
    if verdict == Verdict.REACHED:
        took = {attempt.line for attempt in row.attempts if attempt.accepted_at} | {row.answered_by}
        if row.answered_at is None:
            return f"talked to {seen.human}, the log knows of nobody"
        return "" if seen.human in took else f"talked to {seen.human}, the log says {row.answered_by}"
    if row.answered_at is None:
        return ""
    before = seen.ended_at - row.answered_at.timestamp()
    gone = any(
        one.line == row.answered_by and abs(one.at - row.answered_at.timestamp()) < 2 * SLACK for one in dropped
    )
    if before < SLACK or gone:
        return ""
    return f"heard nobody, the log says {row.answered_by} took the call {before:.1f} s before its end"
