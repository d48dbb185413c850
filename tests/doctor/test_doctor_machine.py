import stat
from pathlib import Path

import pytest

from ivr.doctor.model import Level
from tests.doctor.installation import context, fake_proc, found, live, only, process, worst

LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max processes             {processes}                96365                processes
Max open files            {files}                20000                files
"""
ENOUGH = {"sys/kernel/pid_max": "4194304\n", "sys/kernel/threads-max": "192730\n"}


def with_asterisk(folder: Path, script: str) -> None:
    """A downloaded Asterisk that is this script."""
    program = folder / "cache" / "asterisk-root" / "usr" / "sbin" / "asterisk"
    program.parent.mkdir(parents=True)
    program.write_text(script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_an_asterisk_that_is_not_there_is_an_error_that_says_how_to_get_one(tmp_path: Path) -> None:
    finding = only("programs", context(tmp_path, {"asterisk": "cached"}))
    assert finding.level is Level.ERROR
    assert "Asterisk versi 20" in finding.text
    assert "make run" in finding.remedy


def test_an_asterisk_that_does_not_run_in_its_sandbox_is_an_error(tmp_path: Path) -> None:
    with_asterisk(tmp_path, "not a program")
    finding = only("programs", context(tmp_path, {"asterisk": "cached"}))
    assert finding.level is Level.ERROR
    assert str(tmp_path / "cache" / "asterisk-root") in finding.text


@pytest.mark.parametrize(
    ("modules", "maps", "expected"),
    [
        ("preload = res_timing_timerfd.so", "7f 00:1 /usr/lib/modules/res_timing_timerfd.so\n", Level.OK),
        ("preload = res_timing_timerfd.so", "7f 00:1 /usr/lib/modules/res_agi.so\n", Level.ERROR),
        ("; preload = res_timing_timerfd.so", "7f 00:1 /usr/lib/modules/res_timing_timerfd.so\n", Level.ERROR),
    ],
)
def test_the_timing_module_must_be_loaded_and_stand_in_the_configuration(
    modules: str, maps: str, expected: Level, tmp_path: Path
) -> None:
    here = context(tmp_path, asterisk=42, proc=fake_proc(tmp_path, {"42/maps": maps}))
    here.settings.asterisk_etc.mkdir(parents=True)
    (here.settings.asterisk_etc / "modules.conf").write_text(f"[modules]\n{modules}\n")
    assert only("timing", here).level is expected


@pytest.mark.parametrize(("limit", "expected"), [(128, Level.WARNING), (1023, Level.WARNING), (1024, Level.OK)])
def test_a_short_queue_of_the_kernel_is_a_warning_with_its_number(
    limit: int, expected: Level, tmp_path: Path
) -> None:
    proc = fake_proc(tmp_path, {"sys/net/core/somaxconn": f"{limit}\n"})
    finding = only("backlog", context(tmp_path, proc=proc))
    assert finding.level is expected
    assert f"= {limit}" in finding.text


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"sys/kernel/pid_max": "4096\n"}, "kernel.pid_max = 4096"),
        ({"sys/kernel/threads-max": "1000\n"}, "kernel.threads-max = 1000"),
        ({"7/limits": LIMITS.format(processes=96365, files=1024)}, "Asterisk: 1024"),
        ({"7/limits": LIMITS.format(processes=100, files=20000)}, "Asterisk: 100"),
    ],
)
def test_limits_that_a_hundred_calls_would_meet_are_warnings(
    files: dict[str, str], said: str, tmp_path: Path
) -> None:
    good = {**ENOUGH, "7/limits": LIMITS.format(processes="unlimited", files=20000)}
    finding = only("limits", context(tmp_path, asterisk=7, proc=fake_proc(tmp_path, {**good, **files})))
    assert finding.level is Level.WARNING
    assert said in finding.text


def test_the_limits_of_a_real_process_are_read(tmp_path: Path) -> None:
    with process("asterisk") as pid:
        assert found("limits", context(tmp_path, asterisk=pid))


@pytest.mark.parametrize(("left", "expected"), [(100, Level.ERROR), (400, Level.WARNING), (2000, Level.OK)])
def test_little_memory_is_said_with_what_is_swapped(left: int, expected: Level, tmp_path: Path) -> None:
    text = f"MemAvailable: {left * 1024} kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB\n"
    finding = only("memory", context(tmp_path, proc=fake_proc(tmp_path, {"meminfo": text})))
    assert finding.level is expected
    assert f"{left} MiB" in finding.text
    assert "1 MiB di swap" in finding.text


@pytest.mark.parametrize("check", ["backlog", "limits", "memory"])
def test_this_machine_can_be_looked_at(check: str, tmp_path: Path) -> None:
    assert all("gagal" not in finding.text for finding in found(check, context(tmp_path)))


def test_an_asterisk_older_than_the_installed_one_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "bwrap").write_text("#!/bin/sh\necho Asterisk 22.11.0\n")
    (tools / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    with_asterisk(tmp_path, "")
    here = context(tmp_path, {"asterisk": "cached"}, live=live(version="22.10.1"))
    assert [finding.level for finding in found("programs", here)] == [Level.OK, Level.NOTE]
    assert worst("programs", here) is Level.NOTE
