"""Asterisk is killed under the controller: its calls end, nothing can keep them; the next caller is served soon."""

import csv
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from ivr.phones.baresip import Kind, Phone, PhoneTimeout
from tests.system.failures import scenes
from tests.system.measured import MACHINE, holds, outcome, reached
from tests.system.people import SwitchOn
from tests.system.server import Server, until

SERVED = 10.0
RIGHT = 10.0
CONNECTED = "connected to the Asterisk manager"


def is_kept(server: Server, account: str) -> bool:
    """Whether Asterisk has written down where this phone is: what registers in the second before a crash is lost."""
    with closing(sqlite3.connect(server.state / "asterisk" / "lib" / "astdb.sqlite3")) as database:
        found = database.execute("SELECT count(*) FROM astdb WHERE key LIKE ?", (f"/registrar/contact/{account}%",))
        return bool(found.fetchone()[0])


@pytest.mark.parametrize("step", ["category", "ringing", "queue", "talking"])
def test_a_caller_whom_asterisk_dropped_is_served_on_redialling_and_the_lost_call_is_closed(
    step: str, own_server: Server, switch_on: SwitchOn
) -> None:
    scene = scenes.at(step, own_server, switch_on)
    lost = scene.citizen.call_id
    until(lambda: is_kept(own_server, scene.human.account), "registration on disk", 10)
    with ThreadPoolExecutor() as meanwhile:
        since = scenes.asterisk_killed(own_server)
        closed = meanwhile.submit(when, lambda: own_server.story(lost)[0].ended_at, "end of the lost call")
        back = when(lambda: scenes.says(own_server, CONNECTED) > 1, "Asterisk")
        scene.human.hang_up()
        operator = scene.human if scene.human.account == "operator1" else switch_on(own_server, "operator1")
        redials(scene.citizen.phone)
        scene.citizen.phone.press("0")
        scenes.Scene(own_server, scene.citizen, operator).meet()
        measured = reached(scene.citizen.phone, operator, since)
        assert closed.result() - back < RIGHT + MACHINE
    scene.citizen.phone.hang_up()
    record, _ = own_server.ended_call("warga")
    holds("Asterisk killed, caller redials", step, measured, outcome(record), limit=SERVED)
    before = own_server.story(lost)[0]
    assert (before.answered_by, record.answered_by) == ("damkar_1" if step == "talking" else None, "operator1")
    assert all(call.ended_at for call in own_server.calls())
    assert ids_of_cel(own_server) == {call.call_id for call in own_server.calls()} == {lost, record.call_id}


def when(look: Callable[[], object], what: str) -> float:
    """Wait for it; when it was so (monotonic)."""
    until(look, what, 30)
    return time.monotonic()


def redials(phone: Phone) -> None:
    """Again and again until somebody answers."""
    phone.hang_up()
    for _ in range(20):
        phone.dial("112")
        try:
            phone.wait_event(Kind.ESTABLISHED, 1)
        except PhoneTimeout:
            phone.hang_up()
        else:
            return
    raise AssertionError("112 does not answer")


def ids_of_cel(server: Server) -> set[str]:
    """The calls of Asterisk's own journal."""
    with Path(server.state / "asterisk/log/cel-custom/calls.csv").open(newline="") as file:
        return {row[11] for row in csv.reader(file) if row[0] == "ARRIVED"}
