import asyncio
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calls import query
from ivr.calls.database import Database, reader
from ivr.calls.recordings import Inspection, check_due, inspect
from ivr.calls.writer import CallLog
from tests.calls.story import CALL, answered_rows, at, events, wave

SECONDS = 81.0


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    path.write_bytes(wave(SECONDS))
    return path


def look(path: Path, expected: float | None = SECONDS) -> Inspection:
    return inspect(path.parent, path.name, expected)


def test_a_good_recording(recording: Path) -> None:
    data = recording.read_bytes()
    found = look(recording)
    assert (found.seconds, found.bytes, found.problem, found.repaired) == (SECONDS, len(data), None, False)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.level == pytest.approx(-12.2, abs=0.1)
    assert recording.read_bytes() == data


@pytest.mark.parametrize(
    ("riff", "claimed"), [(0, 0), (36, 0), (36 + 16000, 16000), (0xFFFFFFFF, 0xFFFFFFFF), (36, 0x7FFFFFFF)]
)
def test_a_header_that_nobody_finished_is_repaired(recording: Path, riff: int, claimed: int) -> None:
    good = recording.read_bytes()
    broken = good[:4] + riff.to_bytes(4, "little") + good[8:40] + claimed.to_bytes(4, "little") + good[44:]
    recording.write_bytes(broken)
    found = look(recording)
    assert recording.read_bytes() == good
    assert (found.repaired, found.seconds, found.problem) == (True, SECONDS, None)
    assert found.sha256 == hashlib.sha256(good).hexdigest()
    assert not look(recording).repaired


def test_half_a_sample_at_the_end_is_left_out(recording: Path) -> None:
    good = recording.read_bytes()
    recording.write_bytes(good[:4] + bytes(4) + good[8:40] + bytes(4) + good[44:-1])
    first, second = look(recording), look(recording)
    assert (first.repaired, second.repaired) == (True, False)
    assert first.seconds == second.seconds == pytest.approx(SECONDS, abs=0.001)
    assert first.sha256 == second.sha256


def test_chunks_that_another_program_added_are_not_sound(recording: Path) -> None:
    good, more = recording.read_bytes(), b"LIST" + (4).to_bytes(4, "little") + b"INFO"
    recording.write_bytes(good[:4] + (len(good) + len(more) - 8).to_bytes(4, "little") + good[8:] + more)
    found = look(recording)
    assert (found.seconds, found.repaired) == (SECONDS, False)
    assert found.sha256 == hashlib.sha256(recording.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("length", "level", "problem"),
    [
        (SECONDS - 2.5, 8000, "too_short"),
        (SECONDS + 2.5, 8000, "too_long"),
        (SECONDS + 1.9, 8000, None),
        (SECONDS, 0, "silent"),
        (SECONDS, 10, "silent"),
        (SECONDS, 100, None),
        (0, 0, "empty"),
    ],
)
def test_what_is_wrong_with_the_sound(tmp_path: Path, length: float, level: int, problem: str | None) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(wave(length, level))
    assert look(path).problem == problem


def test_one_second_of_sound_in_a_minute_of_silence_is_not_silent(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(wave(60, 0)[:-16000] + wave(1)[44:])
    assert look(path, 60).problem is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "empty"), (b"RIFF", "format"), (b"MP3" * 100, "format"), (wave(1)[:40], "format")],
)
def test_a_file_that_is_no_recording(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    assert look(path).problem == problem
    assert path.read_bytes() == content


def test_another_sample_rate_is_a_problem(recording: Path) -> None:
    data = recording.read_bytes()
    recording.write_bytes(data[:24] + (16000).to_bytes(4, "little") + data[28:])
    assert look(recording).problem == "format"


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert inspect(tmp_path, "gone.wav", 1).problem == "missing"
    (tmp_path / "folder.wav").mkdir()
    assert inspect(tmp_path, "folder.wav", 1).problem == "unreadable"


@pytest.mark.parametrize("path", ["../other.wav", "/etc/hostname", "a/../../b.wav", "a\0b.wav"])
def test_nothing_outside_the_recordings_is_touched(tmp_path: Path, path: str) -> None:
    assert inspect(tmp_path / "calls", path, 1).problem == "outside"


@given(st.binary(max_size=200), st.integers(0, 60))
def test_any_bytes_are_survived(tmp_path_factory: pytest.TempPathFactory, tail: bytes, kept: int) -> None:
    path = tmp_path_factory.mktemp("wave") / "call.wav"
    path.write_bytes(wave(0.002)[:kept] + tail)
    look(path)


def test_recordings_of_ended_calls_are_checked_once(tmp_path: Path) -> None:
    folder, path = tmp_path / "recordings", tmp_path / "calls.sqlite"
    file = folder / f"2026/11/22/{CALL}.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(wave(81))

    async def run() -> list[int]:
        async with CallLog(Database(path)) as calls:
            await calls.store(events(answered_rows()))
            return [await check_due(calls, folder, at(seconds)) for seconds in (82, 85, 86)]

    assert asyncio.run(run()) == [0, 1, 0]
    with reader(path) as connection:
        found = query.call(connection, CALL)
    assert found is not None
    assert (found[0].recording_seconds, found[0].recording_problem) == (81.0, None)
    assert found[0].recording_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
