"""Asterisk's CEL file read piece by piece, from where the last reading ended.

A piece ends with a whole row; a row of which only the beginning is there waits for the next reading. Rotation (by
rename, with the rest read from the renamed file), truncation and replacement are noticed by the file's first bytes:
they hold the time and channel of its first row, so no other file begins like it.
"""

import csv
import io
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ivr.calls.cel import COLUMNS, ENTRANCE, Entrance, event_of
from ivr.calls.events import Event

log = logging.getLogger(__name__)

HEAD = 128  # bytes that identify a file
# A row begins `"NAME","seconds.micros",`. Inside a field every quote is doubled, so no caller name can look like it.
_START = re.compile(rb'"\w{1,79}","\d{1,11}\.\d{1,6}",')
_START_OF_LINE = re.compile(rb"^" + _START.pattern, re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file was read: `offset` bytes of the file that begins with `head`."""

    head: bytes = b""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Events of the next part of the file. `unreadable` counts rows that make no sense; `more` means: read on."""

    events: tuple[Event, ...]
    position: Position
    unreadable: int = 0
    more: bool = False


class CelFile:
    """Where Asterisk writes its CEL rows. Reading keeps no state: the position is the caller's (the database's)."""

    def __init__(self, path: Path, entrance: Entrance = ENTRANCE, piece_bytes: int = 256 * 1024) -> None:
        self.path = path
        self.entrance = entrance
        self.piece_bytes = piece_bytes

    def read(self, position: Position) -> Piece:
        """The next piece, at most `piece_bytes`. A file that is not there yet is empty. Raises OSError otherwise."""
        opened = self._open(position)
        if opened is None:
            return Piece((), position)
        file, position, renamed = opened
        with file:
            head = file.read(min(HEAD, position.offset))
            file.seek(position.offset)
            data = file.read(self.piece_bytes)
        full = len(data) == self.piece_bytes
        rows, used, unreadable = split(data)
        if not used and full:  # no row is that long
            used, unreadable = len(data), unreadable + 1
        if not used and renamed and self.path.exists():  # the old file has no more: on with the new one
            return Piece((), Position(), unreadable, more=True)
        events = tuple(event for row in rows if (event := event_of(row, self.entrance)))
        position = Position((head + data[:used])[:HEAD], position.offset + used)
        return Piece(events, position, unreadable, more=used > 0 and (full or renamed))

    def _open(self, position: Position) -> tuple[BinaryIO, Position, bool] | None:
        """(file, where to read on, whether it was renamed meanwhile), None when there is no file."""
        current = _opened(self.path)
        if current and _begins_like(current, position):
            return current, position, False
        older = self.path.parent.glob(f"{self.path.name}?*") if position.offset else ()
        for path in older:
            file = _opened(path)
            if file and _begins_like(file, position):
                _close(current)
                return file, position, True
            _close(file)
        if current is None:
            return None
        log.warning("the CEL file %s was replaced or cut: it is read from its beginning", self.path.name)
        return current, Position(), False


def split(data: bytes) -> tuple[list[list[str]], int, int]:
    """(rows as columns, bytes used, number of unreadable rows) of a part of a file that begins with a row.

    The last row is left when it is not whole. Bytes that are not UTF-8 become `\\xff`.
    """
    starts = [match.start() for match in _START_OF_LINE.finditer(data)]
    if not starts:
        used = data.rfind(b"\n") + 1
        return [], used, int(bool(data[:used].strip()))
    rows: list[list[str]] = []
    unreadable = int(bool(data[: starts[0]].strip(b"\0\r\n")))
    used = starts[0]
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        found = _rows_in(data[start:end])
        unfinished = found[-1] is None or not data.endswith(b"\n")
        if end == len(data) and unfinished:
            break
        rows += (columns for columns in found if columns)
        unreadable += sum(columns is None for columns in found)
        used = end
    return rows, used, unreadable


def _rows_in(record: bytes) -> list[list[str] | None]:
    """The one row of the record; or more, when a row was cut short (crash, full disk) and the next follows it."""
    whole = _columns(record)
    if whole:
        return [whole]
    starts = [match.start() for match in _START.finditer(record)]
    return [_columns(record[start:end]) for start, end in zip(starts, [*starts[1:], len(record)], strict=True)]


def _columns(record: bytes) -> list[str] | None:
    text = record.rstrip(b"\0\r\n").decode("utf-8", "backslashreplace")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 and len(rows[0]) == COLUMNS else None


def _opened(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except (FileNotFoundError, IsADirectoryError):
        return None


def _close(file: BinaryIO | None) -> None:
    if file is not None:
        file.close()


def _begins_like(file: BinaryIO, position: Position) -> bool:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    same = size >= position.offset and file.read(len(position.head)) == position.head
    file.seek(0)
    return same
