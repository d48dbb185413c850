"""Commands to Asterisk: each argument stays one argument, and what does not fit is not sent."""

import io
import logging
from contextlib import redirect_stderr

import pytest

from ivr.asterisk.agi import CommandFailed, Session
from tests.asterisk.scripted import OK, ScriptedAsterisk


@pytest.mark.parametrize(
    "evil", ['x"\nEXEC System "rm -rf /"', 'x" "y', "x\\", 'x\r\nHANGUP\r\n"', "x\0y\x7f", "x\u2028y"]
)
def test_no_value_can_start_a_command_or_an_argument(evil: str) -> None:
    with ScriptedAsterisk(OK) as peer:
        Session(peer.theirs).set("STORY", evil)
        assert len(peer.lines) == 1
        (command,) = peer.commands
    assert command[:3] == ["SET", "VARIABLE", "STORY"]
    assert len(command) == 4
    assert command[3].count("x") == 1


def test_ten_kilobytes_from_outside_are_shortened_when_asked() -> None:
    with ScriptedAsterisk(OK) as peer:
        Session(peer.theirs).set("STORY", '"é' * 5000, shorten=True)
        (command,) = peer.commands
        assert len(peer.lines[0]) < 1100
    assert '"é' * 200 in command[3]


def test_a_plan_too_long_is_refused_not_cut() -> None:
    with ScriptedAsterisk(OK) as peer:
        session = Session(peer.theirs)
        with pytest.raises(CommandFailed, match="nothing was sent"):
            session.set("STEP1", "Local/a@ring-line&" * 60)
        session.set("A", "1")
        assert len(peer.lines) == 1


def test_a_line_longer_than_asterisk_reads_is_never_sent() -> None:
    with ScriptedAsterisk() as peer:
        session = Session(peer.theirs)
        with pytest.raises(CommandFailed, match="nothing was sent"):
            session.execute("NOOP", "x" * 900, "y" * 900, "z" * 900)
        assert not peer.lines


def test_file_names_digits_and_every_other_argument_are_quoted() -> None:
    with ScriptedAsterisk(*[b"200 result=0\n"] * 7) as peer:
        session = Session(peer.theirs)
        session.stream_file('a b"c', [1, "#"])
        session.get_data("a\nb", 1000, 2)
        session.hangup('SIP/x"y z')
        session.set_callerid("08 11")
        session.exec_command("Playback", "a b", "noanswer")
        session.send_image("x y")
        session.channel_status()
        assert peer.commands == [
            ["STREAM", "FILE", 'a b"c', "1#", "0"],
            ["GET", "DATA", "a b", "1000", "2"],
            ["HANGUP", 'SIP/x"y z'],
            ["SET", "CALLERID", "08 11"],
            ["EXEC", "Playback", "a b,noanswer"],
            ["SEND", "IMAGE", "x y"],
            ["CHANNEL", "STATUS"],
        ]


def test_database_names_are_quoted_once() -> None:
    with ScriptedAsterisk(b"200 result=1 (v)\n", b"200 result=0\n") as peer:
        session = Session(peer.theirs)
        assert session.database_get("fam", "k y") == "v"
        with pytest.raises(CommandFailed):
            session.database_get("fam", "none")
        assert peer.commands[0] == ["DATABASE", "GET", "fam", "k y"]


def test_none_is_an_empty_value() -> None:
    with ScriptedAsterisk(OK) as peer:
        Session(peer.theirs).set_variable("A", None)
        assert peer.commands == [["SET", "VARIABLE", "A", ""]]


def test_nothing_is_written_to_standard_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with redirect_stderr(io.StringIO()) as stderr, ScriptedAsterisk(OK) as peer:
        Session(peer.theirs).set("A", "081234567890")
    assert stderr.getvalue() == ""
    assert "081234567890" not in caplog.text
