"""The other end of a FastAGI connection: answers commands with the bytes a test prescribes."""

import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

REQUEST: Final = (
    b"agi_network: yes\nagi_network_script: call?mode=1\nagi_request: agi://127.0.0.1/call?mode=1\n"
    b"agi_channel: PJSIP/trunk-00000001\nagi_uniqueid: ivr112-1763800000.12\n"
    b"agi_callerid: 081234567890\nagi_calleridname: Budi\n\n"
)
OK: Final = b"200 result=1\n"
HANG_UP: Final = None
DEAD: Final = b"511 Command Not Permitted on a dead channel or intercept routine\n"
ALIVE: Final = b"200 result=6\n"  # of CHANNEL STATUS


def parse_args(line: str) -> list[str]:
    """How Asterisk splits a line into words: parse_args of res/res_agi.c, transcribed for reference."""
    words: list[str] = []
    quoted = escaped = False
    between = True
    for character in line:
        if character == '"' and not escaped:
            quoted = not quoted
            if quoted and between:
                words.append("")
                between = False
            continue
        if character in " \t" and not quoted and not escaped:
            between = True
            continue
        if character == "\\" and not escaped:
            escaped = True
            continue
        if between:
            words.append("")
            between = False
        words[-1] += character
        escaped = False
    return words


class ScriptedAsterisk:
    """Sends a request block, then one prescribed answer for each command (renewals of the timer are always granted).

    An answer of `HANG_UP` closes the connection; after the last one nothing is answered any more. A tuple is sent
    byte by byte with pauses of the given seconds.
    """

    def __init__(
        self, *answers: bytes | tuple[bytes, float] | None, request: bytes = REQUEST, grants: bool = True
    ) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.lines: list[bytes] = []
        self.renewals: list[bytes] = []
        self._answers = list(answers)
        self._grants = grants
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.ours.sendall(request)

    @property
    def commands(self) -> Sequence[list[str]]:
        """Every command but the renewals, as Asterisk understands it."""
        return [parse_args(line.decode()) for line in self.lines]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.theirs.close()
        self._shut()
        self._thread.join(2)
        assert not self._thread.is_alive()
        self.ours.close()

    def say(self, unasked: bytes) -> None:
        """Send something nobody asked for."""
        self.ours.sendall(unasked)

    def _shut(self) -> None:
        try:
            self.ours.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def _run(self) -> None:
        with self.ours.makefile("rb") as lines:
            try:
                for line in lines:
                    self._answer(line.rstrip(b"\n"))
            except OSError:
                return

    def _answer(self, line: bytes) -> None:
        if line.startswith(b'SET VARIABLE "TIMEOUT(absolute)"'):
            self.renewals.append(line)
            if self._grants:
                self.ours.sendall(OK)
            return
        self.lines.append(line)
        if not self._answers:
            return
        match self._answers.pop(0):
            case None:
                self._shut()
            case (text, pause):
                for byte in text:
                    self.ours.sendall(bytes([byte]))
                    threading.Event().wait(pause)
            case text:
                self.ours.sendall(text)
