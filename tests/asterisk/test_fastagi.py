import asyncio
import logging
import resource
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

import pytest

from ivr.asterisk.agi import CommandFailed, Session
from ivr.asterisk.fastagi import FastAgiServer
from tests.asterisk.scripted import OK, REQUEST

LOCALHOST = "127.0.0.1"


@contextmanager
def serving(
    handle: Callable[[Session], None], *, max_calls: int = 500, backlog: int = 1024
) -> Iterator[FastAgiServer]:
    server = FastAgiServer(LOCALHOST, 0, handle, max_calls=max_calls, backlog=backlog)
    server.start()
    try:
        yield server
    finally:
        server.stop(0.5)  # what has just ended is not stopped


def call(server: FastAgiServer, request: bytes = REQUEST) -> socket.socket:
    connection = socket.create_connection((LOCALHOST, server.port), 5)
    connection.sendall(request)
    return connection


def until(holds: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = monotonic() + seconds
    while not holds() and monotonic() < deadline:
        sleep(0.002)
    return holds()


def ended(connection: socket.socket) -> bool:
    """Whether the server closed this connection (within the socket's timeout)."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        return True
    return True


def closed(connections: list[socket.socket]) -> list[socket.socket]:
    """Those that the server has closed by now."""
    looking = select.poll()
    for connection in connections:
        looking.register(connection, select.POLLIN)
    known = {connection.fileno(): connection for connection in connections}
    return [known[number] for number, _ in looking.poll(0)]


def handler_threads() -> int:
    return sum(thread.name == "call" for thread in threading.enumerate())


class Waiting:
    """A handler that keeps its calls until it is released."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.calls = 0
        self._count = threading.Lock()

    def __call__(self, session: Session) -> None:
        with self._count:
            self.calls += 1
        self.release.wait(10)


def test_a_call_runs_in_its_own_thread_and_its_thread_ends() -> None:
    names: list[str] = []

    def handle(session: Session) -> None:
        session.set("PLAN", "ready")
        names.append(f"{session.unique_id} {session.peer.split(':')[0]} {threading.current_thread().name}")

    with serving(handle) as server, call(server) as asterisk:
        lines = asterisk.makefile("rb")
        with lines:
            assert lines.readline() == b'SET VARIABLE "TIMEOUT(absolute)" "3.0"\n'
            asterisk.sendall(OK)
            assert lines.readline() == b'SET VARIABLE "PLAN" "ready"\n'
            asterisk.sendall(OK)
            assert lines.readline() == b""
        assert names == ["ivr112-1763800000.12 127.0.0.1 call"]
        assert until(lambda: handler_threads() == 0)


def test_a_probe_leaves_only_a_debug_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(lambda session: None) as server:
        for _ in range(20):
            socket.create_connection((LOCALHOST, server.port), 5).close()
        assert until(lambda: caplog.text.count("no call") == 20)
        assert until(lambda: handler_threads() == 0)
        assert {record.levelno for record in caplog.records} == {logging.DEBUG}
        with call(server) as asterisk:
            assert ended(asterisk)


def test_a_scanner_that_speaks_http_is_no_call(caplog: pytest.LogCaptureFixture) -> None:
    with serving(lambda session: None) as server, call(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as scanner:
        assert ended(scanner)
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


def test_silent_connections_do_not_keep_a_call_waiting() -> None:
    served = threading.Event()
    with serving(lambda session: served.set()) as server, ExitStack() as silent:
        for _ in range(50):
            connection = silent.enter_context(socket.create_connection((LOCALHOST, server.port), 5))
            connection.sendall(b"agi_network: ye")
        with call(server):
            assert served.wait(1)


@pytest.mark.thorough
def test_a_burst_of_calls_is_served_up_to_the_limit_and_the_rest_is_closed_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handle = Waiting()
    with serving(handle, max_calls=100) as server, ExitStack() as burst:
        calls = [burst.enter_context(call(server)) for _ in range(600)]
        assert until(lambda: handle.calls == 100)
        assert until(lambda: len(closed(calls)) == 500)
        assert len(server.sessions) == 100
        assert caplog.text.count("turned away") == 1
        assert "the dialplan goes on with the lifeline" in caplog.records[0].message
        handle.release.set()
        assert all(ended(asterisk) for asterisk in calls)
        with call(server) as late:
            assert ended(late)
        assert handle.calls == 101


@pytest.mark.thorough
def test_a_burst_of_four_hundred_calls_is_served_within_the_limit() -> None:
    handle = Waiting()
    with serving(handle, max_calls=400) as server, ExitStack() as burst:
        for _ in range(400):
            burst.enter_context(call(server))
        assert until(lambda: handle.calls == 400)
        handle.release.set()
        assert until(lambda: handler_threads() == 0)


def test_a_handler_that_fails_closes_its_call_and_hurts_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def handle(session: Session) -> None:
        raise ZeroDivisionError

    with serving(handle) as server:
        for _ in range(2):
            with call(server) as asterisk:
                assert ended(asterisk)
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert "ivr112-1763800000.12" in warnings[0].message
    assert "the dialplan goes on with the lifeline" in warnings[0].message
    assert "ZeroDivisionError" in caplog.text


def test_a_failed_command_that_nobody_handled_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    def handle(session: Session) -> None:
        raise CommandFailed("STREAM FILE failed")

    with serving(handle) as server, call(server) as asterisk:
        assert ended(asterisk)
    assert "STREAM FILE failed: the dialplan goes on" in caplog.text


def test_a_hang_up_during_the_questions_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with serving(lambda session: session.noop()) as server:
        call(server).close()
        assert until(lambda: "hung up" in caplog.text)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_a_request_that_breaks_off_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with serving(lambda session: None) as server:
        call(server, b"agi_network: yes\n").close()
        assert until(lambda: "cannot be read" in caplog.text)


def test_stopping_lets_running_questions_end() -> None:
    handle = Waiting()
    with serving(handle) as server, call(server) as asterisk:
        assert until(lambda: handle.calls == 1)
        timer = threading.Timer(0.1, handle.release.set)
        timer.start()
        started = monotonic()
        server.stop(5)
        assert 0.09 <= monotonic() - started < 2
        assert ended(asterisk)
        timer.join()


def test_stopping_closes_what_is_left_after_the_grace_so_that_the_dialplan_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(lambda session: session.noop()) as server, call(server) as asterisk, call(server, b"") as silent:
        assert until(lambda: len(server.sessions) == 1)
        started = monotonic()
        server.stop(0.1)
        assert monotonic() - started < 1
        assert ended(asterisk)
        assert ended(silent)
        assert until(lambda: handler_threads() == 0)
    assert "the controller stops, the dialplan goes on with the lifeline" in caplog.text


def test_a_stopped_server_refuses_and_its_port_is_free_at_once() -> None:
    server = FastAgiServer(LOCALHOST, 0, lambda session: session.noop())
    server.start()
    port = server.port
    with call(server):
        assert until(lambda: len(server.sessions) == 1)
        server.stop(0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOCALHOST, port), 5)
    again = FastAgiServer(LOCALHOST, port, lambda session: None)
    again.start()
    again.stop(0)
    again.stop(0)


def test_a_taken_port_is_an_error_of_the_start() -> None:
    with serving(lambda session: None) as server, pytest.raises(OSError, match="in use"):
        FastAgiServer(LOCALHOST, server.port, lambda session: None).start()


def test_a_server_without_free_descriptors_goes_on_accepting_later(caplog: pytest.LogCaptureFixture) -> None:
    handle = Waiting()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving(handle) as server, socket.socket() as first, socket.socket() as second:
        resource.setrlimit(resource.RLIMIT_NOFILE, (second.fileno() + 1, hard))
        try:
            with ExitStack() as filled:
                _fill_descriptors(filled)
                for asterisk in (first, second):  # accept() may have reserved one descriptor
                    asterisk.connect((LOCALHOST, server.port))
                    asterisk.sendall(REQUEST)
                assert until(lambda: "cannot accept a call" in caplog.text)
                assert handle.calls < 2
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert until(lambda: handle.calls == 2)
        handle.release.set()


def _fill_descriptors(filled: ExitStack) -> None:
    while True:
        try:
            filled.enter_context(socket.socket())
        except OSError:
            return


def test_a_system_with_a_short_queue_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with serving(lambda session: None, backlog=1_000_000):
        pass
    assert caplog.text.count("somaxconn") == 1
    caplog.clear()
    with serving(lambda session: None, backlog=1):
        pass
    assert "somaxconn" not in caplog.text


def test_the_port_of_a_server_that_is_not_started_is_unknown() -> None:
    with pytest.raises(RuntimeError):
        _ = FastAgiServer(LOCALHOST, 0, lambda session: None).port


def answered(server: FastAgiServer) -> bool:
    return asyncio.run(server.answers(1.0))


def test_a_server_that_takes_calls_says_so_and_is_no_call_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    met: list[Session] = []
    with serving(met.append) as server:
        assert answered(server)
    assert (met, caplog.text) == ([], "")


def test_a_server_that_is_shut_takes_no_call_and_finishes_those_it_has() -> None:
    waiting = Waiting()
    with serving(waiting) as server, call(server) as connection:
        assert until(lambda: len(server.sessions) == 1)
        port = server.port
        server.shut()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOCALHOST, port), 1)
        assert len(server.sessions) == 1
        waiting.release.set()
        assert ended(connection)


def test_a_server_whose_door_is_blocked_does_not_say_that_it_takes_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = threading.Event()

    def block(_server: FastAgiServer, connection: socket.socket) -> None:
        with connection:
            blocked.wait(10)

    monkeypatch.setattr(FastAgiServer, "_take", block)
    with serving(lambda session: None) as server:
        assert not answered(server)
        blocked.set()


def test_a_server_all_of_whose_places_are_taken_is_well(caplog: pytest.LogCaptureFixture) -> None:
    """The watchdog must not end 500 healthy calls because a 501st would be turned away."""
    handle = Waiting()
    with serving(handle, max_calls=20) as server, ExitStack() as burst:
        calls = [burst.enter_context(call(server)) for _ in range(20)]
        assert until(lambda: handle.calls == 20)
        assert all(answered(server) for _ in range(20))
        handle.release.set()
        assert all(ended(asterisk) for asterisk in calls)


def test_a_call_whose_thread_outlives_its_deadline_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting()
    with serving(waiting) as server, call(server) as connection:
        assert until(lambda: len(server.sessions) == 1)
        assert server.stuck(0.0) == []
        assert until(lambda: server.stuck(0.0) == server.sessions, 5)  # 3 s: the dialplan's own timer has run out
        assert server.stuck(60.0) == []
        waiting.release.set()
        assert ended(connection)
