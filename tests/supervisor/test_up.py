import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from ivr.asterisk.program import Program, pid_file
from ivr.checks import CannotStart
from ivr.rules import load_rules
from ivr.secrets import Secrets
from ivr.settings import Settings
from ivr.supervisor import children, up
from ivr.supervisor.prepare import Prepared
from ivr.supervisor.up import Supervisor, supervise
from tests.city import SYSTEM_TEST, free_ports, settings_in

SERVICE = """
import signal, time
from ivr.notify import notify
notify(READY="1", STATUS="asterisk")
while True:
    notify(WATCHDOG="1")
    time.sleep(0.02)
"""


# What stands in for Asterisk: its SIP port answers.
ANSWERS = "exec {python} -c 'import socket, time; s = socket.create_server((\"127.0.0.1\", {port})); time.sleep(60)'"


@dataclass(frozen=True, slots=True)
class Helper(Program):
    """A process in Asterisk's place."""

    script: str = "sleep 60"

    def command(self, settings: Settings, *arguments: str) -> list[str]:
        return ["/bin/sh", "-c", self.script]


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    sip, agi, ami = free_ports(3)
    given = settings_in(
        tmp_path_factory.mktemp("u"), sip_port=sip, agi_port=agi, ami_port=ami, rules_file=SYSTEM_TEST
    )
    given.state.mkdir()
    pid_file(given).parent.mkdir(parents=True)
    return given


def prepared(settings: Settings, script: str = "") -> Prepared:
    script = script or ANSWERS.format(python=sys.executable, port=settings.sip_port)
    secrets = Secrets(settings.state / "secrets.json")
    return Prepared(settings, load_rules(SYSTEM_TEST), Helper(None, "22", script), secrets)


def with_service(supervisor: Supervisor, command: Sequence[str] = (sys.executable, "-c", SERVICE)) -> Supervisor:
    supervisor.controller = children.Child(
        "controller",
        command,
        supervisor.controller.log_file,
        environment=supervisor.notifications.environment,
    )
    return supervisor


def test_an_asterisk_that_dies_at_its_start_is_named_with_its_last_words(settings: Settings) -> None:
    async def run() -> None:
        await Supervisor(prepared(settings, "echo kaputt; exit 1")).run(lambda: None)

    with pytest.raises(CannotStart, match=r"Asterisk berhenti saat dinyalakan\. .*baris terakhir: kaputt"):
        asyncio.run(run())
    assert not (settings.state / "notify.sock").exists()


def test_a_start_that_the_system_refuses_is_one_sentence(settings: Settings) -> None:
    (settings.state / "asterisk" / "log").write_text("a file, not a folder")
    with pytest.raises(CannotStart, match=r"Berkas tidak terbaca atau tidak dapat ditulis: .*/asterisk/log"):
        asyncio.run(Supervisor(prepared(settings)).run(lambda: None))


def test_a_service_that_never_gets_ready_ends_the_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "READY_WITHIN", 0.2)

    async def run() -> None:
        await with_service(Supervisor(prepared(settings)), ["/bin/sh", "-c", "exec sleep 60"]).run(lambda: None)

    with pytest.raises(CannotStart, match="Server tidak siap"):
        asyncio.run(run())


def test_a_number_that_an_earlier_asterisk_left_behind_gets_no_signal(settings: Settings) -> None:
    bystander = asyncio.run(_bystander(settings))
    assert bystander == -signal.SIGKILL  # ours, at the end: nobody else touched it


async def _bystander(settings: Settings) -> int:
    process = await asyncio.create_subprocess_exec("/bin/sleep", "60")
    pid_file(settings).write_text(str(process.pid))
    supervisor, ready = with_service(Supervisor(prepared(settings))), asyncio.Event()
    running = asyncio.create_task(supervisor.run(ready.set))
    await asyncio.wait_for(ready.wait(), 10)
    first, began = supervisor.asterisk.pid, supervisor.asterisk.starts
    assert first not in (None, process.pid)
    pid_file(settings).write_text(str(process.pid))
    os.kill(first or 0, signal.SIGKILL)
    async with asyncio.timeout(10):
        while supervisor.asterisk.starts == began:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.wait({running})
    assert process.returncode is None
    process.kill()
    return await process.wait()


def test_a_frozen_controller_is_replaced(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(up, "FROZEN_AFTER", 1.0)

    async def run() -> None:
        supervisor, ready = with_service(Supervisor(prepared(settings))), asyncio.Event()
        running = asyncio.create_task(supervisor.run(ready.set))
        await asyncio.wait_for(ready.wait(), 10)
        assert supervisor.controller.pid is not None
        os.kill(supervisor.controller.pid, signal.SIGSTOP)
        async with asyncio.timeout(10):
            while supervisor.controller.starts < 2:  # noqa: ASYNC110 nobody tells
                await asyncio.sleep(0.005)
            await supervisor.notifications.ready.wait()
        running.cancel()
        await asyncio.wait({running})
        for child in (supervisor.controller, supervisor.asterisk):
            assert child.pid is None

    asyncio.run(run())
    assert "the controller is frozen: killed and started again; calls meanwhile take the lifeline" in caplog.text


def test_a_supervisor_that_was_stopped_for_a_while_ends_no_healthy_controller(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Ctrl-Z and fg, a paused container: what the controller said meanwhile is still to be read."""
    monkeypatch.setattr(up, "FROZEN_AFTER", 1.0)

    async def run() -> None:
        supervisor, ready = with_service(Supervisor(prepared(settings))), asyncio.Event()
        running = asyncio.create_task(supervisor.run(ready.set))
        await asyncio.wait_for(ready.wait(), 10)
        time.sleep(2.5)  # noqa: ASYNC251 the whole process stands still, as when it is stopped
        seen = supervisor.notifications.last_seen
        async with asyncio.timeout(5):
            while supervisor.notifications.last_seen <= seen + 0.5:  # noqa: ASYNC110 nobody tells
                await asyncio.sleep(0.005)
        assert supervisor.controller.starts == 1
        running.cancel()
        await asyncio.wait({running})

    asyncio.run(run())
    assert "frozen" not in caplog.text


def test_ctrl_c_during_the_start_ends_everything_without_a_traceback(settings: Settings) -> None:
    stopped: list[str] = []

    async def run() -> None:
        asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
        await supervise(prepared(settings), lambda: None, lambda: stopped.append("said"))

    asyncio.run(run())
    assert stopped == ["said"]
    assert not (settings.state / "notify.sock").exists()
