"""A file of expectations beside a rules file, read as strictly as the rules themselves.

    aturan: routing_rules.yaml
    harapan:
      - {kategori: kebakaran, wilayah: Menteng, pada: senin 22:30, berdering: [damkar_2, bpbd], beri_tahu: [pln]}

`berdering`: lines in the order of the steps, those rung together in a list of their own.
"""

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.messages import say
from ivr.rules import tree
from ivr.rules.document import Document, Tree, read
from ivr.rules.expect import Expectation, Rung
from ivr.rules.load import file_text
from ivr.rules.model import OPERATOR, Rules
from ivr.rules.moments import read_moment
from ivr.rules.problems import MAX_PROBLEMS, Finding, Path, Problem, RulesError, shown
from ivr.rules.week import MINUTES_PER_DAY

ALWAYS = "setiap saat"
QUARTER = 15  # minutes
KEYS = ("kategori", "wilayah", "pada", "berdering", "beri_tahu", "catatan")
NEEDED = ("kategori", "pada", "berdering")
"""The keys a row may have, and those it must have."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file of expectations, and the rules file it is about."""

    document: Document
    rules_file: pathlib.Path


def open_sheet(path: pathlib.Path) -> Sheet:
    """Read a file of expectations as far as the rules file's name. Raises RulesError."""
    document = read(file_text(path))
    named = tree.at(document.data, "aturan")
    problems = list(document.problems)
    if not (isinstance(named, str) and named):
        problems.append(document.locate(Finding(("aturan",), "missing", values={"missing": "aturan"})))
    if problems:
        raise RulesError(problems)
    return Sheet(document, path.parent / str(named))


def expectations(sheet: Sheet, rules: Rules) -> tuple[Expectation, ...]:
    """The rows, checked against the rules. Raises RulesError with every problem."""
    reader = _Reader(sheet, rules)
    found = tuple(reader.rows())
    if reader.problems:
        raise RulesError(reader.problems)
    return found


class _Reader:
    """Reads the rows one by one; what is wrong with them gathers in `problems`."""

    def __init__(self, sheet: Sheet, rules: Rules) -> None:
        self.problems: list[Problem] = []
        self._document, self._rules = sheet.document, rules
        self._lines = [line.id for line in rules.lines]

    def rows(self) -> Iterator[Expectation]:
        data = self._document.data
        self._known_keys(data, (), ("aturan", "harapan"))
        rows = tree.at(data, "harapan")
        if not isinstance(rows, list):
            self._add(("harapan",), "tuple_type" if "harapan" in tree.names(data) else "missing", missing="harapan")
        elif not rows:
            self._say(("harapan",), "no_rows")
        for path, row in tree.children(rows, ("harapan",)) if isinstance(rows, list) else ():
            before = len(self.problems)
            expectation = self._row(path, row)
            if len(self.problems) == before:
                yield expectation
            elif before > MAX_PROBLEMS:
                return

    def _row(self, path: Path, row: Tree) -> Expectation:
        if not isinstance(row, dict):
            self._add(path, "mapping")
        self._known_keys(row, path, KEYS)
        for key in NEEDED:
            if isinstance(row, dict) and key not in row:
                self._add(path, "missing", missing=key)
        at = self._text(row, path, "pada")
        return Expectation(
            line=self._document.places[path].value[0],
            category=self._category(row, path),
            area=self._area(row, path),
            at=at,
            moments=self._moments(at, (*path, "pada")),
            rings=self._steps(tree.at(row, "berdering"), (*path, "berdering")),
            told=self._told(row, (*path, "beri_tahu")),
            note=self._text(row, path, "catatan"),
        )

    def _known_keys(self, data: Tree, path: Path, keys: tuple[str, ...]) -> None:
        for key in tree.names(data):
            if key not in keys:
                self._find(Finding((*path, key), "unknown_key", key, keys, at_key=True))

    def _text(self, row: Tree, path: Path, key: str) -> str:
        """A key's text, "" when it is not there."""
        text = tree.at(row, key)
        if isinstance(text, str):
            if not text and key in tree.names(row):
                self._add((*path, key), "string_too_short")
            return text
        self._add((*path, key), "string_type")
        return ""

    def _category(self, row: Tree, path: Path) -> str:
        category = self._text(row, path, "kategori")
        if category and not self._rules.category(category):
            known = [one.id for one in self._rules.categories]
            self._find(Finding((*path, "kategori"), "unknown_category", category, known))
        return category

    def _area(self, row: Tree, path: Path) -> str | None:
        text = self._text(row, path, "wilayah")
        if not text:
            return None
        codes = self._rules.find_area(text)
        if len(codes) > 1:
            named = ", ".join(f"{code} ({self._rules.area_name(code)})" for code in codes)
            self._find(Finding((*path, "wilayah"), "unclear_area", text, values={"codes": named}))
        elif not codes:
            self._find(Finding((*path, "wilayah"), "unknown_area", text, area_names(self._rules)))
        return codes[0] if codes else None

    def _moments(self, at: str, path: Path) -> tuple[tuple[int, int], ...]:
        if at == ALWAYS:
            monday = self._rules.ordinary_monday
            return tuple((monday + day, minute) for day in range(7) for minute in range(0, MINUTES_PER_DAY, QUARTER))
        try:
            return (self._rules.moment(read_moment(self._rules, at)),) if at else ()
        except ValueError:
            self._say(path, "bad_at", at)
            return ()

    def _steps(self, steps: Tree, path: Path) -> Rung:
        if isinstance(steps, str):
            return (frozenset(self._named(steps, path, operator=True)),) if steps else ()
        if not isinstance(steps, list) or not steps:
            self._add(path, "too_short" if steps == [] else "tuple_type")
            return ()
        return tuple(self._step(step, below) for below, step in tree.children(steps, path))

    def _step(self, step: Tree, path: Path) -> frozenset[str]:
        if isinstance(step, list) and OPERATOR in step and len(step) > 1:
            self._add(path, "operator_alone")
        return frozenset(name for below, text in self._each(step, path) for name in self._named(text, below, True))

    def _told(self, row: Tree, path: Path) -> frozenset[str] | None:
        if "beri_tahu" not in tree.names(row):
            return None
        told = tree.at(row, "beri_tahu")
        if told == []:
            return frozenset()
        return frozenset(name for below, text in self._each(told, path) for name in self._named(text, below, False))

    def _each(self, value: Tree, path: Path) -> Iterator[tree.Text]:
        """One text, or the texts of a list of at least one."""
        found = [(path, value)] if isinstance(value, str) else list(tree.children(value, path))
        if isinstance(value, dict) or not found:
            self._add(path, "tuple_type" if value else "too_short")
            return
        for below, text in found:
            if isinstance(text, str):
                yield below, text
            else:
                self._add(below, "string_type")

    def _named(self, name: str, path: Path, operator: bool) -> Iterator[str]:
        """The line of this name, or `operator` where that may stand."""
        if name in self._lines or (operator and name == OPERATOR):
            yield name
        elif name == OPERATOR:
            self._say(path, "not_told")
        elif name in self._rules.agency_by_id:
            self._say(path, "is_agency", name, lines=", ".join(self._rules.lines_of(name)))
        else:
            known = [*self._lines, OPERATOR] if operator else self._lines
            self._find(Finding(path, "unknown_line", name, known))

    def _add(self, path: Path, kind: str, **values: object) -> None:
        self._find(Finding(path, kind, values=values))

    def _find(self, finding: Finding) -> None:
        self.problems.append(self._document.locate(finding))

    def _say(self, path: Path, kind: str, given: str = "", **values: object) -> None:
        """A problem only this file can have."""
        place = self._document.locate(Finding(path, "invalid"))
        text = say(f"expect.{kind}", given=shown(given), **values)
        self.problems.append(replace(place, text=text, remedy=say(f"expect.{kind}_remedy", **values)))


def area_names(rules: Rules) -> list[str]:
    """Everything areas are called."""
    kecamatan = [name for place in rules.areas for name in (place.name, *place.aliases)]
    wards = (ward for place in rules.areas for ward in place.kelurahan)
    return [*kecamatan, *(name for ward in wards for name in (ward.name, *ward.aliases))]
