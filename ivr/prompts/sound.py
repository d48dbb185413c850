"""Telephone sound: WAV files in and out, and what can be wrong with them.

Samples are mono float64 in -1..1; a built file is 8000 Hz, one channel, signed 16 bit (what Asterisk
plays without transcoding from `.wav`).
"""

import io
import os
import tempfile
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from ivr.messages import say

RATE = 8000
Samples = npt.NDArray[np.float64]

SPEECH_LEVEL = -20.0  # dBFS, RMS
HIGHEST_PEAK = -3.0  # dBFS
SILENT_BELOW = -50.0  # dBFS, RMS
LEAD, TAIL = 0.06, 0.12  # seconds kept before and after the sound
_FULL_SCALE = 32768
_CLIP_RUN = 3  # samples in a row at full scale: one alone may be honest


class SoundError(Exception):
    """The file is not a WAV this house can use; the sentence says why."""


def decibel(level: float) -> float:
    """The factor of a level in dB: -20 -> 0.1."""
    return float(10 ** (level / 20))


def level(samples: Samples) -> float:
    """RMS in dBFS; silence is -inf."""
    power = float(np.mean(samples**2)) if samples.size else 0.0
    return float(10 * np.log10(power)) if power else float("-inf")


def is_silent(samples: Samples) -> bool:
    return level(samples) < SILENT_BELOW


def is_clipped(samples: Samples) -> bool:
    """True when the wave sits at full scale for several samples on end."""
    full = (np.abs(samples) >= 32766 / _FULL_SCALE).astype(np.int64)
    return bool(np.any(np.convolve(full, np.ones(_CLIP_RUN, dtype=np.int64)) >= _CLIP_RUN))


def trimmed(samples: Samples) -> Samples:
    """Cut the silence at both ends down to LEAD and TAIL seconds; a file of silence becomes empty."""
    loud = np.flatnonzero(np.abs(samples) > max(0.01 * np.max(np.abs(samples), initial=0.0), 1e-4))
    if not loud.size:
        return samples[:0]
    before, after = np.zeros(round(LEAD * RATE)), np.zeros(round(TAIL * RATE))
    start = loud[0] + before.size
    return np.concatenate([before, samples, after])[start - before.size : start + loud[-1] - loud[0] + after.size]


def levelled(samples: Samples) -> Samples:
    """Bring speech to SPEECH_LEVEL, or as near as HIGHEST_PEAK allows: one gain, nothing is squashed."""
    if is_silent(samples):
        return samples
    gain = decibel(SPEECH_LEVEL - level(samples))
    return samples * min(gain, decibel(HIGHEST_PEAK) / float(np.max(np.abs(samples))))


def read_wav(path: Path) -> tuple[Samples, int]:
    """A 16 bit WAV of one or two channels as mono samples and its rate in Hz. Raises SoundError."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise SoundError(say("prompts.not-a-wav", reason=str(error) or type(error).__name__)) from error
    if width != 2 or channels not in {1, 2} or not RATE <= rate <= 192_000:
        raise SoundError(say("prompts.wrong-format", rate=rate, channels=channels, bits=8 * width))
    whole = len(data) - len(data) % (2 * channels)
    frames = np.frombuffer(data[:whole], dtype="<i2").reshape(-1, channels)
    return np.asarray(frames.mean(axis=1) / _FULL_SCALE, dtype=np.float64), rate


def to_telephone(samples: Samples, rate: int) -> Samples:
    """Resample to 8000 Hz with a proper filter, so that nothing above 4 kHz folds back."""
    if rate == RATE:
        return samples
    return np.asarray(soxr.resample(samples, rate, RATE, "HQ"), dtype=np.float64)


def wav_bytes(samples: Samples) -> bytes:
    """A complete 8 kHz mono signed 16 bit WAV file."""
    clipped = np.clip(np.rint(samples * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(clipped.astype("<i2").tobytes())
    return buffer.getvalue()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in one step: whoever opens it (Asterisk, in a call) finds the old or the new one, whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)  # mkstemp makes it private; Asterisk runs as another user
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
