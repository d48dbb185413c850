"""The controller's journal: whatever became of the file, only events that were written are read, each as it was.

A case is the events that were written and an accident: the file was torn, or bits of it were changed.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bench.fuzz.hostile import damaged, packed, text, unpacked
from bench.fuzz.parser import Parser, Verdict
from ivr.calls.events import Event, Kind
from ivr.calls.growing import Position
from ivr.calls.journal import Journal, line_of, parse

AT = datetime(2026, 11, 22, tzinfo=UTC)


class Lines(Parser):
    """`journal.parse` and `Journal.append` after an accident."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "events.log"

    def make(self, random: Random) -> bytes:
        """One to six events, and the file of them torn or changed."""
        events = [_event(random, number) for number in range(random.randint(1, 6))]
        whole = b"".join(line_of(_built(one)) for one in events)
        torn = random.random() < 0.3
        file = whole[: random.randint(0, len(whole))] if torn else damaged(random, whole)
        return packed({"events": events, "file": file, "torn": torn, "then": _event(random, 99)})

    def check(self, content: bytes) -> Verdict:
        """No event is made up; of a torn file all whole lines are read; what is appended then is read too."""
        case = unpacked(content)
        written = [_built(one) for one in case["events"]]
        file = case["file"].encode("latin-1")
        found, faults = parse(file), []
        if made_up := [event for event in found.events if event not in written]:
            faults.append(f"made up: {made_up}"[:1000])
        if not 0 <= found.used <= len(file):
            faults.append(f"used {found.used} of {len(file)}")
        whole = file.count(b"\n")
        if case["torn"] and (list(found.events) != written[:whole] or found.unreadable):
            faults.append(f"{len(found.events)} of {whole} whole lines were read")
        faults += self._appended(file, written, _built(case["then"]))
        kind = "all" if len(found.events) == len(written) else "some" if found.events else "none"
        return Verdict((kind,), tuple(faults))

    def _appended(self, file: bytes, written: list[Event], event: Event) -> list[str]:
        self._path.write_bytes(file)
        journal = Journal(self._path)
        journal.append([event])
        found = _all(journal)
        made_up = [other for other in found[:-1] if other not in written]
        return [] if found[-1:] == [event] and not made_up else [f"appended {event}, made up {made_up}"[:1000]]


def _all(journal: Journal) -> list[Event]:
    piece = journal.read(Position())
    events = list(piece.events)
    while piece.more:
        piece = journal.read(piece.position)
        events += piece.events
    return events


def _event(random: Random, number: int) -> list[Any]:
    detail = {f"field{n}": text(random).encode("utf-8", "surrogatepass") for n in range(random.randint(0, 3))}
    call = text(random).encode("utf-8", "surrogatepass") if random.random() < 0.3 else b"ivr112-1.2"
    return [call, random.choice(tuple(Kind)).encode(), number, detail]


def _built(one: list[Any]) -> Event:
    call, kind, number, detail = one
    texts = {name: _text(given) for name, given in detail.items()}
    return Event(_text(call), _text(kind), AT + timedelta(seconds=number), "controller", texts)


def _text(packed_text: str | bytes) -> str:
    raw = packed_text if isinstance(packed_text, bytes) else packed_text.encode("latin-1")
    return raw.decode("utf-8", "surrogatepass")
