"""The book of alarms: told once, kept over a restart, never in the way."""

import errno
import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.health.alarms import FILE, Alarm, Alarms, State, as_json, read

Told = list[tuple[str, State]]


def book(folder: Path) -> tuple[Alarms, Told]:
    told: Told = []
    return Alarms(folder, lambda alarm, state: told.append((alarm.key, state))), told


def test_a_trouble_is_told_once_when_it_begins_and_once_when_it_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    alarms, told = book(tmp_path)
    for _ in range(3):
        alarms.raise_("disk_state_low", "Ruang disk menipis", "df -h")
    for _ in range(3):
        alarms.clear("disk_state_low")
    assert told == [("disk_state_low", State.BEGUN), ("disk_state_low", State.ENDED)]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert alarms.standing == ()


def test_what_stands_outlives_the_controller_with_the_time_it_began(tmp_path: Path) -> None:
    first, _ = book(tmp_path)
    first.raise_("trunk_unreachable", 'Trunk "jatuh"\n\u2028', "IVR_TRUNK_FILE")
    first.close()
    assert read(tmp_path) == first.standing
    second, told = book(tmp_path)
    second.raise_("trunk_unreachable", "Trunk masih jatuh")
    assert told == []
    assert second.standing[0].since == first.standing[0].since
    assert second.standing[0].text == "Trunk masih jatuh"
    second.clear("trunk_unreachable")
    second.close()
    assert (told, read(tmp_path)) == ([("trunk_unreachable", State.ENDED)], ())


def test_clearing_what_does_not_stand_writes_nothing(tmp_path: Path) -> None:
    alarms, told = book(tmp_path)
    alarms.clear("nothing")
    alarms.close()
    assert told == []
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_keeps_the_alarms_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")
    alarms, told = book(tmp_path / "file" / "health")
    alarms.raise_("disk_state_full", "Penuh")
    alarms.close(1.0)
    assert [alarm.key for alarm in alarms.standing] == ["disk_state_full"]
    assert told == [("disk_state_full", State.BEGUN)]
    assert sum("kept in memory only" in record.getMessage() for record in caplog.records) == 1


def test_a_disk_that_is_writable_again_gets_the_newest_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.health.alarms.AGAIN", 0.01)
    folder = tmp_path / "health"
    folder.write_text("in the way")
    alarms, _ = book(folder)
    alarms.raise_("asterisk_away", "Hilang")
    folder.unlink()
    alarms.close()
    assert [alarm.key for alarm in read(folder)] == ["asterisk_away"]


def test_raising_does_not_wait_for_a_disk_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr("ivr.health.alarms.replace_file", lambda _path, _content: released.wait(20))
    alarms, told = book(tmp_path)
    for number in range(50):
        alarms.raise_(f"key_{number}", "Ada gangguan")
    assert len(told) == 50
    released.set()
    alarms.close()


def test_a_listener_that_fails_stops_no_alarm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fails(_alarm: Alarm, _state: State) -> None:
        raise OSError(errno.ENOSPC, "full")

    alarms = Alarms(tmp_path, fails)
    alarms.raise_("operators_away", "Tidak ada operator")
    alarms.close()
    assert [alarm.key for alarm in read(tmp_path)] == ["operators_away"]
    assert "nobody could be told" in caplog.text


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}", b"[1]", b"[{}]", b'[{"key": 1}]', b"\xff\xfe", b"[" * 100_000, b"null", b'[{"since": {}}]'],
)
def test_a_book_that_cannot_be_read_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert read(tmp_path) == ()
    alarms, _ = book(tmp_path)
    alarms.raise_("record_unavailable", "Catatan macet")
    alarms.close()
    assert len(read(tmp_path)) == 1


def test_many_threads_raise_and_clear_without_losing_an_alarm(tmp_path: Path) -> None:
    alarms, told = book(tmp_path)

    def work(name: int) -> None:
        for turn in range(40):
            alarms.raise_(f"key_{name}", f"kali {turn}")
            if turn % 2:
                alarms.clear(f"key_{name}")
        alarms.raise_(f"key_{name}", "tetap")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alarms.close()
    assert {alarm.key for alarm in read(tmp_path)} == {f"key_{name}" for name in range(6)}
    assert len(told) == 6 * (40 + 1)


def test_times_are_utc_for_programs(tmp_path: Path) -> None:
    since = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
    rows = as_json([Alarm("a", since, "x"), Alarm("b", since + timedelta(hours=1), "y", "z")])
    assert rows[0] == {"key": "a", "since": "2026-11-22T01:02:03+00:00", "text": "x", "where": ""}
    (tmp_path / FILE).write_text(json.dumps(rows).replace("+00:00", ""))
    assert [alarm.since for alarm in read(tmp_path)] == [since, since + timedelta(hours=1)]
