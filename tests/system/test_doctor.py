"""`ivr doctor` beside a real server: as it is, stopped, with a part of it broken, with a phone switched off."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ivr.phones.baresip import Phone
from tests.system.people import Citizen, SwitchOn
from tests.system.server import PROJECT, Server, until

OFFICERS = ("damkar_1", "damkar_2", "psc119", "polresta", "dishub", "siaga")
OPERATORS = ("operator1", "operator2")
# What is true of every test machine: root, a demonstration, no backup, perhaps a clock that nobody keeps.
TOLERATED = {"root", "backup", "synchronised", "disk", "memory", "limits", "backlog"}


def doctor(server: Server, *arguments: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code, and the findings by check."""
    command = [sys.executable, "-m", "ivr", "doctor", "--json", *arguments]
    done = subprocess.run(
        command, env=server.environment, cwd=PROJECT, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.stderr == ""
    found: dict[str, list[dict[str, str]]] = {}
    for row in json.loads(done.stdout):
        found.setdefault(row["check"], []).append(row)
    return done.returncode, found


def levels(found: dict[str, list[dict[str, str]]], level: str) -> set[str]:
    return {check for check, rows in found.items() if any(row["level"] == level for row in rows)}


def reachable(server: Server, check: str, level: str) -> bool:
    """Asterisk needs a moment to ask a phone that has just registered."""
    return level in {row["level"] for row in doctor(server, "--only", check)[1].get(check, [])}


def test_a_running_server_with_everybody_there_has_no_error(own_server: Server, switch_on: SwitchOn) -> None:
    for account in (*OFFICERS, *OPERATORS):
        switch_on(own_server, account)
    Citizen(own_server, switch_on(own_server, "warga")).dial().hangs_up()
    until(lambda: reachable(own_server, "phones", "ok"), "phones that answer", 40)
    code, found = doctor(own_server)
    assert levels(found, "error") == set(), [
        row for rows in found.values() for row in rows if row["level"] == "error"
    ]
    assert code == 1
    assert levels(found, "warning") <= TOLERATED, found
    well = levels(found, "ok")
    assert {"server", "controller", "generation", "timing", "programs", "zone", "clock"} <= well
    assert {"operators", "agencies", "phones", "standby", "rules", "coverage", "prompts"} <= well
    assert {"database", "schema", "journal", "open_calls", "unlogged", "recordings"} <= well
    assert {"folders", "files", "owner", "passwords", "ports", "exposed", "strangers"} <= well


def test_an_operator_who_switches_the_phone_off_is_missed(own_server: Server, switch_on: SwitchOn) -> None:
    code, found = doctor(own_server, "--only", "operators")
    assert (code, levels(found, "error")) == (2, {"operators"})
    phones: dict[str, Phone] = {account: switch_on(own_server, account) for account in OPERATORS}
    until(lambda: reachable(own_server, "operators", "ok"), "both operators", 40)
    phones["operator2"].stop()
    until(lambda: reachable(own_server, "operators", "note"), "one operator", 40)
    code, found = doctor(own_server, "--only", "operators")
    assert code == 0
    assert "operator2" in found["operators"][0]["text"]


def test_a_stopped_server_is_said_once_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    with Server(tmp_path, shift=200) as server:
        pass
    code, found = doctor(server)
    assert code == 2
    assert levels(found, "error") == {"server"}
    assert {"database", "prompts", "rules", "ports", "passwords"} <= levels(found, "ok")
    assert not {"operators", "trunk", "phones", "agencies", "standby", "generation", "controller"} & found.keys()
    code, found = doctor(server, "--only", "trunk")
    assert (code, set(found)) == (2, {"server"})


@pytest.mark.usefixtures("voices")
def test_a_controller_that_was_killed_is_an_error_while_asterisk_is_well(own_server: Server) -> None:
    with own_server.without_restarts():
        os.kill(own_server.controller_pid, signal.SIGKILL)
        until(lambda: "controller" in levels(doctor(own_server, "--only", "controller")[1], "error"), "an error", 20)
        code, found = doctor(own_server, "--only", "controller", "--only", "server", "--only", "timing")
    assert code == 2
    assert levels(found, "ok") == {"server", "timing"}


def test_a_damaged_record_is_found_beside_a_running_server(own_server: Server, switch_on: SwitchOn) -> None:
    citizen = switch_on(own_server, "warga")
    for _ in range(3):
        Citizen(own_server, citizen).dial().hangs_up()
    assert doctor(own_server, "--only", "database")[0] == 0
    database = own_server.state / "calls.sqlite"
    with own_server.without_restarts():
        os.kill(own_server.controller_pid, signal.SIGSTOP)
        subprocess.run(
            [
                sys.executable,
                "-c",
                f"import sqlite3; sqlite3.connect({str(database)!r}).execute('PRAGMA wal_checkpoint')",
            ],
            check=True,
        )
        with database.open("r+b") as file:
            for page in range(3, database.stat().st_size // 4096, 2):
                file.seek(page * 4096)
                file.write(os.urandom(4096))
        code, found = doctor(own_server, "--only", "database")
        os.kill(own_server.controller_pid, signal.SIGCONT)
    assert (code, levels(found, "error")) == (2, {"database"})
    assert "ivr restore" in found["database"][0]["remedy"]
