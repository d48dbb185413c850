"""A file that another hand appends to, read piece by piece from where the last reading ended.

A piece ends with a whole row; a row of which only the beginning is there waits for the next reading. Rotation (by
rename, with the rest read from the renamed file), truncation and replacement are noticed by the file's first bytes:
they hold the time and the call of its first row, so no other file begins like it.
"""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ivr.calls.events import Event

log = logging.getLogger(__name__)

HEAD = 128  # bytes that identify a file
PACKED = {".gz", ".xz", ".bz2", ".zst"}
PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file was read: `offset` bytes of the file that begins with `head`."""

    head: bytes = b""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """Events of a part of a file, the bytes they took, and how many rows made no sense."""

    events: tuple[Event, ...]
    used: int
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Events of the next part of the file. `unreadable` counts rows that make no sense; `more` means: read on."""

    events: tuple[Event, ...]
    position: Position
    unreadable: int = 0
    more: bool = False


class GrowingFile:
    """Reading keeps no state: the position is the caller's (the database's).

    `parse` is given a part of the file that begins with a row, and leaves the last row when it is not whole.
    """

    def __init__(self, path: Path, parse: Callable[[bytes], Parsed], piece_bytes: int = PIECE_BYTES) -> None:
        self.path = path
        self.piece_bytes = piece_bytes
        self._parse = parse

    def read(self, position: Position) -> Piece:
        """The next piece, at most `piece_bytes`. A file that is not there yet is empty. Raises OSError otherwise."""
        opened = self._open(position)
        if opened is None:
            return Piece((), position)
        file, position, renamed = opened  # `renamed`: its new path, None while it still has its own
        with file:
            head = file.read(min(HEAD, position.offset))
            file.seek(position.offset)
            data = file.read(self.piece_bytes)
        full = len(data) == self.piece_bytes
        found = self._parse(data)
        used, unreadable = found.used, found.unreadable
        if not used and full:  # no row is that long
            used, unreadable = len(data), unreadable + 1
        if not used and renamed and (following := self._after(renamed)):  # the old file has no more
            return Piece((), following, unreadable, more=True)
        position = Position((head + data[:used])[:HEAD] or position.head, position.offset + used)
        return Piece(found.events, position, unreadable, more=used > 0 and (full or renamed is not None))

    def _after(self, renamed: Path) -> Position | None:
        """The beginning of the next file: one that was renamed later, else the one that is written now."""
        rotated = sorted(self._renamed(), key=lambda path: path.stat().st_mtime_ns)
        later = rotated[rotated.index(renamed) + 1 :] if renamed in rotated else []
        for path in later:
            with path.open("rb") as file:
                if head := file.read(HEAD):
                    return Position(head, 0)
        return Position() if self.path.exists() else None

    def _renamed(self) -> list[Path]:
        """Earlier files that can still be read."""
        return [path for path in self.path.parent.glob(f"{self.path.name}?*") if path.suffix not in PACKED]

    def _open(self, position: Position) -> tuple[BinaryIO, Position, Path | None] | None:
        """(file, where to read on, whether it was renamed meanwhile), None when there is no file."""
        current = _opened(self.path)
        if current and _begins_like(current, position):
            return current, position, None
        for path in self._renamed() if position.head else ():
            file = _opened(path)
            if file and _begins_like(file, position):
                _close(current)
                return file, position, path
            _close(file)
        if current is None:
            return None
        log.warning("the file %s was replaced or cut: it is read from its beginning", self.path.name)
        return current, Position(), None


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
