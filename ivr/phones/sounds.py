"""Microphones: WAV files of 8 kHz, one channel, 16 bits, as G.711 phones take them.

They are long because a phone hangs up when its microphone file ends.
"""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 8000
Samples = npt.NDArray[np.int16]


def tone(path: Path, hertz: int, seconds: int = 300, level: float = -9.0) -> Path:
    """Write a sine of `hertz` at `level` dBFS (RMS; 0 dBFS = the RMS of a full square) and return its path."""
    peak = 32767 * 10 ** (level / 20) * np.sqrt(2)
    second = peak * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)
    return write(path, np.tile(second.astype("<i2"), seconds))


def quiet(path: Path, seconds: int = 300) -> Path:
    """Write noise of about -64 dBFS: nobody hears it, yet the phone has something to send."""
    second = np.random.default_rng(112).normal(0, 20, RATE)
    return write(path, np.tile(second.astype("<i2"), seconds))


def write(path: Path, samples: Samples) -> Path:
    """Write samples of 8 kHz as a WAV file and return its path."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.astype("<i2").tobytes())
    return path


def read(path: Path) -> Samples:
    """The samples of a WAV file. Raises ValueError unless it has 8 kHz, one channel and 16 bits."""
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{path.name}: a phone needs 8 kHz, one channel, 16 bits")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")
