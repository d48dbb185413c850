"""A city that speaks another language: a catalogue of its own, a voice of its own, the same files for Asterisk."""

from dataclasses import replace
from pathlib import Path

import pytest

from ivr.prompts.build import build, read_manifest
from ivr.prompts.catalogue import PromptError, PromptSources
from ivr.prompts.check import State, check
from ivr.prompts.sources import prompt_sources
from ivr.rules import Rules, load_rules
from ivr.settings import PROJECT
from tests.city import SYSTEM_TEST

ENGLISH = """
tetap:
  greeting: {teks: "Emergency line one one two.", dipakai: "opening"}
  again: {teks: "Sorry, we have not heard your choice.", dipakai: "no key"}
turunan:
  category: {teks: "{nama}.", dipakai: "category"}
  option: {teks: "{nama}, press {angka}.", dipakai: "category"}
  option-group: {teks: "{nama}, press {angka}.", dipakai: "group"}
  area: {teks: "{nama} district.", dipakai: "area"}
  option-area: {teks: "{nama}, {angka}.", dipakai: "area"}
  kelurahan: {teks: "{nama} ward.", dipakai: "ward"}
  desa: {teks: "{nama} village.", dipakai: "village"}
  option-kelurahan: {teks: "{nama}, {angka}.", dipakai: "ward"}
  to: {teks: "We are connecting you to {nama}.", dipakai: "agency"}
  handled: {teks: "{nama} is on the way.", dipakai: "agency"}
  number: {teks: "{angka}.", dipakai: "digit"}
  ahead: {teks: "Callers before you: {angka}.", dipakai: "queue"}
nada:
  ringback: {dipakai: "waiting"}
baca:
  angka: [zero, one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen]
  belas: "teen"
  puluh: "ty"
  tombol: {"*": star, "#": hash}
  kata: {}
"""
TRANSLATED = {"greeting", "again", "option-kebakaran", *(f"number-{digit}" for digit in range(10))}


def in_english(sources: PromptSources, text: str = ENGLISH) -> PromptSources:
    """The same city after somebody translated its catalogue."""
    original = sources.catalogue_file
    translation = original.with_name("prompts-en.yaml")
    translation.write_text(text, encoding="utf-8")
    studio = original.with_name("studio-en")
    return replace(sources, catalogue_file=translation, studio_folder=studio, language="en", original=original)


def speaking(language: str) -> Rules:
    text = SYSTEM_TEST.read_text(encoding="utf-8").partition("kebijakan:")[0]
    return load_rules(f"{text}\nkebijakan: {{bahasa: {language}}}\n")


def test_the_built_files_change_with_the_language_and_change_back(built: PromptSources) -> None:
    english, before = in_english(built), read_manifest(built.built_folder)
    assert set(build(english).built) >= TRANSLATED
    during = read_manifest(built.built_folder)
    assert not any(finding.is_problem for finding in check(english))
    assert not {name for name in TRANSLATED if during[name].sound == before[name].sound}
    outdated = {finding.id for finding in check(built) if finding.state is State.OUTDATED}
    assert outdated >= TRANSLATED
    assert set(build(built).built) >= TRANSLATED
    after = read_manifest(built.built_folder)
    assert {name: made.source for name, made in after.items()} == {n: made.source for n, made in before.items()}
    assert not any(finding.is_problem for finding in check(built))


def test_a_name_written_alike_in_both_languages_is_spoken_anew_by_the_other_voice(built: PromptSources) -> None:
    name, before = "category-kebakaran", read_manifest(built.built_folder)
    english = in_english(built)
    assert english.prompts()[name].text == built.prompts()[name].text
    assert name in build(english).built
    assert read_manifest(built.built_folder)[name].sound != before[name].sound


def test_recordings_of_the_studio_speak_one_language_only(tmp_path: Path) -> None:
    names = [prompt_sources(speaking(language), tmp_path).studio_folder.name for language in ("id", "en")]
    assert names == ["studio", "studio-en"]


def test_asterisk_finds_every_language_at_the_same_place(tmp_path: Path) -> None:
    assert {prompt_sources(speaking(language), tmp_path).built_folder for language in ("id", "en")} == {
        tmp_path / "built"
    }


def test_numbers_may_be_written_out_as_far_as_the_language_needs(built: PromptSources) -> None:
    english = in_english(built, ENGLISH.replace("one one two", "13"))
    assert english.prompts()["greeting"].text == "Emergency line thirteen."


def test_a_language_without_catalogue_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"prompts-su\.yaml belum ada\. Salin .*prompts\.yaml ke situ"):
        prompt_sources(speaking("su"), tmp_path).prompts()


def test_a_catalogue_that_lacks_a_prompt_of_the_indonesian_one_is_refused_by_name(built: PromptSources) -> None:
    english = in_english(built, ENGLISH.replace("  again:", "  agian:"))
    with pytest.raises(PromptError, match=r"prompts-en\.yaml belum lengkap: belum ada again\. Salin"):
        build(english)
    english = in_english(built, ENGLISH.replace("  option-group:", "  option-groups:"))
    with pytest.raises(PromptError, match="belum ada option-group"):
        build(english)


def test_a_language_without_a_voice_is_named(built: PromptSources) -> None:
    with pytest.raises(PromptError, match='"xx" tidak tersedia'):
        build(replace(in_english(built), language="xx"))


def test_names_are_said_as_the_rules_tell() -> None:
    rules = load_rules(PROJECT / "examples" / "kendari.yaml")
    named = {"category": rules.categories[0], "area": rules.areas[0], "agency": rules.agencies[0]}
    said = {kind: one.model_copy(update={"pronunciation": f"Lafal {kind}"}) for kind, one in named.items()}
    update = {"categories": (said["category"],), "areas": (said["area"],), "agencies": (said["agency"],)}
    prompts = prompt_sources(rules.model_copy(update=update), PROJECT / "recordings").prompts()
    texts = {prompt.text for prompt in prompts.values()}
    assert {"Lafal category, satu.", "Kecamatan Lafal area.", "Lafal area, satu."} <= texts
    assert "Anda kami sambungkan dengan Lafal agency. Jangan tutup telepon." in texts
