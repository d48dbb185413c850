from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.dialplan import globals_file, lifeline_file, lines_file
from ivr.asterisk.plan import plan_variables
from ivr.rules import Rules, load_rules, route
from tests.asterisk.reading import WEEK, dialplan, go_to_if_time, sections
from tests.city import SHIPPED, SYSTEM_TEST
from tests.rules.conftest import SMALL
from tests.rules.test_route import random_rules

CITIES = [SHIPPED, SYSTEM_TEST]
MONDAY = datetime(2026, 11, 23)  # noqa: DTZ001 of the city's own clock

TINY = """\
kota: {nama: Kota, kode: 99.01, zona: Asia/Makassar}
kategori: {api: {tombol: 1, nama: Api}}
wilayah: {99.01.01: {tombol: 1, nama: Utara}}
jalur:
  pos: {akun: pos_tiga}
  kantor: {telepon: "+62 21-345", terima: langsung}
  siaga: {akun: siaga, detik: 25}
  cadangan: {telepon: 0811, detik: 40}
instansi: {damkar: {nama: Damkar, jalur: pos}}
operator: {akun: [op_1], detik: 45}
aturan: [{kategori: api, langkah: [damkar]}]
siaga_24_jam: [siaga, cadangan]
"""


@cache
def loaded(path: Path) -> Rules:
    return load_rules(path)


def test_the_globals_say_where_everything_is() -> None:
    text = globals_file(
        load_rules(TINY), prompts=Path("/srv/p"), recordings=Path("/srv/c"), controller="127.0.0.1:4573"
    )
    assert dict(sections(f"[globals]\n{text}")["globals"]) == {
        "CONTROLLER": "127.0.0.1:4573",
        "PROMPTS": "/srv/p",
        "RECORDINGS": "/srv/c",
        "ZONE": "Asia/Makassar",
        "OPERATOR_SECONDS": "45",
        "STANDBY": "Local/siaga@ring-line&Local/cadangan@ring-line",
        "STANDBY_LINES": "siaga&cadangan",
        "STANDBY_SECONDS": "40",
    }


def test_every_line_is_an_extension_that_rings_its_phone() -> None:
    lines = dialplan(lines_file(load_rules(TINY), trunk=True))["ring-line"]
    assert lines["pos"] == [
        "Set(_LINE=pos)",
        "Set(DIAL=${PJSIP_DIAL_CONTACTS(pos_tiga)})",
        "Goto(ring,accept,1)",
    ]
    assert lines["kantor"] == ["Set(_LINE=kantor)", "Set(DIAL=PJSIP/+6221345@trunk)", "Goto(ring,direct,1)"]
    assert lines["op_1"] == ["Set(_LINE=op_1)", "Set(DIAL=${PJSIP_DIAL_CONTACTS(op_1)})", "Goto(ring,direct,1)"]
    assert set(lines) == {"pos", "kantor", "siaga", "cadangan", "op_1"}


def test_a_number_behind_a_trunk_that_is_not_there_is_unreachable_and_the_next_step_is_tried() -> None:
    lines = dialplan(lines_file(load_rules(TINY), trunk=False))["ring-line"]
    assert lines["kantor"][1] == "Set(DIAL=)"


def test_the_lifeline_of_a_small_city_is_readable() -> None:
    assert lifeline_file(load_rules(TINY)) == (
        "[lifeline-duty]\n"
        "exten => s,1,NoOp()\n"
        " same => n,GotoIfTime(00:00-23:59,*,*,*,Asia/Makassar?lifeline-plan,plan1,1)\n"
        " same => n,Goto(operators,s,1)\n"
        "exten => api,1,NoOp()\n"
        " same => n,GotoIfTime(00:00-23:59,*,*,*,Asia/Makassar?lifeline-plan,plan2,1)\n"
        " same => n,Goto(operators,s,1)\n"
        "[lifeline-plan]\n"
        "exten => plan1,1,NoOp()\n"
        " same => n,Set(PLAN_1_DIAL=)\n"
        " same => n,Goto(plan,s,1)\n"
        "exten => plan2,1,NoOp()\n"
        " same => n,Set(PLAN_1_DIAL=Local/pos@ring-line)\n"
        " same => n,Set(PLAN_1_LINES=pos)\n"
        " same => n,Set(PLAN_1_SECONDS=20)\n"
        " same => n,Set(PLAN_1_MUSIC=api-any-damkar)\n"
        " same => n,Set(PLAN_2_DIAL=)\n"
        " same => n,Goto(plan,s,1)\n"
    )


def test_plans_that_ring_the_same_are_written_once() -> None:
    plans = dialplan(lifeline_file(loaded(SHIPPED)))["lifeline-plan"]
    assert len({tuple(steps) for steps in plans.values()}) == len(plans)


# The lifeline is the rules' own route(), for every minute of every week.


def by_the_clock(rules: Rules, category: str | None) -> list[list[tuple[str, str]]]:
    """What the lifeline sets in each minute of the week, as Asterisk would find it: the first hit counts."""
    file = dialplan(lifeline_file(rules))
    week: list[list[tuple[str, str]] | None] = [None] * WEEK
    first, *times, last = file["lifeline-duty"][category or "s"]
    assert (first, last) == ("NoOp()", "Goto(operators,s,1)")
    for application in times:
        time = go_to_if_time(application)
        assert time is not None, application
        minutes, zone, goal = time
        context, plan, _ = goal.split(",")
        assert (zone, context) == (rules.city.zone, "lifeline-plan")
        variables = list(_set(file["lifeline-plan"][plan]))
        for minute in minutes:
            assert week[minute] is None, f"minute {minute} is in two segments"
            week[minute] = variables
    assert None not in week, "a minute without a plan"
    return [variables for variables in week if variables is not None]


def _set(applications: list[str]) -> Iterator[tuple[str, str]]:
    start, *settings, end = applications
    assert (start, end) == ("NoOp()", "Goto(plan,s,1)")
    for application in settings:
        name, _, value = application.removeprefix("Set(").removesuffix(")").partition("=")
        yield name, value


@pytest.mark.parametrize("city", CITIES, ids=lambda path: path.stem)
def test_the_lifeline_has_a_plan_for_every_minute_of_the_week_and_every_category(city: Path) -> None:
    rules = loaded(city)
    for category in (None, *(known.id for known in rules.categories)):
        assert len(by_the_clock(rules, category)) == WEEK


@cache
def shipped_week(category: str | None) -> list[list[tuple[str, str]]]:
    return by_the_clock(loaded(SHIPPED), category)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([None, *(category.id for category in loaded(SHIPPED).categories)]), st.integers(0, WEEK - 1))
def test_at_any_minute_the_lifeline_rings_whom_the_controller_would_have_rung(
    category: str | None, minute: int
) -> None:
    rules = loaded(SHIPPED)
    now = (MONDAY + timedelta(minutes=minute)).replace(tzinfo=rules.city.clock).astimezone(UTC)
    assert shipped_week(category)[minute] == plan_variables(route(rules, category, None, now), category, None)


@settings(max_examples=30, deadline=None)
@given(random_rules(), st.lists(st.integers(0, WEEK - 1), min_size=20, max_size=20))
def test_the_same_holds_for_any_rules_an_admin_may_write(rules: Rules, minutes: list[int]) -> None:
    for category in (None, "api", "sampah"):
        week = by_the_clock(rules, category)
        for minute in minutes:
            now = (MONDAY + timedelta(minutes=minute)).replace(tzinfo=rules.city.clock)
            assert week[minute] == plan_variables(route(rules, category, None, now), category, None)


def test_a_shift_past_midnight_changes_the_plan_at_its_very_minute() -> None:
    week = by_the_clock(load_rules(SMALL), "api")
    lines = [dict(variables)["PLAN_1_LINES"] for variables in week]
    assert (lines[7 * 60 - 1], lines[7 * 60]) == ("pos_malam", "pos_siang")
    assert (lines[21 * 60 - 1], lines[21 * 60]) == ("pos_siang", "pos_malam")
    assert lines[0] == lines[-1] == "pos_malam"
