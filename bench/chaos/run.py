"""One run: the server, the called, the callers and the faults, all by the plan."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Condition, Lock, Thread
from threading import Event as Signal

import numpy as np

from bench.chaos import callers, judge
from bench.chaos.city import CALLERS, City
from bench.chaos.faults import Breaker, Broken
from bench.chaos.humans import humans
from bench.chaos.judge import Judgement, Seen
from bench.chaos.plan import Caller, Cause, Fault, Plan
from ivr.calls.events import Event
from ivr.calls.projection import CallRecord
from ivr.phones import sounds
from ivr.phones.baresip import Phone
from ivr.phones.events import PhoneError

log = logging.getLogger(__name__)

SETTLES = 15.0  # seconds until the log must be complete, once calls and faults are over and the controller is back
RESTARTS = 60.0  # seconds for that, also on a busy machine
RESTS = 5.0  # seconds between two faults of one lane
LATE = 12  # calls
LOUD = 6  # every so many phones stand in noise

Tell = Callable[[str], None]


@dataclass
class Result:
    """What happened. `settled`: seconds until the log was complete; `whole`: it was not interrupted."""

    plan: Plan
    seconds: float = 0.0
    settled: float = 0.0
    seen: list[Seen] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    stories: dict[int, list[Event]] = field(default_factory=dict)
    whole: bool = False


class Exchange:
    """Hands out callers to free phones at their time, and knows how many have dialled."""

    def __init__(self, callers: Sequence[Caller], over: Signal) -> None:
        self._over = over
        self._began = time.monotonic()
        self._waiting = list(callers)
        self._dialled: set[int] = set()
        self._news = Condition()

    def next(self, fits: Callable[[Caller], bool]) -> Caller | None:
        """The next caller for this phone, once the time has come; None when there is none any more."""
        while not self._over.is_set():
            with self._news:
                caller = next((one for one in self._waiting if fits(one)), None)
                if caller is None:
                    return None
                left = self._began + caller.at - time.monotonic()
                if left <= 0:
                    self._waiting.remove(caller)
                    self._dialled.add(caller.number)
                    self._news.notify_all()
                    return caller
                self._news.wait(min(left, 0.5))
        return None

    def has_dialled(self, number: int) -> bool:
        """Wait until this call is there; False when it never will be."""
        with self._news:
            while number not in self._dialled:
                if self._over.is_set():
                    return False
                self._news.wait(0.5)
        return True

    def behind(self, number: int) -> int:
        """How many have dialled since this call."""
        with self._news:
            return sum(one > number for one in self._dialled)


class Run:
    """One run in `folder`."""

    def __init__(self, plan: Plan, folder: Path, at_once: int, tell: Tell) -> None:
        self.result = Result(plan)
        self._plan, self._folder, self._at_once, self._tell = plan, folder, at_once, tell
        self._over = Signal()
        self._noting = Lock()

    def run(self) -> Result:
        """All of it. Ctrl-C ends the calls that are in progress, which then count for nothing."""
        began = time.monotonic()
        with City(self._folder) as city:
            self._tell("the server answers")
            if any(fault.cause == Cause.AMI_BURST for lane in self._plan.faults.values() for fault in lane):
                city.prepare_burst()
            with humans(city, self._folder, self._plan.seed, Signal()) as called:
                try:
                    self._live(city)
                    self.result.whole = True
                except KeyboardInterrupt:
                    self._tell("interrupted: this is what happened so far")
                finally:
                    self._over.set()
                dropped = [drop for human in called for drop in human.dropped]
                self._judge(city, dropped)
        self.result.seconds = time.monotonic() - began
        return self.result

    def _live(self, city: City) -> None:
        breaker = Breaker(city, self._over)
        with self._phones(city) as phones:
            exchange = Exchange(self._plan.callers, self._over)
            lives: list[Callable[[], None]] = [partial(self._calls, *phone, exchange) for phone in phones]
            lives += [partial(self._hostile, city, exchange)] * 2
            breaks = [partial(self._breaks, lane, breaker, exchange) for lane in self._plan.faults.values()]
            living, breaking = (
                [Thread(target=self._safe, args=[job], daemon=True) for job in jobs] for jobs in (lives, breaks)
            )
            threads = [*living, *breaking]
            for thread in threads:
                thread.start()
            told = time.monotonic()
            try:
                while any(thread.is_alive() for thread in living):  # without calls nothing needs to break
                    time.sleep(0.2)  # a pace, not a wait
                    if time.monotonic() - told > 10:
                        told = time.monotonic()
                        self._tell(self._progress())
            finally:
                self._over.set()
                for thread in threads:
                    thread.join(30)

    @contextmanager
    def _phones(self, city: City) -> Iterator[list[tuple[Phone, bool]]]:
        noise = self._folder / "noise.wav"
        sounds.write(noise, np.tile(np.random.default_rng(1).normal(0, 3000, 8000).astype("<i2"), 300))
        with ExitStack() as stack:
            phones = []
            for number in range(1, self._at_once + 1):
                loud = number % LOUD == 0
                phone = Phone(
                    f"+62812{number:05}", city.registrar, address=CALLERS, microphone=noise if loud else None
                )
                phones.append((stack.enter_context(phone), loud))
            yield phones

    def _calls(self, phone: Phone, loud: bool, exchange: Exchange) -> None:
        def fits(caller: Caller) -> bool:
            return not caller.name and caller.noise == loud

        while caller := exchange.next(fits):
            seen = callers.Call(phone, caller, self._over).make()
            self._note(seen)
            if seen.ended == "phone failed":
                self._again(phone)

    def _again(self, phone: Phone) -> None:
        try:
            phone.stop()
            phone.start()
        except PhoneError as error:
            log.warning("%s does not start again: %s", phone.account, error)

    def _hostile(self, city: City, exchange: Exchange) -> None:
        while caller := exchange.next(lambda one: bool(one.name)):
            self._note(callers.hostile(caller, city.registrar))

    def _breaks(self, lane: Sequence[Fault], breaker: Breaker, exchange: Exchange) -> None:
        """A fault whose time is long past, because the one before took so long to mend, is left out: what is broken
        without a pause shows only that it is broken."""
        for fault in lane:
            if not exchange.has_dialled(fault.call) or self._over.wait(fault.after):
                return
            if exchange.behind(fault.call) > LATE:
                continue
            broken = breaker.apply(fault)
            with self._noting:
                self.result.broken.append(broken)
            if self._over.wait(RESTS):
                return

    def _note(self, seen: Seen) -> None:
        if not self._over.is_set():
            with self._noting:
                self.result.seen.append(seen)

    def _progress(self) -> str:
        seen, planned = self.result.seen, len(self._plan.callers)
        lost = sum(one.human is None and one.ended in {"gave up", "cut off"} and one.hears for one in seen)
        return f"{len(seen)} of {planned} calls, {lost} lost, {len(self.result.broken)} faults"

    def _safe(self, life: Callable[[], None]) -> None:
        try:
            life()
        except Exception:
            log.exception("a part of the run is gone")

    def _judge(self, city: City, dropped: list[judge.Dropped]) -> None:
        """Once the log is complete, or its time is over."""
        self._tell("all calls are over")
        if self.result.whole:  # after Ctrl-C the server may be ending too
            city.until_attended(RESTARTS)
        began = grew = time.monotonic()
        most = -1
        while True:
            records = _by_number(city.calls())
            judgements = judge.judge(sorted(self.result.seen, key=lambda one: one.number), records, dropped)
            done = sum(bool(one.rows) and not one.is_open for one in judgements)
            if done > most:  # a database that was deleted is still being made again of the journals
                most, grew = done, time.monotonic()
            if done == len(judgements) or time.monotonic() - grew > SETTLES * self.result.whole:
                break
            time.sleep(0.5)  # a pace, not a wait
        self.result.settled = time.monotonic() - began
        self.result.judgements = judgements
        for one in judgements:
            if one.call_id and not (one.right and not one.disagrees):
                self.result.stories[one.seen.number] = city.story(one.call_id)[1]


def _by_number(records: list[CallRecord]) -> dict[str, list[CallRecord]]:
    found: dict[str, list[CallRecord]] = defaultdict(list)
    for record in records:
        found[record.dialled].append(record)
    return found
