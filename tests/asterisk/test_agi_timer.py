"""The dead-man timer on the caller's channel: renewed as seldom as it can be, and told from a hang-up."""

import threading

import pytest

from ivr.asterisk.agi import ControllerTooSlow, Session
from tests.asterisk.scripted import OK, ScriptedAsterisk


def test_cheap_commands_in_a_row_renew_the_timer_once() -> None:
    with ScriptedAsterisk(*[OK] * 20) as peer:
        session = Session(peer.theirs)
        for number in range(20):
            session.set("A", number)
        assert peer.renewals == [b'SET VARIABLE "TIMEOUT(absolute)" "3.0"']


def test_cheap_commands_renew_again_after_a_third_of_the_margin() -> None:
    with ScriptedAsterisk(OK, OK) as peer:
        session = Session(peer.theirs, margin=0.6)
        session.set("A", 1)
        threading.Event().wait(0.25)
        session.set("A", 2)
        assert len(peer.renewals) == 2


def test_a_question_renews_the_timer_once_for_its_whole_length_and_the_next_command_brings_it_back() -> None:
    with ScriptedAsterisk(b"200 result=0 endpos=8000\n", b"200 result=1\n", OK) as peer:
        session = Session(peer.theirs)
        assert session.ask(["greeting", "menu"], 1, 5.0, 12.34) == "1"
        session.set("A", 1)
        assert [line.split()[-1] for line in peer.renewals] == [b'"15.4"', b'"3.0"']


def test_several_digits_get_their_time_between_them() -> None:
    with ScriptedAsterisk(b"200 result=12\n") as peer:
        assert Session(peer.theirs).ask(["menu"], 3, 5.0, 10.0) == "12"
        assert peer.renewals == [b'SET VARIABLE "TIMEOUT(absolute)" "23.0"']


def test_a_session_ended_by_the_timer_is_not_taken_for_a_hang_up() -> None:
    with ScriptedAsterisk(b"HANGUP\n200 result=0\n") as peer:
        session = Session(peer.theirs, margin=0.3)
        with session.expecting(0):
            threading.Event().wait(0.35)
            with pytest.raises(ControllerTooSlow):
                session.answer()


def test_progress_is_seen_from_outside() -> None:
    with ScriptedAsterisk(OK) as peer:
        session = Session(peer.theirs)
        before = session.last_progress
        session.set("A", 1)
        assert session.exchanges == 2
        assert session.last_progress > before
