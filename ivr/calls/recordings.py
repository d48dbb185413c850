"""Recordings after the call: is the file there, whole, as long as the call, and not silent?

WAV, 8 kHz, mono, signed 16 bit, as MixMonitor writes it. After `kill -9` of Asterisk the header says 0 bytes and up
to the last 4 s are missing (project facts): the header is then repaired in place from the size of the file.
Format: RIFF/WAVE, Microsoft "Multimedia Programming Interface and Data Specifications 1.0" (1991).
"""

import hashlib
import logging
import math
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from sqlalchemy import Connection, select

from ivr.calls.events import Event, Kind, Scalar
from ivr.calls.model import CallRow
from ivr.calls.projection import CallRecord
from ivr.calls.query import records
from ivr.calls.writer import CallLog
from ivr.deadline import beside

log = logging.getLogger(__name__)

RATE = 8000  # samples a second
BLOCK = 2 * RATE  # bytes: one second
PCM = (1, 1, RATE, RATE * 2, 2, 16)  # the fmt chunk we write: format, channels, rate, bytes a second, align, bits
SILENT_BELOW = -60.0  # dBFS of the loudest second; the prompts alone are far above
TOLERANCE = 2.0  # seconds between recording and call
SETTLED_AFTER = timedelta(seconds=3)  # MixMonitor closes its file a moment after the hang-up
AT_ONCE = 20  # recordings in one round


class NotWav(ValueError):
    """The file is not a WAV file of our format; the text says why."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """`level` is the loudest second in dBFS (RMS). `problem`: missing, unreadable, outside, format, empty, silent,
    too_short, too_long, or None. Sizes are those after `repaired`."""

    seconds: float | None = None
    bytes: int | None = None
    sha256: str | None = None
    level: float | None = None
    repaired: bool = False
    problem: str | None = None


def inspect(folder: Path, relative: str, expected_seconds: float | None) -> Inspection:
    """Looks at one recording, `relative` to the recordings folder, and repairs its header when it is wrong.

    Never raises for what it finds; reads the file once, in pieces of one second. Blocks: run it in a thread.
    """
    path = folder / relative
    if "\0" in relative or not path.resolve().is_relative_to(folder.resolve()):
        return Inspection(problem="outside")
    try:
        with path.open("r+b") as file:
            return _inspected(file, expected_seconds)
    except FileNotFoundError:
        return Inspection(problem="missing")
    except NotWav:
        return Inspection(bytes=path.stat().st_size, problem="format")
    except OSError as error:
        log.error("recording %s cannot be read: %s", relative, error.strerror)
        return Inspection(problem="unreadable")


def _inspected(file: BinaryIO, expected_seconds: float | None) -> Inspection:
    size = file.seek(0, 2)
    if size == 0:
        return Inspection(bytes=0, problem="empty")
    start, length, repaired = repair(file, size)
    digest = hashlib.sha256()
    file.seek(0)
    digest.update(file.read(start))
    loudest, left = 0.0, length
    while left and (block := file.read(min(BLOCK, left))):
        digest.update(block)
        loudest = max(loudest, _rms(block))
        left -= len(block)
    digest.update(file.read())
    seconds = length / BLOCK
    level = round(20 * math.log10(max(loudest, 1e-5)), 1)
    problem = _problem(seconds, level, expected_seconds)
    return Inspection(round(seconds, 3), size, digest.hexdigest(), level, repaired, problem)


def _problem(seconds: float, level: float, expected: float | None) -> str | None:
    if seconds == 0:
        return "empty"
    if level < SILENT_BELOW:
        return "silent"
    if expected is None or abs(seconds - expected) <= TOLERANCE:
        return None
    return "too_short" if seconds < expected else "too_long"


def _rms(block: bytes) -> float:
    samples = np.frombuffer(block[: len(block) // 2 * 2], dtype="<i2").astype(np.float64)
    return float(np.sqrt(np.mean(np.square(samples)))) / 32768 if samples.size else 0.0


def repair(file: BinaryIO, size: int) -> tuple[int, int, bool]:
    """(offset and length of the samples in bytes, whether the header had to be written anew).

    The header is right when its data fits into the file and the sizes agree. Otherwise everything behind the
    header of the data is data: that is how a file looks that nobody closed. Raises NotWav, OSError.
    """
    file.seek(0)
    riff, riff_size, wave = _unpack("<4sI4s", file)
    if (riff, wave) != (b"RIFF", b"WAVE"):
        raise NotWav("no RIFF/WAVE header")
    start, claimed = _find_data(file)
    if riff_size + 8 == size and start + claimed <= size and (claimed or start == size):
        return start, claimed, False
    length = (size - start) // 2 * 2
    right = (start + length - 8, length)
    if right == (riff_size, claimed):  # a torn last byte, already left out
        return start, length, False
    for offset, value in ((4, right[0]), (start - 4, right[1])):
        file.seek(offset)
        file.write(struct.pack("<I", value))
    file.flush()
    return start, length, True


def _find_data(file: BinaryIO) -> tuple[int, int]:
    described = False
    while True:
        name, length = _unpack("<4sI", file)
        if name == b"data":
            if not described:
                raise NotWav("no description before the samples")
            return file.tell(), length
        if name == b"fmt ":
            if length < 16 or _unpack("<HHIIHH", file) != PCM:
                raise NotWav("not 8 kHz mono 16 bit")
            described, length = True, length - 16
        file.seek(length + length % 2, 1)


def _unpack(layout: str, file: BinaryIO) -> tuple[Any, ...]:
    data = file.read(struct.calcsize(layout))
    try:
        return struct.unpack(layout, data)
    except struct.error as error:
        raise NotWav("the header ends too early") from error


async def check_due(calls: CallLog, folder: Path, now: datetime | None = None) -> int:
    """Checks recordings of ended calls that were not checked yet; how many. Meant to run every few seconds.

    A crash between hang-up and check changes nothing: the next round finds them. Raises LogUnavailable.
    """
    now = now or datetime.now(UTC)
    async with calls.database.reading() as connection:
        due = await connection.run_sync(_due, now)
    for record in due:
        relative = record.recording_path or ""
        found = await beside(partial(inspect, folder, relative, _expected(record)))
        if found.problem:
            log.warning("recording of call %s: %s", record.call_id, found.problem)
        await calls.store([checked(record.call_id, relative, found, _after_the_end(record, now))])
    return len(due)


def checked(call_id: str, relative: str, found: Inspection, now: datetime) -> Event:
    """The event of a check."""
    detail: dict[str, Scalar] = {
        "path": relative,
        "seconds": found.seconds,
        "bytes": found.bytes,
        "sha256": found.sha256,
        "level": found.level,
        "repaired": found.repaired,
        "problem": found.problem,
    }
    return Event(call_id, Kind.RECORDING_CHECKED, now, "recorder", detail)


def _after_the_end(record: CallRecord, now: datetime) -> datetime:
    """A check counts only when it comes after the end, which may be of the future when the clock was set back."""
    return max(now, record.ended_at + timedelta(microseconds=1)) if record.ended_at else now


def _due(connection: Connection, now: datetime) -> list[CallRecord]:
    unchecked = CallRow.recording_path.is_not(None) & CallRow.recording_checked_at.is_(None)
    settled = (CallRow.ended_at <= now - SETTLED_AFTER) | (CallRow.ended_at > now + SETTLED_AFTER)
    due = select(CallRow.__table__).where(settled, unchecked)
    return records(connection, due.order_by(CallRow.ended_at).limit(AT_ONCE))


def _expected(record: CallRecord) -> float | None:
    if record.ended_at is None or record.recording_started_at is None or record.ended_by_sweep:
        return None  # after a crash nobody knows when the call really ended
    return (record.ended_at - record.recording_started_at).total_seconds()
