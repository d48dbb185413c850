"""Asterisk's CEL file whatever callers wrote into it and wherever a crash cut it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calls.cel import event_of
from ivr.calls.celfile import CelFile, split
from ivr.calls.events import TELLINGS, Event
from ivr.calls.growing import Position
from tests.calls.story import CALL, answered_rows, events, line, row

ANY_TEXT = st.text(st.characters(codec="utf-8"))


@pytest.mark.parametrize("cut", range(1, len(line(answered_rows()[1])) - 1))
def test_a_row_cut_anywhere_costs_no_other_row(cut: int) -> None:
    before, torn, after = answered_rows()[:3]
    data = (line(before) + line(torn)[:cut] + line(after)).encode()
    found, used, unreadable = split(data)
    assert ([event_of(columns) for columns in found], used, unreadable) == (events([before, after]), len(data), 1)


def test_a_whole_row_does_not_wait_for_the_rest_of_the_next(tmp_path: Path) -> None:
    first, second = answered_rows()[:2]
    path = tmp_path / "calls.csv"
    path.write_text(line(first) + line(second)[:20], newline="")
    assert CelFile(path).read(Position()).events == tuple(events([first]))


def test_a_number_that_looks_like_the_time_of_a_row_loses_nothing_while_the_row_is_written(tmp_path: Path) -> None:
    rows = [row("ARRIVED", 0, "112|trunk", number="1795334959.773401", caller_name="HANGUP")]
    path, position, found = tmp_path / "calls.csv", Position(), list[Event]()
    text = line(rows[0])
    for size in range(len(text) + 1):
        path.write_text(text[:size], newline="")
        piece = CelFile(path).read(position)
        position, found = piece.position, [*found, *piece.events]
    assert found == events(rows)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_what_a_caller_chooses_changes_nothing_but_itself(name: str, number: str, exten: str) -> None:
    for known in ("ARRIVED", "RING", "ENDED"):
        tame = event_of(row(known, 1, "112|trunk"))
        wild = event_of(row(known, 1, "112|trunk", caller_name=name, number=number, exten=exten))
        assert tame is not None
        assert wild is not None
        assert (wild.call_id, wild.kind, wild.at, wild.key) == (CALL, tame.kind, tame.at, tame.key)
        assert {**wild.detail, "name": "", "number": ""} == {**tame.detail, "name": "", "number": ""}


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), min_size=1, max_size=4), st.data())
def test_a_file_read_while_it_grows_is_read_once(callers: list[tuple[str, str]], data: st.DataObject) -> None:
    rows = [row("ARRIVED", n, "112|trunk", caller_name=a, number=b) for n, (a, b) in enumerate(callers)]
    whole = "".join(map(line, rows)).encode()
    place, found = 0, list[list[str]]()
    for size in [*sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4))), len(whole)]:
        some, used, _ = split(whole[place:size])
        place, found = place + used, [*found, *some]
    assert found == rows


@given(st.text(), st.text())
def test_only_a_telling_names_another_call(user: str, extra: str) -> None:
    event = event_of(
        [user or "X", "1795334959.773401", user or "X", *[""] * 7, CALL, CALL, "", json.dumps({"extra": extra})]
    )
    assert event is None or event.call_id == CALL or event.kind in TELLINGS
