"""The connection under one AGI call: bounded lines, one deadline for a whole exchange, answers in step with commands.

It knows nothing of calls but the one line Asterisk may send unasked: HANGUP.
"""

import socket
import threading
from contextlib import suppress
from time import monotonic
from typing import Final

from ivr.asterisk.agi_protocol import (
    CallerHungUp,
    DeadlineExceeded,
    ProtocolError,
    Reply,
    SessionClosed,
    bounded,
    read_reply,
    readable,
)

MAX_RECEIVED: Final = 65536  # bytes of one line
MAX_NOTICES: Final = 100

_NOTICE: Final = b"HANGUP\r"


class Wire:
    """One connected socket, spoken to line by line. One thread speaks; any thread may `close`.

    `exchanges` counts the answered commands, `last_progress` is the monotonic time of the last one (for a watchdog),
    `hung_up` tells that Asterisk said HANGUP.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = bytearray()
        self._turn = threading.Lock()
        self._closed = False
        self._notices = 0
        self.exchanges = 0
        self.last_progress = monotonic()

    @property
    def hung_up(self) -> bool:
        return self._notices > 0

    def exchange(self, line: bytes, deadline: float) -> Reply:
        """Send one command and read its whole answer, so that the next answer belongs to the next command.

        Raises CallerHungUp (also when HANGUP came along: the answer is read first), CommandFailed, and
        DeadlineExceeded, ProtocolError or SessionClosed, after which the connection is closed. `deadline`: monotonic.
        """
        with self._turn:
            if self._closed:
                raise SessionClosed("the connection was closed")
            before = self._notices
            try:
                self._expect_silence()
                self._send(line, deadline)
                reply = read_reply(bounded(lambda: self._next_answer(deadline)))
            except (DeadlineExceeded, ProtocolError):
                self.close()
                raise
            finally:
                if self._closed:
                    self._socket.close()
            self.exchanges += 1
            self.last_progress = monotonic()
        if self._notices != before:
            raise CallerHungUp("the caller hung up")
        return reply

    def next_line(self, deadline: float) -> str:
        """The next line, without its end."""
        while b"\n" not in self._received:
            self._socket.settimeout(_left(deadline))
            try:
                self._receive()
            except TimeoutError:
                raise DeadlineExceeded("Asterisk did not answer in time") from None
        return self._pop_line()

    def close(self) -> None:
        """From any thread: one that waits for an answer wakes up with SessionClosed."""
        self._closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._turn.acquire(blocking=False):  # else the thread inside closes: its descriptor must not be reused
            self._socket.close()
            self._turn.release()

    def _expect_silence(self) -> None:
        """Between two commands only HANGUP may come: anything else means we are out of step."""
        self._socket.settimeout(0)
        with suppress(BlockingIOError):
            while True:
                self._take_notices()
                self._receive()
        if not _NOTICE.startswith(self._received):
            raise ProtocolError("half an answer came that nobody asked for")

    def _take_notices(self) -> None:
        while b"\n" in self._received:
            if not self._is_notice(self._pop_line()):
                raise ProtocolError("an answer came that nobody asked for")

    def _send(self, line: bytes, deadline: float) -> None:
        self._socket.settimeout(_left(deadline))
        try:
            self._socket.sendall(line)
        except TimeoutError:
            raise DeadlineExceeded("Asterisk does not read") from None
        except OSError as error:
            raise self._gone() from error

    def _next_answer(self, deadline: float) -> str:
        while self._is_notice(line := self.next_line(deadline)):
            pass
        return line

    def _is_notice(self, line: str) -> bool:
        if line != "HANGUP":
            return False
        self._notices += 1
        if self._notices > MAX_NOTICES:
            raise ProtocolError("a flood of HANGUP lines")
        return True

    def _pop_line(self) -> str:
        line, _, self._received = self._received.partition(b"\n")
        return readable(bytes(line)).removesuffix("\r")

    def _receive(self) -> None:
        """Read once. Raises BlockingIOError or TimeoutError when nothing came."""
        if len(self._received) >= MAX_RECEIVED:
            raise ProtocolError("a line without end")
        try:
            received = self._socket.recv(4096)
        except (BlockingIOError, TimeoutError):
            raise
        except OSError as error:
            raise self._gone() from error
        if not received:
            raise self._gone()
        self._received += received

    def _gone(self) -> CallerHungUp | SessionClosed:
        if self._closed:
            return SessionClosed("the connection was closed")
        return CallerHungUp("the connection ended")


def address(connection: socket.socket) -> str:
    """`host:port` of the other side, 'unknown' when it is gone already."""
    with suppress(OSError):
        match connection.getpeername():
            case (str(host), int(port), *_):
                return f"{host}:{port}"
    return "unknown"


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise DeadlineExceeded("Asterisk did not answer in time")
    return left
