"""The called: officers and operators at their phones, each ring with the reaction that the seed gives it."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event as Signal
from threading import Thread

from bench.chaos.city import PORTS, City
from bench.chaos.ears import TONES
from bench.chaos.judge import Dropped
from bench.chaos.plan import Act, Reaction, reaction
from ivr.phones import sounds
from ivr.phones.baresip import Kind, Phone
from ivr.phones.events import PhoneError, PhoneTimeout
from ivr.phones.scenario import agency
from ivr.phones.sipp import Sipp

log = logging.getLogger(__name__)

ROOMS = ("psc119", "siaga")
"""Lines behind which are enough people for any number of calls, who answer always: SIPp plays them."""

_TALK = 45.0  # seconds
_WITHOUT_KEY = ("operator", "dishub")  # who picks up has taken the call


class Human:
    """Somebody with a registered phone."""

    def __init__(self, city: City, name: str, voice: Path, seed: int, over: Signal) -> None:
        self._city, self.name, self._voice, self._seed, self._over = city, name, voice, seed, over
        self.dropped: list[Dropped] = []
        self.acts: list[tuple[float, str]] = []
        self._rings = 0

    def live(self) -> None:
        """Until it is over: at the phone, or with the phone off."""
        while not self._over.is_set():
            try:
                with self._city.phone(self.name, microphone=self._voice) as phone:
                    off = self._at(phone)
                self._over.wait(off)
            except (PhoneError, OSError) as error:
                log.warning("%s: phone failed, switched on again: %s", self.name, error)
                self._over.wait(1)

    def _at(self, phone: Phone) -> float:
        """Answers until the phone is switched off; returns for how long."""
        while not self._over.is_set():
            try:
                phone.wait_event(Kind.INCOMING, 0.5)
            except PhoneTimeout:
                continue
            act = reaction(self._seed, self.name, self._rings)
            self._rings += 1
            self.acts.append((time.time(), act.act))
            self._over.wait(act.rings)
            if act.act == Act.OFF:
                return act.stays
            try:
                self._do(act, phone)
            except PhoneTimeout as error:  # the caller was quicker
                log.debug("%s: %s", self.name, error)
            _silent_again(phone)
        return 0.0

    def _do(self, reaction: Reaction, phone: Phone) -> None:
        if reaction.act == Act.BUSY:
            return phone.reject(0.1)
        if reaction.act == Act.DEAF:
            return self._until_closed(phone, reaction.stays)
        try:
            phone.answer(0.1)
        except PhoneTimeout:
            raise
        except PhoneError as error:
            raise PhoneTimeout(str(error)) from error  # hung up in the moment of picking up
        picked_up = time.time()
        if reaction.act == Act.GONE:
            return self._drop(phone, picked_up)
        if not self.name.startswith(_WITHOUT_KEY):
            if self._closes_within(phone, reaction.thinks):
                return None
            if reaction.act != Act.LISTENS:
                phone.press("2" if reaction.act == Act.DECLINES else "1")
                picked_up = time.time()
        if reaction.act == Act.DROPS:
            self._closes_within(phone, reaction.stays)
            return self._drop(phone, picked_up)
        if reaction.act == Act.ENDS and self._closes_within(phone, reaction.stays):
            return None
        if reaction.act == Act.ENDS:
            return phone.hang_up()
        return self._until_closed(phone, reaction.stays)

    def _drop(self, phone: Phone, at: float) -> None:
        self.dropped.append(Dropped(self.name, at))
        phone.hang_up()

    def _until_closed(self, phone: Phone, seconds: float) -> None:
        if not self._closes_within(phone, seconds):
            phone.hang_up()

    def _closes_within(self, phone: Phone, seconds: float) -> bool:
        try:
            phone.wait_event(Kind.CLOSED, seconds)
        except PhoneTimeout:
            return False
        return True


def _silent_again(phone: Phone) -> None:
    """Whatever happened, no call is left on this phone."""
    phone.hang_up()


@contextmanager
def rooms(folder: Path) -> Iterator[None]:
    """The lines that always answer."""
    with ExitStack() as stack:
        for name in ROOMS:
            voice = sounds.tone(folder / f"{name}.wav", TONES[name], seconds=round(_TALK))
            scene = agency(rings=1).silence(1).press("1").say(voice).until_hung_up(_TALK + 5)
            stack.enter_context(Sipp(scene, port=PORTS[name]))
        yield


@contextmanager
def humans(city: City, folder: Path, seed: int, over: Signal) -> Iterator[list[Human]]:
    """Everybody is at the phone; on leaving all go home."""
    people = [
        Human(city, name, sounds.tone(folder / f"{name}.wav", hertz), seed, over)
        for name, hertz in TONES.items()
        if name not in ROOMS
    ]
    threads = [Thread(target=_guarded(human.live, human.name), daemon=True) for human in people]
    with rooms(folder):
        for thread in threads:
            thread.start()
        try:
            yield people
        finally:
            over.set()
            for thread in threads:
                thread.join(20)


def _guarded(life: Callable[[], None], name: str) -> Callable[[], None]:
    def live() -> None:
        try:
            life()
        except Exception:
            log.exception("%s is gone for good", name)

    return live
