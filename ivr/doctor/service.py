"""What guards the server: does it run, does it hear itself, does anything stand, is there a copy?"""

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ivr.backup.names import backups_in, moment_of
from ivr.doctor.context import Context
from ivr.doctor.model import Finding, error, note, ok, warning
from ivr.doctor.sockets import open_sockets
from ivr.health.alarms import FILE, BookDamaged, written
from ivr.health.conditions import SLACK, heartbeat_limit
from ivr.health.guard import AHEAD
from ivr.heartbeat.last import read_last
from ivr.restarts import Reason
from ivr.restarts import read as restarts

HTTP_SECONDS = 3.0
OK = 200
OLD_BACKUP = timedelta(hours=48)


def server(context: Context) -> Iterator[Finding]:
    """Asterisk runs and can be asked; every check that asks it relies on this one."""
    if context.live and context.live.refused:
        yield warning("server", "server_narrow", reason=context.live.refused)
    elif context.live:
        yield ok("server", "server_ok", version=context.live.version, pid=context.asterisk or "?")
    elif context.locked(secrets := context.settings.state / "secrets.json") and _listening(context):
        yield warning("server", "server_locked", path=secrets)
    elif not context.running:
        yield error("server", "server_off", state=context.settings.state)
    elif context.asterisk is None:
        yield error("server", "server_no_asterisk", reason=context.live_trouble)
    else:
        yield error("server", "server_silent", pid=context.asterisk, reason=context.live_trouble)


def _listening(context: Context) -> bool:
    """Somebody has the manager's port: all that can be seen without rights."""
    return ("tcp", context.settings.ami_port) in {(one.protocol, one.port) for one in open_sockets(context.proc)}


def controller(context: Context) -> Iterator[Finding]:
    """The controller runs, and says itself that it is well."""
    if not context.running:
        return  # said by `server`
    if context.controller is None:
        yield error("controller", "controller_off")
        return
    if not context.settings.http_port:
        yield note("controller", "controller_unasked", pid=context.controller)
        return
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(  # noqa: S104 compared, not bound
        str(context.settings.http_address), str(context.settings.http_address)
    )
    connection = http.client.HTTPConnection(address, context.settings.http_port, timeout=HTTP_SECONDS)
    try:
        connection.request("GET", "/live")
        answer = connection.getresponse()
        status, reason = answer.status, answer.read(200).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as trouble:
        status, reason = 0, str(trouble)
    finally:
        connection.close()
    if status == OK:
        yield ok("controller", "controller_ok", pid=context.controller)
    else:
        where = f"http://{address}:{context.settings.http_port}/live"
        yield error("controller", "controller_unwell", pid=context.controller, where=where, reason=reason or status)


def heartbeat(context: Context) -> Iterator[Finding]:
    """The last call to ourselves that went well."""
    every = context.settings.heartbeat_minutes
    if not every:
        yield note("heartbeat", "heartbeat_off")
        return
    if not context.running:
        return  # said by `server`
    period, folder = timedelta(minutes=every), context.settings.health
    at = _past(read_last(folder).ok_at, context.now)
    started = restarts(folder).last(Reason.CONTROLLER_STARTED, context.now) if context.controller else None
    if at and (ago := context.now - at) <= heartbeat_limit(period):
        yield ok("heartbeat", "heartbeat_ok", ago=_minutes(ago))
    elif started and (up := context.now - started) <= heartbeat_limit(period):
        yield (note if up <= period else warning)("heartbeat", "heartbeat_new", ago=_minutes(up), minutes=every)
    elif at:
        yield error("heartbeat", "heartbeat_old", ago=_minutes(context.now - at), minutes=every)
    else:
        yield warning("heartbeat", "heartbeat_never", minutes=every)


def _past(at: datetime | None, now: datetime) -> datetime | None:
    """A time of the future is of a clock that was set back: it says nothing."""
    return at if at and at <= now + SLACK else None


def alarms(context: Context) -> Iterator[Finding]:
    """Alarms that stand now."""
    folder = context.settings.health
    if folder.exists():
        next(folder.iterdir(), None)  # a folder that we may not read is not one without alarms
    runs = context.controller is not None  # else nobody ends them, or begins others
    try:
        standing = written(folder)
    except BookDamaged as trouble:
        yield warning("alarms", "alarms_damaged", path=folder / FILE, reason=trouble)
    else:
        if standing:
            first = f"{standing[0].text} (sejak {standing[0].since:%Y-%m-%d %H:%M} UTC)"
            yield error(
                "alarms", "alarms_standing" if runs else "alarms_standing_last", count=len(standing), first=first
            )
        else:
            yield ok("alarms", "alarms_none" if runs else "alarms_none_last")
    if not context.settings.alarm_url.get_secret_value():
        yield note("alarms", "alarms_unheard")


def backup(context: Context) -> Iterator[Finding]:
    """A copy that is whole and young enough."""
    folder = context.settings.backups
    found = backups_in(folder)
    ahead = [path for path in found if _made(path) > context.now + AHEAD]
    if ahead:
        yield warning("backup", "backup_ahead", path=ahead[-1])
        found = [path for path in found if path not in ahead]
    if not found:
        yield warning("backup", "backup_none", path=folder)
        return
    newest = found[-1]
    age = context.now - _made(newest)
    if not (size := newest.stat().st_size):
        yield error("backup", "backup_empty", path=newest)
    elif age > OLD_BACKUP:
        yield warning("backup", "backup_old", path=newest, hours=round(age.total_seconds() / 3600))
    else:
        hours, size_mb = round(age.total_seconds() / 3600), round(size / 1e6, 1)
        yield ok("backup", "backup_ok", path=newest.name, hours=hours, size=size_mb)


def _made(path: Path) -> datetime:
    """By its name; `backups_in` gives no other names."""
    return moment_of(path.name) or datetime.min.replace(tzinfo=UTC)


def _minutes(ago: timedelta) -> int:
    return round(ago.total_seconds() / 60)
