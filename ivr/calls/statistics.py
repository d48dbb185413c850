"""How many calls there were, how they ended and how long callers waited: counted, never listed.

Calls older than a day do not change: they are counted once, and later looks read the last day only. The sums never
fall while this process lives, also when old calls are deleted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from ivr.calls.database import Database
from ivr.calls.model import CallRow
from ivr.calls.projection import Outcome

WAITS = (2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300)  # seconds; upper bounds, the last span has none
SETTLED = timedelta(hours=24)
LONGEST_WAIT = 3 * 3600  # seconds; a longer one is of a clock that was set in the middle of a call
# A server's calls to itself are no calls. Written so that SQLite takes the indexes of the other conditions.
COUNTED = CallRow.test.is_not(True)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over calls. `waits[n]`: callers for whom a human came within WAITS[n] s, but not within WAITS[n-1]."""

    ended: Mapping[str, int] = field(default_factory=Counter)  # by outcome, open ones are not in it
    abandoned: Mapping[str, int] = field(default_factory=Counter)  # by the stage they were abandoned in
    lifeline: int = 0
    waits: tuple[int, ...] = (0,) * (len(WAITS) + 1)
    waited_seconds: float = 0.0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            Counter(self.ended) + Counter(other.ended),
            Counter(self.abandoned) + Counter(other.abandoned),
            self.lifeline + other.lifeline,
            tuple(one + two for one, two in zip(self.waits, other.waits, strict=True)),
            self.waited_seconds + other.waited_seconds,
        )


@dataclass(frozen=True, slots=True)
class Statistics:
    """The sums, the calls in progress, and when a call that had no controller last came (UTC)."""

    totals: Totals = field(default_factory=Totals)
    open_calls: int = 0
    last_lifeline: datetime | None = None


class CallStatistics:
    """Asks a database again and again, with one query each time. Raises LogUnavailable, Unstorable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settled = Totals()
        self._since = datetime.min.replace(tzinfo=UTC)  # calls that arrived before are in `_settled`

    async def look(self, now: datetime) -> Statistics:
        """The numbers at this moment."""
        until = now - SETTLED
        async with self._database.reading() as connection:
            rows = await connection.run_sync(_groups, self._since, until)
        settled = [row for row in rows if row.settled and not row.counted and row.outcome != Outcome.OPEN]
        self._settled += _totals(settled)
        self._since = max(self._since, until)
        lifelines = [row.last for row in rows if row.lifeline and row.last]
        return Statistics(
            self._settled + _totals([row for row in rows if not row.settled and not row.counted]),
            sum(row.calls for row in rows if row.outcome == Outcome.OPEN),
            max(lifelines, default=None),
        )


def _groups(connection: Connection, since: datetime, until: datetime) -> list[Row[Any]]:
    recent = or_(CallRow.arrived_at >= min(since, until), CallRow.outcome == Outcome.OPEN.value)
    waited = func.round(_seconds(CallRow.answered_at) - _seconds(CallRow.arrived_at), 3)
    # of a call that is open, an answer may still be taken back
    known = and_(CallRow.outcome != Outcome.OPEN.value, waited.between(0, LONGEST_WAIT))
    wait = case((known, waited)).label("wait")
    columns = CallRow.outcome, CallRow.stage, CallRow.lifeline, CallRow.arrived_at, wait
    call = select(*columns).where(COUNTED, recent).subquery().c
    spans = ((call.wait <= most, literal(n)) for n, most in enumerate(WAITS))
    span = case((call.wait.is_(None), None), *spans, else_=literal(len(WAITS))).label("span")
    settled = (call.arrived_at < until).label("settled")
    counted = (call.arrived_at < since).label("counted")  # before a clock was set back
    keys = [call.outcome, call.stage, call.lifeline, settled, counted, span]
    past = func.max(case((call.arrived_at <= until + SETTLED, call.arrived_at)))  # a clock may have been wrong
    sums = [func.count().label("calls"), func.sum(call.wait).label("waited"), past.label("last")]
    return list(connection.execute(select(*keys, *sums).group_by(*keys)).all())


def _seconds(column: InstrumentedAttribute[Any]) -> ColumnElement[float]:
    """A time as seconds; julianday knows milliseconds, and its days are floats."""
    return func.julianday(column) * 86400.0


def _totals(rows: list[Row[Any]]) -> Totals:
    ended, abandoned, lifeline = Counter[str](), Counter[str](), 0
    waits, waited = [0] * (len(WAITS) + 1), 0.0
    for row in rows:
        if row.outcome != Outcome.OPEN:
            ended[row.outcome] += row.calls
        if row.outcome == Outcome.ABANDONED:
            abandoned[row.stage] += row.calls
        if row.span is not None:
            waits[row.span] += row.calls
            waited += row.waited
        lifeline += row.calls * row.lifeline
    return Totals(ended, abandoned, lifeline, tuple(waits), waited)
