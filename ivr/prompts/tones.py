"""Sounds without words, made from sines: 8 kHz mono, -1..1."""

from collections.abc import Callable, Mapping

import numpy as np

from ivr.prompts.sound import RATE, Samples, decibel


def ringback() -> Samples:
    """Indonesia's ringing tone (ITU-T E.180 list: 425 Hz, 1 s on, 4 s off), three rings, 15 s, -16 dBFS."""
    ring = np.concatenate([_note(425, 1.0, fade=0.01) * decibel(-16) * np.sqrt(2), _rest(4.0)])
    return np.tile(ring, 3)


def comfort() -> Samples:
    """Two soft notes (C5, G4) that come and go, 12 s; never more than about 1 s without sound."""
    high, low = _note(523.25, 1.4, fade=0.5), _note(392.0, 1.8, fade=0.7)
    return np.tile(np.concatenate([high, low, _rest(0.8)]) * decibel(-21), 3)


TONES: Mapping[str, Callable[[], Samples]] = {"ringback": ringback, "comfort": comfort}


def _rest(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE))


def _note(hertz: float, seconds: float, fade: float) -> Samples:
    """A sine of peak 1 with raised-cosine ends, so that neither end clicks."""
    time = np.arange(round(seconds * RATE)) / RATE
    edge = np.clip(np.minimum(time, seconds - time) / fade, 0, 1)
    envelope = (1 - np.cos(np.pi * edge)) / 2
    return np.asarray(np.sin(2 * np.pi * hertz * time) * envelope, dtype=np.float64)
