"""Recordings as crashes leave them, and names of recordings that nobody should have given them."""

import struct
from pathlib import Path
from random import Random

from bench.fuzz.hostile import damaged, value
from bench.fuzz.parser import Parser, Verdict
from ivr.calls.recordings import inspect

TOKENS = (b"RIFF", b"WAVE", b"fmt ", b"data", b"LIST", bytes(4), b"\xff\xff\xff\xff", b"\x10\0\0\0", b"\0\0\0\x80")
FOUND = {None, "missing", "unreadable", "outside", "format", "empty", "silent", "too_short", "too_long"}


def wave(samples: bytes) -> bytes:
    """The samples with the header that Asterisk gives them."""
    head = (
        b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        + b"data"
        + struct.pack("<I", len(samples))
    )
    return b"RIFF" + struct.pack("<I", len(head) + len(samples)) + head + samples


class Recording(Parser):
    """`recordings.inspect` of a damaged file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, random: Random) -> bytes:
        """A tenth of a second of noise, its header damaged more often than not."""
        good = wave(random.randbytes(random.choice((0, 1, 2, 1600))))
        place = random.choice((12, 44, len(good)))
        return damaged(random, good[:place], TOKENS) + good[place:]

    def check(self, content: bytes) -> Verdict:
        """An inspection; a repair touches no sample and is not needed twice."""
        file = self._folder / "call.wav"
        file.write_bytes(content)
        found = inspect(self._folder, "call.wav", None)
        after = file.read_bytes()
        again = inspect(self._folder, "call.wav", None)
        faults = [] if found.problem in FOUND else [f"problem {found.problem}"]
        if len(after) != len(content) or (not found.repaired and after != content):
            faults.append("the file changed without a repair")
        if sum(one != other for one, other in zip(content, after, strict=False)) > 8:
            faults.append("a repair changed more than two lengths")
        if again.repaired or again.problem != found.problem:
            faults.append(f"{found} became {again}")
        return Verdict((str(found.problem), *(["repaired"] if found.repaired else [])), tuple(faults))


class RecordingName(Parser):
    """`recordings.inspect` of a name from outside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "calls"
        self._folder.mkdir()
        (folder / "secret.wav").write_bytes(wave(bytes(1600)))
        self._secret = (folder / "secret.wav").read_bytes()

    def make(self, random: Random) -> bytes:
        """A path of one to four hostile parts."""
        parts = [
            random.choice((b"..", b".", b"", b"secret.wav", b"2026", value(random)))
            for _ in range(random.randint(1, 4))
        ]
        return b"/".join(parts)

    def check(self, content: bytes) -> Verdict:
        """Nothing outside the folder is opened, nothing is made."""
        found = inspect(self._folder, content.decode("utf-8", "backslashreplace"), None)
        faults = [] if found.problem in {"missing", "unreadable", "outside"} else [f"found {found}"]
        if [*self._folder.iterdir()] or (self._folder.parent / "secret.wav").read_bytes() != self._secret:
            faults.append("something was made")
        return Verdict((str(found.problem),), tuple(faults))
