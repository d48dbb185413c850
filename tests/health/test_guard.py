"""The guard as the controller gets it, from settings alone."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.fastagi import FastAgiServer
from ivr.calls.database import Database
from ivr.calls.writer import CallLog
from ivr.health.alarms import Alarms
from ivr.health.guard import Controller, Guard, newest_backup
from ivr.prompts.shelf import ClipShelf
from ivr.rulebook.edition import Edition
from ivr.rules import Rules, load_rules
from ivr.settings import Settings
from tests.asterisk.scripted_manager import until
from tests.city import SYSTEM_TEST, free_ports
from tests.health.test_webhook import OK, receiver, says


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules(SYSTEM_TEST.read_text(encoding="utf-8"))


@asynccontextmanager
async def guard(folder: Path, rules: Rules, **changes: object) -> AsyncIterator[Guard]:
    """Both jobs running, in a controller without Asterisk."""
    settings = Settings(_env_file=None, state=folder, backups=folder / "backups", **changes)  # type: ignore[call-arg, arg-type]
    edition = Edition(rules, "ab" * 32, "12345678", ClipShelf(folder, folder))
    manager = AsteriskManager("127.0.0.1", 1, "controller", "x")
    agi = FastAgiServer("127.0.0.1", 0, lambda _session: None)
    async with CallLog(Database(settings.database)) as calls:
        found = Guard(settings, Controller(manager, calls, agi, lambda: edition, lambda: True, lambda: False))
        jobs = [asyncio.create_task(job()) for job in (found.keep_alarms, found.serve_health)]
        try:
            yield found
        finally:
            for job in jobs:
                job.cancel()
                with suppress(asyncio.CancelledError):
                    await job
            await asyncio.to_thread(found.close)


def test_the_pages_are_served_at_the_port_of_the_settings(tmp_path: Path, rules: Rules) -> None:
    (port,) = free_ports(1)

    async def main() -> None:
        async with guard(tmp_path, rules, http_port=port) as here:
            server = here._server
            assert server is not None
            await until(lambda: bool(server.port))
            url = f"http://127.0.0.1:{port}/metrics"
            with await asyncio.to_thread(urllib.request.urlopen, url, timeout=5) as reply:
                assert b"ivr_asterisk_connected 0.0" in reply.read()

    asyncio.run(main())


def test_port_0_serves_nothing_and_keeps_the_alarms(tmp_path: Path, rules: Rules) -> None:
    async def main() -> None:
        async with guard(tmp_path, rules, http_port=0, alarm_url="http://127.0.0.1:1/") as here:
            assert here._server is None
            here.alarms.raise_("another", "Lain")
            await until((Settings(_env_file=None, state=tmp_path).health / "alarms.json").exists)  # type: ignore[call-arg]

    asyncio.run(main())


def test_alarms_that_stand_at_the_start_are_sent_again(tmp_path: Path, rules: Rules) -> None:
    health = Settings(_env_file=None, state=tmp_path).health  # type: ignore[call-arg]
    health.mkdir(parents=True)
    book = Alarms(health)
    book.raise_("backup_old", "Belum ada cadangan")
    book.close()

    async def main() -> None:
        with receiver(says(OK)) as server:
            async with guard(tmp_path, rules, http_port=0, alarm_url=server.url):
                await until(lambda: bool(server.requests))
            assert b'"alarm": "backup_old", "state": "begun"' in server.requests[0]

    asyncio.run(main())


FUTURE = "ivr112-20261122-071500.tar.gz"


def test_the_newest_backup_counts_and_other_files_do_not(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    assert newest_backup(tmp_path / "none", now) is None
    for name in ("ivr112-20261120-031500.tar.gz", "ivr112-20261122-031500.tar.gz", "ivr112-x.tar.gz", "zzz", FUTURE):
        (tmp_path / name).write_bytes(b"")
    assert newest_backup(tmp_path, now) == datetime(2026, 11, 22, 3, 15, tzinfo=UTC)
