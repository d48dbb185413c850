"""The controller's own journal: every event is written here first, and brought into the database from here.

One line for each event: CRC-32 (8 hex digits), a blank, the event as JSON in ASCII. Lines are only ever appended,
and are on disk (fdatasync, once for all that was noted meanwhile) before anything else is done with them. What the
database lacks of it, because it was locked, read-only, full or gone, is read later from where the database says the
last reading ended; no event counts twice, since each has a key of its own. A last line that was torn by a crash is
skipped, and so is any line that does not match its sum.
"""

import json
import os
import zlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from ivr.calls.events import Event, Source
from ivr.calls.growing import GrowingFile, Parsed

SOURCES = get_args(Source)
PIECE_BYTES = 1 << 20  # more than the longest line: a name of 64 kB, six characters for each of its own
_SUM = 8  # hex digits


class Journal(GrowingFile):
    """The file; appending raises OSError (disk full, read-only) and never leaves a line that reads as another."""

    def __init__(self, path: Path, piece_bytes: int = PIECE_BYTES) -> None:
        super().__init__(path, parse, piece_bytes)

    def append(self, events: Iterable[Event]) -> None:
        """All of them or, after OSError, none that a reader would miss: writing them again is harmless."""
        lines = b"".join(map(line_of, events))
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if _torn(descriptor):
                lines = b"\n" + lines
            written = os.write(descriptor, lines)
            while written < len(lines):
                written += os.write(descriptor, lines[written:])
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def line_of(event: Event) -> bytes:
    r"""`1c291ca3 {"call_id": ...}\n`."""
    row = {
        "call_id": event.call_id,
        "kind": str(event.kind),
        "at": event.at.isoformat(),
        "source": event.source,
        "detail": dict(event.detail),
        "key": event.key,
        "monotonic": event.monotonic,
    }
    text = json.dumps(row).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def parse(data: bytes) -> Parsed:
    """The events of whole lines. A line that is not as it was written is unreadable; an empty one is nothing."""
    used = data.rfind(b"\n") + 1
    lines = [line for line in data[:used].split(b"\n") if line]
    events = [event for line in lines if (event := event_in(line)) is not None]
    return Parsed(tuple(events), used, len(lines) - len(events))


def event_in(line: bytes) -> Event | None:
    """The event of one line without its end, None when the line is damaged."""
    text = line[_SUM + 1 :]
    if line[: _SUM + 1] != b"%08x " % zlib.crc32(text):
        return None
    try:
        return _event(json.loads(text))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _event(row: dict[str, Any]) -> Event:
    texts = [row["call_id"], row["kind"], row["key"]]
    monotonic, detail = row["monotonic"], row["detail"]
    scalars = isinstance(detail, dict) and all(isinstance(v, str | int | float | None) for v in detail.values())
    if not all(isinstance(text, str) for text in texts) or row["source"] not in SOURCES or not scalars:
        raise TypeError("a field of another type")
    if not isinstance(monotonic, float | None):
        raise TypeError("a clock that is no number")
    at = datetime.fromisoformat(row["at"])
    return Event(row["call_id"], row["kind"], at, row["source"], detail, row["key"], monotonic)


def _torn(descriptor: int) -> bool:
    """Whether the file ends within a line: what follows must not become part of it."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
