"""What happened to one phone, written by the thread that listens to it and awaited by those who use it."""

import time
from collections.abc import Callable
from threading import Condition
from typing import TypeVar

from ivr.phones.events import Event, Kind, PhoneError, PhoneTimeout

Found = TypeVar("Found")

_STATES = (Kind.DIALLED, Kind.INCOMING, Kind.RINGING, Kind.PROGRESS, Kind.ESTABLISHED, Kind.CLOSED, Kind.GONE)


class Diary:
    """The events of the phone of `account`, oldest first."""

    def __init__(self, account: str) -> None:
        self.events: list[Event] = []
        self._account = account
        self._seen = 0  # events that earlier waits have returned or passed over
        self._news = Condition()

    def note(self, event: Event) -> None:
        """Something happened."""
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def stir(self) -> None:
        """Something else is new: whoever waits looks again."""
        with self._news:
            self._news.notify_all()

    def last(self, *kinds: Kind) -> Event | None:
        """The newest event of these kinds."""
        return next((event for event in reversed(self.events) if event.kind in kinds), None)

    @property
    def state(self) -> Kind | None:
        """What the newest call has come to; None before the first."""
        last = self.last(*_STATES)
        return last.kind if last else None

    def pass_over(self) -> None:
        """Later waits look only at what follows."""
        self._seen = len(self.events)

    def next(self, kind: Kind, timeout: float) -> Event:
        """The next event of that kind, behind the one the wait before returned. Raises as `must`."""

        def found() -> Event | None:
            return next((event for event in self.events[self._seen :] if event.kind == kind), None)

        event = self.must(found, time.monotonic() + timeout, f"no {kind}")
        self._seen = self.events.index(event, self._seen) + 1
        return event

    def must(self, look: Callable[[], Found | None], deadline: float, otherwise: str) -> Found:
        """What `look` finds, waiting for it. Raises PhoneTimeout; PhoneError at once when the phone has ended."""
        found = self._wait(look, deadline)
        if found:
            return found
        kinds = " ".join(event.kind for event in self.events[-8:])
        problem = PhoneError if self.last(Kind.GONE) else PhoneTimeout
        raise problem(f"{self._account}: {otherwise} (last events: {kinds or 'none'})")

    def wait_news(self, deadline: float) -> None:
        """Until anything happens, or the deadline (seconds, monotonic), or the phone has ended."""
        known = len(self.events)
        self._wait(lambda: self.events[known:], deadline)

    def _wait(self, look: Callable[[], Found | None], deadline: float) -> Found | None:
        with self._news:
            while not (found := look()):
                left = deadline - time.monotonic()
                if left <= 0 or self.last(Kind.GONE):
                    return None
                self._news.wait(left)
            return found
