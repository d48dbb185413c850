"""What several checks look at, gathered once. Whatever cannot be had is left out, with the reason."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from ivr.asterisk.ami_model import ManagerError
from ivr.asterisk.program import asterisk_pid
from ivr.calls.database import LogUnavailable
from ivr.deadline import TooLate, within
from ivr.doctor import live
from ivr.doctor.live import Live
from ivr.doctor.reading import ask as ask_log
from ivr.messages import say
from ivr.rulebook import ask, status
from ivr.rulebook.history import NotKept
from ivr.rulebook.lastgood import history_of, last_good
from ivr.rulebook.saved import judged, read
from ivr.rulebook.status import Status
from ivr.rules import Rules, RulesError
from ivr.secrets import Secrets, SecretsBroken
from ivr.settings import Settings

GATHER_WITHIN = 8.0  # seconds for each part

Part = TypeVar("Part")

_NO_SECRETS: tuple[dict[str, str], str] = ({}, "")
_NOT_LIVE: tuple[Live | None, str] = (None, "")


@dataclass(frozen=True, slots=True)
class Context:
    """What a check is given.

    `rules`: those in force, else the file's. `told`: what the controller said last about them. `problems`: why the
    file cannot be used. `controller`, `asterisk`: processes that run now. `live`: None when Asterisk cannot be asked,
    `live_trouble` says why. `unreadable`: files and folders that we have no right to read. `hung`: parts that did not
    answer in time. `proc` is /proc.
    """

    settings: Settings
    now: datetime
    rules: Rules | None = None
    told: Status | None = None
    digest: str = ""
    problems: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    secrets_trouble: str = ""
    controller: int | None = None
    asterisk: int | None = None
    live: Live | None = None
    live_trouble: str = ""
    log_trouble: str = ""
    unreadable: tuple[Path, ...] = ()
    hung: tuple[str, ...] = ()
    proc: Path = Path("/proc")

    def locked(self, path: Path | str) -> bool:
        """Whether it is, or lies in, something that we have no right to read."""
        return any(Path(path).is_relative_to(place) for place in self.unreadable)

    @property
    def running(self) -> bool:
        """One of the two processes is there."""
        return self.controller is not None or self.asterisk is not None or self.live is not None


def gather(settings: Settings, now: datetime, proc: Path = Path("/proc")) -> Context:
    """Looks at an installation; never raises, and takes a few times `GATHER_WITHIN` at most."""
    hung: list[str] = []

    def part(name: str, look: Callable[[], Part], otherwise: Part) -> Part:
        try:
            return within(GATHER_WITHIN, look)
        except TooLate:
            hung.append(name)
        except OSError:
            pass  # said by the check `access`, or by the one whose business it is
        return otherwise

    unreadable: tuple[Path, ...] = part("state", lambda: _unreadable(settings), ())
    rules: dict[str, Any] = part("rules", lambda: _rules(settings), {})
    passwords = part("secrets", lambda: _secrets(settings), _NO_SECRETS)
    controller = part("controller", lambda: ask.controller_pid(settings.state), None)
    asterisk = part("asterisk", lambda: _asterisk(settings, proc), None)
    found = part("manager", lambda: _live(settings, passwords[0]), _NOT_LIVE)
    log_trouble = part("database", lambda: _log_trouble(settings.database), "")
    return Context(
        settings=settings,
        now=now,
        **rules,
        secrets=passwords[0],
        secrets_trouble=passwords[1],
        controller=controller,
        asterisk=asterisk,
        live=found[0],
        live_trouble=found[1],
        log_trouble=log_trouble,
        unreadable=unreadable,
        hung=tuple(hung),
        proc=proc,
    )


def _unreadable(settings: Settings) -> tuple[Path, ...]:
    """Of what the doctor reads, what we may not."""
    places = (settings.state, settings.state / "rules", settings.asterisk_etc, settings.recordings, settings.backups)
    files = (settings.state / "secrets.json", settings.database, settings.rules_file, settings.trunk_file)
    return tuple(path for path in (*places, *files) if path is not None and not _readable(path))


def _readable(path: Path) -> bool:
    """Also when it is not there: that is another matter. Tried, since access(2) asks for the real user."""
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            path.open("rb").close()
    except PermissionError:
        return False
    except OSError:
        return True
    return True


def _rules(settings: Settings) -> dict[str, Any]:
    """The parts of the context that are about rules."""
    told = status.read(history_of(settings).folder)
    digest, problems, rules = "", tuple[str, ...](), None
    try:
        saved = read(settings.rules_file)
        digest, rules = saved.digest, judged(saved.content, demo=settings.demo)
    except RulesError as error:
        problems = tuple(map(str, error.problems))
    if rules is None or (told and told.in_force.digest != digest):
        rules = _in_force(settings, told) or rules
    return {"rules": rules, "told": told, "digest": digest, "problems": problems}


def _in_force(settings: Settings, told: Status | None) -> Rules | None:
    try:
        if told:
            return judged(history_of(settings).text(told.in_force.digest), demo=settings.demo)
    except (NotKept, RulesError, OSError):
        pass  # then the newest that can still be used
    found = last_good(settings)
    return found.rules if found else None


def _secrets(settings: Settings) -> tuple[dict[str, str], str]:
    """The passwords, and what is wrong with their file; none of them is made here."""
    path = settings.state / "secrets.json"
    try:
        Secrets(path)  # reads, and judges
        return dict(json.loads(path.read_bytes())), ""
    except FileNotFoundError:
        return {}, ""
    except (SecretsBroken, ValueError) as error:
        return {}, str(error)


def _asterisk(settings: Settings, proc: Path) -> int | None:
    """Its process, if the number in its file is still that of an Asterisk."""
    pid = asterisk_pid(settings)
    try:
        return pid if pid and (proc / str(pid) / "comm").read_text().strip() == "asterisk" else None
    except OSError:
        return None


def _live(settings: Settings, secrets: Mapping[str, str]) -> tuple[Live | None, str]:
    if "manager" not in secrets:
        return None, say("doctor.no_manager_secret")
    try:
        return asyncio.run(live.ask(settings.ami_port, secrets["manager"])), ""
    except ManagerError as error:
        return None, str(error)


def _log_trouble(database: Path) -> str:
    """Why the record of calls cannot be opened, "" when it can."""
    try:
        with database.open("rb"):
            ask_log(database, lambda connection: connection.exec_driver_sql("SELECT count(*) FROM calls").scalar())
    except FileNotFoundError:
        return say("calls.not_there", path=database)
    except (LogUnavailable, PermissionError) as error:
        return str(error.__cause__ or error).splitlines()[0]
    return ""
