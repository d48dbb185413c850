"""The citizen hangs up: at every step the record is right, and nothing stays open."""

import pytest

from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind
from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import Server
from tests.system.test_the_call import talks


@pytest.mark.parametrize(
    ("keys", "moment", "stage", "category", "area"),
    [
        ((), Happened.QUESTION, "category", None, None),
        (("1",), Happened.UNDERSTOOD, "area", "kebakaran", None),
        (("1", "1"), Happened.RING, "ringing", "kebakaran", "62.71.01"),
        (("0",), Happened.QUEUE, "queue", None, None),
    ],
)
def test_a_caller_who_hangs_up_early_is_recorded_as_abandoned_with_what_was_known(
    keys: tuple[str, ...],
    moment: Happened,
    stage: str,
    category: str | None,
    area: str | None,
    server: Server,
    switch_on: SwitchOn,
) -> None:
    switch_on(server, "damkar_1")
    switch_on(server, "operator1")
    citizen = Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers(*keys).until(moment)
    record, _ = citizen.hangs_up()
    assert (record.outcome, record.hung_up_by, record.stage) == ("abandoned", "caller", stage)
    assert (record.category, record.area) == (category, area)
    assert (record.answered_by, record.recording_problem) == (None, None)


def test_a_caller_who_hangs_up_while_the_officer_listens_frees_the_officer(
    server: Server, switch_on: SwitchOn
) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    officer.answer(10)
    citizen.until(Happened.PICKED_UP)
    record, _ = citizen.hangs_up()
    assert record.outcome == "abandoned"
    officer.wait_event(Kind.CLOSED, 15)


def test_a_caller_who_hangs_up_in_the_conversation_was_answered(server: Server, switch_on: SwitchOn) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    record, _ = citizen.hangs_up()
    assert (record.outcome, record.stage) == ("answered", "talking")
