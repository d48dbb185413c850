"""A peer that is slow, silent, flooding or malformed cannot hold a session."""

import socket
import threading
from contextlib import suppress
from time import monotonic

import pytest

from ivr.asterisk.agi import DeadlineExceeded, ProtocolError, Session, SessionClosed
from tests.asterisk.scripted import OK, REQUEST, ScriptedAsterisk


def test_a_command_without_an_answer_ends_at_its_deadline_and_the_connection_closes() -> None:
    with ScriptedAsterisk() as peer:
        session = Session(peer.theirs, margin=0.3)
        started = monotonic()
        with pytest.raises(DeadlineExceeded):
            session.answer()
        assert 0.3 <= monotonic() - started < 1
        with pytest.raises(SessionClosed):
            session.answer()


def test_a_renewal_without_an_answer_ends_too() -> None:
    with ScriptedAsterisk(grants=False) as peer, pytest.raises(DeadlineExceeded):
        Session(peer.theirs, margin=0.15).answer()


def test_dripping_bytes_do_not_extend_the_deadline() -> None:
    with ScriptedAsterisk((b"200 result=0" + b"0" * 100, 0.02)) as peer:
        session = Session(peer.theirs, margin=0.3)
        started = monotonic()
        with pytest.raises(DeadlineExceeded):
            session.answer()
        assert monotonic() - started < 1


def test_a_peer_that_does_not_read_cannot_hold_us() -> None:
    connection, asterisk = socket.socketpair()
    with connection, asterisk:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        asterisk.sendall(REQUEST)
        session = Session(connection, margin=0.15)
        _fill(connection)
        with pytest.raises(DeadlineExceeded):
            session.noop()


def test_an_endless_line_is_refused() -> None:
    with ScriptedAsterisk(b"2" * 200_000) as peer, pytest.raises(ProtocolError, match="without end"):
        Session(peer.theirs).answer()


@pytest.mark.parametrize("line", [b"HANGUP\n", b"100 Trying\n"])
def test_a_flood_of_lines_is_refused(line: bytes) -> None:
    with ScriptedAsterisk(line * 1000) as peer, pytest.raises(ProtocolError):
        Session(peer.theirs).answer()


def test_a_flood_of_answers_is_refused_before_the_next_command() -> None:
    with ScriptedAsterisk(b"200 result=0\n" * 1000, OK) as peer:
        session = Session(peer.theirs)
        session.answer()
        with pytest.raises(ProtocolError, match="nobody asked"):
            session.set("PLAN", "ready")
        assert len(peer.lines) == 1


@pytest.mark.parametrize(
    "answer", [b"garbage\n", b"\n", b"200\n", b"200 nothing\n", b"999 x\n", b"200 result=1 (a\n", b"\xff\xfe\n"]
)
def test_a_malformed_answer_closes_the_connection(answer: bytes) -> None:
    with ScriptedAsterisk(answer) as peer:
        session = Session(peer.theirs)
        with pytest.raises(ProtocolError):
            session.answer()
        with pytest.raises(SessionClosed):
            session.answer()


def test_closing_from_another_thread_wakes_the_one_that_waits() -> None:
    with ScriptedAsterisk() as peer:
        session = Session(peer.theirs)
        timer = threading.Timer(0.05, session.close)
        timer.start()
        started = monotonic()
        with pytest.raises(SessionClosed):
            session.answer()
        assert monotonic() - started < 2
        assert peer.theirs.fileno() == -1
        session.close()
        timer.join()


def _fill(connection: socket.socket) -> None:
    connection.settimeout(0)
    with suppress(BlockingIOError):
        while connection.send(b"x" * 65536):
            pass
