from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ivr.prompts.build import build
from ivr.prompts.catalogue import PromptSources
from ivr.prompts.check import State, check
from ivr.prompts.sound import Samples, wav_bytes

VoiceLike = Callable[[float, float], Samples]


def states(sources: PromptSources) -> dict[str, set[State]]:
    found: dict[str, set[State]] = {}
    for finding in check(sources):
        found.setdefault(finding.id, set()).add(finding.state)
    return found


def test_a_fresh_build_has_no_problem(built: PromptSources) -> None:
    findings = check(built)
    assert not any(finding.is_problem for finding in findings)
    assert {finding.state for finding in findings} == {State.SYNTHETIC, State.TONE}
    assert [finding.id for finding in findings] == list(built.prompts())


def test_before_the_first_build_everything_is_missing(sources: PromptSources) -> None:
    assert {finding.state for finding in check(sources)} == {State.MISSING}


def test_each_kind_of_bad_file_is_found(built: PromptSources, voice_like: VoiceLike) -> None:
    folder = built.built_folder
    (folder / "number-0.wav").unlink()
    (folder / "number-1.wav").write_bytes(wav_bytes(np.zeros(8000)))
    (folder / "number-2.wav").write_bytes(wav_bytes(voice_like(1.0, 2.0)))
    (folder / "number-3.wav").write_bytes(b"RIFF")
    (folder / "number-4.wav").write_bytes(wav_bytes(voice_like(7.0, 0.3)))
    text = built.catalogue_file.read_text(encoding="utf-8")
    built.catalogue_file.write_text(text.replace("Maaf, kami", "Maaf, tetapi kami"), encoding="utf-8")
    found = states(built)
    assert [found[f"number-{digit}"] for digit in range(6)] == [
        {State.MISSING},
        {State.SILENT},
        {State.CLIPPED},
        {State.WRONG_FORMAT},
        {State.OUTDATED, State.LONG},
        {State.SYNTHETIC},
    ]
    assert found["again"] == {State.OUTDATED}


def test_a_missing_position_in_the_queue_is_found(built: PromptSources) -> None:
    (built.built_folder / "digits" / "3.wav").unlink()
    assert [finding.id for finding in check(built) if finding.state is State.MISSING] == ["ahead-2"]


def test_studio_files_are_judged_as_the_city_made_them(built: PromptSources, voice_like: VoiceLike) -> None:
    studio = built.studio_folder
    (studio / "greeting.wav").write_bytes(wav_bytes(voice_like(2.0, 0.4)))
    (studio / "again.wav").write_bytes(wav_bytes(voice_like(2.0, 3.0)))
    (studio / "number-1.wav").write_bytes(wav_bytes(np.zeros(8000)))
    (studio / "number-2.mp3").write_bytes(b"ID3")
    (studio / "README.md").write_text("petunjuk")
    build(built)
    found = states(built)
    assert found["greeting"] == {State.STUDIO}
    assert found["again"] == {State.STUDIO, State.CLIPPED}
    assert found["number-1"] == {State.SYNTHETIC, State.SILENT}
    assert found["number-2"] == {State.SYNTHETIC, State.WRONG_FORMAT}


def test_a_misspelt_studio_file_gets_a_suggestion(built: PromptSources, voice_like: VoiceLike) -> None:
    (built.studio_folder / "greting.wav").write_bytes(wav_bytes(voice_like(1.0, 0.4)))
    (built.studio_folder / "zzzzz.wav").write_bytes(wav_bytes(voice_like(1.0, 0.4)))
    unknown = [finding for finding in check(built) if finding.state is State.UNKNOWN_STUDIO_FILE]
    assert [finding.id for finding in unknown] == ["greting", "zzzzz"]
    assert "greeting.wav" in unknown[0].detail
    assert not any(finding.is_problem for finding in unknown)


def test_a_city_without_a_studio_folder_is_fine(built: PromptSources, tmp_path: Path) -> None:
    assert not any(finding.is_problem for finding in check(replace(built, studio_folder=tmp_path / "none")))
