"""The state of an installation as `ivr status` finds it from outside: rules, file, controller, Asterisk."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from ivr.messages import say
from ivr.rulebook import ask, status
from ivr.rulebook.lastgood import history_of, last_good, local
from ivr.rulebook.saved import judged, read
from ivr.rulebook.status import Result, Status
from ivr.rules import Rules, RulesError
from ivr.settings import Settings

LOOPBACK = "127.0.0.1"
PATIENCE = 2.0  # seconds
BANNER = b"Asterisk Call Manager"
ALIVE = b"agi_network_script: alive\n\n"  # asks FastAGI whether a call would be taken; the end of the file is yes


class File(StrEnum):
    """The rules file, seen from the rules in force."""

    IN_FORCE = "in_force"
    WAITING = "waiting"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm that stands, with its text in Indonesian."""

    key: str
    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What was found. `told` is what the controller said last; `clock` are rules to show times by.

    Alarms do not make an installation unwell: an operator who is not there yet is one of them.
    """

    settings: Settings
    told: Status | None
    file: File
    file_hash: str
    problems: tuple[str, ...]
    controller: int | None
    asterisk: bool
    clock: Rules | None
    alarms: tuple[Standing, ...] = ()

    @property
    def well(self) -> bool:
        """The file is in force, and whoever must run runs."""
        good = {None, Result.ACCEPTED, Result.UNCHANGED}
        last = self.told.attempt.result if self.told and self.told.attempt else None
        return bool(self.told and self.controller and self.asterisk and self.file is File.IN_FORCE and last in good)


def look(settings: Settings, alarms: tuple[Standing, ...] = ()) -> Found:
    """Look at everything now. Raises OSError when the state directory cannot be read."""
    told = status.read(history_of(settings).folder)
    rules: Rules | None = None
    digest, problems = "", tuple[str, ...]()
    try:
        saved = read(settings.rules_file)
        digest = saved.digest
        rules = judged(saved.content, demo=settings.demo)
    except RulesError as error:
        problems = tuple(map(str, error.problems))
        found = last_good(settings)
        rules = found.rules if found else None
    in_force = bool(told and told.in_force.digest == digest)
    file = File.UNUSABLE if problems else File.IN_FORCE if in_force else File.WAITING
    pid = ask.controller_pid(settings.state)
    controller = pid if pid and _takes_calls(settings.agi_port) else None
    asterisk = _greets(settings.ami_port)
    return Found(settings, told, file, digest, problems, controller, asterisk, rules, alarms)


def _takes_calls(port: int) -> bool:
    """A call that came now would be taken; for a process that hangs, the kernel accepts connections all the same."""
    try:
        with socket.create_connection((LOOPBACK, port), PATIENCE) as connection:
            connection.sendall(ALIVE)
            return connection.recv(1) == b""
    except ConnectionResetError:  # taken, and turned away unread: all places are in use
        return True
    except OSError:
        return False


def _greets(port: int) -> bool:
    """Asterisk's manager is there and greets."""
    try:
        with socket.create_connection((LOOPBACK, port), PATIENCE) as connection:
            return connection.recv(len(BANNER)) == BANNER
    except OSError:
        return False


def as_json(found: Found) -> dict[str, Any]:
    """For programs; times are ISO 8601, UTC."""
    told = status.as_json(found.told) if found.told else {"in_force": None, "attempt": None}
    return {
        "well": found.well,
        **told,
        "file": {
            "path": str(found.settings.rules_file),
            "state": found.file,
            "hash": found.file_hash,
            "problems": list(found.problems),
        },
        "controller": {"running": found.controller is not None, "pid": found.controller},
        "asterisk": {"reachable": found.asterisk},
        "alarms": [{"alarm": a.key, "text": a.text, "since": a.since.isoformat()} for a in found.alarms],
    }


def metrics(found: Found) -> Iterator[str]:
    """For Prometheus: what the controller wrote, and whether it and Asterisk are there now."""
    if found.told:
        yield from status.metrics(found.told)
    yield from status.gauge("ivr_controller_up", "1: the controller answers.", int(found.controller is not None))
    yield from status.gauge("ivr_asterisk_up", "1: Asterisk's manager answers.", int(found.asterisk))


def sentences(found: Found) -> Iterator[str]:
    """For people, in Indonesian."""
    told = found.told
    if told and (entry := told.in_force):
        how = say(f"rulebook.how_{entry.how}")
        yield say("rulebook.in_force", hash=entry.short, since=_at(found, entry.at), who=entry.who, how=how)
    else:
        yield say("rulebook.nothing_in_force")
    yield say(f"rulebook.file_{found.file}", path=found.settings.rules_file)
    yield from (f"  {problem}" for problem in found.problems)
    yield from _attempt(found)
    yield say("rulebook.controller_up" if found.controller else "rulebook.controller_down", pid=found.controller)
    yield say("rulebook.asterisk_up" if found.asterisk else "rulebook.asterisk_down")
    for alarm in found.alarms:
        yield say("rulebook.alarm", text=alarm.text, since=_at(found, alarm.since))
    if found.well and found.alarms:
        yield say("rulebook.well_but_alarms", count=len(found.alarms))
    else:
        yield say("rulebook.all_well" if found.well else "rulebook.not_well")


def _attempt(found: Found) -> Iterator[str]:
    if not found.told or not (attempt := found.told.attempt):
        yield say("rulebook.attempt_none")
        return
    result = say(f"rulebook.attempt_{attempt.result}")
    yield say("rulebook.attempt", at=_at(found, attempt.at), result=result)
    if attempt.problems != found.problems:
        yield from (f"  {problem}" for problem in attempt.problems)


def _at(found: Found, moment: datetime) -> str:
    return local(moment, found.clock) if found.clock else moment.isoformat(timespec="seconds")
