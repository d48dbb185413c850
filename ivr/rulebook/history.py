"""Every rules file that was ever accepted: its text, and since when, by whom and how it came into force.

In the folder: `<sha256>.yaml` for each text, written once, and `accepted.jsonl`, one line for each time the rules in
force became other ones. Both are plain files that outlive the database and are read without it.
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from ivr.rulebook.durable import append_line, replace

log = logging.getLogger(__name__)

INDEX = "accepted.jsonl"
_HASH = re.compile(r"[0-9a-f]{64}")
SHORT = 12  # letters of a hash where people read it


class How(StrEnum):
    """What made us look at the file."""

    START = "start"
    SAVED = "saved"
    RELOAD = "reload"


class NotKept(Exception):
    """No such text, or several; the text of the error is the hash that was asked for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Rules that came into force. `digest` is the SHA-256 of the file (hex), `at` is UTC, `who` a user's name."""

    digest: str
    at: datetime
    who: str
    generation: str
    how: How

    @property
    def short(self) -> str:
        """The hash as people see it."""
        return self.digest[:SHORT]


def digest_of(content: bytes) -> str:
    """The name of a text: its SHA-256 (hex)."""
    return hashlib.sha256(content).hexdigest()


class History:
    """The accepted texts below one folder. A torn line or a lost text is said in the log and passed over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> list[Entry]:
        """Oldest first. Raises OSError when the index is there and cannot be read."""
        try:
            lines = (self.folder / INDEX).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return list(_entries(lines, self.folder / INDEX))

    def latest(self) -> Entry | None:
        """What came into force last."""
        return next(reversed(self.entries()), None)

    def in_force_since(self, instant: datetime) -> list[Entry]:
        """Every edition that was in force at some moment from then on, oldest first."""
        entries = self.entries()
        past = [old for old, new in pairwise(entries) if new.at > instant]
        return [*past, *entries[-1:]]

    def keep(self, content: bytes) -> str:
        """Keep a text, before it comes into force; its hash. Raises OSError."""
        digest = digest_of(content)
        if not self._is_whole(digest):
            replace(self._file(digest), content)
        return digest

    def accept(self, entry: Entry) -> Entry:
        """Write down that these rules are in force now; the entry that says so, an older one if nothing changed.

        Raises OSError.
        """
        latest = self.latest()
        if latest is not None and latest.digest == entry.digest:
            return latest
        row = {
            "hash": entry.digest,
            "at": entry.at.isoformat(),
            "who": entry.who,
            "generation": entry.generation,
            "how": entry.how,
        }
        append_line(self.folder / INDEX, json.dumps(row).encode())
        return entry

    def text(self, prefix: str) -> bytes:
        """The text of a hash or of the beginning of one. Raises NotKept."""
        found = {entry.digest for entry in self.entries() if prefix and entry.digest.startswith(prefix.lower())}
        if len(found) != 1 or not self._is_whole(digest := found.pop()):
            raise NotKept(prefix)
        return self._file(digest).read_bytes()

    def _file(self, digest: str) -> Path:
        return self.folder / f"{digest}.yaml"

    def _is_whole(self, digest: str) -> bool:
        try:
            return digest_of(self._file(digest).read_bytes()) == digest
        except OSError:
            return False


def _entries(lines: list[bytes], index: Path) -> Iterator[Entry]:
    for number, line in enumerate(lines, 1):
        try:
            yield _entry(line)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            log.warning("%s, line %d, cannot be read and is passed over: %s", index, number, error)


def _entry(line: bytes) -> Entry:
    """Raises ValueError, KeyError, TypeError, OverflowError or RecursionError for what is no line of ours."""
    row = json.loads(line)
    at = datetime.fromisoformat(row["at"])
    entry = Entry(str(row["hash"]), at, str(row["who"]), str(row["generation"]), How(row["how"]))
    if not _HASH.fullmatch(entry.digest) or at.tzinfo is None:
        raise ValueError("no hash, or a time without a zone")
    at.astimezone()
    return entry
