"""Making a backup: of what others write to meanwhile, on disks that are full, under Ctrl-C."""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.backup.keep import listed, surplus, verify
from ivr.backup.make import CannotBackUp, make
from ivr.backup.names import backups_in, name_of
from ivr.backup.places import Places
from ivr.backup.snapshot import Unsound, copy
from ivr.calls.database import Database, reader
from ivr.calls.events import Kind, happened
from ivr.calls.projection import CallRecord, is_call, project
from ivr.calls.query import call
from ivr.calls.store import events_of
from ivr.calls.writer import CallLog
from ivr.settings import PROJECT
from tests.backup.installation import damaged, fill, installation, rows, write
from tests.calls import story
from tests.system.server import until

EVENTS_A_SECOND = 200


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return fill(installation(tmp_path / "i"))


# While others write.


def grow(places: Places, events: int) -> None:
    """A database of some size, so that copying it takes a while."""
    detail = json.dumps({"text": "x" * 600})
    many = [(f"old-{n}", "k", "2026-01-01 00:00:00.000000", "sweep", "old", detail) for n in range(events)]
    statement = "INSERT INTO events (call_id, key, at, source, kind, detail) VALUES (?, ?, ?, ?, ?, ?)"
    with closing(sqlite3.connect(places.settings.database)) as connection, connection:
        connection.executemany(statement, many)


async def write_on(path: Path, stop: threading.Event, pauses: list[float]) -> None:
    """Note 200 events a second of growing calls; `pauses` are the seconds between two commits."""
    calls = CallLog(Database(path))
    async with calls:
        with calls.followed(100_000) as written:
            noted = asyncio.create_task(_note(calls, stop))
            last = time.monotonic()
            while not noted.done():
                await written.get()
                while not written.empty():
                    written.get_nowait()
                now = time.monotonic()
                pauses.append(now - last)
                last = now
        await noted


async def _note(calls: CallLog, stop: threading.Event) -> None:
    number = 0
    began = time.monotonic()
    while not stop.is_set():
        while number < (time.monotonic() - began) * EVENTS_A_SECOND:
            moment = story.at(number / EVENTS_A_SECOND)
            kind = [Kind.ARRIVED, Kind.QUESTION, Kind.RING, Kind.ACCEPTED][number % 4]
            calls.note(happened(f"new-{number // 4}", kind, at=moment, line="damkar-1", number="x", question="area"))
            number += 1
        await asyncio.sleep(0.005)


@pytest.mark.thorough
def test_a_copy_taken_under_200_events_a_second_is_of_one_moment_and_keeps_no_writer_waiting(
    places: Places, tmp_path: Path
) -> None:
    grow(places, 30_000)
    stop, pauses = threading.Event(), list[float]()
    copies = [tmp_path / f"{number}.sqlite" for number in range(2)]

    def committed(_copied: int = 0) -> None:
        """The writer goes on, whatever part of the copy is made."""
        before = len(pauses)
        assert before < 2000, "with each commit the copying begins again"
        until(lambda: len(pauses) > before, "commit", 30)

    writer = threading.Thread(target=asyncio.run, args=(write_on(places.settings.database, stop, pauses),))
    writer.start()
    try:
        for _ in range(10):
            committed()
        quiet = max(pauses[5:])
        pauses.clear()
        began = time.monotonic()
        for path in copies:
            copy(places.settings.database, path, committed)
        copied, commits, during = time.monotonic() - began, len(pauses), max(pauses)
    finally:
        stop.set()
        writer.join()
    size = copies[0].stat().st_size
    print(f"{size / 1e6:.1f} MB copied twice in {copied:.2f} s; {commits} commits meanwhile")  # noqa: T201 the measure
    print(f"the writer's longest pause: {quiet:.3f} s before, {during:.3f} s during")  # noqa: T201
    counts = []
    for path in copies:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            counts.append(connection.execute("SELECT count(*) FROM events").fetchone()[0])
        records_are_projections(path)
    assert counts == sorted(set(counts)), "no copy is of a later moment than the one before"


def records_are_projections(path: Path) -> None:
    """Every call's row is what its events say, and no call with events lacks its row."""
    with reader(path) as connection:
        ids = [row[0] for row in connection.exec_driver_sql("SELECT DISTINCT call_id FROM events")]
        events = events_of(connection, ids)
        found: dict[str, CallRecord] = defaultdict()
        for one in [one for one in ids if one.startswith("new-")][-200:] + [
            one for one in ids if one.startswith("ivr112-")
        ][:50]:
            record = call(connection, one)
            assert (record is not None) == any(map(is_call, events[one]))
            if record:
                found[one] = record[0]
    assert found
    assert all(record == project(one, events[one]) for one, record in found.items())


@pytest.mark.thorough
def test_a_whole_backup_under_200_events_a_second_loses_nothing_between_its_parts(
    places: Places, tmp_path: Path
) -> None:
    stop, pauses = threading.Event(), list[float]()
    writer = threading.Thread(target=asyncio.run, args=(write_on(places.settings.database, stop, pauses),))
    writer.start()
    try:
        stop.wait(0.5)
        made = make(places, tmp_path / "nas")
    finally:
        stop.set()
        writer.join()
    verify(made.path)
    assert "state/calls.sqlite" in {member.name for member in made.contents.members}
    assert max(pauses) < 2.0


def test_a_database_left_by_a_crash_is_copied_with_what_was_committed(places: Places, tmp_path: Path) -> None:
    writer = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA journal_mode=WAL")
db.execute("INSERT INTO cel_position VALUES ('/crash', x'00', 5)")
db.commit()
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", writer, places.settings.database], check=False)
    assert Path(f"{places.settings.database}-wal").stat().st_size
    copy(places.settings.database, tmp_path / "copy.sqlite")
    assert ("/crash", b"\0", 5) in rows(tmp_path / "copy.sqlite")["cel_position"]


def test_a_recording_in_progress_is_taken_as_far_as_it_is(places: Places, tmp_path: Path) -> None:
    old = places.settings.recordings / "2026" / "11" / "22" / "one.wav"
    os.utime(old, (1_700_000_000, 1_700_000_000))
    write(old.with_name("two.wav"), b"RIFF so far")
    made = make(places, tmp_path / "nas", recordings=True)
    growing = {member.name: member.growing for member in made.contents.members if "recordings/" in member.name}
    assert growing == {"recordings/2026/11/22/one.wav": False, "recordings/2026/11/22/two.wav": True}


# What keeps it from being made.


def test_a_damaged_database_is_said_and_gives_no_backup(places: Places, tmp_path: Path) -> None:
    damaged(places.settings.database)
    with pytest.raises(CannotBackUp, match=r"calls\.sqlite"):
        make(places, tmp_path / "nas")
    assert list((tmp_path / "nas").iterdir()) == []


def test_a_database_somebody_holds_alone_is_said(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.backup.snapshot.PATIENCE", 0.05)
    with closing(sqlite3.connect(places.settings.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("DELETE FROM attempts")
        with pytest.raises(Unsound, match="locked"):
            copy(places.settings.database, tmp_path / "copy.sqlite")


def test_without_a_state_folder_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(CannotBackUp, match="IVR_STATE"):
        make(installation(tmp_path / "i"), tmp_path / "nas")


def test_another_user_is_told_whom_to_be(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(CannotBackUp, match="sudo -u"):
        make(places, tmp_path / "nas")


def test_two_backups_at_once_do_not_meet(places: Places, tmp_path: Path) -> None:
    folder = tmp_path / "nas"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(CannotBackUp, match="sedang dibuat"):
            make(places, folder)
    finally:
        os.close(descriptor)


def test_too_little_space_is_said_before_anything_is_written(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 10_000))
    with pytest.raises(CannotBackUp, match="tersisa 10,0 kB"):
        make(places, tmp_path / "nas")
    assert list((tmp_path / "nas").iterdir()) == []


def test_what_a_cut_off_backup_left_is_cleared_away(places: Places, tmp_path: Path) -> None:
    folder = tmp_path / "nas"
    write(folder / ".ivr112-abc_1234.part" / "0.sqlite", b"half")
    write(folder / ".ivr112-not ours.part" / "x", b"else")
    made = make(places, folder)
    assert [path.name for path in made.removed] == [".ivr112-abc_1234.part"]
    assert sorted(path.name for path in folder.iterdir()) == [".ivr112-not ours.part", made.path.name]


def test_copies_left_by_a_cut_off_verification_are_removed_after_a_day(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the backup, or, where that folder may not be written to, among the system's temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    for where in (tmp_path / "nas", tmp_path / "temporary"):
        for name in ("old", "new"):
            write(where / f".ivr112-{name}.check" / "0.sqlite", b"citizens")
        os.utime(where / ".ivr112-old.check", (time.time() - 90_000,) * 2)
    made = make(places, tmp_path / "nas")
    assert {path.parent.name for path in made.removed} == {"nas", "temporary"}
    left = {path.name for path in tmp_path.glob("*/.*.check")}
    assert left == {".ivr112-new.check"}


def test_without_the_passwords_there_is_no_backup(places: Places, tmp_path: Path) -> None:
    (places.settings.state / "secrets.json").unlink()
    with pytest.raises(CannotBackUp, match=r"secrets\.json"):
        make(places, tmp_path / "nas")
    assert list((tmp_path / "nas").iterdir()) == []


def test_two_backups_in_one_second_have_two_names(places: Places, tmp_path: Path) -> None:
    paths = {make(places, tmp_path / "nas").path for _ in range(3)}
    assert len(paths) == 3
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in paths)


# As a process of its own.


def command(places: Places, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """`ivr ...` on this installation."""
    settings = places.settings
    given = {
        "IVR_STATE": settings.state,
        "IVR_RECORDINGS": settings.recordings,
        "IVR_PROMPTS": settings.prompts,
        "IVR_RULES_FILE": settings.rules_file,
        "IVR_ALLOW_ROOT": "yes",
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("IVR_")}
    return [sys.executable, "-m", "ivr", *arguments], others | {name: str(value) for name, value in given.items()}


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_backup_that_is_interrupted_leaves_nothing(places: Places, tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "nas"
    folder.mkdir()
    write(places.settings.state / "big", os.urandom(60_000_000))
    words, environment = command(places, "backup", "--to", str(folder))
    process = subprocess.Popen(
        words, env=environment, cwd=PROJECT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 1_000_000 for path in folder.glob(".ivr112-*.part/*.tar.gz")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "Dibatalkan" in err
    assert list(folder.iterdir()) == []


@pytest.mark.thorough
def test_a_disk_that_becomes_full_leaves_nothing_and_is_said(places: Places, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    write(places.settings.state / "big", os.urandom(30_000_000))  # a third is expected of it, and it takes all
    words, environment = command(places, "backup", "--to", str(folder))
    script = f'mount -t tmpfs -o size=20m small {folder} && "$@"; code=$?; ls -A {folder}; exit $code'
    done = subprocess.run(
        ["unshare", "-m", *([] if os.geteuid() == 0 else ["-Ur"]), "sh", "-c", script, "sh", *words],
        env=environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, ""), done
    assert "No space left on device" in done.stderr
    assert "ruang disk" in done.stderr


# Which may go.


def test_only_surplus_backups_of_this_installation_may_go(places: Places, tmp_path: Path) -> None:
    folder = tmp_path / "nas"
    other = make(fill(installation(tmp_path / "other")), folder).path
    ours = [make(places, folder) for _ in range(4)]
    strangers = [
        write(folder / "ivr112-20200101-000000.tar.gz", b"cannot be read"),
        write(folder / "ivr112-20200101-000000.tar.gz.bak", ours[0].path.read_bytes()),
        write(folder / "notes.txt", b"mine"),
    ]
    (folder / "ivr112-20200102-000000.tar.gz").symlink_to(ours[0].path)
    about = ours[-1].contents.about
    newest = ours[-1].path
    assert surplus(newest, about, 4).paths == ()
    assert surplus(newest, about, 2).paths == (ours[0].path, ours[1].path)
    assert surplus(newest, about, 1).paths == tuple(one.path for one in ours[:3])
    assert {one.path for one in listed(folder) if one.about is None} == {strangers[0]}
    assert other in backups_in(folder)


def test_the_backup_just_made_stays_whatever_date_another_has(places: Places, tmp_path: Path) -> None:
    folder = tmp_path / "nas"
    first, second, third = (make(places, folder) for _ in range(3))
    assert surplus(first.path, first.contents.about, 1).paths == (second.path, third.path)
    assert surplus(first.path, first.contents.about, 2).paths == (second.path,)
    ahead = third.path.rename(folder / name_of(datetime.now(UTC) + timedelta(hours=2)))
    found = surplus(first.path, first.contents.about, 1)
    assert (found.paths, found.ahead) == ((second.path,), (ahead,))


def test_the_members_are_plain_files_of_a_tar(places: Places, tmp_path: Path) -> None:
    made = make(places, tmp_path / "nas")
    done = subprocess.run(
        ["tar", "xzf", made.path, "-C", tmp_path, "manifest.json", "state/secrets.json"], check=True
    )
    assert done.returncode == 0
    assert len(json.loads((tmp_path / "manifest.json").read_text())["members"]) == len(made.contents.members) + 1
    secrets = tmp_path / "state" / "secrets.json"
    assert secrets.read_bytes() == (places.settings.state / "secrets.json").read_bytes()
