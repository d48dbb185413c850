"""Facts to alarms: what begins, what ends, and what does not flap."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.asterisk.lines import Queue, Registration
from ivr.health.conditions import BACKUP_AGE, CONDITIONS, GIB, MIB, Facts, decide, size
from ivr.health.disks import Disk, Pace
from ivr.restarts import Reason, Restarts

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
TB = 1 << 40
ROOM = (Disk("state", Path("/s"), 100 * GIB, TB, 1), Disk("recordings", Path("/r"), 500 * GIB, TB, 2))
WELL = Facts(
    now=NOW,
    clock=1000.0,
    disks=ROOM,
    waiting_events=0,
    database=True,
    asterisk=True,
    reachable={"operator1": True, "damkar_1": False, "trunk": True},
    registrations=(Registration("trunk", "Registered"),),
    queue=Queue(0, 1, 1, 0),
    heartbeat_every=timedelta(minutes=5),
    heartbeat_expected_since=NOW - timedelta(days=3),
    last_heartbeat=NOW - timedelta(minutes=2),
    restarts=Restarts(
        NOW - timedelta(days=30), {"controller_started": 1}, ((NOW - timedelta(days=3), "controller_started"),)
    ),
    last_backup=NOW - timedelta(hours=20),
    backups_known=True,
)


class Watch:
    """Decides again and again, as the watchkeeper does."""

    def __init__(self, facts: Facts = WELL) -> None:
        self.facts = facts
        self.standing: dict[str, str] = {}
        self.seen: Any = {}

    def after(self, seconds: float, **changes: Any) -> set[str]:
        """The alarms that stand when `seconds` later these facts are found."""
        now = self.facts.now + timedelta(seconds=seconds)
        later = {"clock": self.facts.clock + seconds, "now": now, "last_heartbeat": now}
        self.facts = replace(self.facts, **{**later, **changes})
        decision = decide(self.facts, self.standing, self.seen)
        self.seen = decision.seen
        self.standing = {key: text for key, text in self.standing.items() if key not in decision.over}
        self.standing |= decision.standing
        return set(self.standing)


def disks(free: int, total: int = TB, hours: float | None = None, what: str = "state") -> dict[str, Any]:
    one = Disk(what, Path("/data"), free, total, 7, hours)
    return {"disks": tuple(one if disk.what == what else disk for disk in ROOM)}


def test_when_all_is_well_no_alarm_stands() -> None:
    watch = Watch()
    assert watch.after(0) == watch.after(10) == set()


def test_every_alarm_is_told_in_words_with_a_place_to_look() -> None:
    keys = [condition.key for condition in CONDITIONS]
    assert len(set(keys)) == len(keys)
    assert all(condition.where for condition in CONDITIONS)


TROUBLES: dict[str, dict[str, Any]] = {
    "disk_state_low": disks(GIB - 1),
    "disk_recordings_low": disks(GIB - 1, what="recordings"),
    "record_unavailable": {"waiting_events": 3},
    "asterisk_away": {"asterisk": False},
    "trunk_unreachable": {"reachable": {"operator1": True, "trunk": False}},
    "trunk_unregistered": {"registrations": (Registration("trunk", "Rejected"),)},
    "operators_away": {"queue": Queue(2, 0, 0, 30)},
    "heartbeat_missed": {"last_heartbeat": NOW - timedelta(minutes=20)},
    "lifeline_used": {"last_lifeline": NOW},
    "controller_restarts": {
        "restarts": Restarts(
            NOW, {}, tuple((NOW + timedelta(seconds=n), Reason.CONTROLLER_STARTED) for n in range(4))
        )
    },
    "backup_old": {"last_backup": NOW - BACKUP_AGE - timedelta(hours=1)},
}


@pytest.mark.parametrize("key", TROUBLES)
def test_a_trouble_that_lasts_is_an_alarm_and_ends_with_it(key: str) -> None:
    watch = Watch()
    watch.after(10)
    for _ in range(7):
        found = watch.after(10, **TROUBLES[key])
    assert found == {key}
    assert watch.standing[key]
    well = {name: getattr(WELL, name) for name in TROUBLES[key]}
    for _ in range(7):
        found = watch.after(10, **well)
    assert found == set()


@pytest.mark.parametrize("key", ["record_unavailable", "asterisk_away", "trunk_unreachable", "operators_away"])
def test_a_trouble_of_a_moment_is_no_alarm(key: str) -> None:
    watch = Watch()
    watch.after(10)
    assert watch.after(10, **TROUBLES[key]) == set()
    well = {name: getattr(WELL, name) for name in TROUBLES[key]}
    assert watch.after(9, **well) == set()
    assert watch.after(10, **TROUBLES[key]) == set(), "the time before the pause does not count"


@pytest.mark.parametrize("key", ["record_unavailable", "trunk_unreachable", "trunk_unregistered"])
def test_a_trouble_that_comes_and_goes_is_one_alarm(key: str) -> None:
    watch = Watch()
    for _ in range(6):
        watch.after(10, **TROUBLES[key])
    well = {name: getattr(WELL, name) for name in TROUBLES[key]}
    for _ in range(20):
        assert watch.after(10, **well) == {key}
        assert watch.after(10, **TROUBLES[key]) == {key}


def test_what_is_not_known_begins_and_ends_nothing() -> None:
    unknown = Facts(NOW, 0.0, heartbeat_every=timedelta(minutes=5))
    watch = Watch(unknown)
    assert watch.after(1000, last_heartbeat=None) == set()
    watch.standing = dict.fromkeys(TROUBLES, "masih")
    assert watch.after(1000, last_heartbeat=None) == set(TROUBLES)


def test_asterisk_must_be_away_for_more_than_15_seconds() -> None:
    watch = Watch()
    watch.after(0, asterisk=False)
    assert watch.after(14.9) == set()
    assert watch.after(0.2) == {"asterisk_away"}
    assert watch.after(1, asterisk=True) == set()


# -- disks


@pytest.mark.parametrize(
    ("total", "low", "full"),
    [(TB, GIB, 64 * MIB), (5 * GIB, GIB // 2, 64 * MIB), (GIB, GIB // 10, GIB // 50), (100 * MIB, 10 * MIB, 2 * MIB)],
)
def test_a_disk_is_announced_before_it_is_full_and_once_more_when_it_nearly_is(
    total: int, low: int, full: int
) -> None:
    assert Watch().after(0, **disks(low + 2, total)) == set()
    assert Watch().after(0, **disks(low - 2, total)) == {"disk_state_low"}
    assert Watch().after(0, **disks(full + 2, total)) == {"disk_state_low"}
    assert Watch().after(0, **disks(full - 2, total)) == {"disk_state_low", "disk_state_full"}


def test_a_disk_at_its_threshold_does_not_flap() -> None:
    watch = Watch()
    watch.after(0, **disks(GIB - 1))
    for free in (GIB + 1, GIB - 1, GIB * 5 // 4 - 1) * 10:
        assert watch.after(100, **disks(free)) == {"disk_state_low"}
    watch.after(0, **disks(GIB * 5 // 4 + 1))
    assert watch.after(61) == set()


def test_a_disk_that_will_be_full_within_a_day_is_announced_with_the_hours() -> None:
    watch = Watch()
    assert watch.after(0, **disks(100 * GIB, hours=24.5)) == set()
    assert watch.after(10, **disks(90 * GIB, hours=23.5)) == {"disk_state_low"}
    assert "23 jam" in watch.standing["disk_state_low"]
    assert watch.after(100, **disks(90 * GIB, hours=35)) == {"disk_state_low"}
    watch.after(100, **disks(90 * GIB, hours=37))
    assert watch.after(61, **disks(90 * GIB)) == set()


def test_a_disk_with_much_room_is_no_trouble_however_fast_it_fills() -> None:
    assert Watch().after(0, **disks(TB // 4 + 1, hours=5)) == set()
    assert Watch().after(0, **disks(TB // 4 - 1, hours=5)) == {"disk_state_low"}


def test_one_disk_that_holds_both_folders_is_one_trouble() -> None:
    both = tuple(Disk(what, Path("/data"), MIB, TB, 7) for what in ("state", "recordings"))
    assert Watch().after(0, disks=both) == {"disk_state_low", "disk_state_full"}


def test_the_words_name_the_place_and_the_room_that_is_left() -> None:
    watch = Watch()
    watch.after(0, **disks(GIB * 3 // 4, 10 * GIB))
    assert "/data" in watch.standing["disk_state_low"]
    assert "768 MiB" in watch.standing["disk_state_low"]
    assert (size(1536 * MIB), size(5 * MIB)) == ("1,5 GiB", "5 MiB")


def test_the_pace_of_a_disk_needs_hours_to_be_known() -> None:
    pace = Pace()
    left = [pace.hours_left(600.0 * n, 1000 - 10 * n) for n in range(25)]
    assert left[:12] == [None] * 12
    assert left[12] == pytest.approx((1000 - 120) / 60)
    assert left[24] == pytest.approx((1000 - 240) / 60)


def test_a_disk_that_does_not_fill_has_no_end() -> None:
    pace = Pace()
    assert {pace.hours_left(3600.0 * n, 1000 + n) for n in range(100)} == {None}
    assert len(pace._looks) <= 26


# -- the others


def test_a_city_without_a_trunk_has_no_trouble_with_it() -> None:
    watch = Watch()
    for _ in range(10):
        assert watch.after(10, reachable={"operator1": False}, registrations=()) == set()


def test_a_trunk_that_does_not_answer_is_called_by_its_name() -> None:
    watch = Watch()
    watch.after(0, reachable={"trunk": False})
    watch.after(46)
    assert watch.standing["trunk_unreachable"].startswith("Trunk [trunk] tidak menjawab")


@pytest.mark.parametrize(
    ("every", "minutes_ago", "missed"), [(0, 10_000, False), (5, 10, False), (5, 12, True), (60, 120, False)]
)
def test_a_heartbeat_is_missed_when_two_in_a_row_are(every: int, minutes_ago: int, missed: bool) -> None:
    facts = {"heartbeat_every": timedelta(minutes=every), "last_heartbeat": NOW - timedelta(minutes=minutes_ago)}
    watch = Watch()
    assert watch.after(0, **facts) == set(), "the one that is due may be under way"
    assert watch.after(60, now=NOW, **facts) == ({"heartbeat_missed"} if missed else set())


def test_after_a_night_switched_off_no_heartbeat_is_missed() -> None:
    facts = {"last_heartbeat": NOW - timedelta(hours=9), "heartbeat_expected_since": NOW - timedelta(minutes=1)}
    watch = Watch()
    for _ in range(2):
        assert watch.after(60, now=NOW, **facts) == set()


# -- a clock that was set


def test_a_lifeline_of_the_future_keeps_no_alarm() -> None:
    watch = Watch()
    assert watch.after(0, last_lifeline=NOW) == {"lifeline_used"}
    assert watch.after(1, last_lifeline=NOW + timedelta(days=400)) == set()


def test_a_good_test_call_of_the_future_hides_no_missed_ones() -> None:
    future, watch = NOW + timedelta(days=400), Watch()
    for _ in range(2):
        found = watch.after(60, last_heartbeat=future, heartbeat_expected_since=NOW - timedelta(hours=1))
    assert found == {"heartbeat_missed"}
    assert Watch().after(60, last_heartbeat=future, heartbeat_expected_since=future) == set()


def test_an_alarm_of_another_version_ends() -> None:
    watch = Watch()
    watch.standing = {"trunk_colour": "kuning"}
    assert watch.after(10) == set()


@pytest.mark.parametrize(("age_hours", "alarm"), [(47, False), (49, True)])
def test_a_server_without_any_backup_is_told_after_two_days(age_hours: int, alarm: bool) -> None:
    restarts = Restarts(NOW - timedelta(hours=age_hours), {}, ())
    expected = {"backup_old"} if alarm else set()
    assert Watch().after(0, restarts=restarts, last_backup=None) == expected
    assert Watch().after(0, restarts=restarts, last_backup=None, backups_known=False) == set()


def test_three_restarts_are_too_many_and_three_starts_are_not() -> None:
    recent = tuple((NOW + timedelta(minutes=n), Reason.CONTROLLER_STARTED) for n in (0, 3, 6, 9))
    assert Watch().after(600, restarts=Restarts(NOW, {}, recent)) == {"controller_restarts"}
    assert Watch().after(600, restarts=Restarts(NOW, {}, recent[1:])) == set()


def test_restarts_that_somebody_asked_for_are_no_trouble() -> None:
    starts = [(NOW + timedelta(minutes=n), Reason.CONTROLLER_STARTED) for n in (0, 2, 4, 6, 8)]
    stops = [(NOW + timedelta(minutes=n), Reason.CONTROLLER_STOPPED) for n in (1, 3, 5, 7)]
    assert Watch().after(600, restarts=Restarts(NOW, {}, tuple(starts + stops))) == set()
    assert Watch().after(600, restarts=Restarts(NOW, {}, tuple(starts + stops[:1]))) == {"controller_restarts"}


@given(st.lists(st.sampled_from([*TROUBLES, "well"]), max_size=30), st.floats(0, 60))
def test_no_order_of_troubles_makes_an_alarm_begin_without_its_fact(order: list[str], pause: float) -> None:
    watch, told = Watch(), set[str]()
    for key in order:
        fields = {field for trouble in TROUBLES.values() for field in trouble} - {"last_heartbeat"}
        well = {field: getattr(WELL, field) for field in fields}
        told.add(key)
        assert watch.after(pause, **(well | TROUBLES.get(key, {}))) <= told
