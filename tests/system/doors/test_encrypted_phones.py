"""Phones over TLS and SRTP: what the wire shows of a call, read with the same eyes as a call in the clear."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ivr.phones.baresip import Phone
from tests.audio import RATE, load
from tests.system.conftest import CITIZEN_HERTZ, OFFICER_HERTZ
from tests.system.doors.house import password
from tests.system.doors.strangers import Stranger, speech
from tests.system.doors.wire import Wire
from tests.system.people import Citizen, accepts
from tests.system.server import LOOPBACK, Server, until
from tests.system.test_the_call import talks

SHIFT = 800
TLS_PORT = 5061 + SHIFT

Switch = Callable[[Server, str], Phone]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of our own for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    chain, key = folder / "chain.pem", folder / "key.pem"
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject)
    subprocess.run([*made, "-keyout", str(key), "-out", str(chain)], check=True, capture_output=True)
    return chain, key


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]) -> Iterator[Server]:
    """A server whose phones must encrypt their speech, and may register over TLS."""
    settings = {
        "IVR_SIP_TLS_PORT": str(TLS_PORT),
        "IVR_TLS_CERTIFICATE": str(certificate[0]),
        "IVR_TLS_KEY": str(certificate[1]),
        "IVR_MEDIA_ENCRYPTION": "sdes",
    }
    with Server(tmp_path_factory.mktemp("encrypted"), shift=SHIFT, settings=settings) as running:
        yield running


@pytest.fixture
def secure(voices: dict[str, Path]) -> Iterator[Switch]:
    """Switch on phones that speak TLS and SRTP."""
    with ExitStack() as phones:

        def start(server: Server, account: str) -> Phone:
            voice = voices["citizen" if account == "warga" else "officer"]
            phone = Phone(
                account,
                f"{LOOPBACK}:{TLS_PORT}",
                password=password(server, account),
                microphone=voice,
                transport="tls",
                encrypted=True,
            )
            phones.enter_context(phone).wait_registered()
            return phone

        yield start


def conversation(server: Server, switch: Switch) -> Wire:
    """A citizen and the fire brigade talk; what was on the wire meanwhile."""
    own = int(server.environment["IVR_SIP_PORT"])
    with Wire(own, TLS_PORT, without={*range(5060, 7060, 10)} - {own, TLS_PORT}) as wire:
        officer, citizen = switch(server, "damkar_1"), Citizen(server, switch(server, "warga"))
        citizen.dial().answers("1", "1")
        accepts(citizen, officer)
        talks(citizen, officer)
        until(lambda: len(load(officer.heard())) > 4 * RATE, "four seconds at the officer's phone")
        record, _ = citizen.hangs_up()
    assert record.answered_by == "damkar_1"
    return wire


def test_nothing_of_an_encrypted_call_can_be_read_or_heard_on_the_wire_but_all_of_one_in_the_clear(
    encrypted: Server, server: Server, secure: Switch, switch_on: Switch
) -> None:
    words = ("SIP/2.0", "INVITE", "REGISTER", "warga", "rtpmap", "crypto")
    clear, hidden = conversation(server, switch_on), conversation(encrypted, secure)
    assert clear.shows(*words) == set(words) - {"crypto"}
    assert hidden.shows(*words) == set()
    assert sum(TLS_PORT.to_bytes(2) in packet[20:24] for packet in hidden.packets) > 20  # and yet they talked there
    for hertz in (CITIZEN_HERTZ, OFFICER_HERTZ):
        assert clear.tone(hertz) > 0.95
        assert hidden.tone(hertz) < 0.1


def test_a_phone_that_does_not_encrypt_its_speech_is_refused(encrypted: Server) -> None:
    known = password(encrypted, "warga")
    before = len(encrypted.calls())
    with Stranger(encrypted.registrar) as phone:
        address = f"sip:112@{encrypted.registrar}"
        plain = phone.ask_as("warga", known, "INVITE", address, body=speech())
        assert plain
        assert plain.status == 488
        key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "\r\n"
        keyed = phone.ask_as("warga", known, "INVITE", address, body=speech(profile="SAVP", lines=key))
        assert keyed
        assert keyed.status == 200
    assert len(encrypted.calls()) <= before + 2
