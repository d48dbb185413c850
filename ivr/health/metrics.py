"""The page Prometheus reads. Text format 0.0.4; the numbers of the rules come from `ivr.rulebook.status`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ivr.asterisk.lines import TRUNK
from ivr.calls.projection import Outcome
from ivr.calls.statistics import WAITS, Statistics
from ivr.health.alarms import Alarm
from ivr.health.conditions import CONDITIONS, Facts
from ivr.restarts import Reason, Restarts
from ivr.rulebook.status import Status, metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the page shows. `statistics` are the last known ones; `facts.database` says whether they are new."""

    facts: Facts
    alarms: tuple[Alarm, ...] = ()
    statistics: Statistics | None = None
    questions: int = 0
    waiting: int = 0
    journaled: int = 0
    dropped: int = 0
    rules: Status | None = None


def page(snapshot: Snapshot) -> bytes:
    """The whole answer to GET /metrics."""
    registry = CollectorRegistry()
    registry.register(_Numbers(snapshot))
    ProcessCollector(registry=registry)
    rules = "".join(metrics(snapshot.rules)) if snapshot.rules else ""
    return generate_latest(registry) + rules.encode()


class _Numbers(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        snapshot, facts = self._snapshot, self._snapshot.facts
        if snapshot.statistics is not None:
            yield from _calls(snapshot.statistics)
        yield from _record(snapshot)
        yield from _lines(facts)
        yield _restarts(facts.restarts or Restarts())
        yield _labelled("ivr_disk_free_bytes", "Room left.", "what", ((disk.what, disk.free) for disk in facts.disks))
        yield _labelled(
            "ivr_disk_size_bytes", "Room in all.", "what", ((disk.what, disk.total) for disk in facts.disks)
        )
        standing = {condition.key: 0 for condition in CONDITIONS} | {alarm.key: 1 for alarm in snapshot.alarms}
        yield _labelled("ivr_alarm", "1: this alarm stands.", "key", standing.items())
        yield from _moment(
            "ivr_heartbeat_last_ok_timestamp_seconds", "The last good test call.", facts.last_heartbeat
        )
        yield from _moment("ivr_backup_last_timestamp_seconds", "The last backup.", facts.last_backup)


def _calls(statistics: Statistics) -> Iterator[Metric]:
    totals = statistics.totals
    ended = ((outcome.value, totals.ended.get(outcome, 0)) for outcome in (Outcome.ANSWERED, Outcome.ABANDONED))
    yield _counted("ivr_calls", "Calls that have ended.", "outcome", ended)
    lost = "Calls that ended before a human accepted, by how far they came."
    yield _counted("ivr_abandoned_calls", lost, "stage", totals.abandoned.items())
    yield CounterMetricFamily("ivr_lifeline_calls", "Calls led by Asterisk alone.", totals.lifeline)
    yield GaugeMetricFamily("ivr_open_calls", "Calls in progress.", statistics.open_calls)
    bounds = [*map(str, map(float, WAITS)), "+Inf"]
    buckets = list(zip(bounds, map(float, accumulate(totals.waits)), strict=True))
    waited = "From arrival to a human who accepted."
    yield HistogramMetricFamily("ivr_answer_seconds", waited, buckets, totals.waited_seconds)


def _record(snapshot: Snapshot) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "ivr_database_up", "1: the record of calls answers.", int(snapshot.facts.database is True)
    )
    yield GaugeMetricFamily("ivr_questions_in_progress", "Callers who are being asked.", snapshot.questions)
    yield GaugeMetricFamily("ivr_waiting_events", "Events in memory, on no disk yet.", snapshot.waiting)
    yield GaugeMetricFamily("ivr_journal_events", "Events that wait for the database.", snapshot.journaled)
    yield CounterMetricFamily("ivr_events_dropped", "Events that were lost.", snapshot.dropped)


def _lines(facts: Facts) -> Iterator[Metric]:
    """What Asterisk says; nothing while it says nothing."""
    if facts.asterisk is not None:
        yield GaugeMetricFamily("ivr_asterisk_connected", "1: Asterisk's manager is there.", int(facts.asterisk))
    if facts.queue is not None:
        queue = facts.queue
        yield GaugeMetricFamily("ivr_queue_callers", "Callers in the operators' queue.", queue.callers)
        yield GaugeMetricFamily("ivr_queue_longest_wait_seconds", "The longest of them.", queue.longest_wait_seconds)
        yield GaugeMetricFamily("ivr_operators_available", "Operators who are free.", queue.available)
        yield GaugeMetricFamily("ivr_operators_logged_in", "Operators whose phone is there.", queue.logged_in)
    if facts.reachable is not None:
        if TRUNK in facts.reachable:
            here = int(facts.reachable[TRUNK])
            yield GaugeMetricFamily("ivr_trunk_reachable", "0: the carrier does not answer.", here)
        phones = sum(there for name, there in facts.reachable.items() if name != TRUNK)
        yield GaugeMetricFamily("ivr_phones", "Phones that are registered and answer.", phones)
    ours = facts.registrations or ()
    if ours:
        states = ((each.name, int(each.registered)) for each in ours)
        yield _labelled("ivr_trunk_registered", "1: the carrier knows where we are.", "name", states)


def _restarts(restarts: Restarts) -> Metric:
    counts = ((reason.value, restarts.count(reason)) for reason in Reason)
    return _counted("ivr_watchdog_restarts", "Starts and ends of our processes.", "reason", counts)


def _counted(name: str, meaning: str, label: str, rows: Iterable[tuple[str, float]]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=[label])
    for value, number in rows:
        family.add_metric([value], number)
    return family


def _labelled(name: str, meaning: str, label: str, rows: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for value, number in rows:
        family.add_metric([value], number)
    return family


def _moment(name: str, meaning: str, at: datetime | None) -> Iterator[Metric]:
    if at is not None:
        yield GaugeMetricFamily(name, meaning, at.timestamp())
