"""Telling another system: whatever it answers, nobody here waits for it, and its address is in no log."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from ivr.health.alarms import Alarm, State
from ivr.health.webhook import MOST_WAITING, NotTold, Pace, Webhook, post, refused

ALARM = Alarm("disk_state_low", datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC), "Ruang disk menipis — 1,5 GiB")
OK = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
SECRET = "kunci-rahasia"  # noqa: S105 of these tests

Answer = Callable[[socket.socket], None]


class Receiver:
    """Takes requests one after the other; `answers` are used in order, the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[bytes] = []
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{SECRET}?a=b"

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.requests.append(_request(connection))
                answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
                try:
                    answer(connection)
                except OSError:
                    continue  # the client had enough

    def close(self) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def _request(connection: socket.socket) -> bytes:
    connection.settimeout(5)
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))[15:])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def says(reply: bytes) -> Answer:
    return lambda connection: connection.sendall(reply)


@contextmanager
def receiver(*answers: Answer) -> Iterator[Receiver]:
    server = Receiver(*answers)
    try:
        yield server
    finally:
        server.close()


def sent(url: str, pauses: tuple[float, ...] = (0.01, 0.01), deadline: float = 1.0) -> float:
    """One alarm through a webhook; how long the caller was held up."""
    webhook = Webhook(url, lambda: "Kota Uji", Pace(deadline, pauses))
    began = time.monotonic()
    webhook(ALARM, State.BEGUN)
    took = time.monotonic() - began
    while webhook._waiting.qsize():
        time.sleep(0.001)
    webhook._waiting.put(None)
    webhook._thread.join(10)
    assert not webhook._thread.is_alive()
    return took


def test_an_alarm_is_a_post_with_json() -> None:
    with receiver(says(OK)) as server:
        sent(server.url)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(f"POST /{SECRET}?a=b HTTP/1.1\r\n".encode())
    assert b"Content-Type: application/json; charset=utf-8" in head
    assert json.loads(body) == {
        "alarm": "disk_state_low",
        "state": "begun",
        "since": "2026-11-22T01:02:03+00:00",
        "text": "Ruang disk menipis — 1,5 GiB",
        "city": "Kota Uji",
    }


def test_a_password_in_the_address_is_sent_as_a_header() -> None:
    with receiver(says(OK)) as server:
        sent(f"http://admin:k%40ta@127.0.0.1:{server.port}/")
    assert b"Authorization: Basic YWRtaW46a0B0YQ==" in server.requests[0]


def test_a_receiver_in_trouble_is_tried_again_and_then_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    error = says(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
    with receiver(error, error, says(OK)) as server:
        sent(server.url)
    assert len(server.requests) == 3
    with receiver(error) as server:
        sent(server.url)
    assert len(server.requests) == 3
    assert "is tried again every 60 s while it stands" in caplog.text


def _dripping(first: bytes) -> Answer:
    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(b"1")
            time.sleep(0.02)

    return drip


def _headers_for_ever(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)


def _huge(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 1_000_000)


def _redirect(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 307 Away\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")


BAD: dict[str, Answer] = {
    "dripping": _dripping(b"HTTP/1.1 "),
    "silent": lambda connection: time.sleep(0.4),
    "closing": lambda connection: None,
    "garbage": says(b"\x00\xff SSH-2.0-OpenSSH\r\n" * 100),
    "one long line": says(b"HTTP/1.1 200 " + b"x" * 300_000),
    "headers for ever": _headers_for_ever,
    "redirect": _redirect,
    "continue for ever": says(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "no status": says(b"HTTP/1.1 abc OK\r\n\r\n"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_a_failed_try_in_time(name: str) -> None:
    with receiver(BAD[name]) as server:
        began = time.monotonic()
        with pytest.raises(NotTold) as raised:
            post(urlsplit(server.url), b"{}", 0.3)
        assert time.monotonic() - began < 2
    assert SECRET not in str(raised.value)
    assert "127.0.0.1" not in str(raised.value)


def test_what_follows_a_good_answer_is_not_waited_for() -> None:
    for answer in (_huge, _dripping(b"HTTP/1.1 200 OK\r\n\r\n"), _dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ")):
        with receiver(answer) as server:
            began = time.monotonic()
            post(urlsplit(server.url), b"{}", 2)
            assert time.monotonic() - began < 10


def test_whoever_raises_an_alarm_is_not_held_up_by_a_silent_receiver(caplog: pytest.LogCaptureFixture) -> None:
    with receiver(BAD["silent"]) as server:
        assert sent(server.url, deadline=0.2) < 0.05
    assert "no answer in time" in caplog.text


def test_the_address_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    sent(f"http://127.0.0.1:{port}/{SECRET}")
    sent(f"https://127.0.0.1:{port}/{SECRET}")
    sent(f"http://{SECRET}.invalid/x")
    with receiver(_redirect) as server:
        sent(server.url)
    assert "was not sent" in caplog.text
    assert SECRET not in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_alarms_arrive_in_order() -> None:
    with receiver(says(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), says(OK)) as server:
        webhook = Webhook(server.url, lambda: "Uji", Pace(1.0, (0.01,)))
        webhook(ALARM, State.BEGUN)
        webhook(ALARM, State.ENDED)
        while len(server.requests) < 3:
            time.sleep(0.001)
        webhook.close(5)
    states = [json.loads(request.partition(b"\r\n\r\n")[2])["state"] for request in server.requests]
    assert states == ["begun", "begun", "ended"]


BUSY = says(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")


def test_a_beginning_goes_on_being_tried_while_its_alarm_stands() -> None:
    with receiver(BUSY, BUSY, BUSY, BUSY, says(OK)) as server:
        webhook = Webhook(server.url, lambda: "Uji", Pace(1.0, (), 0.01))
        webhook(ALARM, State.BEGUN)
        while webhook._late or len(server.requests) < 5:
            time.sleep(0.001)
        webhook.close(5)
    assert len(server.requests) == 5


def test_a_beginning_whose_alarm_has_ended_is_tried_no_more() -> None:
    with receiver(BUSY) as server:
        webhook = Webhook(server.url, lambda: "Uji", Pace(1.0, (), 0.01))
        webhook(ALARM, State.BEGUN)
        while len(server.requests) < 3:
            time.sleep(0.001)
        webhook(ALARM, State.ENDED)
        while b"ended" not in server.requests[-1]:
            time.sleep(0.001)
        webhook.close(5)
        assert not webhook._late
        assert b"ended" in server.requests[-1]


def test_more_alarms_than_can_wait_are_told_in_the_log_and_hold_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    with receiver(lambda connection: time.sleep(0.3)) as server:
        webhook = Webhook(server.url, lambda: "Uji", Pace(0.2, ()))
        began = time.monotonic()
        for _ in range(MOST_WAITING + 10):
            webhook(ALARM, State.BEGUN)
        assert time.monotonic() - began < 1
        webhook.close(0.1)
    assert "is not sent" in caplog.text


@pytest.mark.parametrize(
    "url", ["https://example.net/x", "http://10.0.0.1:8080", "https://u:p@[2001:db8::1]/hook?token=1"]
)
def test_web_addresses_are_good(url: str) -> None:
    assert refused(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.net",
        "ftp://example.net",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://a b/",
        "http://a:99999/",
        "http://a:0/",
        "http://[::1/",
        "http://a/\r\nX: y",
        "http://a/é",
        "gopher://x",
        "javascript:alert(1)",
        "http://a\x00b",
    ],
)
def test_anything_else_is_refused_with_a_reason(url: str) -> None:
    assert "http://" in refused(url)
    with pytest.raises(ValueError, match="http://"):
        Webhook(url, lambda: "Uji")
