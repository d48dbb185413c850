"""Asterisk's CEL file: rows as events."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from ivr.calls.cel import COLUMNS, ENTRANCE, Entrance, event_of
from ivr.calls.growing import PIECE_BYTES, GrowingFile, Parsed

# A row begins `"NAME","seconds.micros",`. Inside a field every quote is doubled, so no caller name can look like it.
_START = re.compile(rb'"\w{1,79}","\d{1,11}\.\d{1,6}",')


class CelFile(GrowingFile):
    """Where Asterisk writes its CEL rows."""

    def __init__(self, path: Path, entrance: Entrance = ENTRANCE, piece_bytes: int = PIECE_BYTES) -> None:
        def parse(data: bytes) -> Parsed:
            rows, used, unreadable = split(data)
            return Parsed(tuple(event for row in rows if (event := event_of(row, entrance))), used, unreadable)

        super().__init__(path, parse, piece_bytes)


def split(data: bytes) -> tuple[list[list[str]], int, int]:
    """(rows as columns, bytes used, number of unreadable rows) of a part of a file that begins with a row.

    The last row is left when it is not whole. Bytes that are not UTF-8 become `\xff`. A row that was cut short
    (crash, full disk) costs only itself, wherever it was cut: the next whole one is found by how it begins.
    """
    rows: list[list[str]] = []
    unreadable = used = 0
    while begins := _START.search(data, used):
        found = next(
            (row for start in _START.finditer(data, begins.start()) if (row := _row_at(data, start.start()))), None
        )
        if found is None:
            return rows, begins.start(), unreadable
        columns, start, end = found
        rows.append(columns)
        unreadable += _is_rubbish(data[used:start])
        used = end
    end = max(used, data.rfind(b"\n") + 1)
    return rows, end, unreadable + _is_rubbish(data[used:end])


def _row_at(data: bytes, start: int) -> tuple[list[str], int, int] | None:
    """The columns of the row that begins there, where it begins and ends; None when it is not whole."""
    end = start

    def lines() -> Iterator[str]:
        nonlocal end
        while end < len(data):
            begin, end = end, data.find(b"\n", end) + 1 or len(data)
            yield data[begin:end].decode("utf-8", "backslashreplace")

    try:
        columns = next(csv.reader(lines(), strict=True))
    except csv.Error:
        return None
    return (columns, start, end) if len(columns) == COLUMNS and data[end - 1 : end] == b"\n" else None


def _is_rubbish(between: bytes) -> bool:
    """Zeros are what a power cut leaves."""
    return bool(between.strip(b"\0\r\n"))
