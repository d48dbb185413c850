"""The prompt files that are really there, how long each sounds, and whole sentences made of them."""

import hashlib
import logging
import os
import threading
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

RATE = 8000
PAUSE = 0.12  # seconds between two clips of a sentence
PAUSE_BYTES = 2 * round(PAUSE * RATE)
NAME = "sentence-"
HEADER = 44  # bytes before the samples, as `wave` writes it


@dataclass(frozen=True, slots=True)
class ClipShelf:
    """Clips of one folder by name. A missing or broken file is left out of what a caller hears, and said once here.

    Any thread may ask.

    Asterisk's GET DATA plays one file. So that a question stays one command (a key pressed between two commands is
    lost), its clips are joined once into a file of their own in `sentences`.
    """

    folder: Path
    sentences: Path
    _samples: dict[str, bytes] = field(default_factory=dict)
    _joined: dict[tuple[str, ...], Path] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _joining: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._samples.update({path.stem: sound for path in self.folder.glob("*.wav") if (sound := _samples(path))})

    def seconds(self, names: Sequence[str]) -> float:
        """How long these clips sound as a sentence."""
        return sum(len(self._samples[name]) / 2 / RATE + PAUSE for name in names if name in self._samples)

    def files(self, names: Sequence[str]) -> list[str]:
        """What to play, without extension as Asterisk wants it: one file, or the clips if none can be made."""
        present = tuple(name for name in names if self._is_there(name))
        if len(present) < 2:
            return [str(self.folder / name) for name in present]
        try:
            with self._joining:  # two first callers at once would write the same file
                return [str(self._sentence(present).with_suffix(""))]
        except OSError as error:
            log.warning("no joined prompt file (%s); the caller hears the clips one by one", error)
            return [str(self.folder / name) for name in present]

    def _is_there(self, name: str) -> bool:
        if name not in self._samples and name not in self._told:
            self._told.add(name)
            log.error(
                "prompt %r is missing or broken; callers hear the sentence without it (ivr prompts check)", name
            )
        return name in self._samples

    def _sentence(self, names: tuple[str, ...]) -> Path:
        """The joined file, looked at before every use: it may be deleted or cut, which a caller would hear."""
        path = self._joined.get(names)
        if path is None:
            digest = hashlib.sha256(self._sound(names)).hexdigest()[:16]
            path = self._joined[names] = self.sentences / f"{NAME}{digest}.wav"
        if not (path.exists() and path.stat().st_size == self._size(names)):
            self._write(path, self._sound(names))
        return path

    def _sound(self, names: tuple[str, ...]) -> bytes:
        return bytes(PAUSE_BYTES).join(self._samples[name] for name in names)

    def _size(self, names: tuple[str, ...]) -> int:
        return HEADER + sum(len(self._samples[name]) for name in names) + PAUSE_BYTES * (len(names) - 1)

    def _write(self, path: Path, sound: bytes) -> None:
        self.sentences.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.new")  # a controller being replaced may still write
        with wave.open(str(temporary), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(sound)
        temporary.replace(path)


def _samples(path: Path) -> bytes:
    try:
        with wave.open(str(path), "rb") as clip:
            if (clip.getnchannels(), clip.getsampwidth(), clip.getframerate()) == (1, 2, RATE):
                sound = clip.readframes(clip.getnframes())
                return sound[: len(sound) // 2 * 2]  # half a sample would turn what follows into noise
            reason = "not 8 kHz mono 16 bit"
    except (OSError, EOFError, wave.Error, RuntimeError) as error:  # RuntimeError: a chunk longer than its file
        reason = repr(error)
    log.warning("prompt file %s cannot be used, callers hear the sentence without it: %s", path.name, reason)
    return b""
