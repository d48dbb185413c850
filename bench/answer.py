"""How long a caller waits for the first sound, beside what Asterisk alone needs for the same greeting."""

from bench.capture import Capture
from bench.city import BARE, CALL, City, citizen
from bench.figures import Bench, Figure, Goal, NotMeasured, median, spread
from bench.wire import Invite, Trace
from ivr.phones.scenario import Scenario

_LISTENS = 2.5  # seconds
_LIMIT = 700.0  # ms


def measure(bench: Bench) -> Figure:
    """Calls to 112 and to the bare extension, in turns, every one from INVITE to the first loud RTP packet."""
    with City(bench.room("answer")) as city:
        bench.tell(f"{bench.calls} calls to 112 and {bench.calls} to a bare extension")
        with Capture() as capture:
            city.side_by_side(_listens(CALL), _listens(BARE), bench.calls)
    trace = Trace(capture.packets)
    ours, bare = (_times(trace, dialled, bench.calls) for dialled in (CALL, BARE))
    added = median(ours["sound"]) - median(bare["sound"])
    steps = (("answered", "200 OK"), ("sound", "first sound"))
    return Figure(
        "answer",
        "INVITE to first sound at the caller, ms",
        "112 (recorded, journalled, greeted by the controller) against Answer()+Playback() of the same greeting "
        f"in the same Asterisk; {bench.calls} calls each, in turns, one every half second",
        ("INVITE to", "median", "p95", "least", "most"),
        tuple(
            (f"{label}, {who}", *spread(times[step], 1))
            for step, label in steps
            for who, times in (("112", ours), ("Asterisk alone", bare))
        ),
        (Goal("median over Asterisk's own, ms", round(added, 1), _LIMIT),),
        {"112": ours["sound"], "Asterisk alone": bare["sound"]},
    )


def _listens(dials: str) -> Scenario:
    return citizen(dials).silence(_LISTENS).hang_up()


def _times(trace: Trace, dialled: str, calls: int) -> dict[str, list[float]]:
    """Milliseconds from INVITE, of the calls that were answered and heard something."""
    answered: list[float] = []
    sound: list[float] = []
    for call in trace.invites:
        if call.dials == dialled and (at := _both(trace, call)):
            answered.append(1000 * (at[0] - call.at))
            sound.append(1000 * (at[1] - call.at))
    if len(sound) < calls:
        raise NotMeasured(f"{len(sound)} of {calls} calls to {dialled} were answered and heard something")
    return {"answered": answered, "sound": sound}


def _both(trace: Trace, call: Invite) -> tuple[float, float] | None:
    answered, sound = trace.answered(call), trace.sound(call)
    return None if answered is None or sound is None else (answered, sound)
