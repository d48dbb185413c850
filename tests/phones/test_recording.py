from pathlib import Path

import numpy as np
import pytest

from ivr.phones import sounds
from ivr.phones.recording import Gap, Growth, Recording, gaps

RATE = sounds.RATE


def growth(*seen: tuple[float, float]) -> list[Growth]:
    """(seconds on the clock, seconds recorded) -> growth"""
    return [Growth(100 + at, round(recorded * RATE)) for at, recorded in seen]


def test_a_steady_stream_has_no_gap() -> None:
    assert gaps(100, growth((0.05, 0.04), (0.1, 0.1), (0.15, 0.14), (0.2, 0.2))) == []


def test_a_second_without_packets_becomes_a_gap_of_a_second() -> None:
    assert gaps(100, growth((0.5, 0.5), (1.5, 0.5), (2.5, 1.5))) == [Gap(4000, 8000)]


def test_packets_that_come_late_but_come_are_no_gap() -> None:
    assert gaps(100, growth((0.5, 0.5), (0.9, 0.52), (1.0, 1.0))) == []


def test_a_stream_that_starts_late_has_its_gap_at_the_start() -> None:
    assert gaps(100, growth((0.3, 0.0), (1.3, 1.0))) == [Gap(0, 2400)]


def test_nothing_seen_is_no_gap() -> None:
    assert gaps(100, []) == []


def test_a_saved_recording_lasts_as_long_as_the_call(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    recording = Recording(raw, began=10)
    loud = np.full(RATE, 1000, "<i2").tobytes()
    raw.write_bytes(bytes(44))
    recording.look(10)
    raw.write_bytes(bytes(44) + loud)
    recording.look(11)
    raw.write_bytes(bytes(44) + loud + loud)
    recording.look(13.5)  # a second and a half without packets, then the second second
    recording.close(14)
    heard = sounds.read(recording.save(tmp_path / "heard.wav"))
    assert len(heard) / RATE == pytest.approx(4)
    assert np.flatnonzero(heard)[[0, -1]].tolist() == [0, round(3.5 * RATE) - 1]
    assert np.count_nonzero(heard) == 2 * RATE


def test_a_call_without_any_packet_is_silence(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(b"")
    recording = Recording(raw, began=10)
    recording.look(10)
    recording.close(12)
    heard = sounds.read(recording.save(tmp_path / "heard.wav"))
    assert len(heard) == 2 * RATE
    assert not heard.any()
