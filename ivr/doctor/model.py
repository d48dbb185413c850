"""What the doctor finds: one sentence each, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ivr.messages import say


class Level(StrEnum):
    """From nothing to do (OK, NOTE) over soon (WARNING) to now (ERROR): callers suffer, or would."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def exit_code(self) -> int:
        """As monitoring plug-ins end: 0 OK, 1 warning, 2 critical."""
        return {Level.WARNING: 1, Level.ERROR: 2}.get(self, 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` says what was found, with numbers; `remedy` a command or a setting, "" where nothing is to be done."""

    check: str
    level: Level
    text: str
    remedy: str = ""


def ok(check: str, key: str, **values: object) -> Finding:
    """Nothing to do: the sentence `doctor.<key>`."""
    return Finding(check, Level.OK, say(f"doctor.{key}", **values))


def note(check: str, key: str, **values: object) -> Finding:
    """Good to know: the sentence `doctor.<key>`, its remedy `doctor.<key>_do`."""
    return _with_remedy(check, Level.NOTE, key, values)


def warning(check: str, key: str, **values: object) -> Finding:
    """To be done soon; sentences as those of a note."""
    return _with_remedy(check, Level.WARNING, key, values)


def error(check: str, key: str, **values: object) -> Finding:
    """To be done now; sentences as those of a note."""
    return _with_remedy(check, Level.ERROR, key, values)


def _with_remedy(check: str, level: Level, key: str, values: dict[str, object]) -> Finding:
    return Finding(check, level, say(f"doctor.{key}", **values), say(f"doctor.{key}_do", **values))


def exit_code(findings: Iterable[Finding]) -> int:
    """That of the worst."""
    return max((finding.level.exit_code for finding in findings), default=0)


def some(names: Iterable[str], most: int = 6) -> str:
    """`a, b, c (+4)`: a sentence stays a sentence however many there are."""
    listed = list(names)
    more = f" (+{len(listed) - most})" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
