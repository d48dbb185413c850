"""How `ivr rules reload` asks the running controller: a signal to its process, and a note that says who asks.

The number in `controller.pid` counts only while the controller holds its lock on the file: what a dead process left
behind may be somebody else's number by now.
"""

import fcntl
import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ivr.owner import user_name
from ivr.rulebook.durable import replace

log = logging.getLogger(__name__)

PID_FILE = "controller.pid"
REQUEST = "request.json"
FRESH = timedelta(seconds=10)
LOCK_WITHIN = 2.0  # seconds; somebody may just be asking whether we are there


class NotRunning(Exception):
    """No controller runs on this state directory."""


@contextmanager
def findable(state: Path) -> Iterator[None]:
    """While inside, `controller_pid` finds this process. A disk that is full is said, and keeps no call waiting."""
    try:
        file = (state / PID_FILE).open("ab+")
    except OSError as error:
        log.error("no %s (%s): ivr rules reload will not find this controller; calls go on", PID_FILE, error)
        yield
        return
    with file:
        if not _locked(file.fileno()):
            log.error("another process holds %s: ivr rules reload will find that one; calls go on", PID_FILE)
        else:
            file.truncate(0)
            file.write(f"{os.getpid()}\n".encode())
            file.flush()
        yield


def _locked(descriptor: int) -> bool:
    deadline = time.monotonic() + LOCK_WITHIN
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        else:
            return True


def controller_pid(state: Path) -> int | None:
    """The process id of the controller that runs now, None when there is none. Raises OSError."""
    try:
        file = (state / PID_FILE).open("rb")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(number) if (number := file.read().strip()).isdigit() else None
    return None


def ask(state: Path, who: str) -> datetime:
    """Have the controller read the file now; the moment (UTC) after which its attempt answers this request.

    Raises NotRunning, and OSError (most likely: not our process).
    """
    pid = controller_pid(state)
    if pid is None:
        raise NotRunning
    now = datetime.now(UTC)
    replace(state / "rules" / REQUEST, json.dumps({"at": now.isoformat(), "who": who}).encode())
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError as error:
        raise NotRunning from error
    return now


def asked_by(state: Path) -> str:
    """Who asked, "" when the signal came without a note (systemctl reload). The note is used up."""
    path = state / "rules" / REQUEST
    try:
        row = json.loads(path.read_bytes())
        path.unlink()
        fresh = datetime.now(UTC) - datetime.fromisoformat(row["at"]) < FRESH
        return str(row["who"]) if fresh else ""
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning("who asks for the rules to be read cannot be told: %s", error)
        return ""


def asker() -> str:
    """The user at the keyboard, also behind sudo."""
    return os.environ.get("SUDO_USER") or user_name(os.getuid())
