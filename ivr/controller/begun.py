"""Which edition of the rules each call began with, for callers who are asked a second time (`*`)."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ivr.rulebook.edition import Edition

LONGEST = 2 * 60 * 60.0  # seconds; no call lasts longer
MOST_CALLS = 10_000


@dataclass(slots=True)
class Begun:
    """Any thread may ask. In memory alone: after a restart, who corrects is asked by the rules in force."""

    clock: Callable[[], float] = time.monotonic
    _calls: dict[str, tuple[float, Edition]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, call: str, edition: Edition) -> None:
        """This call begins under this edition."""
        now = self.clock()
        with self._lock:
            self._calls[call] = (now, edition)
            while len(self._calls) > MOST_CALLS or next(iter(self._calls.values()))[0] < now - LONGEST:
                del self._calls[next(iter(self._calls))]

    def edition(self, call: str) -> Edition | None:
        """What it began with, None when that is not known any more."""
        with self._lock:
            return self._calls[call][1] if call in self._calls else None
