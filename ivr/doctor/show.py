"""Findings on a terminal: by group, the remedy below each, colours only where there is a terminal."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivr.doctor.checks import BY_ID, CHECKS
from ivr.doctor.model import Finding, Level
from ivr.messages import say

SYMBOLS = {Level.OK: "ok", Level.NOTE: "-", Level.WARNING: "!", Level.ERROR: "x"}
STYLES = {Level.OK: "green", Level.NOTE: "", Level.WARNING: "yellow", Level.ERROR: "bold red"}
WIDEST, INDENT = 110, 4


def show(console: Console, findings: Sequence[Finding]) -> None:
    """The list, and how many there are of each kind."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        check = BY_ID.get(finding.check)
        groups.setdefault(check.group if check else "service", []).append(finding)
    for group, found in groups.items():
        console.print(say(f"doctor.group_{group}"), style="bold")
        for finding in found:
            _print(console, finding)
    count = Counter(finding.level for finding in findings)
    console.print(say("doctor.summary", **{level.value: count[level] for level in Level}), soft_wrap=True)


def _print(console: Console, finding: Finding) -> None:
    """The symbol and the sentence, then the remedy; what a line cannot hold goes on below, no word is cut."""
    symbol = Text(f"{SYMBOLS[finding.level]:>3} ", STYLES[finding.level])
    for line in _wrapped(finding.text, console.width):
        console.print(symbol, line, sep="", soft_wrap=True)
        symbol = Text(" " * INDENT)
    arrow = f"{'->':>{INDENT + 2}} "
    for line in _wrapped(finding.remedy, console.width - 3):
        console.print(arrow, Text(line, "cyan"), sep="", soft_wrap=True)
        arrow = " " * (INDENT + 3)


def _wrapped(text: str, width: int) -> Iterator[str]:
    for line in text.splitlines():
        yield from textwrap.wrap(
            line, max(min(width, WIDEST) - INDENT, 20), break_long_words=False, break_on_hyphens=False
        )


def show_checks(console: Console) -> None:
    """What can be checked, by group."""
    table = Table.grid(padding=(0, 2))
    for check in CHECKS:
        table.add_row(check.id, say(f"doctor.group_{check.group}"), say(f"doctor.about_{check.id}"))
    console.print(table)
