"""Asterisk's CEL file: rows as events."""

import csv
import io
import re
from pathlib import Path

from ivr.calls.cel import COLUMNS, ENTRANCE, Entrance, event_of
from ivr.calls.growing import PIECE_BYTES, GrowingFile, Parsed

# A row begins `"NAME","seconds.micros",`. Inside a field every quote is doubled, so no caller name can look like it.
_START = re.compile(rb'"\w{1,79}","\d{1,11}\.\d{1,6}",')
_START_OF_LINE = re.compile(rb"^" + _START.pattern, re.MULTILINE)


class CelFile(GrowingFile):
    """Where Asterisk writes its CEL rows."""

    def __init__(self, path: Path, entrance: Entrance = ENTRANCE, piece_bytes: int = PIECE_BYTES) -> None:
        def parse(data: bytes) -> Parsed:
            rows, used, unreadable = split(data)
            return Parsed(tuple(event for row in rows if (event := event_of(row, entrance))), used, unreadable)

        super().__init__(path, parse, piece_bytes)


def split(data: bytes) -> tuple[list[list[str]], int, int]:
    """(rows as columns, bytes used, number of unreadable rows) of a part of a file that begins with a row.

    The last row is left when it is not whole. Bytes that are not UTF-8 become `\\xff`.
    """
    starts = [match.start() for match in _START_OF_LINE.finditer(data)]
    if not starts:
        used = data.rfind(b"\n") + 1
        return [], used, int(bool(data[:used].strip()))
    rows: list[list[str]] = []
    unreadable = int(bool(data[: starts[0]].strip(b"\0\r\n")))
    used = starts[0]
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        found = _rows_in(data[start:end])
        unfinished = found[-1] is None or not data.endswith(b"\n")
        if end == len(data) and unfinished:
            break
        rows += (columns for columns in found if columns)
        unreadable += sum(columns is None for columns in found)
        used = end
    return rows, used, unreadable


def _rows_in(record: bytes) -> list[list[str] | None]:
    """The one row of the record; or more, when a row was cut short (crash, full disk) and the next follows it."""
    whole = _columns(record)
    if whole:
        return [whole]
    starts = [match.start() for match in _START.finditer(record)]
    return [_columns(record[start:end]) for start, end in zip(starts, [*starts[1:], len(record)], strict=True)]


def _columns(record: bytes) -> list[str] | None:
    text = record.rstrip(b"\0\r\n").decode("utf-8", "backslashreplace")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 and len(rows[0]) == COLUMNS else None
