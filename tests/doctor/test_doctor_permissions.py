import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import ivr.settings
from ivr.doctor.context import gather
from ivr.doctor.model import Level
from ivr.doctor.run import examine
from tests.doctor.installation import NOBODY, NOW, context, found, only, process, settings, without_rights, worst


def test_a_state_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    here = context(tmp_path)
    here.settings.state.rmdir()
    finding = only("access", here)
    assert finding.level is Level.ERROR
    assert str(here.settings.state) in finding.text


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that other users may pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("name", ["secrets.json", "calls.sqlite", "rules", "."])
def test_what_we_may_not_read_is_named_with_the_user_who_may(name: str, passable: Path) -> None:
    chosen = settings(passable)
    chosen.state.chmod(0o755)
    path = chosen.state / name
    if name == "rules":
        path.mkdir()
    elif name != ".":
        path.write_text("{}")
    path.chmod(0)
    with without_rights():
        here = gather(chosen, NOW)
        finding = only("access", here)
    path.chmod(0o755)
    assert finding.level is Level.WARNING
    assert str(path.resolve()) in finding.text
    assert "ivr doctor" in finding.remedy


@pytest.mark.parametrize("locked", ["state", "."])
def test_a_folder_without_rights_costs_no_traceback_in_any_check(locked: str, passable: Path) -> None:
    chosen = settings(passable)
    (passable / locked).chmod(0)
    with without_rights():
        findings = examine(gather(chosen, NOW))
    (passable / locked).chmod(0o755)
    assert not [finding for finding in findings if "gagal" in finding.text]
    told = {finding.check for finding in findings if "tidak ada hak" in finding.text.lower()}
    assert told - {"programs", "prompts", "zone"} == {"access"}  # those are about other folders


def test_well_guarded_files_are_well(tmp_path: Path) -> None:
    here = context(tmp_path)
    (here.settings.state / "secrets.json").touch(0o600)
    for check in ("folders", "files", "owner", "access"):
        assert only(check, here).level is Level.OK


@pytest.mark.parametrize("name", ["state", "calls"])
def test_a_folder_open_to_everybody_is_a_warning_with_its_command(name: str, tmp_path: Path) -> None:
    here = context(tmp_path)
    (tmp_path / name).chmod(0o755)
    finding = only("folders", here)
    assert (finding.level, finding.remedy) == (Level.WARNING, f"chmod o-rwx {tmp_path / name}")


@pytest.mark.parametrize(
    "name",
    ["secrets.json", "calls.sqlite", "calls.sqlite-wal", "journal/events.log", "asterisk/etc/generated/pjsip.conf"],
)
def test_a_file_with_secrets_open_to_others_is_a_warning(name: str, tmp_path: Path) -> None:
    here = context(tmp_path)
    path = here.settings.state / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(0o644)
    finding = only("files", here)
    assert (finding.level, finding.remedy) == (Level.WARNING, f"chmod 600 {path}")
    assert "644" in finding.text


def test_a_trunk_file_may_be_read_by_the_group_and_by_nobody_else(tmp_path: Path) -> None:
    trunk = tmp_path / "trunk.conf"
    trunk.touch()
    here = context(tmp_path, {"trunk_file": trunk})
    trunk.chmod(0o640)
    assert only("files", here).level is Level.OK
    trunk.chmod(0o644)
    assert only("files", here).level is Level.WARNING


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("IVR_ALARM_URL=https://hook.invalid/token\n", 0o644, [Level.WARNING]),
        ("IVR_ALARM_URL=https://hook.invalid/token\n", 0o640, []),
        ("# IVR_ALARM_URL=\nIVR_SIP_PORT=5070\n", 0o644, []),
    ],
)
def test_settings_with_a_secret_are_not_for_everybody(
    text: str, mode: int, expected: list[Level], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ivr.settings, "PROJECT", tmp_path)
    (tmp_path / ".env").write_text(text)
    (tmp_path / ".env").chmod(mode)
    assert [finding.level for finding in found("files", context(tmp_path))] == expected


def test_processes_of_root_are_a_warning_and_others_are_not(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    with process("asterisk") as pid:
        (proc / str(pid)).mkdir(parents=True)
        expected = Level.WARNING if os.geteuid() == 0 else Level.OK
        assert only("root", context(tmp_path, asterisk=pid)).level is expected
        if os.geteuid() == 0:
            os.chown(proc / str(pid), NOBODY, NOBODY)
            assert only("root", context(tmp_path, asterisk=pid, proc=proc)).level is Level.OK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_found_and_said_how_to_mend(tmp_path: Path) -> None:
    here = context(tmp_path)
    strange = here.settings.state / "calls.sqlite"
    strange.touch()
    os.chown(strange, NOBODY, NOBODY)
    finding = only("owner", here)
    assert finding.level is Level.WARNING
    assert "sudo chown -R root:" in finding.remedy
    assert str(strange) in finding.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_who_is_neither_the_owner_nor_root_is_told(passable: Path) -> None:
    here = context(passable)
    for folder in (here.settings.state, here.settings.recordings):
        folder.chmod(0o755)
    with without_rights():
        assert worst("owner", here) is Level.NOTE


def test_a_part_that_does_not_answer_is_said(tmp_path: Path) -> None:
    finding = found("access", context(tmp_path, hung=("database",)))[0]
    assert finding.level is Level.ERROR
    assert "database" in finding.text
