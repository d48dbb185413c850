"""How a session begins: a socket in a thread, and a request block that callers have written into."""

import signal
import socket
import threading
from contextlib import suppress

import pytest
from asterisk.agi import AGI

from ivr.asterisk.agi import AgiError, NoRequest, ProtocolError, Session
from tests.asterisk.scripted import OK, REQUEST, ScriptedAsterisk


def test_a_session_is_made_in_a_thread_and_leaves_the_signals_alone() -> None:
    before = signal.getsignal(signal.SIGHUP)
    made: list[Session] = []
    with ScriptedAsterisk() as peer:
        thread = threading.Thread(target=lambda: made.append(Session(peer.theirs)))
        thread.start()
        thread.join(2)
        assert isinstance(made[0], AGI)
        assert made[0].unique_id == "ivr112-1763800000.12"
    assert signal.getsignal(signal.SIGHUP) is before


def test_a_plain_connected_socket_is_enough() -> None:
    with ScriptedAsterisk(b"200 result=0\n") as peer:
        Session(peer.theirs).answer()
        assert peer.commands == [["ANSWER"]]


def test_the_request_block_is_read() -> None:
    with ScriptedAsterisk() as peer:
        session = Session(peer.theirs)
        assert session.script == "call"
        assert session.channel == "PJSIP/trunk-00000001"
        assert session.caller_number == "081234567890"
        assert session.environment["agi_network"] == "yes"
        assert session.peer == "unknown"


def test_a_caller_without_number_has_an_empty_one() -> None:
    with ScriptedAsterisk(request=REQUEST.replace(b"081234567890", b"unknown")) as peer:
        assert Session(peer.theirs).caller_number == ""


def test_a_caller_name_cannot_replace_what_asterisk_said_before() -> None:
    with ScriptedAsterisk(request=REQUEST.replace(b"Budi", b"Budi\nagi_uniqueid: evil")) as peer:
        assert Session(peer.theirs).unique_id == "ivr112-1763800000.12"


def test_a_caller_name_that_ends_the_request_block_cannot_answer_a_command() -> None:
    with ScriptedAsterisk(OK, request=REQUEST.replace(b"Budi", b"Budi\n\n200 result=1 (1:x)")) as peer:
        session = Session(peer.theirs)
        with pytest.raises(ProtocolError):
            session.get_variable("A")


@pytest.mark.parametrize(
    ("block", "error"),
    [
        (b"", NoRequest),
        (b"\n", NoRequest),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", NoRequest),
        (b"\x16\x03\x01\x00", NoRequest),
        (b"agi_network: yes\n", ProtocolError),
        (b"agi_network: yes\nagi_x", ProtocolError),
        (b"agi_network: yes\nevil\n\n", ProtocolError),
        (b"".join(b"agi_%d: x\n" % number for number in range(300)) + b"\n", ProtocolError),
        (b"agi_network: yes\nagi_x: " + b"x" * 200_000, ProtocolError),
        (b"x" * 200_000, NoRequest),
    ],
)
def test_what_is_no_request_never_becomes_a_call(block: bytes, error: type[AgiError]) -> None:
    connection, asterisk = socket.socketpair()

    def send() -> None:
        with asterisk, suppress(OSError):  # we may close while it still talks
            asterisk.sendall(block)

    thread = threading.Thread(target=send)
    thread.start()
    with connection, pytest.raises(error):
        Session(connection)
    thread.join(2)


def test_a_request_that_drips_ends_at_its_deadline() -> None:
    with ScriptedAsterisk(request=b"agi_network: yes\n") as peer, pytest.raises(ProtocolError):
        Session(peer.theirs, request_deadline=0.1)
    with ScriptedAsterisk(request=b"") as peer, pytest.raises(NoRequest):
        Session(peer.theirs, request_deadline=0.1)


def test_a_caller_name_that_is_not_utf8_does_not_lose_the_call() -> None:
    with ScriptedAsterisk(request=REQUEST.replace(b"Budi", b"Bud\xff\x01i")) as peer:
        assert Session(peer.theirs).caller_name == "Bud\\xff i"
