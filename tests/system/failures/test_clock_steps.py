"""The machine's clock is set while people call: NTP corrects one that was hours wrong, or a dead battery's year 2000.

All processes of the server tell the time by `clock.c`. A clock set ahead makes Asterisk forget every phone until it
registers again, which takes up to `maximum_expiration` of pjsip.conf; here others are switched on at once.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.asterisk.agi import MARGIN
from ivr.calls.events import Kind as Happened
from ivr.calls.projection import CallRecord
from ivr.phones.baresip import Kind, Phone
from tests.system.failures.scenes import Scene
from tests.system.failures.test_the_clock import ZONES, shifts
from tests.system.measured import DEAD_AIR, SOON, holds, outcome, reached, stayed
from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import Server, spoken_before, until
from tests.system.test_the_call import listens_to, talks

pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None,
    reason="no C compiler for clock.c: apt-get install --no-install-recommends gcc libc6-dev",
)

BASE = Path(__file__).parent.parent / "rules.yaml"
SIX_HOURS = 6 * 3600.0
DEAD_BATTERY = (
    SIX_HOURS - 9822 * 86400.0
)  # the year 2000, seen from 2026; always as far, for Asterisk's timers overflow
AHEAD = {"clock of 2000 corrected": (DEAD_BATTERY, 0.0), "clock set 6 h ahead": (0.0, SIX_HOURS)}
BACK = "clock set 6 h back"
NOW, OTHERWISE = "damkar_1", "damkar_2"  # on duty
TALK = 2.0  # seconds
WAIT = 2  # seconds for a key
LISTENING = WAIT + MARGIN * 4 / 3  # and how long the controller waits for Asterisk
AGAIN = 7.0  # from the next step of a plan, or from the queue, to the phones that have registered again


class Clock:
    """The clock of a server that is started with these settings, and sees this folder."""

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "clock.so", folder / "clock"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
        self.settings = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(self._file)}
        self.offset = 0.0
        self._file.write_bytes(bytes(8))

    def set(self, offset: float) -> float:
        """So many seconds from the real time; when (monotonic)."""
        with self._file.open("r+b") as file:
            moment = time.monotonic()
            file.write(round(offset * 1e9).to_bytes(8, "little", signed=True))
        self.offset = offset
        return moment


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Clock]]:
    """Within two hours of the real time damkar_1 is on duty, otherwise damkar_2. It starts in the year 2000."""
    folder = tmp_path_factory.mktemp("town")
    (folder / "state").mkdir(mode=0o750)
    clock, rules = Clock(folder / "state"), folder / "given.yaml"
    now = datetime.now(ZoneInfo(ZONES["WIT"]))
    given = shifts(ZONES["WIT"], now - timedelta(hours=2), now + timedelta(hours=2))
    given = given.replace("akun: dishub, detik: 5", "akun: dishub, detik: 20")
    rules.write_text(f"{given}kebijakan: {{tunggu_detik: {WAIT}}}\n", encoding="utf-8")
    clock.set(DEAD_BATTERY)
    town = Server(folder, shift=100, rules=rules, settings=clock.settings)
    if (spoken := spoken_before(folder, BASE)) and spoken.exists():  # the same sentences
        shutil.copytree(spoken, town.prompts / "built", dirs_exist_ok=True)
    with town as server:
        yield server, clock


def an_operator_answers(citizen: Citizen, operators: dict[str, Phone]) -> Phone:
    """Whichever rings for this caller, at the first ringing."""

    def line() -> str:
        rung = [e.text("line") for e in citizen.server.story(citizen.call_id)[1] if e.kind == Happened.RING]
        return next((line for line in rung if line in operators), "")

    operator = operators[until(line, f"operator who is rung for {citizen.call_id}", 20)]
    operator.answer()
    return operator


def is_sane(record: CallRecord) -> None:
    """Nothing ends before it began, and the call began when the clock said so."""
    assert record.arrived_at is not None
    assert record.answered_at is not None
    assert record.ended_at is not None
    assert record.arrived_at <= record.answered_at <= record.ended_at
    for attempt in record.attempts:
        assert record.arrived_at <= attempt.rang_at <= (attempt.ended_at or record.ended_at)


def ended(citizen: Citizen) -> CallRecord:
    """Its record, complete but for the check of the recording."""
    until(lambda: citizen.server.story(citizen.call_id)[0].ended_at, f"end of {citizen.call_id}", 30)
    return citizen.server.story(citizen.call_id)[0]


def new_calls(cause: str, server: Server, phone: Phone, officer: Phone) -> None:
    """By the plan; then the controller dies in the second question."""
    dialled = time.monotonic()
    first = Citizen(server, phone).dial().answers("1", "1")
    accepts(first, officer)
    talks(first, officer)
    measured = reached(phone, officer, dialled)
    phone.hang_up()
    record = ended(first)
    holds(cause, "new call", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert (record.answered_by, record.lifeline) == (officer.account, False)
    second = Citizen(server, phone).dial().answers("1").is_asked("area")
    moment = time.monotonic()
    os.kill(server.controller_pid, signal.SIGKILL)
    Scene(server, second, officer).meet()
    measured = reached(phone, officer, moment)
    phone.hang_up()
    record = ended(second)
    holds(f"{cause}, controller killed", "area", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert (record.answered_by, record.lifeline) == (officer.account, True)


@pytest.mark.parametrize("cause", AHEAD)
def test_a_clock_that_is_set_ahead_leaves_who_talks_alone_and_moves_others_on_to_a_human(
    cause: str, town: tuple[Server, Clock], switch_on: SwitchOn
) -> None:
    """Asterisk's own timers run out: who is asked takes the lifeline, who hears a ringing tone goes on to the next.

    A timer that would end decades ago overflows and does not run out: that phone rings on.
    """
    server, clock = town
    before, after = AHEAD[cause]
    clock.set(before)
    old, new = (OTHERWISE, NOW) if before else (NOW, OTHERWISE)
    then, police, one, two, three = (switch_on(server, name) for name in (old, "polresta", *["warga"] * 3))
    talking = Citizen(server, one).dial().answers("1", "1")
    accepts(talking, then)
    talks(talking, then)
    asked = Citizen(server, three).dial().answers("1").is_asked("area")
    ringing = Citizen(server, two).dial().answers("3", "1")
    police.wait_event(Kind.INCOMING)
    moment = clock.set(after)
    operators = {name: switch_on(server, name) for name in ("operator1", "operator2")}
    if before == DEAD_BATTERY:
        accepts(ringing, police)
    human = police if before == DEAD_BATTERY else an_operator_answers(ringing, operators)
    operator = an_operator_answers(asked, operators)
    talks(ringing, human)
    talks(asked, operator)
    talks(talking, then)
    undisturbed = stayed(one, moment, TALK)
    led_on, by_lifeline = reached(two, human, moment), reached(three, operator, moment)
    for phone in (one, two, three):
        phone.hang_up()
    records = [ended(citizen) for citizen in (talking, ringing, asked)]
    assert [record.answered_by for record in records] == [old, human.account, operator.account]
    assert [record.lifeline for record in records] == [False, False, True]
    for record in records:
        is_sane(record)
    holds(cause, "talking", undisturbed, outcome(records[0]), silence=0.5, dead_air=0.5)
    holds(cause, "ringing", led_on, outcome(records[1]), limit=None if human is police else AGAIN, dead_air=DEAD_AIR)
    holds(cause, "area", by_lifeline, outcome(records[2]), limit=AGAIN, dead_air=DEAD_AIR)
    new_calls(cause, server, three, switch_on(server, new))


def test_a_clock_that_is_set_back_disturbs_nobody(town: tuple[Server, Clock], switch_on: SwitchOn) -> None:
    """Asterisk's own timers stand still: who presses no key is led on by the controller's, which are monotonic."""
    server, clock = town
    clock.set(0)
    names = (NOW, OTHERWISE, "polresta", "dishub", "warga", "warga", "warga", "warga")
    then, officer, police, lamps, one, two, three, four = (switch_on(server, name) for name in names)
    silent = Citizen(server, four).dial().answers("3").is_asked("area")
    question = silent.until(Happened.QUESTION, question="area").at
    talking = Citizen(server, one).dial().answers("1", "1")
    accepts(talking, then)
    talks(talking, then)
    asked = Citizen(server, three).dial().answers("1").is_asked("area")
    listens_to(
        server, silent, question, "ask-area", "option-area-62-71-01", "option-area-62-71-03", "option-operator"
    )
    ringing = Citizen(server, two).dial().answers("4")
    lamps.wait_event(Kind.INCOMING)
    moment = clock.set(-SIX_HOURS)
    three.press("1")
    accepts(asked, officer)
    talks(asked, officer)
    accepts(silent, police)
    talks(silent, police)
    lamps.answer()
    talks(ringing, lamps)
    talks(talking, then)
    undisturbed, chosen = stayed(one, moment, TALK), reached(three, officer, moment)
    rang, led_on = reached(two, lamps, moment), reached(four, police, moment)
    then.hang_up()
    for phone in (two, three, four):
        phone.hang_up()
    records = [ended(citizen) for citizen in (talking, asked, ringing, silent)]
    assert [record.answered_by for record in records] == [NOW, OTHERWISE, "dishub", "polresta"]
    assert [record.lifeline for record in records] == [False, False, False, True]
    for record in records:
        is_sane(record)
    holds(BACK, "talking", undisturbed, outcome(records[0]), silence=0.5, dead_air=0.5)
    holds(BACK, "area", chosen, outcome(records[1]), dead_air=DEAD_AIR)
    holds(BACK, "ringing", rang, outcome(records[2]), dead_air=DEAD_AIR)
    holds(f"{BACK}, no key pressed", "area", led_on, outcome(records[3]), limit=LISTENING, dead_air=LISTENING)
    new_calls(BACK, server, three, officer)
