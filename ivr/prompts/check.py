"""What is wrong, or only worth knowing, about the built prompts. Reads files, changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from ivr.messages import say
from ivr.prompts.build import (
    Made,
    built_file,
    read_manifest,
    sound_hash,
    source_of,
    studio_fault,
    studio_files,
)
from ivr.prompts.catalogue import Prompt, PromptSources
from ivr.prompts.sound import RATE, Samples, SoundError, is_clipped, is_silent, read_wav

LONGEST = 6.0  # seconds a caller should have to listen to one prompt


class State(StrEnum):
    MISSING = "missing"
    OUTDATED = "outdated"
    CLIPPED = "clipped"
    SILENT = "silent"
    WRONG_FORMAT = "wrong-format"
    LONG = "long"
    UNKNOWN_STUDIO_FILE = "unknown-studio-file"
    SYNTHETIC = "synthetic"
    STUDIO = "studio"
    TONE = "tone"


PROBLEMS = frozenset({State.MISSING, State.OUTDATED, State.CLIPPED, State.SILENT, State.WRONG_FORMAT})


@dataclass(frozen=True)
class Finding:
    """One thing found about one prompt (for an unknown studio file, `id` is its name without .wav)."""

    id: str
    state: State
    detail: str = ""

    @property
    def is_problem(self) -> bool:
        """True when a call would suffer from it; the rest is good to know."""
        return self.state in PROBLEMS


def check(sources: PromptSources) -> list[Finding]:
    """Exactly one finding for each prompt's file, and more for long prompts and studio files.

    Raises PromptError when the catalogue itself cannot be read.
    """
    prompts, studio = sources.prompts(), studio_files(sources.studio_folder)
    manifest = read_manifest(sources.built_folder)
    findings: list[Finding] = []
    for id_, prompt in prompts.items():
        findings += _studio(id_, studio.get(id_))
        findings += _prompt(prompt, studio.get(id_), built_file(sources.built_folder, id_), manifest.get(id_))
    return [*findings, *_strangers(sources.studio_folder, prompts)]


def _prompt(prompt: Prompt, studio: Path | None, file: Path, made: Made | None) -> Iterator[Finding]:
    if not file.exists():
        yield Finding(prompt.id, State.MISSING, say("prompts.missing"))
        return
    try:
        samples, rate = read_wav(file)
    except SoundError as error:
        yield Finding(prompt.id, State.WRONG_FORMAT, str(error))
        return
    usable = studio if studio and not studio_fault(studio) else None
    if fault := _fault(prompt, samples, rate):
        yield fault
    elif made is None or made.source != source_of(prompt, usable)[1]:
        yield Finding(prompt.id, State.OUTDATED, say("prompts.outdated"))
    elif made.sound != sound_hash(file):
        yield Finding(prompt.id, State.OUTDATED, say("prompts.damaged"))
    else:
        yield Finding(prompt.id, State(made.origin), prompt.text)
    seconds = samples.size / RATE
    if seconds > LONGEST and not prompt.tone:
        yield Finding(prompt.id, State.LONG, say("prompts.long", seconds=seconds, limit=LONGEST))


def _fault(prompt: Prompt, samples: Samples, rate: int) -> Finding | None:
    if rate != RATE:
        return Finding(prompt.id, State.WRONG_FORMAT, f"{rate} Hz")
    if is_silent(samples):
        return Finding(prompt.id, State.SILENT, say("prompts.silent"))
    if is_clipped(samples):
        return Finding(prompt.id, State.CLIPPED, say("prompts.clipped"))
    return None


def _studio(id_: str, file: Path | None) -> Iterator[Finding]:
    """What is wrong with the city's recording itself: the built file, made softer, no longer shows it."""
    if file is None:
        return
    try:
        samples, _ = read_wav(file)
    except SoundError as error:
        reason = say("prompts.studio-refused", file=file.name, reason=error)
        yield Finding(id_, State.WRONG_FORMAT, reason)
        return
    if is_silent(samples):
        reason = say("prompts.studio-refused", file=file.name, reason=say("prompts.silent"))
        yield Finding(id_, State.SILENT, reason)
    elif is_clipped(samples):
        yield Finding(id_, State.CLIPPED, f"{file.name}: {say('prompts.clipped')}")


def _strangers(folder: Path, prompts: Mapping[str, Prompt]) -> Iterator[Finding]:
    """Files in the studio folder that no prompt uses: a misspelt name, or not a WAV."""
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        name, is_wav = file.stem.lower(), file.suffix.lower() == ".wav"
        if file.suffix.lower() in {".md", ""} or (is_wav and name in prompts):
            continue
        if not is_wav and name in prompts:
            yield Finding(name, State.WRONG_FORMAT, f"{file.name}: {say('prompts.not-a-wav', reason=file.suffix)}")
            continue
        near = get_close_matches(name, prompts, n=1)
        key = "prompts.unknown-studio-near" if near else "prompts.unknown-studio"
        detail = say(key, file=file.name, near=f"{near[0]}.wav" if near else "")
        yield Finding(name, State.UNKNOWN_STUDIO_FILE, detail)
