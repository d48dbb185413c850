"""Citizens on the city's trunk, as the carrier sends them: many at once, hostile names, with and without sound."""

from collections.abc import Iterator

import pytest

from ivr.calls.projection import CallRecord
from ivr.phones.scenario import caller
from ivr.phones.sipp import run_sipp
from tests.system import crowd
from tests.system.server import Server, until

TRUNK = """
[trunk](trunk-endpoint)
aors = trunk

[trunk]
type = aor
contact = sip:127.0.0.1:5999

[trunk]
type = identify
endpoint = trunk
match = 127.0.0.1/32
"""

SHIFT = 200


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a trunk to its carrier, which is SIPp on loopback."""
    folder = tmp_path_factory.mktemp("city")
    trunk = folder / "trunk.conf"
    trunk.write_text(TRUNK)
    rules, settings = crowd.rules_in(folder), {"IVR_TRUNK_FILE": str(trunk)}
    with crowd.fire_brigade(), Server(folder, rules=rules, shift=SHIFT, settings=settings) as running:
        yield running


@pytest.mark.alone
def test_ten_callers_at_once_who_press_the_second_key_between_the_questions_are_all_put_through_and_recorded(
    city: Server,
) -> None:
    """The second key begins where the first one ends, before the second question is put. A key that ends before that
    is lost: on a machine so busy that the question is late, the caller is asked and waited for once more.
    """
    pressing = caller(number="+628120000{call}").silence(1.5).press("13", gap=0, held=0.06)
    outcome = run_sipp(pressing.silence(2).hang_up(), city.registrar, calls=10, rate=10, at_once=10, timeout=60)
    assert (outcome.ok, outcome.failed) == (10, 0), outcome.errors

    def mine() -> list[CallRecord]:
        calls = [call for call in city.calls() if call.caller_number.startswith("+628120000")]
        return [call for call in calls if call.ended_at and call.recording_checked_at]

    until(lambda: len(mine()) == 10, "ten ended calls", 30)
    calls = mine()
    for call in calls:
        number = int(call.caller_number.removeprefix("+628120000"))
        crowd.rang("second key between the questions", pressing, number, outcome, call)
    assert {(call.category, call.area) for call in calls} == {("kebakaran", "62.71.03")}
    assert {call.recording_problem for call in calls} == {None}
    assert len({call.call_id for call in calls}) == 10


def test_a_caller_without_a_number_is_served_like_any_other(city: Server) -> None:
    before = len(city.calls())
    anonymous = '"Anonymous" <sip:anonymous@anonymous.invalid>'
    scenario = caller(identity=anonymous).silence(1.5).press("1").silence(1).hang_up()
    assert run_sipp(scenario, city.registrar, calls=1, timeout=20).ok == 1
    until(lambda: len(city.calls()) == before + 1 and city.calls()[0].ended_at, "the call")
    assert city.calls()[0].category == "kebakaran"


def test_a_caller_without_any_sound_is_answered_and_recorded(city: Server) -> None:
    scenario = caller(number="+6281999").soundless().silence(4).hang_up()
    assert run_sipp(scenario, city.registrar, calls=1, timeout=20).ok == 1
    call = until(
        lambda: next((c for c in city.calls() if c.caller_number == "+6281999" and c.ended_at), None), "call"
    )
    assert call is not None
    assert call.outcome == "abandoned"


def test_whatever_number_the_carrier_delivers_is_an_emergency_call(city: Server) -> None:
    for dialled in ("112", "0536112", "+62536112"):
        number = f"+62814{len(dialled):04d}"
        scenario = caller(dials=dialled, number=number).silence(1).hang_up()
        assert run_sipp(scenario, city.registrar, calls=1, timeout=20).ok == 1
        call = until(lambda: next((c for c in city.calls() if c.caller_number == number), None), "call")  # noqa: B023
        assert call is not None
        assert call.dialled == dialled
