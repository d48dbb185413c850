"""Names of backup files: `ivr112-20261122-031500.tar.gz` (UTC), and of what is on its way to become one."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

_NAME = re.compile(r"ivr112-(\d{8}-\d{6})\.tar\.gz", re.ASCII)
_UNFINISHED = re.compile(r"\.ivr112-\w+\.part", re.ASCII)
_CHECKING = re.compile(r"\.ivr112-\w+\.check", re.ASCII)
STAMP = "%Y%m%d-%H%M%S"
PREFIX, SUFFIX, CHECKING = ".ivr112-", ".part", ".check"  # of the folders in which a backup is made, or verified


def name_of(moment: datetime) -> str:
    """The name of a backup made at that moment (seconds count)."""
    return f"ivr112-{stamp(moment)}.tar.gz"


def stamp(moment: datetime) -> str:
    """`20261122-031500`, UTC."""
    return moment.astimezone(UTC).strftime(STAMP)


def moment_of(name: str) -> datetime | None:
    """When the backup of that name was made (UTC), None for other names."""
    found = _NAME.fullmatch(name)
    try:
        return datetime.strptime(found[1], STAMP).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def is_ours(name: str) -> bool:
    """Whether the name is that of a backup, or of a folder in which one is made or verified."""
    return moment_of(name) is not None or bool(_UNFINISHED.fullmatch(name) or _CHECKING.fullmatch(name))


def backups_in(folder: Path) -> list[Path]:
    """Finished backups, oldest first. Raises OSError; a folder that is not there has none."""
    return sorted(
        path for path in _entries(folder) if moment_of(path.name) and not path.is_symlink() and path.is_file()
    )


def unfinished_in(folder: Path) -> list[Path]:
    """What is left of backups that were cut off (power, kill -9). Raises OSError."""
    return sorted(path for path in _entries(folder) if _UNFINISHED.fullmatch(path.name) and not path.is_symlink())


def checks_in(folder: Path) -> list[Path]:
    """Folders in which a backup is being verified, or was until the power failed. Raises OSError."""
    return sorted(path for path in _entries(folder) if _CHECKING.fullmatch(path.name) and not path.is_symlink())


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except FileNotFoundError:
        return
