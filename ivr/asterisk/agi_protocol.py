"""The words of AGI: quoting what we send, reading what Asterisk answers, and every way a call can end. No sockets.

Source: res/res_agi.c of Asterisk 22 (parse_args, agi_handle_command); every form was seen on the wire.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

MAX_LINE: Final = 2047  # AGI_BUF_LEN less the NUL. Asterisk 22 takes 8191 and runs what is beyond as a new command.
MAX_ARGUMENT: Final = 1000  # bytes on the wire, escapes included, the two outer quotes not
MAX_ANSWER_LINES: Final = 200

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ANSWER: Final = re.compile(r"(\d{3})(?:([ -])(.*))?", re.DOTALL)
_RESULT: Final = re.compile(r"result=(\S*)(?: \((.*)\))?(?: (\w+=.*))?", re.DOTALL)
_FIELD: Final = re.compile(r'\b(\w+)=("[^"]*"|\S*)')  # without \b a long word would be tried from each of its letters
_NUMBER: Final = re.compile(r"-[12]|\d{1,3}", re.ASCII)


class AgiError(Exception):
    """Every reason why a call cannot go on as planned. Whatever it is, the dialplan leads the caller on."""


class CallerHungUp(AgiError):
    """The caller is gone: HANGUP notice, 511, `(hangup)`, end of the connection."""


class ControllerTooSlow(AgiError):
    """Our dead-man timer ran out: Asterisk took the caller to the lifeline."""


class CommandFailed(AgiError):
    """Asterisk did not do the command and the caller is still there (missing sound file, unknown command ...)."""


class DeadlineExceeded(AgiError):
    """Asterisk did not answer in time. The connection is closed: the dialplan goes on."""


class ProtocolError(AgiError):
    """What came is no AGI. The connection is closed, because answers may be out of step: the dialplan goes on."""


class NoRequest(AgiError):
    """The connection never became a call: a port probe, a scanner, silence."""


class SessionClosed(AgiError):
    """We closed the connection ourselves (shutdown, watchdog)."""


class Quoted(str):
    """An argument that is ready for the wire."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete `200` answer: `result=<result> (<data>) <more>`."""

    result: str
    data: str | None
    more: str

    def fields(self) -> dict[str, tuple[str, str]]:
        """In the shape pyst2's vocabulary reads: `{"result": ("1", "value"), "endpos": ("8000", "")}`."""
        more = {name: (value.strip('"'), "") for name, value in _FIELD.findall(self.more)}
        return {**more, "result": (self.result, self.data or "")}


def has_result(command: str, reply: Reply) -> bool:
    """Whether the answer can be one to this command: keys to GET DATA, to every other a small number."""
    return command.upper() == "GET DATA" or _NUMBER.fullmatch(reply.result) is not None


def readable(raw: bytes) -> str:
    """Text of bytes from outside: no byte is lost (`\\xff` for what is not UTF-8) and every database takes it."""
    return raw.decode("utf-8", "backslashreplace")


def clean(value: object) -> str:
    """What of a value can be said on one line: control characters become spaces, None becomes ''."""
    text = "" if value is None else str(value)
    return readable(_CONTROL.sub(" ", text).encode("utf-8", "backslashreplace"))


def fitting(text: str) -> str:
    """The longest beginning of a clean text that fits into one argument, cut between characters."""
    room = MAX_ARGUMENT
    for position, character in enumerate(text):
        room -= len(_escaped(character).encode())
        if room < 0:
            return text[:position]
    return text


def quote(value: object) -> Quoted:
    """One argument: cleaned, cut to MAX_ARGUMENT bytes, `"` and `\\` escaped."""
    return Quoted(f'"{_escaped(fitting(clean(value)))}"')


def command_line(command: str, *arguments: object) -> bytes:
    """One command. Arguments are quoted unless they are already; empty ones at the end are left out.

    Raises CommandFailed for a line that Asterisk might cut: the rest would run as a command of its own.
    """
    given = list(arguments)
    while given and given[-1] == "" and not isinstance(given[-1], Quoted):
        given.pop()
    words = [each if isinstance(each, Quoted) else quote(each) for each in given]
    line = " ".join([clean(command).strip(), *words]).encode()
    if len(line) > MAX_LINE:
        raise CommandFailed(
            f"{command}: {len(line)} bytes are more than Asterisk reads in one line; nothing was sent"
        )
    return line + b"\n"


def read_reply(lines: Iterator[str]) -> Reply:
    """The answer to one command. Raises CallerHungUp (511), CommandFailed (510, 520), ProtocolError (all else)."""
    for line in lines:
        answer = _ANSWER.fullmatch(line)
        if answer is None:
            break
        code, more_follows, text = answer[1], answer[2] == "-", answer[3] or ""
        if code == "100":
            continue
        if code == "200" and (result := _RESULT.fullmatch(text)):
            return Reply(result[1], result[2], result[3] or "")
        if code == "511":
            raise CallerHungUp("dead channel")
        if code == "520" and more_follows:
            _skip_usage(lines)
        if code in ("510", "520"):
            raise CommandFailed(f"{code} {text}")
        break
    raise ProtocolError("the answer is not AGI")  # its text may be personal: not in the message


def _skip_usage(lines: Iterator[str]) -> None:
    if not any(line.startswith("520 ") for line in lines):
        raise ProtocolError("a usage text without end")


def bounded(next_line: Callable[[], str]) -> Iterator[str]:
    """The lines of one answer, as many as an answer may have."""
    for _ in range(MAX_ANSWER_LINES):
        yield next_line()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
