"""From the admin's file to `Rules`: everything that is wrong at once, or rules that can be trusted."""

import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ivr.rules.checks import check_data, check_rules
from ivr.rules.document import MAX_BYTES, Document, Tree, read
from ivr.rules.model import (
    ID,
    Agency,
    Category,
    City,
    Kecamatan,
    Kelurahan,
    Line,
    Operators,
    Part,
    Policies,
    Roster,
    Rule,
    Rules,
    Shift,
)
from ivr.rules.problems import MAX_PROBLEMS, Finding, Path, Problem, RulesError, problem

_TEXT_EXPECTED = {"key", "yes_or_no", "accept", "whole_number", "phone", "hours"}

_PARTS: dict[tuple[str, int], type[Part]] = {
    ("kota", 1): City,
    ("kategori", 2): Category,
    ("wilayah", 2): Kecamatan,
    ("wilayah", 4): Kelurahan,
    ("jalur", 2): Line,
    ("piket", 2): Roster,
    ("piket", 3): Shift,
    ("piket", 4): Shift,
    ("instansi", 2): Agency,
    ("operator", 1): Operators,
    ("aturan", 2): Rule,
    ("kebijakan", 1): Policies,
}
"""Which part of the rules a path of a given length leads to: it knows the keys allowed there."""


def load_rules(source: pathlib.Path | str) -> Rules:
    """The rules in a file (a `Path`) or in a text (a `str`).

    Raises RulesError with every problem found, each with line and column; nothing else.
    """
    document = read(source if isinstance(source, str) else _text(source))
    problems = [*document.problems, *_located(document, check_data(document.data))]
    try:
        rules = Rules.model_validate(document.data)
    except ValidationError as error:
        findings = _findings(document.data, error.errors(include_url=False, include_context=True))
        raise RulesError([*problems, *_located(document, findings)]) from error
    if problems:
        raise RulesError(problems)
    return rules.model_copy(update={"warnings": tuple(sorted(_located(document, check_rules(rules))))})


def _text(path: pathlib.Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RulesError([problem(Finding((), "not_text"), 1, 1)]) from error
    except OSError as error:
        finding = Finding((), "unreadable", str(path), values={"detail": error.strerror or ""})
        raise RulesError([problem(finding, 1, 1)]) from error


def _located(document: Document, findings: Iterable[Finding]) -> list[Problem]:
    return [document.locate(finding) for finding, _ in zip(findings, range(MAX_PROBLEMS), strict=False)]


def _findings(data: Tree, errors: list[ErrorDetails]) -> Iterator[Finding]:
    places = [_path(data, error["loc"])[0] for error in errors]
    for error in errors:
        path, at_name = _path(data, error["loc"])
        context: dict[str, Any] = dict(error.get("ctx", {}))
        given = error["input"] if isinstance(error["input"], str) else ""
        match error["type"]:
            case "extra_forbidden":
                yield Finding(path, "unknown_key", str(path[-1]), _keys_at(path[:-1]), at_key=True)
            case "missing":
                values = {"missing": error["loc"][-1]}
                yield Finding(path, "missing", at_key=True, values=values)
            case "string_pattern_mismatch" if at_name:
                yield Finding(path, "bad_name" if path[0] != "wilayah" else "bad_code", given, at_key=True)
            case "literal_error":
                yield Finding(path, "zone", given)
            case "too_short" if any(place[: len(path)] == path for place in places if place != path):
                continue  # not empty: its entries are wrong, and said so themselves
            case kind if kind in _TEXT_EXPECTED and not isinstance(error["input"], str):
                yield Finding(path, "string_type")
            case kind:
                yield Finding(path, kind, str(context.get("word", given)), values=context)


def _path(data: Tree, location: tuple[int | str, ...]) -> tuple[Path, bool]:
    """Pydantic's way to an error as the file's own, and whether it speaks of an entry's name.

    Named entries were made lists and bare texts were made entries on the way in; here that is undone.
    """
    path: list[str | int] = []
    for part in location:
        if isinstance(data, dict) and isinstance(part, int):
            part = list(data)[part]
        if isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        elif isinstance(data, dict) and part in data:
            data = data[str(part)]
        elif part == ID:
            return tuple(path), True
        else:
            continue
        path.append(part)
    return tuple(path), False


def _keys_at(path: Path) -> list[str]:
    part = _PARTS.get((str(path[0]), len(path)), Rules) if path else Rules
    keys = [field.alias or name for name, field in part.model_fields.items()]
    return [key for key in keys if "(" not in key]
