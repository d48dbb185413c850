import sys
from pathlib import Path

import numpy as np
import pytest

from ivr.prompts.catalogue import Prompt, PromptError
from ivr.prompts.render import expected_seconds, render
from ivr.prompts.sound import RATE, level

OPERATOR = Prompt("to-operator", "Anda kami sambungkan dengan operator. Jangan tutup telepon.", "")
FIRE = Prompt("category-kebakaran", "Kebakaran.", "")
PLACE = Prompt("area-62-71-01", "Kecamatan Pahandut.", "")


def faulty(fault: str, tmp_path: Path) -> tuple[str, ...]:
    return (sys.executable, str(Path(__file__).with_name("child.py")), fault, str(tmp_path / "note"))


def test_real_speech_has_telephone_level_and_the_length_of_its_text() -> None:
    sounds = {prompt.id: sound for prompt, sound in render([OPERATOR, FIRE, PLACE])}
    assert sounds.keys() == {OPERATOR.id, FIRE.id, PLACE.id}
    for prompt in (OPERATOR, FIRE, PLACE):
        sound = sounds[prompt.id]
        assert sound.size / RATE == pytest.approx(expected_seconds(prompt.text), rel=0.25)
        assert -24 < level(sound) < -19
        assert np.max(np.abs(sound)) <= 10 ** (-3 / 20) + 1e-9


@pytest.mark.parametrize("fault", ["empty-once", "dies-once"])
def test_a_prompt_the_voice_lost_is_spoken_again(tmp_path: Path, fault: str) -> None:
    sounds = {prompt.id: sound for prompt, sound in render([FIRE, PLACE], faulty(fault, tmp_path))}
    assert sounds.keys() == {FIRE.id, PLACE.id}
    assert len((tmp_path / "note").read_text().splitlines()) >= 2


@pytest.mark.parametrize("fault", ["always-empty", "too-fast"])
def test_a_prompt_that_never_comes_out_right_is_named(tmp_path: Path, fault: str) -> None:
    with pytest.raises(PromptError, match="category-kebakaran"):
        list(render([FIRE], faulty(fault, tmp_path)))


def test_a_voice_that_always_hangs_ends_the_build_soon(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="macet"):
        list(render([FIRE], faulty("hangs", tmp_path), patience=-0.8))


def test_a_machine_without_the_voice_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="libespeak-ng1"):
        list(render([FIRE], faulty("no-voice", tmp_path)))
