"""The block by which Asterisk introduces a call: read, or refused as no request; no caller writes the frame."""

import re
import socket
from pathlib import Path
from random import Random
from zlib import crc32

from bench.fuzz.hostile import damaged, value
from bench.fuzz.parser import Parser, Verdict
from ivr.asterisk.agi import NoRequest, ProtocolError, Session
from ivr.asterisk.agi_protocol import clean, readable

FIELDS = (
    ("agi_network", b"yes"),
    ("agi_network_script", b"call?mode=1"),
    ("agi_request", b"agi://127.0.0.1/call?mode=1"),
    ("agi_channel", b"PJSIP/trunk-00000001"),
    ("agi_language", b"id"),
    ("agi_type", b"PJSIP"),
    ("agi_uniqueid", b"ivr112-1763800000.12"),
    ("agi_version", b"22.10.1"),
    ("agi_callerid", None),
    ("agi_calleridname", None),
    ("agi_callingpres", b"0"),
    ("agi_dnid", None),
    ("agi_rdnis", None),
    ("agi_context", b"from-trunk"),
    ("agi_extension", None),
    ("agi_priority", b"3"),
    ("agi_threadid", b"140737"),
)
"""In Asterisk's order; None: a caller, a phone or a carrier chooses it."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Pieces(socket.socket):
    """A connected socket whose bytes come in pieces of at most `piece`."""

    piece = 4096

    def recv(self, size: int, flags: int = 0) -> bytes:
        return super().recv(min(size, self.piece), flags)


def pair(piece: int) -> tuple[Pieces, socket.socket]:
    """(our end, Asterisk's end) of a real pair of sockets."""
    theirs, far = socket.socketpair()
    near = Pieces(fileno=theirs.detach())
    near.piece = piece
    return near, far


class Request(Parser):
    """`Session(connection)`."""

    def __init__(self, _folder: Path) -> None:
        """Needs no file."""

    def make(self, random: Random) -> bytes:
        """A block with hostile values; every second one is damaged beyond what values could do."""
        lines = [name.encode() + b": " + (value(random) if known is None else known) for name, known in FIELDS]
        block = b"\n".join(lines) + b"\n\n"
        return damaged(random, block) if random.random() < 0.5 else block

    def check(self, content: bytes) -> Verdict:
        """The first mention of a name counts, all of it is one clean line, nothing else comes out."""
        near, far = pair(Random(crc32(content)).choice((1 + len(content) // 1000, 7, 100, 4096)))
        with near, far:
            far.setblocking(False)
            far.send(content)
            far.shutdown(socket.SHUT_WR)
            try:
                session = Session(near)
            except (NoRequest, ProtocolError) as error:
                return Verdict((type(error).__name__,))
            return Verdict(("read",), tuple(_faults(session, content)))


def _faults(session: Session, content: bytes) -> list[str]:
    env = session.environment
    faults = [f"{name!r} is no name" for name in env if not re.fullmatch(r"agi_\w+", name)]
    faults += [f"{name} is no clean line: {given!r}"[:200] for name, given in env.items() if not _clean(given)]
    for name in ("agi_uniqueid", "agi_channel"):
        if env.get(name, "") != (first := _first(content, name)):
            faults.append(f"{name} is {env.get(name)!r}, Asterisk said {first!r}"[:300])
    shown = (session.caller_number, session.caller_name, session.script, session.unique_id, session.channel)
    return faults + [f"not one line: {given!r}"[:200] for given in shown if not _clean(given)]


def _clean(given: str) -> bool:
    given.encode()
    return not _CONTROL.search(given)


def _first(content: bytes, name: str) -> str:
    """What the first line of that name holds. An empty line between version and thread is a caller's."""
    known = set[bytes]()
    for line in content.split(b"\n"):
        if not line.removesuffix(b"\r") and not (b"agi_version" in known and b"agi_threadid" not in known):
            break
        own, colon, rest = line.partition(b":")
        if colon and own == name.encode():
            return clean(readable(rest).removesuffix("\r")).strip()
        known |= {own} if colon else set()
    return ""
