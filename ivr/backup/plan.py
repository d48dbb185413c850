"""What a restore would do, known before anything is touched."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from ivr.backup.manifest import Contents, Member
from ivr.backup.places import Kind, Places
from ivr.backup.read import PIECE
from ivr.settings import Settings

PLACES_IN_SETTINGS = ("state", "rules_file", "recordings", "prompts", "trunk_file", "tls_certificate", "tls_key")


class Action(StrEnum):
    """What becomes of one member."""

    STATE = "state"  # part of the folder that is put in place whole
    NEW = "new"  # nothing is there yet
    SAME = "same"  # the very same is there
    REPLACED = "replaced"  # what is there is kept beside, under another name
    LEFT = "left"  # what is there stays: a recording or a certificate
    BY_HAND = "by_hand"  # no place here, not ours to write, or settings of another place: put below FROM_BACKUP


FROM_BACKUP = "from-backup"  # below the state folder


@dataclass(frozen=True, slots=True)
class Step:
    """One member; `target` is None when this installation has no place for it."""

    member: Member
    target: Path | None
    action: Action


def plan(contents: Contents, places: Places, env: bytes | None, *, outside: bool = True) -> list[Step]:
    """Every member with what becomes of it. `env`: the backup's settings; `outside`: the state folder is not all.

    Raises OSError.
    """
    return list(_steps(contents, places, env, outside=outside))


def _steps(contents: Contents, places: Places, env: bytes | None, *, outside: bool) -> Iterator[Step]:
    elsewhere = env is not None and _points_elsewhere(env, places.settings)
    for member in contents.members:
        kind, target = places.target(member.name)
        if kind is Kind.STATE:
            yield Step(member, target, Action.STATE)
        elif not outside or target is None:
            yield Step(member, None, Action.BY_HAND)
        else:
            action = _action(member, kind, target)
            forbidden = action in {Action.NEW, Action.REPLACED} and not _writable(target)
            foreign = member.name == "project/.env" and elsewhere and action is not Action.SAME
            yield Step(member, target, Action.BY_HAND if forbidden or foreign else action)


def _action(member: Member, kind: Kind, target: Path) -> Action:
    if not os.path.lexists(target):
        return Action.NEW
    if _same(member, target):
        return Action.SAME
    return Action.LEFT if kind is Kind.ADDED else Action.REPLACED


def _same(member: Member, path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or path.stat().st_size != member.size:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest() == member.sha256


def _writable(target: Path) -> bool:
    """Whether a name may be made there; folders that are missing are made."""
    folder = target.parent
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def _points_elsewhere(env: bytes, settings: Settings) -> bool:
    """Whether a server with these settings would look for its files where this restore does not put them."""
    with tempfile.NamedTemporaryFile(suffix=".env") as file:
        file.write(env)
        file.flush()
        try:
            given = Settings(_env_file=file.name)  # type: ignore[call-arg]
        except (ValidationError, UnicodeDecodeError):
            return True
    return any(getattr(given, name) != getattr(settings, name) for name in PLACES_IN_SETTINGS)
