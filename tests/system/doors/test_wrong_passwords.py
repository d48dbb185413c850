"""Guessing passwords is logged, and delays no citizen."""

import time
from threading import Thread

import pytest

from ivr.phones.baresip import Kind, Phone
from tests.audio import load, loudness
from tests.system.doors.house import log_lines
from tests.system.doors.strangers import (
    Stranger,
    answer_to,
    speech,
)
from tests.system.people import SwitchOn
from tests.system.server import Server, until


def test_wrong_passwords_are_logged_with_the_address_they_came_from(guarded: Server) -> None:
    failed = 'SecurityEvent="ChallengeResponseFailed"'
    with Stranger(guarded.registrar, "127.0.0.9") as guesser:
        for account, method in (("operator1", "REGISTER"), ("1001", "REGISTER"), ("damkar_1", "INVITE")):
            reply = guesser.ask_as(account, "wrong", method, body=speech() if method == "INVITE" else "")
            assert reply
            assert reply.status == 401
        mine = f'RemoteAddress="IPV4/UDP/127.0.0.9/{guesser.port}"'
    until(
        lambda: sum(failed in line and mine in line for line in log_lines(guarded, "security.log")) == 3, "the lines"
    )


def first_sound(citizen: Phone) -> float:
    """Seconds between dialling 112 and the first sound that is heard."""
    citizen.dial("112")
    dialled = time.monotonic()
    citizen.wait_event(Kind.ESTABLISHED)

    def heard() -> float:
        loud = loudness(load(citizen.heard()), 0.02) > -40
        return citizen.heard_since + 0.02 * float(loud.argmax()) if loud.any() else 0.0

    at = until(heard, "sound", 10)
    citizen.hang_up()
    return at - dialled


@pytest.mark.alone
def test_a_thousand_wrong_passwords_in_five_seconds_do_not_delay_a_citizen(
    guarded: Server, switch_on: SwitchOn
) -> None:
    citizen = switch_on(guarded, "warga")
    quiet = [first_sound(citizen) for _ in range(2)]

    def guess() -> None:
        with Stranger(guarded.registrar, "127.0.0.9") as guesser:
            challenge = guesser.ask("REGISTER", user="operator1")
            assert challenge
            began = time.monotonic()
            for number in range(1000):
                answer = answer_to(challenge, "operator1", str(number), "REGISTER", f"sip:{guarded.registrar}")
                guesser.send("REGISTER", user="operator1", headers=[answer])
                time.sleep(max(0.0, began + number / 200 - time.monotonic()))  # a pace, not a wait

    flood = Thread(target=guess)
    flood.start()
    flooded = [first_sound(citizen) for _ in range(3)]
    lasted = flood.is_alive()
    flood.join()
    assert lasted, "the calls were not made during the flood"
    assert max(flooded) < max(quiet) + 0.5, (quiet, flooded)
