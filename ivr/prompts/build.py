"""Build the folder of prompts: only what changed, the city's own recordings first.

`manifest.json` beside the files says what each was made from. It is written after the files, so it never
promises more than is there: whatever interrupts a build, the next one finishes it.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from ivr.messages import say
from ivr.prompts import render
from ivr.prompts.catalogue import Prompt, PromptError, PromptSources
from ivr.prompts.positions import FILES
from ivr.prompts.sound import (
    SoundError,
    is_silent,
    levelled,
    read_wav,
    replace_file,
    to_telephone,
    wav_bytes,
)
from ivr.prompts.tones import TONES

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
Progress = Callable[[int, int, str], None]


class Origin(StrEnum):
    SYNTHETIC = "synthetic"
    STUDIO = "studio"
    TONE = "tone"


@dataclass(frozen=True)
class Made:
    """One row of the manifest: what a file was made from (`source`, a hash) and what it holds (`sound`)."""

    origin: Origin
    source: str
    sound: str


@dataclass(frozen=True)
class Report:
    """What a build did, by id. `refused` studio files (id -> why) were replaced by the synthetic voice."""

    built: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def build(
    sources: PromptSources,
    progress: Progress = lambda _done, _total, _id: None,
    command: Sequence[str] = render.SPEAK,
    *,
    prune: bool = True,
) -> Report:
    """Bring the built folder up to date; `progress(done, total, id)` after each file made.

    Without `prune`, files of prompts that are no longer wanted stay: calls in progress may still have to play them.
    Raises PromptError: the catalogue is wrong, the folder cannot be written, no voice, or prompts that
    could not be spoken (all others are built by then, and an older file of theirs stays in place).
    """
    started = time.monotonic()
    prompts, folder = sources.prompts(), sources.built_folder
    if unknown := {prompt.tone for prompt in prompts.values() if prompt.tone} - TONES.keys():
        raise PromptError(say("prompts.unknown-tone", names=", ".join(sorted(unknown))))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = _Work(folder, read_manifest(folder), progress)
        removed = work.remove_all_but(prompts) if prune else ()
        refused = work.run(prompts, studio_files(sources.studio_folder), command)
    except OSError as error:
        raise PromptError(say("prompts.no-folder", path=folder, reason=error)) from error
    kept = tuple(id_ for id_ in prompts if id_ not in work.built)
    return Report(tuple(work.built), kept, removed, refused, round(time.monotonic() - started, 3))


def studio_files(folder: Path) -> dict[str, Path]:
    """The city's own WAV recordings by prompt id; `Greeting.WAV` from a studio's Windows is `greeting`."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {file.stem.lower(): file for file in files if file.suffix.lower() == ".wav" and file.is_file()}


def source_of(prompt: Prompt, studio: Path | None) -> tuple[Origin, str]:
    """What a prompt is to be made from, and its hash. Raises OSError if the studio file cannot be read."""
    if studio:
        return Origin.STUDIO, _hash(str(render.VERSION).encode(), studio.read_bytes())
    kind = Origin.TONE if prompt.tone else Origin.SYNTHETIC
    recipe = (kind, prompt.tone or prompt.text, prompt.language, render.WORDS_PER_MINUTE, render.VERSION)
    return kind, _hash(json.dumps(recipe).encode())


def read_manifest(folder: Path) -> dict[str, Made]:
    """The manifest of a built folder; one that is missing or broken counts as empty."""
    try:
        rows = json.loads((folder / MANIFEST).read_bytes())
        return {id_: Made(Origin(row["origin"]), row["source"], row["sound"]) for id_, row in rows.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.warning("prompt manifest unreadable, everything is rendered again: %s", error)
        return {}


def sound_hash(file: Path) -> str:
    """The hash of a built file, "" if it is not there."""
    with suppress(OSError):
        return _hash(file.read_bytes())
    return ""


def built_file(folder: Path, id_: str) -> Path:
    """Where a prompt lies: by its id, but for those that Asterisk says as numbers."""
    return folder / f"{FILES.get(id_, id_)}.wav"


def _hash(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


@dataclass
class _Work:
    """One build in progress."""

    folder: Path
    manifest: dict[str, Made]
    progress: Progress
    built: list[str] = field(default_factory=list)
    total: int = 0

    def remove_all_but(self, prompts: Iterable[str]) -> tuple[str, ...]:
        """Delete files of prompts that no longer exist, and what a killed build left half written."""
        wanted = set(prompts)
        files = {built_file(self.folder, id_) for id_ in wanted}
        gone = [file for file in self.folder.rglob("*.wav") if file not in files]
        for file in [*gone, *self.folder.rglob(".*.part")]:
            file.unlink(missing_ok=True)
        self.manifest = {id_: made for id_, made in self.manifest.items() if id_ in wanted}
        return tuple(sorted(str(file.relative_to(self.folder).with_suffix("")) for file in gone))

    def run(
        self, prompts: Mapping[str, Prompt], studio: Mapping[str, Path], command: Sequence[str]
    ) -> dict[str, str]:
        """Make what is not up to date; the studio files that could not be used, with the reason."""
        refused = {}
        for id_ in sorted(prompts.keys() & studio.keys()):
            if reason := studio_fault(studio[id_]):
                refused[id_] = reason
                log.warning("studio recording %s refused, callers hear the synthetic voice: %s", id_, reason)
        usable = {id_: file for id_, file in studio.items() if id_ not in refused}
        wanted = {id_: source_of(prompt, usable.get(id_)) for id_, prompt in prompts.items()}
        stale = [prompt for id_, prompt in prompts.items() if not self._is_current(id_, wanted[id_][1])]
        self.total = len(stale)
        try:
            for prompt in stale:
                match wanted[prompt.id][0]:
                    case Origin.STUDIO:
                        sound = levelled(to_telephone(*read_wav(usable[prompt.id])))
                        self._keep(prompt.id, wanted[prompt.id], wav_bytes(sound))
                    case Origin.TONE:
                        self._keep(prompt.id, wanted[prompt.id], wav_bytes(TONES[prompt.tone]()))
            spoken = [prompt for prompt in stale if wanted[prompt.id][0] is Origin.SYNTHETIC]
            for prompt, sound in render.render(spoken, command):
                self._keep(prompt.id, wanted[prompt.id], wav_bytes(sound))
        finally:
            self._write_manifest()
        return refused

    def _is_current(self, id_: str, source: str) -> bool:
        made = self.manifest.get(id_)
        return bool(made and made.source == source and made.sound == sound_hash(built_file(self.folder, id_)))

    def _keep(self, id_: str, source: tuple[Origin, str], content: bytes) -> None:
        file = built_file(self.folder, id_)
        file.parent.mkdir(exist_ok=True)
        replace_file(file, content)
        self.manifest[id_] = Made(*source, sound=_hash(content))
        self.built.append(id_)
        self.progress(len(self.built), self.total, id_)

    def _write_manifest(self) -> None:
        rows = {id_: asdict(self.manifest[id_]) for id_ in sorted(self.manifest)}
        replace_file(self.folder / MANIFEST, json.dumps(rows, indent=1).encode())


def studio_fault(file: Path) -> str:
    """Why a studio file cannot be used at all, "" if it can: a caller must never hear silence instead."""
    try:
        samples, _ = read_wav(file)
    except SoundError as error:
        return str(error)
    return say("prompts.silent") if is_silent(samples) else ""
