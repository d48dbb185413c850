"""Proof of what was heard: tones, silence, and which prompts a recording holds.

A prompt is proven by the rule measured for this project (20 real calls, 0 of 5700 wrong pairs): the normalised
cross-correlation (NCC) of the whole prompt >= 0.85 and of its worst voiced 250 ms chunk >= 0.60, each chunk allowed
60 ms of slip; or, for legs that lose the waveform's phase, the same on log-mel frames >= 0.80 and >= 0.85.
The second rule says too little about prompts below 1.2 s and is not asked about them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import gcd
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy  # each part of it is read when it is used: most tests need none

Signal = npt.NDArray[np.float64]

RATE = 8000
CHUNK = RATE // 4
SLIP = 480  # samples, 60 ms
HEAD = RATE * 3 // 4  # a prompt is looked for by its first 0.75 s
QUIET_CHUNK = 0.01  # chunks 20 dB below the loudest say nothing about which prompt it is
WHOLE, WORST = 0.85, 0.60
SPECTRAL_WHOLE, SPECTRAL_WORST = 0.80, 0.85
HEAD_MATCHES, SPECTRAL_MATCHES = 0.60, 0.65  # first pass; the exact rules decide
SPECTRAL_LEAST = RATE * 6 // 5
FULL_SCALE = 32768


# levels


def load(path: Path) -> Signal:
    """The first channel of a 16 bit WAV file at 8 kHz, full scale = 1."""
    rate, samples = scipy.io.wavfile.read(path)
    if samples.dtype != np.int16:
        raise ValueError(f"{path.name}: 16 bits wanted, not {samples.dtype}")
    signal: Signal = (samples if samples.ndim == 1 else samples[:, 0]) / FULL_SCALE
    common = gcd(rate, RATE)
    return signal if rate == RATE else scipy.signal.resample_poly(signal, RATE // common, rate // common)


def decibels(power: Any) -> Any:
    """Mean square (full scale = 1) -> dBFS; nothing at all is -120."""
    return 10 * np.log10(np.maximum(power, 1e-12))


@dataclass(frozen=True)
class ToneLevel:
    """`share` of the signal's power that lies within 10 Hz of the tone (0..1), and that power in dBFS."""

    share: float
    dbfs: float


def tone_level(signal: Signal, hertz: float, rate: int = RATE) -> ToneLevel:
    """How much of a signal is the tone. Needs at least 0.5 s. Raises ValueError for less."""
    if len(signal) < rate / 2:
        raise ValueError("a tone cannot be told from less than half a second")
    window = np.hanning(len(signal))
    power = np.abs(np.fft.rfft(signal * window)) ** 2
    near = np.abs(np.fft.rfftfreq(len(signal), 1 / rate) - hertz) <= 10
    share = float(power[near].sum() / max(power.sum(), 1e-12))
    return ToneLevel(share, float(decibels(share * np.mean(signal**2))))


def loudness(signal: Signal, window: float = 0.1, rate: int = RATE) -> Signal:
    """dBFS of each successive window of `window` seconds; the last, incomplete one is left out."""
    size = round(window * rate)
    frames = signal[: len(signal) // size * size].reshape(-1, size)
    level: Signal = decibels(np.mean(frames**2, axis=1))
    return level


@dataclass(frozen=True)
class Span:
    """From `start` to `end`, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def silence_spans(signal: Signal, threshold: float = -50, minimum: float = 1.0, rate: int = RATE) -> list[Span]:
    """Where the signal stays below `threshold` dBFS (in 20 ms windows) for at least `minimum` seconds."""
    window = 0.02
    silent = loudness(signal, window, rate) < threshold
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(int)))
    spans = [Span(start * window, end * window) for start, end in edges.reshape(-1, 2).tolist()]
    return [span for span in spans if span.seconds >= minimum - 1e-9]


# prompts


@dataclass(frozen=True)
class Heard:
    """A prompt was heard for `seconds` from `at_seconds` on (when its sound began, after its own leading silence).

    `fraction` is 1.0 for the whole prompt, less for its beginning only (a key cut it off), in steps of a chunk.
    `whole`, `worst_chunk` are the scores of what was heard, `rule` is the one that proved it.
    `alike`: prompts with the same beginning, not to be told from this one by what was heard of it.
    """

    id: str
    at_seconds: float
    seconds: float
    fraction: float
    whole: float
    worst_chunk: float
    rule: Literal["waveform", "spectral"] = "waveform"
    alike: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return self.fraction == 1.0


def heard_prompts(recording: Signal | Path, references: Mapping[str, Path]) -> list[Heard]:
    """Which prompts a recording holds, in the order heard; each may occur often, or with its beginning only.

    Beginnings count from 0.75 s on; a shorter prompt counts only whole. Where several prompts would fit the same
    stretch of time, whole ones win over beginnings, then the longer over the shorter.
    """
    ear = _Ear(recording if isinstance(recording, np.ndarray) else load(recording))
    found = [heard for name, path in references.items() for heard in _find(ear, name, trim(load(path)))]
    chosen: list[Heard] = []
    for heard in sorted(found, key=lambda one: (not one.complete, -one.seconds, -one.whole)):
        rival = next((other for other in chosen if _same_time(other, heard)), None)
        if rival is None:
            chosen.append(heard)
        elif not rival.complete and rival.id != heard.id and rival.seconds - heard.seconds < CHUNK / RATE:
            chosen[chosen.index(rival)] = replace(rival, alike=(*rival.alike, heard.id))
    return sorted(chosen, key=lambda heard: heard.at_seconds)


def trim(signal: Signal, below: float = -45) -> Signal:
    """Without leading and trailing silence (dB relative to its loudest 10 ms)."""
    power = np.convolve(signal**2, np.ones(80) / 80, "same")
    sounding = np.flatnonzero(power > power.max() * 10 ** (below / 10))
    return signal[sounding[0] : sounding[-1] + 1]


def _same_time(one: Heard, other: Heard) -> bool:
    shared = min(one.at_seconds + one.seconds, other.at_seconds + other.seconds)
    shared -= max(one.at_seconds, other.at_seconds)
    return shared > 0.5 * min(one.seconds, other.seconds)


class _Ear:
    """A recording, prepared once for all references; a second of silence follows it."""

    def __init__(self, signal: Signal) -> None:
        self.signal = np.concatenate([signal, np.zeros(RATE)])
        self.mel = log_mel(self.signal)

    def part(self, start: int, end: int) -> Signal:
        """Samples start..end, zeros where the recording has none."""
        inside = self.signal[max(0, start) : max(0, end)]
        before = min(max(0, -start), end - start)
        return np.pad(inside, (before, end - start - before - len(inside)))


def _find(ear: _Ear, name: str, prompt: Signal) -> Iterator[Heard]:
    proven: list[int] = []
    for lag in _peaks(_ncc(ear.signal, prompt[:HEAD]), HEAD_MATCHES, HEAD // 2):
        if heard := _by_waveform(ear, name, prompt, lag):
            if heard.complete:
                proven.append(lag)
            yield heard
    if len(prompt) < SPECTRAL_LEAST:
        return
    for frame in _peaks(_ncc_of_bands(ear.mel, log_mel(prompt)), SPECTRAL_MATCHES, HEAD // 2 // HOP):
        near = any(abs(frame * HOP - lag) < HEAD // 2 for lag in proven)
        if not near and (heard := _by_spectrum(ear, name, prompt, frame * HOP)):
            yield heard


def _peaks(score: Signal, least: float, distance: int) -> list[int]:
    peaks, _ = scipy.signal.find_peaks(np.pad(score, 1, constant_values=-1), height=least, distance=distance)
    return [int(peak) - 1 for peak in peaks]


def _ncc(signal: Signal, part: Signal) -> Signal:
    """Normalised cross-correlation at every lag at which the part lies inside the signal. -1..1"""
    part = part - part.mean()
    energy = np.concatenate([[0.0], np.cumsum(signal**2)])
    energy = energy[len(part) :] - energy[: -len(part)]
    floor = energy.max(initial=0) * 1e-4 + 1e-12
    score: Signal = scipy.signal.oaconvolve(signal, part[::-1], "valid")
    score /= np.sqrt(np.maximum(energy, floor)) * np.linalg.norm(part)
    return score


def _by_waveform(ear: _Ear, name: str, prompt: Signal, lag: int) -> Heard | None:
    size = min(CHUNK, len(prompt))
    starts = range(0, len(prompt) - size + 1, size)
    power = np.array([np.mean(prompt[start : start + size] ** 2) for start in starts])
    worst, heard = 1.0, 0
    for start, voiced in zip(starts, power > power.max() * QUIET_CHUNK, strict=True):
        if voiced:
            around = ear.part(lag + start - SLIP, lag + start + size + SLIP)
            score = float(_ncc(around, prompt[start : start + size]).max())
            if score < WORST:
                break
            worst, heard = min(worst, score), start + size
    else:
        heard = len(prompt)
    if heard < min(HEAD, len(prompt)):
        return None
    whole = float(_ncc(ear.part(lag, lag + heard), prompt[:heard])[0])
    if whole < WHOLE:
        return None
    return Heard(name, lag / RATE, heard / RATE, heard / len(prompt), whole, worst)


# the second rule: log-mel frames

HOP = 80
_BANDS = 24
_MEL_CHUNK = 40  # frames, 400 ms
_MEL_SLIP = 6
_FLOOR = 7  # nepers below the loudest band's mean: anything quieter is silence


def log_mel(signal: Signal) -> Signal:
    """Frames of 10 ms x 24 bands (250 to 3500 Hz) in nepers, independent of the signal's level, floored."""
    scaled = signal / (np.sqrt(np.quantile(signal**2, 0.95)) + 1e-9) * 0.1
    scaled = np.pad(scaled, (0, max(0, 256 - len(scaled))))
    frames = np.lib.stride_tricks.sliding_window_view(scaled, 256)[::HOP] * np.hanning(256)
    bands = np.log(np.abs(np.fft.rfft(frames, 512)) ** 2 @ _filters() + 1e-7)
    loudest = np.log(np.exp(bands).mean(0).max())
    floored: Signal = np.maximum(bands, loudest - _FLOOR)
    return floored


@cache
def _filters() -> Signal:
    hertz: Signal = np.fft.rfftfreq(512, 1 / RATE).astype(np.float64)
    low, high = _mel(np.array([250.0, 3500.0]))
    edges, mel = np.linspace(low, high, _BANDS + 2), _mel(hertz)[:, None]
    rising = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    triangles: Signal = np.maximum(0, np.minimum(rising, falling))
    return triangles


def _mel(hertz: Signal) -> Signal:
    mel: Signal = 2595 * np.log10(1 + hertz / 700)
    return mel


def _ncc_of_bands(recording: Signal, prompt: Signal) -> Signal:
    """The same correlation over frames x bands, means removed. Empty when the prompt is the longer."""
    frames, size = len(prompt), prompt.size
    if frames > len(recording):
        return np.zeros(0)
    centred = prompt - prompt.mean()
    score = scipy.signal.oaconvolve(recording, centred[::-1], "valid", axes=0).sum(1)
    total = np.concatenate([[0.0], np.cumsum(recording.sum(1))])
    energy = np.concatenate([[0.0], np.cumsum((recording**2).sum(1))])
    total, energy = total[frames:] - total[:-frames], energy[frames:] - energy[:-frames]
    spread: Signal = np.sqrt(np.maximum(energy - total**2 / size, 1e-6)) * (np.linalg.norm(centred) + 1e-9)
    result: Signal = score / spread
    return result


def _by_spectrum(ear: _Ear, name: str, prompt: Signal, lag: int) -> Heard | None:
    around, frames = log_mel(ear.part(lag - SLIP, lag + len(prompt) + SLIP)), log_mel(prompt)
    scores = _ncc_of_bands(around, frames)
    best = int(scores.argmax())
    worst = 1.0
    for start in range(0, len(frames) - _MEL_CHUNK + 1, _MEL_CHUNK):
        chunk = frames[start : start + _MEL_CHUNK]
        if chunk.std() >= 0.7:
            first = max(0, best + start - _MEL_SLIP)
            near = around[first : best + start + _MEL_CHUNK + _MEL_SLIP]
            worst = min(worst, float(_ncc_of_bands(near, chunk).max(initial=-1)))
    whole = float(scores[best])
    if whole < SPECTRAL_WHOLE or worst < SPECTRAL_WORST:
        return None
    at = (lag - SLIP + best * HOP) / RATE
    return Heard(name, at, len(prompt) / RATE, 1.0, whole, worst, "spectral")
