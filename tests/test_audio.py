from pathlib import Path

import numpy as np
import pytest
import scipy

from ivr.phones import sounds
from tests.audio import RATE, Heard, Signal, heard_prompts, load, loudness, silence_spans, tone_level


def speech(seconds: float, seed: int) -> Signal:
    """Noise shaped like speech: syllables of 150 to 300 ms, each through three formants of its own."""
    dice = np.random.default_rng(seed)
    syllables: list[Signal] = []
    while sum(map(len, syllables)) < seconds * RATE:
        signal = dice.normal(size=int(dice.uniform(0.15, 0.3) * RATE))
        for low, high in ((250, 800), (900, 1800), (2000, 3200)):
            angle = 2 * np.pi * dice.uniform(low, high) / RATE
            signal = signal + 3 * scipy.signal.lfilter([0.06], [1, -1.88 * np.cos(angle), 0.8836], signal)
        syllables.append(signal * np.hanning(len(signal)) * dice.uniform(0.3, 1))
    whole = np.concatenate(syllables)[: int(seconds * RATE)]
    loud: Signal = whole / np.abs(whole).max() * 0.5
    return loud


def silence(seconds: float) -> Signal:
    return np.zeros(int(seconds * RATE))


def save(path: Path, signal: Signal) -> Path:
    return sounds.write(path, np.round(signal * 32767).astype(np.int16))


def over_the_phone(*parts: Signal, noise: float = 0.002) -> Signal:
    signal = np.concatenate(parts)
    return signal * 0.5 + np.random.default_rng(5).normal(0, noise, len(signal))


@pytest.fixture(scope="module")
def prompts() -> dict[str, Signal]:
    forwarded = speech(1.5, 100)
    return {
        "greeting": speech(3, 1),
        "menu": speech(5, 2),
        "to fire brigade": np.concatenate([forwarded, speech(1.5, 3)]),
        "to traffic": np.concatenate([forwarded, speech(1.2, 4)]),
        "short": speech(0.6, 5),
    }


@pytest.fixture(scope="module")
def files(prompts: dict[str, Signal], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("prompts")
    return {
        name: save(folder / f"{name}.wav", np.concatenate([silence(0.1), prompt, silence(0.2)]))
        for name, prompt in prompts.items()
    }


def ids(heard: list[Heard]) -> list[str]:
    return [one.id for one in heard]


def test_prompts_are_heard_in_their_order_and_as_often_as_played(
    prompts: dict[str, Signal], files: dict[str, Path]
) -> None:
    played = over_the_phone(
        silence(0.7), prompts["greeting"], silence(0.3), prompts["menu"], prompts["greeting"], prompts["short"]
    )
    heard = heard_prompts(played, files)
    assert ids(heard) == ["greeting", "menu", "greeting", "short"]
    assert [one.at_seconds for one in heard] == pytest.approx([0.7, 4.0, 9.0, 12.0], abs=0.03)
    assert all(one.complete for one in heard)
    assert min(one.worst_chunk for one in heard) > 0.9


def test_twins_are_told_apart_by_their_ends(prompts: dict[str, Signal], files: dict[str, Path]) -> None:
    played = over_the_phone(silence(1), prompts["to traffic"], silence(1), prompts["to fire brigade"], silence(1))
    assert ids(heard_prompts(played, files)) == ["to traffic", "to fire brigade"]


def test_a_prompt_cut_by_a_key_is_reported_with_the_fraction_heard(
    prompts: dict[str, Signal], files: dict[str, Path]
) -> None:
    played = over_the_phone(silence(0.5), prompts["menu"][: 2 * RATE], silence(0.1), prompts["greeting"])
    menu, greeting = heard_prompts(played, files)
    assert (menu.id, menu.complete, menu.alike) == ("menu", False, ())
    assert menu.fraction == pytest.approx(2 / 5, abs=0.06)
    assert (greeting.id, greeting.complete) == ("greeting", True)


def test_a_prompt_started_again_after_a_cut_is_heard_twice(
    prompts: dict[str, Signal], files: dict[str, Path]
) -> None:
    heard = heard_prompts(over_the_phone(prompts["menu"][:RATE], silence(0.2), prompts["menu"]), files)
    assert [(one.id, one.complete) for one in heard] == [("menu", False), ("menu", True)]


def test_twins_cut_before_they_differ_are_both_named(prompts: dict[str, Signal], files: dict[str, Path]) -> None:
    played = over_the_phone(silence(0.5), prompts["to traffic"][: int(1.3 * RATE)], silence(2))
    (heard,) = heard_prompts(played, files)
    assert {heard.id, *heard.alike} == {"to traffic", "to fire brigade"}


def test_noise_up_to_15_db_hides_no_prompt(prompts: dict[str, Signal], files: dict[str, Path]) -> None:
    played = over_the_phone(silence(0.5), prompts["greeting"], silence(1), prompts["to traffic"], noise=0.006)
    assert ids(heard_prompts(played, files)) == ["greeting", "to traffic"]


def test_a_slipped_clock_is_caught_by_the_spectral_rule(prompts: dict[str, Signal], files: dict[str, Path]) -> None:
    menu = prompts["menu"]
    slipped = np.concatenate([menu[: RATE * 2], silence(0.02), menu[RATE * 2 :]])
    (heard,) = heard_prompts(over_the_phone(silence(0.5), slipped, silence(1)), files)
    assert (heard.id, heard.rule, heard.complete) == ("menu", "spectral", True)
    assert heard.at_seconds == pytest.approx(0.5, abs=0.05)


def test_what_is_no_prompt_is_not_heard(files: dict[str, Path]) -> None:
    assert heard_prompts(over_the_phone(silence(0.5), speech(20, 77)), files) == []


@pytest.mark.thorough
def test_nine_prompts_are_told_apart_from_fifty_others(prompts: dict[str, Signal], tmp_path: Path) -> None:
    references = {f"p{seed}": save(tmp_path / f"{seed}.wav", speech(2 + seed % 5, 200 + seed)) for seed in range(60)}
    played = over_the_phone(*(load(references[f"p{seed}"]) for seed in (7, 3, 8, 59, 12, 30, 31, 44, 50)), silence(4))
    assert ids(heard_prompts(played, references)) == ["p7", "p3", "p8", "p59", "p12", "p30", "p31", "p44", "p50"]


def test_a_tone_is_found_with_its_level(tmp_path: Path) -> None:
    signal = load(sounds.tone(tmp_path / "tone.wav", 700, seconds=2, level=-12))
    assert tone_level(signal, 700).share > 0.99
    assert tone_level(signal, 700).dbfs == pytest.approx(-12, abs=0.1)
    assert tone_level(signal, 1200).share < 1e-3


def test_two_tones_share_the_power() -> None:
    at = np.arange(2 * RATE) / RATE
    both = 0.3 * np.sin(2 * np.pi * 700 * at) + 0.3 * np.sin(2 * np.pi * 1200 * at)
    assert tone_level(both, 700).share == pytest.approx(0.5, abs=0.01)


def test_a_tone_in_less_than_half_a_second_is_refused() -> None:
    with pytest.raises(ValueError, match="half a second"):
        tone_level(np.ones(100), 700)


def test_loudness_follows_the_signal() -> None:
    loud = np.tile([0.5, -0.5], RATE // 2)
    assert loudness(np.concatenate([loud, silence(1)]), 0.5) == pytest.approx([-6.02, -6.02, -120, -120], abs=0.01)


def test_only_long_silence_is_reported() -> None:
    loud = np.tile([0.5, -0.5], RATE // 2)
    signal = np.concatenate([silence(1.5), loud, silence(0.5), loud, silence(2)])
    first, second = silence_spans(signal, minimum=1)
    assert (first.start, first.end) == pytest.approx((0, 1.5))
    assert (second.start, second.end) == pytest.approx((4, 6))


def test_a_recording_of_another_rate_is_resampled(tmp_path: Path) -> None:
    at = np.arange(16000) / 16000
    path = tmp_path / "wide.wav"
    scipy.io.wavfile.write(path, 16000, np.round(16000 * np.sin(2 * np.pi * 700 * at)).astype(np.int16))
    assert len(load(path)) == RATE
    assert tone_level(load(path), 700).share > 0.99
