import asyncio
from pathlib import Path

from ivr.calls import query
from ivr.calls.database import Database
from ivr.calls.events import Event, Kind
from ivr.calls.forget import forget_tests
from ivr.calls.query import Filter
from ivr.calls.store import events_of
from ivr.calls.writer import CallLog
from tests.calls.story import CALL, answered_rows, at, events, hangup, row

TEST, HALF = "ivr112-1795334300.1", "ivr112-1795334300.0"


def test_old_test_calls_are_forgotten_with_their_events_and_nothing_else(tmp_path: Path) -> None:
    test = [
        row("TEST", 1, "token", call=TEST),
        row("ARRIVED", 1.1, "112|heartbeat-only", call=TEST),
        *hangup(9, TEST),
    ]
    result = row("HEARTBEAT", 9, "token|ok|4600", call=HALF)

    async def run() -> list[int]:
        async with CallLog(Database(tmp_path / "calls.sqlite")) as calls:
            await calls.store(events([*test, result, *answered_rows()]))
            forgotten = [await forget_tests(calls.database, at(seconds)) for seconds in (0, 100, 100)]
            await calls.store(events(answered_rows()))
            async with calls.database.reading() as connection:
                kept = await connection.run_sync(query.calls, Filter(tests=None))
                left = await connection.run_sync(events_of, [TEST, HALF])
            assert [call.call_id for call in kept] == [CALL]
            assert len(kept[0].attempts) == 2
            assert [kind(event) for event in left[HALF]] == [Kind.HEARTBEAT]
            assert left[TEST] == []
            return forgotten

    assert asyncio.run(run()) == [0, 1, 0]


def kind(event: Event) -> str:
    return event.kind
