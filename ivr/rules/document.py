"""Strict YAML: text and nothing but text, with the place of every word.

A phone number `0213455670`, a time `14:00` and a word `no` stay what the admin wrote. What YAML can do beyond
maps, lists and text (anchors, tags, several documents, repeated keys) is refused: in this file it is a mistake.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import yaml

from ivr.rules.problems import MAX_PROBLEMS, Finding, Path, Problem, RulesError, problem, shown

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree]"

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 12
REFUSED = "(refused)"
"""Where a repeated or impossible key's value is put aside, so that it hides nothing."""

# libyaml is some twenty times faster; both give the same events.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Mark(Protocol):
    """A position as both YAML readers give it, counted from 0."""

    line: int
    column: int


@dataclass(frozen=True)
class Place:
    """Where a value and the key before it start. Lines and columns count from 1."""

    value: tuple[int, int]
    key: tuple[int, int]


@dataclass(frozen=True)
class Document:
    """The file's data, the place of every path in it, and what is wrong with it as YAML.

    `bare`: keys between braces that have no value, as `medis` in `{kategori: api, medis}`.
    """

    data: Tree
    places: dict[Path, Place]
    problems: tuple[Problem, ...]
    bare: frozenset[Path] = frozenset()

    def locate(self, finding: Finding) -> Problem:
        """The finding with the line and column it speaks of: its own, or its nearest parent's."""
        path = finding.path
        while path and path not in self.places:
            path = path[:-1]
        place = self.places[path]
        return problem(_printable(finding), *(place.key if finding.at_key or path != finding.path else place.value))


def _printable(finding: Finding) -> Finding:
    """The finding with nothing from the file in its sentences that a terminal would act on."""
    values = {key: shown(value, 200) if isinstance(value, str) else value for key, value in finding.values.items()}
    names = [name if name.isprintable() else shown(name) for name in finding.names]
    return replace(finding, names=names, values=values)


def read(text: str) -> Document:
    """Read one YAML document of strings. Raises RulesError when it cannot be read to its end."""
    _refuse_oversize(text)
    reader = _Reader(text)
    try:
        data = reader.document()
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        detail = getattr(error, "problem", None) or getattr(error, "reason", "")
        reader.add("syntax", *_position(mark), detail=detail)
        raise RulesError(reader.problems) from error
    return Document(data, reader.places, tuple(reader.problems), frozenset(reader.bare))


def _refuse_oversize(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise RulesError([problem(Finding((), "not_text"), 1, 1)]) from error
    if size > MAX_BYTES:
        raise RulesError([problem(Finding((), "too_large"), 1, 1)])


def _position(mark: _Mark | None) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


class _Reader:
    """Builds the tree from YAML events, so that nothing is ever resolved, merged or repeated."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self.places: dict[Path, Place] = {}
        self.bare: set[Path] = set()
        self._text = text
        self._events: Iterator[yaml.Event] = iter(())

    def add(self, kind: str, line: int, column: int, path: Path = (), given: str = "", **values: object) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem(Finding(path, kind, given, values=values), line, column))

    def document(self) -> Tree:
        self._note_tabs()
        self._events = yaml.parse(self._text, Loader=_Loader)
        self.places[()] = Place((1, 1), (1, 1))
        data: Tree = {}
        documents = 0
        for event in self._events:
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                self.add("several_documents", *_position(event.start_mark))
                break
            if isinstance(event, yaml.NodeEvent):
                data = self._node(event, (), (1, 1))
        return data

    def _note_tabs(self) -> None:
        lines = ((number, line.find("\t")) for number, line in enumerate(self._text.split("\n"), start=1))
        for number, column in lines:
            if column >= 0:
                self.add("tab", number, column + 1)

    def _node(self, event: yaml.Event, path: Path, key: tuple[int, int]) -> Tree:
        place = _position(event.start_mark)
        self.places[path] = Place(place, key)
        if len(path) > MAX_DEPTH:
            self.add("too_deep", *place, path[:3])
            raise RulesError(self.problems)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self.add("anchor", *place, path)
        if getattr(event, "tag", None) is not None:
            self.add("tag", *place, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, braces=bool(event.flow_style))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return event.value if isinstance(event, yaml.ScalarEvent) else ""

    def _sequence(self, path: Path) -> list[Tree]:
        items: list[Tree] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), _position(event.start_mark)))
        return items

    def _mapping(self, path: Path, *, braces: bool) -> dict[str, Tree]:
        entries: dict[str, Tree] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            place = _position(event.start_mark)
            name = self._node(event, (*path, REFUSED), place)
            if not isinstance(name, str):
                self.add("complex_key", *place, path)
                name = REFUSED
            elif name in entries:
                self.add("duplicate_key", *place, (*path, name), name)
                name = REFUSED
            given = next(self._events)
            value = self._node(given, (*path, name), place)
            if braces and value == "" and not getattr(given, "style", ""):  # not even quotes
                self.bare.add((*path, name))
            if name != REFUSED:
                entries[name] = value
        return entries
