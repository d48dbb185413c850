"""Rules files as accidents leave them: bytes, lines, words and whole parts changed at random, reproducibly."""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import Any, TypeAlias

import yaml

Mutation: TypeAlias = Callable[[Random, str, list[str]], str]
"""Takes a text and all the texts that something can be borrowed from."""

_SYNTAX = (
    ": ", "- ", "[", "]", "{", "}", ",", "'", '"', "#", "&a ", "*a", "!x ", "!!python/name:os.system ", "|\n",
    ">-\n", "? ", "---\n", "...\n", "%YAML 1.1\n", "<<: ", "\n", "\n\n", "  ", "\t", "~", "null", "true", "no",
    "0x1F", "1e9", ".inf",
)  # fmt: skip
_LETTERS = (
    "\u00a0", "\u2028", "\u0085", "\u202e", "\u200d", "\ufeff", "\u0661", "\uff11", "\u0301", "\u0130", "\u00df",
    "\U0001f525", "\x00", "\x07", "\x1b[31m", "\x7f", "\ud7ff", "\ufffe", "\U0010ffff", "\u2013", "\u2019",
)  # fmt: skip
_ODD = (
    "", "0", "-1", "00", "9", "10", "11", "99", "00000000000000000005", "9" * 400, "x" * 81, "x" * 20_000,
    "24:00", "00:00", "23:59", "00:00-24:00", "24:00-00:00", "07:00-07:00", "23:59-00:00", "24 jam", "0001-01-01",
    "9999-12-31", "9999-12-30 s.d. 9999-12-31", "2026-02-30", "2028-02-29", "2026-12-31 24:00",
    "9999-12-31 24:00", "senin 08:00", "senin", "libur", "libur kecuali libur", "setiap hari kecuali libur",
    "minggu-minggu", "semua", "operator", "tutup", "ya", "tidak", "tombol", "langsung", "ulangi", "112",
    "sip:a@b", "sip:a@b;x=1", "sips:a@[::1]:5061;transport=tls", "0536-0000-1", "+62 (0)536 1234567", "62.71",
    "62.71.01", "62.71.01.1001", "Asia/Jayapura", "[-2.2, 113.9]", "{}", "[]", "[[]]", "[" * 40, "{a: " * 20, "s",
    "h", "trunk", "(id)", "(refused)", "__class__", "{given}", "%s",
)  # fmt: skip
_KEY = re.compile(r"^(\s*(?:- )?\{?)([\w.]+)(?=:)", re.MULTILINE)
_VALUE = re.compile(r"(?<=: )[^\n#{}\[\],]+")
_FIELD = re.compile(r"\b([a-z_]+): ([^\n#{}\[\],]+)")
_WORD = re.compile(r"[\w.:-]+")


def mutated(random: Random, texts: list[str]) -> tuple[bytes, str]:
    """One of the texts after one to three changes, and the names of the changes."""
    text, names = random.choice(texts), []
    for mutation in random.choices(MUTATIONS, k=random.choice((1, 1, 1, 2, 3))):
        text = mutation(random, text, texts) or text
        names.append(mutation.__name__)
    content = text.encode("utf-8", "surrogatepass")
    if random.random() < 0.1:
        content, names = _flipped(random, content), [*names, "bits"]
    return content, ", ".join(names)


def _flipped(random: Random, content: bytes) -> bytes:
    flipped = bytearray(content)
    for _ in range(random.randint(1, 4) if flipped else 0):
        flipped[random.randrange(len(flipped))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _place(random: Random, text: str) -> int:
    return random.randint(0, len(text))


def _inserted(random: Random, text: str, what: str) -> str:
    place = _place(random, text)
    return text[:place] + what + text[place:]


def _replaced(random: Random, text: str, pattern: re.Pattern[str], new: str) -> str:
    """One of the places that match, with something else instead."""
    found = list(pattern.finditer(text))
    if not found:
        return text
    one = random.choice(found)
    return text[: one.start()] + new + text[one.end() :]


def letter(random: Random, text: str, _: list[str]) -> str:
    place = random.randrange(len(text) or 1)
    return text[:place] + chr(random.randrange(32, 127)) + text[place + 1 :]


def cut(random: Random, text: str, _: list[str]) -> str:
    start = _place(random, text)
    return text[:start] + text[start + random.choice((1, 2, 10, 100, 1000)) :]


def truncated(random: Random, text: str, _: list[str]) -> str:
    return text[: _place(random, text)]


def _lines(change: Callable[[Random, list[str]], None]) -> Mutation:
    def apply(random: Random, text: str, _: list[str]) -> str:
        lines = text.split("\n")
        change(random, lines)
        return "\n".join(lines)

    apply.__name__ = change.__name__
    return apply


@_lines
def lines_swapped(random: Random, lines: list[str]) -> None:
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


@_lines
def lines_doubled(random: Random, lines: list[str]) -> None:
    start = random.randrange(len(lines))
    lines[start:start] = lines[start : start + random.randint(1, 10)]


@_lines
def lines_lost(random: Random, lines: list[str]) -> None:
    start = random.randrange(len(lines))
    del lines[start : min(start + random.choice((1, 1, 1, 2, 8)), len(lines) - 1)]


@_lines
def lines_moved(random: Random, lines: list[str]) -> None:
    start = random.randrange(len(lines))
    moved = lines[start : start + random.randint(1, 6)]
    del lines[start : start + len(moved)]
    place = random.randint(0, len(lines))
    lines[place:place] = moved


@_lines
def indentation(random: Random, lines: list[str]) -> None:
    start = random.randrange(len(lines))
    for number in range(start, min(start + random.choice((1, 1, 3, 20)), len(lines))):
        line = lines[number]
        lines[number] = random.choice((" " + line, "  " + line, line[1:], line[2:], "\t" + line, line.lstrip()))


def key_renamed(random: Random, text: str, texts: list[str]) -> str:
    name = random.choice(_KEY.findall(random.choice(texts)) or [("", "x")])[1]
    return _replaced(random, text, _KEY, random.choice((f"  {name}", name, name[1:], name.upper(), f"{name}x")))


def value_borrowed(random: Random, text: str, texts: list[str]) -> str:
    return _replaced(random, text, _VALUE, random.choice(_VALUE.findall(random.choice(texts)) or ["x"]))


def field_borrowed(random: Random, text: str, texts: list[str]) -> str:
    """The value that the same field has somewhere else: often valid."""
    found = list(_FIELD.finditer(text))
    if not found:
        return text
    one = random.choice(found)
    others: list[str] = [value for name, value in _FIELD.findall(random.choice(texts)) if name == one[1]]
    return text[: one.start(2)] + random.choice(others or ["x"]) + text[one.end(2) :]


def word_borrowed(random: Random, text: str, texts: list[str]) -> str:
    return _replaced(random, text, _WORD, random.choice(_WORD.findall(random.choice([text, *texts])) or ["x"]))


def odd_value(random: Random, text: str, _: list[str]) -> str:
    return _replaced(random, text, random.choice((_VALUE, _WORD)), random.choice(_ODD))


def syntax(random: Random, text: str, _: list[str]) -> str:
    return _inserted(random, text, random.choice(_SYNTAX))


def unicode(random: Random, text: str, _: list[str]) -> str:
    return _inserted(random, text, random.choice(_LETTERS))


def huge(random: Random, text: str, _: list[str]) -> str:
    huge = (f"- {'x, ' * 3000}\n", "  a: 1\n" * 2000, "# " + "x" * 50_000, "[" * 3000, " " * 5000, "x" * 1_100_000)
    return _inserted(random, text, random.choice(huge) if random.random() < 0.2 else random.choice(_ODD))


def _tree(change: Callable[[Random, list["Node"], list["Node"]], None]) -> Mutation:
    """A change of the parsed file, written out again."""

    def apply(random: Random, text: str, texts: list[str]) -> str:
        if "[[[[[[" in text:
            return text
        try:
            data, other = json.loads(_parsed(text)), json.loads(_parsed(random.choice(texts)))
        except (yaml.YAMLError, ValueError, RecursionError, TypeError):  # broken by an earlier change
            return text
        nodes, others = list(_nodes(data)), list(_nodes(other))
        if not nodes:
            return text
        change(random, nodes, others)
        return _written(random, data)

    apply.__name__ = change.__name__
    return apply


Node: TypeAlias = tuple[Any, Any]
"""A map or list, and the key of one of its values."""

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@lru_cache(maxsize=8)
def _parsed(text: str) -> str:
    data: Any = yaml.load(text, Loader=_LOADER)  # noqa: S506 only strings
    return json.dumps(data)


def _nodes(data: Any) -> Iterator[Node]:
    if not isinstance(data, dict | list):
        return
    for key, value in list(data.items() if isinstance(data, dict) else enumerate(data)):
        yield data, key
        yield from _nodes(value)


def _written(random: Random, data: Any) -> str:
    if random.random() < 0.7:
        return json.dumps(data, ensure_ascii=False, indent=1)
    return str(yaml.dump(data, Dumper=_DUMPER, allow_unicode=True, sort_keys=False))


@_tree
def part_lost(random: Random, nodes: list[Node], _: list[Node]) -> None:
    above, key = random.choice(nodes)
    del above[key]


@_tree
def part_borrowed(random: Random, nodes: list[Node], others: list[Node]) -> None:
    """A part of another file under the same key, or under any."""
    above, key = random.choice(nodes)
    same = [node for node in others if node[1] == key] if random.random() < 0.8 else others
    source, name = random.choice(same or others)
    above[key] = source[name]


@_tree
def part_moved(random: Random, nodes: list[Node], _: list[Node]) -> None:
    (above, key), (other, name) = random.choice(nodes), random.choice(nodes)
    above[key], other[name] = other[name] if not isinstance(other[name], dict | list) else "x", above[key]


@_tree
def part_odd(random: Random, nodes: list[Node], _: list[Node]) -> None:
    above, key = random.choice(nodes)
    above[key] = random.choice(
        (random.choice(_ODD), [above[key]], {"x": above[key]}, [], {}, [[random.choice(_ODD)]])
    )


@_tree
def part_added(random: Random, nodes: list[Node], others: list[Node]) -> None:
    above, _ = random.choice(nodes)
    source, name = random.choice(others)
    if isinstance(above, list):
        above.insert(random.randint(0, len(above)), source[name])
    else:
        above[name if isinstance(name, str) else "x"] = source[name]


@_tree
def order_changed(random: Random, nodes: list[Node], _: list[Node]) -> None:
    above, _key = random.choice(nodes)
    if isinstance(above, list):
        random.shuffle(above)
    else:
        entries = list(above.items())
        random.shuffle(entries)
        above.clear()
        above.update(entries)


MUTATIONS: tuple[Mutation, ...] = (
    letter, cut, truncated, lines_swapped, lines_doubled, lines_lost, lines_moved, indentation, key_renamed,
    value_borrowed, field_borrowed, field_borrowed, word_borrowed, odd_value, odd_value, syntax, unicode, huge,
    part_lost, part_borrowed, part_borrowed, part_moved, part_odd, part_added, order_changed, order_changed,
)  # fmt: skip
