"""What belongs to a backup, and where in this installation each member of one belongs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path, PurePosixPath

from ivr.backup.names import is_ours
from ivr.backup.snapshot import BESIDE, is_database
from ivr.settings import Settings

# Below the state folder: made again at every start, or only of this run. Logs of the programs are no record of calls.
MADE_AGAIN = frozenset({"asterisk/etc", "asterisk/run", "asterisk/cache", "asterisk/spool", "sentences", "log"})
OF_A_RUN = frozenset({"up.lock", "controller.pid", "rules/request.json", "asterisk/hosts"}) | {
    "health/alarms.json",  # of the moment of the backup: restored, it would raise alarms that ended long ago
    "health/heartbeat.lock",
}
LOGS = PurePosixPath("asterisk/log")
TESTS = ".tests.yaml"
SETTLED = 10.0  # seconds: Asterisk writes to a recording at least every four


class Kind(StrEnum):
    """How a member's place is filled."""

    STATE = "state"  # with the whole folder
    REPLACED = "replaced"  # what is there is kept beside
    ADDED = "added"  # what is there stays: a recording, a certificate that may be a newer one


@dataclass(frozen=True, slots=True)
class Item:
    """One file to be backed up under the name `name`."""

    name: str
    path: Path
    database: bool = False
    settled: float = 0.0


@dataclass(frozen=True)
class Places:
    """The folders and files of one installation. `project` is where `.env` lies."""

    settings: Settings
    project: Path

    @cached_property
    def files(self) -> dict[str, Path | None]:
        """Single files outside the state folder, by member name; None: this installation has no place for it."""
        rules = self.settings.rules_file
        return {
            "rules/routing_rules.yaml": rules,
            "rules/routing_rules.tests.yaml": rules.with_name(rules.stem + TESTS),
            "prompts/prompts.yaml": self.settings.prompts / "prompts.yaml",
            "trunk/trunk.conf": self.settings.trunk_file,
            "tls/certificate.pem": self.settings.tls_certificate,
            "tls/key.pem": self.settings.tls_key,
            "project/.env": self.project / ".env",
        }

    def inside(self) -> list[Path]:
        """Folders that somebody has put into the state folder; they are no part of it and stay at a restore."""
        state = self.settings.state
        folders = {self.settings.backups, self.settings.recordings, self.settings.prompts, self.settings.cache}
        return [folder for folder in folders if folder != state and folder.is_relative_to(state)]

    def items(self, *, recordings: bool) -> Iterator[Item]:
        """Databases first: whatever is rotated or grows afterwards is then in the files. Raises OSError."""
        state = list(self.state_items())
        yield from (item for item in state if item.database)
        yield from (item for item in state if not item.database)
        for name, path in self.files.items():
            if path is not None and path.is_file():
                yield Item(name, path)
        for folder in sorted(self.settings.prompts.glob("studio*")):
            yield from (Item(f"prompts/{folder.name}/{name}", path) for name, path in _below(folder))
        if recordings:
            for name, path in _below(self.settings.recordings):
                yield Item(f"recordings/{name}", path, settled=SETTLED)

    def state_items(self) -> Iterator[Item]:
        """The state folder without what is made again: whatever is new in it is backed up.

        The record of calls is a database whatever its bytes are: zeros must not pass for an ordinary file.
        """
        without = {str(folder.relative_to(self.settings.state)) for folder in self.inside()}
        for name, path in _below(self.settings.state, MADE_AGAIN | without):
            if not _passing(PurePosixPath(name)):
                yield Item(f"state/{name}", path, database=path == self.settings.database or is_database(path))

    def target(self, name: str) -> tuple[Kind, Path | None]:
        """Where the member belongs here, and how it gets there; None: nowhere."""
        root, _, rest = name.partition("/")
        if root == "state":
            return Kind.STATE, self.settings.state / rest
        if root == "recordings":
            return Kind.ADDED, self.settings.recordings / rest
        if root == "prompts" and rest.startswith("studio"):
            return Kind.REPLACED, self.settings.prompts / rest
        return (Kind.ADDED if root == "tls" else Kind.REPLACED), self.files.get(name)


def _passing(name: PurePosixPath) -> bool:
    log = name.parent == LOGS and (name.suffix == ".log" or ".log." in name.name)
    return str(name) in OF_A_RUN or log or name.name.endswith((*BESIDE, ".new")) or is_ours(name.name)


def _below(folder: Path, without: frozenset[str] | set[str] = frozenset()) -> Iterator[tuple[str, Path]]:
    """(name, path) of every regular file; links are not followed. A folder that is not there is empty."""

    def failed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for where, folders, files in os.walk(folder, onerror=failed):
        relative = PurePosixPath(where).relative_to(folder)
        folders[:] = sorted(one for one in folders if str(relative / one) not in without)
        for name in sorted(files):
            path = Path(where, name)
            if path.is_file() and not path.is_symlink():
                yield str(relative / name), path
