"""What nobody should send: words that mean something to one of our parsers, to a shell, a terminal or a spreadsheet,
and bytes changed at random. All of it depends on the given Random alone."""

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

MARKER = "ivr-fuzz-was-here"
"""A file of this name would show that something was executed."""

TOKENS: tuple[bytes, ...] = (
    # quoting and lines
    b'"', b'""', b"'", b"\\", b'\\"', b"`", b"\n", b"\r\n", b"\r", b"\r\n\r\n", b"\n\n", b"\0", b"\t", b"%0a",
    b"%0d%0a",
    b"%00", b"%", b"%2", b"|", b"&", b",", b";", b"(", b")", b"{", b"}", b"[", b"]", b"<", b">", b":", b": ", b"=",
    b"/", b"../",
    b"../../../../etc/passwd", b"", b" ", b"-1", b"0", b"112", b"+6281234567890", b"9" * 400, b"9" * 5000,
    # what would be executed
    b"${SHELL(touch " + MARKER.encode() + b")}", b"$(touch " + MARKER.encode() + b")",
    b"`touch " + MARKER.encode() + b"`",
    b"${EXTEN}", b"$[1+1]", b"${EVAL(${X})}", b"'; DROP TABLE calls; --", b"{0}", b"{value}", b"%s%n", b"__class__",
    # spreadsheets
    b"=1+1", b"=HYPERLINK(\"http://x\")", b"=cmd|' /C calc'!A0", b"@SUM(1)", b"+1", b"\t=1",
    # terminals and other alphabets
    b"\x1b[2J", b"\x1b]0;x\x07", b"\x9b2J", b"\x7f", b"\x07", "\u202egnp.exe".encode(), "\u2066".encode(),
    "\u200f".encode(),
    "\u2028".encode(), "\u2029".encode(), "\u0085".encode(), "\ufeff".encode(), "\u0661".encode(), "\u00b2".encode(),
    "\U0001f525".encode(), "\ua9a0\ua9b4".encode(), "\U000e0041".encode(), "\ue000".encode(), "\U0010ffff".encode(),
    b"\xff", b"\xc3", b"\xc3\x28", b"\xf8\x88\x80\x80\x80", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80",
    # AGI
    b"HANGUP\n", b"200 result=1\n", b"\n200 result=1 (x)\n", b"520-x\n", b"511 x\n", b"100 x\n", b"\nEXEC System x\n",
    b"agi_uniqueid: ivr112-1.1\n", b"\nagi_uniqueid: ivr112-1.1\n", b"unknown", b"result=", b"(hangup)", b"(timeout)",
    # AMI
    b"\r\nEvent: Shutdown", b"\r\n\r\nEvent: Shutdown\r\n\r\n", b"\r\nActionID: ivr-0-1", b"\r\nactionid: ivr-0-1",
    b"\r\nEventList: Complete", b"\r\nResponse: Success", b"\r\nevent: FullyBooted", b"\r\nEVENT: Hangup",
    b"\r\n\r\nResponse: Success\r\nActionID: ivr-0-1\r\n\r\n", b"\r\nUniqueid: x", b"\r\nLinkedid: ivr112-1.1",
    b"\nEvent: x",
    b"\r\nCommandID: x", b"\r\nDuration: x", b"\r\nOutput: x",
    # CEL and the journal
    b'"HANGUP","1795334959.773401","","","",', b'"\n"HANGUP","1795334959.773401","', b"1795334959.773401", b"HANGUP",
    b'\n"CHAN_END","1795334959.773401",', b'{"extra":"x"}', b"null", b"true", b"NaN", b"1e999", b"[" * 3000,
    b'{"a":' * 3000,
    b'"\\ud800"', b"\\x00", b"\\u0000", b"\\n",
)  # fmt: skip


def value(random: Random, longest: int = 10_240) -> bytes:
    """What a caller or a phone might send as one value; now and then 10 kB of it."""
    parts = random.choices(TOKENS, k=random.choice((1, 1, 1, 2, 3, 5)))
    if random.random() < 0.2:
        parts.insert(random.randrange(len(parts)), random.randbytes(random.choice((1, 2, 8, 40))))
    joined = b"".join(parts)
    if random.random() < 0.03:
        joined = joined * (longest // (len(joined) or 1) + 1) if joined else b"x" * longest
    return joined[:longest]


def text(random: Random) -> str:
    """The same as Unicode text (bytes that are none: U+DC80 to U+DCFF), now and then with a character of any kind."""
    known = value(random).decode("utf-8", "surrogateescape")
    return known + chr(random.randrange(0x110000)) if random.random() < 0.2 else known


def damaged(random: Random, content: bytes, tokens: Sequence[bytes] = TOKENS, most: int = 4) -> bytes:
    """The content after one to `most` accidents or attacks."""
    changed = bytearray(content)
    for _ in range(random.randint(1, most)):
        random.choice(_ACCIDENTS)(random, changed, tokens)
    return bytes(changed)


def _flip(random: Random, content: bytearray, _tokens: Sequence[bytes]) -> None:
    for _ in range(random.choice((1, 1, 2, 8)) if content else 0):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _insert(random: Random, content: bytearray, tokens: Sequence[bytes]) -> None:
    place = random.randint(0, len(content))
    content[place:place] = random.choice(tokens)


def _overwrite(random: Random, content: bytearray, tokens: Sequence[bytes]) -> None:
    token = random.choice(tokens)
    place = random.randint(0, len(content))
    content[place : place + len(token)] = token


def _cut(random: Random, content: bytearray, _tokens: Sequence[bytes]) -> None:
    start = random.randint(0, len(content))
    del content[start : start + random.choice((1, 1, 2, 10, 100))]


def _truncate(random: Random, content: bytearray, _tokens: Sequence[bytes]) -> None:
    del content[random.randint(0, len(content)) :]


def _repeat(random: Random, content: bytearray, _tokens: Sequence[bytes]) -> None:
    start = random.randint(0, len(content))
    part = content[start : start + random.choice((1, 4, 20, 200))]
    content[start:start] = part * random.choice((1, 1, 1, 3, 50))


def _random(random: Random, content: bytearray, _tokens: Sequence[bytes]) -> None:
    place = random.randint(0, len(content))
    content[place:place] = random.randbytes(random.choice((1, 4, 16, 64)))


def _zeros(random: Random, content: bytearray, _tokens: Sequence[bytes]) -> None:
    place = random.randint(0, len(content))
    length = random.choice((1, 8, 512))
    content[place : place + length] = bytes(length)


_ACCIDENTS = (_flip, _insert, _insert, _overwrite, _cut, _truncate, _repeat, _random, _zeros)


def pieces(random: Random, content: bytes) -> Iterator[bytes]:
    """The content as a network delivers it: in any pieces."""
    longest = random.choice((1, 3, 17, 200, 4096, 1 << 20))
    place = 0
    while place < len(content):
        step = random.randint(1, longest)
        yield content[place : place + step]
        place += step


def packed(case: Any) -> bytes:
    """A case of several parts as one file; bytes in it are written as Latin-1 text."""
    return json.dumps(case, default=lambda raw: raw.decode("latin-1"), indent=1).encode()


def unpacked(content: bytes) -> Any:
    """The case again; its bytes are Latin-1 text."""
    return json.loads(content)
