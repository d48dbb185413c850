import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calls.cel import CALLING_HALF, COLUMNS, event_of, time_of
from ivr.calls.events import Kind
from tests.calls.story import CALL, CHANNEL, NUMBER, hangup, row


def test_a_time_is_read_to_the_microsecond() -> None:
    assert time_of("1795334959.773401") == datetime(2026, 11, 22, 8, 9, 19, 773401, tzinfo=UTC)
    assert time_of("1795334959.000001") == datetime(2026, 11, 22, 8, 9, 19, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2026-11-22 08:08:48", "1795334959", "-1.0", "9" * 30 + ".0", "1.0x", "١.٢"])
def test_what_is_no_time_is_refused(text: str) -> None:
    assert time_of(text) is None
    assert event_of([*row("RING", 0, "x")[:1], text, *row("RING", 0, "x")[2:]]) is None


def test_a_step_has_its_fields() -> None:
    event = event_of(row("STEP", 1, "1|damkar-1&damkar-2|20"))
    assert event is not None
    assert (event.kind, event.call_id, event.source) == (Kind.STEP, CALL, "asterisk")
    assert event.detail == {"step": 1, "lines": "damkar-1&damkar-2", "seconds": 20}


def test_the_first_column_may_be_asterisks_own_name_for_user_events() -> None:
    by_name, by_enum = row("RING", 1, "damkar-1"), row("RING", 1, "damkar-1")
    by_enum[0] = "USER_DEFINED"
    assert event_of(by_name) == event_of(by_enum)


def test_a_user_event_called_hangup_does_not_end_the_call() -> None:
    event = event_of(row("HANGUP", 1, "x"))
    assert event is not None
    assert event.kind not in {Kind.HUNG_UP, Kind.ENDED}


def test_an_event_the_program_does_not_know_is_kept_with_its_text() -> None:
    event = event_of(row("FLOOD_SIREN", 1, "3|on"))
    assert event is not None
    assert (event.kind, event.detail) == ("flood_siren", {"text": "3|on"})


def test_missing_fields_are_absent_and_extra_bars_stay_in_the_last_field() -> None:
    short, long = event_of(row("RING_END", 1, "damkar-1")), event_of(row("RING_END", 1, "damkar-1|BUSY|more"))
    assert short is not None
    assert long is not None
    assert short.detail == {"line": "damkar-1"}
    assert long.detail == {"line": "damkar-1", "status": "BUSY|more"}


def test_extra_that_is_no_json_is_taken_as_text() -> None:
    columns = row("RING", 1, "x")
    columns[-1] = "damkar-1"
    event = event_of(columns)
    assert event is not None
    assert event.text("line") == "damkar-1"


@pytest.mark.parametrize(
    ("source", "by"),
    [(CHANNEL, "caller"), ("PJSIP/damkar-00000003", "callee"), ("dialplan/builtin", "server"), ("", "server")],
)
def test_who_hung_up(source: str, by: str) -> None:
    event = event_of(hangup(5, source=source)[0])
    assert event is not None
    assert event.detail == {"cause": 16, "by": by, "channel": source}


def test_other_legs_do_not_answer_or_end_the_call() -> None:
    assert event_of(row("ANSWER", 1, channel_id="other")) is None
    assert event_of(row("HANGUP", 1, channel_id="other")) is None


def test_the_last_leg_closes_the_call() -> None:
    event = event_of(row("LINKEDID_END", 1, channel_id="other"))
    assert event is not None
    assert (event.kind, event.call_id) == (Kind.CALL_CLOSED, CALL)


def test_an_operators_service_code_is_no_call_and_any_number_on_the_trunk_is() -> None:
    assert event_of(row("CHAN_START", 0, exten="*45", context="from-phone")) is None
    for exten, context in [("112", "from-phone"), ("0536112", "from-trunk")]:
        event = event_of(row("CHAN_START", 0, exten=exten, context=context))
        assert event is not None
        assert event.detail == {"number": NUMBER, "name": "Budi", "dialled": exten, "channel": CHANNEL}


def test_rows_about_bridges_and_applications_are_passed_over() -> None:
    assert event_of(row("BRIDGE_ENTER", 1, extra='{"bridge_id":"x"}')) is None


def test_a_row_with_other_columns_is_no_row() -> None:
    assert event_of(row("RING", 1, "x")[:-1]) is None
    assert event_of([]) is None


def test_a_row_without_a_call_is_passed_over() -> None:
    assert event_of(row("RING", 1, "x", call="")) is None


def test_a_ten_kilobyte_name_survives() -> None:
    event = event_of(row("ARRIVED", 0, "112|trunk", caller_name="\"'\n\0" * 2500))
    assert event is not None
    assert event.text("name") == "\"'\n\0" * 2500


def test_an_extra_nested_a_hundred_thousand_deep_breaks_nothing() -> None:
    assert event_of(row("HANGUP", 1, extra="[" * 100_000)) is not None


# Joint agencies: told on channels that are no part of the call.

TELLING = "ivr112-1795334499.77"


@pytest.mark.parametrize(
    ("name", "text", "kind", "detail"),
    [
        ("TELL", f"{CALL}|pln", Kind.TELLING, {"line": "pln"}),
        ("TOLD", f"{CALL}|pln", Kind.TOLD, {"line": "pln"}),
        ("NOT_TOLD", f"{CALL}|pln|NO_KEY", Kind.NOT_TOLD, {"line": "pln", "status": "NO_KEY"}),
    ],
)
def test_what_another_channel_tells_belongs_to_the_call_it_names(
    name: str, text: str, kind: Kind, detail: dict[str, str]
) -> None:
    event = event_of(row(name, 1, text, call=TELLING, channel_id=f"{TELLING}1"))
    assert event is not None
    assert (event.kind, event.call_id, event.detail) == (kind, CALL, detail)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TELL", ""),
        ("TOLD", "|"),
        ("TOLD", f"{CALL}|"),
        ("NOT_TOLD", "|pln|BUSY"),
        ("Told", f"{CALL}|pln"),
        ("told", ""),
    ],
)
def test_a_telling_that_names_no_call_or_no_line_is_passed_over(name: str, text: str) -> None:
    assert event_of(row(name, 1, text, call=TELLING)) is None


def test_a_test_call_is_marked_with_its_token() -> None:
    event = event_of(row("TEST", 0, "17953344-1a2b"))
    assert event is not None
    assert (event.kind, event.detail) == (Kind.TEST_CALL, {"token": "17953344-1a2b"})


def test_of_the_calling_half_of_a_test_call_only_its_result_is_an_event() -> None:
    rows = [row("ANSWER", 1), *hangup(9), row("HEARTBEAT", 9, "17953344-1a2b|ok|8123")]
    for columns in rows:
        columns[6] = CALLING_HALF
    (event,) = filter(None, map(event_of, rows))
    assert (event.kind, event.call_id) == (Kind.HEARTBEAT, CALL)
    assert event.detail == {"token": "17953344-1a2b", "result": "ok", "milliseconds": 8123}


@given(st.lists(st.text(), min_size=COLUMNS, max_size=COLUMNS))
def test_any_columns_give_an_event_or_none(columns: list[str]) -> None:
    columns[1] = "1795334959.773401"
    event = event_of(columns)
    if event is not None:
        json.dumps(dict(event.detail))
        event.key.encode()
