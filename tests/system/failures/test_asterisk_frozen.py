"""Asterisk is frozen: its ports are open and nobody answers. It is replaced, and the next caller is served."""

import signal
import time

from ivr.restarts import Reason, read
from tests.system.failures import scenes
from tests.system.failures.test_asterisk_killed import ids_of_cel, is_kept, redials
from tests.system.measured import MACHINE, holds, outcome, reached
from tests.system.people import SwitchOn
from tests.system.server import Server, until
from tests.system.test_the_call import talks

REPLACED = 8.0 + 2.0 + 0.5  # the patience, a last look that is not answered, the kill
SERVED = REPLACED + 6.0  # and the start; the caller's phone gives up a second after each try


def frozen_ones(server: Server) -> int:
    return read(server.state / "health").count(Reason.ASTERISK_FROZEN)


def test_a_caller_on_a_frozen_asterisk_is_served_on_redialling(own_server: Server, switch_on: SwitchOn) -> None:
    scene = scenes.at("talking", own_server, switch_on)
    lost = scene.citizen.call_id
    until(lambda: is_kept(own_server, scene.human.account), "registration on disk", 10)
    since = scenes.asterisk_gets(own_server, signal.SIGSTOP)
    until(lambda: frozen_ones(own_server), "the end of the frozen Asterisk", 25)
    assert time.monotonic() - since < REPLACED + MACHINE
    scene.human.hang_up()
    operator = switch_on(own_server, "operator1")
    redials(scene.citizen.phone)
    scene.citizen.phone.press("0")
    scenes.Scene(own_server, scene.citizen, operator).meet()
    measured = reached(scene.citizen.phone, operator, since)
    scene.citizen.phone.hang_up()
    record, _ = own_server.ended_call("warga")
    holds("Asterisk frozen, caller redials", "talking", measured, outcome(record), limit=SERVED)
    until(lambda: all(call.ended_at for call in own_server.calls()), "end of every call", 20)
    assert ids_of_cel(own_server) == {call.call_id for call in own_server.calls()} == {lost, record.call_id}
    assert frozen_ones(own_server) == 1


def test_an_asterisk_that_stands_still_for_a_moment_keeps_its_calls(own_server: Server, switch_on: SwitchOn) -> None:
    scene = scenes.at("talking", own_server, switch_on)
    since = scenes.asterisk_gets(own_server, signal.SIGSTOP)
    until(lambda: time.monotonic() - since > 5, "five seconds")
    scenes.asterisk_gets(own_server, signal.SIGCONT)
    talks(scene.citizen, scene.human)
    record, _ = scene.ends()
    assert (record.answered_by, record.hung_up_by, frozen_ones(own_server)) == ("damkar_1", "caller", 0)
