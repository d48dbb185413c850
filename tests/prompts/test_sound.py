import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ivr.prompts.sound import (
    RATE,
    Samples,
    SoundError,
    is_clipped,
    is_silent,
    level,
    levelled,
    read_wav,
    replace_file,
    to_telephone,
    trimmed,
    wav_bytes,
)
from ivr.prompts.tones import comfort, ringback

VoiceLike = Callable[[float, float], Samples]


def loudest_decibel(samples: Samples) -> float:
    return float(20 * np.log10(np.max(np.abs(samples))))


def longest_silence(samples: Samples) -> float:
    """Seconds, found in steps of 10 ms below -60 dBFS."""
    frames = samples.reshape(-1, RATE // 100)
    quiet = "".join("0" if level(frame) < -60 else "1" for frame in frames)
    return max(map(len, quiet.split("1"))) / 100


def test_silence_at_both_ends_is_cut_to_60_and_120_ms(voice_like: VoiceLike) -> None:
    padded = np.concatenate([np.zeros(RATE), voice_like(1.0, 0.5), np.zeros(2 * RATE)])
    assert trimmed(padded).size / RATE == pytest.approx(1.18, abs=0.01)


def test_a_file_of_silence_becomes_empty() -> None:
    assert trimmed(np.zeros(RATE)).size == 0
    assert is_silent(np.zeros(0))


@pytest.mark.parametrize("peak", [0.01, 0.2, 0.99])
def test_speech_gets_one_level_whatever_it_was(voice_like: VoiceLike, peak: float) -> None:
    assert level(levelled(voice_like(1.0, peak))) == pytest.approx(-20, abs=0.1)


def test_a_single_loud_click_keeps_the_peak_at_minus_three(voice_like: VoiceLike) -> None:
    samples = voice_like(1.0, 0.01)
    samples[100] = 0.9
    assert loudest_decibel(levelled(samples)) == pytest.approx(-3)


def test_a_cut_off_wave_is_clipped_and_a_full_one_is_not(voice_like: VoiceLike) -> None:
    assert not is_clipped(voice_like(1.0, 0.999))
    assert is_clipped(np.clip(voice_like(1.0, 1.5), -1, 32767 / 32768))


def test_sound_above_four_kilohertz_does_not_fold_back() -> None:
    time = np.arange(22050) / 22050
    folded = to_telephone(np.sin(2 * np.pi * 6000 * time), 22050)
    assert level(folded[500:-500]) < -60


def test_a_stereo_studio_file_becomes_mono_with_the_same_length(tmp_path: Path) -> None:
    time = np.arange(48000) / 48000
    left = np.rint(np.sin(2 * np.pi * 440 * time) * 16000).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, 2, 48000, 0, "NONE", ""))
        file.writeframes(np.column_stack([left, left]).tobytes())
    samples = to_telephone(*read_wav(tmp_path / "a.wav"))
    assert samples.size == RATE
    assert np.max(np.abs(samples)) == pytest.approx(16000 / 32768, rel=0.02)


def test_what_was_written_is_read_back(tmp_path: Path, voice_like: VoiceLike) -> None:
    sound = voice_like(0.5, 0.5)
    replace_file(tmp_path / "a.wav", wav_bytes(sound))
    samples, rate = read_wav(tmp_path / "a.wav")
    assert rate == RATE
    np.testing.assert_allclose(samples, sound, atol=1 / 32768)
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3 not a wave at all", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"])
def test_a_broken_file_is_refused_with_a_reason(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(SoundError, match=r"WAV PCM yang utuh \(.+\)"):
        read_wav(tmp_path / "a.wav")


def test_a_24_bit_file_is_refused_with_its_numbers(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 3, 44100, 0, "NONE", ""))
        file.writeframes(bytes(300))
    with pytest.raises(SoundError, match="44100 Hz, 1 kanal, 24 bit"):
        read_wav(tmp_path / "a.wav")


def test_the_ringing_tone_is_indonesias() -> None:
    tone = ringback()
    assert tone.size == 15 * RATE
    spectrum = np.abs(np.fft.rfft(tone[:RATE]))
    assert int(np.argmax(spectrum)) == 425
    assert level(tone[800:7200]) == pytest.approx(-16, abs=0.1)
    assert not np.any(tone[RATE : 5 * RATE])
    np.testing.assert_array_equal(tone[: 5 * RATE], tone[5 * RATE : 10 * RATE])


def test_the_comfort_tone_is_soft_and_never_silent_for_two_seconds() -> None:
    tone = comfort()
    assert tone.size == 12 * RATE
    assert loudest_decibel(tone) < -20
    assert longest_silence(np.concatenate([tone, tone])) < 2
    assert np.max(np.abs(np.diff(tone))) < 0.05
