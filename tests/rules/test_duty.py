from datetime import date

import pytest

from ivr.rules import Rules, load_rules
from ivr.rules.route import lines_now, may_ring
from ivr.rules.week import parse_moment
from tests.rules.conftest import SMALL

CHRISTMAS = "2026-12-25"
HOLIDAY = SMALL.replace("zona: Asia/Makassar}", "zona: Asia/Makassar, libur: {2026-12-25: Hari Raya Natal}}")
ROSTER = """\
  pos:
    mingguan:
      - {jam: 07:00-21:00, jalur: pos_siang, petugas: Ani}
      - {jam: 21:00-07:00, jalur: pos_malam}
"""
PLAIN = """\
  pos:
    - {jam: 07:00-21:00, jalur: pos_siang}
    - {jam: 21:00-07:00, jalur: pos_malam}
"""


def with_roster(more: str, text: str = SMALL) -> Rules:
    """The small city, its roster `pos` with something more."""
    assert PLAIN in text
    return load_rules(text.replace(PLAIN, ROSTER + more))


def on_duty(rules: Rules, roster: str, at: str) -> tuple[str, ...]:
    moment = parse_moment(at)
    return rules.timetable(roster).on_duty(moment.toordinal(), moment.hour * 60 + moment.minute)


@pytest.mark.parametrize(
    ("at", "line"),
    [
        ("2026-11-23 00:00", "pos_malam"),
        ("2026-11-23 06:59", "pos_malam"),
        ("2026-11-23 07:00", "pos_siang"),
        ("2026-11-23 20:59", "pos_siang"),
        ("2026-11-23 21:00", "pos_malam"),
        ("2026-11-29 23:59", "pos_malam"),
    ],
)
def test_the_shift_changes_on_the_minute_and_passes_midnight_and_the_week_end(
    small: Rules, at: str, line: str
) -> None:
    assert on_duty(small, "pos", at) == (line,)


def test_a_shift_past_midnight_belongs_to_the_day_it_began() -> None:
    rules = load_rules(SMALL.replace("hari: senin-jumat, jam: 08:00-16:00", "hari: minggu, jam: 22:00-06:00"))
    sunday, monday = "2026-11-22", "2026-11-23"
    times = (f"{sunday} 05:59", f"{sunday} 22:00", f"{monday} 05:59", f"{monday} 06:00")
    assert [at for at in times if on_duty(rules, "kantor", at)] == [f"{sunday} 22:00", f"{monday} 05:59"]


def test_an_office_that_closes_on_holidays_is_closed_on_christmas() -> None:
    rules = load_rules(HOLIDAY.replace("hari: senin-jumat", "hari: senin-jumat kecuali libur"))
    assert on_duty(rules, "kantor", "2026-12-24 10:00") == ("kantor",)
    assert on_duty(rules, "kantor", "2026-12-25 10:00") == ()
    assert on_duty(load_rules(HOLIDAY), "kantor", "2026-12-25 10:00") == ("kantor",)


def test_a_night_that_began_before_a_holiday_goes_on_into_it() -> None:
    rules = load_rules(
        HOLIDAY.replace("- {jam: 21:00-07:00,", "- {hari: setiap hari kecuali libur, jam: 21:00-07:00,")
    )
    assert on_duty(rules, "pos", "2026-12-25 06:59") == ("pos_malam",)
    assert on_duty(rules, "pos", "2026-12-25 21:00") == ()
    assert on_duty(rules, "pos", "2026-12-26 06:59") == ()


def test_a_dated_exception_replaces_the_shifts_that_begin_on_its_dates() -> None:
    shift = "{jam: 08:00-20:00, jalur: pos_malam}"
    rules = with_roster(f"    tanggal:\n      2026-12-24 s.d. 2026-12-25: [{shift}]\n")
    assert on_duty(rules, "pos", "2026-12-24 06:59") == ("pos_malam",)  # began the evening before
    assert on_duty(rules, "pos", "2026-12-24 07:30") == ()
    assert on_duty(rules, "pos", "2026-12-24 08:00") == ("pos_malam",)
    assert on_duty(rules, "pos", "2026-12-25 21:00") == ()
    assert on_duty(rules, "pos", "2026-12-26 07:00") == ("pos_siang",)


def test_of_two_exceptions_for_a_date_the_first_counts() -> None:
    both = "    tanggal:\n      2026-12-25: tutup\n      2026-12-24 s.d. 2026-12-26: [{jalur: pos_malam}]\n"
    rules = with_roster(both)
    assert on_duty(rules, "pos", "2026-12-24 12:00") == ("pos_malam",)
    assert on_duty(rules, "pos", "2026-12-25 12:00") == ()
    assert on_duty(rules, "pos", "2026-12-26 12:00") == ("pos_malam",)


def test_a_closed_date_has_nobody() -> None:
    rules = with_roster("    tanggal: {2026-12-25: tutup}\n")
    assert on_duty(rules, "pos", "2026-12-25 12:00") == ()
    assert on_duty(rules, "pos", "2026-12-26 03:00") == ()


def test_a_replacement_rings_instead_until_monday_eight_o_clock() -> None:
    budi = "{jalur: pos_malam, oleh: cadangan, petugas: Budi, mulai: 2026-11-21 00:00, sampai: senin 03:00}"
    text = SMALL.replace("  siaga: {akun: siaga", "  cadangan: {akun: cadangan}\n  siaga: {akun: siaga")
    rules = with_roster(f"    pengganti: [{budi}]\n", text)
    assert on_duty(rules, "pos", "2026-11-20 23:59") == ("pos_malam",)
    assert on_duty(rules, "pos", "2026-11-21 00:00") == ("cadangan",)
    assert on_duty(rules, "pos", "2026-11-21 12:00") == ("pos_siang",)
    assert on_duty(rules, "pos", "2026-11-23 02:59") == ("cadangan",)
    assert on_duty(rules, "pos", "2026-11-23 03:00") == ("pos_malam",)
    assert may_ring(rules, "cadangan", date(2026, 11, 23).toordinal(), 180)  # it has no shifts: free for other rules
    assert not may_ring(rules, "pos_malam", date(2026, 11, 22).toordinal(), 60)
    assert [d.officer for d in rules.timetable("pos").duties(date(2026, 11, 22).toordinal(), 60)] == ["Budi"]


def test_the_officer_of_the_shift_is_known() -> None:
    duties = with_roster("").timetable("pos").duties(date(2026, 11, 23).toordinal(), 12 * 60)
    assert [(duty.line, duty.officer) for duty in duties] == [("pos_siang", "Ani")]


def test_nobody_is_on_duty_outside_office_hours(small: Rules) -> None:
    friday, saturday = date(2026, 11, 27).toordinal(), date(2026, 11, 28).toordinal()
    assert lines_now(small, "dlh", friday, 16 * 60 - 1) == ("kantor",)
    assert lines_now(small, "dlh", friday, 16 * 60) == ()
    assert lines_now(small, "dlh", saturday, 10 * 60) == ()


def test_a_line_on_no_roster_may_always_ring(small: Rules) -> None:
    sunday = date(2026, 11, 29).toordinal()
    assert may_ring(small, "siaga", sunday, 180)
    assert not may_ring(small, "kantor", sunday, 180)


def test_an_agencys_own_line_that_is_on_a_roster_rings_in_its_hours_only() -> None:
    rules = load_rules(SMALL.replace("{nama: BPBD, jalur: siaga}", "{nama: BPBD, jalur: [kantor, siaga]}"))
    monday = date(2026, 11, 23).toordinal()
    assert lines_now(rules, "bpbd", monday, 10 * 60) == ("kantor", "siaga")
    assert lines_now(rules, "bpbd", monday, 20 * 60) == ("siaga",)


def test_the_day_is_cut_where_any_duty_begins_or_ends(small: Rules) -> None:
    monday = date(2026, 11, 23).toordinal()
    assert sorted({*small.timetable("pos").boundaries(monday)}) == [0, 7 * 60, 21 * 60]
    assert sorted({*small.timetable("kantor").boundaries(monday)}) == [0, 8 * 60, 16 * 60]
