"""AsteriskManager against a scripted AMI server: each fault of panoramisk or of the network is one sentence."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ivr.asterisk.ami import LONGEST_MESSAGE, AsteriskManager
from ivr.asterisk.ami_model import (
    LONGEST_LINE,
    Answer,
    Headers,
    LiveChannel,
    ManagerRefused,
    ManagerTimeout,
    ManagerUnavailable,
    Timing,
    UnsafeHeader,
)
from tests.asterisk.scripted_manager import (
    SECRET,
    Action,
    Connection,
    ScriptedManager,
    message,
    served,
    until,
)

CALM = Timing(login_deadline=2, ping_every=2, ping_deadline=2, first_pause=0.001, longest_pause=0.01)
WATCHFUL = Timing(login_deadline=2, ping_every=0.02, ping_deadline=0.05, first_pause=0.001, longest_pause=0.01)


@asynccontextmanager
async def started(server: ScriptedManager, **changes: Any) -> AsyncIterator[AsteriskManager]:
    """A manager that is trying to connect."""
    manager = AsteriskManager("127.0.0.1", server.port, "ivr", SECRET, **{"timing": CALM, **changes})
    manager.start()
    try:
        yield manager
    finally:
        await manager.stop()


@asynccontextmanager
async def connected(server: ScriptedManager, **changes: Any) -> AsyncIterator[AsteriskManager]:
    """A manager that has logged in."""
    async with started(server, **changes) as manager:
        await manager.wait_connected()
        yield manager


def say_nothing(connection: Connection, action: Action) -> None:
    """An action that is never answered."""


# ----------------------------------------------------------------------------------------------- actions


@served
async def test_an_action_before_the_first_connection_is_a_typed_error(server: ScriptedManager) -> None:
    manager = AsteriskManager("127.0.0.1", server.port, "ivr", SECRET)
    with pytest.raises(ManagerUnavailable, match="not connected"):
        await manager.action("Ping")
    await manager.stop()


@served
async def test_an_action_gets_its_own_answer_even_when_answers_cross(server: ScriptedManager) -> None:
    waiting: list[Action] = []

    def answer_backwards(connection: Connection, action: Action) -> None:
        waiting.append(action)
        if len(waiting) == 3:
            for asked in reversed(waiting):
                connection.answer(asked, Value=asked["Variable"])

    server.on["Getvar"] = answer_backwards
    async with connected(server) as manager:
        answers = await asyncio.gather(*(manager.action("Getvar", Variable=name) for name in "abc"))
    assert [answer.messages[0]["Value"] for answer in answers] == ["a", "b", "c"]
    assert len({action["ActionID"] for action in server.actions}) == len(server.actions)


@served
async def test_a_refused_action_is_an_answer_that_is_not_ok(server: ScriptedManager) -> None:
    server.on["Hangup"] = lambda connection, action: connection.answer(action, "Error", Message="No such channel")
    async with connected(server) as manager:
        answer = await manager.action("Hangup", Channel="PJSIP/nobody")
    assert (answer.ok, answer.text, answer.rows) == (False, "No such channel", ())


@served
async def test_an_unanswered_action_ends_at_its_deadline_and_its_late_answer_reaches_nobody(
    server: ScriptedManager,
) -> None:
    asked: list[Action] = []
    server.on["Slow"] = lambda connection, action: asked.append(action)

    def answer_the_late_one_first(connection: Connection, action: Action) -> None:
        connection.answer(asked[0], Value="late")
        connection.answer(action, Value="own")

    server.on["Quick"] = answer_the_late_one_first
    async with connected(server) as manager:
        with pytest.raises(ManagerTimeout, match="Slow"):
            await manager.action("Slow", deadline=0.03)
        assert (await manager.action("Quick")).messages[0]["Value"] == "own"
        assert manager.status.timeouts == 1
        assert manager.connected
        assert manager._link is not None
        assert not manager._link.protocol.responses, "nothing is kept of an action that is over"


@served
async def test_an_originate_is_answered_when_queued_and_its_outcome_comes_as_an_event(
    server: ScriptedManager,
) -> None:
    def queue(connection: Connection, action: Action) -> None:
        connection.answer(action, Message="Originate successfully queued")
        connection.send(
            message(Event="OriginateResponse", ActionID=action["ActionID"], Response="Failure", Reason="3")
        )

    server.on["Originate"] = queue
    events: list[Headers] = []
    async with connected(server, on_event=events.append) as manager:
        # Without Async panoramisk fails on this answer with KeyError; with it, it waits until the phone is answered.
        for headers in ({}, {"Async": "true"}):
            answer = await manager.action("Originate", deadline=1, Channel="Local/x@y", **headers)
            assert answer.text == "Originate successfully queued"
        await until(lambda: len(events) == 2)
    assert [event["Reason"] for event in events] == ["3", "3"]


@served
async def test_a_sequence_repeats_its_header(server: ScriptedManager) -> None:
    server.on["Originate"] = lambda connection, action: connection.answer(action)
    async with connected(server) as manager:
        await manager.action("Originate", Variable=["A=1", "B=2"], Priority=1)
        received = server.last.received
    assert b"Variable: A=1\r\nVariable: B=2\r\n" in received
    assert b"Priority: 1\r\n" in received


# -------------------------------------------------------------------------------------- lists and commands

ROW = (
    "Event: CoreShowChannel\r\nActionID: {id}\r\nChannel: PJSIP/warga-00000001\r\nChannelStateDesc: Up\r\n"
    "Context: ivr-112\r\nExten: 112\r\nUniqueid: ivr112-1.1\r\nLinkedid: ivr112-1.1\r\n"
    "ChanVariable: A=1\r\nChanVariable: B=2\r\nApplication: AGI\r\nApplicationData: agi://127.0.0.1\r\n"
    "Duration: 01:02:03\r\nBridgeId: \r\n\r\n"
)


def list_channels(connection: Connection, action: Action) -> None:
    """Two rows, as Asterisk 22 sends them, with an event of another kind between."""
    connection.answer(action, EventList="start", Message="Channels will follow")
    row = ROW.format(id=action["ActionID"]).encode()
    end = message(Event="CoreShowChannelsComplete", ActionID=action["ActionID"], EventList="Complete", ListItems="2")
    connection.send(row + message(Event="CEL", EventName="ANSWER") + row + end)


@served
async def test_live_channels_are_the_rows_of_the_list(server: ScriptedManager) -> None:
    server.on["CoreShowChannels"] = list_channels
    events: list[Headers] = []
    async with connected(server, on_event=events.append) as manager:
        channels = await manager.live_channels()
        answer = await manager.action("CoreShowChannels")
    expected = LiveChannel(
        name="PJSIP/warga-00000001",
        unique_id="ivr112-1.1",
        linked_id="ivr112-1.1",
        state="Up",
        context="ivr-112",
        exten="112",
        application="AGI",
        application_data="agi://127.0.0.1",
        bridge_id="",
        seconds=3723,
    )
    assert channels == [expected, expected]
    assert answer.rows[0]["ChanVariable"] == "A=1\nB=2"
    assert [event["Event"] for event in events] == ["CEL", "CEL"]


def test_a_channel_row_without_a_duration_has_lasted_no_time() -> None:
    assert LiveChannel.from_row({"Channel": "PJSIP/x-1"}).seconds == 0


@served
async def test_an_empty_list_is_complete(server: ScriptedManager) -> None:
    def nothing(connection: Connection, action: Action) -> None:
        connection.answer(action, EventList="start", Message="Channels will follow")
        connection.send(
            message(
                Event="CoreShowChannelsComplete", ActionID=action["ActionID"], EventList="Complete", ListItems="0"
            )
        )

    server.on["CoreShowChannels"] = nothing
    async with connected(server) as manager:
        assert await manager.live_channels() == []


@served
async def test_a_list_cut_off_in_the_middle_is_a_timeout_and_not_half_a_list(server: ScriptedManager) -> None:
    def half(connection: Connection, action: Action) -> None:
        connection.answer(action, EventList="start", Message="Channels will follow")
        connection.send(ROW.format(id=action["ActionID"]).encode())

    server.on["CoreShowChannels"] = half
    async with connected(server) as manager:
        with pytest.raises(ManagerTimeout):
            await manager.live_channels(deadline=0.05)


@served
async def test_the_output_of_a_command_is_a_list_of_lines(server: ScriptedManager) -> None:
    def uptime(connection: Connection, action: Action) -> None:
        assert action["Command"] == "core show uptime"
        output = "Output: System uptime: 1 hour\r\nOutput: \r\nOutput: Last reload: 2 minutes\r\n\r\n"
        head = f"Response: Success\r\nActionID: {action['ActionID']}\r\nMessage: Command output follows\r\n"
        connection.send((head + output).encode())

    server.on["Command"] = uptime
    async with connected(server) as manager:
        answer: Answer = await manager.action("Command", Command="core show uptime")
    assert answer.output == ["System uptime: 1 hour", "", "Last reload: 2 minutes"]


@served
async def test_a_module_is_reloaded_by_name(server: ScriptedManager) -> None:
    server.on["Reload"] = lambda connection, action: (
        connection.answer(action, Message="Module Reloaded")
        if action["Module"] == "pbx_config.so"
        else connection.answer(action, "Error", Message="No such module")
    )
    async with connected(server) as manager:
        await manager.reload("pbx_config.so")
        with pytest.raises(ManagerRefused, match=r"nothing\.so: No such module"):
            await manager.reload("nothing.so")


# ------------------------------------------------------------------------------------------- safe headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A", "x\r\nInjected: yes"),
        ("A", "x\r\n\r\nAction: Originate"),
        ("A", "x\nInjected: yes"),
        ("A", "x\ry"),
        ("A", "x\0y"),
        ("A\r\nInjected", "yes"),
        ("A: b\nInjected", "yes"),
        ("A\0", "x"),
        ("", "x"),
        ("A: b", "x"),
        ("ActionID", "theirs"),
        ("action", "Originate"),
        ("A", "x" * LONGEST_LINE),
        ("A", "\udc80"),
        ("A", ["fine", "x\nInjected: yes"]),
    ],
)
@served
async def test_a_header_that_would_break_the_frame_is_refused_and_nothing_is_sent(
    server: ScriptedManager, name: str, value: str | Sequence[str]
) -> None:
    headers: dict[str, Any] = {name: value}
    async with connected(server) as manager:
        with pytest.raises(UnsafeHeader) as refusal:
            await manager.action("UserEvent", **headers)
        with pytest.raises(UnsafeHeader):
            await manager.action("User\nEvent")
        await until(lambda: server.names() == ["Login"])
    assert isinstance(refusal.value, ValueError)
    assert "Injected: yes" not in str(refusal.value)


def test_a_secret_with_a_line_break_is_refused_before_it_is_used() -> None:
    with pytest.raises(UnsafeHeader, match="Secret"):
        AsteriskManager("127.0.0.1", 1, "ivr", "one\ntwo")


# ------------------------------------------------------------------------------------------------- events


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


# --------------------------------------------------------------------------------- connections that break


@served
async def test_an_unanswered_ping_closes_the_connection_and_opens_a_new_one(server: ScriptedManager) -> None:
    answer_ping = server.on["Ping"]
    async with connected(server, timing=WATCHFUL) as manager:
        await until(lambda: any(action["Action"] == "Ping" for action in server.actions))
        server.on["Ping"] = say_nothing
        await until(lambda: manager.status.failures >= 1)
        server.on["Ping"] = answer_ping
        await until(lambda: manager.status.connections >= 2 and manager.connected)
        assert manager.status.unanswered_pings >= 1
        await until(lambda: len(server.open) == 1)
    assert server.most_open == 1


@served
async def test_a_silent_asterisk_is_noticed_after_one_ping_deadline(server: ScriptedManager) -> None:
    server.on["Ping"] = say_nothing
    timing = Timing(ping_every=0.01, ping_deadline=0.2, first_pause=0.001, longest_pause=0.01)
    async with connected(server, timing=timing) as manager:
        beginning = asyncio.get_running_loop().time()
        await until(lambda: manager.status.failures == 1)
        assert 0.2 < asyncio.get_running_loop().time() - beginning < 0.6


@served
async def test_a_peer_that_stops_reading_cannot_hold_the_old_connection_open(server: ScriptedManager) -> None:
    timing = Timing(ping_every=0.01, ping_deadline=0.3, first_pause=0.001, longest_pause=0.01)
    async with connected(server, timing=timing) as manager:
        server.last.transport.pause_reading()
        assert manager._link is not None
        socket = manager._link.protocol.transport.get_extra_info("socket")
        many = (
            manager.action("Filler", A=["x" * 900] * 40) for _ in range(400)
        )  # 14 MB: more than any socket buffer
        outcomes = await asyncio.gather(*many, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {ManagerUnavailable}
        await until(lambda: manager.status.connections == 2)
        assert socket.fileno() == -1


@served
async def test_a_ping_delayed_by_a_backlog_of_events_keeps_the_connection_but_not_for_ever(
    server: ScriptedManager,
) -> None:
    server.on["Ping"] = say_nothing
    events: list[Headers] = []
    async with connected(server, timing=WATCHFUL, on_event=events.append) as manager:
        first = server.last
        beginning = asyncio.get_running_loop().time()
        while first in server.open:
            first.send(message(Event="X"))
            await asyncio.sleep(0.005)
        lasted = asyncio.get_running_loop().time() - beginning
        assert lasted > 2 * (WATCHFUL.ping_every + WATCHFUL.ping_deadline)
        assert manager.status.unanswered_pings == 1


@served
async def test_a_frozen_asterisk_that_accepts_and_never_answers_is_tried_again_one_connection_at_a_time(
    server: ScriptedManager,
) -> None:
    login = server.on["Login"]
    server.on["Login"] = say_nothing
    impatient = Timing(login_deadline=0.03, ping_every=2, ping_deadline=2, first_pause=0.001, longest_pause=0.01)
    async with started(server, timing=impatient) as manager:
        await until(lambda: len(server.connections) >= 4)
        assert not manager.connected
        assert "no login" in manager.status.last_trouble
        server.on["Login"] = login
        await until(lambda: manager.connected)
    assert server.most_open == 1


@served
async def test_an_action_in_flight_when_the_connection_breaks_fails_and_is_never_sent_again(
    server: ScriptedManager,
) -> None:
    server.on["Redirect"] = lambda connection, action: connection.transport.abort()
    async with connected(server) as manager:
        with pytest.raises(ManagerUnavailable):
            await manager.action("Redirect", Channel="PJSIP/warga-1")
        await until(lambda: manager.status.connections == 2)
        server.last.send(message(Event="FullyBooted", Status="Fully Booted"))
        server.on["Next"] = lambda connection, action: connection.answer(action)
        await manager.action("Next")
    assert server.names() == ["Login", "Redirect", "Login", "Next"]


@served
async def test_an_action_repeated_at_once_after_a_loss_fails_at_once(server: ScriptedManager) -> None:
    server.on["Redirect"] = lambda connection, action: connection.transport.abort()
    async with connected(server) as manager:
        for _ in range(2):
            with pytest.raises(ManagerUnavailable):
                await manager.action("Redirect", deadline=1)


@served
async def test_an_action_asked_while_asterisk_is_away_is_refused_and_not_sent_later(server: ScriptedManager) -> None:
    async with connected(server) as manager:
        await server.stop_listening()
        await until(lambda: not manager.connected)
        assert manager.connected_since is None
        with pytest.raises(ManagerUnavailable):
            await manager.action("Redirect", Channel="PJSIP/warga-1")
        await server.listen()
        await manager.wait_connected()
        server.last.send(message(Event="FullyBooted", Status="Fully Booted"))
        server.on["Next"] = lambda connection, action: connection.answer(action)
        await manager.action("Next")
    assert server.names() == ["Login", "Login", "Next"]


@served
async def test_each_loss_is_told_also_when_it_is_the_same_as_the_last(
    server: ScriptedManager, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(server) as manager:
        for connections in (2, 3):
            server.last.transport.close()
            await until(lambda connections=connections: manager.status.connections == connections)  # type: ignore[misc]
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 2


@served
async def test_a_shutdown_that_a_callers_number_holds_costs_no_connection(server: ScriptedManager) -> None:
    async with connected(server) as manager:
        server.last.send(message(Event="CEL", CallerIDnum="+62\r\n\r\nEvent: Shutdown\r\n\r\nX: "))
        assert (await manager.action("Ping")).ok
        assert manager.status.connections == 1


@served
async def test_a_callers_number_cannot_end_the_list_of_channels(server: ScriptedManager) -> None:
    def channels(connection: Connection, action: Action) -> None:
        connection.answer(action, EventList="start", Message="Channels will follow")
        for unique_id in ("ivr112-1.1", "ivr112-2.2"):
            number = "+62\r\nEventList: Complete\r\nevent: X\r\nUniqueid: other\r\nDuration: ²:0:0"
            row = {"Event": "CoreShowChannel", "ActionID": action["ActionID"], "CallerIDNum": number}
            connection.send(message(**row, Uniqueid=unique_id, Linkedid=unique_id, Duration="00:00:07"))
        end = {"Event": "CoreShowChannelsComplete", "ActionID": action["ActionID"], "EventList": "Complete"}
        connection.send(message(**end))

    server.on["CoreShowChannels"] = channels
    async with connected(server) as manager:
        assert [channel.unique_id for channel in await manager.live_channels()] == ["ivr112-1.1", "ivr112-2.2"]


@served
async def test_reconnecting_backs_off_up_to_a_limit_and_starts_small_after_a_good_connection(
    server: ScriptedManager, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    stopped = asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            await stopped.wait()
            await server.listen()
        await asyncio.sleep(0)

    timing = Timing(ping_every=0.01, ping_deadline=2)
    async with connected(server, timing=timing, jitter=lambda: 1.0, pause=pause) as manager:
        await until(lambda: any(action["Action"] == "Ping" for action in server.actions))
        await server.stop_listening()
        stopped.set()
        await until(lambda: manager.status.connections == 2)
        assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
        asked = len(server.actions)
        await until(lambda: len(server.actions) > asked + 1)
        server.last.transport.abort()
        await until(lambda: manager.status.connections == 3)
        assert pauses[8:] == [0.2]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 3, "one trouble is told once: lost, refused, lost again"


@served
async def test_a_connection_that_always_breaks_after_the_login_backs_off_too(server: ScriptedManager) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    login = server.on["Login"]

    def log_in_and_hang_up(connection: Connection, action: Action) -> None:
        login(connection, action)
        connection.transport.close()

    server.on["Login"] = log_in_and_hang_up
    async with started(server, jitter=lambda: 1.0, pause=pause):
        await until(lambda: len(pauses) >= 6)
    assert pauses[:6] == sorted(pauses[:6])
    assert pauses[5] == CALM.longest_pause


@served
async def test_a_wrong_password_is_told_with_its_remedy_but_without_the_secret_and_tried_again_slowly(
    server: ScriptedManager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    manager = AsteriskManager("127.0.0.1", server.port, "ivr", "wrong-secret", timing=Timing(), pause=pause)
    manager.start()
    await until(lambda: len(pauses) >= 3)
    with pytest.raises(ManagerUnavailable, match="Authentication failed"):
        await manager.wait_connected(0.01)
    await manager.stop()
    assert set(pauses) == {30.0}
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "manager.conf" in errors[0]
    assert "wrong-secret" not in caplog.text
    assert server.most_open == 1


# ------------------------------------------------------------------------------------------ the owner's side


@served
async def test_after_each_connect_the_owner_rebuilds_its_state(server: ScriptedManager) -> None:
    server.on["CoreShowChannels"] = list_channels
    states: list[int] = []

    async def rebuild() -> None:
        states.append(len(await manager.live_channels()))

    manager = AsteriskManager("127.0.0.1", server.port, "ivr", SECRET, on_connected=rebuild, timing=CALM)
    manager.start()
    await until(lambda: states == [2])
    server.last.transport.abort()
    await until(lambda: states == [2, 2])
    assert manager.connected_since is not None
    await manager.stop()


@served
async def test_a_state_that_could_not_be_read_is_read_again_over_a_new_connection(server: ScriptedManager) -> None:
    server.on["CoreShowChannels"] = lambda connection, action: (
        list_channels(connection, action)
        if len(server.connections) > 1
        else connection.answer(action, "Error", Message="Permission denied")
    )
    states: list[int] = []

    async def rebuild() -> None:
        states.append(len(await manager.live_channels()))

    manager = AsteriskManager("127.0.0.1", server.port, "ivr", SECRET, on_connected=rebuild, timing=CALM)
    manager.start()
    await until(lambda: states == [2])
    await manager.stop()
    assert len(server.connections) == 2


@served
async def test_a_fault_of_the_owner_after_connecting_keeps_the_connection(
    server: ScriptedManager, caplog: pytest.LogCaptureFixture
) -> None:
    async def rebuild() -> None:
        raise KeyError("a bug")

    async with connected(server, on_connected=rebuild, timing=WATCHFUL) as manager:
        await until(lambda: len([action for action in server.actions if action["Action"] == "Ping"]) >= 2)
        assert manager.status.connections == 1
    assert "a bug" in caplog.text


@served
async def test_stop_releases_whoever_waits_and_leaves_no_task_and_no_socket(server: ScriptedManager) -> None:
    before = asyncio.all_tasks()

    async def rebuild_for_ever() -> None:
        await asyncio.Event().wait()

    async with connected(server, on_connected=rebuild_for_ever) as manager:
        waiter = asyncio.create_task(manager.action("Never"))
        await until(lambda: "Never" in server.names())
        assert manager._link is not None
        socket = manager._link.protocol.transport.get_extra_info("socket")
        await manager.stop()
        assert socket.fileno() == -1
        with pytest.raises(ManagerUnavailable):
            await waiter
        assert asyncio.all_tasks() == before
        await until(lambda: not server.open)
        await manager.stop()


@pytest.mark.parametrize("moment", ["connecting", "logging in", "pausing"])
@served
async def test_stop_works_at_every_moment(server: ScriptedManager, moment: str) -> None:
    before = asyncio.all_tasks()
    server.on["Login"] = say_nothing
    if moment == "pausing":
        await server.stop_listening()
    long_pause = Timing(first_pause=60, longest_pause=60)
    async with started(server, timing=long_pause, jitter=lambda: 1.0) as manager:
        match moment:
            case "connecting":
                await asyncio.sleep(0)
            case "logging in":
                await until(lambda: server.names() == ["Login"])
            case "pausing":
                await until(lambda: manager.status.failures == 1)
        await manager.stop()
        await until(lambda: asyncio.all_tasks() == before)
    if moment == "pausing":
        await server.listen()


@served
async def test_stop_works_at_every_step_of_the_loop(server: ScriptedManager) -> None:
    before = asyncio.all_tasks()
    for steps in range(60):
        async with started(server, jitter=lambda: 0.0):
            for _ in range(steps):
                await asyncio.sleep(0)
            if steps % 3 == 2 and server.open:
                server.last.transport.abort()
        await until(lambda: asyncio.all_tasks() == before)  # the server may still be accepting


@served
async def test_starting_twice_is_refused_and_starting_after_a_stop_is_not(server: ScriptedManager) -> None:
    async with connected(server) as manager:
        with pytest.raises(RuntimeError):
            manager.start()
        await manager.stop()
        manager.start()
        await manager.wait_connected()
        await until(lambda: len(server.open) == 1)
    assert server.most_open == 1
