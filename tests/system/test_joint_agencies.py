"""Joint agencies are told of a call that somebody has taken: by telephone, once, and nobody who talks notices."""

import os
import signal
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.asterisk.program import find_asterisk
from ivr.calls import show
from ivr.calls.events import Event
from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind, Phone, PhoneTimeout
from ivr.prompts.shelf import ClipShelf
from tests.audio import heard_prompts, load, silence_spans, tone_level
from tests.city import settings_in
from tests.system.conftest import CITIZEN_HERTZ, OFFICER_HERTZ
from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import Server, until
from tests.system.test_the_call import talks

SHIFT = 500
AFTER, AGAIN = 2, 3  # seconds of conversation before; seconds until the second attempt

RULES = (
    Path(__file__)
    .with_name("rules.yaml")
    .read_text(encoding="utf-8")
    .replace("  siaga: {", "  pln: {akun: pln}\n  siaga: {")
    .replace("  polresta: {nama: Polresta,", "  pln: {nama: PLN, jalur: pln}\n  polresta: {nama: Polresta,")
    .replace("[damkar, damkar_pos]}", "[damkar, damkar_pos], beri_tahu: [pln, psc119]}")
    .replace("[[psc119, damkar_pos]]}", "[[psc119, damkar_pos]], beri_tahu: [psc119, pln]}")
    .replace("langkah: [dishub]}", "langkah: [dishub], beri_tahu: pln}")
    + f"kebijakan: {{beri_tahu_detik: {AFTER}}}\n"
)

NEWS = ("tell-call", "category-kebakaran", "area-62-71-01", "handled-damkar", "tell-keys")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A city that tells, with a short wait before the second attempt."""
    folder = tmp_path_factory.mktemp("joint")
    (folder / "joint.yaml").write_text(RULES, encoding="utf-8")
    with Server(folder, rules=folder / "joint.yaml", shift=SHIFT) as running:
        asterisk(running, f"dialplan set global TELL_AGAIN {AGAIN}")
        yield running


@pytest.fixture(autouse=True)
def quiet(server: Server) -> Iterator[None]:
    """After each test its phones are switched off and nobody is being told any more."""
    yield
    all_told(server)


def asterisk(server: Server, command: str) -> str:
    """What Asterisk's own console answers."""
    given = settings_in(server.folder, cache=Path(server.environment["IVR_CACHE"]), recordings=server.recordings)
    given = given.model_copy(update={"prompts": server.prompts})
    console = find_asterisk(given).command(given, "-rx", command)
    return subprocess.run(console, capture_output=True, text=True, timeout=20, check=True).stdout


def told(server: Server, citizen: Citizen, kind: Happened) -> list[Event]:
    return [event for event in server.story(citizen.call_id)[1] if event.kind == kind]


def all_told(server: Server) -> None:
    """Wait until nobody is being told any more: every channel of it is gone."""
    until(lambda: "@ring-line" not in asterisk(server, "core show channels concise"), "end of the telling", 30)


def hears(server: Server, phone: Phone, *clips: str) -> list[str]:
    """The clips that this phone has heard by now, in order; waits until they may have been heard to their end."""
    length = ClipShelf(server.prompts / "built", server.state).seconds(clips)
    until(lambda: len(load(phone.heard())) / 8000 > length + 1, "end of what is told", length + 10)
    built = server.prompts / "built"
    names = {*clips, *NEWS, "tell-thanks", "screen-call", "screen-keys", "handled-damkar-pos"}
    return [heard.id for heard in heard_prompts(phone.heard(), {name: built / f"{name}.wav" for name in names})]


def never_rings(phone: Phone, seconds: float = 0.5) -> None:
    with pytest.raises(PhoneTimeout):
        phone.wait_event(Kind.INCOMING, seconds)


def in_conversation(server: Server, switch_on: SwitchOn, *keys: str) -> tuple[Citizen, Phone]:
    """A citizen who reports a fire in Pahandut, and the officer of the fire brigade who has accepted."""
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers(*(keys or ("1", "1")))
    accepts(citizen, officer)
    citizen.until(Happened.ACCEPTED, line="damkar_1")
    return citizen, officer


@pytest.mark.alone
def test_those_who_are_told_hear_what_and_where_and_who_has_it_and_confirm(
    server: Server, switch_on: SwitchOn
) -> None:
    pln, psc = switch_on(server, "pln"), switch_on(server, "psc119")
    citizen, _ = in_conversation(server, switch_on)
    taken = citizen.until(Happened.ACCEPTED).at
    for phone in (pln, psc):
        phone.answer(10)
    rung = citizen.until(Happened.TELLING, line="pln").at
    assert AFTER <= (rung - taken).total_seconds() < AFTER + 0.5
    for phone in (pln, psc):
        assert hears(server, phone, *NEWS) == [*NEWS]
    pln.press("1")
    citizen.until(Happened.TOLD, line="pln")
    psc.press("1")
    citizen.until(Happened.TOLD, line="psc119")
    assert pln.wait_event(Kind.CLOSED, 5)
    assert hears(server, pln, *NEWS, "tell-thanks")[-1] == "tell-thanks"
    assert told(server, citizen, Happened.NOT_TOLD) == []
    citizen.hangs_up()


def test_a_caller_who_hangs_up_earlier_wakes_nobody(server: Server, switch_on: SwitchOn) -> None:
    pln = switch_on(server, "pln")
    citizen, _ = in_conversation(server, switch_on)
    assert "begin@telling" in asterisk(server, "core show channels concise")
    citizen.hangs_up()
    all_told(server)
    never_rings(pln)
    assert told(server, citizen, Happened.TELLING) == []


def test_nobody_is_told_of_a_call_that_nobody_took(server: Server, switch_on: SwitchOn) -> None:
    pln, officer = switch_on(server, "pln"), switch_on(server, "damkar_1")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("1", "1")
    officer.answer(10)
    picked_up = citizen.until(Happened.PICKED_UP).at
    never_rings(pln, AFTER + 1)
    assert (citizen.hangs_up()[1][-1].at - picked_up).total_seconds() > AFTER
    assert told(server, citizen, Happened.TELLING) == []


@pytest.mark.alone
def test_those_who_talk_notice_nothing(server: Server, switch_on: SwitchOn) -> None:
    """At the moment of telling each goes on hearing the other's voice, without a gap and without a second voice."""
    pln = switch_on(server, "pln")
    citizen, officer = in_conversation(server, switch_on)
    talks(citizen, officer)
    began = {phone: len(load(phone.heard())) for phone in (citizen.phone, officer)}
    pln.answer(10)
    until(lambda: len(load(pln.heard())) > 3 * 8000, "beginning of what is told")
    pln.press("1")
    citizen.until(Happened.TOLD, line="pln")
    for phone, hertz in ((citizen.phone, OFFICER_HERTZ), (officer, CITIZEN_HERTZ)):
        heard = load(phone.heard())[began[phone] :]
        assert len(heard) > AFTER * 8000
        assert tone_level(heard, hertz).share > 0.99
        assert silence_spans(heard, minimum=0.2) == []  # less is lost on a busy machine without any telling
    told_of = load(pln.heard())
    assert max(tone_level(told_of, hertz).share for hertz in (CITIZEN_HERTZ, OFFICER_HERTZ)) < 0.05
    citizen.hangs_up()


def test_the_phone_shows_112_and_what_happened_but_not_who_called(server: Server, switch_on: SwitchOn) -> None:
    pln = switch_on(server, "pln")
    citizen, _ = in_conversation(server, switch_on)
    rung = pln.wait_event(Kind.INCOMING, 10)
    assert rung.detail.startswith("sip:112@")
    assert "Incoming call from: 112 Kebakaran, Pahandut sip:112@" in pln.last_words(100)
    assert "warga" not in pln.last_words(100)
    pln.answer()
    pln.press("1")
    citizen.until(Happened.TOLD)
    citizen.hangs_up()


def test_a_line_that_is_busy_is_tried_once_more_and_then_given_up(server: Server, switch_on: SwitchOn) -> None:
    """The call is over by then, its record closed; psc119, whose phone is off, is tried as often."""
    pln = switch_on(server, "pln")
    citizen, _ = in_conversation(server, switch_on)
    pln.reject()
    record, _ = citizen.hangs_up()
    pln.reject()
    given_up = citizen.until(Happened.NOT_TOLD, line="pln")
    assert given_up.detail["status"] == "BUSY"
    assert [event.kind for event in pln.events].count(Kind.INCOMING) == 2
    assert citizen.until(Happened.NOT_TOLD, line="psc119").detail["status"] == "CHANUNAVAIL"
    for line in ("pln", "psc119"):
        tried = [event.at for event in told(server, citizen, Happened.TELLING) if event.detail["line"] == line]
        assert [round((later - before).total_seconds()) for before, later in pairwise(tried)] == [AGAIN]
    all_told(server)
    assert server.story(citizen.call_id)[0] == record
    assert told(server, citizen, Happened.TOLD) == []
    assert record.ended_at is not None
    assert given_up.at > record.ended_at


def test_a_phone_that_is_picked_up_and_hung_up_at_once_is_rung_again(server: Server, switch_on: SwitchOn) -> None:
    pln = switch_on(server, "pln")
    citizen, _ = in_conversation(server, switch_on)
    for _ in range(2):
        pln.answer(10)
        pln.hang_up()
    assert citizen.until(Happened.NOT_TOLD, line="pln").detail["status"] == "NO_KEY"
    citizen.hangs_up()


def test_a_line_that_was_missed_may_still_confirm_when_it_is_rung_again(server: Server, switch_on: SwitchOn) -> None:
    pln = switch_on(server, "pln")
    citizen, _ = in_conversation(server, switch_on)
    pln.answer(10)
    until(lambda: len(load(pln.heard())) > 8000, "beginning of what is told")
    pln.hang_up()
    pln.answer(10)
    pln.press("1")
    citizen.until(Happened.TOLD, line="pln")
    citizen.hangs_up()
    all_told(server)
    assert [event.detail["line"] for event in told(server, citizen, Happened.NOT_TOLD)] == ["psc119"]


@pytest.mark.alone
def test_a_phone_that_picks_up_without_a_key_hears_it_twice_and_2_repeats_it(
    server: Server, switch_on: SwitchOn
) -> None:
    pln, psc = switch_on(server, "pln"), switch_on(server, "psc119")
    citizen, _ = in_conversation(server, switch_on)
    pln.answer(10)
    psc.answer(10)
    assert hears(server, psc, *NEWS).count("tell-call") == 1
    psc.press("2")
    assert hears(server, psc, *NEWS, *NEWS).count("tell-call") == 2
    psc.press("1")
    pln.wait_event(Kind.CLOSED, 40)
    assert hears(server, pln, *NEWS).count("tell-call") == 2
    pln.answer(10)
    pln.hang_up()
    assert citizen.until(Happened.NOT_TOLD, line="pln").detail["status"] == "NO_KEY"
    assert [event.detail["line"] for event in told(server, citizen, Happened.TOLD)] == ["psc119"]
    citizen.hangs_up()


def test_two_phones_that_pick_up_together_tell_once_and_the_taker_is_not_told(
    server: Server, switch_on: SwitchOn
) -> None:
    """psc119 takes the call: PLN alone is told. The other officer came second."""
    psc, second, pln = switch_on(server, "psc119"), switch_on(server, "damkar_2"), switch_on(server, "pln")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("2", "1")
    psc.answer(10)
    second.answer(10)
    for line in ("psc119", "damkar_2"):
        citizen.until(Happened.PICKED_UP, line=line)
    psc.press("1")
    citizen.until(Happened.ACCEPTED, line="psc119")
    second.press("1")
    pln.answer(10)
    pln.press("1")
    citizen.until(Happened.TOLD, line="pln")
    citizen.hangs_up()
    all_told(server)
    assert [event.detail["line"] for event in told(server, citizen, Happened.TELLING)] == ["pln"]


def test_an_operator_who_takes_the_call_tells_as_well(server: Server, switch_on: SwitchOn) -> None:
    pln, operator = switch_on(server, "pln"), switch_on(server, "operator1")
    switch_on(server, "damkar_1")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("1", "1")
    citizen.until(Happened.RING, line="damkar_1")
    citizen.phone.press("0")
    operator.answer(10)
    pln.answer(10)
    pln.press("1")
    citizen.until(Happened.TOLD, line="pln")
    citizen.hangs_up()


def test_after_a_correction_those_of_the_corrected_call_are_told(server: Server, switch_on: SwitchOn) -> None:
    """Security has nobody to tell, a lamp has PLN."""
    pln, psc, dishub = (switch_on(server, name) for name in ("pln", "psc119", "dishub"))
    switch_on(server, "damkar_1")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("1", "1")
    citizen.until(Happened.RING, line="damkar_1")
    citizen.phone.press("*")
    citizen.until(Happened.CORRECT)
    citizen.is_asked("category").phone.press("4")
    dishub.answer(20)
    pln.answer(10)
    pln.press("1")
    citizen.until(Happened.TOLD, line="pln")
    never_rings(psc)
    citizen.hangs_up()
    all_told(server)
    assert {event.detail["line"] for event in told(server, citizen, Happened.TELLING)} == {"pln"}


def test_the_lifeline_tells_too(server: Server, switch_on: SwitchOn) -> None:
    """Without the citizen's name on the display: nobody has put what happened in its place."""
    pln, officer = switch_on(server, "pln"), switch_on(server, "damkar_1")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("1").is_asked("area")
    os.kill(server.controller_pid, signal.SIGKILL)
    accepts(citizen, officer)
    rung = pln.wait_event(Kind.INCOMING, 10)
    assert rung.detail.startswith("sip:112@")
    assert "Incoming call from: 112 sip:112@" in pln.last_words(100)
    pln.answer()
    pln.press("1")
    citizen.until(Happened.TOLD, line="pln")
    record, _ = citizen.hangs_up()
    assert record.lifeline
    all_told(server)


def test_the_timeline_says_who_was_told(server: Server, switch_on: SwitchOn) -> None:
    pln = switch_on(server, "pln")
    citizen, _ = in_conversation(server, switch_on)
    pln.answer(10)
    pln.press("1")
    citizen.until(Happened.TOLD, line="pln")
    citizen.hangs_up()
    citizen.until(Happened.NOT_TOLD, line="psc119")
    record, events = server.story(citizen.call_id)
    told_in_words = "\n".join(show.call(record, events, show.Style(ZoneInfo("Asia/Pontianak"))))
    assert "pln ditelepon untuk diberi tahu" in told_in_words
    assert "pln sudah diberi tahu dan menekan 1" in told_in_words
    assert "psc119 tidak berhasil diberi tahu setelah dua kali ditelepon: tidak terhubung" in told_in_words
    all_told(server)
    assert {call.call_id for call in server.calls()} >= {citizen.call_id}
    assert all(call.dialled == "112" for call in server.calls())
