"""The one writer of the record of calls. Noting an event never waits for the database."""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence

from ivr.calls import store
from ivr.calls.celfile import Position
from ivr.calls.database import Database, LogUnavailable, Unstorable
from ivr.calls.events import Event
from ivr.calls.store import Stored

log = logging.getLogger(__name__)

BATCH = 500
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0  # seconds between two tries while the database is away
QUIET = 60.0  # seconds between two lines about the same trouble


class CallLog:
    """Takes events from any thread and writes them in one asyncio task.

    >>> async def serve() -> None:
    ...     async with CallLog(Database(Path("calls.sqlite"))) as calls:
    ...         calls.note(happened("ivr112-1.2", Kind.QUESTION, question="category", attempt=1))

    While the database is away events wait in memory, at most `capacity`. What does not fit is dropped and counted
    (`dropped`): Asterisk's own CEL file still has the call, and the sweep brings it in.
    """

    def __init__(self, database: Database, capacity: int = 10_000) -> None:
        self.database = database
        self.capacity = capacity
        self.dropped = 0
        self._queue: deque[Event] = deque()
        self._batch: list[Event] = []
        self._door = threading.Lock()
        self._full = self._woken = self._closed = False
        self._wake = asyncio.Event()
        self._written = asyncio.Condition()
        self._followers: set[asyncio.Queue[Event]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "CallLog":
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Starts the writer in the running loop. The database may be away: it is opened when first needed."""
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._write_for_ever(), name="call log writer")
        self._wake.set()

    async def stop(self, seconds: float = 5.0) -> None:
        """Writes what waits, as far as that works within the time, and ends. Later notes are refused."""
        with self._door:
            self._closed = True
        if not await self.flush(seconds):
            log.error("%d events are not written: the sweep must bring their calls in from CEL", self.waiting)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.database.close()

    @property
    def waiting(self) -> int:
        """Events noted and not yet written."""
        return len(self._queue) + len(self._batch)

    def note(self, event: Event) -> bool:
        """Takes the event, from any thread, without waiting. False when it is dropped (full, or stopped)."""
        with self._door:  # held for some microseconds, never during input or output
            refused = self._closed or len(self._queue) >= self.capacity
            if refused:
                self.dropped += 1
            else:
                self._queue.append(event)
            first, self._full = refused and not self._full, self._full or refused
            wake, self._woken = not refused and not self._woken, True
        if first:
            log.error("the call log is full: events are dropped, calls go on, CEL keeps their record")
        if wake and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: `stop` has counted what was left
                self._loop.call_soon_threadsafe(self._wake.set)
        return not refused

    async def flush(self, seconds: float = 5.0) -> bool:
        """Waits until everything noted so far is written; False when that takes longer."""
        try:
            async with asyncio.timeout(seconds), self._written:
                await self._written.wait_for(lambda: self.waiting == 0)
        except TimeoutError:
            return False
        return True

    async def store(self, events: Sequence[Event], read: tuple[str, Position] | None = None) -> Stored:
        """Writes now, in one transaction with how far a CEL file was read. Raises LogUnavailable, Unstorable."""
        async with self.database.writing() as connection:
            stored = await connection.run_sync(store.store, events)
            if read is not None:
                path, position = read
                await connection.run_sync(store.set_position, path, position.head, position.offset)
        self._tell(stored.events)
        return stored

    @contextlib.contextmanager
    def followed(self, capacity: int = 1000) -> Iterator[asyncio.Queue[Event]]:
        """A queue that gets every event once it is written. A follower too slow to empty it misses events."""
        follower: asyncio.Queue[Event] = asyncio.Queue(capacity)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    def _tell(self, events: Sequence[Event]) -> None:
        for follower in self._followers:
            for event in events:
                with contextlib.suppress(asyncio.QueueFull):
                    follower.put_nowait(event)

    async def _write_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            with self._door:
                self._woken = False
            while self._take():
                await self._write_batch()
            async with self._written:
                self._written.notify_all()

    def _take(self) -> bool:
        with self._door:
            while self._queue and len(self._batch) < BATCH:
                self._batch.append(self._queue.popleft())
            if len(self._queue) < self.capacity // 2:
                self._full = False
        return bool(self._batch)

    async def _write_batch(self) -> None:
        """Tries until the batch is in the database: a call in the log late is better than a call lost."""
        pause, told, failed = FIRST_PAUSE, -QUIET, False
        while self._batch:
            try:
                await self.store(self._batch)
                self._batch = []
            except Unstorable:
                await self._write_singly()
            except LogUnavailable as error:
                failed = True
                if time.monotonic() - told >= QUIET:
                    told = time.monotonic()
                    log.error("call log: %s; %d events wait, calls go on", error, self.waiting)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        if failed:
            log.warning("call log: the database works again")

    async def _write_singly(self) -> None:
        """One event of the batch cannot be stored: the others are, and it is given up."""
        while self._batch:
            try:
                await self.store(self._batch[:1])
            except Unstorable:
                log.exception("an event (%s) cannot be stored and is given up", self._batch[0].kind)
                self.dropped += 1
            except LogUnavailable:
                return  # `_write_batch` goes on with what is left
            del self._batch[0]
