"""The database is locked, damaged, gone or read-only, or the disk is full: nobody who calls notices, and the log has
every call afterwards, once and whole."""

import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import pytest

from ivr.calls.projection import CallRecord
from ivr.phones.baresip import Kind, Phone
from tests.system.measured import holds, outcome, reached
from tests.system.people import Citizen, SwitchOn, kinds
from tests.system.server import Server, until
from tests.system.test_the_call import talks

ADDED = 1.0  # seconds of silence that a fault of the record may add


def database(server: Server) -> Path:
    return server.state / "calls.sqlite"


@contextmanager
def locked(server: Server) -> Iterator[None]:
    with closing(sqlite3.connect(database(server), isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def gone(server: Server) -> Iterator[None]:
    """Deleted, and it cannot be made again: a folder stands in its place."""
    for file in server.state.glob("calls.sqlite*"):
        file.unlink()
    with suppress(FileExistsError):
        database(server).mkdir()
    if not database(server).is_dir():  # the controller was quicker
        database(server).unlink()
        database(server).mkdir()
    yield
    database(server).rmdir()


@contextmanager
def damaged(server: Server) -> Iterator[None]:
    """Somebody copied something else over it."""
    for file in server.state.glob("calls.sqlite*"):
        file.unlink()
    database(server).write_bytes(b"this is not a database\n" * 1000)
    yield
    assert list(server.state.glob("calls.sqlite.broken-*"))


@contextmanager
def read_only(server: Server) -> Iterator[None]:
    """The file is put back from a read-only medium."""
    copy = server.state / "copy.sqlite"
    with closing(sqlite3.connect(database(server))) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    for file in server.state.glob("calls.sqlite*"):
        file.unlink()
    database(server).touch()
    subprocess.run(["mount", "--bind", copy, database(server)], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", database(server)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", database(server)], check=True)
        copy.replace(database(server))


FAULTS: dict[str, Callable[[Server], AbstractContextManager[None]]] = {
    "database locked": locked,
    "database gone": gone,
    "database damaged": damaged,
    "database read-only": read_only,
}


def calls_the_fire_brigade(citizen: Phone, officer: Phone) -> float:
    """A whole call without a look into the log, which may be away; when it was dialled (monotonic)."""
    dialled = time.monotonic()
    citizen.dial("112")
    citizen.wait_event(Kind.ESTABLISHED)
    citizen.press("1")
    citizen.press("1")
    officer.answer(15)
    officer.press("1")
    return dialled


def is_whole(record: CallRecord) -> bool:
    known = (record.category, record.area, record.answered_by, record.lifeline, record.outcome)
    return known == ("kebakaran", "62.71.01", "damkar_1", False, "answered")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_caller_notices_nothing_of_a_record_that_is_away_and_is_in_it_afterwards(
    fault: str, own_server: Server, switch_on: SwitchOn
) -> None:
    citizen, officer = switch_on(own_server, "warga"), switch_on(own_server, "damkar_1")
    with FAULTS[fault](own_server):
        dialled = calls_the_fire_brigade(citizen, officer)
        talks(Citizen(own_server, citizen), officer)
        measured = reached(citizen, officer, dialled)
        citizen.hang_up()
    record, events = own_server.ended_call("warga", 20)
    holds(fault, "new call", measured, outcome(record), dead_air=ADDED)
    assert is_whole(record)
    assert len(own_server.calls()) == 1
    assert kinds(events).count("plan") == 1


def test_a_database_deleted_during_a_call_is_made_again_with_the_whole_call_and_those_before(
    own_server: Server, switch_on: SwitchOn
) -> None:
    citizen, officer = switch_on(own_server, "warga"), switch_on(own_server, "damkar_1")
    calls_the_fire_brigade(citizen, officer)
    talks(Citizen(own_server, citizen), officer)
    citizen.hang_up()
    own_server.ended_call("warga", 20)
    calls_the_fire_brigade(citizen, officer)
    talks(Citizen(own_server, citizen), officer)
    for file in own_server.state.glob("calls.sqlite*"):
        file.unlink()
    citizen.hang_up()
    until(lambda: [is_whole(call) for call in own_server.calls()] == [True, True], "both calls in the log", 20)


@pytest.fixture
def on_a_small_disk(tmp_path: Path) -> Iterator[Server]:
    """A server whose state has 96 MB, half of them kept for the journals."""
    (tmp_path / "state").mkdir()
    mount: list[str | Path] = ["mount", "-t", "tmpfs", "-o", "size=96m", "small", tmp_path / "state"]
    subprocess.run(mount, check=True)
    try:
        with Server(tmp_path, shift=100) as running:
            yield running
    finally:
        subprocess.run(["umount", "--lazy", tmp_path / "state"], check=True)


def fill(folder: Path) -> Path:
    """Not one more byte fits on this disk."""
    filling = folder / "filling"
    with suppress(OSError), filling.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))
            file.flush()
    return filling


def test_on_a_full_disk_phones_register_calls_are_served_and_written_down(
    on_a_small_disk: Server, switch_on: SwitchOn
) -> None:
    server = on_a_small_disk
    officer = switch_on(server, "damkar_1")
    filling = fill(server.state)
    assert filling.stat().st_size > 10 << 20
    citizen = switch_on(server, "warga")  # registers on the full disk, and so does the operator below
    operator = switch_on(server, "operator1")
    dialled = calls_the_fire_brigade(citizen, officer)
    talks(Citizen(server, citizen), officer)
    measured = reached(citizen, officer, dialled)
    citizen.hang_up()
    citizen.dial("112")
    citizen.wait_event(Kind.ESTABLISHED)
    citizen.press("0")
    operator.answer(15)
    citizen.hang_up()
    filling.unlink()

    def both() -> list[CallRecord]:
        known = server.calls()
        return known if len(known) == 2 and all(call.ended_at and call.plan for call in known) else []

    second, first = until(both, "both calls in the log", 20)
    holds("disk full", "new call", measured, outcome(first), dead_air=ADDED)
    assert is_whole(first)
    assert (second.answered_by, second.outcome) == ("operator1", "answered")
