"""An installation for one test: real files below one folder, and a context of it as the doctor would gather it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from ivr.asterisk.lines import Contact, Registration
from ivr.calls.events import Event
from ivr.calls.migrations import upgrade
from ivr.calls.store import store
from ivr.doctor.checks import BY_ID
from ivr.doctor.context import Context
from ivr.doctor.live import Live
from ivr.doctor.model import Finding, Level
from ivr.doctor.run import run
from ivr.rules import Rules, load_rules
from ivr.settings import Settings
from tests.city import SYSTEM_TEST, free_ports, settings_in

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)  # a Sunday, 13.00 WIB
NOBODY = 65534
ANY = "0.0.0.0"  # noqa: S104 what is looked for


def settings(folder: Path, **given: object) -> Settings:
    """An installation of its own ports, with the rules of the system tests."""
    sip, agi, ami, http = free_ports(4)
    ports = {"sip_port": sip, "agi_port": agi, "ami_port": ami, "http_port": http}
    rules = folder / "rules.yaml"
    if not rules.exists():
        shutil.copy(SYSTEM_TEST, rules)
    places = {"rules_file": rules, "backups": folder / "backups", "demo": False}
    chosen = settings_in(folder, **{**ports, **places, **given})
    for made in (chosen.state, chosen.recordings):
        made.mkdir(mode=0o750, exist_ok=True)
    return chosen


def context(folder: Path, settings_given: dict[str, object] | None = None, **given: Any) -> Context:
    """A context with the rules of the installation; nothing runs."""
    chosen = settings(folder, **(settings_given or {}))
    rules: Rules = load_rules(chosen.rules_file.read_text(encoding="utf-8"), demo=chosen.demo)
    return Context(**{"settings": chosen, "now": NOW, "rules": rules, **given})


def found(check: str, here: Context) -> list[Finding]:
    """What one check finds, as the doctor runs it."""
    return run(BY_ID[check], here)


def only(check: str, here: Context) -> Finding:
    """The one finding of a check."""
    [finding] = found(check, here)
    assert finding.check == check
    return finding


def worst(check: str, here: Context) -> Level:
    """The level that counts."""
    levels = [finding.level for finding in found(check, here)]
    return max(levels, key=list(Level).index)


def live(*, away: Sequence[str] = (), there: Sequence[str] = (), **given: Any) -> Live:
    """An Asterisk with these accounts registered, of which some do not answer."""
    contacts = [Contact(name, f"sip:{name}@127.0.0.1", "Reachable", 0.004) for name in there]
    contacts += [Contact(name, f"sip:{name}@127.0.0.1", "Unreachable", None) for name in away]
    values = {"version": "22.10.1", "ahead_seconds": 0.0, "generation": "1", "contacts": tuple(contacts)}
    return Live(**{**values, **given})


def registered(state: str) -> tuple[Registration, ...]:
    """Ours at a carrier."""
    return (Registration("trunk", state),)


def write_log(path: Path, events: Sequence[Event] = ()) -> None:
    """A real record of calls with these events."""
    path.write_bytes(_empty_log())
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        store(connection, events)
    engine.dispose()


@cache
def _empty_log() -> bytes:
    """The file as the program makes it."""
    with tempfile.TemporaryDirectory() as folder:
        upgrade(Path(folder) / "calls.sqlite")
        return (Path(folder) / "calls.sqlite").read_bytes()


def fake_proc(folder: Path, files: dict[str, str]) -> Path:
    """A folder like /proc that says these things, and nothing else."""
    for name, text in files.items():
        path = folder / "proc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return folder / "proc"


@contextmanager
def without_rights() -> Iterator[None]:
    """For root: as an ordinary user who owns nothing here. Others have no rights to give up."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def process(name: str) -> Iterator[int]:
    """A real process that /proc calls `name`, which waits until the end."""
    code = f"open('/proc/self/comm', 'w').write({name!r}); print('x', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield child.pid
    finally:
        child.communicate(b"\n")
