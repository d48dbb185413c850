import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.rulebook import ask as asking
from ivr.rulebook.ask import NotRunning, ask, asked_by, asker, controller_pid, findable

CONTROLLER = """
import signal, sys
from pathlib import Path
from ivr.rulebook.ask import asked_by, findable
state = Path(sys.argv[1])
signal.signal(signal.SIGHUP, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
with findable(state):
    print("ready", flush=True)
    while True:
        signal.sigwait([signal.SIGHUP])
        print("asked by", asked_by(state) or "nobody", flush=True)
"""


@pytest.fixture
def controller(tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    """A process that answers as a controller does; `tmp_path` is its state directory."""
    process = subprocess.Popen([sys.executable, "-c", CONTROLLER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with process:
        yield process
        process.kill()


def answer(controller: "subprocess.Popen[str]") -> str:
    assert controller.stdout is not None
    return controller.stdout.readline().strip()


def test_a_controller_is_found_while_it_runs_and_no_longer(
    controller: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    assert controller_pid(tmp_path) == controller.pid
    controller.kill()
    controller.wait()
    assert (tmp_path / asking.PID_FILE).read_text() == f"{controller.pid}\n"
    assert controller_pid(tmp_path) is None
    with pytest.raises(NotRunning):
        ask(tmp_path, "budi")


def test_whoever_asks_is_named_once(controller: "subprocess.Popen[str]", tmp_path: Path) -> None:
    began = datetime.now(UTC)
    assert began <= ask(tmp_path, "budi") <= datetime.now(UTC)
    assert answer(controller) == "asked by budi"
    controller.send_signal(signal.SIGHUP)  # systemctl reload
    assert answer(controller) == "asked by nobody"


def test_without_a_controller_nobody_is_asked(tmp_path: Path) -> None:
    assert controller_pid(tmp_path) is None
    with pytest.raises(NotRunning):
        ask(tmp_path, "budi")


@pytest.mark.parametrize("content", [b"{", b"{}", b"[]", b'{"at": "2026-11-22T10:00:00+00:00", "who": "budi"}'])
def test_a_note_that_is_torn_or_old_names_nobody(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / asking.REQUEST).write_bytes(content)
    assert asked_by(tmp_path) == ""
    assert datetime.now(UTC) - datetime(2026, 11, 22, 10, tzinfo=UTC) > timedelta(seconds=10)


def test_behind_sudo_the_person_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "budi")
    assert asker() == "budi"
    monkeypatch.delenv("SUDO_USER")
    assert asker() == subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


def test_a_second_controller_is_said_and_serves_all_the_same(
    controller: "subprocess.Popen[str]",
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(asking, "LOCK_WITHIN", 0.05)
    with findable(tmp_path):
        assert controller_pid(tmp_path) == controller.pid
    assert "another process holds controller.pid" in caplog.text


def test_a_state_that_cannot_be_written_is_said_and_no_call_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with findable(tmp_path / "missing"):
        assert controller_pid(tmp_path / "missing") is None
    assert "no controller.pid" in caplog.text


def test_the_file_of_an_earlier_controller_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / asking.PID_FILE).write_text("12345678901234567890\n")
    assert controller_pid(tmp_path) is None
    with findable(tmp_path):
        assert (tmp_path / asking.PID_FILE).read_text() == f"{os.getpid()}\n"
