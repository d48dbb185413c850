"""When a rules file is to be looked at: somebody saved it, and is done.

The kernel's news of the file's folder (watchfiles) only wake us early. What counts is the file's own identity, looked
up every 2 s as well: a network share sends no news, folders are moved away, links are turned to another file.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeAlias

from watchfiles import awatch

log = logging.getLogger(__name__)
logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it counts every file of the folder aloud

STILL = 0.5  # seconds without a change: whoever saves is done
EVERY = 2.0  # seconds between two looks without news
COARSE = 2.5  # seconds; two savings within the tick of a share's clock (FAT: 2 s) may look alike
READINGS = (STILL, COARSE)  # after each change

Identity: TypeAlias = tuple[int, ...]


def identity(path: Path) -> Identity:
    """Changes whenever the file may have: another file, other content, other rights; `(errno,)` when it is away."""
    try:
        found = path.stat()
    except OSError as error:
        return (error.errno or 0,)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(slots=True)
class Stillness:
    """Decides, from what was seen and when (monotonic seconds), when the file is to be read. Knows no clock."""

    _last: Identity = ()
    _changed: float = 0.0
    _readings_due: tuple[float, ...] = ()

    def seen(self, now_there: Identity, now: float) -> bool:
        """Whether the file is to be read now."""
        if now_there != self._last:
            self._last, self._changed, self._readings_due = now_there, now, READINGS
        if not self._readings_due or now - self._changed < self._readings_due[0]:
            return False
        self._readings_due = self._readings_due[1:]
        return True

    def pause(self, now: float) -> float:
        """How many seconds the next look can wait for."""
        due = [max(0.0, self._changed + seconds - now) for seconds in self._readings_due[:1]]
        return min([EVERY, *due])


def folders_of(path: Path) -> dict[Path, Identity]:
    """The folders whose news concern the file, that of a link and that of its target, each with its identity."""
    found: dict[Path, Identity] = {}
    for folder in {path.parent, Path(os.path.realpath(path)).parent}:
        with contextlib.suppress(OSError):
            status = folder.stat()
            found[folder] = (status.st_dev, status.st_ino)
    return found


async def watch(path: Path, on_saved: Callable[[], None]) -> NoReturn:
    """Call `on_saved` each time the file may have been changed and has been still since, first for what is there."""
    stillness, wake = Stillness(), asyncio.Event()
    folders: dict[Path, Identity] = {}
    news: asyncio.Task[None] | None = None
    try:
        while True:
            there, now_in = await asyncio.to_thread(lambda: (identity(path), folders_of(path)))
            if now_in != folders or (news is not None and news.done()):
                folders = now_in
                await _end(news)
                news = asyncio.create_task(_wake_on_news(list(folders), wake), name="rules-news") if folders else None
            if stillness.seen(there, time.monotonic()):
                on_saved()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(stillness.pause(time.monotonic())):
                    await wake.wait()
            wake.clear()
    finally:
        await _end(news)


async def _wake_on_news(folders: list[Path], wake: asyncio.Event) -> None:
    """Ends when there can be no news: the file is looked at without them."""
    try:
        async for _ in awatch(
            *folders, recursive=False, watch_filter=None, debounce=200, step=100, rust_timeout=1000
        ):
            wake.set()
    except (
        OSError,
        RuntimeError,
    ) as error:  # no folder, no rights, no more inotify watches; RuntimeError: Rust's own
        log.debug("no news of %s (%s): looked at every %g s", folders, error, EVERY)
        await asyncio.sleep(EVERY)


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait({task})
