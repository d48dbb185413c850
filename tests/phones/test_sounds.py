from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from ivr.phones import sounds
from tests.audio import load, loudness, tone_level


def test_a_tone_has_the_level_asked_for(tmp_path: Path) -> None:
    heard = tone_level(load(sounds.tone(tmp_path / "tone.wav", 440, seconds=1, level=-20)), 440)
    assert heard.share > 0.99
    assert heard.dbfs == pytest.approx(-20, abs=0.1)


def test_quiet_is_not_nothing(tmp_path: Path) -> None:
    level = loudness(load(sounds.quiet(tmp_path / "quiet.wav", seconds=2)))
    assert -70 < level.min() <= level.max() < -58


def test_a_file_of_another_rate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.wav"
    wavfile.write(path, 16000, np.zeros(10, np.int16))
    with pytest.raises(ValueError, match="8 kHz"):
        sounds.read(path)
