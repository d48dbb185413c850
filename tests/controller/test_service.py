import asyncio
import os
import re
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
from ivr.calls.projection import CallRecord
from ivr.controller.service import keep_doing
from ivr.settings import PROJECT
from tests.asterisk.scripted import OK, REQUEST, parse_args
from tests.city import SYSTEM_TEST, free_ports, write_clips

Found = TypeVar("Found")


@contextmanager
def controller(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A real controller without Asterisk, and its FastAGI port; ended as systemd ends it."""
    write_clips(folder / "built", ["ask-category", "option-operator"])
    agi, ami, sip = free_ports(3)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("IVR_", "NOTIFY"))},
        "IVR_STATE": str(folder / "state"),
        "IVR_RECORDINGS": str(folder / "calls"),
        "IVR_PROMPTS": str(folder),
        "IVR_CACHE": str(folder / "cache"),
        "IVR_RULES_FILE": str(SYSTEM_TEST),
        "IVR_AGI_PORT": str(agi),
        "IVR_AMI_PORT": str(ami),
        "IVR_SIP_PORT": str(sip),
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
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "calls.sqlite").write_bytes(b"this is no database" * 1000)
    with controller(tmp_path) as (process, port):
        for _ in range(2):
            assert attended(port, b"0")[-1] == ["SET", "VARIABLE", "PLAN", "ready"]
        log = tmp_path / "log"
        until(
            lambda: re.search(r"(?s)call log: .* events wait, calls go on", log.read_text()), "word of it in the log"
        )
        assert process.poll() is None


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
