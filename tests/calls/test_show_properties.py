"""What is shown of calls: nothing of what callers sent moves a cursor, hides a line or breaks a reader of JSON."""

import sys
import unicodedata
from dataclasses import replace
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.fuzz.hostile import packed
from bench.fuzz.shown import FIELDS, Shown
from ivr.calls import show
from ivr.calls.events import Kind
from ivr.calls.projection import CallRecord
from ivr.calls.show import Style, visible
from tests.calls.story import CALL, at

SHOWN = Shown.__new__(Shown)
ANY = st.text(st.characters(exclude_categories=()))
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_no_character_that_does_not_print_reaches_a_terminal() -> None:
    shown = visible("".join(map(chr, range(sys.maxunicode + 1))))
    assert {unicodedata.category(character) for character in shown} & HIDDEN == set()
    assert shown.isprintable()


def test_what_prints_is_shown_as_it_is() -> None:
    text = "Ñandú ꦗꦮ 安 \U0001f525 =1+1 ${X} %0a"
    assert visible(text) == text


@given(
    ANY,
    st.sampled_from([*map(str, Kind), "a kind of later"]),
    st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=5),
)
def test_any_event_is_shown_in_lines_that_print_and_in_json(call: str, kind: str, detail: dict[str, str]) -> None:
    values = [[name, text.encode("utf-8", "surrogatepass")] for name, text in detail.items()]
    event = [kind.encode(), 1, "asterisk", values]
    case = {"call": call.encode("utf-8", "surrogatepass"), "events": [event, event]}
    assert SHOWN.check(packed(case)).faults == ()


@pytest.mark.parametrize("number", range(40))
def test_hostile_calls_are_shown_in_lines_that_print(number: int) -> None:
    assert SHOWN.check(SHOWN.make(Random(number))).faults == ()


def test_a_checksum_that_is_none_is_shown_as_text() -> None:
    """A line of the journal may say anything, and it is shown on a terminal."""
    record = replace(
        CallRecord(CALL), recording_path="a.wav", recording_checked_at=at(1), recording_sha256="\x1b[2J\n"
    )
    lines = list(show.call(record, [], Style(ZoneInfo("Asia/Jakarta"))))
    assert any(r"SHA-256 \x1b[2J\n" in line for line in lines)
    assert all(line.isprintable() for line in lines)
