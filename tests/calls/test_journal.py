import json
import os
import random
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ivr.calls.events import Event, Kind, happened
from ivr.calls.growing import Position
from ivr.calls.journal import Journal, event_in, line_of, parse
from tests.calls.story import CALL, at, told_by_controller

TEXTS = some.text(some.characters(exclude_categories=()), max_size=200)
SCALARS = some.one_of(TEXTS, some.integers(), some.booleans(), some.none(), some.floats(allow_nan=False))


def key(number: int) -> Event:
    return happened(CALL, Kind.KEY_PRESSED, at=at(number), question="area", keys=str(number))


@given(some.dictionaries(TEXTS, SCALARS, max_size=4), TEXTS, some.text(max_size=20))
def test_whatever_a_caller_sent_comes_back_as_it_was_in_one_line(
    detail: dict[str, str | int | float | bool | None], call: str, kind: str
) -> None:
    event = Event(call, kind, at(1), "controller", detail, monotonic=1.5)
    line = line_of(event)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert parse(line).events == (event,)


@given(some.integers(0, 2000), some.integers(0, 255))
def test_a_damaged_byte_costs_at_most_the_lines_it_touches_and_makes_up_nothing(place: int, byte: int) -> None:
    told = told_by_controller()
    data = bytearray(b"".join(map(line_of, told)))
    place %= len(data)
    data[place] = byte
    found = parse(bytes(data)).events
    assert all(event in told for event in found)
    assert len(found) >= len(told) - 2


@given(some.binary(max_size=500))
def test_noise_is_no_event(noise: bytes) -> None:
    assert parse(noise + b"\n").events == ()


def test_every_prefix_of_a_journal_is_a_journal() -> None:
    told = told_by_controller()
    data = b"".join(map(line_of, told))
    for end in range(len(data) + 1):
        found = parse(data[:end])
        assert found.unreadable == 0
        assert list(found.events) == told[: data[:end].count(b"\n")]
        assert found.used == data.rfind(b"\n", 0, end) + 1


def test_a_line_torn_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "events.log")
    journal.append([key(1), key(2)])
    os.truncate(journal.path, journal.path.stat().st_size - 7)
    journal.append([key(3)])
    piece = journal.read(Position())
    assert (piece.events, piece.unreadable) == ((key(1), key(3)), 1)


@pytest.mark.parametrize(
    "change",
    [
        {"source": "citizen"},
        {"at": "2026-11-22T10:00:00"},
        {"detail": ["a"]},
        {"detail": {"a": {}}},
        {"call_id": 7},
        {"monotonic": "1"},
        {"key": None},
    ],
    ids=str,
)
def test_a_line_with_a_right_sum_and_a_wrong_content_is_unreadable(change: dict[str, object]) -> None:
    row = json.loads(line_of(key(1))[9:]) | change
    text = json.dumps(row).encode()
    assert event_in(b"%08x %s" % (zlib.crc32(text), text)) is None


def test_a_reading_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    journal, position = Journal(tmp_path / "events.log", piece_bytes=1000), Position()
    found: list[Event] = []
    for number in range(100):
        journal.append([key(number)])
        if random.Random(number).random() < 0.2 or number == 99:
            while True:
                piece = journal.read(position)
                position = piece.position
                found += piece.events
                if not piece.more:
                    break
    assert found == [key(number) for number in range(100)]


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal" / "events.log")
    journal.append([key(1)])
    assert journal.path.stat().st_mode & 0o077 == 0
    assert journal.path.parent.stat().st_mode & 0o007 == 0
