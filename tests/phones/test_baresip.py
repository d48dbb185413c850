"""Two phones that call each other, without a server between them."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ivr.phones import sounds
from ivr.phones.baresip import Kind, Phone, PhoneError, PhoneMissing, PhoneTimeout
from tests.audio import load, tone_level

needs_baresip = pytest.mark.skipif(shutil.which("baresip") is None, reason="baresip-core is not installed")


@pytest.fixture
def phones(tmp_path: Path) -> Iterator[tuple[Phone, Phone]]:
    """A citizen whose microphone says 1200 Hz and an operator whose microphone says 700 Hz."""
    high, low = sounds.tone(tmp_path / "1200.wav", 1200, 30), sounds.tone(tmp_path / "700.wav", 700, 30)
    nowhere = "127.0.0.1:9"
    with Phone("+62812", nowhere, microphone=high) as citizen, Phone("operator", nowhere, microphone=low) as operator:
        yield citizen, operator


def connect(citizen: Phone, operator: Phone) -> None:
    citizen.dial(operator.uri)
    operator.answer()
    citizen.wait_event(Kind.ESTABLISHED)


@needs_baresip
def test_two_people_hear_each_other_and_their_keys(phones: tuple[Phone, Phone]) -> None:
    citizen, operator = phones
    connect(citizen, operator)
    citizen.press("159#")
    assert "".join(operator.wait_event("DTMF").detail for _ in range(4)) == "159#"
    operator.press("2")
    assert citizen.wait_event("DTMF").detail == "2"
    citizen.hang_up()
    operator.wait_event(Kind.CLOSED)
    assert tone_level(load(citizen.heard()), 700).share > 0.95
    assert tone_level(load(operator.heard()), 1200).share > 0.95
    assert tone_level(load(citizen.sent()), 1200).share > 0.99


@needs_baresip
def test_what_was_heard_lasts_as_long_as_the_call(phones: tuple[Phone, Phone]) -> None:
    citizen, operator = phones
    connect(citizen, operator)
    operator.press("12")
    for _ in range(2):
        citizen.wait_event(Kind.DTMF)
    citizen.hang_up()
    heard = load(citizen.heard())
    assert len(heard) / 8000 == pytest.approx(citizen.events[-1].at - citizen.heard_since, abs=0.1)


@needs_baresip
def test_a_second_call_in_the_same_second_has_its_own_recording(phones: tuple[Phone, Phone]) -> None:
    citizen, operator = phones
    recordings = []
    for _ in range(2):
        connect(citizen, operator)
        citizen.press("12")  # a quarter of a second
        operator.wait_event(Kind.DTMF)
        operator.wait_event(Kind.DTMF)
        citizen.hang_up()
        operator.wait_event(Kind.CLOSED)
        recordings.append(operator.heard())
    assert recordings[0] != recordings[1]
    assert all(np.abs(load(recording)).max() > 0.3 for recording in recordings)


@needs_baresip
def test_a_recording_does_not_grow_with_later_calls(phones: tuple[Phone, Phone]) -> None:
    citizen, operator = phones
    connect(citizen, operator)
    citizen.press("1")
    operator.wait_event(Kind.DTMF)
    citizen.hang_up()
    seconds = len(load(citizen.heard()))
    citizen.dial(operator.uri)
    operator.reject()
    citizen.wait_event(Kind.CLOSED)
    assert len(load(citizen.heard())) == seconds


@needs_baresip
def test_a_refused_call_is_busy(phones: tuple[Phone, Phone]) -> None:
    citizen, operator = phones
    citizen.dial(operator.uri)
    operator.reject()
    assert citizen.wait_event(Kind.CLOSED).detail.startswith("486")


@needs_baresip
def test_a_phone_in_a_call_is_busy_to_others(phones: tuple[Phone, Phone]) -> None:
    citizen, operator = phones
    connect(citizen, operator)
    with Phone("+62813", "127.0.0.1:9") as other:
        other.dial(operator.uri)
        assert other.wait_event(Kind.CLOSED).detail.startswith("486")


@needs_baresip
def test_a_caller_who_gives_up_stops_the_ringing(phones: tuple[Phone, Phone]) -> None:
    citizen, operator = phones
    citizen.dial(operator.uri)
    operator.wait_event(Kind.INCOMING)
    citizen.hang_up()
    operator.wait_event(Kind.CLOSED)
    with pytest.raises(PhoneTimeout, match="no call rang"):
        operator.answer(timeout=0.1)


@needs_baresip
def test_an_automatic_phone_takes_every_call(phones: tuple[Phone, Phone]) -> None:
    citizen, _ = phones
    with Phone("robot", "127.0.0.1:9", answers="auto") as robot:
        citizen.dial(robot.uri)
        citizen.wait_event(Kind.ESTABLISHED)


@needs_baresip
def test_the_end_of_the_microphone_file_ends_the_call_and_says_so(
    tmp_path: Path, phones: tuple[Phone, Phone]
) -> None:
    _, operator = phones
    with Phone("brief", "127.0.0.1:9", microphone=sounds.tone(tmp_path / "brief.wav", 500, seconds=1)) as brief:
        connect(brief, operator)
        brief.wait_event(Kind.MICROPHONE_ENDED)
        brief.wait_event(Kind.CLOSED)


@needs_baresip
def test_each_wait_starts_behind_the_one_before(phones: tuple[Phone, Phone]) -> None:
    citizen, operator = phones
    for _ in range(2):
        citizen.dial(operator.uri)
        operator.reject()
        citizen.wait_event(Kind.CLOSED)
    with pytest.raises(PhoneTimeout, match="no CLOSED"):
        citizen.wait_event(Kind.CLOSED, timeout=0.05)


@needs_baresip
def test_a_phone_that_dies_is_noticed_at_once(phones: tuple[Phone, Phone]) -> None:
    citizen, operator = phones
    connect(citizen, operator)
    operator.unplug()
    began = time.monotonic()
    with pytest.raises(PhoneError, match="no CLOSED"):
        operator.wait_event(Kind.CLOSED, timeout=30)
    assert time.monotonic() - began < 2


@needs_baresip
def test_nothing_is_left_of_a_stopped_phone() -> None:
    with Phone("someone", "127.0.0.1:9") as phone:
        pid, folder = phone.pid, phone.folder
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    phone.stop()


@needs_baresip
def test_a_server_that_does_not_answer_is_named_in_the_timeout() -> None:
    phone = Phone("op1", "127.0.0.1:9", password="x")  # noqa: S106
    with phone, pytest.raises(PhoneTimeout, match="not registered"):
        phone.wait_registered(timeout=0.3)


@needs_baresip
def test_keys_without_a_call_are_refused(phones: tuple[Phone, Phone]) -> None:
    with pytest.raises(PhoneError, match="no call to press"):
        phones[0].press("1")


@pytest.mark.parametrize("uri", ["", "bad uri", "sip:", "<sip:112@127.0.0.1>", "tel:112"])
def test_an_address_baresip_would_ignore_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="no SIP address"):
        Phone("x", "127.0.0.1:9").dial(uri)


@pytest.mark.parametrize("text", ["a;b", "a b", 'a"', "<a>", "a\n"])
def test_texts_that_would_break_the_account_file_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quoting"):
        Phone(text, "127.0.0.1:5060")
    with pytest.raises(ValueError, match="no quoting"):
        Phone("op1", "127.0.0.1:5060", password=text)


def test_a_missing_baresip_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(PhoneMissing, match="baresip-core"):
        Phone("op1", "127.0.0.1:5060").start()


@needs_baresip
def test_phones_that_encrypt_hear_each_other_and_call_nobody_who_does_not(tmp_path: Path) -> None:
    tone, nowhere = sounds.tone(tmp_path / "700.wav", 700, 30), "127.0.0.1:9"
    with (
        Phone("+62812", nowhere, encrypted=True) as citizen,
        Phone("operator", nowhere, microphone=tone, encrypted=True) as operator,
        Phone("careless", nowhere, answers="auto") as careless,
    ):
        connect(citizen, operator)
        operator.press("12345")  # more than a second
        assert "".join(citizen.wait_event(Kind.DTMF).detail for _ in range(5)) == "12345"
        citizen.hang_up()
        assert tone_level(load(citizen.heard()), 700).share > 0.95
        citizen.dial(careless.uri)
        citizen.wait_event(Kind.CLOSED)
        assert Kind.ESTABLISHED not in [event.kind for event in citizen.events[-2:]]
