"""The measure of the failure matrix itself: what counts as silence, as dead air, as a human's voice."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from ivr.phones import sounds
from ivr.phones.baresip import Phone
from ivr.phones.events import Event, Kind
from ivr.prompts.tones import ringback
from tests.audio import RATE, Signal
from tests.system.conftest import OFFICER_HERTZ
from tests.system.matrix import read, table
from tests.system.measured import Reached, Row, holds, reached, stayed, unheard

BEGAN = 1000.0


def hertz(frequency: float, seconds: float) -> Signal:
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def nothing(seconds: float) -> Signal:
    return np.zeros(round(seconds * RATE))


def caller(folder: Path, *parts: Signal) -> Phone:
    """A phone that heard this from BEGAN on."""
    path = sounds.write(folder / "heard.wav", (np.concatenate(parts) * 32767).astype("<i2"))
    return cast("Phone", SimpleNamespace(heard=lambda: path, heard_since=BEGAN))


def human(*rang: float) -> Phone:
    """A phone that rang at these times."""
    return cast("Phone", SimpleNamespace(events=[Event(Kind.INCOMING, at) for at in rang]))


def test_the_rest_of_a_ringing_tone_is_silence_but_no_dead_air(tmp_path: Path) -> None:
    citizen = caller(tmp_path, hertz(900, 1), ringback()[: 9 * RATE], hertz(OFFICER_HERTZ, 1))
    measured = reached(citizen, human(BEGAN - 3, BEGAN + 1.5), BEGAN + 0.5)
    assert measured.rang == pytest.approx(1.0)
    assert measured.voice == pytest.approx(9.5, abs=0.06)
    assert measured.silence == pytest.approx(4.0, abs=0.05)
    assert measured.dead_air == pytest.approx(0.0, abs=0.1)


def test_silence_after_speech_is_dead_air_from_the_fault_on(tmp_path: Path) -> None:
    citizen = caller(tmp_path, hertz(900, 1), nothing(3), hertz(900, 1), hertz(OFFICER_HERTZ, 1))
    measured = reached(citizen, human(), BEGAN + 2)
    assert measured.rang is None
    assert measured.silence == pytest.approx(2.0, abs=0.05)
    assert measured.dead_air == pytest.approx(2.0, abs=0.05)


def test_a_rest_of_the_ringing_tone_that_lasts_too_long_is_dead_air_beyond_it(tmp_path: Path) -> None:
    citizen = caller(tmp_path, hertz(425, 1), nothing(7), hertz(OFFICER_HERTZ, 1))
    whole, later = (reached(citizen, human(), BEGAN + since) for since in (0.5, 3.0))
    assert whole.silence == pytest.approx(7.0, abs=0.05)
    assert whole.dead_air == pytest.approx(2.9, abs=0.05)
    assert later.silence == pytest.approx(5.0, abs=0.05)
    assert later.dead_air == pytest.approx(2.9, abs=0.05)


def test_the_time_from_dialling_to_the_answer_is_silence(tmp_path: Path) -> None:
    citizen = caller(tmp_path, hertz(OFFICER_HERTZ, 1))
    assert reached(citizen, human(), BEGAN - 1.5).dead_air == pytest.approx(1.5, abs=0.05)


def test_a_conversation_without_a_gap_holds_none(tmp_path: Path) -> None:
    citizen = caller(tmp_path, hertz(OFFICER_HERTZ, 4))
    assert stayed(citizen, BEGAN + 1, 2) == Reached(None, None, 0.0, 0.0)


def test_rows_of_one_cause_and_step_become_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_MATRIX", str(tmp_path / "rows"))
    for seconds in (0.5, 0.7, 1.5):
        holds("controller killed", "area", Reached(seconds, 2.0, seconds, 0.1), "damkar_1", limit=2)
    with pytest.raises(AssertionError):
        holds("controller killed", "category", Reached(3.0, 4.0, 1.0, 1.0), "operator1", limit=2)
    holds("controller killed", "talking", Reached(None, None, 0.0, 0.0), "stays", silence=0)
    holds("hang-up", "queue", unheard(0.2), "abandoned", limit=2, until="record closed")
    assert table(read(tmp_path / "rows")).splitlines()[2:] == [
        "| controller killed | category | 1 | 3.00 / 3.00 | 2 | 1.00 / 1.00 | 1.00 / 1.00 | operator1 |",
        "| controller killed | area | 3 | 0.70 / 1.50 | 2 | 0.70 / 1.50 | 0.10 / 0.10 | damkar_1 |",
        "| controller killed | talking | 1 | had one | no change | 0.00 / 0.00 | 0.00 / 0.00 | stays |",
        "| hang-up | queue | 1 | 0.20 / 0.20 (record closed) | 2 | - | - | abandoned |",
    ]
    with pytest.raises(AssertionError):
        holds("hang-up", "queue", unheard(0.2), "nobody listened", silence=1)
    assert [row.limit for row in read(tmp_path / "rows") if isinstance(row, Row)] == [2, 2, 2, 2, None, 2, None]
