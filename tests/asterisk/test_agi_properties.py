"""AGI under anything: what Asterisk may answer, and what callers may have written."""

import socket
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.fuzz.agi import TALKS, Conversation
from bench.fuzz.agi_request import Request, pair
from bench.fuzz.hostile import packed
from ivr.asterisk.agi import AgiError, ProtocolError, Session
from ivr.asterisk.agi_protocol import Reply
from tests.asterisk.scripted import OK, REQUEST, ScriptedAsterisk
from tests.asterisk.test_agi_protocol import ANY_TEXT

BLOCK = (
    b"agi_network: yes\nagi_channel: PJSIP/trunk-00000001\nagi_uniqueid: ivr112-1.2\nagi_version: 22\n"
    b"agi_callerid: NUMBER\nagi_calleridname: Budi\nagi_threadid: 7\n\n"
)
ANSWER = st.one_of(st.binary(max_size=300), st.from_regex(rb"(200|5\d\d|100)[ -].{0,60}\n", fullmatch=True))


@given(st.binary(max_size=2000))
@example(BLOCK)
@example(REQUEST)
def test_any_bytes_are_a_request_or_a_documented_refusal(block: bytes) -> None:
    assert Request.check(Request.__new__(Request), block).faults == ()


@given(
    st.lists(st.tuples(st.sampled_from(sorted(TALKS)), ANY_TEXT), min_size=1, max_size=4),
    st.lists(ANSWER, max_size=6),
)
def test_any_answers_leave_a_session_in_step_or_closed(said: list[tuple[str, str]], answers: list[bytes]) -> None:
    case = {
        "said": [[name, text.encode("utf-8", "surrogatepass")] for name, text in said],
        "answers": answers,
        "piece": 7,
        "silent": False,
    }
    assert Conversation.check(Conversation.__new__(Conversation), packed(case)).faults == ()


@pytest.mark.parametrize(
    ("number", "read"),
    [
        (b"+62\r\nEventList: Complete", "+62 EventList: Complete"),
        (b"+62\n\nX", "+62 X"),
        (b"+62\n\n\n", "+62"),
        (b"+62\nagi_uniqueid: evil\nmore", "+62 more"),
    ],
)
def test_a_caller_whose_number_holds_line_breaks_is_asked_like_any_other(number: bytes, read: str) -> None:
    with ScriptedAsterisk(OK, request=BLOCK.replace(b"NUMBER", number)) as peer:
        session = Session(peer.theirs)
        assert (session.caller_number, session.unique_id, session.caller_name) == (read, "ivr112-1.2", "Budi")
        session.set("A", "1")


def test_half_an_answer_that_nobody_asked_for_is_never_joined_with_the_next() -> None:
    near, far = pair(4096)
    with near, far:
        far.sendall(REQUEST + b"200 result=2")
        session = Session(near)
        with pytest.raises(ProtocolError):
            session.noop()


def test_every_answer_that_waits_unasked_is_found_however_it_arrives() -> None:
    near, far = pair(3)
    with near, far:
        far.sendall(REQUEST)
        session = Session(near)
        far.sendall(b"HANGUP\n200 result=1 (5:wrong)\n")
        with pytest.raises(ProtocolError):
            session.get_variable("A")


@pytest.mark.parametrize(
    ("talk", "answer"),
    [
        ("say", b"200 result=999999999999\n"),
        ("say", b"200 result=\n"),
        ("say", b"200 result=-5\n"),
        ("status", b"200 result=\n"),
        ("get", b"200 result=1 (" + b"9" * 5000 + b":x)\n"),
        ("record", b"200 result=1 (timeout) endpos=" + b"9" * 5000 + b"\n"),
        ("record", "200 result=² (dtmf) endpos=1\n".encode()),
    ],
)
def test_a_number_that_no_asterisk_sends_is_a_documented_error(talk: str, answer: bytes) -> None:
    with ScriptedAsterisk(answer, OK) as peer:
        session = Session(peer.theirs)
        with pytest.raises(AgiError):
            TALKS[talk][0](session, "x")


def test_the_fields_of_a_long_answer_are_found_in_no_time() -> None:
    reply = Reply("1", None, "a=1 " + "w" * 60_000)
    began = time.process_time()
    assert reply.fields()["a"] == ("1", "")
    assert time.process_time() - began < 0.5


@given(st.binary(max_size=200))
def test_a_peer_that_says_anything_and_leaves_ends_every_command(noise: bytes) -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(REQUEST + noise)
        far.shutdown(socket.SHUT_WR)
        session = Session(near)
        with pytest.raises(AgiError):
            session.execute("CHANNEL STATUS")
