"""A call spoken over AGI: whatever Asterisk answers, and whatever we are given to say.

A case is a conversation: our commands with hostile arguments, and one hostile answer for each.
"""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from bench.fuzz.agi_request import Pieces
from bench.fuzz.hostile import damaged, packed, text, unpacked, value
from bench.fuzz.parser import Parser, Verdict
from ivr.asterisk.agi import AgiError, Session
from ivr.asterisk.agi_protocol import MAX_LINE, clean
from tests.asterisk.scripted import OK, REQUEST, parse_args

ANSWERS: tuple[bytes, ...] = (
    b"200 result=0\n", b"200 result=1\n", b"200 result=49\n", b"200 result=-1\n", b"200 result=\n",
    b"200 result=1 (5:hello)\n",
    b"200 result=1 (0:)\n", b"200 result= (timeout)\n", b"200 result=12 (timeout)\n", b"200 result=0 (hangup)\n",
    b"200 result=35 (dtmf) endpos=9280\n", b"200 result=1 (timeout) endpos=8000\n",
    b"200 result=-1 (randomerror) endpos=0\n",
    b'200 result=1 (speech) endpos=0 results=1 score0=90 text0="kebakaran rumah" grammar0=kategori\n',
    b"100 Trying\n200 result=0\n",
    b"HANGUP\n200 result=1 (1:a)\n", b"200 result=1\nHANGUP\n", b"510 Invalid or unknown command\n",
    b"520-Invalid command syntax.  Proper usage follows:\nx\n520 End of proper usage.\n",
    b"520 Invalid command syntax.\n",
    b"511 Command Not Permitted on a dead channel or intercept routine\n", b"200 result=1 (3:a%0a)\n",
    b"200 result=6\n",
    b"200 result=1 (99999:x)\n", b"200 result=999999999999\n", b"200 result=1\n200 result=2\n",
    b"200 result=1\n200 result=",
)  # fmt: skip
PROBE = b"200 result=1 (4:mine)\n"

Talk = Callable[[Session, str], object]
TALKS: dict[str, tuple[Talk, tuple[str, ...]]] = {
    "set": (lambda session, said: session.set("NAME", said, shorten=True), ("SET", "VARIABLE", "NAME")),
    "set plan": (lambda session, said: session.set("PLAN", said), ("SET", "VARIABLE", "PLAN")),
    "set name": (lambda session, said: session.set(said, "1"), ("SET", "VARIABLE")),
    "ask": (lambda session, said: session.ask([said, "b"], 3, 0.01, 0.01), ("STREAM", "FILE")),
    "ask one": (lambda session, said: session.ask([said], 1, 0.01, 0.01), ("GET", "DATA")),
    "say": (lambda session, said: session.say([said], 0.01), ("STREAM", "FILE")),
    "get": (lambda session, said: session.get_untrusted(said), ("GET", "FULL", "VARIABLE")),
    "verbose": (lambda session, said: session.verbose(said), ("VERBOSE",)),
    "database": (lambda session, said: session.database_get("family", said), ("DATABASE", "GET", "family")),
    "record": (lambda session, said: session.record_file(said), ("RECORD", "FILE")),
    "application": (lambda session, said: session.appexec("NoOp", said), ("EXEC", "NoOp")),
    "status": (lambda session, said: session.channel_status(said), ("CHANNEL", "STATUS")),
}
"""What we say with an argument from outside, and the words its command begins with."""


class Asterisk(Pieces):
    """Our end of a connection: each line written into it is answered at once by the other end, from the script."""

    def start(self, far: socket.socket, answers: list[str], *, silent: bool) -> None:
        """`silent`: says nothing when the answers have run out, instead of hanging up."""
        self.far, self.answers, self.silent = far, answers, silent
        self.lines: list[bytes] = []
        far.setblocking(False)
        far.send(REQUEST)

    def settimeout(self, value: float | None) -> None:
        super().settimeout(value and 0.001)  # who has not answered by now never will

    def sendall(self, data: Any, flags: int = 0) -> None:
        super().sendall(data, flags)
        line = self.far.recv(1 << 20)
        if line.startswith(b'SET VARIABLE "TIMEOUT(absolute)"'):
            self._say(OK)
            return
        self.lines.append(line)
        if b"PROBE" in line:
            self._say(PROBE)
        elif self.answers:
            self._say(self.answers.pop(0).encode("latin-1"))
        elif not self.silent:
            self.far.shutdown(socket.SHUT_WR)

    def _say(self, answer: bytes) -> None:
        while answer:
            try:
                answer = answer[self.far.send(answer) :]
            except BlockingIOError:  # nobody reads so much
                return


class Conversation(Parser):
    """`Session` over a real pair of sockets."""

    def __init__(self, _folder: Path) -> None:
        """Needs no file."""

    def make(self, random: Random) -> bytes:
        """One to five commands, and as many answers or one less."""
        names = random.choices(tuple(TALKS), k=random.randint(1, 5))
        return packed(
            {
                "said": [[name, text(random).encode("utf-8", "surrogatepass")] for name in names],
                "answers": [_answer(random) for _ in range(len(names) * 2 + random.choice((-1, 1, 1, 1)))],
                "piece": random.choice((1, 3, 50, 4096)),
                "silent": random.random() < 0.5,
            }
        )

    def check(self, content: bytes) -> Verdict:
        """Each command gives an answer or a documented error; then we are in step, or the connection is closed."""
        case = unpacked(content)
        theirs, far = socket.socketpair()
        with Asterisk(fileno=theirs.detach()) as near, far:
            near.piece = case["piece"]
            near.start(far, case["answers"], silent=case["silent"])
            session = Session(near)
            kinds, faults = set[str](), list[str]()
            for name, raw in case["said"]:
                said = raw.encode("latin-1").decode("utf-8", "surrogatepass")
                kinds.add(_done(session, name, said))
                faults += _sent(near.lines, name, said)
                near.lines.clear()
            faults += _out_of_step(session)
        return Verdict(tuple(sorted(kinds)), tuple(faults))


def _answer(random: Random) -> bytes:
    known = random.choice(ANSWERS)
    if random.random() < 0.4:
        return known
    if random.random() < 0.3:
        return b"200 result=%s (%s) %s\n" % (value(random, 400), value(random), value(random, 400))
    return damaged(random, known, most=2)


def _done(session: Session, name: str, said: str) -> str:
    try:
        TALKS[name][0](session, said)
    except AgiError as error:
        return type(error).__name__
    return "answered"


def _sent(lines: list[bytes], name: str, said: str) -> Iterator[str]:
    """What Asterisk would understand of what we sent: one command a line, its argument whole."""
    begins = TALKS[name][1]
    for number, line in enumerate(lines):
        if line.count(b"\n") != 1 or not line.endswith(b"\n") or b"\0" in line or len(line) > MAX_LINE + 1:
            yield f"{name}: not one line: {line[:200]!r}"
        words = parse_args(line[:-1].decode())
        if number == 0 and tuple(words[: len(begins)]) != begins:
            yield f"{name}: became another command: {words[:4]}"[:300]
        if number == 0 and name == "set plan" and words[3:] not in ([clean(said)], [] if clean(said) == "" else None):
            yield f"{name}: {words[3:]} is not what was set"[:300]


def _out_of_step(session: Session) -> Iterator[str]:
    """Twice a question of which the answer is known: that answer, or an error."""
    for _ in range(2):
        try:
            answer = session.get_untrusted("PROBE")
        except AgiError:
            continue
        if answer != "mine":
            yield f"out of step: {answer!r}"[:300]
