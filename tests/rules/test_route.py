from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules import Plan, Rules, Step, asks_kelurahan, load_rules, route, week_segments
from ivr.rules.duty import may_ring
from ivr.rules.week import MINUTES_PER_WEEK, clock, week_minute
from tests.rules.conftest import SMALL

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(rules: Rules, minute_of_week: int) -> datetime:
    """An instant at which the city's clock shows this minute of its week."""
    return MONDAY.replace(tzinfo=rules.city.clock) + timedelta(minutes=minute_of_week)


NOON, NIGHT = 12 * 60, 23 * 60
LAST = (Step("operators", ("op_1", "op_2"), None, 60), Step("fallback", ("siaga",), None, 30))


def test_a_fire_at_noon_rings_the_day_shift_then_operators_then_the_24_hour_line(small: Rules) -> None:
    plan = route(small, "api", None, at(small, NOON))
    assert plan == Plan((Step("lines", ("pos_siang",), "damkar", 20), *LAST), "")
    assert plan.reason == "aturan ke-2"


def test_a_fire_at_night_rings_the_night_shift_for_as_long_as_its_line_says(small: Rules) -> None:
    assert route(small, "api", None, at(small, NIGHT)).steps[0] == Step("lines", ("pos_malam",), "damkar", 25)


def test_agencies_in_one_step_ring_together_and_the_caller_hears_the_first(small: Rules) -> None:
    step = route(small, "api", "99.01.02.1001", at(small, NOON)).steps[0]
    assert step == Step("lines", ("pos_siang", "siaga"), "damkar", 30)


def test_a_step_with_nobody_on_duty_is_skipped_and_the_reason_says_so(small: Rules) -> None:
    plan = route(small, "sampah", "99.01.01", at(small, NIGHT))
    assert [step.kind for step in plan.steps] == ["operators", "lines", "operators", "fallback"]
    assert plan.reason == "aturan ke-3; tidak ada yang piket: dlh"


def test_the_caller_hears_the_agency_that_really_rings() -> None:
    rules = load_rules(SMALL.replace("[[damkar, bpbd]]", "[[dlh, damkar]]"))
    assert route(rules, "api", "99.01.02.1001", at(rules, NIGHT)).steps[0].agency == "damkar"


def test_a_line_named_in_a_step_is_announced_as_its_agency() -> None:
    rules = load_rules(SMALL.replace("langkah: [damkar]", "langkah: [pos_siang, pos_malam]"))
    steps = route(rules, "api", None, at(rules, NOON)).steps
    assert steps == (Step("lines", ("pos_siang",), "damkar", 20), *LAST)


def test_operators_as_the_last_step_are_not_rung_twice() -> None:
    rules = load_rules(SMALL.replace("langkah: [damkar]", "langkah: [damkar, operator]"))
    assert [step.kind for step in route(rules, "api", None, at(rules, NOON)).steps] == [
        "lines",
        "operators",
        "fallback",
    ]


def test_a_kelurahan_is_served_by_its_kecamatans_rule(small: Rules) -> None:
    assert route(small, "sampah", "99.01.01.1002", at(small, NOON)).steps[0].lines == ("kantor",)
    assert route(small, "sampah", "99.01.01.1999", at(small, NOON)).steps[0].lines == ("kantor",)


@pytest.mark.parametrize(
    ("category", "area"), [(None, None), ("gempa", "99.01.01"), ("sampah", None), ("sampah", "12.34.56"), ("", "")]
)
def test_what_no_rule_serves_goes_to_the_operators(small: Rules, category: str | None, area: str | None) -> None:
    plan = route(small, category, area, at(small, NOON))
    assert plan.steps == LAST
    assert plan.reason == "tidak ada aturan yang cocok"


def test_a_rule_for_every_category_serves_an_unknown_one() -> None:
    rules = load_rules(SMALL.replace("kategori: api, langkah", "kategori: semua, langkah"))
    assert route(rules, None, None, at(rules, NOON)).steps[0].lines == ("pos_siang",)


def test_the_city_clock_decides_wherever_the_server_is(small: Rules) -> None:
    half_past_seven_in_makassar = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert route(small, "api", None, half_past_seven_in_makassar).steps[0].lines == ("pos_siang",)


def test_the_kelurahan_is_asked_only_where_it_changes_who_is_rung(small: Rules) -> None:
    now = at(small, NOON)
    assert asks_kelurahan(small, "api", "99.01.02", now)
    assert not asks_kelurahan(small, "api", "99.01.01", now)
    assert not asks_kelurahan(small, "sampah", "99.01.01", now)
    assert not asks_kelurahan(small, "api", "99.01.02.1001", now)
    assert not asks_kelurahan(small, None, "atlantis", now)


def test_the_kelurahan_is_not_asked_when_only_people_off_duty_would_be_added() -> None:
    rules = load_rules(SMALL.replace("[[damkar, bpbd]]", "[[damkar, dlh]]"))
    assert asks_kelurahan(rules, "api", "99.01.02", at(rules, NOON))
    assert not asks_kelurahan(rules, "api", "99.01.02", at(rules, NIGHT))


def test_the_week_of_a_fire_is_three_segments(small: Rules) -> None:
    every_day = frozenset(range(7))
    segments = week_segments(small, "api")
    assert [(one.days, one.start, one.end, one.plan.steps[0].lines) for one in segments] == [
        (every_day, "00:00", "06:59", ("pos_malam",)),
        (every_day, "07:00", "20:59", ("pos_siang",)),
        (every_day, "21:00", "23:59", ("pos_malam",)),
    ]


def test_palangka_raya_rings_damkar_for_a_fire_at_every_hour(shipped: Rules) -> None:
    for segment in week_segments(shipped, "kebakaran"):
        assert segment.plan.steps[0].agency == "damkar"


def test_palangka_raya_has_somebody_before_the_operators_for_every_emergency(shipped: Rules) -> None:
    for category in shipped.categories:
        first = {segment.plan.steps[0].kind for segment in week_segments(shipped, category.id)}
        assert first == ({"lines"} if category.emergency else {"lines", "operators"})


def test_palangka_raya_sends_city_services_out_of_hours_to_the_operators(shipped: Rules) -> None:
    sunday = at(shipped, 6 * 1440 + NOON)
    assert route(shipped, "layanan_kota", "62.71.01", sunday).steps[0].kind == "operators"


def test_palangka_raya_never_asks_the_kelurahan(shipped: Rules) -> None:
    for category in shipped.categories:
        for area in shipped.areas:
            assert not asks_kelurahan(shipped, category.id, area.code, at(shipped, NOON))


# Random rules, against a slow and obvious reading of the same file.

CATEGORIES = ["api", "sampah"]
AREAS = ["99.01.01", "99.01.01.1001", "99.01.01.1002", "99.01.02", "99.01.02.1001"]
NAMES = ["damkar", "dlh", "bpbd", "pos_siang", "pos_malam", "kantor", "siaga"]
HOURS = st.tuples(st.integers(0, 47), st.integers(1, 47)).map(
    lambda pair: f"{clock(pair[0] * 30)}-{clock(sum(pair) % 48 * 30)}"
)
DAY_WORDS = st.sampled_from(["senin", "minggu", "senin-jumat", "sabtu, minggu", "jumat-senin", "setiap hari"])
SHIFTS = st.lists(
    st.tuples(DAY_WORDS, HOURS, st.sampled_from(["pos_siang", "pos_malam", "kantor"])).map(
        lambda shift: "    - {{hari: '{}', jam: {}, jalur: {}}}\n".format(*shift)
    ),
    min_size=1,
    max_size=4,
).map("".join)
STEPS = st.lists(
    st.just("operator")
    | st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(lambda all_: f"[{', '.join(all_)}]"),
    min_size=1,
    max_size=4,
)
RULES = st.lists(
    st.tuples(st.sampled_from([*CATEGORIES, "semua"]), st.sampled_from([*AREAS, "semua"]), STEPS).map(
        lambda rule: f"  - {{kategori: {rule[0]}, wilayah: {rule[1]}, langkah: [{', '.join(rule[2])}]}}\n"
    ),
    min_size=1,
    max_size=6,
).map("".join)


@st.composite
def random_rules(draw: st.DrawFn) -> Rules:
    head, rest = SMALL.split("piket:\n")
    middle = rest[rest.index("instansi:") : rest.index("aturan:")]
    rosters = f"piket:\n  pos:\n{draw(SHIFTS)}  kantor:\n{draw(SHIFTS)}"
    return load_rules(f"{head}{rosters}{middle}aturan:\n{draw(RULES)}siaga_24_jam: siaga\n")


ANY_CATEGORY = st.sampled_from([*CATEGORIES, None, "lain"])
ANY_AREA = st.sampled_from([*AREAS, None, "lain", "99.01.01.1999"])
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def obvious_lines(rules: Rules, category: str | None, area: str | None, moment: datetime) -> list[tuple[str, ...]]:
    """Who is rung, step by step, read from the first matching rule as a person would."""
    minute = week_minute(moment, rules.city.clock)

    def on(roster: str) -> list[str]:
        return [
            line
            for shift in rules.roster(roster).shifts
            for line in shift.lines
            for day in shift.days
            for minutes in [range(day * 1440 + shift.hours[0], day * 1440 + shift.hours[1])]
            if minute in minutes or minute + MINUTES_PER_WEEK in minutes
        ]

    off = {"pos_siang", "pos_malam", "kantor"} & rules.rostered - {*on("pos"), *on("kantor")}
    agencies = {"damkar": on("pos"), "dlh": on("kantor"), "bpbd": ["siaga"]}
    for rule in rules.rules:
        if rule.categories[0] in (category, "semua") and (
            rule.areas[0] == "semua" or (area or "") == rule.areas[0] or (area or "").startswith(rule.areas[0] + ".")
        ):
            rung = [
                ("op_1", "op_2")
                if names == ("operator",)
                else tuple(
                    dict.fromkeys(line for name in names for line in agencies.get(name, [name]) if line not in off)
                )
                for names in rule.steps
            ]
            rung = [lines for lines in rung if lines]
            return [*rung, *([] if rung and rung[-1] == ("op_1", "op_2") else [("op_1", "op_2")]), ("siaga",)]
    return [("op_1", "op_2"), ("siaga",)]


@settings(max_examples=200, deadline=None)
@given(random_rules(), ANY_CATEGORY, ANY_AREA, INSTANTS)
def test_every_input_has_a_plan_that_rings_only_people_on_duty_and_ends_in_the_24_hour_line(
    rules: Rules, category: str | None, area: str | None, moment: datetime
) -> None:
    plan = route(rules, category, area, moment)
    assert [step.kind for step in plan.steps[-2:]] == ["operators", "fallback"]
    assert plan.steps[-1].lines == rules.fallback
    minute = week_minute(moment, rules.city.clock)
    for step in plan.steps:
        assert step.lines
        assert step.seconds > 0
        assert all(may_ring(rules, line, minute) for line in step.lines)
    assert [step.lines for step in plan.steps] == obvious_lines(rules, category, area, moment)
    assert plan == route(rules, category, area, moment.astimezone(rules.city.clock))


@settings(max_examples=60, deadline=None)
@given(random_rules(), ANY_CATEGORY, st.lists(st.integers(0, MINUTES_PER_WEEK - 1), min_size=20, max_size=20))
def test_the_week_in_segments_says_the_same_as_route_and_holds_every_minute_once(
    rules: Rules, category: str | None, minutes: list[int]
) -> None:
    segments = week_segments(rules, category)
    lengths = [len(one.days) * (_minute(one.end) - _minute(one.start) + 1) for one in segments]
    assert sum(lengths) == MINUTES_PER_WEEK
    for minute in minutes:
        day, now = divmod(minute, 1440)
        holding = [one for one in segments if day in one.days and one.start <= clock(now) <= one.end]
        assert [one.plan for one in holding] == [route(rules, category, None, at(rules, minute))]


@settings(max_examples=60, deadline=None)
@given(random_rules(), ANY_CATEGORY, st.sampled_from(["99.01.01", "99.01.02"]), INSTANTS)
def test_not_asking_the_kelurahan_never_changes_who_is_rung(
    rules: Rules, category: str | None, kecamatan: str, moment: datetime
) -> None:
    inside = [area for area in AREAS if area.startswith(f"{kecamatan}.")]
    plans = {route(rules, category, area, moment) for area in [kecamatan, *inside]}
    assert asks_kelurahan(rules, category, kecamatan, moment) == (len(plans) > 1)


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
