import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.supervisor import children
from ivr.supervisor.children import Child


@pytest.fixture(autouse=True)
def quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "RESTART_DELAYS", (0.01, 0.01))


def shell(folder: Path, text: str, **options: object) -> Child:
    return Child("helper", ["/bin/sh", "-c", text], folder / "log" / "helper.log", **options)  # type: ignore[arg-type]


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.002)


def log_of(child: Child) -> str:
    return child.log_file.read_text() if child.log_file.exists() else ""


def lives(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent's attention does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_it_says_is_added_to_its_log(tmp_path: Path) -> None:
    child = shell(tmp_path, "echo out; echo trouble >&2", environment={"TZ": "UTC"})

    async def run() -> None:
        for _ in range(2):
            await child.start()
            await child.ended()

    asyncio.run(run())
    assert log_of(child) == "out\ntrouble\n" * 2
    assert (child.last_words(), child.starts, child.pid) == ("trouble", 2, None)


def test_it_gets_our_environment_and_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_US", "a")
    child = shell(tmp_path, 'echo "$FROM_US $ITS_OWN"', environment={"ITS_OWN": "b"})

    async def run() -> None:
        await child.start()
        await child.ended()

    asyncio.run(run())
    assert child.last_words() == "a b"


def test_a_ctrl_c_at_our_terminal_does_not_reach_it(tmp_path: Path) -> None:
    child = shell(tmp_path, "exec sleep 60")

    async def run() -> None:
        await child.start()
        assert child.pid is not None
        assert os.getsid(child.pid) == child.pid != os.getsid(0)
        await child.stop(5)

    asyncio.run(run())


def test_before_the_first_start_there_is_nothing_to_stop_or_to_read(tmp_path: Path) -> None:
    child = shell(tmp_path, "true")

    async def run() -> None:
        await child.ended()
        await child.keep()
        child.kill()
        await child.stop(1)

    asyncio.run(run())
    assert (child.pid, child.last_words(), child.starts) == (None, "", 0)


def test_it_is_started_again_when_it_ends_and_the_log_says_what_becomes_of_calls(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    child = shell(tmp_path, "exit 3", meanwhile="new calls take the lifeline")
    restarts = []

    async def run() -> None:
        await child.start()
        keeping = asyncio.create_task(child.keep(lambda: restarts.append(child.starts)))
        await until(lambda: child.starts >= 4)
        await child.stop(1)
        await asyncio.wait_for(keeping, 5)

    asyncio.run(run())
    assert restarts[:3] == [1, 2, 3]
    assert "helper ended with code 3; new calls take the lifeline, it is started again in 0.01 s" in caplog.text


def test_after_stop_it_is_not_started_again(tmp_path: Path) -> None:
    child = shell(tmp_path, "exec sleep 60")

    async def run() -> None:
        await child.start()
        keeping = asyncio.create_task(child.keep())
        await child.stop(5)
        await asyncio.wait_for(keeping, 5)

    asyncio.run(run())
    assert child.starts == 1


def test_a_stop_during_the_pause_before_a_restart_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "RESTART_DELAYS", (0.1, 0.1))
    child = shell(tmp_path, "true")

    async def run() -> None:
        await child.start()
        keeping = asyncio.create_task(child.keep())
        await child.ended()
        await child.stop(1)
        await asyncio.wait_for(keeping, 5)

    asyncio.run(run())
    assert child.starts == 1


def test_a_system_that_cannot_start_it_now_is_tried_again_and_nobody_else_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "program"
    program.symlink_to("/bin/sh")
    child = Child("helper", [str(program), "-c", "exit 0"], tmp_path / "helper.log")

    async def run() -> None:
        await child.start()
        program.unlink()
        keeping = asyncio.create_task(child.keep())
        await until(lambda: "cannot be started" in caplog.text)
        assert not keeping.done()
        program.symlink_to("/bin/sh")
        await until(lambda: child.starts >= 2)
        await child.stop(1)
        await asyncio.wait_for(keeping, 5)

    asyncio.run(run())
    assert "calls go on without it, tried again in" in caplog.text


def test_a_stop_ends_the_tries_to_start_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    program = tmp_path / "program"
    program.symlink_to("/bin/sh")
    child = Child("helper", [str(program), "-c", "exit 0"], tmp_path / "helper.log")

    async def run() -> None:
        await child.start()
        program.unlink()
        keeping = asyncio.create_task(child.keep())
        await until(lambda: "cannot be started" in caplog.text)
        await child.stop(1)
        await asyncio.wait_for(keeping, 5)

    asyncio.run(run())


def test_the_first_start_fails_openly(tmp_path: Path) -> None:
    child = Child("helper", [str(tmp_path / "nothing")], tmp_path / "helper.log")
    with pytest.raises(FileNotFoundError):
        asyncio.run(child.start())


def test_a_process_that_does_not_listen_is_killed_after_some_patience(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    child = shell(tmp_path, "trap '' TERM; echo deaf; exec sleep 60")

    async def run() -> None:
        await child.start()
        await until(lambda: "deaf" in log_of(child))
        await child.stop(0.05)

    asyncio.run(run())
    assert child.pid is None
    assert "helper did not end within 0.05 s and is killed" in caplog.text


def test_a_frozen_process_is_killed_at_once(tmp_path: Path) -> None:
    child = shell(tmp_path, "exec sleep 60")

    async def run() -> None:
        await child.start()
        assert child.pid is not None
        os.kill(child.pid, signal.SIGSTOP)
        child.kill()
        await asyncio.wait_for(child.ended(), 5)

    asyncio.run(run())
    assert child.pid is None


SANDBOX = """
import signal, subprocess, sys
inside = subprocess.Popen(["/bin/sleep", "60"])
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(inside.pid))
inside.wait()
print("inside ended", flush=True)
"""


def test_the_signal_goes_to_the_process_inside_a_sandbox(tmp_path: Path) -> None:
    inner = tmp_path / "pid"
    child = Child(
        "helper",
        [sys.executable, "-c", SANDBOX, str(inner)],
        tmp_path / "helper.log",
        stop_pid=lambda: int(inner.read_text() or 0) if inner.exists() else None,
    )

    async def run() -> int:
        await child.start()
        await until(lambda: inner.exists() and inner.read_text())
        pid = int(inner.read_text())
        assert child.pid == pid
        await child.stop(5)
        return pid

    assert not lives(asyncio.run(run()))
    assert child.last_words() == "inside ended"


def test_a_process_inside_a_sandbox_that_is_gone_already_is_no_trouble(tmp_path: Path) -> None:
    child = shell(tmp_path, "exec sleep 60", stop_pid=lambda: 2**22 - 1)  # beyond what this system numbers

    async def run() -> None:
        await child.start()
        child.kill()
        await child.stop(0.05)

    asyncio.run(run())
    assert child.pid is None


def test_a_log_that_has_grown_too_long_is_put_aside_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "LOG_LIMIT", 3)
    child = shell(tmp_path, "echo new")
    child.log_file.parent.mkdir()
    child.log_file.write_text("old\n")

    async def run() -> None:
        await child.start()
        await child.ended()

    asyncio.run(run())
    assert (log_of(child), child.log_file.with_suffix(".old.log").read_text()) == ("new\n", "old\n")


def test_the_last_words_can_be_read_whatever_bytes_they_are(tmp_path: Path) -> None:
    child = shell(tmp_path, "true")
    child.log_file.parent.mkdir()
    child.log_file.write_bytes(b"first\nkaputt \xff\n\n")
    assert child.last_words() == "kaputt �"
