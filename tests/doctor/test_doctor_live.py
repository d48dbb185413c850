import asyncio
import time
from pathlib import Path

import pytest

from ivr.asterisk.ami_model import ManagerError
from ivr.doctor.context import gather
from ivr.doctor.live import ask
from tests.asterisk.scripted_manager import SECRET, Action, Connection, ScriptedManager, served
from tests.city import free_ports
from tests.doctor.installation import NOW, context, settings


def answer(**headers: str):  # type: ignore[no-untyped-def]
    def reply(connection: Connection, action: Action) -> None:
        connection.answer(action, **headers)

    return reply


def prepare(server: ScriptedManager) -> None:
    server.on["CoreSettings"] = answer(AsteriskVersion="22.10.1")
    server.on["Getvar"] = answer(Variable="GENERATION", Value="abcd1234")
    server.on["Ping"] = answer(Ping="Pong", Timestamp=f"{time.time() + 60:.6f}")


@served
async def test_asterisk_is_asked_once_for_everything_and_let_go(server: ScriptedManager) -> None:
    prepare(server)

    def refuse(connection: Connection, action: Action) -> None:
        connection.answer(action, "Error", Message="Permission denied")

    server.on["DeviceStateList"] = refuse
    found = await ask(server.port, SECRET)
    assert (found.version, found.generation) == ("22.10.1", "abcd1234")
    assert 55 < found.ahead_seconds < 65
    assert "Permission denied" in found.refused
    assert len(server.connections) == 1


@served
async def test_a_wrong_secret_is_a_refusal_that_leaves_nothing_behind(server: ScriptedManager) -> None:
    with pytest.raises(ManagerError, match="Authentication failed"):
        await ask(server.port, "wrong", 0.5)


def test_nobody_there_is_said_in_time() -> None:
    with pytest.raises(ManagerError):
        asyncio.run(ask(free_ports(1)[0], SECRET, 0.2))


def test_without_the_managers_secret_asterisk_is_not_asked(tmp_path: Path) -> None:
    here = gather(settings(tmp_path), NOW)
    assert here.live is None
    assert "sandi manager" in here.live_trouble


def test_a_process_id_left_behind_is_no_asterisk(tmp_path: Path) -> None:
    chosen = context(tmp_path).settings
    run = chosen.asterisk_etc.parent / "run"
    run.mkdir(parents=True)
    (run / "asterisk.pid").write_text("1\n")
    assert gather(chosen, NOW).asterisk is None
