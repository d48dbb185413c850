"""The manager's account does what the controller does, and no more."""

import asyncio
import socket
import time

import pytest

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import Answer
from tests.system.doors.house import (
    password,
    settings_of,
)
from tests.system.doors.strangers import (
    Stranger,
    speech,
)
from tests.system.server import LOOPBACK, Server


def manage(server: Server, *actions: dict[str, str]) -> list[Answer]:
    """The answers to these actions by the controller's own user."""

    async def run() -> list[Answer]:
        manager = AsteriskManager(LOOPBACK, settings_of(server).ami_port, "controller", password(server, "manager"))
        manager.start()
        try:
            await manager.wait_connected()
            return [await manager.action(**action) for action in actions]  # type: ignore[arg-type]
        finally:
            await manager.stop()

    return asyncio.run(run())


FORBIDDEN: tuple[dict[str, str], ...] = (
    {"name": "Command", "Command": "core show version"},
    {"name": "Originate", "Channel": "PJSIP/0900123456@trunk", "Context": "plan", "Exten": "s", "Priority": "1"},
    {"name": "Originate", "Channel": "Local/112@from-phone", "Application": "AGI", "Data": "/bin/sh"},
    {"name": "Redirect", "Channel": "x", "Context": "plan", "Exten": "s", "Priority": "1"},
    {"name": "Hangup", "Channel": "/.*/"},
    {"name": "Bridge", "Channel1": "x", "Channel2": "y"},
    {"name": "BlindTransfer", "Channel": "x", "Exten": "112"},
    {"name": "Atxfer", "Channel": "x", "Exten": "112"},
    {"name": "AGI", "Channel": "x", "Command": "EXEC Dial PJSIP/0900@trunk"},
    {"name": "MixMonitor", "Channel": "x", "File": "x", "Command": "id"},
    {"name": "StopMixMonitor", "Channel": "x"},
    {"name": "Setvar", "Variable": "GENERATION", "Value": "x"},
    {"name": "ModuleLoad", "Module": "app_system.so", "LoadType": "load"},
    {"name": "ModuleLoad", "Module": "res_pjsip.so", "LoadType": "unload"},
    {"name": "DialplanExtensionAdd", "Context": "from-phone", "Extension": "9", "Priority": "1",
     "Application": "NoOp"},
    {"name": "DialplanExtensionRemove", "Context": "from-phone", "Extension": "112"},
    {"name": "UpdateConfig", "SrcFilename": "extensions.conf", "DstFilename": "extensions.conf",
     "Action-000000": "NewCat", "Cat-000000": "x"},
    {"name": "UpdateConfig", "SrcFilename": "generated/pjsip.conf", "DstFilename": "generated/pjsip.conf",
     "Action-000000": "NewCat", "Cat-000000": "x"},
    {"name": "CreateConfig", "Filename": "cli.conf"},
    {"name": "GetConfig", "Filename": "../../secrets.json"},
    {"name": "GetConfig", "Filename": "/etc/passwd"},
    {"name": "Getvar", "Variable": "SHELL(id)"},
    {"name": "DBPut", "Family": "a", "Key": "b", "Val": "c"},
    {"name": "QueueAdd", "Queue": "operators", "Interface": "PJSIP/0900@trunk"},
    {"name": "QueueRemove", "Queue": "operators", "Interface": "Local/operator1@ring-line/n"},
    {"name": "QueuePause", "Interface": "Local/operator1@ring-line/n", "Paused": "true"},
    {"name": "MessageSend", "To": "pjsip:damkar_1", "From": "x", "Body": "x"},
    {"name": "UserEvent", "UserEvent": "CEL"},
    {"name": "Filter", "Operation": "Add", "Filter": "Event: .*"},
)  # fmt: skip


def test_the_controllers_manager_account_can_do_what_the_controller_does_and_no_more(guarded: Server) -> None:
    etc = guarded.state / "asterisk" / "etc"
    before = {path: path.read_bytes() for path in sorted(etc.rglob("*")) if path.is_file()}
    for action, answer in zip(FORBIDDEN, manage(guarded, *FORBIDDEN), strict=True):
        assert not answer.ok, action
    assert {path: path.read_bytes() for path in sorted(etc.rglob("*")) if path.is_file()} == before
    for function in (
        "FILE(/etc/passwd)",
        "ENV(PATH)",
        "CURL(http://127.0.0.1)",
        "AST_CONFIG(manager.conf,controller,secret)",
    ):
        value = manage(guarded, {"name": "Getvar", "Variable": function})[0].messages[0]
        assert not any(value.get(name) for name in ("Value", "Value:")), function
    needed = ({"name": "Getvar", "Variable": "GENERATION"}, {"name": "Reload", "Module": "pbx_config.so"})
    assert all(answer.ok for answer in manage(guarded, *needed, {"name": "CoreShowChannels"}))


def test_the_manager_tells_of_calls_and_of_nothing_else(guarded: Server, stranger: Stranger) -> None:
    told: set[str] = set()

    async def listen() -> None:
        manager = AsteriskManager(
            LOOPBACK,
            settings_of(guarded).ami_port,
            "controller",
            password(guarded, "manager"),
            on_event=lambda event: told.add(event.get("Event", "")),
        )
        manager.start()
        try:
            await manager.wait_connected()
            known = password(guarded, "operator1")
            address = f"sip:112@{guarded.registrar}"
            await asyncio.to_thread(stranger.ask_as, "operator1", known, "INVITE", address, body=speech())
            async with asyncio.timeout(5):
                while "CEL" not in told:  # noqa: ASYNC110 another thread adds it
                    await asyncio.sleep(0.05)
        finally:
            await manager.stop()

    asyncio.run(listen())
    assert told <= {"CEL", "FullyBooted", "Shutdown"}


@pytest.mark.parametrize("user", ["controller", "admin"])
def test_a_wrong_secret_at_the_manager_is_refused_slowly(user: str, guarded: Server) -> None:
    with socket.create_connection((LOOPBACK, settings_of(guarded).ami_port), 5) as guess:
        assert guess.recv(100).startswith(b"Asterisk Call Manager")
        began = time.monotonic()
        guess.sendall(f"Action: Login\r\nUsername: {user}\r\nSecret: wrong\r\n\r\n".encode())
        assert b"Authentication failed" in guess.recv(300)
        assert time.monotonic() - began > 0.9
        assert guess.recv(300) == b""
