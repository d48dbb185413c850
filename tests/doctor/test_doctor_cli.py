import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ivr.doctor.checks import CHECKS
from ivr.doctor.cli import doctor_command
from ivr.settings import Settings, SettingsError
from tests.doctor.installation import settings

RUN = CliRunner()


def doctor(folder: Path, *arguments: str, **environment: str) -> Result:
    return RUN.invoke(doctor_command(lambda: settings(folder)), arguments, env={"COLUMNS": "80", **environment})


def test_json_is_a_list_of_findings_and_the_worst_is_the_exit_code(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--only", "backup", "--only", "demo", "--json")
    rows = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [set(row) for row in rows] == [{"check", "level", "text", "remedy"}] * 2
    assert [(row["check"], row["level"]) for row in rows] == [("backup", "warning"), ("demo", "ok")]


@pytest.mark.parametrize(("check", "code"), [("demo", 0), ("backup_disk", 0), ("backup", 1), ("server", 2)])
def test_each_level_has_its_exit_code(check: str, code: int, tmp_path: Path) -> None:
    assert doctor(tmp_path, "--only", check).exit_code == code


def test_people_read_groups_symbols_and_remedies(tmp_path: Path) -> None:
    shown = doctor(tmp_path, "--only", "server", "--only", "backup", "--only", "demo").stdout
    lines = shown.splitlines()
    assert lines[0] == "Layanan"
    assert lines[1].startswith("  x Server tidak berjalan")
    assert "Catatan panggilan" in lines
    assert any(line.startswith("  ! Belum ada cadangan") for line in lines)
    assert any(line.startswith("    -> ivr backup") for line in lines)
    assert any(line.startswith(" ok ") for line in lines)
    assert lines[-1] == "1 salah (x), 1 peringatan (!), 0 catatan (-), 1 baik (ok)"
    assert "\x1b" not in shown


def test_lines_are_wrapped_and_commands_and_paths_stay_whole(tmp_path: Path) -> None:
    shown = doctor(tmp_path, "--only", "server", "--only", "backup").stdout
    long = [line for line in shown.splitlines() if len(line) > 80]
    assert all(str(tmp_path) in line for line in long)
    assert str(tmp_path / "backups") in shown
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_every_check_is_listed(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--list", COLUMNS="160")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [check.id for check in CHECKS]


@pytest.mark.parametrize("arguments", [("--only", "disks"), ("--jsn",), ("extra",), ("--only",)])
def test_wrong_use_is_no_alarm(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = doctor(tmp_path, *arguments)
    assert done.exit_code == 3
    assert done.stdout == ""


def test_settings_that_cannot_be_used_are_the_one_finding() -> None:
    def broken() -> Settings:
        raise SettingsError("Pengaturan IVR_SIP_PORT = 'lima' tidak dapat dipakai")

    done = RUN.invoke(doctor_command(broken), ["--json"])
    [row] = json.loads(done.stdout)
    assert (done.exit_code, row["check"], row["level"]) == (2, "settings", "error")
    assert "IVR_SIP_PORT" in row["text"]
    assert "x Pengaturan IVR_SIP_PORT" in RUN.invoke(doctor_command(broken), []).stdout
