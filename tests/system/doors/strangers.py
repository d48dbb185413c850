"""SIP spoken by hand: what no phone would send, and a phone that answers what no phone would answer."""

import ctypes
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from itertools import count
from threading import Event, Thread, get_native_id
from types import TracebackType
from typing import Any, Self

from tests.conftest import CLONE_NEWNET
from tests.system.server import LOOPBACK

Elsewhere = Callable[[Callable[[], Any]], Any]

_NUMBERS = count(1)

_SPEECH = """v=0\r
o=- 1 1 IN IP4 {address}\r
s=-\r
c=IN IP4 {address}\r
t=0 0\r
m=audio 31990 RTP/{profile} 8\r
{lines}"""


@dataclass(frozen=True)
class Message:
    """A request or a reply as it came."""

    text: str

    @property
    def status(self) -> int:
        """The code of a reply, 0 of a request."""
        found = re.match(r"SIP/2.0 (\d{3})", self.text)
        return int(found[1]) if found else 0

    @property
    def method(self) -> str:
        """The method of a request, or of what a reply is for."""
        return self.text.split(" ", 1)[0] if not self.status else self["CSeq"].split()[1]

    def __getitem__(self, name: str) -> str:
        """The first header of that name. Raises LookupError."""
        return self.all(name)[0]

    def all(self, name: str) -> list[str]:
        """Every header of that name."""
        return re.findall(rf"(?im)^{name}:\s*(.*?)\r?$", self.text)


def speech(address: str = LOOPBACK, profile: str = "AVP", lines: str = "") -> str:
    """An offer of A-law speech."""
    return _SPEECH.format(address=address, profile=profile, lines=lines)


@dataclass(frozen=True)
class Dialogue:
    """What the requests of one exchange have in common."""

    target: str
    via: str
    sender: str
    to: str
    call_id: str

    def lines(self, method: str, cseq: int, to: str = "", branch: str = "") -> list[str]:
        """The first lines of a request."""
        return [
            f"{method} {self.target}",
            f"Via: {self.via};branch=z9hG4bK{self.call_id}{branch}",
            *("Max-Forwards: 70", f"From: {self.sender}", f"To: {to or self.to}"),
            *(f"Call-ID: {self.call_id}", f"CSeq: {cseq} {method}"),
        ]


class Stranger:
    """One UDP socket that speaks SIP to a server, from any address of this machine."""

    def __init__(self, server: str, address: str = LOOPBACK, port: int = 0) -> None:
        host, sip = server.rsplit(":", 1)
        self.server, self.target = server, (host, int(sip))
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.address, self.port = self.socket.getsockname()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    # requests

    def send(
        self, method: str, uri: str = "", *, user: str = "stranger", headers: Sequence[str] = (), body: str = ""
    ) -> Dialogue:
        """Send a request and wait for nothing."""
        uri = uri or f"sip:{self.server}"
        sender = f"<sip:{user}@{self.server}>"
        mine = Dialogue(
            f"{uri} SIP/2.0",
            f"SIP/2.0/UDP {self.address}:{self.port};rport",
            f"{sender};tag=1",
            sender if method == "REGISTER" else f"<{uri}>",
            f"{next(_NUMBERS)}-{self.address}",
        )
        contact = [] if any(line.startswith("Contact:") for line in headers) else [f"Contact: <{self.uri(user)}>"]
        kind = "application/sdp" if body.startswith("v=0") else "text/plain"
        typed = [f"Content-Type: {kind}"] if body else []
        self._send([*mine.lines(method, 1), *contact, *headers, *typed], body)
        return mine

    def ask(
        self,
        method: str,
        uri: str = "",
        *,
        user: str = "stranger",
        headers: Sequence[str] = (),
        body: str = "",
        patience: float = 2.0,
    ) -> Message | None:
        """A request's final reply, None for silence. An INVITE is acknowledged and, when it was taken, ended."""
        mine = self.send(method, uri, user=user, headers=headers, body=body)
        reply = self._final(mine, method, patience)
        if reply and method == "INVITE":
            taken = reply.status < 300
            self._send(mine.lines("ACK", 1, reply["To"], branch="ack" if taken else ""), "")
            if taken:
                self._send(mine.lines("BYE", 2, reply["To"], branch="bye"), "")
        return reply

    def ask_as(
        self, account: str, password: str, method: str, uri: str = "", *, headers: Sequence[str] = (), body: str = ""
    ) -> Message | None:
        """The same by somebody who knows a password: asked once, and again with the answer to the challenge."""
        first = self.ask(method, uri, user=account, headers=headers, body=body)
        if first is None or first.status not in (401, 407):
            return first
        answer = answer_to(first, account, password, method, uri or f"sip:{self.server}")
        return self.ask(method, uri, user=account, headers=[*headers, answer], body=body)

    def uri(self, user: str) -> str:
        """Where this socket can be called."""
        return f"sip:{user}@{self.address}:{self.port}"

    def _send(self, head: Sequence[str], body: str) -> None:
        text = "\r\n".join([*head, f"Content-Length: {len(body.encode())}", "", body])
        self.socket.sendto(text.encode(), self.target)

    def _final(self, mine: Dialogue, method: str, patience: float) -> Message | None:
        while message := self.receive(patience):
            if message.status >= 200 and message.method == method and message["Call-ID"] == mine.call_id:
                return message
        return None

    # what comes in

    def receive(self, patience: float = 2.0) -> Message | None:
        """The next message, None when there is none for so long."""
        self.socket.settimeout(patience)
        try:
            return Message(self.socket.recv(65535).decode(errors="replace"))
        except TimeoutError:
            return None

    def rung(self, patience: float = 10.0) -> Message | None:
        """The next INVITE; requests before it (OPTIONS) are answered well."""
        while message := self.receive(patience):
            if message.method == "INVITE" and not message.status:
                return message
            if not message.status and message.method != "ACK":
                self.reply(message, "200 OK")
        return None

    def take(self, ringing: Message, account: str) -> None:
        """Pick up a call that rings, without sending any sound."""
        self.reply(
            ringing, "200 OK", f"Contact: <{self.uri(account)}>", "Content-Type: application/sdp", body=speech()
        )
        while (message := self.receive()) and message.method != "ACK":
            pass

    def refer(self, ringing: Message, account: str, to: str) -> Message | None:
        """Ask that the other side of this call is moved to `to` (RFC 3515); the reply."""
        target = re.findall(r"<([^>]*)>", ringing["Contact"])[0]
        mine = Dialogue(
            f"{target} SIP/2.0",
            f"SIP/2.0/UDP {self.address}:{self.port};rport",
            f"{ringing['To']};tag=b{self.port}",
            ringing["From"],
            ringing["Call-ID"],
        )
        self._send([*mine.lines("REFER", 1), f"Contact: <{self.uri(account)}>", f"Refer-To: <{to}>"], "")
        return self._final(mine, "REFER", 2)

    def reply(self, request: Message, status: str, *headers: str, body: str = "") -> None:
        """Answer a request, e.g. `302 Moved Temporarily` with a Contact."""
        kept = [f"{name}: {value}" for name in ("Via", "From", "Call-ID", "CSeq") for value in request.all(name)]
        self._send([f"SIP/2.0 {status}", *kept, f"To: {request['To']};tag=b{self.port}", *headers], body)


def answer_to(challenge: Message, account: str, password: str, method: str, uri: str) -> str:
    """The Authorization header (RFC 2617 with qop=auth) that a challenge asks for."""
    asked = challenge["WWW-Authenticate" if challenge.status == 401 else "Proxy-Authenticate"]
    realm, nonce = (re.findall(rf'{name}="([^"]*)"', asked)[0] for name in ("realm", "nonce"))
    opaque = re.findall(r'opaque="([^"]*)"', asked)
    secret, wanted = _md5(f"{account}:{realm}:{password}"), _md5(f"{method}:{uri}")
    response = _md5(f"{secret}:{nonce}:00000001:c0ffee:auth:{wanted}")
    return (
        f'Authorization: Digest username="{account}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c0ffee"'
        + (f', opaque="{opaque[0]}"' if opaque else "")
    )


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


class Carrier:
    """Who sells the city its calls: counts the calls that the server makes through it, and refuses them."""

    def __init__(self, server: str, address: str, port: int) -> None:
        self.invites: list[str] = []
        self._line = Stranger(server, address, port)
        self._stop = Event()
        self._thread = Thread(target=self._listen, name="carrier", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._line.socket.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            if (message := self._line.receive(0.1)) and message.method == "INVITE":
                self.invites.append(message.text.split()[1])
                self._line.reply(message, "486 Busy Here")


@contextmanager
def another_machine(ours: str, *theirs: str) -> Iterator[Elsewhere]:
    """A second machine on a wire to this one, at the addresses `theirs`; what it is given runs over there.

    It is a thread in a network namespace of its own, which vanishes with it.
    """
    with ThreadPoolExecutor(1) as thread:
        there = thread.submit(_leave_this_network).result()
        _run(f"ip link add wire type veth peer name eth0 netns {there}")
        _run(f"ip addr add {ours}/16 dev wire")
        _run("ip link set wire up")
        for command in (*(f"ip addr add {each}/16 dev eth0" for each in theirs), "ip link set eth0 up"):
            thread.submit(_run, command).result()
        yield lambda work: thread.submit(work).result()


def _leave_this_network() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    return get_native_id()


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True)


def can_connect(address: str, port: int, seconds: float = 2.0) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((address, port), seconds).close()
    except OSError:
        return False
    return True
