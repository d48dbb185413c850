"""What a fault costs the caller, measured from the sound the caller's own phone received.

`reached` and `stayed` measure, `holds` writes a row of the failure matrix and checks its limits. Rows are appended as
JSON lines to the file named by IVR_MATRIX; `python -m tests.system.matrix FILE` makes the table of them.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from ivr.calls.projection import CallRecord
from ivr.phones.baresip import Kind, Phone
from tests.audio import RATE, Signal, Span, load, silence_spans
from tests.system.conftest import OFFICER_HERTZ
from tests.system.server import until

QUIET = -55.0  # dBFS; what is below is silence
RINGING_HERTZ = 425
RING_REST = 4.1  # seconds; the rest of the ringing tone (4.0) and its faded ends
MACHINE = 0.5  # seconds beyond each limit that a busy machine may need
SOON = 2.0  # seconds to a human where the design names none: the least of its limits
DEAD_AIR = 1.0  # seconds of it that nothing may add
FRAME = RATE // 20  # 50 ms

STEPS = ("new call", "category", "area", "plan", "ringing", "queue", "talking")


@dataclass(frozen=True, slots=True)
class Reached:
    """Seconds. `rang`: from the fault until the human's phone rang; `voice`: until the caller heard the human.

    None: it was so before the fault. `silence` is the longest one the caller heard from the fault until the human's
    voice (or until the end of what was measured), `dead_air` the longest that is not the rest of a ringing tone; both
    are None where nobody listened (see `unheard`).
    """

    rang: float | None
    voice: float | None
    silence: float | None
    dead_air: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One run of one row of the matrix. `limit`: seconds until a human's phone must ring (None: no change).

    `until`: what `rang` is the time of, when it is no human's phone.
    """

    cause: str
    step: str
    rang: float | None
    voice: float | None
    silence: float | None
    dead_air: float | None
    limit: float | None
    outcome: str
    until: str = ""


def reached(citizen: Phone, human: Phone, since: float) -> Reached:
    """Measure once both talk. `since`: when the fault happened or the caller dialled (monotonic).

    The officer's voice must be the tone of the tests. Waits until it is heard; raises AssertionError when it is not.
    """
    heard = until(lambda: _first_voice(citizen, since), "human voice at the caller", 20)
    assert heard is not None
    rang = [event.at - since for event in human.events if event.kind == Kind.INCOMING and event.at >= since]
    sound, start = _since(citizen, since)
    return Reached(rang[0] if rang else None, heard, *_silences(sound[: start + round(heard * RATE)], start))


def stayed(citizen: Phone, since: float, seconds: float) -> Reached:
    """For callers whom the fault must not touch: what they heard in the `seconds` after it. Waits for them."""
    enough = round(seconds * RATE)

    def look() -> bool:
        sound, start = _since(citizen, since)
        return len(sound) - start >= enough

    until(look, f"{seconds} s of sound after the fault", seconds + 5)
    sound, start = _since(citizen, since)
    return Reached(None, None, *_silences(sound[: start + enough], start))


def unheard(rang: float) -> Reached:
    """For callers without ears (SIPp), and for what comes after the call: `rang` seconds, and no sound."""
    return Reached(rang, None, None, None)


def holds(
    cause: str,
    step: str,
    measured: Reached,
    outcome: str,
    *,
    limit: float | None = None,
    silence: float | None = None,
    dead_air: float | None = None,
    until: str = "",
) -> None:
    """Write the row, then check it.

    `limit`: seconds until a human's phone rings, or until what `until` names; `silence`, `dead_air`: the longest
    allowed. Each plus MACHINE.
    """
    assert step in STEPS, step
    write(Row(cause, step, **asdict(measured), limit=limit, outcome=outcome, until=until))
    limits = ((measured.rang, limit), (measured.silence, silence), (measured.dead_air, dead_air))
    assert all(most is None or (found is not None and found <= most + MACHINE) for found, most in limits), measured


def outcome(record: CallRecord) -> str:
    """For the matrix: who was reached, and by which way."""
    return f"{record.answered_by or 'nobody'}, {'lifeline' if record.lifeline else 'plan'}"


def write(row: Row) -> None:
    """Append to the file of IVR_MATRIX, if there is one; several workers may write."""
    if path := os.environ.get("IVR_MATRIX"):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, json.dumps(asdict(row)).encode() + b"\n")
        finally:
            os.close(file)


# from sound to seconds


def _since(phone: Phone, since: float) -> tuple[Signal, int]:
    """All that was heard, and the sample at which `since` was. From dialling to the answer there is silence."""
    start = round((since - phone.heard_since) * RATE)
    return np.concatenate([np.zeros(max(0, -start)), load(phone.heard())]), max(0, start)


def _first_voice(citizen: Phone, since: float) -> float | None:
    """Seconds from `since` until the officers' tone was heard for 150 ms."""
    sound, start = _since(citizen, since)
    is_voice = _tone_frames(sound[start:], OFFICER_HERTZ)
    steady = is_voice[:-2] & is_voice[1:-1] & is_voice[2:]
    return float(np.flatnonzero(steady)[0] * FRAME / RATE) + 1e-6 if steady.any() else None


def _tone_frames(sound: Signal, hertz: float) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which frames of 50 ms hold this tone and hardly anything else."""
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    turning = np.exp(-2j * np.pi * hertz * np.arange(FRAME) / RATE)
    of_tone = 2 * np.abs(frames @ turning / FRAME) ** 2
    whole = np.mean(frames**2, axis=1)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = (whole > 1e-5) & (of_tone > 0.85 * whole)
    return found


def _silences(sound: Signal, start: int) -> tuple[float, float]:
    """The longest silence after sample `start`, and the longest that is not the rest of a ringing tone."""
    spans = silence_spans(sound[start:], QUIET, minimum=0.02)
    return _longest(spans), _longest(_beyond_rest(sound, start, span) for span in spans)


def _beyond_rest(sound: Signal, start: int, span: Span) -> Span:
    """What remains of a silence if the ringing tone's rest may be part of it."""
    began = start + round(span.start * RATE)
    silent = silence_spans(sound[:began][::-1][: RATE * 6], QUIET, minimum=0.02)
    before = silent[0].seconds if silent and silent[0].start == 0 else 0.0  # silence that began before the fault
    began -= round(before * RATE)
    last_sound = _tone_frames(sound[max(0, began - 6 * FRAME) : max(0, began - FRAME)], RINGING_HERTZ)
    if last_sound.size and last_sound.mean() > 0.5:
        return Span(min(span.end, span.start + max(0.0, RING_REST - before)), span.end)
    return span


def _longest(spans: Iterable[Span]) -> float:
    return max((span.seconds for span in spans), default=0.0)
