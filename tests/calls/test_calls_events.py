from datetime import datetime, timedelta, timezone

import pytest

from ivr.calls.events import Event, Kind, happened, microseconds, storable
from tests.calls.story import CALL, START, at


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Event(CALL, Kind.RING, datetime(2026, 11, 22), "asterisk")  # noqa: DTZ001


def test_times_are_kept_in_utc() -> None:
    local = START.astimezone(timezone(timedelta(hours=9)))
    assert Event(CALL, Kind.RING, local, "asterisk").at.utcoffset() == timedelta(0)


def test_the_same_thing_at_the_same_moment_has_the_same_key() -> None:
    first, again = (happened(CALL, Kind.KEY_PRESSED, at=START, keys="1") for _ in range(2))
    assert first.key == again.key


@pytest.mark.parametrize(
    "other",
    [
        happened(CALL, Kind.KEY_PRESSED, at=START, keys="2"),
        happened(CALL, Kind.KEY_PRESSED, at=at(0.000001), keys="1"),
        happened(CALL, Kind.WRONG_KEY, at=START, keys="1"),
    ],
)
def test_different_things_have_different_keys(other: Event) -> None:
    assert other.key != happened(CALL, Kind.KEY_PRESSED, at=START, keys="1").key


def test_an_event_of_now_knows_both_clocks() -> None:
    event = happened(CALL, Kind.PROBLEM, what="speech", consequence="keys only")
    assert event.monotonic is not None
    assert event.text("what") == "speech"
    assert event.text("absent") == ""


def test_bytes_that_were_no_utf8_become_text_that_can_be_stored() -> None:
    name = b"Bu\xffdi".decode("utf-8", "surrogateescape")
    event = happened(CALL, Kind.ARRIVED, name=name)
    event.text("name").encode()
    assert event.text("name").startswith("Bu\\x")


def test_ordinary_text_is_kept_as_it_is() -> None:
    assert storable("Ibu Siti \N{CAT FACE} عمر\n\0\"'") == "Ibu Siti \N{CAT FACE} عمر\n\0\"'"


def test_microseconds_are_exact() -> None:
    assert microseconds(at(0.000001)) - microseconds(START) == 1
