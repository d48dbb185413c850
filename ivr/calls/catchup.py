"""Brings into the log what Asterisk wrote in its CEL file."""

import asyncio
import logging
from dataclasses import dataclass

from ivr.calls.celfile import CelFile, Piece, Position
from ivr.calls.database import LogUnavailable
from ivr.calls.projection import is_call
from ivr.calls.store import position_of
from ivr.calls.writer import QUIET, CallLog

log = logging.getLogger(__name__)

# Asterisk tells AMI of a row before or after it is in the file, about half of the time each
AFTER_WAKE = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What a reading found: calls the log did not have, all calls met, rows that made no sense."""

    new_calls: frozenset[str] = frozenset()
    met: frozenset[str] = frozenset()
    unreadable: int = 0


class CelReader:
    """Reads the CEL file into the log: `follow` for ever, `catch_up` once; both at the same time are safe."""

    def __init__(self, calls: CallLog, file: CelFile) -> None:
        self.calls = calls
        self.file = file
        self._reading = asyncio.Lock()

    async def catch_up(self) -> CaughtUp:
        """Reads to the end of the file. Events and position are stored together, so nothing is read half.

        Raises LogUnavailable, Unstorable, OSError; the next reading begins where the last whole one ended.
        """
        new_calls: set[str] = set()
        met: set[str] = set()
        unreadable = 0
        async with self._reading:
            position = await self._position()
            while True:
                piece = await asyncio.to_thread(self.file.read, position)
                if piece.position != position:
                    stored = await self.calls.store(piece.events, (str(self.file.path), piece.position))
                    new_calls |= stored.new_calls
                met.update(event.call_id for event in piece.events if is_call(event))
                unreadable += _warned(piece)
                position = piece.position
                if not piece.more:
                    return CaughtUp(frozenset(new_calls), frozenset(met), unreadable)

    async def follow(self, wake: asyncio.Event, every: float = 0.25) -> None:
        """Catches up whenever the file has changed, for ever; looks every `every` seconds, and soon after `wake`.

        `wake` is set by whoever hears an AMI CEL event; it is a shortcut and may never come. A database or file
        that cannot be used is logged and tried again: no call waits for this.
        """
        seen: object = None
        told = -QUIET
        while True:
            await self._pause(wake, every)
            try:
                now = await asyncio.to_thread(self._look)
                if now != seen:
                    await self.catch_up()
                    seen = now
            except (LogUnavailable, OSError) as error:
                if asyncio.get_running_loop().time() - told >= QUIET:
                    told = asyncio.get_running_loop().time()
                    log.error("CEL is not in the log yet: %s; calls go on", error)

    async def _pause(self, wake: asyncio.Event, every: float) -> None:
        try:
            await asyncio.wait_for(wake.wait(), every)
        except TimeoutError:
            return
        wake.clear()
        await asyncio.sleep(AFTER_WAKE)

    def _look(self) -> object:
        """Something that changes whenever the file does; None while there is no file."""
        try:
            found = self.file.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    async def _position(self) -> Position:
        async with self.calls.database.reading() as connection:
            found = await connection.run_sync(position_of, str(self.file.path))
        return Position(*found) if found else Position()


def _warned(piece: Piece) -> int:
    if piece.unreadable:
        log.error("%d rows of the CEL file cannot be read; calls they tell of may be incomplete", piece.unreadable)
    return piece.unreadable
