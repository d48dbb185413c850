import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

import pytest

from ivr.calls import query
from ivr.calls.database import LogUnavailable, reader
from ivr.calls.events import Kind
from ivr.calls.projection import CallRecord
from ivr.controller.service import keep_doing
from ivr.rulebook.ask import ask, controller_pid
from ivr.rulebook.history import History, digest_of
from ivr.rulebook.status import Attempt, Result, Status, read
from ivr.settings import PROJECT
from tests.asterisk.scripted import OK, REQUEST, parse_args
from tests.city import SYSTEM_TEST, free_ports, write_clips

pytestmark = pytest.mark.thorough  # every test starts a process

Found = TypeVar("Found")


@contextmanager
def controller(folder: Path, rules: Path = SYSTEM_TEST) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A real controller without Asterisk, and its FastAGI port; ended as systemd ends it."""
    write_clips(folder / "built", ["ask-category", "option-operator"])
    agi, ami, sip = free_ports(3)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("IVR_", "NOTIFY"))},
        "IVR_STATE": str(folder / "state"),
        "IVR_RECORDINGS": str(folder / "calls"),
        "IVR_PROMPTS": str(folder),
        "IVR_CACHE": str(folder / "cache"),
        "IVR_RULES_FILE": str(rules),
        "IVR_AGI_PORT": str(agi),
        "IVR_AMI_PORT": str(ami),
        "IVR_SIP_PORT": str(sip),
        "IVR_HTTP_PORT": "0",
        "IVR_HEARTBEAT_MINUTES": "0",
    }
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ivr", "controller"],
            env=environment,
            cwd=PROJECT,
            stdout=output,
            stderr=output,
            text=True,
        )
    try:
        yield process, agi
    finally:
        process.kill()
        process.wait()


def until(look: Callable[[], Found | None], what: str) -> Found:
    deadline = monotonic() + 30
    while (found := look()) is None:
        assert monotonic() < deadline, f"no {what}"
        sleep(0.02)
    return found


def connected(port: int) -> socket.socket:
    def connect() -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            return None

    return until(connect, "controller that listens")


def attended(port: int, key: bytes) -> list[list[str]]:
    """A call whose caller presses one key at every question; what Asterisk was told, to the end of the connection."""
    told = []
    with connected(port) as asterisk, asterisk.makefile("rb") as lines:
        asterisk.sendall(REQUEST)
        for line in lines:
            command = parse_args(line.decode().rstrip("\n"))
            told.append(command)
            asterisk.sendall(b"200 result=" + key + b"\n" if command[:2] == ["GET", "DATA"] else OK)
    return told


def recorded(folder: Path) -> CallRecord | None:
    try:
        with reader(folder / "state" / "calls.sqlite") as connection:
            found = query.call(connection, "ivr112-1763800000.12")
    except LogUnavailable:
        return None
    return found[0] if found and found[0].plan else None


def test_a_caller_is_attended_and_recorded_without_asterisks_manager(tmp_path: Path) -> None:
    with controller(tmp_path) as (process, port):
        assert attended(port, b"4")[-1] == ["SET", "VARIABLE", "PLAN", "ready"]
        assert until(lambda: recorded(tmp_path), "call in the record").category == "lampu"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_callers_are_attended_while_the_record_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "state" / "calls.sqlite").mkdir(parents=True)
    with controller(tmp_path) as (process, port):
        for _ in range(2):
            assert attended(port, b"0")[-1] == ["SET", "VARIABLE", "PLAN", "ready"]
        log = tmp_path / "log"
        until(
            lambda: re.search(r"(?s)call log: .* events wait, calls go on", log.read_text()), "word of it in the log"
        )
        assert process.poll() is None


# The rules.


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return Path(shutil.copy(SYSTEM_TEST, tmp_path / "rules.yaml"))


def status(folder: Path) -> Status | None:
    return read(folder / "state" / "rules")


def attempt(folder: Path, result: Result) -> Attempt | None:
    """The last attempt to use the file, if it ended so."""
    found = status(folder)
    return found.attempt if found and found.attempt and found.attempt.result == result else None


def test_what_the_controller_starts_with_is_in_the_history(tmp_path: Path, rules: Path) -> None:
    with controller(tmp_path, rules) as (process, _):
        found = until(lambda: status(tmp_path), "status")
        assert found.in_force.digest == digest_of(SYSTEM_TEST.read_bytes())
        assert History(tmp_path / "state" / "rules").latest() == found.in_force
        assert until(lambda: controller_pid(tmp_path / "state"), "controller that can be asked") == process.pid
    assert controller_pid(tmp_path / "state") is None


def test_who_asks_for_a_reload_gets_an_answer_and_callers_go_on(tmp_path: Path, rules: Path) -> None:
    with controller(tmp_path, rules) as (_, port):
        until(lambda: controller_pid(tmp_path / "state"), "controller that can be asked")
        asked = ask(tmp_path / "state", "sari")
        told = until(lambda: attempt(tmp_path, Result.UNCHANGED), "answer")
        assert (told.who, told.at >= asked) == ("sari", True)
        assert attended(port, b"4")[-1] == ["SET", "VARIABLE", "PLAN", "ready"]


def test_a_file_that_breaks_while_the_controller_is_away_leaves_the_rules_it_had(tmp_path: Path, rules: Path) -> None:
    with controller(tmp_path, rules) as (process, port):
        connected(port).close()
        process.send_signal(signal.SIGKILL)
        process.wait()
    rules.write_text("kota: [")
    with controller(tmp_path, rules) as (_, port):
        refused = until(lambda: attempt(tmp_path, Result.REFUSED), "refusal")
        assert refused.problems
        assert attended(port, b"4")[-1] == ["SET", "VARIABLE", "PLAN", "ready"]
        assert recorded_rules(tmp_path) == digest_of(SYSTEM_TEST.read_bytes())
    assert "is refused, the rules" in (tmp_path / "log").read_text()


def recorded_rules(folder: Path) -> str:
    """The hash of the rules in the record of the call's plan."""
    until(lambda: recorded(folder), "call in the record")
    with reader(folder / "state" / "calls.sqlite") as connection:
        found = query.call(connection, "ivr112-1763800000.12")
    assert found
    return next(str(event.detail["rules"]) for event in found[1] if event.kind == Kind.PLAN)


def test_a_file_saved_without_asterisk_waits_for_it(tmp_path: Path, rules: Path) -> None:
    with controller(tmp_path, rules) as (_, port):
        connected(port).close()
        until(lambda: status(tmp_path), "status")
        rules.write_text(rules.read_text().replace("nama: Uji", "nama: Coba"))
        pending = until(lambda: attempt(tmp_path, Result.PENDING), "attempt that waits")
        assert pending.digest == digest_of(rules.read_bytes())
        found = status(tmp_path)
        assert found
        assert found.in_force.digest == digest_of(SYSTEM_TEST.read_bytes())


@pytest.mark.parametrize("trouble", [OSError("disk"), ValueError("a row nobody thought of")])
def test_a_job_of_the_record_that_fails_is_done_again_and_ends_nothing(
    trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> int:
        times = 0
        thrice = asyncio.Event()

        async def sweep() -> None:
            nonlocal times
            times += 1
            if times == 3:
                thrice.set()
            raise trouble

        task = asyncio.create_task(keep_doing(sweep, 0.001))
        await asyncio.wait_for(thrice.wait(), 5)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        return times

    assert asyncio.run(run()) == 3
    assert [record.getMessage() for record in caplog.records] == [f"sweep: {trouble}; calls go on, it is tried again"]
    assert ("Traceback" in caplog.text) == isinstance(trouble, ValueError)
