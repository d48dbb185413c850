"""What must be true of every file after it was loaded, or refused; worked out from the plain file."""

import re
from collections.abc import Iterator
from random import Random
from typing import Any

from ivr.rules import Problem, Rules, RulesError, asks_kelurahan, route
from tests.rules.random_files import days_of, minutes_of, on_the_clock
from tests.rules.reference import Answer, Reference, Rung, several

_DIALLED = re.compile(r"\+?[0-9]{3,15}|sips?:[\w.+*-]+@[\w.:\[\]-]+(;transport=[a-z]+)?", re.ASCII | re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}", re.ASCII)


def refusal_faults(error: RulesError, text: str) -> Iterator[str]:
    """What an admin could not use in a refusal."""
    if not error.problems:
        yield "refused without a problem"
    yield from _told(error.problems, text)


def acceptance_faults(rules: Rules, text: str, random: Random) -> Iterator[str]:
    """What is wrong with rules that were accepted."""
    reference = Reference(text.removeprefix("\ufeff"))
    yield from _told(rules.warnings, text)
    yield from _names(reference.file, reference)
    yield from _phones(rules)
    yield from _keys(rules)
    yield from _plans(rules, reference, text, random)


def _told(problems: tuple[Problem, ...], text: str) -> Iterator[str]:
    lines = (
        text.count("\n") + text.count("\r") + text.count("\u0085") + text.count("\u2028") + text.count("\u2029") + 1
    )
    for one in problems:
        if not (1 <= one.line <= lines + 1 and one.column >= 1 and one.text and one.remedy):
            yield f"a problem without place or remedy: {one!r}"
        if not str(one).isprintable():
            yield f"a problem that is not printable: {one!r}"


def _names(file: Any, reference: Reference) -> Iterator[str]:
    """Every name must mean something, and who is always there may not be on a roster."""
    lines = {name for section in ("jalur", "tetangga", "nasional") for name in file.get(section) or {}}
    lines |= {name for name, agency in file["instansi"].items() if {"akun", "telepon"} & set(agency)}
    rostered = {line for roster in reference.rosters for line in reference.has_shifts(roster)}
    overflow = ((file.get("kebijakan") or {}).get("luapan") or {}).get("jalur")
    always = [*several(file["siaga_24_jam"]), *several(overflow)]
    own = [line for agency in file["instansi"].values() for line in several(agency.get("jalur"))]
    for line in {*rostered, *always, *own} - lines:
        yield f"a line that does not exist: {line}"
    for line in rostered.intersection(always):
        yield f"always there, and on a roster: {line}"
    for agency in file["instansi"].values():
        if agency.get("piket", next(iter(reference.rosters), None)) not in reference.rosters and "piket" in agency:
            yield f"a roster that does not exist: {agency['piket']}"
    rung = {*lines, *file["instansi"]}
    for rule in file["aturan"]:
        steps = [several(step) for step in several(rule["langkah"])]
        named = {name for step in steps if step != ["operator"] for name in step} | {*several(rule.get("beri_tahu"))}
        for name in named - rung:
            yield f"a step that does not exist: {name}"
        for name in {*several(rule["kategori"])} - {*file["kategori"], "semua"}:
            yield f"a category that does not exist: {name}"
        for name in {*several(rule.get("wilayah"))} - {"semua"}:
            reference.code_of(name)


def _phones(rules: Rules) -> Iterator[str]:
    """One name, one phone; nothing that Asterisk would read otherwise."""
    lines = [*rules.lines, *rules.operator_lines]
    accounts = [line.account for line in lines if line.account]
    if len({line.id for line in lines}) < len(lines) or len(set(accounts)) < len(accounts):
        yield "two phones of one name"
    for line in lines:
        if bool(line.account) == bool(line.phone):
            yield f"not one way to ring {line.id}"
        if not _NAME.fullmatch(line.id) or (line.account and not _NAME.fullmatch(line.account)):
            yield f"an unusable name {line.id!r} {line.account!r}"
        if line.phone and not _DIALLED.fullmatch(line.phone):
            yield f"an unusable number {line.phone!r}"
        if not 5 <= line.seconds <= 300:
            yield f"{line.id} rings {line.seconds} s"


def _keys(rules: Rules) -> Iterator[str]:
    """No key may be another's beginning."""
    menus = [[category.key for category in rules.categories], [area.key for area in rules.areas]]
    menus += [[ward.key for ward in area.kelurahan if ward.key] for area in rules.areas]
    for keys in menus:
        for key in keys:
            if sum(other.startswith(key) for other in keys) > 1 or not re.fullmatch("[1-9]{1,2}", key):
                yield f"unclear keys {keys}"
                break


def _plans(rules: Rules, reference: Reference, text: str, random: Random) -> Iterator[str]:
    """At moments of the file: a plan that ends in people, and the one a person reads from it."""
    days, minutes = days_of(text), minutes_of(text)
    codes = [place for area in rules.areas for place in (area.code, *(ward.code for ward in area.kelurahan))]
    for number in range(12):
        category = random.choice([None, "lain", *(one.id for one in rules.categories)])
        area = random.choice([None, "12.34.56", *codes])
        at = on_the_clock(random.choice(days), random.choice(minutes), rules.city.zone)
        plan = route(rules, category, area, at)
        if [step.kind for step in plan.steps[-2:]] != ["operators", "fallback"] or not all(
            s.lines for s in plan.steps
        ):
            yield f"a plan without an end: {plan}"
        asks_kelurahan(rules, category, area or "", at)
        if number < 4:
            steps = tuple(Rung(step.kind, step.lines, step.agency, step.seconds) for step in plan.steps)
            told = reference.answer(category, area, at)
            if Answer(steps, plan.told) != told:
                yield f"{category}, {area}, {at}: {steps}, {plan.told} and not {told}"
