"""Many calls in a row: does everything a call took come back?"""

import re
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path

from bench.city import AGENCY_PORT, CALL, City, all_went_well, citizen
from bench.figures import Bench, Figure, Goal, NotMeasured
from bench.processes import memory
from ivr.phones.scenario import Scenario
from ivr.phones.sipp import Sipp, agency
from tests.system.server import until

CALLS = 2000
_PORTION = 500  # calls between two rows
_WARM_UP = 200  # the same mixture, so that what is only made once is there before the first row
_RATE = 6.0  # calls a second
_SETTLED = 60.0  # seconds for what is freed late: threads, recordings' checks, the journal


@dataclass(frozen=True, slots=True)
class _Held:
    """What the two processes hold; memory in kB."""

    controller_pss: int
    controller_threads: int
    controller_files: int
    asterisk_pss: int
    asterisk_threads: int
    asterisk_files: int
    channels: int


def measure(bench: Bench) -> Figure:
    """Every third caller talks to the agency, one hangs up in the first question, one in the second."""
    with City(bench.room("soak")) as city, Sipp(_agency(), port=AGENCY_PORT):
        _calls(city, _WARM_UP)
        rows = [(0, _held(city))]
        for done in range(_PORTION, CALLS + 1, _PORTION):
            bench.tell(f"{done - _PORTION} of {CALLS} calls done")
            _calls(city, _PORTION)
            rows.append((done, _held(city)))
        _all_in_the_log(city, _WARM_UP + CALLS)
    first, last = rows[0][1], rows[-1][1]
    return Figure(
        "soak",
        f"What is held after {CALLS} calls, kB and numbers",
        f"{_RATE:g} calls a second, a third of them to the end; {_WARM_UP} calls before the first row. Each row when "
        "no call is left",
        ("calls", *("PSS", "threads", "files"), *("Asterisk PSS", "threads", "files"), "channels"),
        tuple((calls, *astuple(held)) for calls, held in rows),
        (
            Goal("threads of the controller more than before", last.controller_threads - first.controller_threads, 0),
            Goal("files of the controller more than before", last.controller_files - first.controller_files, 0),
            Goal("threads of Asterisk more than before", last.asterisk_threads - first.asterisk_threads, 0),
            Goal("files of Asterisk more than before", last.asterisk_files - first.asterisk_files, 0),
            Goal("channels left", last.channels, 0),
            Goal("bytes of the controller per call", _per_call(first.controller_pss, last.controller_pss), 1024),
        ),
    )


def _per_call(before: int, after: int) -> float:
    return round((after - before) * 1024 / CALLS, 1)


def _agency() -> Scenario:
    return agency(rings=0.3).silence(0.5).press("1").until_hung_up()


def _calls(city: City, calls: int) -> None:
    kinds = [
        citizen(CALL).silence(0.5).press("1").silence(0.5).press("1").silence(6).hang_up(),
        citizen(CALL).silence(1.5).hang_up(),
        citizen(CALL).silence(0.5).press("2").silence(1).hang_up(),
    ]
    shares = [calls - 2 * (calls // 3), calls // 3, calls // 3]
    with ExitStack() as lines:
        people = [
            lines.enter_context(Sipp(kind, city.registrar, calls=share, rate=_RATE / 3))
            for kind, share in zip(kinds, shares, strict=True)
        ]
        all_went_well(*(each.wait(calls / _RATE + 60) for each in people))
    city.until_quiet()


def _held(city: City) -> _Held:
    """Once no channel is left: those that would tell joint agencies wait 15 s, and their threads end after them."""
    until(lambda: _now(city).channels == 0, "end of all channels", _SETTLED)
    seen: list[_Held] = []

    def settled() -> bool:
        seen.append(_now(city))
        return len(seen) > 9 and len({(h.controller_threads, h.asterisk_threads) for h in seen[-9:]}) == 1

    until(settled, "end of all threads", _SETTLED)
    return seen[-1]


def _now(city: City) -> _Held:
    controller, asterisk = city.controller_pid, city.asterisk_pid
    channels = re.search(r"(\d+) active channel", city.asterisk("core show channels count"))
    if channels is None:
        raise NotMeasured("Asterisk does not say how many channels it has")
    return _Held(*_of(controller), *_of(asterisk), int(channels[1]))


def _of(pid: int) -> tuple[int, int, int]:
    """PSS in kB, threads, open files."""
    process = Path(f"/proc/{pid}")
    return memory(pid).pss, len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))


def _all_in_the_log(city: City, calls: int) -> None:
    known = city.calls(2 * calls)
    open_calls = [call.call_id for call in known if call.ended_at is None]
    if len(known) != calls or open_calls:
        raise NotMeasured(f"{len(known)} of {calls} calls are in the log, open: {open_calls}")
