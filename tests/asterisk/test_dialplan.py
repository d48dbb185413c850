from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.dialplan import globals_file, in_force_file, lifeline_file, lines_file, ring_line_file
from ivr.asterisk.plan import plan_variables
from ivr.rules import Rules, load_rules, route
from ivr.settings import PROJECT
from tests.asterisk.reading import WEEK, dialplan, go_to_if_time, sections
from tests.city import SHIPPED, SYSTEM_TEST
from tests.rules.conftest import SMALL, examples
from tests.rules.random_files import files

CITIES = [SHIPPED, SYSTEM_TEST]
ANY_RULES = files().map(load_rules)
NOW = "0a1b2c3d"
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
    text = globals_file(load_rules(TINY), NOW, Path("/srv/p"), Path("/srv/c"), "127.0.0.1:4573")
    assert dict(sections(f"[globals]\n{text}")["globals"]) == {
        "CONTROLLER": "127.0.0.1:4573",
        "PROMPTS": "/srv/p",
        "RECORDINGS": "/srv/c",
        "ZONE": "Asia/Makassar",
        "GENERATION": NOW,
    }


def test_what_a_call_keeps_of_the_rules_it_arrives_under_is_set_in_one_step() -> None:
    take_along, back = dialplan(in_force_file(load_rules(TINY), NOW))["in-force"]["s"]
    assert back == "Return()"
    values = take_along.removeprefix("MSet(").removesuffix(")").split(",")
    assert dict(value.split("=", 1) for value in values) == {
        "GENERATION": NOW,
        "IN_FORCE": NOW,
        "OPERATOR_SECONDS": "45",
        "TELL_AFTER": "15",
        "OVERFLOW": "",
        "OVERFLOW_LINES": "",
        "OVERFLOW_SECONDS": "0",
        "STANDBY": "Local/siaga@ring-line-0a1b2c3d&Local/cadangan@ring-line-0a1b2c3d",
        "STANDBY_LINES": "siaga&cadangan",
        "STANDBY_SECONDS": "40",
    }


def test_the_overflow_rings_together_as_long_as_its_most_patient_line() -> None:
    overflow = "kebijakan: {luapan: {antrean: 3, jalur: [pos, cadangan]}}\n"
    (take_along, _) = dialplan(in_force_file(load_rules(TINY + overflow), NOW))["in-force"]["s"]
    assert "OVERFLOW=Local/pos@ring-line-0a1b2c3d&Local/cadangan@ring-line-0a1b2c3d," in take_along
    assert "OVERFLOW_LINES=pos&cadangan,OVERFLOW_SECONDS=40," in take_along


def test_the_queue_finds_a_line_in_the_newest_rules_that_have_it() -> None:
    assert ring_line_file(["new", "old"]) == "[ring-line]\ninclude => ring-line-new\ninclude => ring-line-old\n"


def test_every_line_is_an_extension_that_rings_its_phone() -> None:
    lines = dialplan(lines_file(load_rules(TINY), NOW, trunk=True))["ring-line-0a1b2c3d"]
    assert lines["pos"] == [
        "Set(_LINE=pos)",
        "Set(DIAL=${PJSIP_DIAL_CONTACTS(pos_tiga)})",
        "Set(_HANDLED=handled-damkar)",
        "Goto(ring,accept,1)",
    ]
    assert lines["kantor"] == ["Set(_LINE=kantor)", "Set(DIAL=PJSIP/+6221345@trunk)", "Goto(ring,direct,1)"]
    assert lines["op_1"] == ["Set(_LINE=op_1)", "Set(DIAL=${PJSIP_DIAL_CONTACTS(op_1)})", "Goto(ring,direct,1)"]
    assert set(lines) == {"pos", "kantor", "siaga", "cadangan", "op_1"}


def test_a_line_of_several_agencies_is_not_said_to_be_any_of_theirs() -> None:
    shared = TINY.replace("jalur: pos}}", "jalur: pos}, sar: {nama: SAR, jalur: [pos]}}")
    assert shared != TINY
    lines = dialplan(lines_file(load_rules(shared), NOW, trunk=True))
    assert not [step for step in lines["ring-line-0a1b2c3d"]["pos"] if "HANDLED" in step]


def test_a_number_behind_a_trunk_that_is_not_there_is_unreachable_and_the_next_step_is_tried() -> None:
    lines = dialplan(lines_file(load_rules(TINY), NOW, trunk=False))["ring-line-0a1b2c3d"]
    assert lines["kantor"][1] == "Set(DIAL=)"


@pytest.mark.parametrize(
    "uri", ["sip:112@10.0.0.1", "sip:pos@contoh.id:5070;transport=tcp", "sips:112@[2001:db8::5]"]
)
def test_a_sip_address_is_dialled_through_the_endpoint_nobody_can_call_in_by(uri: str) -> None:
    text = lines_file(load_rules(TINY.replace('"+62 21-345"', f'"{uri}"')), NOW, trunk=False)
    assert dialplan(text)["ring-line-0a1b2c3d"]["kantor"][1] == f"Set(DIAL=PJSIP/outbound-only/{uri})"


def test_the_lifeline_of_a_small_city_is_readable() -> None:
    assert lifeline_file(load_rules(TINY), NOW) == (
        "[lifeline-duty-0a1b2c3d]\n"
        "exten => s,1,Set(TODAY=${STRFTIME(${EPOCH},Asia/Makassar,%Y%m%d)})\n"
        " same => n,GotoIf(${DIALPLAN_EXISTS(lifeline-date-0a1b2c3d,s-${TODAY},1)}"
        "?lifeline-date-0a1b2c3d,s-${TODAY},1)\n"
        " same => n,GotoIfTime(00:00-23:59,*,*,*,Asia/Makassar?lifeline-plan-0a1b2c3d,plan1,1)\n"
        " same => n,Goto(operators,s,1)\n"
        "exten => api,1,Set(TODAY=${STRFTIME(${EPOCH},Asia/Makassar,%Y%m%d)})\n"
        " same => n,GotoIf(${DIALPLAN_EXISTS(lifeline-date-0a1b2c3d,api-${TODAY},1)}"
        "?lifeline-date-0a1b2c3d,api-${TODAY},1)\n"
        " same => n,GotoIfTime(00:00-23:59,*,*,*,Asia/Makassar?lifeline-plan-0a1b2c3d,plan2,1)\n"
        " same => n,Goto(operators,s,1)\n"
        "[lifeline-date-0a1b2c3d]\n"
        "[lifeline-plan-0a1b2c3d]\n"
        "exten => plan1,1,NoOp()\n"
        " same => n,Set(PLAN_1_DIAL=)\n"
        " same => n,Goto(plan,s,1)\n"
        "exten => plan2,1,NoOp()\n"
        " same => n,Set(PLAN_1_DIAL=Local/pos@ring-line-0a1b2c3d)\n"
        " same => n,Set(PLAN_1_LINES=pos)\n"
        " same => n,Set(PLAN_1_SECONDS=20)\n"
        " same => n,Set(PLAN_1_MUSIC=0a1b2c3d-api-any-damkar)\n"
        " same => n,Set(PLAN_2_DIAL=)\n"
        " same => n,Goto(plan,s,1)\n"
    )


def test_plans_that_ring_the_same_are_written_once() -> None:
    plans = dialplan(lifeline_file(loaded(SHIPPED), NOW))["lifeline-plan-0a1b2c3d"]
    assert len({tuple(steps) for steps in plans.values()}) == len(plans)


# The lifeline is the rules' own route(), for every minute of every week.


def by_the_clock(rules: Rules, category: str | None) -> list[list[tuple[str, str]]]:
    """What the lifeline sets in each minute of the week, as Asterisk would find it: the first hit counts."""
    file = dialplan(lifeline_file(rules, NOW))
    _today, _dated, *times, last = file[f"lifeline-duty-{NOW}"][category or "s"]
    assert last == "Goto(operators,s,1)"
    week = _by_minute(rules, file, times)
    assert sorted(week) == list(range(WEEK)), "a minute without a plan"
    return [week[minute] for minute in range(WEEK)]


def on_dates(rules: Rules, category: str | None) -> dict[str, dict[int, list[tuple[str, str]]]]:
    """Date (`20261225`) -> what the lifeline sets in each minute of that day."""
    file = dialplan(lifeline_file(rules, NOW))
    found = {}
    for extension, (first, *times, last) in file[f"lifeline-date-{NOW}"].items():
        name, _, day = extension.rpartition("-")
        assert (first, last) == ("NoOp()", "Goto(operators,s,1)")
        if name == (category or "s"):
            week = _by_minute(rules, file, times)
            weekday = datetime.strptime(day, "%Y%m%d").weekday()  # noqa: DTZ007 a date
            assert sorted(week) == list(range(weekday * 1440, weekday * 1440 + 1440)), "a minute without a plan"
            found[day] = {minute % 1440: variables for minute, variables in week.items()}
    return found


def _by_minute(
    rules: Rules, file: dict[str, dict[str, list[str]]], times: list[str]
) -> dict[int, list[tuple[str, str]]]:
    week: dict[int, list[tuple[str, str]]] = {}
    for application in times:
        time = go_to_if_time(application)
        assert time is not None, application
        minutes, zone, goal = time
        context, plan, _ = goal.split(",")
        assert (zone, context) == (rules.city.zone, f"lifeline-plan-{NOW}")
        variables = list(_set(file[context][plan]))
        for minute in minutes:
            assert minute not in week, f"minute {minute} is in two segments"
            week[minute] = variables
    return week


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
    assert shipped_week(category)[minute] == plan_variables(route(rules, category, None, now), category, None, NOW)


@pytest.mark.thorough
@examples(30)
@given(ANY_RULES, st.lists(st.integers(0, WEEK - 1), min_size=20, max_size=20))
def test_the_same_holds_for_any_rules_an_admin_may_write(rules: Rules, minutes: list[int]) -> None:
    monday = datetime.fromordinal(rules.ordinary_monday)
    for category in (None, "api", "sampah"):
        week = by_the_clock(rules, category)
        for minute in minutes:
            now = (monday + timedelta(minutes=minute)).replace(tzinfo=rules.city.clock)
            assert week[minute] == plan_variables(route(rules, category, None, now), category, None, NOW)


def test_a_shift_past_midnight_changes_the_plan_at_its_very_minute() -> None:
    week = by_the_clock(load_rules(SMALL), "api")
    lines = [dict(variables)["PLAN_1_LINES"] for variables in week]
    assert (lines[7 * 60 - 1], lines[7 * 60]) == ("pos_malam", "pos_siang")
    assert (lines[21 * 60 - 1], lines[21 * 60]) == ("pos_siang", "pos_malam")
    assert lines[0] == lines[-1] == "pos_malam"


# Dates that differ from the ordinary week.

HOLIDAY = """\
kota: {nama: Kota, kode: 99.01, zona: Asia/Jayapura, libur: {2026-12-25: Hari Raya Natal}}
kategori: {api: {tombol: 1, nama: Api}, sampah: {tombol: 2, nama: Sampah}}
wilayah: {99.01.01: {tombol: 1, nama: Utara}}
jalur: {siang: {akun: siang}, malam: {akun: malam}, libur: {akun: libur}, dlh: {akun: dlh}, siaga: {akun: siaga}}
piket:
  pos:
    - {hari: setiap hari kecuali libur, jam: 07:00-19:00, jalur: siang}
    - {hari: libur, jam: 07:00-19:00, jalur: libur}
    - {jam: 19:00-07:00, jalur: malam}
instansi: {damkar: {nama: Damkar, piket: pos}, dlh: {nama: DLH, jalur: dlh}}
operator: {akun: [op_1]}
aturan: [{kategori: api, langkah: [damkar]}, {kategori: sampah, langkah: [dlh]}]
siaga_24_jam: siaga
"""


def test_on_a_holiday_the_lifeline_rings_the_holidays_shift_and_nothing_changes_for_others() -> None:
    rules = load_rules(HOLIDAY)
    dates = on_dates(rules, "api")
    assert list(dates) == ["20261225"]
    rung = [dict(dates["20261225"][minute])["PLAN_1_LINES"] for minute in range(1440)]
    assert (rung[7 * 60 - 1], rung[7 * 60], rung[19 * 60 - 1], rung[19 * 60]) == ("malam", "libur", "libur", "malam")
    assert {dict(variables)["PLAN_1_LINES"] for variables in by_the_clock(rules, "api")} == {"siang", "malam"}
    assert on_dates(rules, "sampah") == {}


@examples(25)
@given(ANY_RULES, st.data())
def test_on_every_date_that_differs_the_lifeline_rings_whom_the_controller_would_have_rung(
    rules: Rules, data: st.DataObject
) -> None:
    for category in (None, *(known.id for known in rules.categories)):
        dates = on_dates(rules, category)
        for day in data.draw(st.lists(st.sampled_from(sorted(dates)), max_size=3) if dates else st.just([])):
            minute = data.draw(st.integers(0, 1439))
            now = datetime.strptime(day, "%Y%m%d").replace(tzinfo=rules.city.clock) + timedelta(minutes=minute)
            assert dates[day][minute] == plan_variables(route(rules, category, None, now), category, None, NOW)


def test_when_a_call_was_taken_is_written_before_that_it_was() -> None:
    """A hang-up ends the dialplan between any two lines: taken without a time would end the caller's call."""
    lines = (PROJECT / "asterisk-config" / "extensions.conf").read_text(encoding="utf-8").splitlines()
    taken = [number for number, line in enumerate(lines) if "=taken)" in line and "Set(SHARED(TURN" in line]
    assert len(taken) == 2
    assert all("Set(SHARED(TAKEN_AT," in lines[number - 1] for number in taken)
