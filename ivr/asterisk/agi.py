"""One call, spoken to over FastAGI: pyst2's vocabulary on a transport that survives hostile input and hang-ups.

pyst2's own transport gets out of step after a hang-up, loops for ever on usage errors, lets a newline in a caller's
name start a command and knows no deadline (the tests name each defect). So nothing below its vocabulary is used.

Never send a second command while one runs: it would interrupt the first, or wait in Asterisk's buffer.
"""

import logging
import math
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from asterisk.agi import AGI

from ivr.asterisk.agi_protocol import (
    AgiError,
    CallerHungUp,
    CommandFailed,
    ControllerTooSlow,
    DeadlineExceeded,
    NoRequest,
    ProtocolError,
    Quoted,
    Reply,
    SessionClosed,
    clean,
    command_line,
    fitting,
    has_result,
    quote,
    readable,
)
from ivr.asterisk.agi_wire import Wire, address

__all__ = [
    "AgiError",
    "CallerHungUp",
    "CommandFailed",
    "ControllerTooSlow",
    "DeadlineExceeded",
    "NoRequest",
    "ProtocolError",
    "Recorded",
    "Session",
    "SessionClosed",
]

log = logging.getLogger(__name__)

KEYS: Final = "0123456789*#"
MAX_REQUEST_LINES: Final = 200
REQUEST_DEADLINE: Final = 5.0  # seconds for the whole request block
MARGIN: Final = 3.0  # seconds the dead-man timer leaves us beyond what Asterisk is expected to need

_REQUEST_LINE: Final = re.compile(r"(agi_\w+):\s*(.*)")
_COUNT: Final = re.compile(r"\d{1,10}", re.ASCII)  # int() refuses thousands of digits
_OF_OTHERS: Final = {"agi_callerid", "agi_calleridname", "agi_dnid", "agi_rdnis", "agi_extension"}
_READING: Final = re.compile(r"GET (FULL )?VARIABLE|DATABASE|CHANNEL STATUS")  # their answers are data


class Recorded(NamedTuple):
    """How a recording ended: the key that ended it ('' for silence or time) and its length in samples."""

    key: str
    samples: int


class Session(AGI):  # type: ignore[misc]  # pyst2 has no types
    """One call on a connected socket. Reading the request block is part of making it.

    Before every command the dead-man timer of the dialplan (`TIMEOUT(absolute)`, with AGIEXITONHANGUP=yes) is renewed
    to the expected seconds plus `margin`; the command itself gets a third of `margin` more before the connection is
    closed. One thread speaks; `close`, `last_progress` and `exchanges` are for any thread.

    Raises NoRequest (nothing like a call came) or ProtocolError (a request block that breaks off or never ends).
    """

    def __init__(
        self, connection: socket.socket, *, margin: float = MARGIN, request_deadline: float = REQUEST_DEADLINE
    ) -> None:
        self._wire = Wire(connection)
        self._margin = margin
        self._expires = monotonic() + margin  # the dialplan starts the timer with the same margin
        self._fresh_until = 0.0
        self._covered = False
        self.peer = address(connection)
        self.env = self._read_request(monotonic() + request_deadline)

    # -- who calls ---------------------------------------------------------------------------------------------------

    @property
    def environment(self) -> Mapping[str, str]:
        """The request block, `agi_*` names. Of a name given twice the first counts: callers can only add."""
        return MappingProxyType(self.env)

    @property
    def unique_id(self) -> str:
        return self.environment.get("agi_uniqueid", "")

    @property
    def channel(self) -> str:
        return self.environment.get("agi_channel", "")

    @property
    def caller_number(self) -> str:
        """'' when the network sent none."""
        return self._known("agi_callerid")

    @property
    def caller_name(self) -> str:
        """'' when the network sent none."""
        return self._known("agi_calleridname")

    @property
    def script(self) -> str:
        """What the dialplan asked for, without its query: `call` of `agi://127.0.0.1/call?x=1`."""
        return self.environment.get("agi_network_script", "").partition("?")[0]

    def _known(self, name: str) -> str:
        value = self.environment.get(name, "")
        return "" if value == "unknown" else value

    # -- how it goes, for any thread -----------------------------------------------------------------------------

    @property
    def hung_up(self) -> bool:
        """Whether Asterisk said so; some commands are still answered then."""
        return self._wire.hung_up

    @property
    def exchanges(self) -> int:
        """Commands answered so far."""
        return self._wire.exchanges

    @property
    def last_progress(self) -> float:
        """Monotonic time of the last answer."""
        return self._wire.last_progress

    def overdue(self, seconds: float) -> bool:
        """Whether the dead-man timer ran out that long ago: the caller is elsewhere and our thread knows nothing."""
        return monotonic() > self._expires + seconds

    def close(self) -> None:
        """End the conversation; the dialplan goes on. A thread that waits for an answer wakes up."""
        self._wire.close()

    # -- our vocabulary ----------------------------------------------------------------------------------------------

    def ask(self, clips: Sequence[str], max_digits: int, wait: float, expected: float) -> str:
        """Play the clips as one prompt that any key interrupts; the keys pressed until `wait` seconds of silence.

        `expected`: seconds of the clips plus `wait`. A `#` ends the input and is not part of it; alone it is returned
        as '#'. '' means nothing was pressed. A clip that cannot be played is skipped; CommandFailed when none could.

        GET DATA plays one file only (Asterisk 22 looks for a file named `a&b`), so the clips before the last are
        STREAM FILEs that every key ends. A key that ends in the half millisecond between two commands is lost:
        prefer one clip per question, which is one command.
        """
        *before, last = clips or ("",)
        with self.expecting(expected + (max_digits - 1) * wait):
            key, heard = self._play(before)
            if not key:
                return self._collect_after(last, max_digits, wait, heard=heard)
            if key == "#" or max_digits <= 1:
                return key
            return key + self._collect("", max_digits - 1, wait).removesuffix("#")

    def say(self, clips: Sequence[str], expected: float) -> str:
        """Play the clips; the key that interrupted them, or ''. CommandFailed when none of them could be played."""
        with self.expecting(expected):
            key, heard = self._play(clips)
        if clips and not heard:
            raise CommandFailed("no clip could be played")
        return key

    def set(self, name: str, value: object, *, shorten: bool = False) -> None:
        """Set a channel variable. A value too long for one argument raises CommandFailed unless it may be shortened:
        a plan cut in the middle would ring the wrong phone."""
        text = clean(value)
        if not shorten and fitting(text) != text:
            raise CommandFailed(f"the value of {name} does not fit into one argument; nothing was sent")
        self.set_variable(name, text)

    def get_untrusted(self, expression: str) -> str:
        """The value of a channel variable or function, whatever bytes a caller put into it ('' when not set).

        URIENCODE keeps newlines, quotes and foreign bytes off the wire. Asterisk cuts long values (URIENCODE at 4095
        bytes, GET VARIABLE at 1023), which the length sent along shows: then what came is returned, with a WARNING.
        """
        question = f"${{LEN(${{{expression}}})}}:${{URIENCODE(${{{expression}}})}}"
        _, answer = self.execute("GET FULL VARIABLE", quote(question))["result"]
        length, colon, encoded = answer.partition(":")
        if not colon or not _COUNT.fullmatch(length):
            raise self._malformed("a value came without its length")
        value = unquote_to_bytes(re.sub(r"%.?$", "", encoded))  # a cut may leave half an escape
        if len(value) < int(length):
            log.warning("%s: %d of %s bytes came, the call goes on with these", expression, len(value), length)
        return readable(value)

    @contextmanager
    def expecting(self, seconds: float) -> Iterator[None]:
        """For commands that take time: one renewal of the dead-man timer covers everything inside."""
        self._renew(max(seconds, 0.0))
        self._covered = True
        try:
            yield
        finally:
            self._covered = False
            self._fresh_until = 0.0

    def _play(self, clips: Sequence[str]) -> tuple[str, bool]:
        heard = False
        for clip in clips:
            try:
                key = self.stream_file(clip, KEYS)
            except CommandFailed:
                log.warning("clip %s cannot be played: the caller does not hear it, the call goes on", clip)
                continue
            heard = True
            if key:
                return key, heard
        return "", heard

    def _collect_after(self, clip: str, max_digits: int, wait: float, *, heard: bool) -> str:
        try:
            return self._collect(clip, max_digits, wait)
        except CommandFailed:
            if not heard:
                raise
            log.warning("clip %s cannot be played: the caller may answer what was heard before", clip)
            return self._collect("", max_digits, wait)

    def _collect(self, clip: str, max_digits: int, wait: float) -> str:
        milliseconds = max(1, round(wait * 1000))  # 0 would mean Asterisk's own six seconds
        keys, how = self.execute("GET DATA", clip, milliseconds, max(1, max_digits))["result"]
        return keys or ("" if how == "timeout" else "#")

    # -- pyst2's vocabulary, where it needs help ---------------------------------------------------------------------

    def _quote(self, string: object) -> Quoted:
        return quote(string)

    def test_hangup(self) -> None:
        """Raises CallerHungUp when the caller is known to be gone."""
        if self.hung_up:
            raise self._why_gone(CallerHungUp("the caller hung up"))

    def execute(self, command: str, *args: object) -> dict[str, tuple[str, str]]:
        """Run one AGI command: `{"result": (value, data), ...}`. Every argument is quoted.

        Raises CallerHungUp, CommandFailed, ControllerTooSlow, DeadlineExceeded, ProtocolError or SessionClosed.
        """
        if not self._covered and monotonic() >= self._fresh_until:
            self._renew(0.0)
            self._fresh_until = monotonic() + self._margin / 3
        reply = self._exchange(command, *args, deadline=self._expires + self._margin / 3)
        self._refuse_failure(command, reply)
        if not has_result(command, reply):
            raise self._malformed(f"the answer is none to {command}")
        return reply.fields()

    def get_variable(self, name: str) -> str:
        """'' when not set. Always the safe way: what a caller wrote must not end up between our lines."""
        return self.get_untrusted(name)

    def database_get(self, family: str, key: str) -> str:
        """A value of Asterisk's database. CommandFailed when there is none."""
        found, value = self.execute("DATABASE GET", quote(family), quote(key))["result"]
        if found != "1":
            raise CommandFailed(f"nothing stored under {family}/{key}")
        return value

    def record_file(
        self,
        filename: str,
        format: str = "wav",  # noqa: A002 pyst2's name
        escape_digits: str = "#",
        timeout: int = 20000,
        offset: int = 0,
        beep: str = "beep",
        silence: int = 0,
    ) -> Recorded:
        """Record until a key, `timeout` ms or `silence` s. Use it inside `expecting`."""
        words = (filename, format, quote(escape_digits), timeout, offset, beep, f"s={silence}")
        fields = self.execute("RECORD FILE", *words)
        (code, how), (samples, _) = fields["result"], fields.get("endpos", ("0", ""))
        if not _COUNT.fullmatch(code) or not _COUNT.fullmatch(samples):
            raise self._malformed("a recording ended without a number")
        return Recorded(chr(int(code)) if how == "dtmf" else "", int(samples))  # after a beep: `1 (timeout)`

    # -- one command, and the dead-man timer -----------------------------------------------------------------------

    def _exchange(self, command: str, *arguments: object, deadline: float) -> Reply:
        try:
            return self._wire.exchange(command_line(command, *arguments), deadline)
        except CallerHungUp as error:
            raise self._why_gone(error) from error

    def _why_gone(self, gone: CallerHungUp) -> AgiError:
        """The dead-man timer ends a session just as a caller does: only the clock tells them apart."""
        if monotonic() < self._expires:
            return gone
        return ControllerTooSlow("the dead-man timer ran out, Asterisk took the caller to the lifeline")

    def _renew(self, expected: float) -> None:
        seconds = math.ceil((expected + self._margin) * 10) / 10
        started = monotonic()
        patience = started + self._margin * 4 / 3
        self._exchange("SET VARIABLE", "TIMEOUT(absolute)", f"{seconds:.1f}", deadline=patience)
        self._expires = started + seconds

    def _refuse_failure(self, command: str, reply: Reply) -> None:
        verb = command.upper()
        if reply.result == "-2" and verb == "EXEC":
            raise CommandFailed("Asterisk has no such application")
        if _READING.match(verb):
            return
        if reply.data == "hangup":
            raise self._why_gone(CallerHungUp("the caller hung up"))
        if reply.result == "-1":  # a hang-up or a failure: a dead channel answers 511 or not at all
            self._exchange("CHANNEL STATUS", deadline=monotonic() + self._margin * 4 / 3)
            raise CommandFailed(f"{command} failed, the caller is still there")

    def _malformed(self, reason: str) -> ProtocolError:
        self.close()
        return ProtocolError(reason)

    # -- the request block -------------------------------------------------------------------------------------------

    def _read_request(self, deadline: float) -> dict[str, str]:
        request: dict[str, str] = {}
        written = ""  # what others wrote last
        try:
            for _ in range(MAX_REQUEST_LINES + 1):
                line = self._wire.next_line(deadline)
                if not line and not _is_cut(request):
                    break
                if pair := _REQUEST_LINE.fullmatch(line):
                    request.setdefault(pair[1], clean(pair[2]).strip())
                    written = pair[1] if pair[1] in _OF_OTHERS else written
                elif written:  # a line break in it
                    request[written] = f"{request[written]} {clean(line)}".strip()
                else:
                    raise ProtocolError("this is no AGI request")
            else:
                raise ProtocolError("a request block without end")
        except AgiError as error:
            if request:
                raise ProtocolError(f"the request block broke off: {error}") from error
            raise NoRequest(str(error)) from error
        if not request:
            raise NoRequest("an empty request")
        return request


def _is_cut(request: Mapping[str, str]) -> bool:
    """Whether an empty line belongs to a caller's number or name: Asterisk writes its version before these, and the
    number of its thread behind them."""
    return "agi_version" in request and "agi_threadid" not in request
