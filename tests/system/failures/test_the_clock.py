"""The line on duty is that of the city's clock, whichever zone, at the very minute the shift changes, with the
controller and without it."""

import os
import signal
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.calls.events import Kind as Happened
from tests.system.failures.scenes import outcome
from tests.system.measured import holds, reached
from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import Server, until
from tests.system.test_the_call import talks

BASE = Path(__file__).parent.parent.joinpath("rules.yaml").read_text(encoding="utf-8")
ZONES = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
HALF_AN_HOUR = timedelta(minutes=30)


def shifts(zone: str, change: datetime, then: datetime) -> str:
    """damkar_1 is on duty from `change` to `then` by this city's clock, damkar_2 otherwise."""
    first = f"{{jam: {change:%H:%M}-{then:%H:%M}, jalur: damkar_1}}"
    second = f"{{jam: {then:%H:%M}-{change:%H:%M}, jalur: damkar_2}}"
    rules = BASE.replace("Asia/Pontianak", zone)
    rules = rules.replace("instansi:", f"piket: {{damkar: [{first}, {second}]}}\ninstansi:")
    return rules.replace("nama: Pemadam Kebakaran, jalur: damkar_1", "nama: Damkar, piket: damkar")


def city(folder: Path, rules: str) -> Server:
    file = folder / "given.yaml"
    file.write_text(rules, encoding="utf-8")
    return Server(folder, shift=100, rules=file)


def rung_first(citizen: Citizen) -> str:
    """Its phone is switched off, so others follow at once."""
    citizen.until(Happened.RING)
    events = citizen.server.story(citizen.call_id)[1]
    return next(str(event.detail["line"]) for event in events if event.kind == Happened.RING)


@pytest.mark.parametrize("zone", ZONES)
def test_who_is_on_duty_now_by_the_clock_of_this_zone_is_rung(zone: str, tmp_path: Path, switch_on: SwitchOn) -> None:
    """The shift lasts an hour around now: the clocks of the other zones are an hour away, in the other shift."""
    now = datetime.now(ZoneInfo(ZONES[zone]))
    with city(tmp_path, shifts(ZONES[zone], now - HALF_AN_HOUR, now + HALF_AN_HOUR)) as server:
        citizen = Citizen(server, switch_on(server, "warga")).dial().answers("1", "1")
        assert rung_first(citizen) == "damkar_1"
        citizen.hangs_up()
        citizen.dial().answers("1").is_asked("area")
        os.kill(server.controller_pid, signal.SIGKILL)
        until(lambda: Happened.LIFELINE in {e.kind for e in server.story(citizen.call_id)[1]}, "lifeline", 10)
        assert rung_first(citizen) == "damkar_1"
        citizen.hangs_up()


def test_who_calls_before_the_change_of_shift_reaches_the_old_one_and_a_minute_later_the_new_one(
    tmp_path: Path, switch_on: SwitchOn
) -> None:
    zone = ZoneInfo(ZONES["WIT"])
    with city(tmp_path, BASE) as server:  # what takes its time is over when the minute is chosen
        old, new, citizen = (switch_on(server, name) for name in ("damkar_2", "damkar_1", "warga"))
        now = datetime.now(zone)
        change = (now + timedelta(seconds=75)).replace(second=0, microsecond=0)
        before = {call.call_id for call in server.calls()}
        server.rules.write_text(shifts(ZONES["WIT"], change, change + 2 * HALF_AN_HOUR), encoding="utf-8")
        in_force = server.state / "rules" / "status.json"
        until(lambda: '"saved"' in in_force.read_text() and '"refused"' not in in_force.read_text(), "new rules", 15)
        assert before == set()
        first = Citizen(server, citizen).dial().answers("1", "1")
        assert datetime.now(zone) < change
        accepts(first, old)
        talks(first, old)
        assert first.hangs_up()[0].answered_by == "damkar_2"
        until(lambda: datetime.now(zone) >= change, "change of shift", 80)
        dialled = time.monotonic()
        second = Citizen(server, citizen).dial().answers("1", "1")
        accepts(second, new)
        talks(second, new)
        measured = reached(citizen, new, dialled)
        record, _ = second.hangs_up()
        holds("change of shift", "new call", measured, outcome(record))
        assert record.answered_by == "damkar_1"
