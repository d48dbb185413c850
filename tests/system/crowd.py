"""Callers in numbers, as SIPp plays them, and a fire brigade that takes every one of them.

SIPp keeps no sound: these callers measure seconds and no silence.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ivr.calls.projection import CallRecord
from ivr.phones.scenario import Scenario, agency
from ivr.phones.sipp import Outcome, Sipp
from tests.system.measured import SOON, holds, outcome, unheard
from tests.system.server import LOOPBACK

PORT = 15271
FRAME = 0.02  # seconds; the media counts one more frame after each key
RULES = (
    Path(__file__)
    .with_name("rules.yaml")
    .read_text(encoding="utf-8")
    .replace(
        "damkar_1: {akun: damkar_1, detik: 12}",
        f'damkar_1: {{telepon: "sip:damkar@{LOOPBACK}:{PORT}", detik: 12, terima: langsung}}',
    )
)
"""The rules of the tests, in which the fire brigade has a telephone exchange of its own."""


@contextmanager
def fire_brigade() -> Iterator[None]:
    """It rings for a moment and takes as many calls as come."""
    with Sipp(agency(rings=0.2).soundless().until_hung_up(), port=PORT):
        yield


def rules_in(folder: Path) -> Path:
    """A file with RULES, to start a server with."""
    file = folder / "given.yaml"
    file.write_text(RULES, encoding="utf-8")
    return file


def rang(cause: str, pressed: Scenario, call: int, seen: Outcome, record: CallRecord, limit: float = SOON) -> None:
    """A row of the matrix: from dialling until the fire brigade's phone rang, by the clock of the machine.

    `pressed`: the caller up to the release of the last key. The seconds of it are the caller's own and do not count.
    """
    assert record.attempts, "nobody was rung"
    own = pressed.media.seconds - FRAME
    seconds = record.attempts[0].rang_at.timestamp() - seen.times("dialled")[call] - own
    holds(cause, "new call", unheard(seconds), outcome(record), limit=limit)
