"""Every sentence about a mistake, each with a file that earns it: place, words and remedy."""

import re
from pathlib import Path

import pytest

from ivr.rules import Problem, RulesError, load_rules
from ivr.rules.document import MAX_BYTES
from ivr.rules.problems import Finding, problem
from tests.rules.conftest import SMALL
from tests.rules.kinds import kind_of, kinds, sentences

EXAMPLES = Path(__file__).parents[2] / "examples"
CITY = (
    SMALL.replace("zona: Asia/Makassar}", "zona: Asia/Makassar, libur: {2026-12-25: Natal}}")
    .replace(
        "    - {jam: 07:00-21:00, jalur: pos_siang}\n    - {jam: 21:00-07:00, jalur: pos_malam}\n",
        """\
    mingguan:
      - {jam: 07:00-21:00, jalur: pos_siang}
      - {jam: 21:00-07:00, jalur: pos_malam}
    tanggal:
      2026-12-31: tutup
    pengganti:
      - {jalur: pos_malam, oleh: hp, mulai: 2026-11-22 08:00, sampai: senin 08:00}
""",
    )
    .replace("  siaga: {akun", "  hp: {telepon: 0812-3456-7890}\n  siaga: {akun")
    .replace("operator: {", "tetangga:\n  sebelah: {nama: 112 Sebelah, telepon: 0536-3221113}\noperator: {")
    .replace("alias: [Lor]", "alias: [Lor]\n    posisi: [-2.2, 113.9]")
    + "kebijakan: {anggaran_detik: 40, luapan: {antrean: 5, jalur: [sebelah]}}\n"
)

STANDS_IN = "- {jalur: pos_malam, oleh: hp, mulai: 2026-11-22 08:00, sampai: senin 08:00}"
STANDS_IN_LINES = "- jalur: pos_malam\n        oleh: hp\n        mulai: 2026-11-22 08:00\n        sampai: "

MISTAKES = [
    # the sentence's key, what is changed, into what, where it is told, a part of the remedy
    ("accept", "terima: langsung", "terima: suara", "suara", "`langsung`"),
    ("accept_elsewhere", "BPBD, jalur: siaga", "BPBD, jalur: siaga, terima: tombol", "terima: tombol", "`jalur`"),
    ("anchor", "nama: Selatan", "nama: &x Selatan", "&x", "tanda kutip"),
    ("area_key", "tombol: 2\n", "tombol: 123\n", "123", "dua angka"),
    ("bad_code", "99.01.02.1001", "99.01.02.101", "99.01.02.101:", "`62.71.03.1002`"),
    ("bad_name", "  hp: {", "  Hp: {", "Hp: {", "huruf kecil"),
    ("clashing_name", "nama: Selatan", "nama: lor", "tombol: 2\n    nama: lor", "berbeda"),
    ("clashing_word", "nama: Sampah", "nama: ASAP", "ASAP", "hapus salah satunya"),
    ("closed", "2026-12-31: tutup", "2026-12-31: libur", "libur\n", "`tutup`"),
    ("closed", "2026-12-31: tutup", "2026-12-31: pos_siang", "pos_siang\n    peng", "`[{jam: 24 jam, jalur: ...}]`"),
    ("closed", "2026-12-31: tutup", "2026-12-31: [tutup]", "tutup]", "tanpa kurung"),
    ("code_outside", "99.01.02.1001", "99.01.01.1003", "99.01.01.1003", "`99.01.02.`"),
    ("complex_key", "operator: {", "[a, b]: c\noperator: {", "[a, b]", "`kunci: nilai`"),
    ("date", "2026-12-25: Natal", "25-12-2026: Natal", "25-12", "`2026-12-25`"),
    ("date", "2026-12-25: Natal", "9999-12-25: Natal", "9999", "`2026-12-25`"),
    ("dates", "2026-12-31: tutup", "2026-12-31 s.d. 2026-12-30: tutup", "2026-12-31 s", "s.d."),
    ("dates", "2026-12-31: tutup", "9999-12-31: tutup", "9999", "s.d."),
    ("days", "hari: senin-jumat", "hari: senen", "senen", "`senin-jumat`"),
    ("days", "hari: senin-jumat", "hari: {a: b}", "{a: b}", "`senin-jumat`"),
    ("days_unquoted", "hari: senin-jumat", "hari: sabtu, minggu, libur", "minggu, libur", '"sabtu, minggu, libur"'),
    ("days_unquoted", "hari: senin-jumat", "hari: senin, rabu-jumat", "rabu-", "[sabtu, minggu, libur]"),
    ("days_unquoted", "hari: senin-jumat", "hari: sabtu, minggu kecuali libur", "minggu kec", "[sabtu, minggu"),
    ("days_unquoted", "{kategori: sampah,", "{kategori: sampah, hari: senin, ahad,", "ahad,", '"sabtu, minggu'),
    ("duplicate_key", "  bpbd: {nama", "  dlh: {nama", "dlh: {nama: BPBD", "Hapus"),
    ("empty_group", "wilayah:\n", "kelompok_wilayah: {9: Jauh}\nwilayah:\n", "9: Jauh", "diawali `9`"),
    ("fallback_on_roster", "siaga_24_jam: siaga", "siaga_24_jam: pos_siang", "pos_siang\n", "selalu dijaga"),
    ("fallback_on_roster", "jalur: [sebelah]}}", "jalur: [kantor]}}", "kantor]}}", "selalu dijaga"),
    ("greater_than_equal", "detik: 25", "detik: 4", "4}", "5"),
    ("hours", "jam: 21:00-07:00", "jam: 21:00", "21:00, jalur: pos_malam", "`24 jam`"),
    ("key_unspaced", "{jam: 21:00-07:00", "{jam:21:00-07:00", "jam:21", "`jam: 21:00-07:00`"),
    ("key", "tombol: 2, nama: Sampah", "tombol: 12, nama: Sampah", "12, nama", "1 sampai 9"),
    ("key", "Pantai, alias: Pesisir", "Pantai, tombol: x", "x}", "1 sampai 9"),
    ("key_of_group", "wilayah:\n", "kelompok_wilayah: {2: Jauh}\nwilayah:\n", "2\n    nama: Selatan", "diawali `2`"),
    ("language", "anggaran_detik: 40", "bahasa: Indonesia", "Indonesia", "`id`"),
    ("less_than_equal", "detik: 25", "detik: 301", "301", "300"),
    ("list_unbracketed", "{kategori: sampah,", "{kategori: sampah, api,", "api, ", "`kategori: [sampah, api]`"),
    ("list_unbracketed", "akun: [op_1, op_2]", "akun: op_1, op_2", "op_2}", "`akun: [op_1, op_2]`"),
    ("list_unbracketed", "Sampah,", "Sampah, sinonim: [a, b], c, d,", "c, d", "`sinonim: [a, b, c, d]`"),
    ("mapping", "  sebelah: {nama: 112 Sebelah, telepon: 0536-3221113}", "  - sebelah", "- sebelah", "menjorok"),
    ("mapping", "libur: {2026-12-25: Natal}", "libur: [2026-12-25]", "[2026-12-25]", "menjorok"),
    ("missing", "api: {tombol: 1, nama: Kebakaran,", "api: {tombol: 1,", "api: {", "`nama: ...`"),
    (
        "model_type",
        "kebijakan: {anggaran_detik: 40, luapan: {antrean: 5, jalur: [sebelah]}}",
        "kebijakan: x",
        "x\n",
        "menj",
    ),
    ("moment", "mulai: 2026-11-22 08:00", "mulai: besok", "besok", "`2026-11-22 08:00`"),
    ("no_group", "tombol: 2\n", "tombol: 22\n", "22\n", "`kelompok_wilayah: {2: "),
    ("one_of", "jalur: siaga}\ntet", "jalur: siaga, akun: x}\ntet", "bpbd: {nama", "hapus yang lain"),
    ("operator_alone", "[dlh, operator,", "[[dlh, operator],", "[dlh, operator]", "langkah tersendiri"),
    ("operator_is_line", "akun: [op_1,", "akun: [sebelah,", "sebelah, op_2", "salah satu namanya"),
    ("phone", "0213455670", "021-345-CALL", "021-345", "`110`"),
    ("phone_loop", "0213455670", "+62112", "+62112", "petugasnya"),
    ("phone_several", "0213455670", "021-3455670/71", "021", "jalur tersendiri"),
    ("position", "posisi: [-2.2, 113.9]", "posisi: di sini", "di sini", "`[-2.2077, 113.9523]`"),
    ("position_outside", "posisi: [-2.2, 113.9]", "posisi: [113.9, -2.2]", "[113.9", "Lintang dahulu"),
    ("replaced_by_itself", "oleh: hp", "oleh: pos_malam", "pos_malam, mulai", "hapus penggantian"),
    ("repeated_account", "akun: pos_malam,", "akun: pos_siang,", "pos_siang, detik", "Satu akun"),
    ("repeated_account", "akun: pos_malam,", "akun: hp,", "hp: {", "Satu akun"),
    ("repeated_account", "[op_1, op_2]", "[op_1, op_1]", "op_1]", "Satu akun"),
    ("repeated_key", "sampah: {tombol: 2", "sampah: {tombol: 1", "1, nama: Sampah", "tombol lain"),
    ("repeated_name", "  sebelah: {nama", "  siaga: {nama", "siaga: {nama: 112", "nama lain"),
    ("repeated_name", "BPBD, jalur: siaga", "BPBD, akun: x}\n  hp: {nama: HP, akun: y", "hp: {nama", "nama lain"),
    ("reserved_key", "sampah: {tombol: 2", "sampah: {tombol: 0", "0, nama", "1 sampai 9"),
    ("reserved_name", "[op_1, op_2]", "[op_1, trunk]", "trunk]", "nama lain"),
    ("reserved_name", "[op_1, op_2]", "[op_1, t]", "t]}\nat", "nama lain"),
    ("reserved_name", "  hp: {", "  h: {", "h: {tel", "nama lain"),
    ("reserved_name", "nama: Selatan", "nama: semua", "semua\n    kel", "nama lain"),
    ("reserved_name", "alias: [Lor]", "alias: [Lor, Semua]", "Semua]", "nama lain"),
    ("reserved_name", "1002: Pasar", "1002: semua", "semua\n", "nama lain"),
    ("reserved_name", "alias: Pesisir", "alias: SEMUA", "SEMUA", "nama lain"),
    ("several_hours", "jam: 21:00-07:00", "jam: [21:00-24:00, 00:00-07:00]", "[21", "Tulis dua giliran"),
    ("several_hours", "jam: 21:00-07:00", "jam: '21:00-24:00, 00:00-07:00'", "'21", "Tulis dua giliran"),
    ("several_hours", "jam: 21:00-07:00", "jam: 21:00-24:00, 00:00-07:00", "00:00-07", "Tulis dua giliran"),
    ("several_documents", "aturan:\n", "---\naturan:\n", "---", "hapus pemisahnya"),
    ("silence", "anggaran_detik: 40", "diam: tutup", "tutup, luapan", "`ulangi`"),
    ("sip_uri", "0213455670", "'sip:piket@[::zz]'", "'sip:", "Tulis misalnya `sip:"),
    ("string_pattern_mismatch", "akun: pos_malam", "akun: Pos Malam", "Pos Malam", "huruf kecil"),
    ("string_too_long", "nama: Sampah", f"nama: {'x' * 81}", "x" * 81, "80"),
    ("string_too_short", "nama: Sampah", "nama: ''", "''", "hapus barisnya"),
    ("string_type", "detik: 25", "detik: [25]", "[25]", "satu nilai"),
    ("syntax", "akun: [op_1, op_2]}", "akun: [op_1, op_2}", "}\naturan", "kurung"),
    ("tab", "nama: Selatan", "nama: Selatan\t# x", "\t", "spasi"),
    ("tag", "nama: Selatan", "nama: !x Selatan", "!x", "tanda kutip"),
    ("too_deep", "langkah: [damkar]", f"langkah: {'[' * 12}damkar{']' * 12}", "[[damkar", "kurung"),
    ("too_long", "langkah: [damkar]", f"langkah: [{', '.join(['damkar'] * 16)}]", "[damkar, d", "15"),
    ("too_short", "[op_1, op_2]", "[]", "[]", "paling sedikit satu"),
    ("tuple_type", "langkah: [damkar]", "langkah: {damkar: x}", "{damkar", "- "),
    ("tuple_type", "2026-12-31: tutup", "2026-12-31: {jalur: hp}", "{jalur: hp}", "- "),
    ("tuple_type", "2026-12-31: tutup", "2026-12-31: {giliran: [{jalur: hantu}]}", "[{jalur: hantu", "- "),
    ("unclear_area", "Pasar", "Pantai", "Pantai, langkah", "`kelurahan - kecamatan`"),
    ("unknown_area", "wilayah: Pantai", "wilayah: Panti", "Panti", "Maksud Anda `Pantai`?"),
    ("unknown_category", "kategori: sampah", "kategori: sampan", "sampan", "Maksud Anda `sampah`?"),
    ("unknown_key", "mingguan:", "minguan:", "minguan", "Maksud Anda `mingguan`?"),
    ("unknown_key", "mulai: 2026", "mulia: 2026", "mulia", "Maksud Anda `mulai`?"),
    ("unknown_key", "antrean: 5", "antrian: 5", "antrian", "Maksud Anda `antrean`?"),
    ("unknown_line", "oleh: hp", "oleh: siagaa", "siagaa", "Maksud Anda `siaga`?"),
    ("unknown_line", "jalur: [sebelah]}}", "jalur: [sebela]}}", "sebela]", "Maksud Anda `sebelah`?"),
    ("unknown_line", "2026-12-31: tutup", "2026-12-31: [{jalur: sigaa}]", "sigaa", "Maksud Anda `siaga`?"),
    ("unknown_replaced", "- {jalur: pos_malam, oleh", "- {jalur: siaga, oleh", "siaga, oleh", "pos_siang, pos_malam"),
    ("unknown_roster", "piket: pos}", "piket: poss}", "poss}", "Maksud Anda `pos`?"),
    ("unknown_step", "langkah: [damkar]", "langkah: [damkra]", "damkra", "Maksud Anda `damkar`?"),
    ("unknown_step", "langkah: [damkar]", "langkah: [damkar], beri_tahu: operator", "operator}", "Pilihan yang ada"),
    ("unprintable", "nama: Sampah", 'nama: "Sam\\npah"', '"Sam', "Ketik ulang"),
    ("until", "sampai: senin 08:00", "sampai: nanti", "nanti", "`senin 08:00`"),
    ("until", STANDS_IN, f"{STANDS_IN_LINES}nanti", "nanti", "`senin 08:00`"),
    ("until_order", STANDS_IN, f"{STANDS_IN_LINES}2026-11-21", "2026-11-21", "`sampai`"),
    ("until_order", "sampai: senin 08:00", "sampai: 2026-11-21", "2026-11-21", "`sampai`"),
    ("until_order", "sampai: senin 08:00", "sampai: 2028-11-22", "2028-11-22", "`sampai`"),
    ("whole_number", "detik: 25", "detik: 25 s", "25 s", "angka"),
    ("yes_or_no", "darurat: tidak", "darurat: no", "no}", "`tidak`"),
    ("zone", "Asia/Makassar", "WITA", "WITA", "`Asia/Makassar`"),
]

WARNINGS = [
    ("phone_doubtful", "0213455670", "0999-7654321", "0999", "nomor"),
    ("phone_foreign", "0213455670", "+1 202 555 0100", "+1", "nomor"),
    ("phone_local", "0213455670", "3455670", "3455670", "0536"),
    ("shadowed", "kategori: sampah, wilayah: Utara,", "kategori: api,", "{kategori: api, langkah: [dlh", "hapus"),
    ("area_not_asked", "darurat: tidak}", "darurat: tidak, tanya_wilayah: tidak}", "wilayah: Utara", "Hapus"),
    ("exception_gap", "31: tutup", "31: [{jam: 07:00-21:00, jalur: pos_siang}]", "tanggal:", "malamnya"),
    ("uncovered", "jam: 21:00-07:00", "jam: 22:00-07:00", "api: {tombol", "piketnya"),
    ("unserved", "kategori: sampah, wilayah: Utara,", "kategori: api, hari: senin,", "sampah: {", "bila perlu"),
    ("unused_agency", "[[damkar, bpbd]]", "[damkar]", "bpbd: {nama", "beri_tahu"),
    ("unused_line", "  hp: {", "  hq: {akun: hq}\n  hp: {", "hq: {", "hapus"),
]

ELSEWHERE = {
    "invalid": "a net for what nobody foresaw",
    "not_text": "test_load.py and test_document.py",
    "placeholder": "only without demo, below",
    "too_large": "only over a mebibyte, below",
    "unreadable": "test_load.py",
    "never": "needs a city without holidays, below",
    "no_holidays": "the same, below",
    "no_key": "needs more than nine kelurahan, below",
    "unserved_area": "needs another city, below",
}


def changed(old: str, new: str) -> str:
    assert old in CITY
    return CITY.replace(old, new)


def place_of(fragment: str, text: str) -> tuple[int, int]:
    """The last place of a fragment: line and column."""
    before = text[: text.rindex(fragment)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def check(told: tuple[Problem, ...], kind: str, marked: str, remedy: str, text: str) -> None:
    sentence = kinds()[kind]
    found = [one for one in told if sentence.fullmatch(one.text) and remedy in one.remedy]
    assert found, [str(one) for one in told]
    assert place_of(marked, text) in [(one.line, one.column) for one in found], [str(one) for one in found]


@pytest.mark.parametrize(("kind", "old", "new", "marked", "remedy"), MISTAKES)
def test_a_mistake_is_refused_in_its_own_words_at_its_place(
    kind: str, old: str, new: str, marked: str, remedy: str
) -> None:
    text = changed(old, new)
    with pytest.raises(RulesError) as raised:
        load_rules(text)
    check(raised.value.problems, kind, marked, remedy, text)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("hari: senin-jumat", "hari: sabtu, minggu, libur", ["days_unquoted"]),
        ("sampah, wilayah: Utara,", "sampah, api, wilayah: Utara, Selatan, Pasar,", ["list_unbracketed"] * 2),
        ("akun: [op_1, op_2]", "akun: op_1, op_2, op_3", ["list_unbracketed"]),
        ("nama: Sampah,", "nama: Sampah, Limbah,", ["unknown_key"]),
        ("[op_1, op_2]", ", op_1", ["too_short", "unknown_key"]),
        ("{kategori: sampah,", "{kategori: sampah, api: '',", ["unknown_key"]),
        ("- {jam: 07:00-21:00, jalur: pos_siang}", "- jalur: pos_siang\n        hp:", ["unknown_key"]),
        ("jam: 21:00-07:00", "jam:21:00-07:00", ["key_unspaced"]),
        ("jam: 21:00-07:00", "jam: 21:00-24:00, 00:00-07:00", ["several_hours"]),
        ("jam: 21:00-07:00", "jam: [21:00-07:00]", ["string_type"]),
        ("2026-12-31: tutup", "2026-12-31: pos_siang", ["closed"]),
        ("2026-12-31: tutup", "2026-12-31: Tutup", ["closed"]),
        ("2026-12-31: tutup", "2026-12-31: [tutup]", ["closed"]),
        ("2026-12-31: tutup", "2026-12-31:", ["closed"]),
        ("2026-12-31: tutup", "2026-12-31: {jalur: pos_siang}", ["tuple_type"]),
        ("      99.01.01.1001: Utara\n      99.01.01.1002: Pasar", "      - Utara\n      - Pasar", ["mapping"]),
        ("      99.01.01.1001: Utara\n      99.01.01.1002: Pasar", "      - Pantai", ["mapping"]),
        ("tombol: 2\n", "tombol: 10\n", ["key"]),  # the same sentence as area_key
        ("tombol: 2\n", "tombol: 01\n", ["key"]),
        ("oleh: hp", "oleh: pos_malam", ["replaced_by_itself"]),
        ("sampai: senin 08:00", "sampai: nanti", ["until"]),
    ],
)
def test_one_slip_is_one_problem(old: str, new: str, told: list[str]) -> None:
    with pytest.raises(RulesError) as raised:
        load_rules(changed(old, new))
    assert [kind_of(one) for one in raised.value.problems] == told


def test_a_list_of_kelurahan_that_shares_a_name_gets_no_codes() -> None:
    text = changed("99.01.01.1001: Utara\n      99.01.01.1002: Pasar", "- Pantai\n      - Pantai")
    with pytest.raises(RulesError) as raised:
        load_rules(text)
    assert [kind_of(one) for one in raised.value.problems] == ["mapping"]


@pytest.mark.parametrize("other", ["wua wua", "Wua - Wua"])
def test_names_of_kecamatan_that_differ_only_by_a_hyphen_or_a_space_clash(other: str) -> None:
    text = changed("alias: [Lor]", "alias: [Wua-Wua]").replace("nama: Selatan", f"nama: {other}")
    with pytest.raises(RulesError) as raised:
        load_rules(text)
    check(raised.value.problems, "clashing_name", f"tombol: 2\n    nama: {other}", "berbeda", text)


def test_a_name_and_an_alias_of_one_kecamatan_may_differ_only_by_a_hyphen() -> None:
    load_rules(CITY.replace("alias: [Lor]", "alias: [Lor-Lor, Lor Lor]"))


@pytest.mark.parametrize(("kind", "old", "new", "marked", "remedy"), WARNINGS)
def test_what_is_odd_but_usable_is_a_warning_at_its_place(
    kind: str, old: str, new: str, marked: str, remedy: str
) -> None:
    text = changed(old, new)
    check(load_rules(text).warnings, kind, marked, remedy, text)


def test_the_city_without_mistakes_has_no_warnings() -> None:
    assert load_rules(CITY, demo=False).warnings == ()


def test_every_sentence_about_a_mistake_is_earned_by_some_file() -> None:
    rows = {row[0] for row in [*MISTAKES, *WARNINGS]}
    assert rows | ELSEWHERE.keys() == kinds().keys()
    assert not rows & ELSEWHERE.keys()


def test_a_mistake_that_nobody_foresaw_still_has_a_place_and_a_remedy() -> None:
    told = problem(Finding(("kota", "nama"), "no_such_sentence"), 3, 5)
    assert kind_of(told) == "invalid"
    assert told.remedy


def test_a_kecamatan_that_no_rule_serves_is_a_warning() -> None:
    text = CITY.replace("  - {kategori: api, langkah: [damkar]}\n", "").replace("wilayah: Pantai,", "wilayah: Utara,")
    check(load_rules(text).warnings, "unserved_area", "99.01.02:", "bila perlu", text)


def test_holidays_that_nobody_entered_are_a_warning_where_something_depends_on_them() -> None:
    text = CITY.replace(", libur: {2026-12-25: Natal}", "").replace(
        "wilayah: Pantai,", "wilayah: Pantai, hari: libur,"
    )
    warnings = load_rules(text).warnings
    check(warnings, "no_holidays", "kota:", "libur", text)
    check(warnings, "never", "{kategori: api, wilayah: Pantai", "hari", text)


def test_a_rule_for_a_kelurahan_that_has_no_key_is_a_warning() -> None:
    others = "".join(f"      99.01.02.10{number}: Kelurahan {number}\n" for number in range(10, 19))
    text = CITY.replace("      99.01.02.1001: {nama: Pantai", f"{others}      99.01.02.1001: {{nama: Pantai")
    check(load_rules(text).warnings, "no_key", "Pantai, langkah", "tombol", text)


def test_a_file_of_more_than_a_mebibyte_is_refused_at_once() -> None:
    with pytest.raises(RulesError) as raised:
        load_rules(CITY + "#" * MAX_BYTES)
    assert [kind_of(one) for one in raised.value.problems] == ["too_large"]


def test_a_rule_that_the_hours_of_earlier_ones_never_leave_free_is_a_warning() -> None:
    hours = ("07:00-19:00", "19:00-07:00", "24 jam")
    rules = "".join(f"  - {{kategori: sampah, jam: {one}, langkah: [dlh]}}\n" for one in hours)
    text = CITY.replace("siaga_24_jam", f"{rules}siaga_24_jam")
    assert [kind_of(one) for one in load_rules(text).warnings] == ["shadowed"]
    free = load_rules(text.replace("jam: 19:00-07:00", "jam: 19:01-07:00"))
    assert free.warnings == ()


def test_a_rule_for_holidays_alone_is_no_shadow_however_many_exceptions_come_before_the_holiday() -> None:
    text = CITY.replace("2026-12-31: tutup", "2025-01-01 s.d. 2025-12-31: tutup")
    rule = "  - {kategori: api, hari: setiap hari kecuali libur, langkah: [damkar]}\n"
    text = text.replace("  - {kategori: api, langkah: [damkar]}\n", rule + rule.replace("setiap hari kecuali ", ""))
    assert load_rules(text).warnings == ()


PLACEHOLDER = changed("0213455670", "0401-0000-101")


def test_a_placeholder_is_refused_where_calls_are_real() -> None:
    with pytest.raises(RulesError) as raised:
        load_rules(PLACEHOLDER, demo=False)
    check(raised.value.problems, "placeholder", "0401-0000-101", "petugasnya", PLACEHOLDER)


def test_a_placeholder_is_an_account_of_the_lines_own_name_in_a_demonstration() -> None:
    line = load_rules(PLACEHOLDER).line("kantor")
    assert (line.account, line.phone, line.accepts_by_key) == ("kantor", None, False)


def test_a_placeholder_of_an_agency_or_a_centre_is_an_account_too_and_a_national_number_stays() -> None:
    rules = load_rules(EXAMPLES / "ambon.yaml")
    agency, centre = rules.line("damkar"), rules.line("maluku_tengah")
    assert (agency.account, agency.phone, agency.seconds, agency.accepts_by_key) == ("damkar", None, 25, True)
    assert (centre.account, centre.phone, centre.accepts_by_key) == ("maluku_tengah", None, False)
    assert rules.line("polri_110").phone == "110"


GROUPED = (
    CITY.replace("wilayah:\n", "kelompok_wilayah: {1: Utara kota, 2: Selatan kota}\nwilayah:\n", 1)
    .replace("tombol: 1\n    nama: Utara", "tombol: 11\n    nama: Utara")
    .replace("tombol: 2\n    nama: Selatan", "tombol: 21\n    nama: Selatan")
)


def test_groups_have_the_names_of_the_first_digits() -> None:
    rules = load_rules(GROUPED)
    assert rules.groups == {"1": "Utara kota", "2": "Selatan kota"}
    assert [area.key for area in rules.areas] == ["11", "21"]
    assert load_rules(CITY).groups == {}


def test_a_kecamatan_may_stand_beside_the_groups_with_a_digit_of_its_own() -> None:
    text = GROUPED.replace(", 2: Selatan kota", "").replace("tombol: 21", "tombol: 3")
    assert [area.key for area in load_rules(text).areas] == ["11", "3"]


def test_an_agency_can_have_the_lines_of_its_roster_its_own_list_or_itself() -> None:
    rules = load_rules(CITY.replace("BPBD, jalur: siaga}", "BPBD, akun: bpbd, detik: 45}"))
    assert rules.lines_of("damkar") == ("pos_siang", "pos_malam", "hp")
    assert rules.lines_of("bpbd") == ("bpbd",)
    assert rules.line("bpbd").seconds == 45
    assert load_rules(CITY).lines_of("bpbd") == ("siaga",)


def test_a_name_twice_in_a_kecamatan_is_said_with_its_kind() -> None:
    rules = load_rules(EXAMPLES / "ambon.yaml")
    assert rules.area_name("81.71.01.2003") == "Negeri Nusaniwe - Nusaniwe"
    assert rules.area_name("81.71.01.1006") == "Kelurahan Nusaniwe - Nusaniwe"
    assert rules.area_name("81.71.01.2001") == "Latuhalat - Nusaniwe"
    assert rules.find_area("Nusaniwe") == rules.find_area("kecamatan Nusaniwe") == ("81.71.01",)
    assert rules.find_area("negeri Nusaniwe") == rules.find_area("Negeri Nusaniwe - Nusaniwe") == ("81.71.01.2003",)
    assert rules.find_area("Kelurahan nusaniwe") == ("81.71.01.1006",)
    assert rules.find_area("Nusaniwe - Nusaniwe") == ("81.71.01.1006", "81.71.01.2003")
    assert rules.find_area("desa Nusaniwe") == ()


@pytest.mark.parametrize("name", sorted(kinds()))
def test_a_remedy_says_something_with_the_same_values(name: str) -> None:
    given = {"max_length", "ge", "le"}
    sentence, remedy = (sentences()[key] for key in (name, f"{name}_remedy"))
    known = {*re.findall(r"(?<!\{)\{(\w+)\}", sentence), "given", "field", *given, "parent", "one", "group"}
    assert set(re.findall(r"(?<!\{)\{(\w+)\}(?!\})", remedy)) <= known
    assert remedy.endswith((".", "?", "`"))


def test_a_key_that_does_not_print_is_spelled_out() -> None:
    r"""As part of a place (`instansi.\x1b`) it would be written to a terminal as it is."""
    for place in (("instansi", "\x1b\ud7ff", 0), ("instansi", "\x1b\ud7ff")):
        said = problem(Finding(place, "string_type"), 1, 1)
        assert all(text.isprintable() for text in (said.where, said.text, said.remedy))
