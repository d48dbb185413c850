"""From the admin's file to `Rules`: everything that is wrong at once, or rules that can be trusted."""

import pathlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, takewhile
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from ivr.rules.advice import advise, placeholders
from ivr.rules.clashes import check_clashes
from ivr.rules.document import MAX_BYTES, Document, Tree, read
from ivr.rules.fields import ID, several
from ivr.rules.model import Rules
from ivr.rules.parts import (
    Agency,
    Category,
    Centre,
    City,
    DatedShift,
    Kecamatan,
    Kelurahan,
    Line,
    Operators,
    Overflow,
    Part,
    Policies,
    Repeats,
    Replacement,
    Roster,
    Rule,
    Shift,
)
from ivr.rules.problems import MAX_PROBLEMS, Finding, Path, Problem, RulesError, problem
from ivr.rules.references import check_references
from ivr.rules.week import parse_days, parse_hours

_TEXT_EXPECTED = {
    "key", "area_key", "yes_or_no", "accept", "silence", "whole_number", "phone", "hours", "date", "dates", "moment",
}  # fmt: skip

_PARTS: tuple[tuple[tuple[str, ...], type[Part]], ...] = (
    (("kota",), City),
    (("kategori", "*"), Category),
    (("wilayah", "*"), Kecamatan),
    (("wilayah", "*", "kelurahan", "*"), Kelurahan),
    (("jalur", "*"), Line),
    (("piket", "*"), Roster),
    (("piket", "*", "*"), Shift),
    (("piket", "*", "mingguan", "*"), Shift),
    (("piket", "*", "tanggal", "*", "*"), DatedShift),
    (("piket", "*", "pengganti", "*"), Replacement),
    (("instansi", "*"), Agency),
    (("tetangga", "*"), Centre),
    (("nasional", "*"), Centre),
    (("operator",), Operators),
    (("aturan", "*"), Rule),
    (("kebijakan",), Policies),
    (("kebijakan", "iseng"), Repeats),
    (("kebijakan", "luapan"), Overflow),
)
"""Which part of the rules stands where in the file: it knows the keys allowed there."""

_DATED = ("piket", "*", "tanggal", "*")


def load_rules(source: pathlib.Path | str, *, demo: bool = True) -> Rules:
    """The rules in a file (a `Path`) or in a text (a `str`); without `demo`, placeholder numbers are problems.

    Raises RulesError with every problem found, each with line and column; nothing else.
    """
    document = read(source if isinstance(source, str) else file_text(source))
    data = document.data
    problems = [*document.problems, *_located(document, chain(check_references(data), check_clashes(data)))]
    try:
        rules = Rules.model_validate(data)
    except ValidationError as error:
        findings = _findings(document, error.errors(include_url=False, include_context=True))
        raise RulesError([*problems, *_located(document, findings)]) from error
    rules._demo = demo
    if not demo:
        problems += _located(document, placeholders(rules))
    if problems:
        raise RulesError(problems)
    rules._warnings = tuple(sorted(_located(document, advise(rules))))
    return rules


def file_text(path: pathlib.Path) -> str:
    """The text of a file, without a byte order mark. Raises RulesError: unreadable, not UTF-8."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RulesError([problem(Finding((), "not_text"), 1, 1)]) from error
    except OSError as error:
        finding = Finding((), "unreadable", str(path), values={"detail": error.strerror or ""})
        raise RulesError([problem(finding, 1, 1)]) from error


def _located(document: Document, findings: Iterable[Finding]) -> list[Problem]:
    return [document.locate(finding) for finding in islice(findings, MAX_PROBLEMS)]


def _findings(document: Document, errors: list[ErrorDetails]) -> Iterator[Finding]:
    places = [_path(document.data, error["loc"])[0] for error in errors]
    slips: set[object] = set()
    for error in errors:
        path, at_name = _path(document.data, error["loc"])
        context: dict[str, Any] = dict(error.get("ctx", {}))
        given = error["input"] if isinstance(error["input"], str) else ""
        match error["type"]:
            case "extra_forbidden":
                found = _unbracketed(document, path) or _unknown_key(path)
                if found.kind in {"days_unquoted", "list_unbracketed"}:
                    slip = path[:-1], found.values.get("name")
                    if slip in slips:
                        continue  # the same quotes or brackets are missing
                    slips.add(slip)
                yield found
            case "until" | "until_order" as kind:
                yield Finding((*path, "sampai"), kind, str(context.get("word", "")))
            case "tuple_type" | "model_type" if isinstance(error["input"], str) and _dated(path):
                continue  # said as `closed`
            case "hours" if _several_hours(error["input"]):
                yield Finding(path, "several_hours")
            case "missing":
                values = {"missing": error["loc"][-1]}
                yield Finding(path, "missing", at_key=True, values=values)
            case "string_pattern_mismatch" if at_name:
                yield Finding(path, "bad_name" if path[0] != "wilayah" else "bad_code", given, at_key=True)
            case "string_pattern_mismatch" if path[-1] == "bahasa":
                yield Finding(path, "language", given)
            case "dict_type":
                yield Finding(path, "mapping")
            case "literal_error":
                yield Finding(path, "zone", given)
            case "too_short" if any(place[: len(path)] == path for place in places if place != path):
                continue  # not empty: its entries are wrong, and said so themselves
            case kind if kind in _TEXT_EXPECTED and not isinstance(error["input"], str):
                yield Finding(path, "string_type")
            case kind:
                yield Finding(path, kind, str(context.get("word", given)), values=context, at_key=at_name)


def _unknown_key(path: Path) -> Finding:
    """A key that is not known here; or what was meant as a value, and only reads as a key."""
    key, allowed = str(path[-1]), _keys_at(path[:-1])
    name, _, value = key.partition(":")
    if name in allowed and value:
        return Finding(path, "key_unspaced", f"{name}: {value}", at_key=True, values={"name": name})
    if "hari" in allowed and _readable(parse_days, key.partition(" ")[0]):
        return Finding(path, "days_unquoted", key, at_key=True)
    if "jam" in allowed and _readable(parse_hours, key):
        return Finding(path, "several_hours", at_key=True)
    return Finding(path, "unknown_key", key, allowed, at_key=True)


def _unbracketed(document: Document, path: Path) -> Finding | None:
    """What follows the first of a list without its brackets reads as a key without a value."""
    if path not in document.bare:
        return None
    above, fields = path[:-1], _fields_at(path[:-1])
    entry: Any = document.data
    for part in above:
        entry = entry[part]
    keys = list(entry)
    first = keys.index(str(path[-1]))
    while first and (*above, keys[first]) in document.bare:
        first -= 1
    name, value = keys[first], entry[keys[first]]
    if name not in fields or all(getattr(one, "func", None) is not several for one in fields[name].metadata):
        return None
    more = takewhile(lambda key: (*above, key) in document.bare, keys[first + 1 :])
    listed = [*(value if isinstance(value, list) else [value]), *more]
    if not all(isinstance(one, str) and one for one in listed):
        return None
    meant = f"{name}: [{', '.join(map(str, listed))}]"
    return Finding(path, "list_unbracketed", meant, at_key=True, values={"name": name})


def _dated(path: Path) -> bool:
    """Whether here stand the shifts of a dated exception, or one of them."""
    return _fits(path, _DATED) or _fits(path, (*_DATED, "*"))


def _several_hours(given: object) -> bool:
    hours = given.split(",") if isinstance(given, str) else given
    return isinstance(hours, list) and len(hours) > 1 and all(_readable(parse_hours, one) for one in hours)


def _readable(parse: Callable[[str], object], text: object) -> bool:
    try:
        return isinstance(text, str) and bool(parse(text))
    except ValueError:
        return False


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
        elif part in (ID, "[key]"):
            return tuple(path), True
        else:
            continue
        path.append(part)
    return tuple(path), False


def _keys_at(path: Path) -> list[str]:
    return [key for key in _fields_at(path) if "(" not in key]


def _fields_at(path: Path) -> dict[str, FieldInfo]:
    part = next((part for pattern, part in _PARTS if _fits(path, pattern)), Rules)
    return {field.alias or name: field for name, field in part.model_fields.items()}


def _fits(path: Path, pattern: tuple[str, ...]) -> bool:
    return len(path) == len(pattern) and all(name in ("*", part) for name, part in zip(pattern, path, strict=True))
