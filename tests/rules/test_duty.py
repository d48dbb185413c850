import pytest

from ivr.rules import Rules, load_rules
from ivr.rules.duty import agency_lines, boundaries, may_ring, on_duty
from ivr.rules.week import DAYS, parse_hours
from tests.rules.conftest import SMALL


def minute(text: str) -> int:
    """`senin 07:00` as the minute of the week."""
    day, hour = text.split()
    return DAYS.index(day) * 1440 + parse_hours(f"{hour}-24:00")[0]


@pytest.mark.parametrize(
    ("at", "line"),
    [
        ("senin 00:00", "pos_malam"),
        ("senin 06:59", "pos_malam"),
        ("senin 07:00", "pos_siang"),
        ("senin 20:59", "pos_siang"),
        ("senin 21:00", "pos_malam"),
        ("minggu 23:59", "pos_malam"),
    ],
)
def test_the_shift_changes_on_the_minute_and_passes_midnight_and_the_week_end(
    small: Rules, at: str, line: str
) -> None:
    assert on_duty(small.roster("pos"), minute(at)) == (line,)


def test_a_shift_past_midnight_belongs_to_the_day_it_began() -> None:
    rules = load_rules(SMALL.replace("hari: senin-jumat, jam: 08:00-16:00", "hari: minggu, jam: 22:00-06:00"))
    roster = rules.roster("kantor")
    on = [at for at in ("minggu 05:59", "minggu 22:00", "senin 05:59", "senin 06:00") if on_duty(roster, minute(at))]
    assert on == ["minggu 22:00", "senin 05:59"]


def test_nobody_is_on_duty_outside_office_hours(small: Rules) -> None:
    assert agency_lines(small, small.agency("dlh"), minute("jumat 15:59")) == ("kantor",)
    assert agency_lines(small, small.agency("dlh"), minute("jumat 16:00")) == ()
    assert agency_lines(small, small.agency("dlh"), minute("sabtu 10:00")) == ()


def test_a_line_on_no_roster_may_always_ring(small: Rules) -> None:
    assert may_ring(small, "siaga", minute("minggu 03:00"))
    assert not may_ring(small, "kantor", minute("minggu 03:00"))


def test_an_agencys_own_line_that_is_on_a_roster_rings_in_its_hours_only() -> None:
    rules = load_rules(SMALL.replace("{nama: BPBD, jalur: siaga}", "{nama: BPBD, jalur: [kantor, siaga]}"))
    assert agency_lines(rules, rules.agency("bpbd"), minute("senin 10:00")) == ("kantor", "siaga")
    assert agency_lines(rules, rules.agency("bpbd"), minute("senin 20:00")) == ("siaga",)


def test_the_day_is_cut_where_any_duty_begins_or_ends(small: Rules) -> None:
    assert boundaries(small) == (0, 7 * 60, 8 * 60, 16 * 60, 21 * 60)
