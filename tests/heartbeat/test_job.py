"""Against the folders alone; tests/system/test_heartbeat.py has Asterisk."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from ivr.calls.celfile import CelFile
from ivr.controller.script import CityScript
from ivr.heartbeat import job as module
from ivr.heartbeat.job import attempt, beat, end_of, pause_after
from ivr.heartbeat.last import read_last
from ivr.heartbeat.result import Outcome, Result
from ivr.rules import load_rules
from ivr.settings import Settings
from tests.calls.story import answered_rows, at, events, row, write_rows
from tests.city import SYSTEM_TEST, settings_in

SCRIPT = partial(CityScript, load_rules(SYSTEM_TEST))


class Enough(Exception):
    """The test has seen what it wanted."""


@pytest.fixture
def given(tmp_path: Path) -> Settings:
    chosen = settings_in(tmp_path)
    (chosen.asterisk_etc.parent / "spool" / "outgoing").mkdir(parents=True)
    chosen.cel_file.parent.mkdir(parents=True)
    return chosen


def outgoing(given: Settings) -> list[Path]:
    return list((given.asterisk_etc.parent / "spool" / "outgoing").iterdir())


async def taken(given: Settings) -> str:
    """The token of the call file, once it is there; Asterisk would say that it has taken it."""
    async with asyncio.timeout(10):
        while not (files := outgoing(given)):  # noqa: ASYNC110 a folder tells nobody
            await asyncio.sleep(0.01)
    with files[0].open("a") as file:
        file.write("\nStartRetry: 4711 1 (1795309500)\n")
    return files[0].stem


def test_a_call_file_nobody_takes_is_removed_and_said(given: Settings) -> None:
    result = asyncio.run(attempt(given, SCRIPT, patience=0.4))
    assert result.outcome == Outcome.NOT_STARTED
    assert outgoing(given) == []
    assert read_last(given.health).result == result


def test_a_call_of_which_nothing_is_heard_is_missing(given: Settings) -> None:
    async def run() -> Result:
        result, _ = await asyncio.gather(attempt(given, SCRIPT, patience=1.0), taken(given))
        return result

    assert asyncio.run(run()).outcome == Outcome.MISSING


def test_the_result_is_what_asterisk_wrote_meanwhile(given: Settings) -> None:
    write_rows(given.cel_file, [*answered_rows(), row("HEARTBEAT", 1, "of-yesterday|ok|4600")])

    async def asterisk() -> None:
        token = await taken(given)
        write_rows(given.cel_file, [*answered_rows("ivr112-1795334400.99"), row("HEARTBEAT", 9, f"{token}|ok|4600")])

    async def run() -> Result:
        result, _ = await asyncio.gather(attempt(given, SCRIPT), asterisk())
        return result

    result = asyncio.run(run())
    assert (result.outcome, result.seconds) == (Outcome.OK, 4.6)
    assert read_last(given.health).ok_at == result.at


def test_two_at_once_wait_for_each_other(given: Settings) -> None:
    async def run() -> None:
        both = [asyncio.create_task(attempt(given, SCRIPT, patience=0.6)) for _ in range(2)]
        most = 0
        while not all(task.done() for task in both):
            most = max(most, len(outgoing(given)))
            await asyncio.sleep(0.01)
        assert most == 1
        assert both[0].result().token != both[1].result().token

    asyncio.run(run())


def test_a_disk_that_takes_nothing_is_no_exception(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, not a folder")
    assert asyncio.run(attempt(settings_in(tmp_path), SCRIPT)).outcome == Outcome.NOT_STARTED


def test_a_controller_that_stops_leaves_no_call_behind(given: Settings) -> None:
    async def run() -> None:
        job = asyncio.create_task(beat(given, SCRIPT, lambda _: None, first=0.0))
        await taken(given)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job

    asyncio.run(run())
    assert outgoing(given) == []


@pytest.mark.parametrize(
    ("outcome", "every", "pause"),
    [
        (Outcome.OK, 300.0, 300.0),
        (Outcome.NO_ANSWER, 300.0, 60.0),
        (Outcome.NO_ANSWER, 30.0, 30.0),
        (Outcome.NOT_RECOGNISED, 300.0, 300.0),
    ],
)
def test_a_bad_one_is_soon_followed_by_another_unless_a_stranger_may_have_answered(
    outcome: Outcome, every: float, pause: float
) -> None:
    assert pause_after(Result("token", at(0), outcome, 1.0), every) == pause


def test_a_number_at_which_others_answer_is_left_alone_after_three_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled = list[str]()

    async def others_answer(settings: Settings, *_: object) -> Result:
        dialled.append(settings.heartbeat_number)
        return Result("token", at(0), Outcome.NOT_RECOGNISED, 1.0)

    async def run() -> None:
        async with asyncio.timeout(5):
            with pytest.raises(Enough):
                await beat(settings_in(tmp_path, heartbeat_number="0536112"), SCRIPT, enough, first=0.0)

    def enough(_: Result) -> None:
        if len(dialled) == 5:
            raise Enough

    monkeypatch.setattr(module, "attempt", others_answer)
    monkeypatch.setattr(module, "pause_after", lambda *_: 0.0)
    asyncio.run(run())
    assert dialled == ["0536112"] * 3 + [""] * 2


def test_zero_minutes_are_no_test_calls(tmp_path: Path) -> None:
    async def run() -> None:
        async with asyncio.timeout(1):
            await beat(settings_in(tmp_path, heartbeat_minutes=0), SCRIPT, lambda _: None, first=0.0)

    asyncio.run(run())
    assert not (tmp_path / "state").exists()


def test_what_stood_in_the_file_before_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    assert end_of(path).offset == 0
    write_rows(path, answered_rows())
    end = end_of(path)
    assert CelFile(path).read(end).events == ()
    later = [row("HEARTBEAT", 9, "token|ok|4600")]
    write_rows(path, later)
    assert list(CelFile(path).read(end).events) == events(later)
