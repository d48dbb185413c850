"""The clock: duty hours, records and certificates depend on it."""

import ctypes
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ivr
from ivr.asterisk.program import AsteriskMissing, find_asterisk
from ivr.calls import query
from ivr.calls.database import LogUnavailable
from ivr.calls.query import Filter
from ivr.doctor.context import Context
from ivr.doctor.model import Finding, error, ok, warning
from ivr.doctor.reading import ask

UNSYNCHRONISED = 16_000_000  # microseconds of possible error: what the kernel says when nobody keeps the clock
AHEAD = 2.0  # seconds
SLACK = timedelta(days=1)  # a file's date may come from another time zone or machine


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), as far as it is read here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_long * 64),
    )


def synchronised(_context: Context) -> Iterator[Finding]:
    """Somebody keeps the clock: the question that `timedatectl` answers, asked of the kernel itself."""
    yield from kept(possible_error())


def possible_error() -> int:
    """How wrong the clock may be (microseconds). Raises OSError. Source: adjtimex(2), systemd's ntp_synced()."""
    found = _Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(found)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(found.maxerror)


def kept(microseconds: int) -> Iterator[Finding]:
    """What is to be said of a clock that may be so wrong."""
    if microseconds >= UNSYNCHRONISED:
        yield warning("synchronised", "clock_alone")
    else:
        yield ok("synchronised", "clock_kept", milliseconds=round(microseconds / 1000))


def clock(context: Context) -> Iterator[Finding]:
    """The time is possible, and Asterisk has the same one."""
    made = datetime.fromtimestamp(Path(ivr.__file__).stat().st_mtime, UTC)
    newest = _newest_call(context)
    if context.now < made - SLACK:
        yield error("clock", "clock_before_program", now=_text(context.now), made=_text(made))
    elif newest and context.now < newest - timedelta(minutes=1):
        yield error("clock", "clock_before_call", now=_text(context.now), call=_text(newest))
    elif context.live and abs(context.live.ahead_seconds) > AHEAD:
        yield error("clock", "clock_apart", seconds=round(context.live.ahead_seconds, 1))
    else:
        yield ok("clock", "clock_ok", now=_text(context.now))


def zone(context: Context) -> Iterator[Finding]:
    """Asterisk finds the city's time zone too: the lifeline rings by its clock."""
    if context.rules is None:
        return
    name = context.rules.city.zone
    try:
        root = find_asterisk(context.settings).root or Path("/")
    except AsteriskMissing:
        return  # said by `programs`
    if (root / "usr/share/zoneinfo" / name).is_file():
        local = context.now.astimezone(context.rules.city.clock)
        yield ok("zone", "zone_ok", zone=name, now=f"{local:%H:%M %Z}")
    else:
        yield error("zone", "zone_missing", zone=name, root=root)


def _newest_call(context: Context) -> datetime | None:
    try:
        newest = ask(context.settings.database, lambda connection: query.calls(connection, Filter(tests=None), 1))
    except LogUnavailable:
        return None  # said by `database`
    return newest[0].arrived_at if newest else None


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
