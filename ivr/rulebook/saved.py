"""The rules file as it lies there: read whole, judged, or refused with reasons."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ivr.messages import say
from ivr.owner import user_name
from ivr.rulebook.history import digest_of
from ivr.rules import Rules, RulesError, load_rules
from ivr.rules.document import MAX_BYTES
from ivr.rules.problems import Finding, problem

TRIES = 3  # a file that is being written is read again


@dataclass(frozen=True, slots=True)
class Saved:
    """What was in the file at one moment, and the name of its owner."""

    content: bytes
    owner: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the content (hex)."""
        return digest_of(self.content)


def read(path: Path) -> Saved:
    """The file, as somebody left it: its size and time did not change under the reading. Raises RulesError."""
    try:
        for _ in range(TRIES):
            saved, whole = _read_once(path)
            if whole:
                break
    except OSError as error:
        finding = Finding((), "unreadable", str(path), values={"detail": error.strerror or error})
        raise RulesError([problem(finding, 1, 1)]) from error
    return saved


def _read_once(path: Path) -> tuple[Saved, bool]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would keep us waiting for ever
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(0, say("rulebook.not_a_file"))
        content = file.read(MAX_BYTES + 1)
        after = os.fstat(descriptor)
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return Saved(content, user_name(after.st_uid)), same


def judged(content: bytes, *, demo: bool) -> Rules:
    """The rules in a file's content. Raises RulesError with every problem."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RulesError([problem(Finding((), "not_text"), 1, 1)]) from error
    return load_rules(text, demo=demo)
