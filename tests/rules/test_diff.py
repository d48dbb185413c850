"""What a change of the rules does, said once and in the city's own words."""

import json
import time
from datetime import date

from ivr.messages import say
from ivr.rules import Rules, load_rules
from ivr.rules.diff import NOT_LISTED, difference
from ivr.rules.diff_words import as_json, sentences
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
