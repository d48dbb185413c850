"""What is wrong in a rules file, said so that an admin can mend it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeAlias

from ivr.messages import say

Path: TypeAlias = tuple[str | int, ...]
"""The way to a place in the file: keys, and list positions counted from 0."""

MAX_PROBLEMS = 100
"""Nobody reads more; a mutilated file could hold a hundred thousand."""

NAMES_LISTED = 12
"""How many possible names a remedy lists before it stops helping."""


@dataclass(frozen=True, order=True)
class Problem:
    """One sentence about one place. Line and column count from 1."""

    line: int
    column: int
    where: str
    text: str
    remedy: str

    def __str__(self) -> str:
        return say("rules.problem", line=self.line, column=self.column, text=self.text, remedy=self.remedy)


class RulesError(Exception):
    """A rules file that must not be used. `problems` holds every reason, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True)
class Finding:
    """A problem before it has a line: `kind` is the sentence's key, `names` what could have been meant."""

    path: Path
    kind: str
    given: str = ""
    names: Collection[str] = ()
    at_key: bool = False
    values: Mapping[str, object] = field(default_factory=dict)


def problem(finding: Finding, line: int, column: int) -> Problem:
    """The finding as the admin reads it."""
    values = {**finding.values, "given": shown(finding.given) or say("rules.empty"), "field": _last_key(finding.path)}
    try:
        text = say(f"rules.{finding.kind}", **values)
    except KeyError:
        finding = Finding(finding.path, "invalid")
        text = say("rules.invalid", **values)
    return Problem(line, column, spelled(finding.path), text, _remedy(finding, values))


def spelled(path: Path) -> str:
    """`("aturan", 2, "langkah")` as `aturan[3].langkah`: people count from one."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{shown(part, 200)}" for part in path).lstrip(".")


def shown(text: str, longest: int = 60) -> str:
    """Text from the file, safe on a terminal and short enough for a sentence."""
    printable = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return printable if len(printable) <= longest else printable[:longest] + "..."


def _remedy(finding: Finding, values: Mapping[str, object]) -> str:
    names = {name.lower(): name for name in finding.names}
    close = get_close_matches(finding.given.lower(), list(names), n=1, cutoff=0.6)
    if close:
        return say("rules.suggestion", name=names[close[0]])
    if finding.names:
        return say("rules.choices", names=", ".join(list(finding.names)[:NAMES_LISTED]))
    return say(f"rules.{finding.kind}_remedy", **values)


def _last_key(path: Path) -> str:
    return shown(next((part for part in reversed(path) if isinstance(part, str)), ""), 200)
