"""Connections that break, fall silent or stop reading: noticed, told, and no action is ever sent twice."""

import asyncio
import logging

import pytest

from ivr.asterisk.ami_model import Headers, ManagerUnavailable, Timing
from tests.asterisk.scripted_manager import WATCHFUL, ScriptedManager, connected, message, say_nothing, served, until


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
