"""The line on duty is that of the city's clock, whichever zone, at the very minute the shift changes, with the
controller and without it."""

import hashlib
import json
import os
import shutil
import signal
import struct
import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.calls.events import Kind as Happened
from tests.system.measured import DEAD_AIR, SOON, holds, outcome, reached
from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import Server, until
from tests.system.test_the_call import talks

BASE = Path(__file__).parent.parent.joinpath("rules.yaml").read_text(encoding="utf-8")
ZONES = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
HALF_AN_HOUR = timedelta(minutes=30)
SOON_ENOUGH = timedelta(seconds=15)  # for a whole call before the change of shift


def shifts(zone: str, change: datetime, then: datetime) -> str:
    """damkar_1 is on duty from `change` to `then` by this city's clock, damkar_2 otherwise."""
    first = f"{{jam: {change:%H:%M}-{then:%H:%M}, jalur: damkar_1}}"
    second = f"{{jam: {then:%H:%M}-{change:%H:%M}, jalur: damkar_2}}"
    rules = BASE.replace("Asia/Pontianak", zone)
    rules = rules.replace("instansi:", f"piket: {{damkar: [{first}, {second}]}}\ninstansi:")
    return rules.replace("nama: Pemadam Kebakaran, jalur: damkar_1", "nama: Damkar, piket: damkar")


def zone_in_which(hour: clock, moment: datetime, file: Path) -> ZoneInfo:
    """Make this file of the zone database: a place where it is `hour` at this moment (RFC 9636, version 1)."""
    at = moment.astimezone(UTC)
    east = (hour.hour * 3600 + hour.minute * 60 - at.hour * 3600 - at.minute * 60 - at.second) % 86400
    offset = east - 86400 if east > 43200 else east
    head = struct.pack(">4s16x6l", b"TZif", 0, 0, 0, 0, 1, 4)
    file.write_bytes(head + struct.pack(">lbb", offset, 0, 0) + b"UJI\0")
    with file.open("rb") as data:
        return ZoneInfo.from_file(data)


def city(folder: Path, rules: str, zones: Path | None = None) -> Server:
    file = folder / "given.yaml"
    file.write_text(rules, encoding="utf-8")
    return Server(folder, shift=100, rules=file, settings={"PYTHONTZPATH": str(zones)} if zones else None)


def rung_first(citizen: Citizen) -> str:
    """The first line, whoever is rung after it."""
    citizen.until(Happened.RING)
    events = citizen.server.story(citizen.call_id)[1]
    return next(str(event.detail["line"]) for event in events if event.kind == Happened.RING)


@pytest.mark.parametrize("zone", ZONES)
def test_who_is_on_duty_now_by_the_clock_of_this_zone_is_rung(zone: str, tmp_path: Path, switch_on: SwitchOn) -> None:
    """The shift lasts an hour around now: the clocks of the other zones are an hour away, in the other shift."""
    now = datetime.now(ZoneInfo(ZONES[zone]))
    with city(tmp_path, shifts(ZONES[zone], now - HALF_AN_HOUR, now + HALF_AN_HOUR)) as server:
        officer, phone = switch_on(server, "damkar_1"), switch_on(server, "warga")
        dialled = time.monotonic()
        citizen = Citizen(server, phone).dial().answers("1", "1")
        assert rung_first(citizen) == "damkar_1"
        accepts(citizen, officer)
        talks(citizen, officer)
        measured = reached(phone, officer, dialled)
        record, _ = citizen.hangs_up()
        holds(f"duty line in {zone}", "new call", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
        citizen.dial().answers("1").is_asked("area")
        os.kill(server.controller_pid, signal.SIGKILL)
        until(lambda: Happened.LIFELINE in {e.kind for e in server.story(citizen.call_id)[1]}, "lifeline", 10)
        assert rung_first(citizen) == "damkar_1"
        citizen.hangs_up()


CHANGES = {"change of shift": (clock(14), "WITA"), "change of shift at midnight": (clock(0), "WIT")}
"""The hour of the change, and the zone that is shifted so far that it comes soon."""


def test_who_calls_before_the_change_of_shift_reaches_the_old_one_and_right_after_it_the_new_one(
    tmp_path: Path, switch_on: SwitchOn
) -> None:
    """At an ordinary hour, then at midnight. Nobody has read the files of these zones before."""
    zones = tmp_path / "zones"
    for name in ZONES.values():
        (zones / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path("/usr/share/zoneinfo") / name, zones / name)
    with city(tmp_path, BASE, zones) as server:
        old, new, phone = (switch_on(server, name) for name in ("damkar_2", "damkar_1", "warga"))
        for cause, (hour, zone) in CHANGES.items():
            moment = (datetime.now(UTC) + SOON_ENOUGH).replace(microsecond=0)
            here = zone_in_which(hour, moment, zones / ZONES[zone])
            change = moment.astimezone(here)
            in_force(server, shifts(ZONES[zone], change, change + 2 * HALF_AN_HOUR))
            first = Citizen(server, phone).dial().answers("1", "1")
            accepts(first, old)
            assert datetime.now(here) < change
            talks(first, old)
            assert first.hangs_up()[0].answered_by == "damkar_2"
            until(lambda: datetime.now(UTC) >= moment, "change of shift", 20)  # noqa: B023
            dialled = time.monotonic()
            second = Citizen(server, phone).dial().answers("1", "1")
            accepts(second, new)
            talks(second, new)
            measured = reached(phone, new, dialled)
            record, _ = second.hangs_up()
            holds(cause, "new call", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
            assert record.answered_by == "damkar_1"


def in_force(server: Server, rules: str) -> None:
    """Save these rules and wait until they serve."""
    server.rules.write_text(rules, encoding="utf-8")
    digest = hashlib.sha256(rules.encode()).hexdigest()
    status = server.state / "rules" / "status.json"
    until(lambda: json.loads(status.read_text())["in_force"]["hash"] == digest, "new rules", 15)
