from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules import Plan, Rules, load_rules, route
from ivr.rules.explain import Explanation, explain
from ivr.rules.explain_words import in_words
from ivr.rules.moments import read_moment
from ivr.rules.route import lines_now
from tests.rules.cities import AREAS, CATEGORIES, cities, moments

Question: TypeAlias = tuple[str | None, str | None, datetime]
EXAMPLES = Path(__file__).parents[2] / "examples"

CITY = """\
kota: {nama: Contoh, kode: 99.01, zona: Asia/Makassar, libur: {2026-12-25: Hari Raya Natal}}
kategori:
  api: {tombol: 1, nama: Kebakaran}
  lampu: {tombol: 2, nama: Lampu jalan}
wilayah:
  99.01.01: {tombol: 1, nama: Utara, kelurahan: {99.01.01.1001: Pasar}}
  99.01.02: {tombol: 2, nama: Selatan}
jalur:
  siang: {nama: Regu siang, akun: siang}
  malam: {akun: malam, detik: 25}
  hp: {nama: HP Siti, akun: hp}
  kantor: {akun: kantor}
  siaga: {akun: siaga}
piket:
  pos:
    mingguan:
      - {jam: 07:00-19:00, jalur: siang, petugas: Budi}
      - {jam: 19:00-07:00, jalur: malam}
    tanggal:
      2026-12-31 s.d. 2027-01-01: tutup
      2026-12-24: [{jam: 10:00-12:00, jalur: malam}]
    pengganti:
      - {jalur: siang, oleh: hp, petugas: Siti, mulai: 2026-11-23 08:00, sampai: senin 07:00}
  kantor:
    - {hari: senin-jumat kecuali libur, jam: 08:00-16:00, jalur: kantor}
instansi:
  damkar: {nama: Damkar, piket: pos}
  dishub: {nama: Dishub, piket: kantor}
  pln: {nama: PLN, akun: pln}
tetangga:
  sebelah: {nama: 112 Sebelah, telepon: 110}
operator: {akun: [op_1]}
aturan:
  - {kategori: api, wilayah: Pasar, hari: minggu, jam: 22:00-05:00, langkah: [pln]}
  - {kategori: api, langkah: [[damkar, pln]], beri_tahu: [dishub, pln]}
  - {kategori: lampu, wilayah: Utara, langkah: [dishub, siang, operator]}
siaga_24_jam: siaga
kebijakan: {luapan: {antrean: 10, jalur: [sebelah]}}
"""


@pytest.fixture(scope="module")
def city() -> Rules:
    return load_rules(CITY)


def words(rules: Rules, category: str | None, area: str | None, at: str, line: int | None = None) -> str:
    return "\n".join(in_words(rules, explain(rules, category, area, read_moment(rules, at)), line))


def rung(told: Explanation) -> list[tuple[str, tuple[str, ...], str | None, int]]:
    stages = [stage for stage in told.stages if stage.ringers]
    return [(one.kind, tuple(ringer.line for ringer in one.ringers), one.agency, one.seconds) for one in stages]


def as_planned(plan: Plan) -> list[tuple[str, tuple[str, ...], str | None, int]]:
    return [(step.kind, step.lines, step.agency, step.seconds) for step in plan.steps]


QUESTIONS = st.lists(st.tuples(st.sampled_from(CATEGORIES), st.sampled_from(AREAS), moments), min_size=20)


@given(cities(), QUESTIONS)
@settings(max_examples=40, deadline=None)
def test_what_is_explained_is_what_is_rung_and_told(rules: Rules, questions: list[Question]) -> None:
    for category, area, at in questions:
        told, plan = explain(rules, category, area, at), route(rules, category, area, at)
        assert rung(told) == as_planned(plan)
        assert tuple(ringer.line for ringer in told.told) == plan.told
        assert in_words(rules, told)


@given(cities(), QUESTIONS)
@settings(max_examples=20, deadline=None)
def test_who_is_absent_is_so_until_the_next_duty_begins(rules: Rules, questions: list[Question]) -> None:
    for category, area, at in questions[:5]:
        told = explain(rules, category, area, at)
        for absence in (*told.told_absent, *(one for stage in told.stages for one in stage.absent)):
            until = absence.next or at + timedelta(days=1)
            minutes = range(min(1440, int((until - at).total_seconds() // 60)))
            assert minutes
            assert not any(
                lines_now(rules, absence.name, *rules.moment(at + timedelta(minutes=minute))) for minute in minutes
            )
            assert absence.next is None or lines_now(rules, absence.name, *rules.moment(until))


@pytest.mark.parametrize("name", ["../routing_rules", "ambon", "kendari", "kecil"])
def test_the_examples_are_explained_as_they_are_rung(name: str) -> None:
    rules = load_rules((EXAMPLES / f"{name}.yaml").resolve())
    areas = [None, *(area.code for area in rules.areas), *(ward.code for ward in rules.areas[0].kelurahan)]
    for category in rules.categories:
        for place, area in enumerate(areas):
            at = datetime(2026, 12, 23) + timedelta(hours=7 * place)  # noqa: DTZ001
            told, plan = explain(rules, category.id, area, at), route(rules, category.id, area, at)
            assert rung(told) == as_planned(plan)


def test_the_title_names_category_place_and_the_citys_time(city: Rules) -> None:
    assert words(city, "api", "99.01.01.1001", "2026-12-25 20:00").startswith(
        "Kebakaran, Pasar - Utara (99.01.01.1001)\n"
        "Jumat 25 Desember 2026 pukul 20:00 WITA, hari libur: Hari Raya Natal\n"
    )


def test_an_instant_is_told_on_the_citys_clock(city: Rules) -> None:
    told = explain(city, "api", None, datetime(2026, 12, 24, 15, 30, tzinfo=UTC))
    assert told.at == read_moment(city, "2026-12-24 23:30")


def test_the_rule_is_told_with_its_number_line_and_text(city: Rules) -> None:
    assert (
        "Aturan ke-2 (baris 42) yang dipakai: api di semua wilayah, setiap hari 24 jam: "
        "damkar bersama pln; beri tahu dishub, pln.\n"
    ) in words(city, "api", None, "senin 10:00", line=42)


def test_an_earlier_rule_that_does_not_serve_now_is_told_with_its_hours(city: Rules) -> None:
    told = words(city, "api", "99.01.01.1001", "senin 05:00")
    assert "Aturan ke-1 tidak dipakai: berlaku minggu 22:00-05:00.\nAturan ke-2 yang dipakai" in told
    assert "Aturan ke-1 yang dipakai" in words(city, "api", "99.01.01.1001", "senin 04:59")


def test_earlier_rules_for_other_places_are_not_told(city: Rules) -> None:
    assert explain(city, "api", "99.01.02", read_moment(city, "senin 10:00")).passed == ()


def test_of_many_earlier_rules_the_nearest_are_told_and_the_others_counted() -> None:
    timed = "".join(f"  - {{kategori: api, jam: 0{hour}:00-0{hour}:30, langkah: [pln]}}\n" for hour in range(9))
    rules = load_rules(CITY.replace("aturan:\n", f"aturan:\n{timed}"))
    told = explain(rules, "api", None, read_moment(rules, "senin 12:00"))
    assert [one.number for one in told.passed] == [5, 6, 7, 8, 9]
    assert told.passed_more == 4
    assert "4 aturan lain sebelumnya juga tidak berlaku saat itu." in in_words(rules, told)


def test_without_a_rule_only_operators_and_the_24_hour_line_are_told(city: Rules) -> None:
    told = words(city, "lampu", "99.01.02", "senin 10:00")
    assert "Tidak ada aturan yang cocok: operator yang dibunyikan." in told
    assert "1. Operator, 60 detik: op_1." in told
    assert "2. Siaga 24 jam, 20 detik: siaga." in told


def test_a_line_on_duty_is_told_with_roster_shift_and_officer(city: Rules) -> None:
    assert (
        "1. Berdering 20 detik: siang (Regu siang), pln (PLN).\n"
        "   siang: piket pos, setiap hari 07:00-19:00, sejak Senin biasa pukul 07:00, petugas Budi.\n"
        "   pln: selalu siaga, tidak bergantung pada jadwal piket.\n"
    ) in words(city, "api", None, "senin 10:00")


def test_a_night_shift_is_told_with_the_day_it_began(city: Rules) -> None:
    told = words(city, "api", None, "2026-12-25 03:00")
    assert "malam: piket pos" not in told  # the exception of the 24th began nothing that lasts
    assert "sejak Jumat 25 Desember 2026 pukul 19:00" in words(city, "api", None, "2026-12-26 03:00")


def test_a_dated_exception_is_told_with_its_date(city: Rules) -> None:
    why = "malam: piket pos, jadwal khusus 24 Desember 2026 10:00-12:00, sejak Kamis 24 Desember 2026 pukul 10:00."
    assert why in words(city, "api", None, "2026-12-24 11:00")


def test_a_replacement_is_told_with_whom_it_replaces_and_until_when(city: Rules) -> None:
    assert (
        "hp: piket pos, setiap hari 07:00-19:00, sejak Selasa 24 November 2026 pukul 07:00, "
        "menggantikan siang sampai Senin 30 November 2026 pukul 07:00, petugas Siti."
    ) in words(city, "api", None, "2026-11-24 10:00")


@pytest.mark.parametrize(
    ("category", "at", "skipped"),
    [
        (
            "lampu",
            "2026-12-25 10:00",
            "dishub (Dishub): libur (Hari Raya Natal); bertugas lagi Senin 28 Desember 2026",
        ),
        ("lampu", "sabtu 10:00", "dishub (Dishub): tidak ada yang piket pada jam ini; bertugas lagi Senin biasa"),
        ("lampu", "2026-12-24 09:00", "siang (Regu siang): jadwal khusus 24 Desember 2026; bertugas lagi Jumat 25"),
        ("lampu", "2027-01-01 09:00", "siang (Regu siang): jadwal khusus 31 Desember 2026 s.d. 1 Januari 2027; "),
        (
            "lampu",
            "2026-11-24 09:00",
            "siang (Regu siang): digantikan hp sampai Senin 30 November 2026 pukul 07:00; ",
        ),
    ],
)
def test_a_skipped_step_is_told_with_its_reason_and_the_next_duty(
    city: Rules, category: str, at: str, skipped: str
) -> None:
    assert f"-  Dilewati, {skipped}" in words(city, category, "99.01.01", at)


def test_an_agency_that_is_missing_from_a_step_is_told_beside_those_that_ring(city: Rules) -> None:
    told = words(city, "api", None, "2027-01-01 10:00")
    assert "1. Berdering 20 detik: pln (PLN)." in told
    assert "   damkar (Damkar) tidak ikut: jadwal khusus 31 Desember 2026 s.d. 1 Januari 2027; " in told


def test_a_roster_that_never_comes_back_says_so() -> None:
    rules = load_rules(CITY.replace("hari: senin-jumat kecuali libur", "hari: libur"))
    assert "tidak ada jadwal berikutnya" in words(rules, "lampu", "99.01.01", "2026-12-26 10:00")


def test_joint_agencies_are_told_with_those_that_are_off_duty(city: Rules) -> None:
    day, night = (words(city, "api", None, at) for at in ("senin 10:00", "senin 20:00"))
    assert "Sesudah diterima, diberi tahu: kantor, pln (PLN)." in day
    assert "Sesudah diterima, diberi tahu: pln (PLN)." in night
    assert "Tidak diberi tahu, dishub (Dishub): tidak ada yang piket" in night


def test_overflow_is_told_after_the_last_operators(city: Rules) -> None:
    told = words(city, "lampu", "99.01.01", "senin 10:00").splitlines()
    assert told[-3:] == [
        "3. Operator, 60 detik: op_1.",
        "   Bila lebih dari 10 penelepon menunggu, atau operator tidak menjawab: sebelah (112 Sebelah).",
        "4. Siaga 24 jam, 20 detik: siaga.",
    ]


def test_operators_who_come_first_by_policy_are_told_so() -> None:
    rules = load_rules(CITY.replace("kebijakan: {", "kebijakan: {operator_dahulu: ya, "))
    assert "1. Operator dahulu (kebijakan operator_dahulu), 60 detik: op_1." in words(
        rules, "api", None, "senin 10:00"
    )


def test_a_kecamatan_whose_kelurahan_differ_is_told_so(city: Rules) -> None:
    sentence = "Kelurahan atau desanya ikut menentukan; penelepon akan ditanya."
    assert sentence in words(city, "api", "99.01.01", "minggu 23:00")
    assert sentence not in words(city, "api", "99.01.01", "minggu 21:00")
