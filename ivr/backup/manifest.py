"""What a backup says of itself: of what it was made, and every file in it with its hash."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from ivr.messages import say

FORMAT = 1
ABOUT, MANIFEST = "about.json", "manifest.json"
RECORD, SECRETS = "state/calls.sqlite", "state/secrets.json"  # without these two it is no backup
ROOTS = frozenset({"state", "recordings", "prompts", "rules", "trunk", "tls", "project"})


class Broken(Exception):
    """The file is no whole backup; the text (Indonesian) names the place."""


@dataclass(frozen=True, slots=True)
class About:
    """Of what the backup was made. `made_at` is ISO 8601, UTC; `schema` the database's version, "" without one;
    `state` the state folder it was made of."""

    format: int
    program: str
    city: str
    host: str
    made_at: str
    schema: str
    state: str
    recordings: bool

    def same_installation(self, other: "About") -> bool:
        """Whether both are backups of the same folder on the same machine."""
        return (self.host, self.state) == (other.host, other.state)


@dataclass(frozen=True, slots=True)
class Member:
    """One file. `growing`: somebody was writing to it; size (bytes) and hash are of what was there."""

    name: str
    size: int
    mode: int
    sha256: str
    growing: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds, without its own two members."""

    about: About
    members: tuple[Member, ...]


def members_in(text: bytes) -> dict[str, Member]:
    """What the manifest lists, by name. Raises Broken."""
    try:
        return {row["name"]: _member(row) for row in json.loads(text)["members"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Broken(say("backup.damaged", place=MANIFEST, reason=error)) from error


def _member(row: dict[str, Any]) -> Member:
    """Raises TypeError."""
    member = Member(**row)
    texts, numbers = (member.name, member.sha256), (member.size, member.mode)
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(number, int) for number in numbers):
        raise TypeError("a field of another type")
    return member


def about_in(text: bytes) -> About:
    """Raises Broken: not as this version or an older one writes it."""
    try:
        row: dict[str, Any] = json.loads(text)
        if row["format"] > FORMAT:
            raise Broken(say("backup.newer_format", program=row["program"]))
        about = About(**{field.name: row[field.name] for field in fields(About)})
        datetime.fromisoformat(about.made_at)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Broken(say("backup.damaged", place=ABOUT, reason=error)) from error
    return about
