import io
import logging
import signal
import socket
import threading
from contextlib import redirect_stderr, suppress
from time import monotonic

import pytest
from asterisk.agi import AGI

from ivr.asterisk.agi import (
    AgiError,
    CallerHungUp,
    CommandFailed,
    ControllerTooSlow,
    DeadlineExceeded,
    NoRequest,
    ProtocolError,
    Recorded,
    Session,
    SessionClosed,
)
from tests.asterisk.scripted import HANG_UP, OK, REQUEST, ScriptedAsterisk

USAGE = b"520-Invalid command syntax.  Proper usage follows:\nSets a variable.\n520 End of proper usage.\n"
DEAD = b"511 Command Not Permitted on a dead channel or intercept routine\n"
ALIVE = b"200 result=6\n"


# -- every defect of pyst2 that was met (0.5.1) --------------------------------------------------------------------


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


def test_a_caller_name_that_is_not_utf8_does_not_lose_the_call() -> None:
    with ScriptedAsterisk(request=REQUEST.replace(b"Budi", b"Bud\xff\x01i")) as peer:
        assert Session(peer.theirs).caller_name == "Bud\\xff i"


def test_nothing_is_written_to_standard_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with redirect_stderr(io.StringIO()) as stderr, ScriptedAsterisk(OK) as peer:
        Session(peer.theirs).set("A", "081234567890")
    assert stderr.getvalue() == ""
    assert "081234567890" not in caplog.text


# -- deadlines and hostile peers -----------------------------------------------------------------------------------


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


# -- the dead-man timer --------------------------------------------------------------------------------------------


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


# -- asking and saying ---------------------------------------------------------------------------------------------


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


# -- the request block ---------------------------------------------------------------------------------------------


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


def _fill(connection: socket.socket) -> None:
    connection.settimeout(0)
    with suppress(BlockingIOError):
        while connection.send(b"x" * 65536):
            pass
