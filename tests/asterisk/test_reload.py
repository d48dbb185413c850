"""Taking a new configuration, with a manager that says what a test prescribes (the real one: tests/system)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import ManagerRefused, ManagerUnavailable
from ivr.asterisk.reload import NotTaken, take
from tests.asterisk.scripted_manager import SECRET, Action, Connection, ScriptedManager, connected, served

NOW = "0a1b2c3d"
IN_FORCE = {
    "GENERATION": NOW,
    f"DIALPLAN_EXISTS(lines-{NOW},s,1)": "1",
    f"DIALPLAN_EXISTS(lifeline-{NOW},s,1)": "1",
    "PJSIP_ENDPOINT(outbound-only,accountcode)": NOW,
    f"QUEUE_EXISTS(queue-{NOW})": "1",
}
MARKS = {f"{name}-{NOW}" for name in ("music", "pjsip", "lines", "lifeline", "queue")} | {"globals"}

Answers = Callable[[Connection, Action], None]


@asynccontextmanager
async def asterisk(
    server: ScriptedManager, *, missing: str = "", seen: dict[str, str] | None = None
) -> AsyncIterator[AsteriskManager]:
    """A manager that is connected to an Asterisk that took everything, but for what is said otherwise."""

    def config(connection: Connection, action: Action) -> None:
        section = action["Category"]
        assert section in MARKS
        found = {} if section == missing else {"Category-000000": section, "Line-000000-000000": f"GENERATION={NOW}"}
        connection.answer(action, **found)

    def variable(connection: Connection, action: Action) -> None:
        value = {**IN_FORCE, **(seen or {})}[action["Variable"]]
        connection.answer(action, Variable=action["Variable"], Value=value)

    server.on["GetConfig"] = config
    server.on["Getvar"] = variable
    server.on.setdefault("Reload", lambda connection, action: connection.answer(action, Message="Module Reloaded"))
    async with connected(server) as manager:
        yield manager


def reloaded(server: ScriptedManager) -> list[str]:
    return [action["Module"] for action in server.actions if action["Action"] == "Reload"]


@served
async def test_the_dialplan_is_reloaded_after_what_it_names_and_before_the_queue(server: ScriptedManager) -> None:
    async with asterisk(server) as manager:
        await take(manager, NOW)
    assert reloaded(server) == ["res_musiconhold.so", "res_pjsip.so", "pbx_config.so", "app_queue.so"]
    asked = {action["Variable"] for action in server.actions if action["Action"] == "Getvar"}
    assert asked == set(IN_FORCE)


@pytest.mark.parametrize("section", sorted(MARKS))
@served
async def test_a_file_that_cannot_be_read_to_its_end_reloads_nothing(server: ScriptedManager, section: str) -> None:
    async with asterisk(server, missing=section) as manager:
        with pytest.raises(NotTaken, match=section):
            await take(manager, NOW)
    assert reloaded(server) == []


@pytest.mark.parametrize("variable", sorted(IN_FORCE))
@served
async def test_what_is_seen_in_force_counts_not_what_asterisk_answers(server: ScriptedManager, variable: str) -> None:
    async with asterisk(server, seen={variable: "ffffffff"}) as manager:
        with pytest.raises(NotTaken, match="is 'ffffffff' after the reload"):
            await take(manager, NOW)


@served
async def test_accounts_that_were_not_taken_leave_the_dialplan_as_it_was(server: ScriptedManager) -> None:
    async with asterisk(server, seen={"PJSIP_ENDPOINT(outbound-only,accountcode)": "99999999"}) as manager:
        with pytest.raises(NotTaken):
            await take(manager, NOW)
    assert "pbx_config.so" not in reloaded(server)


@served
async def test_a_refusal_is_told_in_asterisks_words(server: ScriptedManager) -> None:
    server.on["Reload"] = lambda connection, action: connection.answer(action, "Error", Message="No such module")
    async with asterisk(server) as manager:
        with pytest.raises(ManagerRefused, match=r"res_musiconhold.*No such module"):
            await take(manager, NOW)


@served
async def test_without_a_connection_nothing_is_taken(server: ScriptedManager) -> None:
    manager = AsteriskManager("127.0.0.1", server.port, "controller", SECRET)
    with pytest.raises(ManagerUnavailable):
        await take(manager, NOW)
