import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calls.celfile import CelFile, split
from ivr.calls.events import Event, Kind
from ivr.calls.growing import Piece, Position
from tests.calls.story import abandoned_rows, answered_rows, events, line, row, write_rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.csv"


def read_all(file: CelFile, position: Position | None = None) -> tuple[list[Event], Position, int]:
    """Everything to the end, as the reader of the log does it."""
    position = position or Position()
    found: list[Event] = []
    unreadable = 0
    for _ in range(10_000):
        piece: Piece = file.read(position)
        found += piece.events
        unreadable += piece.unreadable
        position = piece.position
        if not piece.more:
            return found, position, unreadable
    raise AssertionError("the file has no end")


def test_a_file_that_is_not_there_yet_is_empty(path: Path) -> None:
    assert CelFile(path).read(Position()) == Piece((), Position())


def test_every_row_is_read_once(path: Path) -> None:
    file = CelFile(path)
    write_rows(path, answered_rows()[:5])
    first, position, _ = read_all(file)
    assert read_all(file, position)[0] == []
    write_rows(path, answered_rows()[5:])
    second, position, unreadable = read_all(file, position)
    assert [*first, *second] == events(answered_rows())
    assert (position.offset, unreadable) == (path.stat().st_size, 0)


@pytest.mark.parametrize("piece_bytes", [600, 1000, 4096])
def test_small_pieces_read_the_same(path: Path, piece_bytes: int) -> None:
    write_rows(path, answered_rows() * 20)
    assert read_all(CelFile(path, piece_bytes=piece_bytes))[0] == events(answered_rows() * 20)


def test_a_row_half_written_waits(path: Path) -> None:
    text = line(answered_rows()[0]) + line(answered_rows()[1])
    for cut in range(0, len(text), 3):
        path.write_text(text[:cut], newline="")
        found, position, unreadable = read_all(CelFile(path))
        path.write_text(text, newline="")
        rest, _, _ = read_all(CelFile(path), position)
        assert [*found, *rest] == events(answered_rows()[:2])
        assert unreadable == 0


def test_a_row_cut_short_for_ever_costs_only_itself(path: Path) -> None:
    before, torn, after = answered_rows()[:3]
    path.write_text(line(before) + line(torn)[:30] + line(after), newline="")
    found, _, unreadable = read_all(CelFile(path))
    assert found == events([before, after])
    assert unreadable == 1


def test_zeros_that_a_power_cut_left_are_passed_over(path: Path) -> None:
    before, after = answered_rows()[:2]
    path.write_bytes(line(before).encode() + bytes(4096) + line(after).encode())
    found, _, unreadable = read_all(CelFile(path))
    assert (found, unreadable) == (events([before, after]), 0)


def test_a_file_of_something_else_is_counted_and_passed(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"hello\nworld\n" + line(answered_rows()[0]).encode())
    found, position, unreadable = read_all(CelFile(path))
    assert (len(found), unreadable) == (1, 1)
    assert position.offset == path.stat().st_size


def test_endless_rubbish_without_a_line_end_is_passed_in_pieces(path: Path) -> None:
    path.write_bytes(b'"' * 10_000)
    _, position, unreadable = read_all(CelFile(path, piece_bytes=1000))
    assert position.offset == 10_000
    assert unreadable == 10


def test_rows_with_times_in_another_spelling_are_counted_as_unreadable(path: Path) -> None:
    wrong = row("RING", 1, "a")
    wrong[1] = "2026-11-22 08:08:48"
    write_rows(path, [wrong])
    assert read_all(CelFile(path))[2] == 1


def test_a_rotated_file_is_read_to_its_end_and_then_the_new_one(path: Path) -> None:
    file, rows = CelFile(path), answered_rows()
    write_rows(path, rows[:3])
    first, position, _ = read_all(file)
    write_rows(path, rows[3:6])
    path.rename(path.with_name("calls.csv.1"))
    between, position, _ = read_all(file, position)
    assert between == events(rows[3:6])
    write_rows(path, rows[6:])
    last, position, _ = read_all(file, position)
    assert [*first, *between, *last] == events(rows)
    assert read_all(file, position)[0] == []


def test_a_rotated_file_with_a_torn_end_does_not_stop_the_reader(path: Path) -> None:
    file, rows = CelFile(path), answered_rows()
    path.write_text(line(rows[0]) + line(rows[1])[:20], newline="")
    _, position, _ = read_all(file)
    path.rename(path.with_name("calls.csv.1"))
    write_rows(path, rows[2:3])
    assert read_all(file, position)[0] == events(rows[2:3])


def test_a_truncated_file_is_read_from_its_beginning(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = CelFile(path)
    write_rows(path, answered_rows())
    _, position, _ = read_all(file)
    path.write_text("")
    write_rows(path, abandoned_rows("ivr112-2.2")[:2])
    assert read_all(file, position)[0] == events(abandoned_rows("ivr112-2.2")[:2])
    assert "replaced or cut" in caplog.text


def test_a_file_replaced_by_a_longer_one_is_read_from_its_beginning(path: Path) -> None:
    file = CelFile(path)
    write_rows(path, abandoned_rows("ivr112-2.2")[:1])
    _, position, _ = read_all(file)
    path.unlink()
    write_rows(path, answered_rows())
    assert read_all(file, position)[0] == events(answered_rows())


HOSTILE = [
    'Budi "X"',
    'x"\n"HANGUP","1795334959.773401","","","",',
    '"\n"HANGUP","1795334959.773401","',
    "a\nb\r\nc\n",
    "${SHELL(id)}%0a\x1b[2J‮",
    '"' * 5000,
    "=cmd|' /C calc'!A0",
    "\n" * 50,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_caller_name_stays_one_field(path: Path, name: str) -> None:
    rows = [row("ARRIVED", 0, "112|trunk", caller_name=name), row("RING", 1, "a"), row("RING", 2, "b")]
    write_rows(path, rows)
    found, _, unreadable = read_all(CelFile(path))
    assert [event.kind for event in found] == [Kind.ARRIVED, Kind.RING, Kind.RING]
    assert (found[0].text("name"), unreadable) == (name, 0)


def test_bytes_that_are_no_utf8_survive_as_text(path: Path) -> None:
    good = line(row("ARRIVED", 0, "112|trunk", caller_name="NAME")).encode()
    path.write_bytes(good.replace(b"NAME", b"Bu\xff\xfedi"))
    found, _, _ = read_all(CelFile(path))
    assert found[0].text("name") == "Bu\\xff\\xfedi"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=5))
def test_any_names_are_read_as_they_were_written(names: list[str]) -> None:
    rows = [row("ARRIVED", n, "112|trunk", caller_name=name) for n, name in enumerate(names)]
    data = "".join(map(line, rows)).encode()
    found, used, unreadable = split(data)
    assert [columns[3] for columns in found] == names
    assert (used, unreadable) == (len(data), 0)


@given(st.binary(max_size=300))
def test_any_bytes_between_rows_leave_the_rows_after_them(rubbish: bytes) -> None:
    first, second = line(row("RING", 1, "a")).encode(), line(row("RING", 2, "b")).encode()
    found, used, _ = split(first + rubbish.replace(b'"', b"") + second)
    assert next(csv.reader(io.StringIO(second.decode()))) in found
    assert used == len(first + rubbish.replace(b'"', b"") + second)


@given(st.binary(max_size=500))
def test_any_bytes_are_survived(data: bytes) -> None:
    _, used, _ = split(data)
    assert 0 <= used <= len(data)


def test_a_file_rotated_twice_before_it_is_read_loses_no_row(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    file = CelFile(path)
    rows = answered_rows()
    write_rows(path, rows[:2])
    _, position, _ = read_all(file)
    for number, some in enumerate((rows[2:4], rows[4:6]), start=1):
        write_rows(path, some)
        path.rename(tmp_path / f"calls.csv.{number}")
        os.utime(tmp_path / f"calls.csv.{number}", ns=(number, number))
    (tmp_path / "calls.csv.0.gz").write_bytes(b"packed long ago")
    write_rows(path, rows[6:])
    found, _, unreadable = read_all(file, position)
    assert (found, unreadable) == (events(rows[2:]), 0)
