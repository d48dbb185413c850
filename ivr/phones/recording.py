"""What a phone heard, on the clock.

baresip writes each RTP packet it receives to a file and nothing while none comes, so an Asterisk that sends nothing
leaves no trace in it. Watching the file grow gives the missing time back: it becomes digital silence.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ivr.phones.sounds import RATE, write

_HEADER = 44  # bytes of a canonical WAV header; libsndfile fills it in only when the call ends
_SMALLEST_GAP = 0.06  # seconds; less is the jitter of a busy machine


class Growth(NamedTuple):
    """A recording held `frames` samples at `at` (seconds, monotonic)."""

    at: float
    frames: int


class Gap(NamedTuple):
    """`frames` samples are missing before sample `before`."""

    before: int
    frames: int


def gaps(began: float, growth: Sequence[Growth]) -> list[Gap]:
    """Where a recording that began at `began` lags behind the clock and never catches up.

    A late burst of packets does catch up and is no gap: hence the smallest lag of all later moments counts.
    """
    lag = np.array([seen.at - began - seen.frames / RATE for seen in growth])
    lasting = np.minimum.accumulate(lag[::-1])[::-1] if growth else lag
    found: list[Gap] = []
    filled, before = 0.0, 0
    for seen, missing in zip(growth, lasting, strict=True):
        if missing - filled >= _SMALLEST_GAP:
            found.append(Gap(before, round((missing - filled) * RATE)))
            filled = missing
        before = seen.frames
    return found


class Recording:
    """One file that baresip is writing. Call `look` about 20 times a second while the call lasts."""

    def __init__(self, raw: Path, began: float) -> None:
        self.began = began
        self._raw = raw
        self._growth: list[Growth] = []
        self._closed = False

    def look(self, now: float) -> None:
        """Note how far the file has grown; cheap when it has not."""
        frames = self._frames()
        if not self._growth or frames != self._growth[-1].frames:
            self._growth.append(Growth(now, frames))

    def close(self, now: float) -> None:
        """The call ended: silence at its end counts too. Later calls, which may be soundless, do not."""
        if not self._closed:
            self._growth.append(Growth(now, self._frames()))
        self._closed = True

    def save(self, wav: Path) -> Path:
        """Write everything heard so far as a proper WAV file, with silence where no packet came."""
        samples = np.fromfile(self._raw, "<i2", offset=_HEADER) if self._frames() else np.zeros(0, "<i2")
        missing = [gap for gap in gaps(self.began, list(self._growth)) if gap.before <= len(samples)]
        where = np.repeat([gap.before for gap in missing], [gap.frames for gap in missing])
        return write(wav, np.insert(samples, where.astype(np.int64), 0))

    def _frames(self) -> int:
        return max(0, self._raw.stat().st_size - _HEADER) // 2


class Ear:
    """The recordings of one side of a phone: "dec" what it heard, "enc" what it sent."""

    def __init__(self, folder: Path, side: str) -> None:
        self._folder, self._side = folder, side
        self._recordings: list[Recording] = []

    def look(self, now: float) -> None:
        """Adopt a new dump and note how the current one grows.

        A dump is renamed at once: baresip names it by the second, and a quick second call would overwrite the first.
        """
        for dump in self._folder.glob(f"dump-*-{self._side}.wav"):
            raw = dump.rename(self._folder / f"{len(self._recordings) + 1}-{self._side}.raw")
            self._recordings.append(Recording(raw, now))
        for recording in self._recordings[-1:]:
            recording.look(now)

    def close(self, now: float) -> None:
        """The call ended."""
        for recording in self._recordings[-1:]:
            recording.close(now)

    @property
    def last(self) -> Recording:
        """The recording of the last call. Raises LookupError before the first."""
        return self._recordings[-1]

    def save(self) -> Path:
        """Write the last call's WAV beside the dumps' folder. Raises LookupError before the first call."""
        return self.last.save(self._folder / f"{len(self._recordings)}-{self._side}.wav")
