"""The rules change while people call: every call ends as it would have, and the next one follows the new rules."""

import asyncio
import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import ManagerError
from ivr.asterisk.configure import write_generated
from ivr.asterisk.generation import generation
from ivr.asterisk.reload import NotTaken, take
from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind, Phone
from ivr.phones.scenario import agency, caller
from ivr.phones.sipp import Sipp, run_sipp
from ivr.rulebook import status
from ivr.rules import load_rules
from ivr.secrets import Secrets
from ivr.settings import load_settings
from tests.audio import RATE, heard_prompts, load, silence_spans, tone_level, trim
from tests.system.conftest import CITIZEN_HERTZ, OFFICER_HERTZ
from tests.system.measured import DEAD_AIR, SOON, holds, outcome, reached, stayed
from tests.system.people import Citizen, SwitchOn, accepts, kinds
from tests.system.server import LOOPBACK, PROJECT, Server, until
from tests.system.test_the_call import prompts_heard, talks

SHIFT = 400
AGENCY_PORT = 15471
RINGS = 12.0  # seconds, of the first fire station

BASE = (
    Path(__file__)
    .with_name("rules.yaml")
    .read_text(encoding="utf-8")
    .replace("akun: [operator1, operator2], detik: 6", "akun: [operator1, operator2], detik: 40")
)
"""Operators are waited for long enough to change the rules meanwhile."""

NEW = (
    BASE.replace("  damkar_1: {akun: damkar_1, detik: 12}\n", "")
    .replace("  damkar_2: {akun: damkar_2, detik: 5}\n", "")
    .replace("  damkar: {nama: Pemadam Kebakaran, jalur: damkar_1}\n", "")
    .replace("  damkar_pos: {nama: Pos Damkar, jalur: damkar_2}\n", "")
    .replace("[damkar, damkar_pos]", "[polresta]")
    .replace("[[psc119, damkar_pos]]", "[psc119]")
    .replace("wilayah: Menteng, langkah: [damkar_pos]", "wilayah: Menteng, langkah: [psc119]")
    .replace("akun: [operator1, operator2], detik: 40", "akun: [operator2], detik: 5")
    .replace("siaga_24_jam: siaga", "siaga_24_jam: dishub")
)
"""Both fire stations and an operator are gone, everybody else waits less, another 24-hour line."""


TRUNK = (PROJECT / "asterisk-config" / "examples" / "trunk-ip.conf").read_text(encoding="utf-8")
"""Of a carrier elsewhere: nobody in these tests calls from its address."""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def into_force(server: Server, text: str) -> str:
    """Save these rules and wait until they are in force; their generation."""
    new = server.rules.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(server.rules)

    def taken() -> str:
        found = status.read(server.state / "rules")
        return found.in_force.generation if found and found.in_force.digest == digest(text) else ""

    return until(taken, "new rules in force", 20)


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose rules the tests change."""
    folder = tmp_path_factory.mktemp("changing")
    rules, trunk = folder / "base.yaml", folder / "trunk.conf"
    rules.write_text(BASE, encoding="utf-8")
    trunk.write_text(TRUNK, encoding="utf-8")
    with Server(folder, rules=rules, shift=SHIFT, settings={"IVR_TRUNK_FILE": str(trunk)}) as running:
        yield running


@pytest.fixture
def city(changing: Server) -> Server:
    """The same with the first rules in force."""
    into_force(changing, BASE)
    return changing


def registrations(phone: Phone) -> int:
    return sum(event.kind == Kind.REGISTERED for event in phone.events)


# Calls in progress.

CHANGED = "rules changed during the call"


def test_a_call_in_its_questions_ends_by_the_rules_it_began_with_and_the_next_by_the_new_ones(
    city: Server, switch_on: SwitchOn
) -> None:
    officer, police = switch_on(city, "damkar_1"), switch_on(city, "polresta")
    citizen = Citizen(city, switch_on(city, "warga")).dial().is_asked("category")
    saved = time.monotonic()
    into_force(city, NEW)
    pressed = time.monotonic()
    citizen.answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    heard, measured = (reached(citizen.phone, officer, since) for since in (saved, pressed))
    record, _ = citizen.hangs_up()
    measured = replace(heard, rang=measured.rang)
    holds(CHANGED, "category", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert (record.rules, record.answered_by) == (digest(BASE), "damkar_1")

    dialled = time.monotonic()
    nxt = Citizen(city, citizen.phone).dial().answers("1", "1")
    accepts(nxt, police)
    talks(nxt, police)
    measured = reached(citizen.phone, police, dialled)
    record, _ = nxt.hangs_up()
    holds("rules changed just before", "new call", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
    assert (record.rules, record.answered_by) == (digest(NEW), "polresta")


@pytest.mark.alone
def test_while_an_agency_rings_the_announcement_goes_on_without_a_gap_and_the_old_steps_follow(
    city: Server, switch_on: SwitchOn
) -> None:
    first, second = switch_on(city, "damkar_1"), switch_on(city, "damkar_2")
    before = registrations(first), registrations(second)
    citizen = Citizen(city, switch_on(city, "warga")).dial().answers("1", "1")
    citizen.until(Happened.RING, line="damkar_1")
    changed = time.monotonic()
    into_force(city, NEW)
    took = time.monotonic() - changed
    announcement = ("category-kebakaran", "area-62-71-01", "to-damkar", "understood-wrong")
    files = [city.prompts / "built" / f"{name}.wav" for name in announcement]
    assert took < sum(len(load(file)) for file in files) / RATE, "the change did not come in the announcement"
    citizen.until(Happened.RING, line="damkar_2", seconds=30)  # neither of them is in the new rules
    second.answer(10)
    until(lambda: "to-damkar-pos" in prompts_heard(city, citizen.phone), "announcement of the second station", 20)
    second.press("1")
    talks(citizen, second)
    measured = reached(citizen.phone, second, changed)
    record, _ = citizen.hangs_up()
    holds(CHANGED, "ringing", measured, outcome(record), limit=RINGS + 1, dead_air=DEAD_AIR)
    assert (record.rules, record.answered_by) == (digest(BASE), "damkar_2")
    assert (registrations(first), registrations(second)) == before

    heard = heard_prompts(citizen.phone.heard(), dict(zip(announcement, files, strict=True)))[: len(files)]
    assert [(part.id, part.complete) for part in heard] == [(name, True) for name in announcement]
    rests = [(len(load(file)) - len(trim(load(file)))) / RATE for file in files]
    for (one, rest), (other, pause) in pairwise(zip(heard, rests, strict=True)):
        assert other.at_seconds - one.at_seconds - one.seconds < rest + pause + 0.1, f"a gap before {other.id}"


def test_people_who_talk_hear_nothing_of_it(city: Server, switch_on: SwitchOn) -> None:
    officer, citizen = switch_on(city, "damkar_1"), Citizen(city, switch_on(city, "warga"))
    citizen.dial().answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    said = {phone: len(load(phone.heard())) for phone in (citizen.phone, officer)}
    saved = time.monotonic()
    into_force(city, NEW)
    for phone, hertz in ((citizen.phone, OFFICER_HERTZ), (officer, CITIZEN_HERTZ)):
        since = said[phone]
        until(lambda p=phone, s=since: len(load(p.heard())) > s + 16000, "two more seconds of conversation")  # type: ignore[misc]
        sound = load(phone.heard())[since:]
        assert silence_spans(sound, minimum=0.1) == []
        assert all(tone_level(sound[at : at + 4000], hertz).share > 0.9 for at in range(0, len(sound) - 4000, 2000))
    measured = stayed(citizen.phone, saved, 3)
    record, _ = citizen.hangs_up()
    holds(CHANGED, "talking", measured, outcome(record), silence=0)
    assert (record.answered_by, record.hung_up_by) == ("damkar_1", "caller")


def test_a_caller_in_the_operators_queue_stays_and_waits_as_long_as_the_old_rules_say(
    city: Server, switch_on: SwitchOn
) -> None:
    leaving, staying = switch_on(city, "operator1"), switch_on(city, "operator2")
    citizen = Citizen(city, switch_on(city, "warga")).dial().is_asked("category")
    citizen.phone.press("0")
    citizen.until(Happened.RING)
    saved = time.monotonic()
    into_force(city, NEW)
    time_limit = 5  # seconds in the queue by the new rules
    entered = citizen.until(Happened.QUEUE).at
    until(lambda: (datetime.now(entered.tzinfo) - entered).total_seconds() > time_limit + 2, "end of the new limit")
    rung = [phone for phone in (leaving, staying) if any(event.kind == Kind.INCOMING for event in phone.events)]
    assert len(rung) == 1
    answering = rung[0]
    answering.answer(20)
    talks(citizen, answering)
    measured = reached(citizen.phone, answering, saved)
    record, events = citizen.hangs_up()
    holds(CHANGED, "queue", measured, outcome(record), dead_air=DEAD_AIR)
    assert record.answered_by == answering.account
    assert Happened.LAST_RESORT not in kinds(events)
    silences = silence_spans(load(citizen.phone.heard()), threshold=-55, minimum=2.0)
    assert [span for span in silences if span.seconds > 4.1] == []


def test_an_operator_who_is_new_in_the_rules_is_rung_for_a_caller_who_waits_already(
    city: Server, switch_on: SwitchOn
) -> None:
    switch_on(city, "operator1")
    citizen = Citizen(city, switch_on(city, "warga")).dial().is_asked("category")
    citizen.phone.press("0")
    citizen.until(Happened.RING, line="operator1")
    into_force(city, BASE.replace("[operator1, operator2]", "[operator1, operator2, operator3]"))
    newcomer = switch_on(city, "operator3")
    newcomer.answer(40)
    talks(citizen, newcomer)
    assert citizen.hangs_up()[0].answered_by == "operator3"


# What the rules can say now.


def test_more_callers_than_the_rules_let_wait_ring_the_overflow_at_once(city: Server, switch_on: SwitchOn) -> None:
    into_force(city, BASE + "kebijakan: {luapan: {antrean: 1, jalur: [dishub, psc119]}}\n")
    switch_on(city, "operator1")  # rings and is not picked up
    first = Citizen(city, switch_on(city, "polresta")).dial().is_asked("category")
    first.phone.press("0")
    first.until(Happened.RING, line="operator1")
    overflow, second = switch_on(city, "dishub"), Citizen(city, switch_on(city, "warga")).dial().is_asked("category")
    second.phone.press("0")
    second.until(Happened.QUEUE_END, status="FULL")
    second.until(Happened.OVERFLOW, lines="dishub&psc119")
    overflow.answer(10)
    talks(second, overflow)
    record, events = second.hangs_up()
    assert record.answered_by == "dishub"
    assert Happened.LAST_RESORT not in kinds(events)
    first.hangs_up()


def test_the_most_urgent_caller_is_the_first_an_operator_takes(city: Server, switch_on: SwitchOn) -> None:
    into_force(
        city,
        BASE.replace("tanya_wilayah: tidak}", "tanya_wilayah: tidak, darurat: tidak}")
        .replace("nama: Kebakaran}", "nama: Kebakaran, prioritas: 1, tanya_wilayah: tidak}")
        .replace("{kategori: kebakaran, langkah: [damkar, damkar_pos]}", "{kategori: kebakaran, langkah: [operator]}")
        .replace("{kategori: lampu, langkah: [dishub]}", "{kategori: lampu, langkah: [operator]}")
        .replace("akun: [operator1, operator2], detik: 40", "akun: [operator1], detik: 60"),
    )
    operator = switch_on(city, "operator1")
    talking = Citizen(city, switch_on(city, "dishub")).dial().is_asked("category")
    talking.phone.press("0")
    operator.answer(20)
    talking.until(Happened.ACCEPTED, line="operator1")
    street_light = Citizen(city, switch_on(city, "psc119")).dial().answers("4")
    street_light.until(Happened.QUEUE)
    fire = Citizen(city, switch_on(city, "warga")).dial().answers("1")
    fire.until(Happened.QUEUE)
    talking.hangs_up()
    operator.answer(20)
    talks(fire, operator)
    assert fire.hangs_up()[0].answered_by == "operator1"
    street_light.hangs_up()


def test_a_line_that_is_a_sip_address_is_rung(city: Server, switch_on: SwitchOn) -> None:
    address = f"sip:pos@{LOOPBACK}:{AGENCY_PORT}"
    into_force(city, BASE.replace("dishub: {akun: dishub, detik: 5,", f'dishub: {{telepon: "{address}", detik: 15,'))
    with Sipp(agency(rings=0.5).silence(4).soundless().hang_up(), port=AGENCY_PORT, calls=1) as post:
        citizen = Citizen(city, switch_on(city, "warga")).dial().answers("4")
        citizen.until(Happened.ACCEPTED, line="dishub")
        assert post.wait(30).ok == 1
    assert citizen.record()[0].answered_by == "dishub"


@pytest.mark.parametrize("user", ["outbound-only", "trunk", "operator1", "0811"])
@pytest.mark.parametrize(
    "header", ["", 'Authorization: Digest username="{}", realm="asterisk", nonce="1", uri="sip:112@{}", response="0"']
)
def test_nobody_outside_is_taken_for_an_endpoint_by_the_name_they_give(city: Server, user: str, header: str) -> None:
    before = len(city.calls())
    headers = [header.format(user, LOOPBACK)] if header else []
    stranger = caller(identity=f"<sip:{user}@{LOOPBACK}>", headers=headers).soundless().silence(1).hang_up()
    outcome = run_sipp(stranger, city.registrar, timeout=20)
    assert (outcome.ok, outcome.failed) == (0, 1)
    assert "401" in outcome.errors
    assert len(city.calls()) == before


def test_without_the_controller_a_holiday_rings_the_holidays_line(own_server: Server, switch_on: SwitchOn) -> None:
    today = datetime.now(ZoneInfo("Asia/Pontianak")).date()
    holidays = ", ".join(f"{today + timedelta(days=later)}: Libur" for later in (0, 1))  # midnight may come
    ordinary, holiday = "{hari: setiap hari kecuali libur, jalur: damkar_1}", "{hari: libur, jalur: dishub}"
    roster = f"piket: {{damkar: [{ordinary}, {holiday}]}}\ninstansi:"
    rules = BASE.replace("nama: Uji,", f"nama: Uji, libur: {{{holidays}}},").replace("instansi:", roster)
    into_force(own_server, rules.replace("nama: Pemadam Kebakaran, jalur: damkar_1", "nama: Damkar, piket: damkar"))
    officer, citizen = switch_on(own_server, "dishub"), Citizen(own_server, switch_on(own_server, "warga"))
    citizen.dial().answers("1").is_asked("area")
    with own_server.without_restarts():
        os.kill(own_server.controller_pid, signal.SIGKILL)
        officer.answer(10)
        citizen.phone.hang_up()
    record, events = own_server.ended_call("warga", 30)
    assert record.lifeline
    assert [event.detail["line"] for event in events if event.kind == Happened.RING] == ["dishub"]


@pytest.mark.alone
def test_a_call_whose_rules_are_kept_no_longer_is_rung_by_the_newest(own_server: Server, switch_on: SwitchOn) -> None:
    police, citizen = switch_on(own_server, "polresta"), Citizen(own_server, switch_on(own_server, "warga"))
    citizen.dial().answers("1").is_asked("area")
    given = {name[4:].lower(): value for name, value in own_server.environment.items() if name.startswith("IVR_")}
    settings, newest = load_settings(**given), load_rules(NEW)
    write_generated(newest, settings, Secrets(settings.state / "secrets.json"))
    attempt(own_server, generation(newest, settings))
    with own_server.without_restarts():
        os.kill(own_server.controller_pid, signal.SIGKILL)
        police.answer(15)
        until(lambda: "screen-call" in prompts_heard(own_server, police), "announcement", 20)
        police.press("1")
        talks(citizen, police)
        citizen.phone.hang_up()
    assert own_server.ended_call("warga", 30)[0].answered_by == "polresta"


# What Asterisk cannot read.


def attempt(server: Server, name: str) -> None:
    """Have Asterisk take what stands in its folder now."""

    async def run() -> None:
        secret = json.loads((server.state / "secrets.json").read_text())["manager"]
        manager = AsteriskManager(LOOPBACK, int(server.environment["IVR_AMI_PORT"]), "controller", secret)
        manager.start()
        try:
            await manager.wait_connected()
            await take(manager, name)
        finally:
            await manager.stop()

    asyncio.run(run())


def test_what_asterisk_cannot_read_to_its_end_is_noticed_and_changes_nothing(
    city: Server, switch_on: SwitchOn
) -> None:
    now = into_force(city, BASE)
    folder = city.state / "asterisk" / "etc" / "generated"
    attempt(city, now)
    for name in ("globals.conf", "lines.conf", "lifeline.conf", "musiconhold.conf", "members.conf", "pjsip.conf"):
        file = folder / name
        whole = file.read_text(encoding="utf-8")
        half = whole[: len(whole) // 2]
        for broken in ("[tidak ditutup\n" + whole, half + "\n[tidak ditutup\n" + whole[len(half) :], half, ""):
            file.write_text(broken, encoding="utf-8")
            with pytest.raises(NotTaken):
                attempt(city, now)
        file.unlink()
        with pytest.raises((NotTaken, ManagerError)):
            attempt(city, now)
        file.write_text(whole, encoding="utf-8")
    attempt(city, now)
    officer, citizen = switch_on(city, "damkar_1"), Citizen(city, switch_on(city, "warga"))
    citizen.dial().answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    citizen.hangs_up()
