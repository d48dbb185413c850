"""The watchkeeper on a real database and real files, beside a scripted Asterisk."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import Timing
from ivr.calls.database import Database
from ivr.calls.writer import CallLog
from ivr.health import watchkeeper as module
from ivr.health.alarms import Alarms, State
from ivr.health.disks import measure
from ivr.health.watchkeeper import Sources, Watchkeeper
from ivr.restarts import Reason, note
from ivr.rulebook.edition import Edition
from tests.asterisk.scripted_manager import SECRET, ScriptedManager, served, until
from tests.asterisk.test_lines import SUMMARY, devices, listing
from tests.calls.story import answered_rows, events

CALM = Timing(login_deadline=2, ping_every=2, ping_deadline=2, first_pause=0.001, longest_pause=0.01)
LOADED = cast("Edition", object())


@dataclass
class House:
    """A controller's parts, as far as the watchkeeper sees them."""

    folder: Path
    manager: AsteriskManager
    log: CallLog
    told: list[tuple[str, State]] = field(default_factory=list)
    door: bool = True
    stopping: bool = False
    edition: Edition | None = LOADED
    journaled: int = 0

    def __post_init__(self) -> None:
        self.alarms = Alarms(self.folder / "health", lambda alarm, state: self.told.append((alarm.key, state)))
        self.keeper = Watchkeeper(self.sources(), self.alarms, every=0.01)

    def sources(self) -> Sources:
        return Sources(
            folder=self.folder / "health",
            disks={"state": self.folder, "recordings": self.folder / "calls" / "not" / "made yet"},
            manager=self.manager,
            database=self.log.database,
            waiting=lambda: 0,
            journaled=lambda: self.journaled,
            dropped=lambda: 0,
            sessions=lambda: 3,
            door_ok=lambda: self.door,
            stopping=lambda: self.stopping,
            edition=lambda: self.edition,
            rules=lambda: None,
            last_heartbeat=lambda: datetime.now(UTC),
            heartbeat_every=timedelta(minutes=5),
            last_backup=lambda: datetime.now(UTC),
        )

    async def page(self) -> str:
        return (await self.keeper.answers.metrics()).decode()

    async def ready(self) -> dict[str, str]:
        return dict(await self.keeper.answers.ready())


@asynccontextmanager
async def house(server: ScriptedManager, folder: Path) -> AsyncIterator[House]:
    server.on.setdefault("DeviceStateList", devices({"operator1": "NOT_INUSE", "trunk": "INUSE"}))
    server.on.setdefault("PJSIPShowRegistrationsOutbound", listing())
    server.on.setdefault("QueueSummary", listing({**SUMMARY, "Queue": "operators"}))
    manager = AsteriskManager("127.0.0.1", server.port, "ivr", SECRET, timing=CALM)
    manager.start()
    await manager.wait_connected()
    async with CallLog(Database(folder / "calls.sqlite", busy_seconds=0.05)) as log:
        found = House(folder, manager, log)
        try:
            yield found
        finally:
            found.alarms.close()
            await manager.stop()


@served
async def test_one_look_knows_everything(server: ScriptedManager, tmp_path: Path) -> None:
    note(tmp_path / "health", Reason.CONTROLLER_STARTED)
    async with house(server, tmp_path) as here:
        await here.log.store(events(answered_rows()))
        facts = await here.keeper.look()
        assert (facts.database, facts.asterisk, facts.waiting_events) == (True, True, 0)
        assert facts.queue is not None
        assert (facts.queue.callers, facts.registrations) == (3, ())
        assert facts.reachable == {"operator1": True, "trunk": True}
        assert [disk.what for disk in facts.disks] == ["state", "recordings"]
        assert facts.restarts is not None
        assert facts.restarts.count(Reason.CONTROLLER_STARTED) == 1
        page = await here.page()
        assert 'ivr_calls_total{outcome="answered"} 1.0' in page
        assert "ivr_questions_in_progress 3.0" in page
        assert await here.ready() == {}
        assert here.told == []


@served
async def test_a_silent_asterisk_delays_no_other_fact(server: ScriptedManager, tmp_path: Path) -> None:
    for action in ("DeviceStateList", "PJSIPShowRegistrationsOutbound", "QueueSummary"):
        server.on[action] = lambda _connection, _action: None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "DEADLINE", 0.5)
        async with house(server, tmp_path) as here:
            async with asyncio.timeout(10):
                facts = await here.keeper.look()
            assert (facts.reachable, facts.registrations, facts.queue) == (None, None, None)
            assert len(facts.disks) == 2
            await here.keeper.look()


@served
async def test_who_ends_the_keeper_leaves_no_question_open(server: ScriptedManager, tmp_path: Path) -> None:
    async with house(server, tmp_path) as here:
        before = asyncio.all_tasks()
        running = asyncio.create_task(here.keeper.run())
        await until(lambda: len(asyncio.all_tasks()) > len(before) + 3)  # it asks about several things at once
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert asyncio.all_tasks() <= before


@served
async def test_a_disk_that_hangs_is_asked_once_and_the_other_one_again(
    server: ScriptedManager, tmp_path: Path
) -> None:
    released, asked = threading.Event(), list[str]()

    def hangs(what: str, path: Path) -> Any:
        asked.append(what)
        if what == "recordings":
            released.wait(20)
        return measure(what, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "measure", hangs)
        patch.setattr(module, "DEADLINE", 0.5)
        async with house(server, tmp_path) as here:
            for _ in range(3):
                facts = await here.keeper.look()
                assert [disk.what for disk in facts.disks] == ["state"]
            assert (asked.count("recordings"), asked.count("state")) == (1, 3)
            released.set()
            await asyncio.sleep(0.05)
            facts = await here.keeper.look()
            assert [disk.what for disk in facts.disks] == ["state", "recordings"]


@served
async def test_a_database_that_is_away_is_shown_with_the_last_numbers_and_is_not_unready(
    server: ScriptedManager, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STATISTICS_AGE", 0.0)
        async with house(server, tmp_path) as here:
            await here.log.store(events(answered_rows()))
            await here.keeper.look()
            await here.log.database.close()
            here.log.database.path = tmp_path / "no" / "folder" / "calls.sqlite"
            (tmp_path / "no").write_text("in the way")
            facts = await here.keeper.look()
            assert facts.database is False
            page = await here.page()
            assert "ivr_database_up 0.0" in page
            assert 'ivr_calls_total{outcome="answered"} 1.0' in page
            assert await here.ready() == {}
            assert here.keeper.answers.shown()["database"] is False
            here.log.database.path = tmp_path / "calls.sqlite"
            assert (await here.keeper.look()).database is True


@served
async def test_the_database_is_asked_no_more_than_once_in_a_while(server: ScriptedManager, tmp_path: Path) -> None:
    async with house(server, tmp_path) as here:
        await here.page()
        await here.log.store(events(answered_rows()))
        assert 'ivr_calls_total{outcome="answered"} 0.0' in await here.page()


@served
async def test_events_that_wait_only_for_a_moment_are_no_trouble(server: ScriptedManager, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LOOK_EVERY", 0.001)
        async with house(server, tmp_path) as here:
            here.journaled = 4
            asyncio.get_running_loop().call_later(0.005, lambda: setattr(here, "journaled", 0))
            assert (await here.keeper.look()).waiting_events == 0
            here.journaled = 4
            assert (await here.keeper.look()).waiting_events == 4


@served
async def test_an_alarm_begins_and_ends_by_itself_and_is_shown_meanwhile(
    server: ScriptedManager, tmp_path: Path
) -> None:
    async with house(server, tmp_path) as here:
        for _ in range(4):
            note(tmp_path / "health", Reason.CONTROLLER_STARTED)
        running = asyncio.create_task(here.keeper.run())
        await until(lambda: bool(here.told))
        assert here.told == [("controller_restarts", State.BEGUN)]
        assert 'ivr_alarm{key="controller_restarts"} 1.0' in await here.page()
        shown = here.keeper.answers.shown()["alarms"]
        assert [(alarm["key"], "3 kali" in alarm["text"]) for alarm in shown] == [("controller_restarts", True)]
        (tmp_path / "health" / "restarts.json").write_text(json.dumps({"since": None}))
        await until(lambda: len(here.told) == 2)
        assert here.told[1] == ("controller_restarts", State.ENDED)
        running.cancel()
        await asyncio.wait({running})


@served
async def test_ready_names_every_reason_and_live_only_the_door(server: ScriptedManager, tmp_path: Path) -> None:
    async with house(server, tmp_path) as here:
        answers = here.keeper.answers
        assert (await answers.live(), await answers.ready()) == ({}, {})
        here.door, here.edition, here.stopping = False, None, True
        await here.manager.stop()
        assert list(await answers.ready()) == ["stopping", "door", "rules", "asterisk"]
        assert await answers.live() == {}, "who stops on purpose is not to be restarted"
        here.stopping = False
        assert list(await answers.live()) == ["door"]
