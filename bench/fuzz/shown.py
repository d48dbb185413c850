"""What people see of calls: whatever was stored, no control, escape or direction character reaches a terminal, and
JSON is JSON."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from bench.fuzz.hostile import packed, text, unpacked
from bench.fuzz.parser import Parser, Verdict
from ivr.calls import show
from ivr.calls.events import Event, Kind
from ivr.calls.projection import project
from ivr.calls.show import Style

FIELDS = (
    "number", "name", "dialled", "channel", "endpoint", "cause", "by", "path", "step", "lines", "seconds", "line",
    "status",
    "agi_status", "plan", "dial_status", "queue_status", "question", "attempt", "keys", "what", "value", "how",
    "reason",
    "rules", "consequence", "bytes", "sha256", "problem", "text", "level", "repaired",
)  # fmt: skip
SOURCES = ("controller", "asterisk", "sweep", "recorder")
STYLES = tuple(Style(ZoneInfo("Asia/Jayapura"), whole_numbers=whole) for whole in (False, True))


class Shown(Parser):
    """`ivr.calls.show` on the projection of any events."""

    def __init__(self, _folder: Path) -> None:
        """Needs no file."""

    def make(self, random: Random) -> bytes:
        """One to six events of one call."""
        call = text(random).encode("utf-8", "surrogatepass") if random.random() < 0.3 else b"ivr112-1.2"
        return packed({"call": call, "events": [_event(random) for _ in range(random.randint(1, 6))]})

    def check(self, content: bytes) -> Verdict:
        """Every line prints; every JSON line is ASCII and reads back."""
        case = unpacked(content)
        events = [_built(_text(case["call"]), one) for one in case["events"]]
        record = project(events[0].call_id, events)
        faults = []
        for style in STYLES:
            lines = [*show.table([record], style), *show.call(record, events, style)]
            lines += [show.follow_line(record, event, style) for event in events]
            faults += [f"does not print: {line[:200]!a}" for line in lines if not line.isprintable()]
            told = [show.as_json(record, style), *(show.event_as_json(event, style) for event in events)]
            faults += [fault for one in told for fault in _json_faults(show.json_line(one))]
        return Verdict(
            (record.outcome, *{str(event.kind) for event in events if event.kind in set(Kind)}), tuple(faults)
        )


def _event(random: Random) -> list[Any]:
    kind = (
        random.choice(tuple(Kind)).encode()
        if random.random() < 0.9
        else text(random).encode("utf-8", "surrogatepass")
    )
    names = random.sample(FIELDS, random.randint(0, 6))
    detail = [[name, _scalar(random)] for name in names]
    return [kind, random.randint(0, 10_000), random.choice(SOURCES), detail]


def _scalar(random: Random) -> Any:
    if random.random() < 0.8:
        return text(random).encode("utf-8", "surrogatepass")
    return random.choice((None, True, 0, -1, 10**30, 1.5, -1e308, 1e-9))


def _built(call: str, one: list[Any]) -> Event:
    kind, seconds, source, detail = one
    at = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=seconds)
    values = {name: _text(given) if isinstance(given, str) else given for name, given in detail}
    return Event(call, _text(kind), at, source, values)


def _text(packed_text: str) -> str:
    return packed_text.encode("latin-1").decode("utf-8", "surrogatepass")


def _json_faults(line: str) -> Iterator[str]:
    if not (line.isascii() and line.isprintable()):
        yield f"not one line of ASCII: {line[:200]!a}"
    json.loads(line, parse_constant=_refused)


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
