"""The one catalogue: every prompt's id, text and place, from `prompts.yaml` and the rules' names.

A prompt's id is its file name: lower case letters, digits and hyphens. (Only the positions in the queue are built
where Asterisk looks for its numbers.)
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ivr.messages import say
from ivr.prompts.positions import FILES, NAMED
from ivr.prompts.spoken import Reading, spoken

LANGUAGE = "id"
"""The language of the catalogue we ship; espeak-ng calls its voices by the same codes."""


class PromptError(Exception):
    """A prompt or the catalogue is not usable; the sentence is for the city's admin."""


@dataclass(frozen=True)
class Subject:
    """Something the rules name: a category, an area, a group of areas, a kelurahan or an agency.

    `key` is the telephone key of its menu option ("" = no option); `lafal` is how the name is said; `kind` is what a
    village is called here (desa, negeri).
    """

    id: str
    name: str
    key: str = ""
    lafal: str = ""
    kind: str = "desa"


@dataclass(frozen=True)
class Subjects:
    """The names of the rules that are spoken. Areas and kelurahan carry their Kemendagri code as id."""

    categories: tuple[Subject, ...] = ()
    groups: tuple[Subject, ...] = ()
    areas: tuple[Subject, ...] = ()
    kelurahan: tuple[Subject, ...] = ()
    agencies: tuple[Subject, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """One file of speech, or of a tone when `tone` names one (then there is no text)."""

    id: str
    text: str
    used: str
    tone: str = ""
    language: str = LANGUAGE


@dataclass(frozen=True)
class Template:
    text: str
    used: str


@dataclass(frozen=True)
class Book:
    """`prompts.yaml` as read: fixed prompts, templates, tones (id -> where used) and how words are read."""

    fixed: Mapping[str, Template]
    derived: Mapping[str, Template]
    tones: Mapping[str, str]
    reading: Reading

    @property
    def ids(self) -> set[str]:
        """The prompts that every city has, whatever its rules name."""
        return {*self.fixed, *self.tones}


@dataclass(frozen=True)
class PromptSources:
    """Where prompts come from and where they go.

    `original` is the catalogue that `catalogue_file` is a translation of: what is in the one must be in the other.
    """

    catalogue_file: Path
    studio_folder: Path
    built_folder: Path
    subjects: Subjects
    language: str = LANGUAGE
    original: Path | None = None

    def prompts(self) -> dict[str, Prompt]:
        """Every prompt the city needs, by id. Raises PromptError."""
        if self.original is None:
            return catalogue(read_book(self.catalogue_file), self.subjects, self.language)
        if not self.catalogue_file.exists():
            raise PromptError(self._says("no-translation"))
        book, original = read_book(self.catalogue_file), read_book(self.original)
        if missing := [id_ for id_ in (*original.fixed, *original.tones) if id_ not in book.ids and id_ not in FILES]:
            raise PromptError(self._says("unfinished-translation", names=", ".join(missing)))
        return catalogue(book, self.subjects, self.language)

    def _says(self, key: str, names: str = "") -> str:
        return say(
            f"prompts.{key}", path=self.catalogue_file, original=self.original, language=self.language, names=names
        )


def prompt_id(*parts: str) -> str:
    """`prompt_id("area", "62.71.01")` -> `area-62-71-01`."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def catalogue(book: Book, subjects: Subjects, language: str = LANGUAGE) -> dict[str, Prompt]:
    """Every prompt by id, texts ready to be spoken. Raises PromptError: two prompts of one id, no text."""
    prompts: dict[str, Prompt] = {}
    for prompt in _all(book, subjects):
        if prompt.id in prompts:
            raise PromptError(say("prompts.same-id", id=prompt.id))
        if not (prompt.tone or any(sign.isalnum() for sign in prompt.text)):
            raise PromptError(say("prompts.no-text", id=prompt.id))
        prompts[prompt.id] = replace(prompt, language=language)
    return prompts


def _all(book: Book, subjects: Subjects) -> Iterator[Prompt]:
    for id_, template in book.fixed.items():
        yield Prompt(id_, spoken(template.text, book.reading), template.used)
    for id_, used in book.tones.items():
        yield Prompt(id_, "", used, tone=id_)
    for digit in "0123456789":
        yield _derived(book, "number", "number", Subject(digit, digit, digit))
    # a catalogue of an earlier version knows none of these; without them app_queue says nothing
    for digit in map(str, NAMED) if "ahead" in book.derived else ():
        yield _derived(book, "ahead", "ahead", Subject(digit, digit, digit))
    yield from _named(book, "category", "option", subjects.categories)
    for group in subjects.groups:
        yield _derived(book, "option-group", "option-group", group)
    yield from _named(book, "area", "option-area", subjects.areas)
    yield from _named(book, "kelurahan", "option-kelurahan", subjects.kelurahan)
    for agency in subjects.agencies:
        yield _derived(book, "to", "to", agency)
        yield _derived(book, "handled", "handled", agency)


def _named(book: Book, name: str, option: str, subjects: tuple[Subject, ...]) -> Iterator[Prompt]:
    for subject in subjects:
        yield _derived(book, name, "desa" if name == "kelurahan" and _is_desa(subject.id) else name, subject)
        if subject.key:
            yield _derived(book, option, option, subject)


def _is_desa(code: str) -> bool:
    """In Kemendagri codes the village part is 1xxx for a kelurahan and 2xxx for a desa or negeri."""
    return code.count(".") == 3 and code.rpartition(".")[2].startswith("2")


def _derived(book: Book, prefix: str, template_name: str, subject: Subject) -> Prompt:
    id_ = prompt_id(prefix, subject.id)
    template, reading = book.derived[template_name], book.reading
    name = spoken(subject.lafal or subject.name, reading)
    if not any(sign.isalnum() for sign in name):
        raise PromptError(say("prompts.no-text", id=id_))
    try:
        key = reading.key(subject.key)
    except KeyError:
        raise PromptError(say("prompts.unknown-key", id=id_, button=subject.key)) from None
    text = template.text.format(nama=name, angka=key, jenis=subject.kind.capitalize())
    return Prompt(id_, spoken(text, reading), template.used)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Spoken(_Strict):
    teks: str = Field(min_length=1, max_length=300)
    dipakai: str


class _Tone(_Strict):
    dipakai: str


class _Reading(_Strict):
    angka: tuple[str, ...] = Field(min_length=12, max_length=100)
    belas: str
    puluh: str
    tombol: dict[str, str]
    kata: dict[str, str]


class _File(_Strict):
    tetap: dict[str, _Spoken]
    turunan: dict[str, _Spoken]
    nada: dict[str, _Tone]
    baca: _Reading


_TEMPLATES = {
    *("category", "option", "option-group", "area", "option-area"),
    *("kelurahan", "desa", "option-kelurahan", "to", "handled", "number"),
}


def read_book(path: Path) -> Book:
    """Read `prompts.yaml`. Raises PromptError with the place of the mistake."""
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 strings only
        file = _File.model_validate(loaded)
        book = _book(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PromptError(say("prompts.unreadable-catalogue", path=path, reason=error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PromptError(say("prompts.wrong-catalogue", path=path, place=place, reason=first["msg"])) from error
    _verify(path, book)
    return book


def _book(file: _File) -> Book:
    read = file.baca
    return Book(
        fixed={id_: Template(entry.teks, entry.dipakai) for id_, entry in file.tetap.items()},
        derived={id_: Template(entry.teks, entry.dipakai) for id_, entry in file.turunan.items()},
        tones={id_: entry.dipakai for id_, entry in file.nada.items()},
        reading=Reading(read.angka, read.belas, read.puluh, read.tombol, read.kata),
    )


def _verify(path: Path, book: Book) -> None:
    def wrong(place: str, reason: str) -> PromptError:
        return PromptError(say("prompts.wrong-catalogue", path=path, place=place, reason=reason))

    for id_ in [*book.fixed, *book.tones]:
        if id_ != prompt_id(id_):
            raise wrong(id_, say("prompts.wrong-id"))
    if missing := _TEMPLATES - book.derived.keys():
        raise wrong("turunan", say("prompts.missing-template", names=", ".join(sorted(missing))))
    for name, template in book.derived.items():
        try:
            template.text.format(nama="", angka="", jenis="")
        except (KeyError, IndexError, ValueError, AttributeError):
            raise wrong(f"turunan.{name}", say("prompts.wrong-template")) from None
