"""`ivr demo`: one real call on the running system, with real SIP phones, its timeline on the terminal."""

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ivr.asterisk.accounts import DEMO_CITIZEN
from ivr.calls import query
from ivr.calls.cli import events_from_now
from ivr.calls.database import reader
from ivr.calls.events import Event, Kind
from ivr.calls.projection import CallRecord
from ivr.calls.query import Filter
from ivr.messages import say
from ivr.phones import sounds
from ivr.phones.baresip import Kind as PhoneEvent
from ivr.phones.baresip import Phone, PhoneError, PhoneTimeout
from ivr.rules import Rules, route
from ivr.secrets import Secrets
from ivr.settings import Settings
from ivr.supervisor.checks import CannotStart

CITIZEN_HERTZ, OFFICER_HERTZ = 500, 900
RINGS = 2.0  # seconds until an officer picks up
LISTENS = 4.0  # seconds an officer listens before pressing 1
READS = 2.5  # seconds the citizen listens before pressing a key
TALKS = 4.0
ENDS_WITHIN = 90.0

Tell = Callable[[CallRecord, Event], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """A call to be made: which keys the citizen presses, one for each question."""

    settings: Settings
    rules: Rules
    secrets: Secrets
    keys: Sequence[str]

    def run(self, tell: Tell) -> CallRecord:
        """Make the call and tell every event of it; its record once the recording has been checked.

        Raises CannotStart when the server is not there, PhoneError when a phone fails.
        """
        self._must_run()
        with ExitStack() as phones:
            folder = Path(phones.enter_context(tempfile.TemporaryDirectory(prefix="ivr-demo-")))
            voices = {hertz: sounds.tone(folder / f"{hertz}.wav", hertz) for hertz in (CITIZEN_HERTZ, OFFICER_HERTZ)}
            citizen = self._phone(DEMO_CITIZEN, voices[CITIZEN_HERTZ], phones)
            officers = [self._phone(account, voices[OFFICER_HERTZ], phones) for account in self._accounts()]
            stop = threading.Event()
            phones.callback(stop.set)
            for officer in officers:
                threading.Thread(target=_officer, args=[officer, stop], daemon=True).start()
            events = events_from_now(self.settings.database, Filter(), every=0.1)
            citizen.dial("112")
            return self._until_checked(citizen, events, tell)

    def _must_run(self) -> None:
        address = str(self.settings.sip_address)
        try:
            socket.create_connection((address, self.settings.sip_port), 2).close()
        except OSError as error:
            raise CannotStart(say("demo.not_running", address=address, port=self.settings.sip_port)) from error
        if not self.settings.demo:
            raise CannotStart(say("demo.switched_off"))

    def _phone(self, account: str, voice: Path, phones: ExitStack) -> Phone:
        registrar = f"{self.settings.sip_address}:{self.settings.sip_port}"
        phone = phones.enter_context(Phone(account, registrar, password=self.secrets[account], microphone=voice))
        phone.wait_registered()
        return phone

    def _accounts(self) -> list[str]:
        """The phones that the plan behind these keys can ring, and the operators'."""
        by_key = {category.key: category.id for category in self.rules.categories}
        areas = {area.key: area.code for area in self.rules.areas}
        category = by_key.get(self.keys[0]) if self.keys else None
        area = areas.get(self.keys[1]) if len(self.keys) > 1 else None
        plan = route(self.rules, category, area, datetime.now(UTC))
        lines = [self.rules.line(line) for step in plan.steps if step.kind == "lines" for line in step.lines]
        return [line.account for line in (*lines, *self.rules.operator_lines) if line.account]

    def _until_checked(self, citizen: Phone, events: Iterator[tuple[CallRecord, Event]], tell: Tell) -> CallRecord:
        deadline = time.monotonic() + ENDS_WITHIN
        call, keys = "", list(self.keys)
        timer: threading.Timer | None = None
        for record, event in events:
            if time.monotonic() > deadline:
                raise PhoneTimeout(say("demo.too_long", seconds=ENDS_WITHIN))
            call = call or (record.call_id if record.caller_number == DEMO_CITIZEN else "")
            if not call or record.call_id != call:
                continue
            tell(record, event)
            if event.kind == Kind.QUESTION and keys:
                threading.Timer(READS, _press, [citizen, keys.pop(0)]).start()
            if event.kind == Kind.ACCEPTED and timer is None:
                timer = threading.Timer(TALKS, citizen.hang_up)
                timer.start()
            if event.kind == Kind.RECORDING_CHECKED:
                break
        with reader(self.settings.database) as connection:
            found = query.call(connection, call)
        if found is None:
            raise PhoneError(say("demo.lost", call=call))
        return found[0]


def _officer(phone: Phone, stop: threading.Event) -> None:
    """Picks up, listens, presses 1; an operator's call needs no key and ignores it."""
    while not stop.is_set():
        try:
            phone.wait_event(PhoneEvent.INCOMING, timeout=0.5)
            if not stop.wait(RINGS):
                phone.answer()
            if not stop.wait(LISTENS):
                phone.press("1")
        except PhoneError:
            continue  # nobody rang, or the caller was quicker


def _press(phone: Phone, key: str) -> None:
    try:
        phone.press(key)
    except PhoneError:
        return  # the call was over before the key
