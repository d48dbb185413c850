import json
import sys
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ivr.prompts.build import MANIFEST, Origin, build, read_manifest
from ivr.prompts.catalogue import PromptError, PromptSources, Subjects
from ivr.prompts.sound import RATE, Samples, level, read_wav, wav_bytes

VoiceLike = Callable[[float, float], Samples]
ALL = 2 + 1 + 10 + 9 + 2  # fixed, tone, numbers, positions in the queue, one category with its option
NO_CHILD = (sys.executable, "-c", "raise SystemExit(1)")


def edit(sources: PromptSources, old: str, new: str) -> None:
    text = sources.catalogue_file.read_text(encoding="utf-8")
    assert old in text
    sources.catalogue_file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_first_build_makes_every_prompt_and_a_second_makes_none(sources: PromptSources) -> None:
    steps: list[tuple[int, int, str]] = []
    first = build(sources, lambda *step: steps.append(step))
    assert len(first.built) == ALL
    assert [step[:2] for step in steps] == [(done, ALL) for done in range(1, ALL + 1)]
    with wave.open(str(sources.built_folder / "greeting.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
    second = build(sources, command=NO_CHILD)
    assert (second.built, len(second.kept), second.removed) == ((), ALL, ())


def test_what_asterisk_says_as_a_number_lies_where_it_looks_for_numbers(built: PromptSources) -> None:
    numbers = built.built_folder / "digits"
    assert {file.name for file in numbers.iterdir()} == {f"{position}.wav" for position in range(2, 11)}
    (numbers / "3.wav").unlink()
    (numbers / "12.wav").write_bytes(b"of another version")
    (numbers / ".3.wav.x.part").write_bytes(b"left by a killed build")
    report = build(built)
    assert (report.built, report.removed) == (("ahead-2",), ("digits/12",))
    assert len(list(numbers.iterdir())) == 9


def test_only_what_changed_is_made_again(built: PromptSources) -> None:
    edit(built, "Maaf, kami belum", "Maaf, kami masih belum")
    (built.built_folder / "number-7.wav").write_bytes(b"half a fi")
    (built.built_folder / "number-8.wav").unlink()
    assert sorted(build(built).built) == ["again", "number-7", "number-8"]


def test_a_prompt_that_is_gone_leaves_the_folder(built: PromptSources) -> None:
    (built.built_folder / ".greeting.wav.x.part").write_bytes(b"left by a killed build")
    report = build(replace(built, subjects=Subjects()))
    assert report.removed == ("category-kebakaran", "option-kebakaran")
    names = {file.name for file in built.built_folder.rglob("*") if file.is_file()}
    assert len(names) == ALL - 2 + 1
    assert not any(name.endswith(".part") for name in names)


def test_a_prompt_that_is_gone_stays_while_calls_may_need_it_and_leaves_at_the_next_start(
    built: PromptSources,
) -> None:
    fewer = replace(built, subjects=Subjects())
    assert (build(fewer, prune=False).built, build(fewer, prune=False).removed) == ((), ())
    assert (built.built_folder / "category-kebakaran.wav").exists()
    assert build(built, command=NO_CHILD, prune=False).built == ()  # and is not made again should it come back
    assert build(fewer).removed == ("category-kebakaran", "option-kebakaran")


def test_the_citys_own_recording_wins_and_its_removal_brings_the_voice_back(
    built: PromptSources, voice_like: VoiceLike
) -> None:
    studio = built.studio_folder / "Greeting.WAV"
    with wave.open(str(studio), "wb") as file:
        file.setparams((2, 2, 16000, 0, "NONE", ""))
        frames = np.rint(voice_like(2.0, 0.05) * 32768).astype("<i2")
        file.writeframes(np.column_stack([frames, frames]).tobytes())
    assert build(built).built == ("greeting",)
    samples, rate = read_wav(built.built_folder / "greeting.wav")
    assert (samples.size, rate) == (RATE, RATE)
    assert level(samples) == pytest.approx(-20, abs=0.5)
    assert build(built).built == ()
    studio.unlink()
    assert build(built).built == ("greeting",)
    assert read_manifest(built.built_folder)["greeting"].origin is Origin.SYNTHETIC


@pytest.mark.parametrize("content", [b"not a wave", wav_bytes(np.zeros(8000))])
def test_a_useless_studio_file_is_refused_and_the_voice_speaks(built: PromptSources, content: bytes) -> None:
    (built.studio_folder / "greeting.wav").write_bytes(content)
    report = build(built)
    assert report.refused.keys() == {"greeting"}
    assert read_manifest(built.built_folder)["greeting"].origin is Origin.SYNTHETIC


def test_an_interrupted_build_keeps_what_is_done_and_the_next_goes_on(sources: PromptSources) -> None:
    def stop_at_five(done: int, _total: int, _id: str) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(sources, stop_at_five)
    assert len(read_manifest(sources.built_folder)) == 5
    assert len(build(sources).built) == ALL - 5


def test_when_the_voice_fails_the_old_files_stay(built: PromptSources) -> None:
    before = (built.built_folder / "greeting.wav").read_bytes()
    edit(built, "Layanan darurat satu satu dua.", "Selamat datang.")
    with pytest.raises(PromptError, match="greeting"):
        build(built, command=NO_CHILD)
    assert (built.built_folder / "greeting.wav").read_bytes() == before
    assert build(built).built == ("greeting",)


@pytest.mark.parametrize("content", ["", "[]", '{"greeting": 1}', json.dumps({"greeting": {"origin": "x"}})])
def test_a_broken_manifest_counts_as_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    assert read_manifest(tmp_path) == {}


def test_a_tone_nobody_knows_is_named(sources: PromptSources) -> None:
    edit(sources, "  ringback:", "  foghorn:")
    with pytest.raises(PromptError, match="foghorn"):
        build(sources)


def test_a_folder_that_cannot_be_written_is_named(sources: PromptSources) -> None:
    sources.built_folder.write_text("a file where the folder should be")
    with pytest.raises(PromptError, match="built"):
        build(sources)
