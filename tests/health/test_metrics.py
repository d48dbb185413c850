"""The page for Prometheus, read back with Prometheus's own parser."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ivr.asterisk.lines import Queue, Registration
from ivr.calls.statistics import WAITS, Statistics, Totals
from ivr.health.alarms import Alarm
from ivr.health.conditions import CONDITIONS, Facts
from ivr.health.disks import Disk
from ivr.health.metrics import Snapshot, page
from ivr.restarts import Restarts
from ivr.rulebook.history import Entry, How
from ivr.rulebook.status import Status

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
HOSTILE = 'a"b\\c\nd'
FULL = Snapshot(
    facts=Facts(
        now=NOW,
        clock=0.0,
        disks=(Disk("state", Path("/s"), 5, 10, 1), Disk("recordings", Path("/r"), 7, 70, 2)),
        database=True,
        asterisk=True,
        reachable={"operator1": True, "damkar_1": False, "trunk": False},
        registrations=(Registration(HOSTILE, "Rejected"),),
        queue=Queue(3, 1, 2, 40),
        last_heartbeat=NOW,
        restarts=Restarts(NOW, {"controller_started": 4, "controller_frozen": 1}),
        last_backup=NOW,
    ),
    alarms=(Alarm("trunk_unreachable", NOW, "Trunk"), Alarm("another", NOW, "Lain")),
    statistics=Statistics(
        Totals(Counter(answered=8, abandoned=2), Counter(ringing=2), 1, (1,) * (len(WAITS) + 1), 123.5), 6
    ),
    questions=5,
    waiting=1,
    journaled=2,
    dropped=3,
    rules=Status(Entry("ab" * 32, NOW, "admin", "12345678", How.SAVED)),
)


def samples(snapshot: Snapshot) -> dict[str, float]:
    """`name{label="value"}` -> number. Fails when a name is explained twice or a line is not Prometheus's."""
    text = page(snapshot).decode()
    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(names) == len(set(names))
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert key not in found
            found[key] = sample.value
    return found


def test_everything_that_is_known_is_on_the_page() -> None:
    found = samples(FULL)
    expected = {
        'ivr_calls_total{outcome="answered"}': 8,
        'ivr_calls_total{outcome="abandoned"}': 2,
        'ivr_abandoned_calls_total{stage="ringing"}': 2,
        "ivr_lifeline_calls_total": 1,
        "ivr_open_calls": 6,
        'ivr_answer_seconds_bucket{le="2.0"}': 1,
        'ivr_answer_seconds_bucket{le="300.0"}': len(WAITS),
        'ivr_answer_seconds_bucket{le="+Inf"}': len(WAITS) + 1,
        "ivr_answer_seconds_count": len(WAITS) + 1,
        "ivr_answer_seconds_sum": 123.5,
        "ivr_database_up": 1,
        "ivr_questions_in_progress": 5,
        "ivr_waiting_events": 1,
        "ivr_journal_events": 2,
        "ivr_events_dropped_total": 3,
        "ivr_asterisk_connected": 1,
        "ivr_queue_callers": 3,
        "ivr_queue_longest_wait_seconds": 40,
        "ivr_operators_available": 1,
        "ivr_operators_logged_in": 2,
        "ivr_trunk_reachable": 0,
        "ivr_phones": 1,
        'ivr_trunk_registered{name="a"b\\c\nd"}': 0,
        'ivr_watchdog_restarts_total{reason="controller_started"}': 4,
        'ivr_watchdog_restarts_total{reason="controller_frozen"}': 1,
        'ivr_watchdog_restarts_total{reason="asterisk_ended"}': 0,
        'ivr_disk_free_bytes{what="recordings"}': 7,
        'ivr_disk_size_bytes{what="state"}': 10,
        'ivr_alarm{key="trunk_unreachable"}': 1,
        'ivr_alarm{key="another"}': 1,
        'ivr_alarm{key="operators_away"}': 0,
        "ivr_heartbeat_last_ok_timestamp_seconds": NOW.timestamp(),
        "ivr_backup_last_timestamp_seconds": NOW.timestamp(),
        "ivr_rules_last_reload_successful": 1,
        "ivr_rules_in_force_timestamp_seconds": NOW.timestamp(),
    }
    assert {key: found.get(key) for key in expected} == expected
    assert any(key.startswith("ivr_rules_info{") and "ab" * 32 in key for key in found)
    assert found["process_start_time_seconds"] > 0


def test_what_is_not_known_is_not_on_the_page() -> None:
    found = samples(Snapshot(Facts(NOW, 0.0)))
    assert not [
        key for key in found if key.startswith(("ivr_calls", "ivr_queue", "ivr_trunk", "ivr_heartbeat", "ivr_disk"))
    ]
    assert found["ivr_database_up"] == 0
    assert sum(key.startswith("ivr_alarm") for key in found) == len(CONDITIONS)


def test_a_database_that_is_away_leaves_the_last_numbers() -> None:
    found = samples(replace(FULL, facts=replace(FULL.facts, database=False)))
    assert (found["ivr_database_up"], found['ivr_calls_total{outcome="answered"}']) == (0, 8)
