"""Answers of Asterisk: in step with the commands, and told from hang-ups (where pyst2 0.5.1 failed, too)."""

import socket
import threading

import pytest

from ivr.asterisk.agi import CallerHungUp, CommandFailed, ProtocolError, Recorded, Session, SessionClosed
from tests.asterisk.scripted import ALIVE, DEAD, HANG_UP, OK, REQUEST, ScriptedAsterisk

USAGE = b"520-Invalid command syntax.  Proper usage follows:\nSets a variable.\n520 End of proper usage.\n"


def test_answers_that_arrive_together_with_other_lines_are_not_lost() -> None:
    with ScriptedAsterisk(b"100 Trying\nHANGUP\n200 result=0\n", OK) as peer:
        session = Session(peer.theirs)
        with pytest.raises(CallerHungUp):
            session.noop()
        assert session.execute("NOOP")["result"] == ("1", "")


@pytest.mark.parametrize(
    "first",
    [
        b"HANGUP\n200 result=1 (1:a)\n",
        b"HANGUP\nHANGUP\n200 result=1 (1:a)\n",
        b"100 x\nHANGUP\n200 result=1 (1:a)\n",
    ],
)
def test_answers_stay_in_step_after_a_hangup_line(first: bytes) -> None:
    with ScriptedAsterisk(first, b"200 result=1 (1:b)\n", b"200 result=1 (1:c)\n") as peer:
        session = Session(peer.theirs)
        with pytest.raises(CallerHungUp):
            session.get_variable("A")
        assert session.get_variable("B") == "b"
        assert session.get_variable("C") == "c"
        assert session.hung_up


def test_answers_stay_in_step_when_hangup_comes_after_an_answer_or_between_two_commands() -> None:
    with ScriptedAsterisk(b"200 result=1 (1:a)\nHANGUP\n", b"200 result=1 (1:b)\n", b"200 result=1 (1:c)\n") as peer:
        session = Session(peer.theirs)
        assert session.get_variable("A") == "a"
        with pytest.raises(CallerHungUp):
            session.get_variable("B")
        assert session.get_variable("C") == "c"


def test_the_end_of_the_connection_is_a_hang_up() -> None:
    with ScriptedAsterisk(HANG_UP) as peer:
        session = Session(peer.theirs)
        with pytest.raises(CallerHungUp):
            session.answer()
        with pytest.raises(CallerHungUp):
            session.answer()


def test_a_dead_channel_is_a_hang_up() -> None:
    with ScriptedAsterisk(DEAD) as peer, pytest.raises(CallerHungUp):
        Session(peer.theirs).stream_file("greeting")


def test_a_usage_error_of_several_lines_is_one_failed_command() -> None:
    with ScriptedAsterisk(USAGE, OK) as peer:
        session = Session(peer.theirs)
        with pytest.raises(CommandFailed, match="520"):
            session.execute("SET VARIABLE")
        session.set("A", "1")


def test_a_usage_error_of_one_line_is_one_failed_command() -> None:
    with ScriptedAsterisk(b"520 Invalid command syntax.  Proper usage not available.\n", OK) as peer:
        session = Session(peer.theirs)
        with pytest.raises(CommandFailed, match="520"):
            session.execute("SET VARIABLE")
        session.set("A", "1")


def test_a_usage_error_with_a_hangup_inside_stays_in_step() -> None:
    with ScriptedAsterisk(USAGE.replace(b"Sets", b"HANGUP\nSets"), b"200 result=1 (1:a)\n") as peer:
        session = Session(peer.theirs)
        with pytest.raises(CommandFailed):
            session.execute("SET VARIABLE")
        assert session.get_variable("A") == "a"
        assert session.hung_up


def test_a_usage_error_that_breaks_off_ends_as_a_hang_up() -> None:
    connection, asterisk = socket.socketpair()
    asterisk.sendall(REQUEST)
    session = Session(connection)

    def answer() -> None:
        asterisk.recv(4096)
        asterisk.sendall(OK)
        asterisk.recv(4096)
        asterisk.sendall(b"520-Invalid command syntax.\nSets a")
        asterisk.close()

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(CallerHungUp):
        session.execute("SET VARIABLE")
    thread.join(2)
    session.close()


def test_a_usage_error_without_end_is_refused() -> None:
    with ScriptedAsterisk(b"520-Invalid\n" + b"more\n" * 500) as peer, pytest.raises(ProtocolError):
        Session(peer.theirs).execute("SET VARIABLE")


def test_a_value_with_a_newline_comes_back_whole() -> None:
    with ScriptedAsterisk(b"200 result=1 (31:line1%0A200%20result=-1%20(inj%0Dx)%3F%25y)\n", OK) as peer:
        session = Session(peer.theirs)
        assert session.get_untrusted("CALLERID(name)") == "line1\n200 result=-1 (inj\rx)?%y"
        session.set("A", "1")
        question = peer.commands[0]
    assert question == ["GET", "FULL", "VARIABLE", "${LEN(${CALLERID(name)})}:${URIENCODE(${CALLERID(name)})}"]


def test_a_raw_value_with_a_newline_closes_the_connection_instead_of_getting_out_of_step() -> None:
    with ScriptedAsterisk(b"200 result=1 (line1\n200 result=1 (line2)\n") as peer:
        session = Session(peer.theirs)
        with pytest.raises(ProtocolError):
            session.get_full_variable("${X}")
        with pytest.raises(SessionClosed):
            session.noop()


def test_a_missing_sound_file_is_no_hang_up() -> None:
    with ScriptedAsterisk(b"200 result=-1 endpos=0\n", ALIVE, OK) as peer:
        session = Session(peer.theirs)
        with pytest.raises(CommandFailed):
            session.stream_file("missing")
        session.set("A", "1")
        assert peer.commands[1] == ["CHANNEL", "STATUS"]
        assert not session.hung_up


@pytest.mark.parametrize("status", [DEAD, b"HANGUP\n" + DEAD, b"HANGUP\n" + ALIVE, HANG_UP])
def test_minus_one_is_a_hang_up_when_the_channel_is_dead(status: bytes | None) -> None:
    with ScriptedAsterisk(b"200 result=-1 endpos=4160\n", status) as peer, pytest.raises(CallerHungUp):
        Session(peer.theirs).stream_file("greeting")


def test_a_recording_tells_its_key_and_its_length() -> None:
    answers = (b"200 result=1 (timeout) endpos=16000\n", b"200 result=35 (dtmf) endpos=9280\n")
    with ScriptedAsterisk(*answers, b"200 result=-1 (hangup) endpos=80\n") as peer:
        session = Session(peer.theirs)
        assert session.record_file("a") == Recorded("", 16000)
        assert session.record_file("a") == Recorded("#", 9280)
        with pytest.raises(CallerHungUp):
            session.record_file("a")


def test_half_an_answer_then_the_end_is_a_hang_up_not_an_answer() -> None:
    connection, asterisk = socket.socketpair()
    with connection:
        asterisk.sendall(REQUEST + b"200 resu")
        session = Session(connection)
        asterisk.close()
        with pytest.raises(CallerHungUp):
            session.noop()


def test_an_unknown_command_fails_and_the_call_goes_on() -> None:
    with ScriptedAsterisk(b"510 Invalid or unknown command\n", b"200 result=-2\n", OK) as peer:
        session = Session(peer.theirs)
        with pytest.raises(CommandFailed, match="510"):
            session.noop()
        with pytest.raises(CommandFailed, match="no such application"):
            session.appexec("NoSuchApp")
        session.set("A", "1")


def test_a_variable_whose_value_is_hangup_or_minus_one_is_no_hang_up() -> None:
    with ScriptedAsterisk(b"200 result=1 (hangup)\n", b"200 result=1 (2:-1)\n") as peer:
        session = Session(peer.theirs)
        assert session.get_full_variable("${X}") == "hangup"
        assert session.get_untrusted("X") == "-1"


def test_a_value_that_asterisk_cut_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedAsterisk(b"200 result=1 (1000:" + b"%25" * 300 + b"%2)\n") as peer:
        assert Session(peer.theirs).get_untrusted("STORY") == "%" * 300
    assert "300 of 1000 bytes" in caplog.text


def test_a_value_that_is_not_set_is_empty() -> None:
    with ScriptedAsterisk(b"200 result=1 (0:)\n", b"200 result=0\n") as peer:
        session = Session(peer.theirs)
        assert session.get_untrusted("NOPE") == ""
        with pytest.raises(ProtocolError):
            session.get_untrusted("NOPE")
