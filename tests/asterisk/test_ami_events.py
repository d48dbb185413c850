"""Events of the manager under floods, faults of the handler and what callers write into them."""

import logging

import pytest

from ivr.asterisk.ami import LONGEST_MESSAGE
from ivr.asterisk.ami_model import Headers
from tests.asterisk.scripted_manager import WATCHFUL, ScriptedManager, connected, message, served, until


@served
async def test_a_character_split_over_two_chunks_arrives_whole(server: ScriptedManager) -> None:
    text = "Jalan ☎ Café 🚒"
    events: list[Headers] = []
    async with connected(server, on_event=events.append):
        whole = message(Event="X", Addr=text, Extra="")
        for cut in range(1, len(whole)):
            # The event in front is read together with the first half: once it is here, the half is, too.
            server.last.send(message(Event="Mark") + whole[:cut])
            await until(lambda cut=cut: len(events) == 2 * cut - 1)  # type: ignore[misc]
            server.last.send(whole[cut:])
            await until(lambda cut=cut: len(events) == 2 * cut)  # type: ignore[misc]
    assert {event["Addr"] for event in events[1::2]} == {text}
    assert {event["Extra"] for event in events[1::2]} == {""}, "a header that is empty and last is kept"


@served
async def test_bytes_that_are_not_utf8_are_shown_as_replaced_and_hurt_nothing(server: ScriptedManager) -> None:
    events: list[Headers] = []
    async with connected(server, on_event=events.append):
        server.last.send(b"Event: X\r\nCallerIDname: a\xff\x80b\r\n\r\n" + message(Event="Next"))
        await until(lambda: len(events) == 2)
    assert events == [{"Event": "X", "CallerIDname": "a\ufffd\ufffdb"}, {"Event": "Next"}]


@served
async def test_a_flood_of_20000_events_is_handled_in_order_without_a_queue(server: ScriptedManager) -> None:
    numbers: list[int] = []
    async with connected(server, timing=WATCHFUL, on_event=lambda event: numbers.append(int(event["Number"]))) as it:
        for start in range(0, 20_000, 2_000):
            server.last.send(
                b"".join(
                    message(Event="CEL", EventName="USER_DEFINED", Number=str(number), AppData="☎" * 60)
                    for number in range(start, start + 2_000)
                )
            )
            await until(lambda start=start: len(numbers) > start)  # type: ignore[misc]
        await until(lambda: len(numbers) == 20_000)
        assert numbers == list(range(20_000))
        assert it.status.events == 20_000
        assert it.status.connections == 1, "the flood must not look like an unanswered ping"


@served
async def test_a_handler_that_raises_loses_no_other_event_and_is_told_once(
    server: ScriptedManager, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def handler(event: Headers) -> None:
        seen.append(event["N"])
        if event["N"] != "3":
            raise KeyError(event["N"])

    async with connected(server, on_event=handler) as manager:
        server.last.send(b"".join(message(Event="X", N=number) for number in "123"))
        await until(lambda: seen == ["1", "2", "3"])
        assert manager.connected
        assert manager.status.handler_errors == 2
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


@served
async def test_a_line_break_in_a_name_cannot_break_the_connection_or_answer_an_action(
    server: ScriptedManager,
) -> None:
    """Asterisk does not escape line breaks in events; a second `Event` header crashes panoramisk."""
    events: list[Headers] = []
    async with connected(server, on_event=events.append) as manager:
        server.last.send(
            b"Event: CEL\r\nCallerIDname: n\r\nEvent: Shutdown\r\nResponse: Success\r\n"
            b"ActionID: a\r\nActionID: b\r\n\r\n"
        )
        server.last.send(message(Event="Next"))
        await until(lambda: len(events) == 2)
        assert manager.status.connections == 1
    assert events[0]["Event"] == "CEL"


@served
async def test_a_message_without_end_is_cut_off_instead_of_filling_the_memory(server: ScriptedManager) -> None:
    async with connected(server) as manager:
        first = server.last
        first.send(b"Event: X\r\nA: " + b"x" * (LONGEST_MESSAGE + 1))
        await until(lambda: manager.status.connections == 2)
        assert first not in server.open
        assert "bytes" in manager.status.last_trouble


@served
async def test_a_shutdown_that_a_callers_number_holds_costs_no_connection(server: ScriptedManager) -> None:
    async with connected(server) as manager:
        server.last.send(message(Event="CEL", CallerIDnum="+62\r\n\r\nEvent: Shutdown\r\n\r\nX: "))
        assert (await manager.action("Ping")).ok
        assert manager.status.connections == 1
