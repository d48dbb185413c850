"""How often a number has called lately, so that a prankster rings operators and not the agencies (`iseng`)."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LONGEST = 24 * 60 * 60.0  # seconds; the longest time a rules file can ask for
MOST_NUMBERS = 100_000


@dataclass(slots=True)
class RecentCallers:
    """Any thread may ask. In memory alone: a restart forgets, and then nobody is diverted.

    A call without a number (no SIM, withheld) is never counted: behind it may be anybody.
    """

    clock: Callable[[], float] = time.monotonic
    _calls: dict[str, list[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, number: str) -> None:
        """This number calls now."""
        if not any(sign.isdecimal() for sign in number):
            return
        now = self.clock()
        with self._lock:
            calls = [at for at in self._calls.pop(number, ()) if at >= now - LONGEST]
            self._calls[number] = [*calls, now]  # to the end: the number that has been quiet longest stands first
            if len(self._calls) > MOST_NUMBERS:
                del self._calls[next(iter(self._calls))]

    def count(self, number: str, minutes: int) -> int:
        """How many calls this number made within the last minutes, the one in progress included."""
        since = self.clock() - 60 * minutes
        with self._lock:
            return sum(at > since for at in self._calls.get(number, ()))
