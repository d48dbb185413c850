"""Somebody answers on the controller's port, and it is no controller: the caller goes to a human all the same."""

import random

import pytest

from tests.system.failures import peers, scenes
from tests.system.failures.peers import Behaviour, Peer
from tests.system.measured import holds, outcome, reached
from tests.system.people import SwitchOn
from tests.system.server import Server

NOISE = random.Random(112).randbytes(4000)


@pytest.mark.parametrize(
    ("does", "behave", "limit"),
    [
        ("never answers", peers.never_answers, 5),
        ("closes at once", peers.closes_at_once, 2),
        ("says noise", peers.says(NOISE, b"\n"), 5),
        ("says noise and closes", peers.says(NOISE, then=peers.closes_at_once), 2),
        ("pours out noise", peers.pours(NOISE.replace(b"\n", b" ")), 5),
        ("pours out commands", peers.pours(b"NOOP\n" * 1000), 5),
        # Within a line Asterisk waits without any timer: only the end of the connection helps, at the latest the
        # watchdog's, which kills a frozen controller after four seconds.
        ("says a byte a second until killed", peers.crawls(b"NOOP"), 5),
        ("breaks off in a command until killed", peers.says(b'SET VARIABLE "PLA', then=peers.ends_after(4)), 5),
        ("breaks off in a command and closes", peers.says(b'SET VARIABLE "PLAN" "rea', then=peers.closes_at_once), 2),
        ("names rules nobody has", peers.says(b"SET VARIABLE GENERATION 0\n", then=peers.closes_at_once), 2),
        ("claims a plan and gives none", peers.says(b"SET VARIABLE PLAN ready", then=peers.closes_at_once), 2),
    ],
)
def test_a_caller_reaches_an_operator_when_what_answers_for_the_controller(
    does: str, behave: Behaviour, limit: float, sturdy: Server, switch_on: SwitchOn
) -> None:
    scene = scenes.at("new call", sturdy, switch_on)
    with sturdy.without_restarts(), Peer(scenes.agi_port(sturdy), behave) as peer:
        dialled = scene.dials()
        scene.meet()
        measured = reached(scene.citizen.phone, scene.human, dialled)
        assert peer.connections
    record, _ = scene.ends()
    holds(f"controller {does}", "new call", measured, outcome(record), limit=limit, dead_air=limit)
    assert record.answered_by == "operator1"
    assert record.lifeline or does == "claims a plan and gives none"
