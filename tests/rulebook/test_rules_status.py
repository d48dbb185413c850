from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.rulebook.history import Entry, How
from ivr.rulebook.status import METRICS, STATUS, Attempt, Result, Status, metrics, read, write

SINCE = datetime(2026, 11, 22, 10, 2, 11, 500000, tzinfo=UTC)
ENTRY = Entry("3fa9" * 16, SINCE, "budi", "0a1b2c3d", How.SAVED)
REFUSED = Attempt(
    datetime(2026, 11, 22, 11, tzinfo=UTC), "ab" * 32, Result.REFUSED, How.RELOAD, "sari", ("satu", "dua")
)


@pytest.mark.parametrize("status", [Status(ENTRY), Status(ENTRY, REFUSED)])
def test_what_was_written_is_read_back(status: Status, tmp_path: Path) -> None:
    write(tmp_path, status)
    assert read(tmp_path) == status


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"in_force": {}}', b"\xff"])
def test_a_status_that_is_not_there_or_torn_is_none(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / STATUS).write_bytes(content)
    assert read(tmp_path) is None


def test_prometheus_reads_the_numbers(tmp_path: Path) -> None:
    write(tmp_path, Status(ENTRY, REFUSED))
    lines = (tmp_path / METRICS).read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f'ivr_rules_info{{hash="{"3fa9" * 16}",generation="0a1b2c3d"}} 1',
        "ivr_rules_in_force_timestamp_seconds 1795341731.500",
        "ivr_rules_last_reload_successful 0",
        "ivr_rules_last_attempt_timestamp_seconds 1795345200.000",
    ]
    for name in (line.split(" ")[0].split("{")[0] for line in lines if not line.startswith("#")):
        assert f"# TYPE {name} gauge" in lines
        assert any(line.startswith(f"# HELP {name} ") for line in lines)


@pytest.mark.parametrize(
    ("result", "good"),
    [(None, 1), (Result.ACCEPTED, 1), (Result.UNCHANGED, 1), (Result.REFUSED, 0), (Result.PENDING, 0)],
)
def test_only_a_file_that_is_in_force_is_a_success(result: Result | None, good: int) -> None:
    attempt = replace(REFUSED, result=result) if result else None
    assert f"ivr_rules_last_reload_successful {good}\n" in "".join(metrics(Status(ENTRY, attempt)))
