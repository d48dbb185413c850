"""When a restore is refused, nothing is touched; when it breaks off, it can be done again."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from ivr.backup.console import plainly
from ivr.backup.keep import Verified, verify
from ivr.backup.make import Made, make
from ivr.backup.manifest import Broken
from ivr.backup.places import Places
from ivr.backup.plan import plan
from ivr.backup.restore import CannotRestore, check_place, interrupted, restore
from ivr.checks import CannotStart, only_one
from ivr.rulebook.ask import findable
from tests.backup.installation import fill, installation, rows, tree, write
from tests.city import free_ports


@pytest.fixture
def there(tmp_path: Path) -> Places:
    sip, agi, ami = free_ports(3)
    return fill(installation(tmp_path / "there", sip_port=sip, agi_port=agi, ami_port=ami))


@pytest.fixture
def made(there: Places, tmp_path: Path) -> Made:
    return make(there, tmp_path / "nas")


@pytest.fixture
def untouched(there: Places, tmp_path: Path, made: Made) -> Iterator[None]:
    """The test leaves everything as it was (but the lock it may have to make)."""
    before = tree(tmp_path / "there")
    folders = sorted(tmp_path.iterdir())
    yield
    after = {name: value for name, value in tree(tmp_path / "there").items() if not name.endswith("state/up.lock")}
    assert after == {name: value for name, value in before.items() if not name.endswith("state/up.lock")}
    assert sorted(tmp_path.iterdir()) == folders
    assert not there.settings.state.with_name("state.new").exists()


def put_back(found: Verified, path: Path, places: Places) -> None:
    restore(path, found.contents, plan(found.contents, places, found.settings), places)


@pytest.mark.usefixtures("untouched")
def test_a_file_that_changed_since_it_was_verified_is_refused(there: Places, made: Made, tmp_path: Path) -> None:
    found = verify(made.path)
    write(there.settings.state / "later", b"x")
    other = make(there, tmp_path / "nas" / "other").path
    (there.settings.state / "later").unlink()
    with pytest.raises(Broken, match="berubah"):
        put_back(found, other, there)


@pytest.mark.usefixtures("untouched")
def test_a_file_damaged_since_it_was_verified_is_refused(there: Places, made: Made) -> None:
    found = verify(made.path)
    content = bytearray(made.path.read_bytes())
    content[len(content) // 2] ^= 4
    made.path.write_bytes(content)
    with pytest.raises(Broken, match="RUSAK"):
        put_back(found, made.path, there)


@pytest.mark.usefixtures("untouched")
def test_a_full_disk_is_said(there: Places, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    found = verify(made.path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 1000))
    with pytest.raises(OSError, match="No space left"):
        put_back(found, made.path, there)


@pytest.mark.usefixtures("untouched")
def test_it_is_refused_while_ivr_up_runs(there: Places, made: Made) -> None:
    found = verify(made.path)
    with only_one(there.settings), pytest.raises(CannotStart, match="sudah berjalan"):
        put_back(found, made.path, there)


@pytest.mark.usefixtures("untouched")
def test_it_is_refused_while_a_controller_runs(there: Places) -> None:
    state = there.settings.state
    held = (state / "controller.pid").read_bytes()
    with findable(state), pytest.raises(CannotRestore, match=rf"pengendali, proses {os.getpid()}.*systemctl stop"):
        check_place(there.settings)
    (state / "controller.pid").write_bytes(held)


def test_it_is_refused_while_an_asterisk_runs(there: Places) -> None:
    etc = there.settings.asterisk_etc
    code = "import sys; print(1, flush=True); sys.stdin.read()"
    running = subprocess.Popen(
        [sys.executable, "-c", code, str(etc / "asterisk.conf")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdout.readline()
        write(there.settings.state / "asterisk" / "run" / "asterisk.pid", str(running.pid).encode())
        with pytest.raises(CannotRestore, match=f"Asterisk, proses {running.pid}"):
            check_place(there.settings)
        running.stdin.close()
    check_place(there.settings)


def test_the_number_of_an_asterisk_that_is_gone_does_not_count(there: Places) -> None:
    write(there.settings.state / "asterisk" / "run" / "asterisk.pid", str(os.getpid()).encode())
    check_place(there.settings)


def test_it_is_refused_while_somebody_has_the_ports(there: Places) -> None:
    with socket.create_server(("127.0.0.1", there.settings.agi_port)):
        with pytest.raises(CannotStart, match="IVR_AGI_PORT"):
            check_place(there.settings)
        check_place(there.settings, ports=False)


def test_it_is_refused_where_the_folder_cannot_be_put_aside(there: Places, tmp_path: Path) -> None:
    linked = installation(tmp_path / "linked")
    linked.settings.state.parent.mkdir()
    linked.settings.state.symlink_to(there.settings.state)
    with pytest.raises(CannotRestore, match="--to"):
        check_place(linked.settings, ports=False)


def test_root_is_refused_where_root_does_not_run_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = installation(tmp_path / "i", allow_root=False)
    places.settings.state.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(CannotRestore, match="sudo -u"):
        check_place(places.settings, ports=False)


def test_a_restore_that_broke_off_while_unpacking_is_known_and_done_again(there: Places, made: Made) -> None:
    staging = there.settings.state.with_name("state.new")
    write(staging / "state" / "half", b"half")
    assert interrupted(there.settings) == staging
    put_back(verify(made.path), made.path, there)
    assert not staging.exists()
    assert not (there.settings.state / "half").exists()


def test_a_restore_that_broke_off_between_its_two_last_steps_is_done_again(
    there: Places, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power fails when the old folder has its new name and the new one not yet the old."""
    state, found, before = there.settings.state, verify(made.path), tree(there.settings.state)
    rename = Path.rename

    def breaks(path: Path, target: Path) -> Path:
        if path.parent.name == "state.new":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", breaks)
    with pytest.raises(KeyboardInterrupt):
        put_back(found, made.path, there)
    monkeypatch.undo()
    assert not state.exists()
    [kept] = state.parent.glob("state.before-restore-*")
    assert {n.split("/", 1)[1]: v for n, v in tree(kept).items() if "up.lock" not in n} == {
        n.split("/", 1)[1]: v for n, v in before.items()
    }
    assert interrupted(there.settings) is not None
    put_back(found, made.path, there)
    assert len(rows(there.settings.database)["events"]) > 1200


@pytest.mark.usefixtures("untouched")
def test_a_server_that_was_started_while_the_backup_was_unpacked_is_noticed(
    there: Places, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, sync = verify(made.path), os.sync
    with contextlib.ExitStack() as stack:

        def starts() -> None:
            stack.enter_context(socket.create_server(("127.0.0.1", there.settings.agi_port)))
            sync()

        monkeypatch.setattr(os, "sync", starts)
        with pytest.raises(CannotStart, match="IVR_AGI_PORT"):
            put_back(found, made.path, there)


@pytest.mark.usefixtures("untouched")
def test_two_restores_at_once_do_not_meet(there: Places, made: Made) -> None:
    found = verify(made.path)
    descriptor = os.open(there.settings.state.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(CannotRestore, match="sedang berjalan"):
            put_back(found, made.path, there)
    finally:
        os.close(descriptor)


def test_a_restore_that_fails_midway_says_that_nothing_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), plainly("backup.nothing_changed", "backup.not_restored"):
        raise OSError(28, os.strerror(28), "state.new")
    assert "Tidak ada yang hilang" in capsys.readouterr().err


@pytest.mark.usefixtures("untouched")
def test_somebody_elses_folder_in_the_way_is_not_removed(there: Places, made: Made) -> None:
    found = verify(made.path)
    theirs = write(there.settings.state.with_name("state.new") / "thesis.txt", b"years of work")
    with pytest.raises(CannotRestore, match=r"state\.new"):
        put_back(found, made.path, there)
    assert theirs.read_bytes() == b"years of work"
    shutil.rmtree(theirs.parent)


def test_the_lock_is_held_while_the_folder_is_put_in_place(
    there: Places, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []
    rename = Path.rename

    def looks(path: Path, target: Path) -> Path:
        if path == there.settings.state:
            with (path / "up.lock").open() as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            refused.append(path)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", looks)
    put_back(verify(made.path), made.path, there)
    assert refused
