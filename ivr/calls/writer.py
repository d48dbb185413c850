"""The one writer of the record of calls. Noting an event never waits for disk or database.

    note -> queue in memory -> journal (on disk within milliseconds) -> database

The journal is written always, not only in need: what the database lacks for whatever reason is read from it later, in
order and once (`journal`, `catchup`).
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from ivr.calls import store
from ivr.calls.catchup import QUIET, FileReader
from ivr.calls.database import Database, Unstorable
from ivr.calls.events import Event
from ivr.calls.growing import Position
from ivr.calls.journal import Journal
from ivr.calls.store import Stored

log = logging.getLogger(__name__)

BATCH = 500
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds between two tries while the database or the disk is away
LOOK = 1.0  # seconds between two looks whether the database is still the same file


class CallLog:
    """Takes events from any thread and writes them in one asyncio task.

    >>> async def serve() -> None:
    ...     async with CallLog(Database(Path("calls.sqlite"))) as calls:
    ...         calls.note(happened("ivr112-1.2", Kind.QUESTION, question="category", attempt=1))

    Where neither journal nor database can be written, events wait in memory, at most `capacity`. What does not fit is
    dropped and counted (`dropped`): Asterisk's own CEL file still has the call, and the sweep brings it in.
    """

    def __init__(self, database: Database, journal: Path | None = None, capacity: int = 10_000) -> None:
        self.database = database
        self.journal = Journal(journal or database.path.parent / "journal" / "events.log")
        self.capacity = capacity
        self._refused = 0
        self._queue: deque[Event] = deque()
        self._batch: list[Event] = []
        self._door = threading.Lock()
        self._full = self._woken = self._closed = False
        self._wake = asyncio.Event()
        self._written = asyncio.Condition()
        self._journaled = 0  # events written to the journal in this run
        self._brought = -1  # of these, in the database; before the first reading nobody knows what earlier runs left
        self._more = asyncio.Event()
        self._failing = False
        self._told = -QUIET
        self._reader = FileReader(self, self.journal)
        self._followers: set[asyncio.Queue[Event]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "CallLog":
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Starts the writer in the running loop. The database may be away: it is opened when first needed."""
        self._loop = asyncio.get_running_loop()
        jobs = {"journal writer": self._write_down_for_ever(), "database writer": self._bring_in_for_ever()}
        self._tasks = [self._loop.create_task(job, name=name) for name, job in jobs.items()]
        self._wake.set()

    async def stop(self, seconds: float = 5.0) -> None:
        """Writes what waits, as far as that works within the time, and ends. Later notes are refused."""
        with self._door:
            self._closed = True
        if not await self.flush(seconds):
            if lost := self.waiting:
                log.error("%d events are written nowhere: the sweep must bring their calls in from CEL", lost)
            if late := self.journaled:
                log.error("%d events are in the journal alone: the next start brings them in", late)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.database.close()

    @property
    def waiting(self) -> int:
        """Events noted and on no disk yet."""
        return len(self._queue) + len(self._batch)

    @property
    def journaled(self) -> int:
        """Events that this run has written to the journal and not yet to the database."""
        return self._journaled - max(self._brought, 0)

    @property
    def dropped(self) -> int:
        """Events that are lost: memory was full, or the database refuses their content for good."""
        return self._refused + self._reader.given_up

    def note(self, event: Event) -> bool:
        """Takes the event, from any thread, without waiting. False when it is dropped (full, or stopped)."""
        with self._door:  # held for some microseconds, never during input or output
            refused = self._closed or len(self._queue) >= self.capacity
            if refused:
                self._refused += 1
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
        """Waits until everything noted so far is in the database; False when that takes longer."""
        try:
            async with asyncio.timeout(seconds), self._written:
                await self._written.wait_for(lambda: self.waiting == 0 and self._brought == self._journaled)
        except TimeoutError:
            return False
        return True

    async def store(self, events: Sequence[Event], read: tuple[str, Position] | None = None) -> Stored:
        """Writes now, in one transaction with how far a file was read. Raises LogUnavailable, Unstorable."""
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

    async def _write_down_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            with self._door:
                self._woken = False
            while self._take():
                await self._write_down()
            self._more.set()

    async def _bring_in_for_ever(self) -> None:
        """Beside the other: a database that lets us wait for seconds must not keep events in memory meanwhile."""
        pause = FIRST_PAUSE
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):  # not wait_for, which in 3.11 may swallow a cancellation
                    await self._more.wait()
            if not self._more.is_set() and not self._reader.stale:
                continue
            self._more.clear()
            while not await self._bring_in():
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            pause = FIRST_PAUSE
            async with self._written:
                self._written.notify_all()

    def _take(self) -> bool:
        with self._door:
            while self._queue and len(self._batch) < BATCH:
                self._batch.append(self._queue.popleft())
            if len(self._queue) < self.capacity // 2:
                self._full = False
        return bool(self._batch)

    async def _write_down(self) -> None:
        """The batch into the journal; where that cannot be, into the database; tried until it is somewhere."""
        pause = FIRST_PAUSE
        while self._batch:
            try:
                await asyncio.to_thread(self.journal.append, self._batch)
                self._journaled += len(self._batch)
                self._batch = []
            except Exception as error:  # noqa: BLE001 whatever it is, this task must not end: no memory, no threads
                self._say("the journal cannot be written (%s)", error)
                if not await self._write_around():
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)

    async def _write_around(self) -> bool:
        """Without the journal, straight into the database."""
        while self._batch:
            try:
                await self.store(self._batch[:1])
            except Unstorable:
                log.exception("an event (%s) cannot be stored and is given up", self._batch[0].kind)
                self._refused += 1
            except Exception as error:  # noqa: BLE001 as above
                self._say("nor the database (%s)", error)
                return False
            del self._batch[0]
        return True

    async def _bring_in(self) -> bool:
        """From the journal into the database; False while that does not work."""
        reached = self._journaled
        try:
            await self._reader.catch_up()
        except Exception as error:  # noqa: BLE001 as above
            self._say("the database cannot be written (%s)", error)
            return False
        self._brought = reached
        if self._failing and not self._batch:
            log.warning("call log: the database works again")
            self._failing, self._told = False, -QUIET
        return True

    def _say(self, trouble: str, error: Exception) -> None:
        """Once a minute while it lasts."""
        self._failing = True
        if time.monotonic() - self._told >= QUIET:
            self._told = time.monotonic()
            log.error(f"call log: {trouble}; %d events wait, calls go on", error, self.waiting + self.journaled)
