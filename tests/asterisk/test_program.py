import socket
import stat
from pathlib import Path

import pytest

from ivr.asterisk.program import AsteriskMissing, Program, asterisk_pid, find_asterisk, pid_file, write_hosts
from tests.city import settings_in


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program `bwrap` that is found; it says what a test writes into it."""
    script(tmp_path / "cache" / "asterisk-root" / "usr/sbin/asterisk", "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin" / "bwrap"


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("Asterisk 22.10.1~dfsg+~cs6.15.60671435-1", "22.10.1"),
        ("Asterisk certified/20.7-cert3", "20.7"),
        ("Asterisk GIT-23.1-1234", "23.1"),
    ],
)
def test_the_downloaded_asterisk_is_used_in_its_sandbox(
    said: str, version: str, sandbox: Path, tmp_path: Path
) -> None:
    script(sandbox, f"echo '{said}'")
    found = find_asterisk(settings_in(tmp_path, asterisk="cached"))
    assert found == Program(tmp_path / "cache" / "asterisk-root", version)


def test_the_sandbox_is_asked_for_the_version_of_the_asterisk_inside(sandbox: Path, tmp_path: Path) -> None:
    script(sandbox, 'echo "$@" > "${0%/*}/asked"; echo Asterisk 22.1.0')
    find_asterisk(settings_in(tmp_path, asterisk="cached"))
    asked = (sandbox.parent / "asked").read_text().split()
    assert asked[-2:] == ["/usr/sbin/asterisk", "-V"]
    assert "--die-with-parent" in asked


def test_a_sandbox_that_is_not_allowed_is_said_with_its_own_words(sandbox: Path, tmp_path: Path) -> None:
    script(sandbox, "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    with pytest.raises(AsteriskMissing, match="setting up uid map: Permission denied"):
        find_asterisk(settings_in(tmp_path, asterisk="cached"))


def test_a_sandbox_that_cannot_even_start_is_said(
    sandbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(sandbox.parent))
    script(sandbox, "")
    sandbox.write_text("#!/nowhere/sh\n")
    with pytest.raises(AsteriskMissing, match="tidak dapat dijalankan"):
        find_asterisk(settings_in(tmp_path, asterisk="cached"))


def test_without_any_asterisk_the_remedy_is_said(tmp_path: Path) -> None:
    with pytest.raises(AsteriskMissing, match="Jalankan: make run"):
        find_asterisk(settings_in(tmp_path, asterisk="cached"))


def test_without_the_sandbox_program_its_package_is_named(
    sandbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(sandbox.parent))
    with pytest.raises(AsteriskMissing, match="apt-get install bubblewrap"):
        find_asterisk(settings_in(tmp_path, asterisk="cached"))


def test_the_systems_own_asterisk_is_started_with_our_configuration(tmp_path: Path) -> None:
    given = settings_in(tmp_path)
    command = Program(None, "22.1.0").command(given, "-f")
    assert command == ["/usr/sbin/asterisk", "-C", str(given.asterisk_etc / "asterisk.conf"), "-f"]


def test_the_sandbox_shows_what_asterisk_needs_and_no_more(tmp_path: Path) -> None:
    given = settings_in(tmp_path, prompts=tmp_path / "recordings", tls_key=tmp_path / "tls.key")
    command = Program(tmp_path / "root", "22.1.0").command(given, "-f")
    mounts = [
        (command[at], command[at + 1]) for at, word in enumerate(command) if word.endswith(("bind", "bind-try"))
    ]
    assert {path for how, path in mounts if how == "--bind"} == {str(given.state), str(given.recordings)}
    assert ("--ro-bind-try", str(tmp_path / "root" / "usr/sbin/asterisk")) in mounts
    assert not [path for _, path in mounts if path.endswith(("usr", "bin"))]  # no shell
    assert mounts.index(("--ro-bind", str(given.asterisk_etc))) > mounts.index(("--bind", str(given.state)))
    assert ("--ro-bind", str(tmp_path / "recordings")) in mounts
    assert ("--ro-bind", str(tmp_path / "tls.key")) in mounts
    assert command[0] == "bwrap"
    assert command[-4:] == ["/usr/sbin/asterisk", "-C", str(given.asterisk_etc / "asterisk.conf"), "-f"]


def test_the_machines_own_name_is_known_inside_without_asking_anybody(tmp_path: Path) -> None:
    hosts = write_hosts(settings_in(tmp_path)).read_text()
    assert socket.gethostname() in hosts.splitlines()[0].split()
    assert hosts.startswith("127.0.0.1 localhost")


@pytest.mark.parametrize(("written", "pid"), [("4711\n", 4711), ("", None), ("47x", None), (None, None)])
def test_the_process_id_is_the_one_asterisk_wrote(written: str | None, pid: int | None, tmp_path: Path) -> None:
    given = settings_in(tmp_path)
    if written is not None:
        pid_file(given).parent.mkdir(parents=True)
        pid_file(given).write_text(written)
    assert asterisk_pid(given) == pid
