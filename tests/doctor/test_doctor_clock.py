from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.doctor.clock import UNSYNCHRONISED, kept, possible_error
from ivr.doctor.model import Level
from tests.calls.story import START, answered_rows, events
from tests.doctor.installation import NOW, context, live, only, write_log


@pytest.mark.parametrize(
    ("microseconds", "expected"), [(0, Level.OK), (15_999_999, Level.OK), (UNSYNCHRONISED, Level.WARNING)]
)
def test_a_clock_that_nobody_keeps_is_a_warning(microseconds: int, expected: Level) -> None:
    [finding] = kept(microseconds)
    assert finding.level is expected


def test_the_kernel_is_asked(tmp_path: Path) -> None:
    assert 0 <= possible_error() <= UNSYNCHRONISED
    assert only("synchronised", context(tmp_path)).check == "synchronised"


def test_a_time_before_the_program_was_installed_is_an_error(tmp_path: Path) -> None:
    finding = only("clock", context(tmp_path, now=NOW.replace(year=2001)))
    assert finding.level is Level.ERROR
    assert "2001-11-22" in finding.text


@pytest.mark.parametrize(("before", "expected"), [(timedelta(hours=2), Level.ERROR), (timedelta(0), Level.OK)])
def test_a_time_before_the_newest_call_is_an_error(before: timedelta, expected: Level, tmp_path: Path) -> None:
    far = START.replace(year=2200) - START  # no file of the program is younger
    here = context(tmp_path, now=START + far - before)
    story = [replace(event, at=event.at + far) for event in events(answered_rows())]
    write_log(here.settings.database, story)
    assert only("clock", here).level is expected


@pytest.mark.parametrize(("ahead", "expected"), [(-3.5, Level.ERROR), (0.1, Level.OK)])
def test_an_asterisk_with_another_time_is_an_error(ahead: float, expected: Level, tmp_path: Path) -> None:
    here = context(tmp_path, now=NOW.replace(year=2200), live=live(ahead_seconds=ahead))
    assert only("clock", here).level is expected


@pytest.mark.parametrize("there", [True, False])
def test_the_citys_zone_must_be_in_asterisks_own_system(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, root = tmp_path / "tools", tmp_path / "cache" / "asterisk-root"
    for file, text in ((tools / "bwrap", "#!/bin/sh\necho Asterisk 22.10.1\n"), (root / "usr/sbin/asterisk", "")):
        file.parent.mkdir(parents=True)
        file.write_text(text)
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    if there:
        (root / "usr/share/zoneinfo/Asia").mkdir(parents=True)
        (root / "usr/share/zoneinfo/Asia/Pontianak").write_bytes(b"TZif2")
    finding = only("zone", context(tmp_path, {"asterisk": "cached"}))
    assert finding.level is (Level.OK if there else Level.ERROR)
    assert "Asia/Pontianak" in finding.text
