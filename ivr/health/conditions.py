"""Which alarms should stand, from facts. Pure.

A condition is bad, fine or not known. A bad one must last before its alarm begins, a fine one before it ends, and
what begins below one threshold ends above a higher one: nothing flaps. What is not known changes nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ivr.asterisk.lines import TRUNK, Queue, Registration
from ivr.health.disks import Disk
from ivr.messages import say
from ivr.restarts import Reason, Restarts

MIB, GIB = 1 << 20, 1 << 30
LOW_SHARE, LOW_BYTES = 0.10, GIB  # whichever is smaller
FULL_SHARE, FULL_BYTES = 0.02, 64 * MIB
LOW_HOURS = 24.0
ENOUGH = 1.25  # times a threshold, before its alarm ends
ENOUGH_HOURS = 36.0
ROOMY = 0.25  # of a disk; more free than that is no trouble however fast it fills
LIFELINE_SPAN = timedelta(minutes=10)
RESTARTS, RESTART_SPAN = 3, timedelta(minutes=10)
FROZEN_SPAN = timedelta(hours=1)  # seldom, and each time every call in progress was lost: somebody must look
BACKUP_AGE = timedelta(hours=48)
SLACK = timedelta(minutes=1)  # a time further in the future is of a clock that was set back, and says nothing
MISSED_HEARTBEATS = 2  # in a row
LOG = "journalctl -u ivr112-controller"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at one moment, `now` (UTC) and `clock` (monotonic, s); None is what could not be found out."""

    now: datetime
    clock: float
    disks: tuple[Disk, ...] = ()
    waiting_events: int | None = None  # not in the database yet
    database: bool | None = None  # it answers
    asterisk: bool | None = None  # its manager is connected
    reachable: Mapping[str, bool] | None = None  # accounts and the trunk
    registrations: tuple[Registration, ...] | None = None
    queue: Queue | None = None
    heartbeat_every: timedelta = timedelta(0)  # 0: there is none
    heartbeat_expected_since: datetime | None = None
    last_heartbeat: datetime | None = None
    last_lifeline: datetime | None = None  # when a caller was last led by Asterisk alone
    restarts: Restarts | None = None
    last_backup: datetime | None = None
    backups_known: bool = False  # somebody could look for them


@dataclass(frozen=True, slots=True)
class Condition:
    """`judge(facts, standing)`: the trouble in words, "" when all is well, None when nobody knows. Spans in s."""

    key: str
    judge: Callable[[Facts, bool], str | None]
    begins_after: float = 0.0
    ends_after: float = 30.0
    where: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """`standing`: the alarms to raise or keep, with their words; `over`: those to clear; `seen`: for next time."""

    standing: Mapping[str, str]
    over: frozenset[str]
    seen: Mapping[str, tuple[bool, float]] = field(default_factory=dict)


def decide(facts: Facts, standing: Collection[str], seen: Mapping[str, tuple[bool, float]]) -> Decision:
    """`standing` are the keys of the alarms that stand now, `seen` comes from the last decision."""
    keep: dict[str, str] = {}
    over, now_seen = set[str](), dict[str, tuple[bool, float]]()
    over.update(set(standing) - {condition.key for condition in CONDITIONS})  # of another version
    for condition in CONDITIONS:
        key, stands = condition.key, condition.key in standing
        text = condition.judge(facts, stands)
        if text is None:
            continue
        bad = bool(text)
        was, since = seen.get(key, (bad, facts.clock))
        since = since if was is bad else facts.clock
        now_seen[key] = bad, since
        lasted = facts.clock - since
        if bad and (stands or lasted >= condition.begins_after):
            keep[key] = text
        elif not bad and stands and lasted >= condition.ends_after:
            over.add(key)
    return Decision(keep, frozenset(over), now_seen)


def _disk(what: str, *, full: bool) -> Callable[[Facts, bool], str | None]:
    share, most = (FULL_SHARE, FULL_BYTES) if full else (LOW_SHARE, LOW_BYTES)

    def judge(facts: Facts, standing: bool) -> str | None:
        disk = next((disk for disk in facts.disks if disk.what == what), None)
        if disk is None:
            return None
        if what != "state" and any(other.what == "state" and other.device == disk.device for other in facts.disks):
            return ""  # one disk that holds both folders is one trouble
        limit = min(disk.total * share, most) * (ENOUGH if standing else 1)
        hours, least = disk.hours_left, ENOUGH_HOURS if standing else LOW_HOURS
        soon = not full and hours is not None and hours < least and disk.free < disk.total * ROOMY
        if disk.free >= limit and not soon:
            return ""
        told = say("health.disk_hours", hours=int(hours)) if hours is not None else ""
        return say(f"health.disk_{'full' if full else 'low'}", path=disk.path, free=size(disk.free), hours=told)

    return judge


def size(count: int) -> str:
    """`1,5 GiB`, `48 MiB`."""
    return f"{count / GIB:.1f} GiB".replace(".", ",") if count >= GIB else f"{count // MIB} MiB"


def _record(facts: Facts, _standing: bool) -> str | None:
    if facts.database is None and facts.waiting_events is None:
        return None
    if facts.database is False or facts.waiting_events:
        return say("health.record", count=facts.waiting_events or 0)
    return ""


def _asterisk(facts: Facts, _standing: bool) -> str | None:
    return None if facts.asterisk is None else "" if facts.asterisk else say("health.asterisk")


def _trunk_reached(facts: Facts, _standing: bool) -> str | None:
    if facts.reachable is None:
        return None
    return "" if facts.reachable.get(TRUNK, True) else say("health.trunk_away", name=TRUNK)


def _trunk_registered(facts: Facts, _standing: bool) -> str | None:
    if facts.registrations is None:
        return None
    lost = [each for each in facts.registrations if not each.registered]
    return (
        say("health.trunk_unregistered", state=", ".join(f"{each.name}: {each.state}" for each in lost))
        if lost
        else ""
    )


def _operators(facts: Facts, _standing: bool) -> str | None:
    if facts.queue is None:
        return None
    return "" if facts.queue.logged_in else say("health.operators")


def _heartbeat(facts: Facts, _standing: bool) -> str | None:
    every = facts.heartbeat_every
    if not every:
        return ""
    moments = facts.last_heartbeat, facts.heartbeat_expected_since
    known = [at for at in moments if at is not None and at <= facts.now + SLACK]
    if not known:
        return None
    if facts.now - max(known) <= heartbeat_limit(every):
        return ""
    return say("health.heartbeat", minutes=int(every.total_seconds() // 60))


def heartbeat_limit(every: timedelta) -> timedelta:
    """How old the last good test call may be: one that is missed may have been unlucky. The doctor says the same."""
    return MISSED_HEARTBEATS * every + timedelta(minutes=1)


def _lifeline(facts: Facts, _standing: bool) -> str | None:
    if facts.database is not True:
        return None
    last = facts.last_lifeline
    used = last is not None and timedelta(0) <= facts.now - last < LIFELINE_SPAN
    return say("health.lifeline") if used else ""


def _restarts(facts: Facts, _standing: bool) -> str | None:
    if facts.restarts is None:
        return None
    started, stopped = (
        facts.restarts.within(reason, RESTART_SPAN, facts.now)
        for reason in (Reason.CONTROLLER_STARTED, Reason.CONTROLLER_STOPPED)
    )
    again = started - stopped - 1
    return say("health.restarts", count=again) if again >= RESTARTS else ""


def _frozen(facts: Facts, _standing: bool) -> str | None:
    if facts.restarts is None:
        return None
    times = facts.restarts.within(Reason.ASTERISK_FROZEN, FROZEN_SPAN, facts.now)
    return say("health.asterisk_frozen", count=times) if times else ""


def _backup(facts: Facts, _standing: bool) -> str | None:
    if not facts.backups_known or facts.restarts is None:
        return None
    if facts.last_backup is not None:
        old = facts.now - facts.last_backup > BACKUP_AGE
        return say("health.backup_old", date=facts.last_backup.date()) if old else ""
    since = facts.restarts.since
    return say("health.backup_none") if since is not None and facts.now - since > BACKUP_AGE else ""


def _conditions() -> Iterator[Condition]:
    for what in ("state", "recordings"):
        yield Condition(f"disk_{what}_low", _disk(what, full=False), ends_after=60, where="df -h")
        yield Condition(f"disk_{what}_full", _disk(what, full=True), ends_after=60, where="df -h")
    yield Condition("record_unavailable", _record, begins_after=10, where="ivr status")
    yield Condition("asterisk_away", _asterisk, begins_after=15, ends_after=0, where="ivr doctor")
    yield Condition("trunk_unreachable", _trunk_reached, begins_after=45, where="IVR_TRUNK_FILE")
    yield Condition("trunk_unregistered", _trunk_registered, begins_after=40, where="IVR_TRUNK_FILE")
    yield Condition("operators_away", _operators, begins_after=60, ends_after=10, where="ivr doctor")
    yield Condition("heartbeat_missed", _heartbeat, begins_after=60, ends_after=0, where="ivr doctor")
    yield Condition("lifeline_used", _lifeline, ends_after=0, where="ivr calls --since 1h")
    yield Condition("controller_restarts", _restarts, ends_after=0, where=LOG)
    yield Condition("asterisk_frozen", _frozen, ends_after=0, where="ivr doctor")
    yield Condition("backup_old", _backup, ends_after=0, where="ivr backup")


CONDITIONS = tuple(_conditions())
