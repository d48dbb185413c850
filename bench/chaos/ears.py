"""Who is heard: every human of the city has a tone of their own."""

import re
import time
from pathlib import Path

import numpy as np

from ivr.phones.baresip import Phone
from ivr.phones.sounds import RATE, Samples

TONES = {
    "damkar_1": 1000,
    "damkar_2": 1120,
    "polresta": 1240,
    "bpbd": 1360,
    "dishub": 1480,
    "operator1": 1600,
    "operator2": 1720,
    "operator3": 1840,
    "psc119": 1960,
    "siaga": 2080,
}
"""Line -> hertz. The ringing tone (425) and speech are far away from each."""

WINDOW = RATE // 2
_HEADER = 44  # bytes of a WAV file's header
_SHARE = 0.8


def whose(sound: Samples) -> str | None:
    """The human whose tone these samples hold (half a second of them), None for anything else."""
    if len(sound) < WINDOW or np.abs(sound).max() < 300:
        return None
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    for name, tone in TONES.items():
        if power[np.abs(hertz - tone) <= 10].sum() > _SHARE * power.sum():
            return name
    return None


class Ear:
    """Listens to what a phone hears in the call it dials next."""

    def __init__(self, phone: Phone) -> None:
        self._dumps = phone.folder / "dumps"
        self._older = _newest(self._dumps)
        self._size, self._grew = 0, time.monotonic()
        self._tidy()

    def hears(self) -> str | None:
        """Who talks in this moment. Sound that ended a while ago is not heard any more."""
        number = _newest(self._dumps)
        if number == self._older:
            return None
        file = self._dumps / f"{number}-dec.raw"
        size, now = file.stat().st_size, time.monotonic()
        if size != self._size:
            self._size, self._grew = size, now
        if now - self._grew > 0.4 or size < _HEADER + 2 * WINDOW:
            return None
        with file.open("rb") as sound:
            sound.seek((size - _HEADER) // 2 * 2 + _HEADER - 2 * WINDOW)
            return whose(np.frombuffer(sound.read(2 * WINDOW), "<i2"))

    def _tidy(self) -> None:
        """Files of calls before the last are looked at by nobody; a long run would fill the disk with them."""
        for file in self._dumps.glob("*-*.*"):
            if (number := _number(file)) is not None and number < self._older:
                file.unlink(missing_ok=True)


def _newest(dumps: Path) -> int:
    return max((number for file in dumps.glob("*-dec.raw") if (number := _number(file)) is not None), default=0)


def _number(file: Path) -> int | None:
    found = re.match(r"(\d+)-(?:dec|enc)\.", file.name)
    return int(found[1]) if found else None
