import re
from pathlib import Path

import pytest

from ivr.asterisk.generation import generation, generations
from ivr.rules import load_rules
from tests.city import SHIPPED, SYSTEM_TEST, settings_in

TEXT = SYSTEM_TEST.read_text(encoding="utf-8")


def test_a_comment_makes_no_new_generation(tmp_path: Path) -> None:
    given = settings_in(tmp_path)
    first = generation(load_rules(TEXT), given)
    assert re.fullmatch("[0-9a-f]{8}", first)
    assert generation(load_rules(f"# diperiksa\n{TEXT}\n\n"), given) == first
    assert generation(load_rules(TEXT.replace("nama: Gawat darurat medis", "nama: Medis")), given) == first


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("detik: 12}", "detik: 13}"),
        ("dishub, detik: 5, terima: langsung", "dishub, detik: 5, terima: tombol"),
        ("langkah: [dishub]", "langkah: [polresta]"),
        ("siaga_24_jam: siaga", "siaga_24_jam: [siaga, dishub]"),
        ("operator: {akun: [operator1, operator2]", "operator: {akun: [operator1]"),
        ("operator2], detik: 6", "operator2], detik: 7"),
        ("zona: Asia/Pontianak", "zona: Asia/Makassar"),
        ("nama: Uji,", "nama: Uji, libur: {2026-12-25: Natal},"),
        ("siaga_24_jam: siaga", "siaga_24_jam: siaga\nkebijakan: {luapan: {antrean: 3, jalur: [dishub]}}"),
        ("damkar_1: {akun", "damkar_1: {nama: Damkar Kota, akun"),
    ],
)
def test_whatever_a_caller_would_notice_makes_a_new_generation(old: str, new: str, tmp_path: Path) -> None:
    assert old in TEXT
    changed, given = load_rules(TEXT.replace(old, new)), settings_in(tmp_path)
    same = "libur" in new  # a holiday that changes no duty changes nothing for Asterisk
    assert (generation(changed, given) == generation(load_rules(TEXT), given)) == same


def test_equal_generations_are_kept_once_the_newest_first(tmp_path: Path) -> None:
    given = settings_in(tmp_path)
    newest, comment, other = load_rules(TEXT), load_rules(f"# lama\n{TEXT}"), load_rules(SHIPPED)
    kept = generations(newest, [other, comment], given)
    assert list(kept) == [generation(newest, given), generation(other, given)]
    assert kept[generation(newest, given)] is newest
