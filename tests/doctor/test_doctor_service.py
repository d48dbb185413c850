import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ivr.backup.names import name_of
from ivr.doctor.model import Level
from ivr.health.alarms import Alarms
from ivr.health.conditions import heartbeat_limit
from ivr.heartbeat.last import NAME, write_last
from ivr.heartbeat.result import Outcome, Result
from ivr.restarts import Reason, note
from tests.doctor.installation import NOW, context, found, live, only

LAST = '{"token": "t", "at": "2026-11-22T05:55:00+00:00", "outcome": "ok", "seconds": 2.0}'


@contextmanager
def answering(port: int, status: int) -> Iterator[None]:
    """A health page that answers so."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/live" else 404)
            self.end_headers()
            self.wfile.write(b'{"record": "disk penuh"}')

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its name
            pass

    with HTTPServer(("127.0.0.1", port), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("given", "expected", "said"),
    [
        ({}, Level.ERROR, "Server tidak berjalan"),
        ({"controller": 7, "live_trouble": "refused"}, Level.ERROR, "Asterisk tidak"),
        ({"asterisk": 7, "live_trouble": "Authentication failed"}, Level.ERROR, "Authentication failed"),
        ({"asterisk": 7, "live": live(refused="Permission denied")}, Level.WARNING, "Permission denied"),
        ({"asterisk": 7, "live": live()}, Level.OK, "22.10.1"),
    ],
)
def test_what_keeps_asterisk_from_being_asked_is_said(
    given: dict[str, object], expected: Level, said: str, tmp_path: Path
) -> None:
    finding = only("server", context(tmp_path, None, **given))
    assert finding.level is expected
    assert said in finding.text


@pytest.mark.parametrize(("listening", "expected"), [(True, Level.WARNING), (False, Level.ERROR)])
def test_who_may_not_ask_is_not_told_that_nothing_runs(listening: bool, expected: Level, tmp_path: Path) -> None:
    here = context(tmp_path, unreadable=(tmp_path / "state",))
    with socket.create_server(("127.0.0.1", here.settings.ami_port if listening else 0)):
        assert only("server", here).level is expected
        assert found("ports", here) == []


@pytest.mark.parametrize(("status", "expected"), [(200, Level.OK), (503, Level.ERROR)])
def test_the_controller_says_itself_whether_it_is_well(status: int, expected: Level, tmp_path: Path) -> None:
    here = context(tmp_path, controller=7)
    with answering(here.settings.http_port, status):
        finding = only("controller", here)
    assert finding.level is expected
    assert ("disk penuh" in finding.text) == (status == 503)


def test_a_controller_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    assert only("controller", context(tmp_path, controller=7)).level is Level.ERROR


def test_a_controller_without_a_health_page_is_noted(tmp_path: Path) -> None:
    assert only("controller", context(tmp_path, {"http_port": 0}, controller=7)).level is Level.NOTE


def test_a_missing_controller_is_an_error_unless_nothing_runs(tmp_path: Path) -> None:
    assert only("controller", context(tmp_path, asterisk=7)).level is Level.ERROR
    assert found("controller", context(tmp_path)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{{"ok_at": "2026-11-22T05:55:00+00:00", "result": {LAST}}}', Level.OK),
        (f'{{"ok_at": "2026-11-22T05:30:00+00:00", "result": {LAST}}}', Level.ERROR),
        ('{"ok_at": null, "result": null}', Level.WARNING),
        ("{", Level.WARNING),
        (None, Level.WARNING),
    ],
)
def test_a_test_call_must_have_gone_well_lately(text: str | None, expected: Level, tmp_path: Path) -> None:
    here = context(tmp_path, asterisk=7)
    folder = here.settings.health
    folder.mkdir()
    if text is not None:
        (folder / NAME).write_text(text)
    assert only("heartbeat", here).level is expected


@pytest.mark.parametrize(
    ("ok_ago", "started_ago", "expected"),
    [
        (60 * 24, 3, Level.NOTE),
        (None, 3, Level.NOTE),
        (60, 10, Level.WARNING),
        (60, 20, Level.ERROR),
        (2, 1, Level.OK),
        (-60, 30, Level.WARNING),
    ],
)
def test_after_a_start_the_first_test_call_is_waited_for(
    ok_ago: int | None, started_ago: int, expected: Level, tmp_path: Path
) -> None:
    here = context(tmp_path, controller=7, asterisk=7)
    note(here.settings.health, Reason.CONTROLLER_STARTED, NOW - timedelta(minutes=started_ago))
    if ok_ago is not None:
        write_last(here.settings.health, Result("t", NOW - timedelta(minutes=ok_ago), Outcome.OK, 2.0))
    assert only("heartbeat", here).level is expected


def test_the_doctor_and_the_alarm_miss_a_test_call_at_the_same_moment(tmp_path: Path) -> None:
    here = context(tmp_path, controller=7, asterisk=7)
    limit = heartbeat_limit(timedelta(minutes=here.settings.heartbeat_minutes))
    for late, expected in ((timedelta(0), Level.OK), (timedelta(seconds=1), Level.ERROR)):
        write_last(here.settings.health, Result("t", NOW - limit - late, Outcome.OK, 2.0))
        assert only("heartbeat", here).level is expected


def test_test_calls_that_are_off_are_noted_and_a_stopped_server_makes_none(tmp_path: Path) -> None:
    assert only("heartbeat", context(tmp_path, {"heartbeat_minutes": 0}, asterisk=7)).level is Level.NOTE
    assert found("heartbeat", context(tmp_path)) == []


def test_alarms_that_stand_are_an_error_with_their_words(tmp_path: Path) -> None:
    here = context(tmp_path, {"alarm_url": "https://hook.invalid"})
    assert only("alarms", here).level is Level.OK
    folder = here.settings.health
    folder.mkdir()
    book = Alarms(folder)
    book.raise_("disk", "Ruang disk menipis")
    book.close()
    finding = only("alarms", here)
    assert finding.level is Level.ERROR
    assert "Ruang disk menipis" in finding.text


def test_a_damaged_book_of_alarms_is_not_one_without_alarms(tmp_path: Path) -> None:
    here = context(tmp_path, {"alarm_url": "https://hook.invalid"}, controller=7)
    here.settings.health.mkdir()
    (here.settings.health / "alarms.json").write_text("[{")
    finding = only("alarms", here)
    assert finding.level is Level.WARNING
    assert "rusak" in finding.text


@pytest.mark.parametrize(("controller", "said"), [(7, False), (None, True)])
def test_alarms_of_a_stopped_server_are_what_was_known_last(
    controller: int | None, said: bool, tmp_path: Path
) -> None:
    here = context(tmp_path, {"alarm_url": "https://hook.invalid"}, controller=controller)
    assert ("terakhir diketahui" in only("alarms", here).text) is said
    here.settings.health.mkdir()
    book = Alarms(here.settings.health)
    book.raise_("disk", "Ruang disk menipis")
    book.close()
    assert ("terakhir diketahui" in only("alarms", here).text) is said


def test_alarms_that_nobody_would_hear_are_noted(tmp_path: Path) -> None:
    assert [finding.level for finding in found("alarms", context(tmp_path))] == [Level.OK, Level.NOTE]


@pytest.mark.parametrize(
    ("hours", "size", "expected"),
    [(1, 10, Level.OK), (47, 10, Level.OK), (49, 10, Level.WARNING), (1, 0, Level.ERROR), (None, 0, Level.WARNING)],
)
def test_a_backup_must_be_young_and_not_empty(hours: int | None, size: int, expected: Level, tmp_path: Path) -> None:
    here = context(tmp_path)
    here.settings.backups.mkdir()
    if hours is not None:
        old, newest = name_of(NOW - timedelta(days=30)), name_of(NOW - timedelta(hours=hours))
        (here.settings.backups / old).write_bytes(b"x")
        (here.settings.backups / newest).write_bytes(bytes(size))
    assert only("backup", here).level is expected


def test_a_backup_of_the_future_is_told_and_does_not_stand_for_a_new_one(tmp_path: Path) -> None:
    here = context(tmp_path)
    here.settings.backups.mkdir()
    for hours in (-2, 49):
        (here.settings.backups / name_of(NOW - timedelta(hours=hours))).write_bytes(b"x")
    ahead, old = found("backup", here)
    assert "bertanggal di masa depan" in ahead.text
    assert "49 jam" in old.text


def test_no_folder_of_backups_is_a_warning(tmp_path: Path) -> None:
    assert only("backup", context(tmp_path)).level is Level.WARNING
