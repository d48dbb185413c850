"""How long after the caller's last key the agency's phone is called."""

from dataclasses import dataclass

from bench.capture import Capture
from bench.city import AGENCY_PORT, CALL, PURE, City, citizen
from bench.figures import Bench, Figure, Goal, NotMeasured, median, spread
from bench.wire import Trace
from ivr.phones.scenario import Scenario
from ivr.phones.sipp import Sipp, silent_agency

_HELD = 0.1  # seconds
_LIMIT = 150.0  # ms


@dataclass(frozen=True, slots=True)
class _Times:
    pressed: list[float]
    released: list[float]


def measure(bench: Bench) -> Figure:
    """Two keys during the two questions; the agency's INVITE is known by the caller's number."""
    with City(bench.room("key")) as city:
        bench.tell(f"{bench.calls} calls with two keys to the controller and {bench.calls} to Read()")
        with Capture() as capture, Sipp(silent_agency(), port=AGENCY_PORT):
            city.side_by_side(_presses(CALL), _presses(PURE), bench.calls)
            city.until_quiet()
    trace = Trace(capture.packets)
    ours, pure = (_times(trace, dialled, bench.calls) for dialled in (CALL, PURE))
    return Figure(
        "key",
        "Last key to the agency's INVITE, ms",
        f"112 against the same call with Read() in pure dialplan, in the same Asterisk; {bench.calls} calls each, "
        f"in turns, one every half second. Keys are held {_HELD * 1000:.0f} ms; Asterisk has a key at its release",
        ("from", "median", "p95", "least", "most"),
        (
            ("key released, 112", *spread(ours.released, 1)),
            ("key released, pure dialplan", *spread(pure.released, 1)),
            ("key pressed, 112", *spread(ours.pressed, 1)),
            ("key pressed, pure dialplan", *spread(pure.pressed, 1)),
        ),
        (Goal("median from the key's release, ms", round(median(ours.released), 1), _LIMIT),),
        {"112": ours.released, "pure dialplan": pure.released},
    )


def _presses(dials: str) -> Scenario:
    first = citizen(dials).silence(1.5).press("1", held=_HELD)
    return first.silence(1.5).press("1", held=_HELD).silence(2).hang_up()


def _times(trace: Trace, dialled: str, calls: int) -> _Times:
    rung: dict[str, float] = {}
    for invite in trace.invites:
        if invite.target == AGENCY_PORT:
            rung.setdefault(invite.number, invite.at)
    times = _Times([], [])
    for call in trace.invites:
        if call.dials == dialled and call.number in rung:
            keys = trace.keys(call, until=rung[call.number])
            if len(keys) == 2:
                times.pressed.append(1000 * (rung[call.number] - keys[-1].pressed))
                times.released.append(1000 * (rung[call.number] - keys[-1].released))
    if len(times.released) < calls:
        raise NotMeasured(f"of {calls} calls to {dialled}, {len(times.released)} rang the agency after two keys")
    return times
