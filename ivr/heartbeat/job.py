"""One test call from the file to its result, and the controller's job that makes one every few minutes.

The result is read from Asterisk's CEL file itself: a database that is away must not look like a call that failed.
"""

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from ivr.calls.celfile import CelFile
from ivr.calls.growing import HEAD, Position
from ivr.dialogue import Script
from ivr.heartbeat.callfile import Heartbeat, drop, new_call, untouched
from ivr.heartbeat.last import write_last
from ivr.heartbeat.result import Outcome, Result, result_in
from ivr.settings import Settings

log = logging.getLogger(__name__)

TAKEN_WITHIN = 5.0  # seconds; the system tells Asterisk of a new file at once
PATIENCE = 60.0  # seconds from the file to the result
POLL = 0.25
FIRST = 20.0  # seconds after the start: phones and trunk register first
AGAIN = 60.0  # seconds; a call that failed is soon followed by another, so that the alarm can be sure

STRANGERS = 3  # in a row, after which the number is taken for a wrong one

ScriptOf = Callable[[datetime], Script]  # the city's questions at that moment
OnResult = Callable[[Result], object]


async def beat(settings: Settings, script: ScriptOf, on_result: OnResult, first: float = FIRST) -> None:
    """Make test calls for ever, one every `heartbeat_minutes` (0: none), the first after `first` seconds.

    A number at which again and again somebody else answers is not dialled any more until the next start.
    """
    pause, every, strangers = first, settings.heartbeat_minutes * 60.0, 0
    while every:
        await asyncio.sleep(pause)
        result = await attempt(settings, script)
        if not result.ok:
            log.warning("test call %s: %s after %.1f s", result.token, result.outcome, result.seconds)
        strangers = strangers + 1 if result.outcome == Outcome.NOT_RECOGNISED else 0
        if strangers == STRANGERS:
            log.error("IVR_HEARTBEAT_NUMBER is answered by others: test calls leave out the trunk until a restart")
            settings = settings.model_copy(update={"heartbeat_number": ""})
        on_result(result)
        pause = pause_after(result, every)


def pause_after(result: Result, every: float) -> float:
    """Seconds until the next test call."""
    if result.ok or result.outcome == Outcome.NOT_RECOGNISED:  # a wrong number: its owner must not be rung more often
        return every
    return min(every, AGAIN)


async def attempt(settings: Settings, script: ScriptOf, patience: float = PATIENCE) -> Result:
    """Make one test call, wait for its result and keep it; one at a time, whoever asks. Raises no OSError."""
    folder = settings.health
    now = datetime.now(UTC)
    call = new_call(settings, script(now), now)
    result = Result(call.token, now, Outcome.NOT_STARTED, 0.0)
    try:
        async with _alone(folder):
            result = await _made(call, settings, patience)
            await asyncio.to_thread(write_last, folder, result)
    except OSError as error:
        log.warning("test call %s: %s; real calls do not need these files", call.token, error)
    return result


async def _made(call: Heartbeat, settings: Settings, patience: float) -> Result:
    """Raises OSError: the file cannot be written, or CEL not be read."""
    cel, position = CelFile(settings.cel_file), end_of(settings.cel_file)
    began, waited, waiting = time.monotonic(), 0.0, True
    file = await asyncio.to_thread(drop, call, settings.asterisk_etc.parent / "spool")
    try:
        while waited < patience and not (waiting and waited > TAKEN_WITHIN):
            await asyncio.sleep(POLL)
            piece = await asyncio.to_thread(cel.read, position)
            position = piece.position
            if result := result_in(piece.events, call.token):
                return result
            waiting = waiting and untouched(file)
            waited = time.monotonic() - began
    finally:
        file.unlink(missing_ok=True)  # an Asterisk that starts later must not make the call then
    outcome = Outcome.NOT_STARTED if waiting else Outcome.MISSING
    return Result(call.token, datetime.now(UTC), outcome, round(waited, 3))


def end_of(path: Path) -> Position:
    """Where the file ends now; the beginning when it is not there yet. Raises OSError otherwise."""
    try:
        with path.open("rb") as file:
            return Position(file.read(HEAD), file.seek(0, os.SEEK_END))
    except FileNotFoundError:
        return Position()


@asynccontextmanager
async def _alone(folder: Path) -> AsyncIterator[None]:
    """One test call at a time: a second one would take the first one's place at the entrance."""
    descriptor = _opened(folder / "heartbeat.lock")
    try:
        while not _locked(descriptor):  # noqa: ASYNC110 of another process
            await asyncio.sleep(POLL)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    path.parent.mkdir(exist_ok=True, mode=0o750)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
