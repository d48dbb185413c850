"""What the controller says about the rules, for people (`ivr status`), programs (JSON) and Prometheus.

`status.json` and `rules.prom` in the folder of the history, each replaced whole after every attempt.
Source of the text format: Prometheus, "Exposition formats", version 0.0.4.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from ivr.rulebook.durable import replace
from ivr.rulebook.history import Entry, How

STATUS = "status.json"
METRICS = "rules.prom"


class Result(StrEnum):
    """How an attempt to use the file ended. PENDING: the file is good, Asterisk is away."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One look at the file that led to something; `at` (UTC) is when it was read, `digest` "" if it could not be."""

    at: datetime
    digest: str
    result: Result
    how: How
    who: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """The rules in force, and the last attempt to use the file (None since this controller started)."""

    in_force: Entry
    attempt: Attempt | None = None


def write(folder: Path, status: Status) -> None:
    """Both files. Raises OSError."""
    replace(folder / STATUS, json.dumps(as_json(status), ensure_ascii=False, indent=1).encode())
    replace(folder / METRICS, "".join(metrics(status)).encode())


def read(folder: Path) -> Status | None:
    """What was last written; None when nothing was, or it cannot be read."""
    try:
        row = json.loads((folder / STATUS).read_bytes())
        return Status(_entry(row["in_force"]), _attempt(row["attempt"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def as_json(status: Status) -> dict[str, Any]:
    """The status as it stands in `status.json`; times are ISO 8601, UTC."""
    attempt = attempt_as_json(status.attempt) if status.attempt else None
    return {"in_force": entry_as_json(status.in_force), "attempt": attempt}


def entry_as_json(entry: Entry) -> dict[str, str]:
    """One line of the history, for programs."""
    at = entry.at.isoformat()
    return {"hash": entry.digest, "generation": entry.generation, "since": at, "who": entry.who, "how": entry.how}


def attempt_as_json(attempt: Attempt) -> dict[str, Any]:
    """One attempt, for programs."""
    return {
        "at": attempt.at.isoformat(),
        "hash": attempt.digest,
        "result": attempt.result,
        "how": attempt.how,
        "who": attempt.who,
        "problems": list(attempt.problems),
    }


def _entry(row: dict[str, str]) -> Entry:
    since = datetime.fromisoformat(row["since"])
    since.astimezone()  # OverflowError: a time that no city can be told
    return Entry(row["hash"], since, row["who"], row["generation"], How(row["how"]))


def _attempt(row: dict[str, Any] | None) -> Attempt | None:
    if row is None:
        return None
    at, problems = datetime.fromisoformat(row["at"]), tuple(map(str, row["problems"]))
    return Attempt(at, row["hash"], Result(row["result"]), How(row["how"]), row["who"], problems)


def metrics(status: Status) -> Iterable[str]:
    """The lines of `rules.prom`. An attempt counts as successful if the file's rules are in force after it."""
    entry, attempt = status.in_force, status.attempt
    good = attempt is None or attempt.result in {Result.ACCEPTED, Result.UNCHANGED}
    yield from gauge(
        "ivr_rules_info", "The rules in force.", 1, f'{{hash="{entry.digest}",generation="{entry.generation}"}}'
    )
    since = "When the rules in force were accepted."
    yield from gauge("ivr_rules_in_force_timestamp_seconds", since, entry.at.timestamp())
    yield from gauge(
        "ivr_rules_last_reload_successful", "1: the rules file as it was last read is in force.", int(good)
    )
    if attempt is not None:
        last = "When the rules file was last read."
        yield from gauge("ivr_rules_last_attempt_timestamp_seconds", last, attempt.at.timestamp())


def gauge(name: str, meaning: str, value: float, labels: str = "") -> Iterable[str]:
    """One number with its explanation."""
    yield f"# HELP {name} {meaning}\n# TYPE {name} gauge\n"
    yield f"{name}{labels} {value:.3f}\n" if isinstance(value, float) else f"{name}{labels} {value}\n"
