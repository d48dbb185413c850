"""SIPp against a real soft phone, without a server between them."""

import os
import shutil
from collections.abc import Iterator

import pytest

from ivr.phones.baresip import Kind, Phone
from ivr.phones.events import PhoneError, PhoneMissing, PhoneTimeout
from ivr.phones.sipp import Sipp, agency, caller, rejecting_agency, run_sipp, silent_agency
from tests.audio import load, silence_spans

pytestmark = pytest.mark.skipif(
    shutil.which("sipp") is None or shutil.which("baresip") is None or os.geteuid() != 0,
    reason="needs sip-tester, baresip-core and root for raw sockets",
)


@pytest.fixture
def robot() -> Iterator[Phone]:
    """A phone that takes every call."""
    with Phone("robot", "127.0.0.1:9", answers="auto") as phone:
        yield phone


@pytest.fixture
def citizen() -> Iterator[Phone]:
    with Phone("+62812", "127.0.0.1:9") as phone:
        yield phone


def target(phone: Phone) -> str:
    return phone.uri.partition("@")[2]


def test_keys_of_a_sipp_caller_arrive_in_order(robot: Phone) -> None:
    outcome = run_sipp(caller("robot").silence(0.2).press("19#").silence(0.2).hang_up(), target(robot), timeout=10)
    assert (outcome.ok, outcome.errors) == (1, "")
    assert "".join(robot.wait_event(Kind.DTMF).detail for _ in range(3)) == "19#"
    robot.wait_event(Kind.CLOSED)
    assert outcome.seconds("answered", "ended") == pytest.approx([1.06], abs=0.2)


def test_a_sipp_caller_is_never_without_rtp(robot: Phone) -> None:
    outcome = run_sipp(caller("robot").silence(1).hang_up(), target(robot), timeout=10)
    assert (outcome.ok, outcome.errors) == (1, "")
    robot.wait_event(Kind.CLOSED)
    heard = load(robot.heard())
    assert len(heard) / 8000 == pytest.approx(1, abs=0.2)
    assert not silence_spans(heard, threshold=-100, minimum=0.2)  # A-law silence is a step above digital silence


def test_a_soundless_caller_sends_no_rtp(robot: Phone) -> None:
    outcome = run_sipp(caller("robot").silence(1).soundless().hang_up(), target(robot), timeout=10)
    assert (outcome.ok, outcome.errors) == (1, "")
    robot.wait_event(Kind.CLOSED)
    assert silence_spans(load(robot.heard()), threshold=-100, minimum=0.8)


def test_the_caller_number_arrives_as_given(robot: Phone) -> None:
    outcome = run_sipp(caller("robot", number="+62-812.5*{call}").soundless().hang_up(), target(robot), timeout=10)
    assert (outcome.ok, outcome.errors) == (1, "")
    assert "+62-812.5*1@" in robot.wait_event(Kind.ESTABLISHED).detail


def test_an_agency_rings_answers_and_presses_a_key(citizen: Phone) -> None:
    with Sipp(agency(rings=0.3).silence(0.2).press("1").until_hung_up(10)) as police:
        citizen.dial(f"sip:police@127.0.0.1:{police.port}")
        ringing, answered = citizen.wait_event(Kind.RINGING), citizen.wait_event(Kind.ESTABLISHED)
        assert citizen.wait_event(Kind.DTMF).detail == "1"
        citizen.hang_up()
    assert answered.at - ringing.at == pytest.approx(0.3, abs=0.15)
    assert police.stop().ok == 1
    assert "+62812" in police.stop().marks[0].detail


@pytest.mark.parametrize("code", [480, 486, 603])
def test_an_agency_refuses_with_the_code_asked_for(citizen: Phone, code: int) -> None:
    with Sipp(rejecting_agency(code, rings=0)) as police:
        citizen.dial(f"sip:police@127.0.0.1:{police.port}")
        assert citizen.wait_event(Kind.CLOSED).detail.startswith(str(code))
    assert police.stop().ok == 1


def test_an_agency_that_never_answers_is_content_when_given_up(citizen: Phone) -> None:
    with Sipp(silent_agency()) as police:
        citizen.dial(f"sip:police@127.0.0.1:{police.port}")
        citizen.wait_event(Kind.RINGING)
        citizen.hang_up()
    assert police.stop().ok == 1


def test_a_call_that_does_not_end_in_time_is_an_error(robot: Phone) -> None:
    with pytest.raises(PhoneTimeout, match="not over"):
        run_sipp(caller("robot").silence(9).hang_up(), target(robot), timeout=0.5)


def test_a_taken_port_is_named(robot: Phone) -> None:
    with pytest.raises(PhoneError, match="is taken"):
        Sipp(agency().hang_up(), port=int(target(robot).partition(":")[2])).start()


def test_a_missing_sipp_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(PhoneMissing, match="sip-tester"):
        Sipp(agency().hang_up()).start()
