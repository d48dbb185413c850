"""Asterisk's CEL file: rows in which callers chose some fields, torn rows, zeros and rubbish, read as it grows.

A case is the list of what was written: ["row", columns], ["torn", columns, bytes of it], ["rubbish", bytes].
"""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

from bench.fuzz.hostile import packed, unpacked, value
from bench.fuzz.parser import Parser, Verdict
from ivr.calls.cel import USER_EVENTS, CelRow, event_of
from ivr.calls.celfile import CelFile
from ivr.calls.events import TELLINGS, Event
from ivr.calls.growing import Position

NAMES = ("CHAN_START", "ANSWER", "HANGUP", "CHAN_END", "LINKEDID_END", "BRIDGE_ENTER", "APP_START")
TEXTS = (b"", b"1|damkar-1&damkar-2|20", b"damkar_1", b"damkar_1|BUSY", b"112|trunk", b"2026/11/22/ivr112-1.2.wav")
CHOSEN = ("caller_name", "caller_number", "exten", "application_data")
"""Columns whose bytes come from a caller or a phone."""

_PLACES = [field.name for field in fields(CelRow)]
_BEGINS = re.compile(rb'"\w{1,79}","\d{1,11}\.\d{1,6}",')


class Rows(Parser):
    """`CelFile.read` on a growing file, and `event_of`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "calls.csv"

    def make(self, random: Random) -> bytes:
        """One to eight pieces, most of them whole rows."""
        written = [_piece(random, number) for number in range(random.randint(1, 8))]
        return packed({"written": written, "growth": random.random()})

    def check(self, content: bytes) -> Verdict:
        """Every whole row is read once, in order, as it was written; a caller's fields change nothing else."""
        case = unpacked(content)
        found = self._read(case)
        rows = [[column.encode("latin-1") for column in piece[1]] for piece in case["written"] if piece[0] == "row"]
        truth = [event for row in rows if (event := event_of([_text(column) for column in row]))]
        faults = list(_differences(truth, found, case["written"]))
        for row in rows:
            faults += _told_apart(row)
        kinds = {event.kind if event.kind in USER_KINDS else "unknown" for event in found}
        return Verdict((*sorted(kinds), *{piece[0] for piece in case["written"]}), tuple(faults))

    def _read(self, case: dict[str, Any]) -> list[Event]:
        """All events, read after each of some moments of the file's growth."""
        data = b"".join(map(_bytes, case["written"]))
        random = Random(case["growth"])
        sizes = sorted(random.randint(0, len(data)) for _ in range(random.choice((0, 1, 3))))
        file, position, events = CelFile(self._path), Position(), list[Event]()
        self._path.write_bytes(b"")
        for start, end in zip([0, *sizes], [*sizes, len(data)], strict=True):
            with self._path.open("ab") as out:
                out.write(data[start:end])
            more = True
            while more:
                piece = file.read(position)
                events += piece.events
                if piece.position.offset < position.offset or piece.position.offset > end:
                    raise AssertionError(f"from {position.offset} to {piece.position.offset} of {end}")
                position, more = piece.position, piece.more
        return events


USER_KINDS = {kind for kind, _ in USER_EVENTS.values()} | {
    "channel_started",
    "server_answered",
    "hung_up",
    "channel_ended",
    "call_closed",
}


def _piece(random: Random, number: int) -> list[Any]:
    if random.random() < 0.1:
        rubbish = random.choice(
            (bytes(random.choice((1, 4096))), value(random), b"\n", b"\r\n", random.randbytes(30))
        )
        return ["rubbish", b"" if _BEGINS.search(rubbish) else rubbish]
    columns = _columns(random, number)
    if random.random() < 0.15:
        last = (
            len(columns[-1].replace(b'"', b'""')) + 4
        )  # torn later, and a line end behind: that would be a whole row
        return ["torn", columns, random.randint(0, len(_line(columns)) - last)]
    return ["row", columns]


def _columns(random: Random, number: int) -> list[bytes]:
    user = random.choice(tuple(USER_EVENTS)).encode() if random.random() < 0.6 else b""
    call = b"ivr112-1795334959.%d" % random.randint(1, 3)
    channel = call if random.random() < 0.5 else call + b"9"
    name = user or random.choice(NAMES).encode()
    extra = (
        b'{"extra":"%s"}' % random.choice(TEXTS)
        if user
        else random.choice((b"", b'{"hangupcause":16,"hangupsource":"x"}'))
    )
    if random.random() < 0.03:
        extra = value(random)
    row = [name, b"1795334959.%06d" % number, user, b"Budi", b"0812", b"112", b"from-trunk", b"PJSIP/trunk-1"]
    row += [b"", b"", channel, call, b"", extra]
    for chosen in CHOSEN:
        if random.random() < 0.6:
            row[_PLACES.index(chosen)] = value(random)
    return row


def _line(columns: list[bytes]) -> bytes:
    """As CSV_QUOTE writes it."""
    return b",".join(b'"' + column.replace(b'"', b'""') + b'"' for column in columns) + b"\n"


def _bytes(piece: list[Any]) -> bytes:
    if piece[0] == "rubbish":
        rubbish: bytes = piece[1].encode("latin-1")
        return rubbish
    line = _line([column.encode("latin-1") for column in piece[1]])
    return line if piece[0] == "row" else line[: piece[2]]


def _text(column: bytes) -> str:
    return column.decode("utf-8", "backslashreplace")


def _differences(truth: list[Event], found: list[Event], written: list[list[Any]]) -> Iterator[str]:
    """The last row may still wait, when what follows it is not whole yet."""
    waits = written[-1][0] != "row"
    if found == truth or (waits and truth and found == truth[:-1]):
        return
    lost, made_up = [e for e in truth if e not in found], [e for e in found if e not in truth]
    yield f"lost {lost}, made up {made_up}, order {len(truth)} {len(found)}"[:1000]


def _told_apart(row: list[bytes]) -> Iterator[str]:
    """The same row with a tame caller is the same event of the same call."""
    tame = [b"112" if _PLACES[n] in CHOSEN else column for n, column in enumerate(row)]
    one, other = event_of([_text(column) for column in row]), event_of([_text(column) for column in tame])
    if one is None or other is None:
        if one is not other and row[_PLACES.index("context")] == b"from-trunk":
            yield f"only one of them is an event: {one} {other}"[:500]
        return
    if (one.call_id, one.kind, one.at, one.key) != (other.call_id, other.kind, other.at, other.key):
        yield f"a caller's field made {other} of {one}"[:500]
    linked = _text(row[_PLACES.index("linked_id")])
    if one.kind not in TELLINGS and one.call_id != linked:
        yield f"an event of {linked} became one of {one.call_id}"
