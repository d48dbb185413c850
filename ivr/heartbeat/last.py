"""The last test call, kept in a small file: what alarms, the health page and `ivr heartbeat --last` look at."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ivr.heartbeat.result import Result
from ivr.rulebook.durable import replace

NAME = "heartbeat.json"


@dataclass(frozen=True, slots=True)
class Last:
    """`ok_at`: when a test call last went well, None for never; `result`: of the last one, None before the first."""

    ok_at: datetime | None = None
    result: Result | None = None


def read_last(folder: Path) -> Last:
    """What is known; nothing when the file is not there or cannot be understood. Raises OSError otherwise."""
    try:
        told = json.loads((folder / NAME).read_bytes())
        ok_at = told["ok_at"] and datetime.fromisoformat(told["ok_at"])
        return Last(ok_at, _result(told["result"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return Last()


def write_last(folder: Path, result: Result) -> Last:
    """Keep this result; the time of the last good one stays. Raises OSError."""
    last = Last(result.at if result.ok else read_last(folder).ok_at, result)
    replace(folder / NAME, json.dumps(as_json(last)).encode())
    return last


def as_json(last: Last) -> dict[str, object]:
    """Plain values; times in UTC, ISO 8601."""
    result = last.result
    told = result and {
        "token": result.token,
        "at": result.at.isoformat(),
        "outcome": str(result.outcome),
        "seconds": result.seconds,
    }
    return {"ok_at": last.ok_at and last.ok_at.isoformat(), "result": told}


def _result(told: dict[str, str | float]) -> Result:
    at = datetime.fromisoformat(str(told["at"]))
    return Result(str(told["token"]), at, str(told["outcome"]), float(told["seconds"]))
