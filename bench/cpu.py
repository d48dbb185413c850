"""What a call costs in processor time, beside the same call in pure dialplan."""

import time
from dataclasses import dataclass
from typing import NamedTuple, Self

from bench.city import AGENCY_PORT, CALL, PURE, City, all_went_well, citizen
from bench.figures import Bench, Figure, median
from bench.processes import cpu_seconds
from ivr.phones.scenario import Scenario
from ivr.phones.sipp import Sipp, agency

_IDLE = 15.0  # seconds
_ROUNDS = (CALL, PURE, PURE, CALL, CALL, PURE, PURE, CALL)  # neighbours are compared with each other


@dataclass(frozen=True, slots=True)
class _Spent:
    """Processor time of both processes and time on the clock, all in seconds."""

    controller: float = 0.0
    asterisk: float = 0.0
    clock: float = 0.0

    @classmethod
    def by(cls, city: City) -> Self:
        """So far."""
        return cls(cpu_seconds(city.controller_pid), cpu_seconds(city.asterisk_pid), time.monotonic())

    def __sub__(self, other: "_Spent") -> "_Spent":
        return _Spent(self.controller - other.controller, self.asterisk - other.asterisk, self.clock - other.clock)

    def per_call(self, calls: int, idle: "_Spent") -> "_Cost":
        """For one call, without what would have been spent anyway."""
        share = self.clock / idle.clock
        controller = self.controller - idle.controller * share
        asterisk = self.asterisk - idle.asterisk * share
        return _Cost(1000 * controller / calls, 1000 * asterisk / calls)


class _Cost(NamedTuple):
    """Milliseconds of processor time for one call."""

    controller: float
    asterisk: float

    @property
    def both(self) -> float:
        return self.controller + self.asterisk


def measure(bench: Bench) -> Figure:
    """Rounds of calls, each until all work for its calls is done; what both processes spend idle is taken off."""
    with City(bench.room("cpu")) as city, Sipp(_agency(), port=AGENCY_PORT):
        for dialled in (CALL, PURE):  # whatever is done only once is done now
            _calls(city, dialled, 2)
        bench.tell(f"idle for {_IDLE:.0f} s")
        before = _Spent.by(city)
        time.sleep(_IDLE)
        idle = _Spent.by(city) - before
        calls = max(1, bench.calls // 2)
        costs: dict[str, list[_Cost]] = {CALL: [], PURE: []}
        for number, dialled in enumerate(_ROUNDS, 1):
            bench.tell(f"round {number} of {len(_ROUNDS)}: {calls} calls to {dialled}")
            before = _Spent.by(city)
            _calls(city, dialled, calls)
            costs[dialled].append((_Spent.by(city) - before).per_call(calls, idle))
    return _figure(calls, idle, costs)


def _agency() -> Scenario:
    return agency(rings=0.5).silence(1).press("1").until_hung_up(30)


def _calls(city: City, dialled: str, calls: int) -> None:
    person = citizen(dialled).silence(1.5).press("1").silence(1.5).press("1").silence(4).hang_up()
    with Sipp(person, city.registrar, calls=calls, rate=2) as people:
        all_went_well(people.wait(calls + 30))
    city.until_quiet()


def _figure(calls: int, idle: _Spent, costs: dict[str, list[_Cost]]) -> Figure:
    idle_row = [round(1000 * spent / idle.clock, 1) for spent in (idle.controller, idle.asterisk)]
    alone = [_Cost(0.0, cost.asterisk) for cost in costs[PURE]]
    return Figure(
        "cpu",
        "Processor time per call, ms",
        "A whole call (two keys, the agency rings, listens, presses 1, talk, hang-up, recording checked): 112 "
        f"against the same call with Read() in pure dialplan; {len(alone)} rounds of {calls} calls each, every round "
        "compared with its neighbour. What is spent idle is taken off. A call in pure dialplan costs the controller "
        "the journal and the check of the recording; without a controller it would cost Asterisk's part alone. "
        "Medians of the rounds; least and most are of the ratio",
        ("", "controller", "Asterisk", "both", "ratio to Asterisk alone", "least", "most"),
        (
            ("112", *_row(costs[CALL], alone)),
            ("pure dialplan, with the journal", *_row(costs[PURE], alone)),
            ("pure dialplan alone", *_row(alone, alone)),
            ("idle, per second", *idle_row, round(sum(idle_row), 1), "-", "-", "-"),
        ),
        samples={
            f"{who}, {process}": [getattr(cost, process) for cost in rounds]
            for who, rounds in costs.items()
            for process in ("controller", "asterisk")
        },
    )


def _row(costs: list[_Cost], alone: list[_Cost]) -> tuple[float, ...]:
    spent = [median(values) for values in zip(*((c.controller, c.asterisk, c.both) for c in costs), strict=True)]
    ratios = [cost.both / other.both for cost, other in zip(costs, alone, strict=True)]
    return (*(round(ms, 1) for ms in spent), *(round(r, 2) for r in (median(ratios), min(ratios), max(ratios))))
