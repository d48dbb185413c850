"""What costs money is dialled by the rules alone, and who talks with 112 cannot be moved."""

import re

import pytest

from bench.capture import Capture
from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind
from tests.system.doors.house import CARRIER, STREET_LIGHTS, password, registered
from tests.system.doors.strangers import (
    Carrier,
    Message,
    Stranger,
    speech,
)
from tests.system.people import Citizen, SwitchOn, accepts, kinds
from tests.system.server import LOOPBACK, Server, until
from tests.system.test_the_call import talks

USERS = (
    "+62811123456",
    "0811123456",
    "00972592000000",
    "0900123456",
    "110",
    "000",
    "113",
    "*97",
    "*8",
    "#1",
    "%2B62811123456",
    "0811;phone-context=+62",
    "damkar_1",
    "operator2",
    "damkar_1%40ring-line",
    "PJSIP%2F0811%40trunk",
    "Local%2Fdamkar_1%40ring-line%2Fn",
    "trunk",
    "outbound-only",
    "s",
    "h",
    "i",
    "T",
    "accept",
    "begin",
    "idle",
)


def test_phones_reach_112_and_nothing_else_whatever_they_dial(
    guarded: Server, stranger: Stranger, carrier: Carrier, switch_on: SwitchOn
) -> None:
    port = guarded.registrar.rsplit(":", 1)[1]
    addresses = [f"sip:{user}@{guarded.registrar}" for user in USERS]
    addresses += [f"sip:0811123456@{CARRIER}:5999", "tel:+62811123456", f"sip:{LOOPBACK}:{port}"]
    for account in ("operator1", "damkar_1", "warga"):
        known = password(guarded, account)
        for address in addresses:
            reply = stranger.ask_as(account, known, "INVITE", address, body=speech())
            assert reply, address
            assert reply.status in (403, 404), f"{address}: {reply.text}"
    for dialled in ("112", "112;phone-context=+62"):
        reply = stranger.ask_as(
            "operator1", password(guarded, "operator1"), "INVITE", f"sip:{dialled}@x", body=speech()
        )
        assert reply
        assert reply.status == 200, dialled
    assert carrier.invites == []
    Citizen(guarded, switch_on(guarded, "warga")).dial().answers("4").until(Happened.RING, line="dishub")
    until(lambda: carrier.invites, "call that the rules name")
    assert all(STREET_LIGHTS in address for address in carrier.invites)


@pytest.mark.parametrize(
    "to",
    [
        f"sip:0900123456@{CARRIER}:5999",
        "sip:PJSIP%2F0900123456%40trunk@x",
        f"sip:PJSIP%2Foutbound-only%2Fsip%3A0900%40{CARRIER}%3A5999@x",
        "sip:Local%2Fdishub%40ring-line@x",
        "sip:112@x",
        "tel:+62900123456",
    ],
)
def test_a_phone_that_forwards_what_rings_it_reaches_nobody_and_the_caller_goes_on(
    to: str, guarded: Server, stranger: Stranger, carrier: Carrier, switch_on: SwitchOn
) -> None:
    operator, citizen = switch_on(guarded, "operator1"), Citizen(guarded, switch_on(guarded, "warga"))
    before = len(guarded.calls())
    with registered(stranger, guarded, "polresta"):
        citizen.dial().answers("3", "1")
        ringing = stranger.rung()
        assert ringing, "the phone did not ring"
        stranger.reply(ringing, "302 Moved Temporarily", f"Contact: <{to}>")
        citizen.until(Happened.RING_END, line="polresta")
    operator.answer(20)
    talks(citizen, operator)
    assert citizen.hangs_up()[0].answered_by == "operator1"
    assert carrier.invites == []
    assert len(guarded.calls()) == before + 1


@pytest.mark.parametrize("address", [f"sip:0900123456@{CARRIER}:5999", "sip:0900123456@trunk"])
def test_a_phone_cannot_have_its_calls_delivered_elsewhere(
    address: str, guarded: Server, stranger: Stranger, carrier: Carrier, switch_on: SwitchOn
) -> None:
    citizen = Citizen(guarded, switch_on(guarded, "warga"))
    with registered(stranger, guarded, "polresta", f"Contact: <{address}>"):
        citizen.dial().answers("3", "1")
        assert stranger.rung(), "not rung where it registered from"
        citizen.hangs_up()
    assert carrier.invites == []


@pytest.mark.parametrize(
    "to",
    [
        "sip:0900123456@{server}",
        f"sip:0900123456@{CARRIER}:5999",
        "sip:operator1@{server}",
        "sip:0900123456@{server}?Replaces=1%40x%3Bto-tag%3D1%3Bfrom-tag%3D2",
        "sip:operator1@{server}?Replaces=1%40x%3Bto-tag%3D1%3Bfrom-tag%3D2",
    ],
)
def test_a_conversation_cannot_be_transferred_and_goes_on(
    to: str, guarded: Server, stranger: Stranger, carrier: Carrier, switch_on: SwitchOn
) -> None:
    operator, citizen = switch_on(guarded, "operator1"), Citizen(guarded, switch_on(guarded, "warga"))
    with registered(stranger, guarded, "polresta"):
        citizen.dial().answers("3", "1")
        ringing = stranger.rung()
        assert ringing, "the phone did not ring"
        stranger.take(ringing, "polresta")
        citizen.until(Happened.ACCEPTED, line="polresta")
        refusal = stranger.refer(ringing, "polresta", to.format(server=guarded.registrar))
        assert refusal
        assert refusal.status == 603
        heard = stranger.receive(1)  # OPTIONS: is the phone there?
        assert heard is None or heard.text.startswith("OPTIONS"), "the officer was hung up"
        assert {event.kind for event in operator.events} <= {Kind.REGISTERED}
        record, events = citizen.hangs_up()
        ended = stranger.receive()
        assert ended
        assert ended.method == "BYE"
        stranger.reply(ended, "200 OK")
    assert record.answered_by == "polresta"
    assert kinds(events).count(Happened.RING) == 1
    assert carrier.invites == []


def test_nobody_takes_over_a_conversation_by_an_invitation_that_replaces_it(
    guarded: Server, stranger: Stranger, switch_on: SwitchOn
) -> None:
    officer, citizen = switch_on(guarded, "damkar_1"), Citizen(guarded, switch_on(guarded, "warga"))
    with Capture() as wire:
        citizen.dial().answers("1", "1")
        accepts(citizen, officer)
        talks(citizen, officer)
    answers = {
        (reply["Call-ID"], *(re.findall(r"tag=([^;\s]+)", reply[name])[0] for name in ("From", "To")))
        for packet in wire.packets
        if packet.payload.startswith(b"SIP/2.0 200")
        and (reply := Message(packet.payload.decode())).method == "INVITE"
    }
    assert len(answers) == 2, "the citizen's half and the officer's"
    known = password(guarded, "operator2")
    for call, one, other in answers:
        for tags in (f"from-tag={one};to-tag={other}", f"from-tag={other};to-tag={one}"):
            headers = [f"Replaces: {call};{tags}", "Require: replaces"]
            address = f"sip:damkar_1@{guarded.registrar}"
            refusal = stranger.ask_as("operator2", known, "INVITE", address, headers=headers, body=speech())
            assert refusal
            assert refusal.status >= 400, refusal.text
    talks(citizen, officer)
    citizen.hangs_up()


def test_calls_on_the_trunk_are_emergency_calls_and_nothing_else(guarded: Server, carrier: Carrier) -> None:
    before = len(guarded.calls())
    emergency = ["112", "0536112", "+62536112", "*112", "112;phone-context=+62", "0811123456", "0900123456*1", "000"]
    nothing = [
        "damkar_1",
        "operator1",
        "damkar_1%40ring-line",
        "PJSIP%2F0900%40trunk",
        "accept",
        "h",
        "idle",
        "x" * 300,
    ]
    with Stranger(guarded.registrar, CARRIER) as line:
        for dialled in emergency[:3] + emergency[4:]:
            reply = line.ask("INVITE", f"sip:{dialled}@{guarded.registrar}", user="+62811", body=speech())
            assert reply
            assert reply.status == 200, f"{dialled}: {reply.text}"
        for dialled in nothing:
            reply = line.ask("INVITE", f"sip:{dialled}@{guarded.registrar}", user="+62811", body=speech())
            assert reply
            assert reply.status == 404, f"{dialled}: {reply.text}"
        for method in ("REFER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REGISTER"):
            extra = ["Refer-To: <sip:0900@x>", "Event: presence", "Expires: 60"]
            reply = line.ask(method, f"sip:112@{guarded.registrar}", user="+62811", headers=extra)
            assert reply
            assert reply.status >= 400, f"{method}: {reply.text}"
    until(lambda: len(guarded.calls()) == before + len(emergency) - 1, "the calls in the log")
    assert carrier.invites == []
