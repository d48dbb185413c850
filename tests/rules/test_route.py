from datetime import UTC, datetime, timedelta

import pytest

from ivr.rules import Plan, Rules, Step, asks_kelurahan, load_rules, route, week_segments
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


def test_of_two_agencies_with_the_same_phone_the_one_on_duty_is_announced() -> None:
    shared = SMALL.replace("jam: 08:00-16:00, jalur: kantor}", "jam: 08:00-16:00, jalur: pos_malam}")
    rules = load_rules(shared.replace("[[damkar, bpbd]]", "[[dlh, damkar]]"))
    assert route(rules, "api", "99.01.02.1001", at(rules, NIGHT)).steps[0].agency == "damkar"
    assert route(rules, "api", "99.01.02.1001", at(rules, NOON)).steps[0].agency == "dlh"


def test_a_step_rings_as_long_as_the_longest_of_those_who_are_there() -> None:
    rules = load_rules(
        SMALL.replace("DLH, piket: kantor}", "DLH, piket: kantor, detik: 90}").replace("BPBD,", "BPBD, detik: 10,")
    )
    together = load_rules(
        SMALL.replace("[[damkar, bpbd]]", "[[dlh, bpbd, damkar]]").replace(
            "DLH, piket: kantor}", "DLH, piket: kantor, detik: 90}"
        )
    )
    assert route(rules, "api", "99.01.02.1001", at(rules, NIGHT)).steps[0].seconds == 25
    assert route(together, "api", "99.01.02.1001", at(together, NOON)).steps[0].seconds == 90
    assert route(together, "api", "99.01.02.1001", at(together, NIGHT)).steps[0].seconds == 30


def test_operators_come_first_where_the_city_wants_it_but_never_twice_in_a_row() -> None:
    first = load_rules(SMALL + "kebijakan: {operator_dahulu: ya}\n")
    kinds = [step.kind for step in route(first, "api", None, at(first, NOON)).steps]
    assert kinds == ["operators", "lines", "operators", "fallback"]
    assert route(first, "gempa", None, at(first, NOON)).steps == LAST


def test_joint_agencies_on_duty_are_told_and_nobody_else() -> None:
    rules = load_rules(
        SMALL.replace(
            "{kategori: api, langkah: [damkar]}", "{kategori: api, langkah: [damkar], beri_tahu: [dlh, bpbd]}"
        )
    )
    assert route(rules, "api", None, at(rules, NOON)).told == ("kantor", "siaga")
    assert route(rules, "api", None, at(rules, NIGHT)).told == ("siaga",)


def test_a_rule_serves_only_on_its_days_and_at_its_hours_and_the_night_belongs_to_its_beginning() -> None:
    timed = "  - {kategori: api, hari: minggu, jam: 22:00-05:00, langkah: [bpbd]}\n"
    rules = load_rules(
        SMALL.replace("  - {kategori: api, langkah: [damkar]}\n", timed + "  - {kategori: api, langkah: [damkar]}\n")
    )
    sunday = 6 * 1440
    for minute, position in (
        (sunday + 1319, 2),
        (sunday + 1320, 1),
        (sunday + 1440 + 299, 1),
        (sunday + 1440 + 300, 2),
        (sunday, 2),
    ):
        assert rules.rule_for("api", None, *rules.moment(at(rules, minute))) == position


def test_asking_changes_nothing_of_what_the_rules_are() -> None:
    asked, fresh = load_rules(SMALL), load_rules(SMALL)
    route(asked, "api", "99.01.01", at(asked, NOON))
    assert asked == fresh


def test_a_flood_of_invented_places_leaves_nothing_behind(small: Rules) -> None:
    def kept() -> int:
        return len(small._candidates) + len(small._stretches) + len(small.plans)

    route(small, "api", "77.77.77", at(small, NOON))
    before = kept()
    for number in range(200):
        route(small, f"x{number}", f"{number}.1", at(small, NOON))
        route(small, "api", f"77.77.{number}", at(small, NOON))
    assert kept() <= before + 4


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
