"""Versions of the database's tables (Alembic), brought up to date by the program itself.

Alembic (11 MB, 140 modules) is needed once in a release: a database that is of this version does without it.
"""

import os
import threading
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event, inspect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

# Alembic's `context` is one per process: two upgrades in two threads would take each other's connection
_ONE_AT_A_TIME = threading.Lock()


class TablesUnknown(Exception):
    """A newer version of the program made the tables."""


def upgrade(database_path: Path) -> None:
    """Creates the database (readable by its owner alone) or brings it to this version; nothing when it is.

    One transaction: it succeeds wholly or changes nothing, and two processes at once wait for each other.
    Raises OSError when the folder cannot be made, `sqlalchemy.exc.DatabaseError` when the file is unusable,
    TablesUnknown when a newer version of the program made it.
    """
    database_path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(database_path, os.O_CREAT | os.O_RDWR, 0o600))
    url = URL.create("sqlite", database=str(database_path))
    engine = create_engine(url, poolclass=NullPool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    with _ONE_AT_A_TIME, engine.begin() as connection:
        if _version(connection) != versions()[0]:
            _migrate(connection)


def versions() -> list[str]:
    """Every version of the tables that this program knows, the newest first: the numbers its files are named by."""
    files = Path(__file__).with_name("versions").glob("v*_*.py")
    return sorted((file.name[1:].partition("_")[0] for file in files), reverse=True)


def _version(connection: Connection) -> str | None:
    """That of the tables, None when there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.util import CommandError

    from ivr.calls.migrations.configuration import configuration

    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:  # Alembic does not know the version of the tables
        raise TablesUnknown(str(error)) from error


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we begin our transactions ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
