import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ivr.rulebook import watch as watching
from ivr.rulebook.watch import COARSE, EVERY, STILL, Identity, Stillness, identity, watch

ONE, TWO, THREE, GONE = (1, 10), (2, 10), (3, 10), (errno.ENOENT,)


def readings(*seen: tuple[float, Identity]) -> list[float]:
    """When the file is read, if it looks like this from those moments on and is looked at every 0.1 s until 60 s."""
    stillness, times = Stillness(), []
    for tenth in range(600):
        now = tenth / 10
        there = [what for since, what in seen if since <= now][-1]
        if stillness.seen(there, now):
            times.append(now)
    return times


def test_a_file_is_read_when_it_has_been_still_and_once_more_for_clocks_that_are_coarse() -> None:
    assert readings((0, ONE)) == [STILL, COARSE]
    assert readings((0, ONE), (10, TWO)) == [STILL, COARSE, 10 + STILL, 10 + COARSE]


def test_a_file_that_is_being_written_is_left_alone_until_it_is_still() -> None:
    writing = [(10 + number / 10, (number, 20)) for number in range(30)]
    assert readings((0, ONE), *writing)[2:] == pytest.approx([12.9 + STILL, 12.9 + COARSE])


def test_an_editor_that_moves_the_file_away_for_a_moment_causes_one_reading() -> None:
    assert readings((0, ONE), (10, GONE), (10.3, TWO))[2:] == pytest.approx([10.3 + STILL, 10.3 + COARSE])


def test_two_savings_within_a_second_are_read_at_the_end() -> None:
    assert readings((0, ONE), (10, TWO), (10.4, THREE))[2:] == pytest.approx([10.4 + STILL, 10.4 + COARSE])


def test_a_file_that_is_gone_and_one_that_is_back_are_looked_at() -> None:
    found = readings((0, ONE), (10, GONE), (20, ONE))
    assert found == [STILL, COARSE, 10 + STILL, 10 + COARSE, 20 + STILL, 20 + COARSE]


def test_the_next_look_is_when_something_can_be_decided() -> None:
    stillness = Stillness()
    stillness.seen(ONE, 100.0)
    assert stillness.pause(100.2) == pytest.approx(STILL - 0.2)
    assert stillness.seen(ONE, 100.5)
    assert stillness.pause(100.5) == pytest.approx(min(EVERY, COARSE - 0.5))
    assert stillness.seen(ONE, 102.5)
    assert stillness.pause(102.5) == EVERY
    assert stillness.pause(900.0) == EVERY


# What of a file can change.


def replaced(path: Path) -> None:
    new = path.with_suffix(".new")
    shutil.copy2(path, new)
    new.replace(path)


def relinked(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))
    shutil.copy2(path, path.with_suffix(".other"))
    path.unlink()
    path.symlink_to(path.with_suffix(".other"))


CHANGES: dict[str, Callable[[Path], object]] = {
    "rename": replaced,
    "truncate": lambda path: os.truncate(path, 0),
    "overwrite": lambda path: path.write_bytes(b"xyz"),
    "touch": lambda path: os.utime(path),
    "rights": lambda path: path.chmod(0o600),
    "deletion": lambda path: path.unlink(),
    "link": relinked,
    "folder": lambda path: path.parent.rename(path.parent.with_name("elsewhere")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_identity_tells_every_change(change: str, tmp_path: Path) -> None:
    path = tmp_path / "etc" / "rules.yaml"
    path.parent.mkdir()
    path.write_bytes(b"abc")
    before = identity(path)
    assert identity(path) == before
    CHANGES[change](path)
    assert identity(path) != before


def saved_by_rename(path: Path, content: bytes) -> None:
    path.with_suffix(".new").write_bytes(content)
    path.with_suffix(".new").replace(path)


def saved_by_truncation(path: Path, content: bytes) -> None:
    path.write_bytes(content)


# On a real folder, with the times shortened.


@asynccontextmanager
async def watched(path: Path) -> AsyncIterator["asyncio.Queue[bytes | None]"]:
    """The content at each call of `on_saved`, None for no file; the first reading has been taken out."""
    told: asyncio.Queue[bytes | None] = asyncio.Queue()
    task = asyncio.create_task(watch(path, lambda: told.put_nowait(path.read_bytes() if path.exists() else None)))
    await asyncio.wait_for(told.get(), 5)
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()


async def read_next(told: "asyncio.Queue[bytes | None]", wanted: bytes | None) -> None:
    """Wait until this is what is read."""
    async with asyncio.timeout(10):
        while await told.get() != wanted:
            pass


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in a folder of its own; a change counts after 0.05 s and nothing is read twice."""
    monkeypatch.setattr(watching, "READINGS", (0.05,))
    path = tmp_path / "etc" / "rules.yaml"
    path.parent.mkdir()
    path.write_bytes(b"one")
    return path


@pytest.mark.parametrize("news", [True, False], ids=["with news", "without news"])
def test_savings_of_every_kind_are_seen(news: bool, rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With news, long before the next look is due; without (a network share), at that look."""
    monkeypatch.setattr(watching, "EVERY", 3600.0 if news else 0.05)
    if not news:
        monkeypatch.setattr(watching, "awatch", _no_news)

    async def run() -> None:
        async with watched(rules) as told:
            saved_by_rename(rules, b"renamed")
            await read_next(told, b"renamed")
            saved_by_truncation(rules, b"truncated")
            await read_next(told, b"truncated")
            CHANGES["deletion"](rules)
            await read_next(told, None)
            saved_by_truncation(rules, b"back")
            await read_next(told, b"back")

    asyncio.run(run())


def _no_news(*_folders: Path, **_options: object) -> AsyncIterator[object]:
    raise OSError(errno.ENOSPC, "no more inotify watches")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_and_what_it_leads_to_are_both_watched(
    what: str, rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "EVERY", 3600.0)
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "link"
    link.symlink_to(rules if what == "file" else rules.parent)
    seen = link if what == "file" else link / "rules.yaml"
    other = tmp_path / "other" / "rules.yaml"
    other.parent.mkdir()
    other.write_bytes(b"other")

    async def run() -> None:
        async with watched(seen) as told:
            saved_by_truncation(rules, b"two")
            await read_next(told, b"two")
            if what == "file":
                (tmp_path / "links" / "new").symlink_to(other)
                (tmp_path / "links" / "new").replace(link)
                await read_next(told, b"other")

    asyncio.run(run())


def test_a_folder_that_goes_and_comes_back_is_watched_again(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "EVERY", 0.05)

    async def run() -> None:
        async with watched(rules) as told:
            rules.parent.rename(rules.parent.with_name("unmounted"))
            await read_next(told, None)
            rules.parent.with_name("unmounted").rename(rules.parent)
            await read_next(told, b"one")

    asyncio.run(run())
