"""Who waits for an operator hears how many are before them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Phone
from ivr.prompts.build import built_file
from ivr.prompts.positions import FILES
from tests.audio import heard_prompts
from tests.system.people import Citizen, SwitchOn
from tests.system.server import Server, until
from tests.system.test_the_call import talks

RULES = Path(__file__).with_name("rules.yaml").read_text(encoding="utf-8").replace("detik: 6}", "detik: 60}")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("queue")
    rules = folder / "patient.yaml"
    rules.write_text(RULES, encoding="utf-8")
    with Server(folder, rules=rules, shift=1100) as running:
        yield running


def waiting(server: Server, phone: Phone) -> Citizen:
    """Somebody who asked for an operator and stands in the queue."""
    citizen = Citizen(server, phone).dial().is_asked("category")
    citizen.phone.press("0")
    citizen.until(Happened.QUEUE)
    return citizen


def positions_heard(server: Server, citizen: Citizen) -> list[str]:
    """Which of the sentences about the position were heard, in order; their first word tells them apart."""
    built = {id_: built_file(server.prompts / "built", id_) for id_ in FILES}
    return [heard.id for heard in heard_prompts(citizen.phone.heard(), built)]


@pytest.mark.alone
def test_the_third_who_waits_hears_that_two_are_before_them_and_the_first_nothing(
    city: Server, switch_on: SwitchOn
) -> None:
    switch_on(city, "operator1")  # rings and is not picked up
    callers = [waiting(city, switch_on(city, name)) for name in ("polresta", "psc119", "warga")]
    until(lambda: positions_heard(city, callers[-1]), "position in the queue", 10)
    assert [positions_heard(city, citizen) for citizen in callers] == [[], ["ahead-1"], ["ahead-2"]]
    for citizen in callers:
        citizen.hangs_up()


def test_a_caller_whose_position_cannot_be_said_waits_on_and_reaches_the_operator(
    city: Server, switch_on: SwitchOn
) -> None:
    built = city.prompts / "built"
    built_file(built, "ahead-1").unlink()
    built_file(built, "ahead-2").write_bytes(b"")
    operator = switch_on(city, "operator1")
    callers = [waiting(city, switch_on(city, name)) for name in ("polresta", "psc119", "warga")]
    log = city.state / "asterisk" / "log" / "messages.log"
    until(lambda: "Unable to open digits/3" in log.read_text(errors="replace"), "attempt to say the position")
    assert not [citizen for citizen in callers if city.story(citizen.call_id)[0].ended_at]
    *before, citizen = callers
    for other in before:
        other.hangs_up()
    operator.answer(20)
    talks(citizen, operator)
    assert citizen.hangs_up()[0].answered_by == "operator1"
