from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.prompts.catalogue import read_book
from ivr.prompts.spoken import spoken

READING = read_book(Path(__file__).parents[2] / "recordings" / "prompts.yaml").reading


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("PSC 119", "P S C satu satu sembilan"),
        ("BPBD & Satpol PP", "B P B D dan Satpol P P"),
        ("14 Ulu", "empat belas Ulu"),
        ("RT 07", "R T nol tujuh"),
        ("KM 38", "K M tiga puluh delapan"),
        ("Pos 20", "Pos dua puluh"),
        ("Pemadam Kebakaran (Damkar)", "Pemadam Kebakaran, Damkar"),
        ("SAPA 129", "Sapa satu dua sembilan"),
        ("Kec. Pahandut", "Kecamatan Pahandut"),
        ("Hubungi PLN.", "Hubungi P L N."),
        ("BASARNAS", "Basarnas"),
        ("Ambulans/Medis", "Ambulans, Medis"),
        ("Ma'rang - Wua-Wua", "Ma'rang - Wua-Wua"),
        ("Apa yang terjadi?", "Apa yang terjadi?"),
        ("<b>Kota</b>|$(reboot)", "b Kota, b, reboot"),
    ],
)
def test_names_are_read_as_people_say_them(written: str, said: str) -> None:
    assert spoken(written, READING) == said


def test_keys_are_read_sign_by_sign() -> None:
    assert [READING.key(key) for key in ("1", "10", "*", "#")] == ["satu", "satu nol", "bintang", "pagar"]


@given(st.text(max_size=60))
def test_whatever_is_written_becomes_one_line_without_ascii_digits(written: str) -> None:
    said = spoken(written, READING)
    assert not set(said) & set("0123456789<>[]{}|\\\n\r\t\0")
    assert said == said.strip()


@given(st.text(max_size=60))
def test_text_that_is_ready_to_be_spoken_stays_as_it_is(written: str) -> None:
    once = spoken(written, READING)
    assert spoken(spoken(once, READING), READING) == spoken(once, READING)
