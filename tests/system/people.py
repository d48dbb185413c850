"""What people do in the tests: a citizen who calls, an officer who picks up."""

from collections.abc import Callable
from typing import Self

from ivr.calls.events import Event
from ivr.calls.events import Kind as Happened
from ivr.calls.projection import CallRecord
from ivr.phones.baresip import Kind, Phone
from tests.system.server import Server, until

SwitchOn = Callable[[Server, str], Phone]


class Citizen:
    """Somebody with a phone. `dial()` waits until the server has answered and knows the call by its id."""

    def __init__(self, server: Server, phone: Phone) -> None:
        self.server, self.phone = server, phone
        self.call_id = ""

    def dial(self) -> Self:
        """Call 112 and wait for the answer."""
        before = {call.call_id for call in self.server.calls()}
        self.phone.dial("112")
        self.phone.wait_event(Kind.ESTABLISHED)

        def mine() -> str:
            number = self.phone.account
            new = [c for c in self.server.calls() if c.call_id not in before and c.caller_number == number]
            return new[0].call_id if new else ""

        self.call_id = until(mine, "new call in the log")
        return self

    def until(self, kind: Happened, seconds: float = 20.0, **detail: object) -> Event:
        """Wait until this is in the call's record; the newest such event."""

        def look() -> Event | None:
            events = [e for e in self.server.story(self.call_id)[1] if e.kind == kind]
            fitting = [e for e in events if all(e.detail.get(name) == value for name, value in detail.items())]
            return fitting[-1] if fitting else None

        event = until(look, f"{kind} {detail or ''} in {self.call_id}", seconds)
        assert event is not None
        return event

    def is_asked(self, question: str, attempt: int = 1) -> Self:
        """Wait until this question is put."""
        self.until(Happened.QUESTION, question=question, attempt=attempt)
        return self

    def answers(self, *keys: str) -> Self:
        """Press one key for each of the questions: what happened, which kecamatan, which kelurahan."""
        for question, key in zip(("category", "area", "kelurahan"), keys, strict=False):
            self.is_asked(question)
            self.phone.press(key)
        return self

    def hangs_up(self) -> tuple[CallRecord, list[Event]]:
        """End the call; its record once everything about it is known."""
        self.phone.hang_up()
        return self.record()

    def record(self) -> tuple[CallRecord, list[Event]]:
        """The call's record once it has ended and its recording was checked."""

        def done() -> bool:
            record = self.server.story(self.call_id)[0]
            return bool(record.ended_at and (record.recording_checked_at or not record.recording_path))

        until(done, f"end of {self.call_id}", 20)
        return self.server.story(self.call_id)


def accepts(citizen: Citizen, officer: Phone, key: str = "1") -> None:
    """The officer's phone rings, the officer picks up, hears who calls, and presses a key."""
    officer.answer(timeout=15)
    citizen.until(Happened.PICKED_UP, line=officer.account)
    officer.press(key)


def kinds(events: list[Event]) -> list[str]:
    """What happened, in order."""
    return [str(event.kind) for event in events]
