"""A city's first rules file from a few answers: small, valid, and with every default said beside it."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import TypeVar

from ivr.messages import say
from ivr.rules.clashes import TAKEN
from ivr.rules.load import load_rules
from ivr.rules.model import Rules
from ivr.rules.numbers import BadNumber, read_number
from ivr.rules.problems import RulesError, shown

Answer = TypeVar("Answer")
Ask = Callable[[str], str]
"""Puts a question and gives the line that was answered. Raises EOFError when nobody answers any more."""

AGENCIES = ("damkar", "ambulans", "polisi", "bpbd")
STANDBY = "siaga"
MOST_KEYS, LONGEST_NAME = 9, 80

WIB, PONTIANAK, WITA, WIT = "Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"
SHORT = {"wib": WIB, "wita": WITA, "wit": WIT}
KALIMANTAN_WIB = {"61", "62"}

_CODE = re.compile(r"[0-9]{2}\.[0-9]{2}")
_ACCOUNT = re.compile(r"[a-z][a-z0-9_]{1,30}")
_OPERATOR = re.compile(r"operator[0-9]*")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ._/()-]*[A-Za-z0-9.)]|[0-9+][0-9 .()-]*[0-9]")

_WORDS = {"true", "false", "null"}
"""What an editor takes for something else than a text."""


class BadAnswer(ValueError):
    """An answer that cannot be used; the text says why and what could be."""


@dataclass(frozen=True)
class Area:
    """A kecamatan: Kemendagri code, telephone key, name."""

    code: str
    key: str
    name: str


@dataclass(frozen=True)
class Answers:
    """What a first file is made of. `phones`: `akun: ...` or `telepon: ...` by agency and for the 24-hour line."""

    city: str
    code: str
    zone: str
    groups: dict[str, str]
    areas: tuple[Area, ...]
    codes_guessed: bool
    phones: dict[str, str]
    operators: int


def interview(ask: Ask, known: Callable[[str], Rules | None], complain: Callable[[str], None] | None) -> Answers:
    """Ask everything; `known` gives rules that have the areas of a city's code.

    With `complain` a wrong answer is said and asked again; without, BadAnswer is raised.
    """

    def put(question: str, read: Callable[[str], Answer], default: str = "") -> Answer:
        key = "prompt_default" if default else "prompt"
        while True:
            try:
                return read(ask(say(f"new.{key}", question=question, default=default)).strip() or default)
            except BadAnswer as error:
                if complain is None:
                    raise
                complain(str(error))

    city, code = put(say("new.ask_city"), read_name), put(say("new.ask_code"), read_code)
    zone = put(say("new.ask_zone"), lambda text: read_zone(text, code), short_zone(zone_of(code)))
    there = known(code)
    if there and not put(say("new.ask_known", count=len(there.areas), city=there.city.name), read_yes, default="ya"):
        there = None
    if there:
        groups, areas = dict(there.groups), tuple(Area(one.code, one.key, one.name) for one in there.areas)
    else:
        groups, areas = numbered(code, put(say("new.ask_areas"), read_areas))
    phones: dict[str, str] = {}
    for id_ in (*AGENCIES, STANDBY):
        read = partial(read_phone, taken=frozenset(phones.values()))
        phones[id_] = put(say("new.ask_phone", name=say(f"new.{id_}")), read, id_)
    return Answers(
        city, code, zone, groups, areas, there is None, phones, put(say("new.ask_operators"), read_count, "2")
    )


def read_name(text: str) -> str:
    if not 0 < len(text) <= LONGEST_NAME or not text.isprintable():
        raise BadAnswer(say("new.bad_name", given=shown(text)))
    return text


def read_code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise BadAnswer(say("new.bad_code", given=shown(text)))
    return text


def zone_of(code: str) -> str:
    """The zone of a province, by the first two digits of a Kemendagri code."""
    province = int(code[:2])
    if code[:2] in KALIMANTAN_WIB:
        return PONTIANAK
    if province < 51:  # Sumatra and Java
        return WIB
    return WITA if province < 81 else WIT  # Bali to Sulawesi; Maluku and Papua


def short_zone(zone: str) -> str:
    return next((short.upper() for short, one in SHORT.items() if one == zone), "WIB")


def read_zone(text: str, code: str) -> str:
    zone = SHORT.get(text.lower(), text)
    if zone not in (*SHORT.values(), PONTIANAK):
        raise BadAnswer(say("new.bad_zone", given=shown(text)))
    return PONTIANAK if zone == WIB and code[:2] in KALIMANTAN_WIB else zone


def read_yes(text: str) -> bool:
    if text.lower() not in {"ya", "tidak"}:
        raise BadAnswer(say("new.bad_yes", given=shown(text)))
    return text.lower() == "ya"


def read_areas(text: str) -> list[str]:
    names = [read_name(name.strip()) for name in text.split(",")]
    folded = {re.sub(r"[\s-]+", " ", name.casefold()).strip() for name in names}
    if len(folded) < len(names) or "" in folded or len(names) > MOST_KEYS**2:
        raise BadAnswer(say("new.bad_areas"))
    return names


def read_phone(text: str, taken: Iterable[str]) -> str:
    """`akun: damkar` or `telepon: 0536-3221113`."""
    if _ACCOUNT.fullmatch(text):
        if text in TAKEN or _OPERATOR.fullmatch(text) or f"akun: {text}" in taken:
            raise BadAnswer(say("new.bad_account", given=text))
        return f"akun: {text}"
    try:
        read_number(text)
    except BadNumber as error:
        said = say(f"rules.{error.kind}", given=shown(text) or say("rules.empty"))
        raise BadAnswer(say("new.bad_phone", text=said, remedy=say(f"rules.{error.kind}_remedy"))) from error
    return f"telepon: {quoted(text)}"


def read_count(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]?", text):
        raise BadAnswer(say("new.bad_operators", given=shown(text)))
    return int(text)


def numbered(code: str, names: Sequence[str]) -> tuple[dict[str, str], tuple[Area, ...]]:
    """Kecamatan with codes and keys in their order; more than nine are put into groups, as even as can be."""
    codes = [f"{code}.{place:02d}" for place in range(1, len(names) + 1)]
    if len(names) <= MOST_KEYS:
        return {}, tuple(Area(codes[n], str(n + 1), name) for n, name in enumerate(names))
    size = ceil(len(names) / ceil(len(names) / MOST_KEYS))
    areas = tuple(Area(codes[n], f"{n // size + 1}{n % size + 1}", name) for n, name in enumerate(names))
    digits = dict.fromkeys(area.key[0] for area in areas)
    return {digit: _group(digit, [area.name for area in areas if area.key[0] == digit]) for digit in digits}, areas


def _group(digit: str, names: list[str]) -> str:
    name = say("new.or").join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return name if len(name) <= LONGEST_NAME else say("new.group", digit=digit)


def quoted(text: str) -> str:
    """A text as YAML that stays this text inside `{...}`."""
    plain = _PLAIN.fullmatch(text) and "  " not in text and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def file_text(answers: Answers, schema: str) -> str:
    """The whole file; `schema` is the way from it to the JSON Schema."""
    groups = "\n".join(f"  {digit}: {quoted(name)}" for digit, name in answers.groups.items())
    rows = (f"  {area.code}: {{tombol: {area.key}, nama: {quoted(area.name)}}}" for area in answers.areas)
    return say(
        "new.file",
        schema=schema,
        title=answers.city,
        city=quoted(answers.city),
        code=answers.code,
        zone=answers.zone,
        groups=say("new.groups", groups=groups) + "\n" if groups else "",
        guessed=say("new.codes_guessed") if answers.codes_guessed else "",
        areas="\n".join(rows),
        operators=", ".join(f"operator{number}" for number in range(1, answers.operators + 1)),
        **answers.phones,
    )


def known_city(code: str, files: Iterable[Path]) -> Rules | None:
    """The first of these rules that are about a city."""
    for file in files:
        try:
            rules = load_rules(file) if code in file.read_text(encoding="utf-8") else None
        except (RulesError, OSError, UnicodeDecodeError):  # the admin's own file may be anything
            continue
        if rules and rules.city.code == code:
            return rules
    return None


def write_new(file: Path, text: str) -> None:
    """Write a file that must not be there yet, whole or not at all. Raises OSError."""
    with file.open("x", encoding="utf-8") as stream:
        try:
            stream.write(text)
            stream.flush()
        except BaseException:
            file.unlink(missing_ok=True)
            raise
