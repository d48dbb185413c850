from pathlib import Path

import numpy as np
import pytest

from bench.chaos.ears import TONES, WINDOW, whose
from ivr.phones import sounds
from ivr.phones.sounds import Samples


def tone(tmp_path: Path, hertz: int) -> Samples:
    return sounds.read(sounds.tone(tmp_path / "tone.wav", hertz, seconds=1))[:WINDOW]


@pytest.mark.parametrize("name", TONES)
def test_every_human_is_known_by_the_tone_also_in_a_little_noise(name: str, tmp_path: Path) -> None:
    clean = tone(tmp_path, TONES[name])
    noise = np.random.default_rng(1).normal(0, 500, WINDOW)
    assert whose(clean) == name
    assert whose((clean + noise).astype("<i2")) == name


def test_silence_noise_and_the_ringing_tone_are_nobody(tmp_path: Path) -> None:
    assert whose(np.zeros(WINDOW, "<i2")) is None
    assert whose(np.random.default_rng(1).normal(0, 3000, WINDOW).astype("<i2")) is None
    assert whose(tone(tmp_path, 425)) is None


def test_less_than_half_a_second_proves_nobody(tmp_path: Path) -> None:
    assert whose(tone(tmp_path, TONES["siaga"])[: WINDOW - 1]) is None
