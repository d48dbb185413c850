from pathlib import Path

import pytest

from ivr.doctor.disk import GIB, Space, daily_growth, judged, space_of
from ivr.doctor.model import Level
from tests.doctor.installation import context, found, only


@pytest.mark.parametrize(
    ("free", "inodes", "daily", "expected"),
    [
        (50 * GIB, 1_000_000, 0, [Level.OK]),
        (50 * GIB, None, 1 * GIB, [Level.OK]),
        (1 * GIB, 1_000_000, 0, [Level.WARNING]),
        (GIB // 10, 1_000_000, 0, [Level.ERROR]),
        (50 * GIB, 1_000_000, 10 * GIB, [Level.WARNING]),
        (50 * GIB, 1_000_000, 25 * GIB, [Level.ERROR]),
        (50 * GIB, 12, 0, [Level.OK, Level.WARNING]),
    ],
)
def test_a_disk_is_judged_by_what_is_left_and_how_long_it_lasts(
    free: int, inodes: int | None, daily: float, expected: list[Level]
) -> None:
    findings = list(judged(Path("/srv"), Space(1, free, inodes), daily))
    assert [finding.level for finding in findings] == expected
    assert all("/srv" in finding.text for finding in findings)


def test_each_disk_is_told_once(tmp_path: Path) -> None:
    assert len({finding.text for finding in found("disk", context(tmp_path))}) == 1


def test_the_growth_is_that_of_the_last_seven_days_of_the_city(tmp_path: Path) -> None:
    here = context(tmp_path)
    for day, size in (("2026/11/22", 700), ("2026/11/16", 70), ("2026/11/15", 7_000_000)):
        folder = here.settings.recordings / day
        folder.mkdir(parents=True)
        (folder / "ivr112-1.1.wav").write_bytes(bytes(size))
    assert daily_growth(here) == 110


def test_a_backup_beside_what_it_is_to_save_is_noted(tmp_path: Path) -> None:
    finding = only("backup_disk", context(tmp_path))
    assert finding.level is Level.NOTE
    assert "IVR_BACKUPS" in finding.remedy


def test_a_backup_on_another_disk_is_well(tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if space_of(other).device == space_of(tmp_path).device:
        pytest.skip("one file system")
    assert only("backup_disk", context(tmp_path, {"backups": other / "ivr-test-never-made"})).level is Level.OK
