"""Asking and saying, clip by clip."""

import pytest

from ivr.asterisk.agi import CommandFailed, Session
from tests.asterisk.scripted import ALIVE, ScriptedAsterisk


@pytest.mark.parametrize(
    ("answer", "keys"),
    [(b"12", "12"), (b"1 (timeout)", "1"), (b" (timeout)", ""), (b"", "#"), (b"*", "*"), (b"0", "0")],
)
def test_one_clip_is_one_command_that_returns_the_keys(answer: bytes, keys: str) -> None:
    with ScriptedAsterisk(b"200 result=" + answer + b"\n") as peer:
        assert Session(peer.theirs).ask(["menu"], 2, 4.5, 10) == keys
        assert peer.commands == [["GET", "DATA", "menu", "4500", "2"]]


def test_a_key_during_the_first_clips_is_the_answer() -> None:
    with ScriptedAsterisk(b"200 result=0 endpos=8000\n", b"200 result=48 endpos=10\n") as peer:
        assert Session(peer.theirs).ask(["greeting", "menu", "end"], 1, 5, 10) == "0"
        assert [command[2] for command in peer.commands] == ["greeting", "menu"]


@pytest.mark.parametrize(
    ("first", "rest", "keys"),
    [(b"49", b"2", "12"), (b"49", b" (timeout)", "1"), (b"49", b"", "1"), (b"49", b"2 (timeout)", "12")],
)
def test_a_number_begun_during_the_first_clips_is_completed_in_silence(first: bytes, rest: bytes, keys: str) -> None:
    with ScriptedAsterisk(b"200 result=" + first + b" endpos=10\n", b"200 result=" + rest + b"\n") as peer:
        assert Session(peer.theirs).ask(["greeting", "menu"], 3, 5, 10) == keys
        assert peer.commands[1] == ["GET", "DATA", "", "5000", "2"]


def test_a_hash_alone_during_the_first_clips_ends_the_question() -> None:
    with ScriptedAsterisk(b"200 result=35 endpos=10\n") as peer:
        assert Session(peer.theirs).ask(["greeting", "menu"], 3, 5, 10) == "#"


def test_a_question_without_waiting_does_not_wait_asterisks_own_six_seconds() -> None:
    with ScriptedAsterisk(b"200 result= (timeout)\n") as peer:
        assert Session(peer.theirs).ask(["menu"], 1, 0, 10) == ""
        assert peer.commands[0][3] == "1"


@pytest.mark.parametrize(
    "answers",
    [
        (b"200 result=-1 endpos=0\n", ALIVE, b"200 result=1\n"),
        (b"200 result=0 endpos=8000\n", b"200 result=-1\n", ALIVE, b"200 result=1\n"),
    ],
)
def test_a_question_goes_on_without_a_missing_clip(
    answers: tuple[bytes, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedAsterisk(*answers) as peer:
        assert Session(peer.theirs).ask(["greeting", "menu"], 1, 5, 10) == "1"
    assert "cannot be played" in caplog.text


def test_a_question_nobody_could_hear_fails() -> None:
    missing = (b"200 result=-1\n", ALIVE)
    with ScriptedAsterisk(*missing * 2) as peer, pytest.raises(CommandFailed):
        Session(peer.theirs).ask(["greeting", "menu"], 1, 5, 10)


def test_saying_returns_the_key_that_interrupted_it() -> None:
    with ScriptedAsterisk(b"200 result=0 endpos=1\n", b"200 result=42 endpos=1\n") as peer:
        assert Session(peer.theirs).say(["a", "b", "c"], 3) == "*"
        assert peer.commands[0] == ["STREAM", "FILE", "a", "0123456789*#", "0"]
    with ScriptedAsterisk(b"200 result=0 endpos=1\n") as peer:
        assert Session(peer.theirs).say(["a"], 3) == ""


def test_saying_only_missing_clips_fails() -> None:
    with ScriptedAsterisk(b"200 result=-1 endpos=0\n", ALIVE) as peer, pytest.raises(CommandFailed):
        Session(peer.theirs).say(["a"], 3)
