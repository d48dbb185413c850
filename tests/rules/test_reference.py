from collections.abc import Iterator
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.rules import Plan, Rules, Segment, asks_kelurahan, dated_segments, load_rules, route, week_segments
from ivr.rules.route import plan_at
from ivr.rules.week import clock, weekday_of
from tests.rules.conftest import SMALL, examples
from tests.rules.random_files import ANY_AREA, ANY_CATEGORY, days_of, files, instants, minutes_of, on_the_clock
from tests.rules.reference import Answer, Reference, Rung

pytestmark = pytest.mark.thorough  # random cities, minute by minute


def said(plan: Plan) -> Answer:
    """A plan in the reference's words."""
    steps = tuple(Rung(step.kind, step.lines, step.agency, step.seconds) for step in plan.steps)
    return Answer(steps, plan.told)


def test_the_reference_reads_the_small_city_as_a_person_would() -> None:
    reference = Reference(SMALL)
    last = (Rung("operators", ("op_1", "op_2"), None, 60), Rung("fallback", ("siaga",), None, 30))
    half_past_seven = datetime.fromisoformat("2026-11-22T23:30:00+00:00")  # on Monday in Makassar
    assert reference.answer("api", "99.01.02.1001", half_past_seven) == Answer(
        (Rung("lines", ("pos_siang", "siaga"), "damkar", 30), *last), ()
    )
    assert reference.answer("sampah", "99.01.01", half_past_seven).steps[0].kind == "operators"
    assert reference.answer("gempa", None, half_past_seven) == Answer(last, ())


@examples(100)
@given(st.data(), files())
def test_whoever_is_rung_and_told_is_whom_a_person_reads_from_the_file(data: st.DataObject, text: str) -> None:
    rules, reference = load_rules(text), Reference(text)
    asked = st.tuples(ANY_CATEGORY, ANY_AREA, instants(text, rules.city.zone))
    for category, area, at in data.draw(st.lists(asked, min_size=12, max_size=12)):
        plan = route(rules, category, area, at)
        assert said(plan) == reference.answer(category, area, at)
        assert [step.kind for step in plan.steps[-2:]] == ["operators", "fallback"]
        assert plan.steps[-1].lines == rules.fallback
        assert plan == route(rules, category, area, at.astimezone(rules.city.clock))
        for step in plan.steps:
            assert step.lines
            assert step.seconds >= 5
            assert all(reference.may_ring(line, reference.on_the_wall(at)) for line in step.lines)


@examples(50)
@given(st.data(), files())
def test_the_kelurahan_is_asked_exactly_where_it_changes_who_is_rung_or_told(data: st.DataObject, text: str) -> None:
    rules, reference = load_rules(text), Reference(text)
    for kecamatan in rules.areas:
        category, at = data.draw(ANY_CATEGORY), data.draw(instants(text, rules.city.zone))
        codes = [kecamatan.code, *(ward.code for ward in kecamatan.kelurahan if ward.key)]
        answers = {reference.answer(category, code, at) for code in codes}
        assert asks_kelurahan(rules, category, kecamatan.code, at) == (len(answers) > 1)


@examples(30)
@given(files(), ANY_CATEGORY)
def test_the_segments_say_what_route_says_at_every_boundary_of_ordinary_and_special_days(
    text: str, category: str | None
) -> None:
    rules = load_rules(text)
    week, dated = week_segments(rules, category), dated_segments(rules, category)
    minutes = [(minute, clock(minute)) for minute in minutes_of(text)]
    for day in {*days_of(text), *dated}:
        pieces = of_day(day, week, dated)
        assert sum(_minute(one.end) - _minute(one.start) + 1 for one in pieces) == 1440
        for minute, shown in minutes:
            holding = [one.plan for one in pieces if one.start <= shown <= one.end]
            assert holding == [plan_at(rules, category, None, day.toordinal(), minute)]


def of_day(day: date, week: list[Segment], dated: dict[date, list[Segment]]) -> list[Segment]:
    """What a reader of both lists holds for true on a day."""
    return dated[day] if day in dated else [one for one in week if day.weekday() in one.days]


def test_the_morning_after_a_closed_date_is_a_date_of_its_own_too() -> None:
    text = SMALL.replace("  pos:\n    - {jam", "  pos:\n    tanggal: {2026-12-25: tutup}\n    mingguan:\n    - {jam")
    dated = dated_segments(load_rules(text), "api")
    hours = {day: [(one.start, one.end, one.plan.steps[0].kind) for one in pieces] for day, pieces in dated.items()}
    assert hours == {
        date(2026, 12, 25): [("00:00", "06:59", "lines"), ("07:00", "23:59", "operators")],
        date(2026, 12, 26): [
            ("00:00", "06:59", "operators"),
            ("07:00", "20:59", "lines"),
            ("21:00", "23:59", "lines"),
        ],
    }


@examples(30)
@given(files(), ANY_CATEGORY)
def test_a_date_of_its_own_differs_from_its_weekday_somewhere(text: str, category: str | None) -> None:
    rules = load_rules(text)
    week = week_segments(rules, category)
    for day, pieces in dated_segments(rules, category).items():
        ordinary = [one for one in week if day.weekday() in one.days]
        assert [one[1:] for one in pieces] != [one[1:] for one in ordinary]
        assert {one.days for one in pieces} == {frozenset({weekday_of(day.toordinal())})}


@examples(30)
@given(files())
def test_the_same_text_makes_the_same_rules(text: str) -> None:
    one, other = load_rules(text), load_rules(text)
    assert one == other
    assert one.warnings == other.warnings
    assert list(_numbers(one)) == list(_numbers(other))


def _numbers(rules: Rules) -> Iterator[tuple[str, str | None, str | None]]:
    for line in (*rules.lines, *rules.operator_lines):
        yield line.id, line.account, line.phone


@examples(30)
@given(files())
def test_every_line_in_a_random_file_can_be_rung_and_has_one_phone(text: str) -> None:
    rules = load_rules(text)
    lines = [*rules.lines, *rules.operator_lines]
    assert len({line.id for line in lines}) == len(lines)
    assert len({line.account for line in lines if line.account}) == sum(bool(line.account) for line in lines)
    assert all(bool(line.account) != bool(line.phone) for line in lines)


@pytest.mark.parametrize("zone", ["Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"])
def test_a_year_ends_at_the_citys_own_midnight(zone: str) -> None:
    text = SMALL.replace("Asia/Makassar}", f"{zone}, libur: {{2027-01-01: Tahun Baru}}}}")
    text = text.replace("hari: senin-jumat, jam: 08:00-16:00", "hari: libur, jam: 24 jam")
    rules, reference = load_rules(text), Reference(text)
    for minute, lines in ((1439, ("op_1", "op_2")), (0, ("kantor",))):
        at = on_the_clock(date(2027, 1, 1) if minute == 0 else date(2026, 12, 31), minute, zone)
        assert route(rules, "sampah", "99.01.01", at).steps[0].lines == lines
        assert said(route(rules, "sampah", "99.01.01", at)) == reference.answer("sampah", "99.01.01", at)


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
