"""Versions of the database's tables (Alembic), brought up to date by the program itself."""

import os
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

# Alembic's `context` is one per process: two upgrades in two threads would take each other's connection
_ONE_AT_A_TIME = threading.Lock()


def upgrade(database_path: Path) -> None:
    """Creates the database (readable by its owner alone) or brings it to this version; nothing when it is.

    One transaction: it succeeds wholly or changes nothing, and two processes at once wait for each other.
    Raises OSError when the folder cannot be made, `sqlalchemy.exc.DatabaseError` when the file is unusable,
    `alembic.util.CommandError` when a newer version of the program made it.
    """
    database_path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(database_path, os.O_CREAT | os.O_RDWR, 0o600))
    url = URL.create("sqlite", database=str(database_path))
    engine = create_engine(url, poolclass=NullPool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    with _ONE_AT_A_TIME, engine.begin() as connection:
        command.upgrade(configuration(connection), "head")


def versions() -> list[str]:
    """Every version of the tables that this program knows, the newest first."""
    return [one.revision for one in ScriptDirectory(str(Path(__file__).parent)).walk_revisions()]


def configuration(connection: Connection) -> Config:
    """Alembic's settings, without an alembic.ini, to work on this connection."""
    config = Config()
    folder = str(Path(__file__).parent)
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we begin our transactions ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
