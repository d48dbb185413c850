import re
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.prompts.catalogue import (
    PromptError,
    PromptSources,
    Subject,
    Subjects,
    catalogue,
    prompt_id,
    read_book,
)
from ivr.prompts.positions import FILES, LAST

CITY = Subjects(
    categories=(Subject("kebakaran", "Kebakaran", "1"), Subject("lain", "Keperluan lain")),
    groups=(Subject("1", "Pahandut atau Sabangau", "1"), Subject("2", "Sekitar Kec. Rakumpit", "2")),
    areas=(Subject("62.71.01", "Pahandut", "1"), Subject("62.71.10", "Jekan Raya", "10")),
    kelurahan=(Subject("62.71.01.1003", "Langkai"), Subject("81.71.01.2003", "Urimessing", "2", kind="negeri")),
    agencies=(Subject("psc", "PSC 119"), Subject("pln", "PLN", lafal="Pe El En")),
)

NEEDED = [
    "greeting",
    "ask-category",
    "ask-area",
    "ask-kelurahan",
    "option-operator",
    "ask-again",
    "wrong-key",
    "to-operator",
    "operators-busy",
    "to-standby",
    "lifeline",
    "understood-wrong",
    "report-silent",
    "screen-call",
    "screen-unknown-category",
    "screen-unknown-place",
    "screen-gone",
    "screen-keys",
    "screen-caller-waiting",
    "tell-call",
    "tell-keys",
    "tell-thanks",
    "ringback",
    "comfort",
    *(f"number-{digit}" for digit in range(10)),
    *FILES,
]


def test_the_shipped_catalogue_has_every_prompt_a_call_needs(shipped: Path) -> None:
    prompts = catalogue(read_book(shipped), Subjects())
    assert sorted(prompts) == sorted(NEEDED)
    assert all(prompt.used and (prompt.text or prompt.tone) for prompt in prompts.values())


def test_names_of_the_rules_become_prompts_with_their_keys_in_words(shipped: Path) -> None:
    prompts = catalogue(read_book(shipped), CITY)
    assert {id_: prompt.text for id_, prompt in prompts.items() if id_ not in NEEDED} == {
        "category-kebakaran": "Kebakaran.",
        "option-kebakaran": "Kebakaran, satu.",
        "category-lain": "Keperluan lain.",
        "option-group-1": "Pahandut atau Sabangau, satu.",
        "option-group-2": "Sekitar Kecamatan Rakumpit, dua.",
        "area-62-71-01": "Kecamatan Pahandut.",
        "option-area-62-71-01": "Pahandut, satu.",
        "area-62-71-10": "Kecamatan Jekan Raya.",
        "option-area-62-71-10": "Jekan Raya, satu nol.",
        "kelurahan-62-71-01-1003": "Kelurahan Langkai.",
        "kelurahan-81-71-01-2003": "Negeri Urimessing.",
        "option-kelurahan-81-71-01-2003": "Urimessing, dua.",
        "to-psc": "Anda kami sambungkan dengan P S C satu satu sembilan. Jangan tutup telepon.",
        "to-pln": "Anda kami sambungkan dengan Pe El En. Jangan tutup telepon.",
        "handled-psc": "Sudah ditangani P S C satu satu sembilan.",
        "handled-pln": "Sudah ditangani Pe El En.",
    }


def test_the_sentence_for_a_position_says_how_many_are_before(shipped: Path) -> None:
    prompts = catalogue(read_book(shipped), Subjects())
    said = {file: prompts[id_].text for id_, file in FILES.items()}
    assert set(said) == {f"digits/{position}" for position in range(2, LAST + 1)}
    assert said["digits/2"] == "satu penelepon di depan Anda."
    assert said["digits/10"] == "sembilan penelepon di depan Anda."
    assert said[f"digits/{LAST}"] == "Lebih dari sembilan penelepon di depan Anda."


def test_a_catalogue_of_a_version_that_said_no_positions_still_serves(tmp_path: Path, shipped: Path) -> None:
    """A backup brings it back, and 112 must start: without the files app_queue says nothing."""
    file = tmp_path / "prompts.yaml"
    kept = re.sub(r"(?m)^  ahead(-many)?:.*\n(?:    .*\n)*", "", shipped.read_text(encoding="utf-8"))
    file.write_text(kept, encoding="utf-8")
    assert "ahead" not in read_book(file).derived
    assert not [id_ for id_ in catalogue(read_book(file), CITY, "id") if id_ in FILES]


def test_ids_are_plain_file_names() -> None:
    assert prompt_id("area", "62.71.01") == "area-62-71-01"
    assert prompt_id("to", "../Dinas Sosial") == "to-dinas-sosial"


@pytest.mark.parametrize(
    ("subjects", "named"),
    [
        (Subjects(agencies=(Subject("operator", "Operator"),)), "to-operator"),
        (Subjects(categories=(Subject("a_b", "Satu"), Subject("a-b", "Dua"))), "category-a-b"),
        (Subjects(areas=(Subject("62.71.01", " "),)), "area-62-71-01"),
        (Subjects(areas=(Subject("62.71.01", "***"),)), "area-62-71-01"),
        (Subjects(areas=(Subject("62.71.01", "Pahandut", "A"),)), "area-62-71-01"),
    ],
)
def test_a_name_that_cannot_be_a_prompt_is_refused_by_id(shipped: Path, subjects: Subjects, named: str) -> None:
    with pytest.raises(PromptError, match=f'"{named}"'):
        catalogue(read_book(shipped), subjects)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('teks: "Tekan nomor kejadian."', 'text: "Apa?"', "tetap.ask-category"),
        ("  ask-area:", "  Ask Area:", "Ask Area"),
        ("Kecamatan {nama}.", "Kecamatan {kota}.", "turunan.area"),
        ("sepuluh, sebelas]", "sepuluh]", "baca.angka"),
        ("  desa:", "  kampung:", "desa"),
        ("tetap:", "tetap: [", "prompts.yaml"),
    ],
)
def test_a_mistake_in_the_catalogue_is_named(tmp_path: Path, shipped: Path, old: str, new: str, place: str) -> None:
    file = tmp_path / "prompts.yaml"
    text = shipped.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PromptError, match=place):
        read_book(file)


def test_a_missing_catalogue_is_named(sources: PromptSources) -> None:
    with pytest.raises(PromptError, match=r"nowhere\.yaml"):
        replace(sources, catalogue_file=Path("nowhere.yaml")).prompts()
