import io
import time
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from ivr.rules import Rules, load_rules
from ivr.rules.coverage import ALL_DAY, Cover, Spans, agencies_cover, categories_cover, joined, overlap, without
from ivr.rules.coverage_words import cover_as_json, sentences, show
from ivr.rules.route import lines_now, route
from tests.rules.cities import DAYS, FIRST, cities, moments

PERIOD = range(FIRST.toordinal(), FIRST.toordinal() + DAYS)

CITY = """\
kota:
  nama: Contoh
  kode: 99.01
  zona: Asia/Makassar
  libur: {2026-12-25: Hari Raya Natal, 2026-12-27: Libur pada Minggu}
kategori:
  api: {tombol: 1, nama: Kebakaran}
  sakit: {tombol: 2, nama: Medis}
  lampu: {tombol: 3, nama: Lampu jalan, darurat: tidak, tanya_wilayah: tidak}
wilayah:
  99.01.01: {tombol: 1, nama: Utara, kelurahan: {99.01.01.1001: Pasar, 99.01.01.1002: Pantai}}
  99.01.02: {tombol: 2, nama: Selatan}
jalur: {pos: {akun: pos}, kantor: {akun: kantor}, siaga: {akun: siaga}}
piket:
  pos: [{jam: 07:00-24:00, jalur: pos}]
  kantor:
    mingguan:
      - {hari: senin-jumat kecuali libur, jam: 08:00-16:00, jalur: kantor}
    tanggal:
      2026-12-29: [{jalur: kantor}]
      2026-12-30 s.d. 2026-12-31: tutup
instansi:
  damkar: {nama: Damkar, piket: pos}
  dishub: {nama: Dishub, piket: kantor}
  pln: {nama: PLN, akun: pln}
operator: {akun: [op_1]}
aturan:
  - {kategori: api, wilayah: [Utara, Selatan], jam: 00:00-06:00, langkah: [pln]}
  - {kategori: api, wilayah: Pantai, langkah: [[damkar, pln]]}
  - {kategori: api, langkah: [operator, damkar, dishub]}
  - {kategori: sakit, langkah: [pln]}
  - {kategori: lampu, langkah: [dishub]}
siaga_24_jam: siaga
"""
CHRISTMAS = range(date(2026, 12, 21).toordinal(), date(2027, 1, 4).toordinal())


@pytest.fixture(scope="module")
def city() -> Rules:
    return load_rules(CITY)


def shown(rules: Rules, covers: list[Cover], days: range = CHRISTMAS) -> str:
    page = io.StringIO()
    show(Console(file=page, markup=False, width=80), rules, covers, days.start, len(days))
    return page.getvalue()


def empty(cover: Cover, at: datetime) -> bool:
    minute = at.hour * 60 + at.minute
    return any(start <= minute < end for start, end in cover.days[at.toordinal() - cover.first])


MOMENTS = st.lists(moments, min_size=30, max_size=60)


@given(cities(), MOMENTS)
@settings(max_examples=40, deadline=None)
def test_an_hour_is_empty_exactly_when_the_plan_rings_only_operators(rules: Rules, asked: list[datetime]) -> None:
    covers = {(cover.id, area): cover for cover in categories_cover(rules, PERIOD, rules.categories)
              for area in cover.areas or (None,)}  # fmt: skip
    places = [("lampu", None), *((one, area) for one in ("api", "sakit") for area in ("99.01.01", "99.01.02"))]
    places += [(one, "99.01.01.1001") for one in ("api", "sakit")]
    for category, area in places:
        cover = covers.get((category, area)) or covers[category, (area or "")[:8]]
        for at in asked:
            rung = any(step.kind == "lines" for step in route(rules, category, area, at).steps)
            assert empty(cover, at) == (not rung)


@given(cities(), MOMENTS)
@settings(max_examples=20, deadline=None)
def test_an_agency_is_away_exactly_when_none_of_its_lines_may_ring(rules: Rules, asked: list[datetime]) -> None:
    covers = agencies_cover(rules, PERIOD, rules.agencies)
    assert "sendiri" not in {cover.id for cover in covers}  # no roster has a say in its phone
    assert "bergilir" in {cover.id for cover in covers}
    for cover in covers:
        for at in asked:
            assert empty(cover, at) == (not lines_now(rules, cover.id, *rules.moment(at)))


@given(cities())
@settings(max_examples=20, deadline=None)
def test_stretches_are_apart_and_as_long_as_the_gaps(rules: Rules) -> None:
    for cover in agencies_cover(rules, PERIOD, rules.agencies):
        stretches = cover.stretches()
        assert sum((end - start for start, end in stretches), timedelta()) == timedelta(minutes=cover.minutes)
        assert all(end < start for (_, end), (start, _) in pairwise(stretches))


@given(cities())
@settings(max_examples=20, deadline=None)
def test_every_gap_is_told_and_the_page_is_80_wide(rules: Rules) -> None:
    covers = [*agencies_cover(rules, PERIOD, rules.agencies), *categories_cover(rules, PERIOD, rules.categories)]
    assert all(bool(list(sentences(rules, cover))) >= bool(cover.minutes) for cover in covers)
    assert max(map(len, shown(rules, covers, PERIOD).splitlines())) <= 80


SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).filter(lambda span: span[0] < span[1])).map(
    lambda spans: joined(sorted(spans))
)


def minutes(spans: Spans) -> set[int]:
    return {minute for start, end in spans for minute in range(start, end)}


@given(SPANS, SPANS)
def test_spans_are_sets_of_minutes(some: Spans, others: Spans) -> None:
    assert minutes(overlap(some, others)) == minutes(some) & minutes(others)
    for one in others:
        assert minutes(without(some, one)) == minutes(some) - minutes((one,))


@pytest.mark.parametrize(
    ("agency", "told"),
    [
        ("damkar", ["setiap hari 00:00-07:00"]),
        (
            "dishub",
            [
                "senin-rabu 00:00-08:00 dan 16:00-24:00",
                "sabtu, minggu seharian",
                "25 Des 2026 (Hari Raya Natal) seharian",
                "29 Des 2026 lengkap",
                "30 Des 2026 s.d. 31 Des 2026 seharian",
            ],
        ),
    ],
)
def test_gaps_are_told_by_the_week_then_by_the_dates_that_differ(city: Rules, agency: str, told: list[str]) -> None:
    days = range(CHRISTMAS.start, CHRISTMAS.start + 11)
    cover = agencies_cover(city, days, [city.agency(agency)])[0]
    found = list(sentences(city, cover))
    assert [line.replace("senin-kamis", "senin-rabu") for line in found] == told


def test_a_category_is_told_by_the_areas_that_share_its_gaps(city: Rules) -> None:
    covers = categories_cover(city, CHRISTMAS, [city.categories[0]])
    by_areas = {cover.areas: cover.usual[6] for cover in covers}
    assert by_areas == {("99.01.01", "99.01.02"): ((360, 420),), ("99.01.01.1002",): ()}


def test_a_category_that_asks_no_area_is_looked_up_without_one(city: Rules) -> None:
    (cover,) = categories_cover(city, CHRISTMAS, [city.categories[2]])
    assert (cover.areas, cover.everywhere, cover.emergency, cover.usual[6]) == ((), True, False, ALL_DAY)


def test_the_calendar_has_weeks_as_rows_and_marks_for_every_day(city: Rules) -> None:
    page = shown(city, agencies_cover(city, CHRISTMAS, [city.agency("dishub")])).splitlines()
    assert [line.rstrip() for line in page] == [
        "21 Desember 2026 s.d. 3 Januari 2027, jam kota Contoh",
        ". lengkap   - ada jam kosong   x kosong seharian   * hari libur",
        "",
        "Instansi dengan jadwal piket",
        "",
        "dishub (Dishub): 264 jam tanpa petugas",
        "         Sen  Sel  Rab  Kam  Jum  Sab  Min",
        "  21 Des 21-  22-  23-  24-  25x* 26x  27x*",
        "  28 Des 28-  29.  30x  31x   1-   2x   3x",
        "  senin-jumat 00:00-08:00 dan 16:00-24:00",
        "  sabtu, minggu seharian",
        "  25 Des 2026 (Hari Raya Natal) seharian",
        "  29 Des 2026 lengkap",
        "  30 Des 2026 s.d. 31 Des 2026 seharian",
    ]


def test_those_without_gaps_take_one_line(city: Rules) -> None:
    page = shown(city, categories_cover(city, CHRISTMAS, city.categories[:2]))
    assert "Lengkap: Kebakaran (Pantai - Utara), Medis.\n" in page
    assert "\nKebakaran (Utara, Selatan): 13 jam tanpa instansi\n" in page


def test_agencies_with_the_same_gaps_share_a_calendar() -> None:
    rules = load_rules(CITY.replace("damkar: {nama: Damkar, piket: pos}", "damkar: {nama: Damkar, piket: kantor}"))
    page = shown(rules, agencies_cover(rules, CHRISTMAS, rules.agencies))
    assert "damkar (Damkar), dishub (Dishub): 264 jam tanpa petugas" in page
    assert page.count("Sen  Sel") == 1


def test_without_rosters_there_is_nothing_to_show(city: Rules) -> None:
    assert "Tidak ada yang bergantung pada jadwal piket." in shown(city, [])


def test_gaps_are_told_as_data_joined_over_midnight(city: Rules) -> None:
    days = range(CHRISTMAS.start, CHRISTMAS.start + 2)
    found = cover_as_json(city, agencies_cover(city, days, [city.agency("dishub")])[0])
    start = datetime(2026, 12, 21)  # noqa: DTZ001 the city's clock
    hours = [(0, 8), (16, 32), (40, 48)]
    assert found["gaps"] == [
        {"from": start + timedelta(hours=first), "to": start + timedelta(hours=last)} for first, last in hours
    ]
    assert found["minutes"] == 32 * 60


def test_thousands_of_rules_are_covered_in_seconds() -> None:
    """Every kelurahan of a large city has its own rules, by the hour."""
    wards = ", ".join(f"99.01.01.1{number:03}: Kelurahan {number}" for number in range(500))
    rows = [
        f"  - {{kategori: api, wilayah: Kelurahan {number % 500}, jam: {number % 23:02}:{number // 500:02}-23:59, "
        f"langkah: [[dishub, damkar]]}}\n"
        for number in range(3_000)
    ]
    text = CITY.replace("99.01.01.1001: Pasar, 99.01.01.1002: Pantai", wards).replace("wilayah: Pantai, ", "")
    rules = load_rules(text.replace("aturan:\n", "aturan:\n" + "".join(rows)))
    began = time.monotonic()
    assert categories_cover(rules, range(CHRISTMAS.start, CHRISTMAS.start + 30), rules.categories)
    assert time.monotonic() - began < 3
