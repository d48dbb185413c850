"""The owner's side of the manager: its state is rebuilt, and it can stop at every moment."""

import asyncio

import pytest

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import ManagerUnavailable, Timing
from tests.asterisk.scripted_manager import (
    CALM,
    SECRET,
    WATCHFUL,
    ScriptedManager,
    connected,
    list_channels,
    say_nothing,
    served,
    started,
    until,
)


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
