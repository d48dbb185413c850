import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ivr.notify import NotifySocket, notify

SENDER = "from ivr.notify import notify; notify(READY='1', STATUS='asterisk')"


@asynccontextmanager
async def listening(path: Path) -> AsyncIterator[NotifySocket]:
    receiver = NotifySocket(path)
    await receiver.open()
    try:
        yield receiver
    finally:
        receiver.close()


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not look():  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.002)


def told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))


def test_a_service_in_another_process_says_that_it_is_ready(tmp_path: Path) -> None:
    async def run() -> None:
        async with listening(tmp_path / "notify.sock") as receiver:
            environment = {**os.environ, **receiver.environment}
            service = await asyncio.create_subprocess_exec(sys.executable, "-c", SENDER, env=environment)
            await asyncio.wait_for(receiver.ready.wait(), 10)
            assert receiver.status == "asterisk"
            assert await service.wait() == 0

    asyncio.run(run())


def test_every_message_is_a_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with listening(tmp_path / "notify.sock") as receiver:
            told(receiver.path, monkeypatch)
            before = receiver.last_seen
            await asyncio.sleep(0.01)
            notify(WATCHDOG="1")
            await until(lambda: receiver.last_seen > before)
            assert not receiver.ready.is_set()

    asyncio.run(run())


def test_a_new_process_of_the_service_is_not_ready_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with listening(tmp_path / "notify.sock") as receiver:
            told(receiver.path, monkeypatch)
            notify(READY="1", STATUS="asterisk")
            await until(receiver.ready.is_set)
            before = receiver.last_seen
            receiver.restarted()
            assert (receiver.ready.is_set(), receiver.status, receiver.last_seen > before) == (False, "", True)

    asyncio.run(run())


def test_what_is_no_notification_is_a_sign_of_life_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with listening(tmp_path / "notify.sock") as receiver:
            before = receiver.last_seen
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(b"\xff\xfe\n=\nREADYNESS=1\n\n" + b"x" * 5000, str(receiver.path))
            await until(lambda: receiver.last_seen > before)
            assert (receiver.ready.is_set(), receiver.status) == (False, "")

    asyncio.run(run())


def test_the_socket_file_of_a_killed_run_is_replaced_and_ours_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left_behind:
        left_behind.bind(str(path))

    async def run() -> None:
        async with listening(path):
            assert path.is_socket()

    asyncio.run(run())
    assert not path.exists()


def test_closing_what_was_never_opened_is_harmless(tmp_path: Path) -> None:
    NotifySocket(tmp_path / "notify.sock").close()


def test_without_a_supervisor_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify(READY="1")


def test_a_supervisor_that_went_away_does_not_stop_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(tmp_path / "nobody.sock", monkeypatch)
    notify(WATCHDOG="1")


def test_a_supervisor_that_is_frozen_does_not_stop_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "frozen.sock"
    told(path, monkeypatch)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as frozen:
        frozen.bind(str(path))
        many = "from ivr.notify import notify\nfor _ in range(2000): notify(WATCHDOG='1')"
        subprocess.run([sys.executable, "-c", many], timeout=10, check=True)


def test_systemds_abstract_address_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"ivr-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name}")
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify(READY="1", STATUS="asterisk")
        assert systemd.recv(100) == b"READY=1\nSTATUS=asterisk"
