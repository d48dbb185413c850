import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import column, create_engine, insert, inspect, table, text
from sqlalchemy.pool import NullPool

from ivr.calls import migrations
from ivr.calls.migrations import TablesUnknown, upgrade, versions
from ivr.calls.migrations.configuration import configuration
from ivr.calls.model import Base


def test_the_migrations_make_the_tables_of_the_model(tmp_path: Path) -> None:
    path = tmp_path / "100% new" / "calls.sqlite"
    upgrade(path)
    upgrade(path)
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        made = {index["name"] for index in inspect(connection).get_indexes("calls")}
    assert made == {"calls_arrived_at", "calls_outcome", "calls_unchecked", "calls_test_arrived_at"}


def test_the_tables_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    upgrade(path)
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade(path)
    with engine.connect() as connection:
        assert "calls" in inspect(connection).get_table_names()


def test_calls_written_before_there_were_test_calls_keep_every_value(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    upgrade(path)
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "0001")
        columns = {one["name"]: str(one["type"]) for one in inspect(connection).get_columns("calls")}
        assert "test" not in columns
        kept = {name: _value(kind, name) for name, kind in columns.items()}
        calls = table("calls", *map(column, kept))
        connection.execute(insert(calls), [kept | {"call_id": one} for one in ("first", "second")])
        attempt = (
            "INSERT INTO attempts VALUES ('first', 0, 'damkar', '2026-11-22 01:00:00', NULL, NULL, NULL, 'busy')"
        )
        connection.execute(text(attempt))
    upgrade(path)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM calls ORDER BY call_id")).mappings().all()
        assert connection.scalar(text("SELECT line FROM attempts WHERE call_id = 'first'")) == "damkar"
    assert [dict(row) for row in rows] == [kept | {"call_id": one, "test": 0} for one in ("first", "second")]


def _value(kind: str, name: str) -> object:
    values = {"DATETIME": "2026-11-22 01:00:00.000004", "BOOLEAN": 1, "FLOAT": 2.5, "INTEGER": 7}
    return values.get(kind, f"{name}'s own")


def test_only_the_owner_may_read_the_database(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    upgrade(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_upgrades_at_the_same_time_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    failures: list[Exception] = []

    def run() -> None:
        try:
            upgrade(path)
        except Exception as error:  # noqa: BLE001 whatever it is, the test must show it
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    upgrade(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(TablesUnknown):
        upgrade(path)


def test_the_files_are_named_by_the_versions_that_alembic_finds_in_them() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert versions() == [one.revision for one in scripts.walk_revisions()]
