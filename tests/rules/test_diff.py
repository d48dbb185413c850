import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ivr.messages import say
from ivr.rules import Plan, Rules, load_rules
from ivr.rules.diff import NOT_LISTED, Difference, difference
from ivr.rules.diff_routes import Help, Hours, When
from ivr.rules.diff_when import DATES_SHOWN, dates_text, when_text
from ivr.rules.diff_words import as_json, sentences
from ivr.rules.files_cli import add_commands
from ivr.rules.route import plan_at
from ivr.rules.week import MINUTES_PER_DAY, clock, weekday_of
from tests.rules.conftest import SMALL

CITY = """\
kota:
  nama: Palangka Raya
  kode: 62.71
  zona: Asia/Pontianak
  libur:
    2026-12-25: Hari Raya Natal
    2027-01-01: Tahun Baru Masehi
    2027-05-01: Hari Buruh Internasional
kategori:
  kebakaran: {tombol: 1, nama: Kebakaran, sinonim: [api, apui, asap]}
  medis: {tombol: 2, nama: Medis}
  keamanan: {tombol: 4, nama: Keamanan}
  listrik: {tombol: 7, nama: Listrik}
  layanan_kota: {tombol: 8, nama: Layanan kota, darurat: tidak}
wilayah:
  62.71.01: {tombol: 1, nama: Pahandut, kelurahan: {62.71.01.1001: Pahandut, 62.71.01.1003: Langkai}}
  62.71.02: {tombol: 2, nama: Bukit Batu, kelurahan: {62.71.02.1001: Marang}}
  62.71.03: {tombol: 3, nama: Jekan Raya, kelurahan: {62.71.03.1001: Palangka, 62.71.03.1002: Menteng}}
  62.71.04: {tombol: 4, nama: Sabangau, kelurahan: {62.71.04.1006: Sabaru}}
  62.71.05: {tombol: 5, nama: Rakumpit, kelurahan: {62.71.05.1001: Petuk Bukit}}
  62.71.06: {tombol: 6, nama: Keenam}
jalur:
  damkar_1: {nama: Damkar regu siang, akun: damkar_1}
  damkar_2: {nama: Damkar regu malam, akun: damkar_2}
  psc119: {nama: PSC 119, akun: psc119}
  polresta: {nama: Polresta Palangka Raya, akun: polresta}
  bpbd: {nama: BPBD, akun: bpbd}
  pln: {nama: PLN, akun: pln}
  dlh: {nama: Dinas Lingkungan Hidup, akun: dlh}
  dishub: {nama: Dinas Perhubungan, akun: dishub}
  siaga: {nama: Telepon siaga 24 jam, akun: siaga, detik: 30}
piket:
  damkar:
    - {jam: 07:00-19:00, jalur: damkar_1}
    - {jam: 19:00-07:00, jalur: damkar_2}
  dlh:
    - {hari: senin-jumat kecuali libur, jam: 07:30-16:00, jalur: dlh}
  dishub:
    - {hari: senin-jumat kecuali libur, jam: 07:30-16:00, jalur: dishub}
instansi:
  damkar: {nama: Pemadam Kebakaran, singkat: Damkar, piket: damkar}
  psc119: {nama: Ambulans, singkat: PSC 119, jalur: psc119}
  polresta: {nama: Polresta Palangka Raya, jalur: polresta}
  bpbd: {nama: Penanggulangan Bencana, singkat: BPBD, jalur: bpbd}
  pln: {nama: PLN, jalur: pln}
  dlh: {nama: Dinas Lingkungan Hidup, piket: dlh}
  dishub: {nama: Dinas Perhubungan, piket: dishub}
tetangga:
  katingan: {nama: 112 Katingan, telepon: 0536-0000-112}
operator: {akun: [operator1, operator2]}
aturan:
  - kategori: kebakaran
    langkah: [damkar, bpbd]
    beri_tahu: [pln, psc119]
  - kategori: medis
    langkah: [[psc119, polresta], damkar]
  - kategori: keamanan
    langkah: [polresta]
  - kategori: listrik
    langkah: [pln]
  - kategori: layanan_kota
    langkah: [dishub, dlh]
siaga_24_jam: siaga
kebijakan:
  operator_dahulu: tidak
  # luapan: {antrean: 10, jalur: [katingan]}
"""
TODAY = date(2026, 11, 22)


def told(*changes: tuple[str, str], base: str = CITY, since: date | None = TODAY) -> list[str]:
    """What is said of a change, without the headings. Every replacement must change something."""
    new = base
    for was, now in changes:
        assert was in new
        new = new.replace(was, now, 1)
    before, after = load_rules(base), load_rules(new)
    found = difference(before, after, since)
    json.dumps(as_json(found))
    return [line.strip() for line in sentences(found, before, after) if line.startswith("  ") or not found]


NOTHING = [say("diff.nothing")]


def test_comments_and_written_out_defaults_change_nothing() -> None:
    changes = ("aturan:\n", "# lain\naturan:\n"), ("{nama: PLN, akun: pln}", "{nama: PLN, akun: pln, detik: 20}")
    assert told(*changes, ("nama: Kebakaran,", "nama: Kebakaran, lafal: Kebakaran, darurat: ya,")) == NOTHING


def test_moving_a_rule_where_it_decides_the_same_changes_nothing() -> None:
    rule = "  - kategori: listrik\n    langkah: [pln]\n"
    assert told((rule, ""), ("aturan:\n", f"aturan:\n{rule}")) == NOTHING


def test_the_order_of_phones_that_ring_together_and_of_synonyms_changes_nothing() -> None:
    base = CITY.replace("[[psc119, polresta], damkar]", "[[psc119, polresta, bpbd], damkar]")
    swapped = ("[psc119, polresta, bpbd]", "[psc119, bpbd, polresta]"), ("[api, apui", "[apui, api")
    assert told(*swapped, ("beri_tahu: [pln, psc119]", "beri_tahu: [psc119, pln]"), base=base) == NOTHING


def test_who_the_caller_hears_of_is_a_change_though_the_same_phones_ring() -> None:
    said = told(("[[psc119, polresta], damkar]", "[[polresta, psc119], damkar]"))
    assert "disebut Ambulans" in said[0].split("; kini ")[0]
    assert "disebut Polresta" in said[0].split("; kini ")[1]


def test_a_rule_for_office_hours_says_for_whom_where_and_when() -> None:
    when = "wilayah: Menteng, hari: senin-jumat kecuali libur, jam: 07:00-19:00"
    assert told(("aturan:\n", f"aturan:\n  - {{kategori: kebakaran, {when}, langkah: [bpbd]}}\n")) == [
        "Kebakaran di Menteng - Jekan Raya, senin-jumat 07:00-19:00 kecuali libur: "
        "dahulu Damkar regu siang lalu BPBD (diberi tahu: PLN, PSC 119); kini BPBD"
    ]


def test_hours_that_are_also_those_of_holidays_say_so() -> None:
    when = "hari: 'sabtu, minggu, libur', jam: 08:00-12:00"
    assert told(("aturan:\n", f"aturan:\n  - {{kategori: listrik, {when}, langkah: [bpbd]}}\n")) == [
        "Listrik di semua wilayah, sabtu, minggu 08:00-12:00, juga pada libur: dahulu PLN; kini BPBD"
    ]


def test_a_night_belongs_to_the_evening_it_begins() -> None:
    rule = "{kategori: keamanan, hari: senin-jumat kecuali libur, jam: 21:00-05:00, langkah: [bpbd]}"
    whom = "Keamanan di semua wilayah, senin-jumat 21:00-05:00 kecuali libur"
    assert told(("aturan:\n", f"aturan:\n  - {rule}\n")) == [f"{whom}: dahulu Polresta Palangka Raya; kini BPBD"]


def test_what_is_the_same_for_many_is_said_once() -> None:
    rule = "{kategori: [listrik, keamanan], wilayah: [Rakumpit, Menteng, Langkai], langkah: [bpbd]}"
    base = CITY.replace("langkah: [pln]", "langkah: [polresta]")
    assert told(("aturan:\n", f"aturan:\n  - {rule}\n"), base=base) == [
        "Keamanan, Listrik di Langkai - Pahandut, Menteng - Jekan Raya, Rakumpit, setiap saat: "
        "dahulu Polresta Palangka Raya; kini BPBD"
    ]


def test_what_is_so_nearly_everywhere_names_the_exceptions() -> None:
    exception = "aturan:\n  - {kategori: listrik, wilayah: Menteng, langkah: [dlh, pln]}\n"
    base = CITY.replace("aturan:\n", exception)
    said = told(("    langkah: [pln]\n", "    langkah: [bpbd]\n"), base=base)
    assert said == ["Listrik di semua wilayah kecuali Menteng - Jekan Raya, setiap saat: dahulu PLN; kini BPBD"]


def test_everybody_is_called_everybody() -> None:
    small = SMALL[: SMALL.index("aturan:")] + "aturan:\n  - {kategori: semua, langkah: [bpbd]}\nsiaga_24_jam: siaga\n"
    assert told(("langkah: [bpbd]", "langkah: [pos_siang]"), base=small)[0].startswith(
        "Semua kategori di semua wilayah, setiap hari 21:00-07:00: "
    )


def test_a_phone_that_changes_is_said_once_and_not_for_every_plan() -> None:
    assert told(("akun: damkar_1}", "telepon: 0812-3456-7890, terima: langsung, detik: 30}")) == [
        "Jalur Damkar regu siang [damkar_1]: `akun` dahulu damkar_1, kini tidak ada",
        "Jalur Damkar regu siang [damkar_1]: `telepon` dahulu tidak ada, kini 081234567890",
        "Jalur Damkar regu siang [damkar_1]: `terima` dahulu tombol, kini langsung",
        "Jalur Damkar regu siang [damkar_1]: `detik` dahulu 20, kini 30",
    ]


def test_operators_policies_and_the_24_hour_line_are_said_once() -> None:
    changes = (
        ("operator_dahulu: tidak", "operator_dahulu: ya"),
        ("siaga_24_jam: siaga", "siaga_24_jam: [siaga, bpbd]"),
    )
    assert told(*changes, ("[operator1, operator2]", "[operator1, operator3]"), ("# luapan", "luapan")) == [
        "Operator: `akun` bertambah operator3, berkurang operator2",
        "Siaga 24 jam: `jalur` bertambah bpbd",
        "Kebijakan: `operator_dahulu` dahulu tidak, kini ya",
        "Kebijakan: `luapan.jalur` bertambah katingan",
        "Kebijakan: `luapan.antrean` dahulu tidak ada, kini 10",
    ]


def test_an_officer_is_said_though_the_phone_is_the_same() -> None:
    assert told(("jalur: damkar_1}\n", "jalur: damkar_1, petugas: Budi}\n")) == [
        "Piket damkar, setiap hari 07:00-19:00: dahulu Damkar regu siang; kini Damkar regu siang (Budi)"
    ]


def test_new_and_removed_entries_are_said_with_what_they_are() -> None:
    line = "  hp_budi: {nama: HP Budi, telepon: 0812-3456-7890}\n"
    new = "Jalur baru: HP Budi [hp_budi] (telepon: 081234567890, terima: tombol, detik: 20)"
    assert told(("jalur:\n", f"jalur:\n{line}")) == [new]
    assert told((line, ""), base=CITY.replace("jalur:\n", f"jalur:\n{line}", 1)) == [
        "Jalur dihapus: HP Budi [hp_budi]"
    ]


def test_a_new_category_says_who_helps() -> None:
    said = told(
        ("kategori:\n", "kategori:\n  baru: {tombol: 9, nama: Baru}\n"),
        ("- kategori: listrik", "- kategori: [listrik, baru]"),
    )
    assert said[0] == "Baru di semua wilayah, setiap saat: belum ada; kini PLN"
    assert said[1].startswith("Kategori baru: Baru [baru] (tombol: 9, ")


def test_the_order_in_which_the_menu_is_heard_is_said() -> None:
    first, second = "  aa: {tombol: 1, nama: A}\n", "  bb: {tombol: 2, nama: B}\n"
    base = SMALL.replace("kategori:\n", f"kategori:\n{first}{second}", 1).replace(
        "tombol: 1, nama: Kebakaran", "tombol: 3, nama: Kebakaran"
    )
    base = base.replace("tombol: 2, nama: Sampah", "tombol: 4, nama: Sampah")
    assert told((first + second, second + first), base=base) == [
        "Urutan kategori yang didengar: dahulu A, B, Kebakaran, Sampah; kini B, A, Kebakaran, Sampah"
    ]


def test_a_date_is_said_as_a_date_and_one_that_is_over_not_at_all() -> None:
    holiday = ("    2027-01-01: Tahun Baru Masehi\n", "")
    said = told(holiday)
    helped = "dahulu langsung operator; kini Dinas Perhubungan lalu Dinas Lingkungan Hidup"
    assert f"Layanan kota di semua wilayah, 2027-01-01 07:30-16:00: {helped}" in said
    assert said[-1] == "Libur dihapus: Tahun Baru Masehi [2027-01-01]"
    assert told(holiday, since=date(2027, 1, 2)) == NOTHING


def test_a_holiday_changes_rules_that_speak_of_holidays_though_nobody_is_on_a_roster() -> None:
    rule = "aturan:\n  - {kategori: listrik, hari: setiap hari kecuali libur, langkah: [bpbd]}\n"
    said = told(("    2027-01-01: Tahun Baru Masehi\n", ""), base=CITY.replace("aturan:\n", rule))
    assert "Listrik di semua wilayah, 2027-01-01 24 jam: dahulu PLN; kini BPBD" in said


def test_operators_who_come_first_in_one_rule_are_a_change_there() -> None:
    assert told(("langkah: [pln]", "langkah: [operator, pln]")) == [
        "Listrik di semua wilayah, setiap saat: dahulu PLN; kini operator lalu PLN"
    ]


def test_who_is_told_is_a_change() -> None:
    helped = "Damkar regu siang lalu BPBD"
    assert told(("beri_tahu: [pln, psc119]", "beri_tahu: [pln]"))[-1].endswith(
        f"dahulu {helped} (diberi tahu: PLN, PSC 119); kini {helped} (diberi tahu: PLN)"
    )


def test_plans_that_look_alike_are_told_apart() -> None:
    changes = ("nama: BPBD, akun: bpbd}", "nama: PLN, akun: bpbd}"), ("langkah: [pln]", "langkah: [bpbd]")
    assert "dahulu PLN; kini PLN [bpbd]" in told(*changes)[0]


def test_every_section_of_the_file_has_a_name_in_a_difference() -> None:
    sections = {field.alias for field in Rules.model_fields.values()} - NOT_LISTED | {"piket", "kelurahan", "libur"}
    assert all(say(f"diff.section_{section}") for section in sections)


def test_many_dates_are_counted_after_the_first() -> None:
    days = [date(2027, month, 1) for month in range(1, DATES_SHOWN + 4)]
    assert dates_text(days).endswith(", dan 3 lainnya")
    assert dates_text([date(2027, 1, 1), date(2027, 1, 2)]) == "2027-01-01 s.d. 2027-01-02"


def test_a_weekend_round_the_clock_is_cut_into_days() -> None:
    night, day = (19 * 60, MINUTES_PER_DAY), (0, MINUTES_PER_DAY)
    weekly: tuple[Hours, ...] = (((0, 420),), (), (), (), (night,), (day,), (day,))
    assert when_text(When(weekly, ()), frozenset()) == "senin 00:00-07:00; jumat 19:00-24:00; sabtu, minggu 24 jam"


def test_a_night_that_a_date_cuts_short_is_said_of_its_evening() -> None:
    day: Hours = ((0, 5 * 60), (21 * 60, MINUTES_PER_DAY))
    christmas = (date(2026, 12, 25), day[1:])
    assert when_text(When((day,) * 7, ()), frozenset()) == "setiap hari 21:00-05:00"
    assert (
        when_text(When((day,) * 7, (christmas,)), frozenset())
        == "setiap hari 21:00-05:00 (pada 2026-12-24: 21:00-24:00)"
    )


def test_a_thousand_rules_are_compared_in_seconds() -> None:
    hours = ["24 jam", "07:00-14:00", "14:00-21:00", "21:00-07:00", "06:10-16:40", "22:00-23:00"]
    categories = [category.id for category in load_rules(CITY).categories]
    areas = [ward.code for area in load_rules(CITY).areas for ward in area.kelurahan]
    rules = [
        f"  - {{kategori: {categories[n % 5]}, wilayah: {areas[n % 7]}, jam: {hours[n % 6]}, langkah: [pln, dlh]}}\n"
        for n in range(1000)
    ]
    old, new = (load_rules(CITY.replace("aturan:\n", "aturan:\n" + "".join(some), 1)) for some in (rules, rules[1:]))
    began = time.monotonic()
    assert difference(old, load_rules(CITY), TODAY).routes
    assert difference(old, new, TODAY) is not None
    assert time.monotonic() - began < 8


# Random rules: what is said is so, and what is not said is not.

DATES = [date(2026, 12, 24) + timedelta(days=day) for day in range(5)]
HALF_HOURS = st.tuples(st.integers(0, 47), st.integers(1, 47)).map(
    lambda pair: f"{clock(pair[0] * 30)}-{clock(sum(pair) % 48 * 30)}"
)
DAYS = st.sampled_from(["senin", "senin-jumat kecuali libur", "sabtu, minggu, libur", "jumat-senin", "setiap hari"])
ROSTERED = ["pos_siang", "pos_malam", "kantor"]
NAMES = st.sampled_from(["damkar", "dlh", "bpbd", "operator", *ROSTERED, "siaga"])
HOLIDAYS = st.lists(st.sampled_from(DATES), unique=True, max_size=2).map(
    lambda days: "".join(f"{day}: Libur, " for day in days)
)


def shifts(draw: st.DrawFn) -> str:
    of = st.tuples(DAYS, HALF_HOURS, st.sampled_from(ROSTERED), st.sampled_from(["", ", petugas: Budi"]))
    drawn = draw(st.lists(of, min_size=1, max_size=3))
    return "".join(f"      - {{hari: '{d}', jam: {h}, jalur: {line}{officer}}}\n" for d, h, line, officer in drawn)


@st.composite
def rosters(draw: st.DrawFn) -> str:
    text = "piket:\n"
    for roster in ("pos", "kantor"):
        text += f"  {roster}:\n    mingguan:\n{shifts(draw)}"
        if draw(st.booleans()):
            day, hours = draw(st.sampled_from(DATES)), draw(HALF_HOURS)
            text += f"    tanggal:\n      {day}: [{{jam: {hours}, jalur: pos_siang}}]\n"
        if draw(st.booleans()):
            gone = draw(
                st.sampled_from([line for line in ROSTERED if f"jalur: {line}" in text.split(f"{roster}:\n")[1]])
            )
            by = "pos_siang" if gone == "kantor" else "kantor"
            text += f"    pengganti: [{{jalur: {gone}, oleh: {by}, mulai: 2026-12-27 08:00, sampai: senin 07:30}}]\n"
    return text


@st.composite
def rule_lists(draw: st.DrawFn) -> str:
    text = "aturan:\n"
    for _ in range(draw(st.integers(1, 4))):
        category = draw(st.sampled_from(["api", "sampah", "semua"]))
        area = draw(st.sampled_from(["semua", "99.01.01", "99.01.01.1002", "99.01.02.1001"]))
        steps = ", ".join(f"[{name}]" for name in draw(st.lists(NAMES, min_size=1, max_size=3)))
        when = draw(st.sampled_from(["", f"hari: '{draw(DAYS)}', jam: {draw(HALF_HOURS)}, "]))
        told = draw(st.sampled_from(["", "dlh"]))
        text += f"  - {{kategori: {category}, wilayah: {area}, {when}langkah: [{steps}], beri_tahu: [{told}]}}\n"
    return text


@st.composite
def editions(draw: st.DrawFn) -> tuple[Rules, Rules]:
    """Two files that differ in some of their parts, perhaps in none."""
    parts = [
        HOLIDAYS,
        rosters(),
        rule_lists(),
        st.sampled_from(["", "\nkebijakan: {operator_dahulu: ya}\n"]),
        st.sampled_from(["", ", detik: 40"]),
        st.sampled_from(["", ", detik: 30"]),
    ]
    old = [draw(part) for part in parts]
    new = [draw(part) if draw(st.booleans()) else was for part, was in zip(parts, old, strict=True)]
    return edition(*old), edition(*new)


def edition(holidays: str, rosters: str, rules: str, policies: str, agency: str, line: str) -> Rules:
    text = SMALL[: SMALL.index("piket:")] + rosters + SMALL[SMALL.index("instansi:") : SMALL.index("aturan:")] + rules
    text = text.replace("zona: Asia/Makassar", f"zona: Asia/Makassar, libur: {{{holidays}}}")
    text = text.replace("nama: Damkar", f"nama: Damkar{agency}").replace(
        "{akun: pos_siang", f"{{akun: pos_siang{line}"
    )
    return load_rules(f"{text}siaga_24_jam: siaga\n{policies}")


AREAS = [None, "99.01.01", "99.01.01.1001", "99.01.01.1002", "99.01.02", "99.01.02.1001"]
CELLS = st.tuples(
    st.sampled_from(["api", "sampah", None]),
    st.sampled_from(AREAS),
    st.integers(-7, 20),
    st.integers(0, 47).map(lambda half: half * 30),
)


def days_of(old: Rules, new: Rules, day: int) -> tuple[int, int]:
    """A day of December in both; a negative one is a day of each edition's ordinary week."""
    if day < 0:
        return old.ordinary_monday + day + 7, new.ordinary_monday + day + 7
    both = DATES[0].toordinal() - 8 + day
    return both, both


def hours_on(when: When, day: int) -> Hours:
    return dict(when.dated).get(date.fromordinal(day), when.weekly[weekday_of(day)])


def alike(one: Plan, other: Plan) -> bool:
    """Whether two plans ring the same: phones in one step in any order."""
    steps = [[(s.kind, sorted(s.lines), s.agency, s.seconds) for s in plan.steps] for plan in (one, other)]
    return steps[0] == steps[1] and set(one.told) == set(other.told)


def phones(plan: Plan) -> tuple[list[frozenset[str]], frozenset[str]]:
    """The phones of agencies, step by step, and those that are told."""
    return [frozenset(step.lines) for step in plan.steps if step.kind == "lines"], frozenset(plan.told)


def stretches(when: When) -> Iterator[tuple[int, int, int]]:
    """Every stretch: the day as in `days_of` or an ordinal day, start, end."""
    yield from ((day - 7, start, end) for day, hours in enumerate(when.weekly) for start, end in hours)
    yield from ((day.toordinal(), start, end) for day, hours in when.dated for start, end in hours)


@pytest.mark.thorough
@settings(max_examples=80, deadline=None)
@given(editions(), st.lists(CELLS, min_size=40, max_size=40))
def test_a_difference_holds_exactly_what_route_does_otherwise(
    both: tuple[Rules, Rules], cells: list[tuple[str | None, str | None, int, int]]
) -> None:
    old, new = both
    found = difference(old, new)
    elsewhere = any(change.section != "libur" for change in found.changes)
    for category, area, day, minute in cells:
        days = days_of(old, new, day)
        plans = [plan_at(rules, category, area, on, minute) for rules, on in zip(both, days, strict=True)]
        said = [
            one
            for one in found.routes
            if category in one.categories and area in one.areas
            for start, end in hours_on(one.when, days[1])
            if start <= minute < end
        ]
        assert len(said) <= 1
        assert said or alike(*plans) or (elsewhere and phones(plans[0]) == phones(plans[1]))
        if said:
            _is_so(found, both, said[0].before, said[0].after, plans)
    for change in found.routes:
        for day, start, end in stretches(change.when):
            for minute in (start, end - 30):
                days = days_of(old, new, day) if day < 0 else (day, day)
                plans = [
                    plan_at(rules, change.categories[0], change.areas[-1], on, minute)
                    for rules, on in zip(both, days, strict=True)
                ]
                _is_so(found, both, change.before, change.after, plans)
    if old == new:
        assert not found


def _is_so(found: Difference, both: tuple[Rules, Rules], before: Help | None, after: Help, plans: list[Plan]) -> None:
    assert before != after
    assert not alike(*plans)
    for helped, plan in zip((before, after), plans, strict=True):
        assert helped is not None
        assert ([step.lines for step in helped.steps if step.kind == "lines"], helped.told) == phones(plan)


@pytest.mark.thorough
@settings(max_examples=40, deadline=None)
@given(editions())
def test_without_a_difference_both_editions_do_the_same_always(both: tuple[Rules, Rules]) -> None:
    old, new = both
    found = difference(old, new)
    text = "\n".join(sentences(found, old, new))
    assert (text == say("diff.nothing")) == (not found)
    same = not found.routes and not found.changes
    cells = [
        (c, a, d, m)
        for c in ("api", "sampah", None)
        for a in AREAS
        for d in range(-7, 12)
        for m in range(0, 1440, 210)
    ]
    plans = (
        [plan_at(rules, c, a, days_of(old, new, d)[side], m) for side, rules in enumerate(both)]
        for c, a, d, m in cells
    )
    if same:
        assert all(alike(*pair) for pair in plans)
    if not found:
        assert old.city.holidays == new.city.holidays
        for roster in ("pos", "kantor"):
            for day in range(-7, 12):
                now = [
                    {(duty.line, duty.officer) for duty in rules.timetable(roster).duties(on, 600)}
                    for rules, on in zip(both, days_of(old, new, day), strict=True)
                ]
                assert now[0] == now[1]


# The command.


@pytest.fixture
def app(tmp_path: Path) -> typer.Typer:
    """The command in a folder with the city's file; the history holds the same as `abc123`."""
    (tmp_path / "rules.yaml").write_text(SMALL, encoding="utf-8")
    app = typer.Typer()
    texts = {None: SMALL, "abc": SMALL}
    add_commands(app, lambda: tmp_path / "rules.yaml", texts.get)
    return app


RUN = CliRunner()


def test_as_diff_it_ends_with_0_when_nothing_changes_and_1_when_something_does(
    app: typer.Typer, tmp_path: Path
) -> None:
    assert RUN.invoke(app, ["diff"]).exit_code == 0
    assert RUN.invoke(app, ["diff", "abc"]).exit_code == 0
    other = tmp_path / "other.yaml"
    other.write_text(SMALL.replace("op_2", "op_3"), encoding="utf-8")
    done = RUN.invoke(app, ["diff", "abc", str(other)])
    assert (done.exit_code, "op_3" in done.output) == (1, True)
    assert RUN.invoke(app, ["diff", str(other), str(other)]).exit_code == 0


def test_what_cannot_be_compared_is_said_with_exit_code_2(app: typer.Typer, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("kota: 1", encoding="utf-8")
    for arguments in (["unknown"], ["abc", str(broken)], ["abc", str(tmp_path / "nowhere.yaml")]):
        done = RUN.invoke(app, ["diff", *arguments])
        assert (done.exit_code, bool(done.stderr)) == (2, True)


@contextmanager
def out_of_sight(folder: Path) -> Iterator[None]:
    """A folder that an ordinary user may not look into; who runs this is one meanwhile."""
    root = os.geteuid() == 0
    folder.chmod(0)
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


def test_files_that_may_not_even_be_looked_at_cannot_be_compared(app: typer.Typer, tmp_path: Path) -> None:
    folder = tmp_path / "milik_orang"
    folder.mkdir()
    file = folder / "rules.yaml"
    file.write_text(SMALL, encoding="utf-8")
    RUN.invoke(app, ["diff", "abc"])
    with out_of_sight(folder):
        done = [RUN.invoke(app, ["diff", *words]) for words in ([str(file)], [str(file), str(file)])]
    for one in done:
        assert (one.exit_code, one.stdout) == (2, "")
        assert "tidak dapat dibaca (Permission denied)" in one.stderr


@pytest.mark.parametrize("more", [[], ["other.yaml"]])
def test_a_name_longer_than_any_file_has_cannot_be_compared(app: typer.Typer, more: list[str]) -> None:
    done = RUN.invoke(app, ["diff", "x" * 300, *more])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "tidak dapat dibaca (File name too long)" in done.stderr


def test_a_path_below_a_file_is_no_file(app: typer.Typer, tmp_path: Path) -> None:
    done = RUN.invoke(app, ["diff", str(tmp_path / "rules.yaml" / "x")])
    assert (done.exit_code, "Tidak ada berkas" in done.stderr) == (2, True)


def test_json_holds_ids_days_and_both_sides(app: typer.Typer, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(SMALL.replace("langkah: [[damkar, bpbd]]", "langkah: [bpbd]"), encoding="utf-8")
    found = json.loads(RUN.invoke(app, ["diff", "abc", str(other), "--json"]).output)
    assert not found["same"]
    route = found["routes"][0]
    assert (route["categories"], route["areas"]) == (["api"], ["99.01.02.1001"])
    assert route["week"]["senin"]
    assert route["after"]["steps"] == [{"kind": "lines", "lines": ["siaga"], "agency": "bpbd", "seconds": 30}]
