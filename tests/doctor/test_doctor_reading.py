import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from ivr.calls.database import LogUnavailable
from ivr.doctor.context import gather
from ivr.doctor.reading import ask
from ivr.doctor.run import examine
from tests.calls.story import answered_rows, events
from tests.doctor.installation import NOW, settings, write_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The record of a stopped server, with one call."""
    path = tmp_path / "calls.sqlite"
    write_log(path, events(answered_rows()))
    return path


def count(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM calls").scalar_one())


def add_a_call(writer: sqlite3.Connection) -> None:
    columns = [row[1] for row in writer.execute("PRAGMA table_info(calls)") if row[1] != "call_id"]
    listed = ", ".join(columns)
    writer.execute(f"INSERT INTO calls (call_id, {listed}) SELECT 'another', {listed} FROM calls LIMIT 1")  # noqa: S608
    writer.commit()


def test_the_doctor_leaves_nothing_beside_the_record_of_a_stopped_server(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    write_log(chosen.database, events(answered_rows()))
    before = chosen.database.read_bytes()
    findings = examine(gather(chosen, NOW), ["database", "schema", "journal", "open_calls", "recordings", "clock"])
    assert [finding.check for finding in findings if finding.level == "ok"]
    assert [path.name for path in tmp_path.rglob("calls.sqlite*")] == ["calls.sqlite"]
    assert chosen.database.read_bytes() == before


def test_what_a_running_server_has_not_yet_put_into_the_file_itself_is_read(log: Path) -> None:
    with closing(sqlite3.connect(log)) as server:
        add_a_call(server)
        assert ask(log, count) == 2
        assert Path(f"{log}-wal").exists()
    assert ask(log, count) == 2


def test_a_server_that_starts_during_the_question_makes_it_be_asked_again(log: Path) -> None:
    asked = []

    def interrupted(connection: Connection) -> int:
        asked.append(count(connection))
        if len(asked) == 1:
            with closing(sqlite3.connect(log)) as server:
                add_a_call(server)
        return asked[-1]

    assert ask(log, interrupted) == 2
    assert len(asked) == 2


def test_a_question_that_failed_because_a_server_started_is_asked_again(log: Path) -> None:
    asked = []

    def torn(connection: Connection) -> int:
        asked.append(1)
        if len(asked) == 1:
            with closing(sqlite3.connect(log)) as server:
                add_a_call(server)
            raise sqlite3.DatabaseError("database disk image is malformed")
        return count(connection)

    assert ask(log, torn) == 2


def test_a_damaged_record_and_one_that_is_not_there_are_said_to_be(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"not a database" * 1000)
    for path in (broken, tmp_path / "nowhere.sqlite"):
        with pytest.raises(LogUnavailable):
            ask(path, count)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.sqlite"]
