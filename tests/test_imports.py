"""What a process imports is memory for as long as it runs, and time at every start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ivr.calls.migrations import upgrade
from ivr.settings import PROJECT
from tests.city import SYSTEM_TEST

RECORD = ("aiosqlite", "alembic", "ivr.calls.database", "sqlalchemy")
SERVER = ("ivr.controller.service", "panoramisk", "prometheus_client", "starlette", "uvicorn", "watchfiles")
SOUND = ("numpy", "pyttsx3", "soxr")
TERMINAL = ("pygments", "rich")

COMMAND = """
import atexit
atexit.register(lambda: print(*sys.modules))
from ivr.cli import app
app(sys.argv[1:])
"""
CONTROLLER = """
import ivr.cli, ivr.controller.service
from ivr.calls.migrations import upgrade
from ivr.rules import load_rules
folder = Path(sys.argv[1])
upgrade(folder / "calls.sqlite")
rules = load_rules(Path(sys.argv[2]))
there = {*sys.modules}
from tests.controller.desk import PLAN, UNDERSTOOD_CATEGORY, UNDERSTOOD_PLACE, Desk, key
desk = Desk(folder, rules)
with desk.call(key("1"), *UNDERSTOOD_CATEGORY, key("3"), *UNDERSTOOD_PLACE, *PLAN):
    late = [name for name in sys.modules if name not in there and not f"{name}.".startswith("tests.")]
print(*there, f"kind:{desk.kinds()[-1]}", *(f"late:{name}" for name in late))
"""


def words(code: str, *arguments: str, **environment: str) -> set[str]:
    """What a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nfrom pathlib import Path\n{code}", *arguments],
        env={**os.environ, **environment},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return {*done.stdout.split()}


def those_of(imported: set[str], *packages: str) -> list[str]:
    return sorted({package for package in packages if package in imported})


@pytest.mark.parametrize("command", ["version", "status --json"])
def test_a_small_command_imports_no_more_than_it_needs(command: str, tmp_path: Path) -> None:
    places = {"IVR_STATE": str(tmp_path), "IVR_RULES_FILE": str(SYSTEM_TEST)}
    imported = words(COMMAND, *command.split(), **places)
    assert "ivr.cli" in imported
    assert those_of(imported, *RECORD, *SERVER, *SOUND, *TERMINAL) == []


def test_the_watch_over_asterisk_is_small() -> None:
    imported = words("import ivr.cli, ivr.supervisor.watch\nprint(*sys.modules)")
    assert those_of(imported, *RECORD, *SERVER, *SOUND, *TERMINAL) == []


def test_the_controller_leaves_to_others_what_is_theirs_and_no_caller_waits_for_an_import(tmp_path: Path) -> None:
    """All that a call needs is there before it: to import it then would take longer than the questions' answers."""
    upgrade(tmp_path / "calls.sqlite")  # of this version already, as at every start but the first of a release
    imported = words(CONTROLLER, str(tmp_path), str(SYSTEM_TEST))
    rooms = ("ivr.backup.make", "ivr.doctor", "ivr.phones.baresip", "ivr.supervisor")
    assert those_of(imported, "alembic", "pyttsx3", *TERMINAL, *rooms) == []
    assert {"ivr.calls.database", "kind:plan"} <= imported
    assert [word for word in imported if word.startswith("late:")] == []
