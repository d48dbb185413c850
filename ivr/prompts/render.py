"""Speak prompts with pyttsx3 in child processes, and believe no file that was not looked at.

pyttsx3 can write an empty file, no file or the wrong speed without an error, so every file is checked
and spoken again. A second round speaks one prompt per child: a text that kills espeak harms no other.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ivr.messages import say
from ivr.prompts.catalogue import LANGUAGE, Prompt, PromptError
from ivr.prompts.sound import (
    RATE,
    Samples,
    SoundError,
    is_clipped,
    is_silent,
    levelled,
    read_wav,
    to_telephone,
    trimmed,
)

log = logging.getLogger(__name__)

VERSION = 1  # raise it when the same text would be made into other sound: everything is rendered again
WORDS_PER_MINUTE = 145
SPEAK = (sys.executable, "-m", "ivr.prompts.speak")
ATTEMPTS = 6
LENGTHS = (0.78, 1.35)  # of the expected length; good ones measured 0.87 to 1.20
LENGTHS_ELSEWHERE = (0.5, 1.8)  # other languages spell otherwise; English measured 0.73 to 1.03
_BATCH = 12
_HANGS = 5  # after so many children that never ended, the engine is broken, not a text


def render(
    prompts: Sequence[Prompt], command: Sequence[str] = SPEAK, patience: float = 6.0
) -> Iterator[tuple[Prompt, Samples]]:
    """Each prompt with its sound (8 kHz, trimmed, levelled), as soon as it is good; order may change.

    `command` is given the language and the words per minute. `patience` is the time in seconds a child has beyond one
    second per text. Raises PromptError: no voice on this machine, or, after all others were yielded, the ids that
    never passed and why.
    """
    waiting, faults, hangs = list(prompts), dict[str, str](), 0
    for attempt in range(ATTEMPTS):
        size = 1 if attempt else _BATCH
        failed: list[Prompt] = []
        for group in _groups(waiting, size):
            with TemporaryDirectory(prefix="ivr-prompts-") as folder:
                ended = _speak(group, Path(folder), command, patience)
                hangs += not ended
                for prompt in group:
                    try:
                        yield prompt, _sound(prompt, Path(folder) / f"{prompt.id}.wav")
                    except SoundError as fault:
                        faults[prompt.id] = str(fault) if ended else say("prompts.no-answer")
                        failed.append(prompt)
                        log.info("prompt %s, attempt %d: %s", prompt.id, attempt + 1, faults[prompt.id])
            if hangs >= _HANGS:
                raise PromptError(say("prompts.unusable-voice"))
        waiting = failed
        if not waiting:
            return
    problems = "; ".join(f"{prompt.id}: {faults[prompt.id]}" for prompt in waiting)
    raise PromptError(say("prompts.never-spoken", problems=problems))


def _groups(prompts: Sequence[Prompt], size: int) -> Iterator[list[Prompt]]:
    """At most `size` prompts at a time, all of one language."""
    for language in dict.fromkeys(prompt.language for prompt in prompts):
        same = [prompt for prompt in prompts if prompt.language == language]
        yield from (same[start : start + size] for start in range(0, len(same), size))


def expected_seconds(text: str) -> float:
    """How long the trimmed sound of a text should be at WORDS_PER_MINUTE, measured over the catalogue."""
    letters = sum(sign.isalpha() for sign in text)
    inner = text.rstrip(".,?! ")
    return 0.35 + 0.068 * letters + 0.1 * inner.count(" ") + 0.34 * sum(inner.count(stop) for stop in ".,?!")


def _speak(prompts: Sequence[Prompt], folder: Path, command: Sequence[str], patience: float) -> bool:
    """Run one child; False if it had to be killed. Raises PromptError: this machine has no voice."""
    orders = "".join(
        json.dumps({"text": prompt.text, "file": str(folder / f"{prompt.id}.wav")}) + "\n" for prompt in prompts
    )
    language = prompts[0].language
    try:
        child = subprocess.run(
            [*command, language, str(WORDS_PER_MINUTE)],
            input=orders.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=patience + len(prompts),
            check=False,
            process_group=0,  # Ctrl-C is for the builder, which then ends the child
        )
    except subprocess.TimeoutExpired:
        log.warning("speech child hung over %d prompts and was killed", len(prompts))
        return False
    except OSError as error:
        raise PromptError(say("prompts.no-voice", language=language, reason=error)) from error
    if child.returncode == os.EX_UNAVAILABLE:
        reason = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise PromptError(say("prompts.no-voice", language=language, reason=reason))
    if child.returncode:
        log.info("speech child ended with %d: %s", child.returncode, child.stderr.decode(errors="replace")[-300:])
    return True


def _sound(prompt: Prompt, file: Path) -> Samples:
    """The finished sound of what the voice wrote. Raises SoundError saying what is wrong with it."""
    if not file.exists():
        raise SoundError(say("prompts.no-file"))
    raw, rate = read_wav(file)
    if is_silent(raw):
        raise SoundError(say("prompts.silent"))
    if is_clipped(raw):
        raise SoundError(say("prompts.clipped"))
    sound = levelled(trimmed(to_telephone(raw, rate)))
    seconds, expected = sound.size / RATE, expected_seconds(prompt.text)
    shortest, longest = LENGTHS if prompt.language == LANGUAGE else LENGTHS_ELSEWHERE
    if not shortest * expected <= seconds <= longest * expected:
        raise SoundError(say("prompts.wrong-length", seconds=seconds, expected=expected))
    return sound
