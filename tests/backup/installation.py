"""An installation with everything a backup holds, made by the program's own parts where that is cheap."""

import asyncio
import gzip
import hashlib
import os
import sqlite3
import struct
import tempfile
from collections.abc import Iterable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from ivr.backup.places import Places
from ivr.calls.database import Database
from ivr.calls.events import Event
from ivr.calls.store import set_position, store
from ivr.rulebook.history import Entry, History, How
from ivr.secrets import Secrets
from tests.calls import story
from tests.city import SHIPPED, settings_in

HERE = Path(__file__)
RELEASE = HERE.with_name("release-0.1.0.sql.gz")

# Not to be in any backup: made again, or of this run only.
LEFT_OUT = (
    "asterisk/etc/pjsip.conf",
    "asterisk/log/messages.log",
    "asterisk/log/messages.log.1.gz",
    "asterisk/run/asterisk.pid",
    "log/controller.log",
    "sentences/sentence-1.wav",
    "backups/ivr112-20260101-000000.tar.gz",
    "controller.pid",
    "rules/.status.json.x7.new",
    "calls.sqlite-wal",
    "health/alarms.json",
    "health/heartbeat.lock",
)


def installation(folder: Path, **given: object) -> Places:
    """Settings and files below `folder`; the database holds the calls of release 0.1.0 and two newer ones."""
    tls = {"tls_certificate": folder / "tls" / "a.pem", "tls_key": folder / "tls" / "b.pem"}
    own = {"prompts": folder / "prompts", "backups": folder / "state" / "backups", "allow_root": True, **tls}
    own |= {"rules_file": folder / "etc" / "kota.yaml", "trunk_file": folder / "etc" / "trunk.conf", "http_port": 0}
    return Places(settings_in(folder, **{**own, **given}), folder)


def fill(places: Places) -> Places:
    """Make its files."""
    settings = places.settings
    state = settings.state
    settings.state.mkdir(parents=True, mode=0o750)
    write(settings.database, record())
    with closing(sqlite3.connect(settings.database)) as connection, connection:
        connection.execute("UPDATE cel_position SET path = ? WHERE path = ?", (str(settings.cel_file), str(HERE)))
    for name in LEFT_OUT:
        write(state / name, b"left out")
    (state / "calls.sqlite-wal").unlink()  # SQLite's own business
    Secrets(state / "secrets.json")["damkar_1"]
    history = History(state / "rules")
    history.keep(SHIPPED.read_bytes())
    history.accept(Entry(hashlib.sha256(SHIPPED.read_bytes()).hexdigest(), story.START, "ani", "g1", How.SAVED))
    write(state / "journal" / "events.log", b"a waiting event\n")
    write(state / "health" / "heartbeat.json", b"{}")
    write(state / "something new", os.urandom(3000), 0o644)
    write(state / "empty", b"")
    story_rows = story.answered_rows()
    settings.cel_file.parent.mkdir(parents=True)
    story.write_rows(settings.cel_file, story_rows)
    write(settings.cel_file.with_name("calls.csv.1"), b"rotated\n")
    write(settings.cel_file.with_name("calls.csv.2.gz"), gzip.compress(b"older\n"))
    write(settings.asterisk_log / "cdr-custom" / "calls.csv", b"cdr\n")
    write(settings.asterisk_log / "queue_log", b"1|NONE|NONE|NONE|QUEUESTART|\n")
    astdb(state / "asterisk" / "lib" / "astdb.sqlite3")
    write(settings.rules_file, SHIPPED.read_bytes(), 0o640)
    write(settings.rules_file.with_name("kota.tests.yaml"), b"aturan: kota.yaml\nharapan: []\n")
    write(settings.prompts / "prompts.yaml", b"salam: Halo\n")
    write(settings.prompts / "studio" / "salam.wav", os.urandom(2000))
    write(settings.prompts / "studio-jawa" / "salam.wav", os.urandom(2000))
    write(settings.prompts / "built" / "salam.wav", b"made again")
    for path in (settings.trunk_file, settings.tls_certificate, settings.tls_key):
        assert path is not None
        write(path, path.name.encode(), 0o640)
    write(places.project / ".env", b"IVR_DEMO=no\n")
    write(settings.recordings / "2026" / "11" / "22" / "one.wav", b"RIFF" + bytes(4000), 0o640)
    return places


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


@cache
def record() -> bytes:
    """The database, made once for all tests; HERE stands for the CEL file's path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "calls.sqlite")
        load(RELEASE, path)
        calls = [*story.events(story.answered_rows()), *story.told_by_controller()]
        asyncio.run(_add(path, calls, HERE))
        return path.read_bytes()


def load(sql: Path, database: Path) -> None:
    """A database made of an SQL dump."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(gzip.decompress(sql.read_bytes()).decode())
    database.chmod(0o600)


async def _add(path: Path, events: Iterable[Event], cel_file: Path) -> None:
    """Through the program's own store, which brings the database to this version first."""
    database = Database(path)
    async with database.writing() as connection:
        await connection.run_sync(store, list(events))
        await connection.run_sync(set_position, str(cel_file), b"head of the file", 77)
    await database.close()


def astdb(path: Path) -> None:
    """Asterisk's registrations: SQLite without WAL."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        connection.execute("INSERT INTO astdb VALUES ('/registrar/contact/damkar_1', '{}')")


Rows = dict[str, list[tuple[Any, ...]]]


def rows(database: Path) -> Rows:
    """Every row of every table, in order."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}  # noqa: S608


def tree(*folders: Path) -> dict[str, tuple[str, int]]:
    """Every file with its hash and mode; what SQLite keeps beside a database is not looked at."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.name.endswith(("-wal", "-shm")):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path.relative_to(folder.parent))] = (digest, path.stat().st_mode & 0o7777)
    return found


def damaged(database: Path) -> None:
    """Overwrite a page in the middle, as a broken disk would."""
    size = database.stat().st_size
    with database.open("r+b") as file:
        page = struct.unpack(">H", file.read(18)[16:18])[0]
        file.seek(size // 2 // page * page)
        file.write(os.urandom(page))
