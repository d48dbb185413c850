"""Calls as Asterisk and the controller would tell them, for the tests of this folder."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from ivr.calls.cel import event_of
from ivr.calls.events import Event, Kind, happened

START = datetime(2026, 11, 22, 1, 0, 0, tzinfo=UTC)
CALL = "ivr112-1795334400.12"
CHANNEL = "PJSIP/trunk-0000000c"
NUMBER = "081234567567"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stamp(seconds: float) -> str:
    """Asterisk's own spelling of a time."""
    micros = round((START.timestamp() + seconds) * 1_000_000)
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def row(
    name: str,
    seconds: float,
    text: str | None = None,
    *,
    call: str = CALL,
    channel_id: str | None = None,
    number: str = NUMBER,
    caller_name: str = "Budi",
    exten: str = "112",
    context: str = "from-phone",
    extra: str = "",
) -> list[str]:
    """One CEL row as columns; `text` makes it a user event."""
    user = name if text is not None else ""
    extra = extra if text is None else json.dumps({"extra": text}, separators=(",", ":"))
    where = [exten, context, CHANNEL, "", "", channel_id or call, call, ""]
    return [name, stamp(seconds), user, caller_name, number, *where, extra]


def line(columns: list[str]) -> str:
    """The row as CSV_QUOTE writes it."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(columns)
    return written.getvalue()


def hangup(seconds: float, call: str = CALL, source: str = CHANNEL) -> list[list[str]]:
    why = json.dumps({"hangupcause": 16, "hangupsource": source, "dialstatus": ""})
    return [
        row("HANGUP", seconds, call=call, extra=why),
        row("CHAN_END", seconds, call=call),
        row("LINKEDID_END", seconds, call=call, channel_id=f"{call}9"),
    ]


def answered_rows(call: str = CALL) -> list[list[str]]:
    """Asked, Damkar 1 does not answer, Damkar 2 accepts after 21 s, the caller hangs up after 81 s."""
    leg = f"{call}1"
    return [
        row("CHAN_START", 0, call=call),
        row("ARRIVED", 0.001, "112|trunk", call=call),
        row("ANSWER", 0.002, call=call),
        row("RECORDING", 0.003, f"2026/11/22/{call}.wav", call=call),
        row("STEP", 9, "1|damkar-1|10", call=call),
        row("RING", 9.1, "damkar-1", call=call, channel_id=leg),
        row("RING_END", 15, "damkar-1|NOANSWER", call=call, channel_id=leg),
        row("STEP", 15.1, "2|damkar-2|20", call=call),
        row("RING", 15.2, "damkar-2", call=call, channel_id=f"{leg}2"),
        row("PICKED_UP", 18, "damkar-2", call=call, channel_id=f"{leg}3"),
        row("ACCEPTED", 21, "damkar-2", call=call, channel_id=f"{leg}3"),
        row("RING_END", 80.9, "damkar-2|ANSWER", call=call, channel_id=f"{leg}2"),
        row("ENDED", 81, "SUCCESS|ready|2|ANSWER|", call=call),
        *hangup(81.001, call),
    ]


def abandoned_rows(call: str = CALL) -> list[list[str]]:
    """The caller hangs up while the first phone rings."""
    return [
        row("CHAN_START", 0, call=call),
        row("ARRIVED", 0.001, "112|trunk", call=call),
        row("STEP", 9, "1|damkar-1|10", call=call),
        row("RING", 9.1, "damkar-1", call=call, channel_id=f"{call}1"),
        *hangup(12, call),
    ]


def told_by_controller(call: str = CALL) -> list[Event]:
    return [
        happened(call, Kind.QUESTION, at=at(0.5), question="category", attempt=1),
        happened(call, Kind.KEY_PRESSED, at=at(3), question="category", keys="1"),
        happened(call, Kind.UNDERSTOOD, at=at(3.1), what="category", value="kebakaran", how="key"),
        happened(call, Kind.QUESTION, at=at(3.2), question="area", attempt=1),
        happened(call, Kind.UNDERSTOOD, at=at(8), what="area", value="pahandut", how="key"),
        happened(call, Kind.PLAN, at=at(8.1), plan="damkar-1 > damkar-2", rules="abc"),
    ]


def events(rows: list[list[str]]) -> list[Event]:
    return [event for columns in rows if (event := event_of(columns))]


def write_rows(path: Path, rows: list[list[str]]) -> None:
    with path.open("a", encoding="utf-8", newline="") as file:
        file.writelines(map(line, rows))


def wave(seconds: float, level: int = 8000) -> bytes:
    """A WAV file as Asterisk closes it: a square tone of `level`."""
    samples = np.tile(np.array([level] * 8 + [-level] * 8, dtype="<i2"), int(seconds * 500)).tobytes()
    head = b"WAVEfmt " + bytes.fromhex("10000000 0100 0100 401f0000 803e0000 0200 1000")
    sized = head + b"data" + len(samples).to_bytes(4, "little") + samples
    return b"RIFF" + len(sized).to_bytes(4, "little") + sized
