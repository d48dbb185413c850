"""Brings into the log what was written in a file: Asterisk's CEL, and the controller's own journal."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ivr.calls.database import Database, LogUnavailable, Unstorable
from ivr.calls.events import Event
from ivr.calls.growing import GrowingFile, Piece, Position
from ivr.calls.projection import is_call
from ivr.calls.store import Stored, position_of

log = logging.getLogger(__name__)

PORTION = 250  # events in one transaction: some tenths of a second of the event loop
QUIET = 60.0  # seconds between two lines about the same trouble
# Asterisk tells AMI of a row before or after it is in the file, about half of the time each
AFTER_WAKE = 0.05  # seconds


class Store(Protocol):
    """Where events go: the log."""

    database: Database

    async def store(self, events: Sequence[Event], read: tuple[str, Position] | None = None) -> Stored:
        """Writes events and how far a file was read in one transaction. Raises LogUnavailable, Unstorable."""


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What a reading found: calls the log did not have, all calls met, rows that made no sense."""

    new_calls: frozenset[str] = frozenset()
    met: frozenset[str] = frozenset()
    unreadable: int = 0


class FileReader:
    """Reads a file into the log: `follow` for ever, `catch_up` once; both at the same time are safe."""

    def __init__(self, calls: Store, file: GrowingFile) -> None:
        self.calls = calls
        self.file = file
        self.given_up = 0
        self._reading = asyncio.Lock()
        self._known: tuple[object, Position] | None = None  # of which database file

    @property
    def stale(self) -> bool:
        """Whether the database is not the one that was read into: deleted, or put in its place."""
        return self._known is not None and self._known[0] != self.calls.database.identity

    async def catch_up(self) -> CaughtUp:
        """Reads to the end of the file. The position is stored with or after its events, so nothing is left out.

        Raises LogUnavailable, OSError; the next reading begins where the last whole one ended.
        """
        new_calls: set[str] = set()
        met: set[str] = set()
        unreadable = 0
        async with self._reading:
            position = await self._position()
            while True:
                piece = await asyncio.to_thread(self.file.read, position)
                if piece.position != position:
                    new_calls |= await self._store(piece)
                met.update(event.call_id for event in piece.events if is_call(event))
                unreadable += self._warned(piece)
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
                    log.error("%s is not in the log yet: %s; calls go on", self.file.path.name, error)

    async def _pause(self, wake: asyncio.Event, every: float) -> None:
        try:
            async with asyncio.timeout(every):  # not wait_for, which in 3.11 may swallow a cancellation
                await wake.wait()
        except TimeoutError:
            return
        wake.clear()
        await asyncio.sleep(AFTER_WAKE)

    def _look(self) -> object:
        """Something that changes whenever the file does, or the database is another; None while there is no file."""
        try:
            found = self.file.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, self.calls.database.identity

    async def _position(self) -> Position:
        """Where the last reading ended. Asked anew only of another database file: one that was deleted and made again
        has read nothing yet."""
        if self._known is None or self.stale:
            async with self.calls.database.writing() as connection:  # if it is damaged here, nothing can be written
                found = await connection.run_sync(position_of, str(self.file.path))
            self._known = (self.calls.database.identity, Position(*found) if found else Position())
        return self._known[1]

    async def _store(self, piece: Piece) -> frozenset[str]:
        """In portions, between which the event loop does its other work; the position comes with the last.

        A crash between two of them has the first ones stored again, which changes nothing.
        """
        read = (str(self.file.path), piece.position)
        new_calls: set[str] = set()
        try:
            for start in range(0, max(len(piece.events), 1), PORTION):
                portion = piece.events[start : start + PORTION]
                last = start + PORTION >= len(piece.events)
                new_calls |= (await self.calls.store(portion, read if last else None)).new_calls
        except Unstorable:
            await self._store_singly(piece.events)
            await self.calls.store((), read)
        self._known = (self.calls.database.identity, piece.position)
        return frozenset(new_calls)

    async def _store_singly(self, events: Sequence[Event]) -> None:
        """One event of the piece cannot be stored: the others are, and it is given up."""
        for event in events:
            try:
                await self.calls.store([event])
            except Unstorable:
                log.exception("an event (%s) cannot be stored and is given up", event.kind)
                self.given_up += 1

    def _warned(self, piece: Piece) -> int:
        if piece.unreadable:
            name = self.file.path.name
            log.error("%d rows of %s cannot be read; calls they tell of may be incomplete", piece.unreadable, name)
        return piece.unreadable
