"""A generation: what Asterisk is told of one set of rules, and the name that stands for it.

Calls keep the generation they arrived under. A comment, or a name nobody dials, makes no new one.
"""

import hashlib
from collections.abc import Sequence

from ivr.asterisk.accounts import account_names, queue_file
from ivr.asterisk.dialplan import in_force_file, lifeline_file, lines_file
from ivr.asterisk.music import announcements_file
from ivr.rules import Rules
from ivr.settings import Settings

ANY = "00000000"
"""Stands for the name while it is not known yet."""


def generation(rules: Rules, settings: Settings) -> str:
    """8 hex digits of everything Asterisk does for these rules: lines, lifeline, music, accounts, queue."""
    told = [
        in_force_file(rules, ANY),
        lines_file(rules, ANY, trunk=settings.trunk_file is not None),
        lifeline_file(rules, ANY),
        announcements_file(rules, ANY, settings.built_prompts),
        queue_file(rules),
        str(account_names(rules, settings)),
        rules.city.zone,
    ]
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def mark(name: str, generation: str) -> str:
    """The section at the end of a generated file, by which the reload sees that Asterisk read it to its end."""
    return f"{name}-{generation}"


def generations(rules: Rules, earlier: Sequence[Rules], settings: Settings) -> dict[str, Rules]:
    """The newest rules and the earlier ones by the names of their generations, newest first, equal ones once."""
    found: dict[str, Rules] = {}
    for each in (rules, *earlier):
        found.setdefault(generation(each, settings), each)
    return found
