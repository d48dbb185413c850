"""Connecting and logging in, again and again: one connection at a time, and in no haste."""

import asyncio
import logging

import pytest

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import ManagerUnavailable, Timing
from tests.asterisk.scripted_manager import (
    CALM,
    Action,
    Connection,
    ScriptedManager,
    connected,
    say_nothing,
    served,
    started,
    until,
)


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
