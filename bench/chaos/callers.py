"""Callers: each dials, presses, waits for a human, and says afterwards what it saw and heard."""

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from threading import Event as Signal
from typing import Literal

from bench.chaos.city import CALLERS
from bench.chaos.ears import Ear
from bench.chaos.judge import Seen
from bench.chaos.plan import Caller
from ivr.phones.baresip import Kind, Phone
from ivr.phones.events import PhoneError
from ivr.phones.scenario import Scenario
from ivr.phones.scenario import caller as sipp_caller
from ivr.phones.sipp import Outcome, Sipp
from tests.audio import load, silence_spans

log = logging.getLogger(__name__)

PATIENCE = 150.0  # seconds until a caller gives up: nobody may need that
LOOK = 0.1  # seconds
GONE = 1.2  # seconds without the human's voice: they are not talking any more
TALKED = 8.0  # seconds of a human's voice that no sudden end turns into nobody
NO_PORT = "Unable to bind"
SILENT = -55.0  # dBFS

Ended = Literal["hung up", "gave up", "cut off", "phone failed"]


class Call:
    """One call on a phone."""

    def __init__(self, phone: Phone, caller: Caller, over: Signal) -> None:
        self._phone, self._caller, self._over = phone, caller, over
        self._began = time.monotonic()
        self._first = 0
        self._presses = deque(caller.presses)
        self._story: list[tuple[float, str]] = []
        self._answered: float | None = None
        self._human: str | None = None
        self._human_at = self._heard_at = 0.0

    def make(self) -> Seen:
        """Dial, and come back when it is over."""
        ended: Ended = "phone failed"
        try:
            ear = Ear(self._phone)
            self._first, self._began = len(self._phone.events), time.monotonic()
            self._tell(f"dials {self._caller.dialled}: {self._caller.manner}")
            self._phone.dial(self._caller.dialled)
            ended = self._live(ear)
            if ended in {"hung up", "gave up"}:
                self._phone.hang_up()
        except (PhoneError, OSError) as error:
            self._tell(f"phone failed: {error}")
        self._tell(ended)
        return self._seen(ended)

    def _live(self, ear: Ear) -> Ended:
        while True:
            time.sleep(LOOK)  # a pace, not a wait
            now = time.monotonic()
            for event in self._phone.events[self._first :]:
                if event.kind == Kind.GONE:
                    return "phone failed"
                if event.kind == Kind.CLOSED:
                    self._tell(f"closed: {event.detail}")
                    return "cut off"
                if event.kind == Kind.ESTABLISHED and self._answered is None:
                    self._answered = event.at
                    self._tell("is answered")
            if self._answered is not None:
                self._press(now - self._answered)
                if self._talked(ear.hears(), now):
                    return "hung up"
            if self._caller.leaves is not None and now - self._began > self._caller.leaves:
                return "hung up"
            if now - self._began > PATIENCE or self._over.is_set():
                return "gave up"

    def _press(self, since: float) -> None:
        while self._presses and since >= self._presses[0][0]:
            _, keys = self._presses.popleft()
            if self._human is None:
                self._tell(f"presses {keys}")
                self._phone.press(keys)

    def _talked(self, voice: str | None, now: float) -> bool:
        """Whether the conversation is over for this caller. A human who is gone at once was none."""
        if voice is not None:
            if voice != self._human:
                self._tell(f"hears {voice}")
                self._human, self._human_at = voice, now
            self._heard_at = now
        elif self._human is not None and now - self._heard_at > GONE:
            if self._heard_at - self._human_at > TALKED:  # people of SIPp fall silent after half a minute
                return True
            self._tell(f"{self._human} is gone")
            self._human = None
        return self._human is not None and now - self._human_at > self._caller.talks

    def _seen(self, ended: Ended) -> Seen:
        answered = None if self._answered is None else _wall(self._answered)
        human_at = None if self._human is None else _wall(self._human_at)
        return Seen(
            self._caller.number,
            self._caller.dialled,
            _wall(self._began),
            time.time(),
            ended,
            answered,
            self._human,
            human_at,
            self._silence() if self._answered is not None else 0.0,
            story=tuple(self._story),
        )

    def _silence(self) -> float:
        """The longest that nothing at all was heard before a human (s)."""
        try:
            sound = load(self._phone.heard())
        except (PhoneError, OSError, ValueError) as error:
            log.warning("call %s: nothing recorded by its phone: %s", self._caller.number, error)
            return 0.0
        if self._human is not None:
            sound = sound[: max(0, round(8000 * (self._human_at - self._phone.heard_since - 0.5)))]
        return max((span.seconds for span in silence_spans(sound, SILENT, 0.5)), default=0.0)

    def _tell(self, text: str) -> None:
        self._story.append((time.time(), text))


def hostile(caller: Caller, registrar: str) -> Seen:
    """A caller whose name no soft phone would send: SIPp, which presses keys and hangs up, and hears nobody."""
    person = sipp_caller(caller.dialled, name=caller.name, number=f"+62811{caller.number:06}")
    for at, keys in caller.presses:
        person = person.silence(max(0.0, at - person.media.seconds)).press(keys)
    stays = caller.leaves or 10.0
    person = person.silence(max(0.5, stays - person.media.seconds)).hang_up()
    began = time.time()
    story = [(began, f"dials {caller.dialled} as {caller.name[:40]!r}: {caller.manner}")]
    try:
        outcome = _called(person, registrar, stays + 60)
    except (PhoneError, OSError) as error:
        story.append((time.time(), f"phone failed: {error}"))
        ended: Ended = "phone failed"
    else:
        ended = "hung up" if outcome.ok else "cut off"
        story.append((time.time(), f"{ended} {outcome.reasons or ''} {outcome.errors[:200]}"))
    return Seen(caller.number, caller.dialled, began, time.time(), ended, hears=False, story=tuple(story))


def _called(person: Scenario, registrar: str, seconds: float) -> Outcome:
    """The call made, on a phone that had its ports. Raises PhoneError, OSError."""
    for _ in range(5):
        with ExitStack() as line:
            outcome = _free(line, lambda: Sipp(person, registrar, calls=1, address=CALLERS)).wait(seconds)
        if NO_PORT not in outcome.errors:
            return outcome  # else nothing was dialled: the port of its sound was taken meanwhile
    raise PhoneError(outcome.errors[:200])


def _free(line: ExitStack, made: Callable[[], Sipp]) -> Sipp:
    """Started on a port that nobody took between the look at it and its use. Raises PhoneError, OSError."""
    for _ in range(4):
        with suppress(PhoneError):
            return line.enter_context(made())
    return line.enter_context(made())


def _wall(monotonic: float) -> float:
    return time.time() - time.monotonic() + monotonic
