import logging
import struct
import threading
import wave
from pathlib import Path

import pytest

from ivr.prompts.shelf import PAUSE, RATE, ClipShelf
from tests.city import write_clips

SECONDS = 0.05


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clips(tmp_path / "built", ["greeting", "ask-category", "option-operator"], SECONDS)
    return tmp_path / "built"


def shelf_of(folder: Path) -> ClipShelf:
    return ClipShelf(folder, folder.parent / "sentences")


def samples(path: str | Path) -> bytes:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return file.readframes(file.getnframes())


def test_a_sentence_sounds_as_long_as_its_clips_and_the_pauses_between(folder: Path) -> None:
    shelf = shelf_of(folder)
    assert shelf.seconds(["greeting"]) == pytest.approx(SECONDS + PAUSE)
    assert shelf.seconds(["greeting", "missing", "option-operator"]) == pytest.approx(2 * (SECONDS + PAUSE))
    assert shelf.seconds([]) == 0


def test_one_clip_is_played_from_its_own_file(folder: Path) -> None:
    assert shelf_of(folder).files(["greeting"]) == [str(folder / "greeting")]
    assert shelf_of(folder).files([]) == []


def test_several_clips_are_one_file_so_that_no_key_falls_in_between(folder: Path) -> None:
    (joined,) = shelf_of(folder).files(["greeting", "ask-category"])
    pause = bytes(2 * round(PAUSE * RATE))
    first, second = (samples(folder / f"{name}.wav") for name in ("greeting", "ask-category"))
    assert samples(f"{joined}.wav") == first + pause + second


def test_the_order_of_the_clips_matters(folder: Path) -> None:
    shelf = shelf_of(folder)
    assert shelf.files(["greeting", "ask-category"]) != shelf.files(["ask-category", "greeting"])


def test_a_sentence_is_made_once_also_for_the_next_controller(folder: Path) -> None:
    (first,) = shelf_of(folder).files(["greeting", "ask-category"])
    made = Path(f"{first}.wav").stat().st_mtime_ns
    assert shelf_of(folder).files(["greeting", "ask-category"]) == [first]
    assert Path(f"{first}.wav").stat().st_mtime_ns == made


def test_a_sentence_that_a_power_cut_left_empty_is_made_anew(folder: Path) -> None:
    (first,) = shelf_of(folder).files(["greeting", "ask-category"])
    whole = samples(f"{first}.wav")
    Path(f"{first}.wav").write_bytes(b"")
    shelf_of(folder).files(["greeting", "ask-category"])
    assert samples(f"{first}.wav") == whole


def test_a_new_recording_makes_a_new_sentence(folder: Path) -> None:
    before = shelf_of(folder).files(["greeting", "ask-category"])
    write_clips(folder, ["greeting"], 2 * SECONDS)
    assert shelf_of(folder).files(["greeting", "ask-category"]) != before


def test_a_missing_clip_is_left_out_and_said_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    shelf = shelf_of(folder)
    for _ in range(3):
        assert shelf.files(["greeting", "to-nowhere"]) == [str(folder / "greeting")]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "'to-nowhere' is missing or broken; callers hear the sentence without it" in said[0]


def wav(channels: int = 1, width: int = 2, rate: int = RATE) -> bytes:
    form = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * channels * width, channels * width, 8 * width
    )
    data = bytes(800)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"mp3 in disguise" * 10, id="something else"),
        pytest.param(wav()[:30], id="cut in the header"),
        pytest.param(wav()[:44], id="no sound"),
        pytest.param(wav()[:12] + b"LIST\xff\xff\0\0" + wav()[12:], id="a chunk longer than its file"),
        pytest.param(wav(channels=2), id="stereo"),
        pytest.param(wav(rate=44100), id="for another machine"),
        pytest.param(wav(width=1), id="8 bit"),
    ],
)
def test_a_broken_file_costs_its_own_sentence_only(
    content: bytes, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "broken.wav").write_bytes(content)
    shelf = shelf_of(folder)
    assert shelf.files(["broken", "greeting"]) == [str(folder / "greeting")]
    assert shelf.files(["broken"]) == []
    assert "callers hear the sentence without it" in caplog.text


def test_a_folder_named_like_a_clip_is_no_clip(folder: Path) -> None:
    (folder / "again.wav").mkdir()
    assert shelf_of(folder).files(["again"]) == []


def test_a_clip_cut_in_the_middle_of_a_sample_does_not_turn_the_rest_into_noise(folder: Path) -> None:
    path = folder / "greeting.wav"
    path.write_bytes(path.read_bytes()[:-1])
    (joined,) = shelf_of(folder).files(["greeting", "ask-category"])
    assert samples(f"{joined}.wav").endswith(samples(folder / "ask-category.wav"))


def test_without_a_place_for_sentences_the_clips_are_played_one_by_one(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder.parent / "sentences").write_text("a file, not a folder")
    names = ["greeting", "ask-category"]
    assert shelf_of(folder).files(names) == [str(folder / name) for name in names]
    assert "the caller hears the clips one by one" in caplog.text


def test_a_city_without_prompts_has_an_empty_shelf(tmp_path: Path) -> None:
    shelf = shelf_of(tmp_path / "nowhere")
    assert (shelf.files(["greeting"]), shelf.seconds(["greeting"])) == ([], 0)


def test_many_first_callers_at_once_hear_the_whole_sentence(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_clips(folder, ["greeting"], seconds=4.0)
    whole = b"".join([samples(folder / "greeting.wav"), bytes(2 * round(PAUSE * RATE))])
    names = ["greeting", "ask-category", "option-operator"]
    caplog.set_level(logging.WARNING)
    shelf, start, heard = shelf_of(folder), threading.Barrier(12), list[bytes]()

    def call() -> None:
        start.wait(5)
        (file,) = shelf.files(names)
        heard.append(samples(f"{file}.wav")[: len(whole)])

    callers = [threading.Thread(target=call) for _ in range(12)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(10)
    assert heard == [whole] * 12
    assert caplog.text == ""
    assert len(list((folder.parent / "sentences").iterdir())) == 1
