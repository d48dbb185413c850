"""An action of the manager: its own answer, or a typed error, and never a broken frame."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import (
    LONGEST_LINE,
    Answer,
    Headers,
    ManagerRefused,
    ManagerTimeout,
    ManagerUnavailable,
    UnsafeHeader,
)
from tests.asterisk.scripted_manager import (
    SECRET,
    Action,
    Connection,
    ScriptedManager,
    connected,
    message,
    served,
    until,
)


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
