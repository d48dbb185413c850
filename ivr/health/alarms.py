"""What a human must look at: a small book of alarms that outlives the controller.

The controller alone writes it, anybody may `read` it. Raising and clearing never wait for the disk.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from ivr.rulebook.durable import replace as replace_file

log = logging.getLogger(__name__)

FILE = "alarms.json"
LARGEST = 1 << 20  # bytes; more is no book of ours
AGAIN = 30.0  # seconds until a book that could not be written is written again


class State(StrEnum):
    """What became of an alarm."""

    BEGUN = "begun"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One trouble that lasts `since` then (UTC); `text` (Indonesian) says what it is, `where` what to look at."""

    key: str
    since: datetime
    text: str
    where: str = ""


class BookDamaged(Exception):
    """There is a book of alarms, and it cannot be understood."""


OnChange = Callable[[Alarm, State], None]


class Alarms:
    """The alarms that stand; any thread may raise and clear them.

    Each beginning and end is logged once and told to `on_change`, which must not wait.
    """

    def __init__(self, folder: Path, on_change: OnChange = lambda _alarm, _state: None) -> None:
        self._folder, self._on_change = folder, on_change
        self._standing = {alarm.key: alarm for alarm in read(folder)}
        self._door = threading.Lock()
        self._keeper = _Keeper(folder / FILE, self._content)

    @property
    def standing(self) -> tuple[Alarm, ...]:
        """Oldest first."""
        with self._door:
            return tuple(sorted(self._standing.values(), key=lambda alarm: (alarm.since, alarm.key)))

    def raise_(self, key: str, text: str, where: str = "") -> None:
        """The trouble is there. Told when it was not there before; words that changed are only kept."""
        with self._door:
            before = self._standing.get(key)
            since = before.since if before else datetime.now(UTC)
            alarm = self._standing[key] = Alarm(key, since, text, where)
        if alarm == before:
            return
        self._keeper.wake()
        if before is None:
            log.error("alarm %s begins: %s", key, text)
            self._tell(alarm, State.BEGUN)

    def clear(self, key: str) -> None:
        """The trouble is over."""
        with self._door:
            alarm = self._standing.pop(key, None)
        if alarm is not None:
            self._keeper.wake()
            log.warning("alarm %s has ended; it began at %s", key, alarm.since.isoformat(timespec="seconds"))
            self._tell(alarm, State.ENDED)

    def close(self, seconds: float = 2.0) -> None:
        """Waits until the book is on disk, at most so long."""
        self._keeper.close(seconds)

    def _tell(self, alarm: Alarm, state: State) -> None:
        try:
            self._on_change(alarm, state)
        except Exception:
            log.exception("nobody could be told that the alarm %s has %s", alarm.key, state)

    def _content(self) -> bytes:
        return json.dumps(as_json(self.standing), ensure_ascii=False, indent=1).encode()


class _Keeper:
    """Writes the newest content from a thread of its own: a disk that hangs holds nobody up."""

    def __init__(self, path: Path, content: Callable[[], bytes]) -> None:
        self._path, self._content = path, content
        self._changed = threading.Condition()
        self._asked = self._kept = 0
        self._closed = False
        self._failing = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        with self._changed:
            self._asked += 1
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
                self._thread.start()

    def close(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._kept == self._asked, seconds)
        if self._thread is not None:
            self._thread.join(max(until - time.monotonic(), 0.0))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._kept != self._asked)
                if self._kept == self._asked:
                    return
                asked, last = self._asked, self._closed
            kept = self._write()
            with self._changed:
                if kept:
                    self._kept = asked
                    self._changed.notify_all()
                elif last:
                    return
                else:
                    self._changed.wait_for(lambda: self._closed, AGAIN)

    def _write(self) -> bool:
        try:
            replace_file(self._path, self._content())
        except OSError as error:
            if not self._failing:
                log.error("alarms are kept in memory only, tried again every %g s: %s", AGAIN, error)
            self._failing = True
            return False
        self._failing = False
        return True


def read(folder: Path) -> tuple[Alarm, ...]:
    """The alarms of an installation, oldest first; none when there is no book, or it cannot be read."""
    try:
        return written(folder)
    except (OSError, BookDamaged) as error:
        log.warning("the alarms of an earlier run cannot be read (%s: %s)", type(error).__name__, error)
        return ()


def written(folder: Path) -> tuple[Alarm, ...]:
    """The alarms in the book, oldest first; none when there is no book. Raises OSError, BookDamaged."""
    try:
        with (folder / FILE).open("rb") as file:
            rows = json.loads(file.read(LARGEST))
        return tuple(_alarm(row) for row in rows)
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BookDamaged(f"{type(error).__name__}: {error}") from error


def as_json(alarms: Iterable[Alarm]) -> list[dict[str, str]]:
    """For programs; times are ISO 8601, UTC."""
    return [
        {"key": alarm.key, "since": alarm.since.isoformat(), "text": alarm.text, "where": alarm.where}
        for alarm in alarms
    ]


def _alarm(row: Mapping[str, Any]) -> Alarm:
    """Raises KeyError, TypeError, ValueError."""
    alarm = Alarm(str(row["key"]), datetime.fromisoformat(row["since"]), str(row["text"]), str(row["where"]))
    if alarm.since.tzinfo is None:
        return replace(alarm, since=alarm.since.replace(tzinfo=UTC))
    return alarm
