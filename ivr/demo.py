"""`ivr demo`: one real call on the running system, with real SIP phones, its timeline on the terminal."""

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from ivr.asterisk.accounts import DEMO_CITIZEN
from ivr.calls import query
from ivr.calls.database import LogUnavailable, reader
from ivr.calls.events import Event, Kind
from ivr.calls.projection import CallRecord
from ivr.calls.query import Filter
from ivr.calls.show import Style
from ivr.checks import CannotStart
from ivr.controller.script import CityScript
from ivr.dialogue import Understanding
from ivr.messages import say
from ivr.phones import sounds
from ivr.phones.baresip import Kind as PhoneEvent
from ivr.phones.baresip import Phone, PhoneError, PhoneTimeout
from ivr.rules import Rules, route
from ivr.secrets import Secrets
from ivr.settings import Settings

CITIZEN_HERTZ, OFFICER_HERTZ = 500, 900
RINGS = 2.0  # seconds until an officer picks up
LISTENS = 4.0  # seconds an officer listens before pressing 1
READS = 2.5  # seconds the citizen listens before pressing a key
TALKS = 4.0
ENDS_WITHIN = 90.0
SETTLES = timedelta(seconds=0.8)  # until Asterisk's own events are in the log too
LOOKS_EVERY = 0.1

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

        Raises CannotStart when the server or its log is not there, PhoneError when a phone fails.
        """
        self._must_run()
        try:
            return self._call(tell)
        except LogUnavailable as error:
            raise CannotStart(say("demo.no_log", path=self.settings.database)) from error

    def _call(self, tell: Tell) -> CallRecord:
        with ExitStack() as phones:
            folder = Path(phones.enter_context(tempfile.TemporaryDirectory(prefix="ivr-demo-")))
            voices = {hertz: sounds.tone(folder / f"{hertz}.wav", hertz) for hertz in (CITIZEN_HERTZ, OFFICER_HERTZ)}
            citizen = self._phone(DEMO_CITIZEN, voices[CITIZEN_HERTZ], phones)
            officers = [self._phone(account, voices[OFFICER_HERTZ], phones) for account in self.accounts()]
            stop = threading.Event()
            phones.callback(stop.set)
            for officer in officers:
                threading.Thread(target=_officer, args=[officer, stop], daemon=True).start()
            with reader(self.settings.database) as connection:
                place = query.last_event_id(connection)
            citizen.dial("112")
            return self._until_checked(citizen, self._events(place), tell)

    def _must_run(self) -> None:
        address = str(self.settings.sip_address)
        try:
            socket.create_connection((address, self.settings.sip_port), 2).close()
        except OSError as error:
            raise CannotStart(say("demo.not_running", address=address, port=self.settings.sip_port)) from error
        if not self.settings.demo:
            raise CannotStart(say("demo.switched_off"))
        if self.settings.media_encryption != "no":
            raise CannotStart(say("demo.encrypted"))

    def _phone(self, account: str, voice: Path, phones: ExitStack) -> Phone:
        registrar = f"{self.settings.sip_address}:{self.settings.sip_port}"
        phone = phones.enter_context(Phone(account, registrar, password=self.secrets[account], microphone=voice))
        phone.wait_registered()
        return phone

    def accounts(self) -> list[str]:
        """The phones that the plan behind these keys can ring, and the operators'."""
        now, known = datetime.now(UTC), Understanding()
        script = CityScript(self.rules, now)
        question = script.next_question(known)
        for key in self.keys:
            choice = question.choice(key) if question else None
            if question is None or choice is None:
                break
            if choice.then is None:
                known = known.knowing(question.subject, choice.id, "key")
            question = choice.then or script.next_question(known)
        plan = route(self.rules, known.category, known.area, now)
        lines = [self.rules.line(line) for step in plan.steps if step.kind == "lines" for line in step.lines]
        accounts = [line.account for line in (*lines, *self.rules.operator_lines) if line.account]
        return list(dict.fromkeys(accounts))

    def _events(self, place: int) -> Iterator[tuple[CallRecord, Event]]:
        """Events after a place in the log, in the order of time: Asterisk's own arrive a moment later than ours."""
        waiting: list[tuple[CallRecord, Event]] = []
        deadline = time.monotonic() + ENDS_WITHIN
        while time.monotonic() < deadline:
            with reader(self.settings.database) as connection:
                found, place = query.events_after(connection, place, Filter())
            waiting = sorted([*waiting, *found], key=lambda pair: pair[1].at)
            settled = datetime.now(UTC) - SETTLES
            yield from (pair for pair in waiting if pair[1].at <= settled)
            waiting = [pair for pair in waiting if pair[1].at > settled]
            time.sleep(LOOKS_EVERY)
        raise PhoneTimeout(say("demo.too_long", seconds=ENDS_WITHIN))

    def _until_checked(self, citizen: Phone, events: Iterator[tuple[CallRecord, Event]], tell: Tell) -> CallRecord:
        call, keys = "", list(self.keys)
        talking = False
        for record, event in events:
            call = call or (record.call_id if record.caller_number == DEMO_CITIZEN else "")
            if not call or record.call_id != call:
                continue
            tell(record, event)
            if event.kind == Kind.QUESTION and keys:
                _later(READS, partial(citizen.press, keys.pop(0)))
            if event.kind == Kind.ACCEPTED and not talking:
                talking = True
                _later(TALKS, citizen.hang_up)
            if event.kind == Kind.RECORDING_CHECKED:
                break
        with reader(self.settings.database) as connection:
            found = query.call(connection, call)
        if found is None:
            raise PhoneError(say("demo.lost", call=call))
        return found[0]


def outcome(record: CallRecord, style: Style, recordings: Path) -> Iterator[str]:
    """What came of the call: who answered, after how long, and where it can be heard."""
    if record.answered_by and record.answered_at and record.arrived_at:
        wait = round((record.answered_at - record.arrived_at).total_seconds(), 1)
        yield say("demo.answered", line=style.name("line", record.answered_by), wait=wait)
    else:
        yield say("demo.unanswered")
    if record.recording_path:
        yield say("demo.recording", path=recordings / record.recording_path, seconds=record.recording_seconds)


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


def _later(seconds: float, act: Callable[[], None]) -> None:
    """Do it in a while, unless the call is over by then."""

    def run() -> None:
        with suppress(PhoneError):
            act()

    timer = threading.Timer(seconds, run)
    timer.daemon = True
    timer.start()
