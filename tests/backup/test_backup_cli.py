import errno
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.progress import Progress as Bar
from typer.testing import CliRunner

import ivr.settings
from ivr.backup.amounts import size
from ivr.backup.console import Amount
from ivr.backup.make import CannotBackUp, make
from ivr.backup.names import name_of
from ivr.backup.places import Places
from ivr.cli import app
from tests.backup.installation import damaged, fill, installation, tree, write
from tests.city import free_ports

RUN = CliRunner()


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The installation of the environment."""
    for name in [name for name in os.environ if name.upper().startswith("IVR_")]:
        monkeypatch.delenv(name)
    sip, agi, ami = free_ports(3)
    found = fill(installation(tmp_path / "i", sip_port=sip, agi_port=agi, ami_port=ami))
    chosen = found.settings
    for field in ("state", "recordings", "prompts", "cache", "rules_file", "backups", "trunk_file", "tls_key"):
        monkeypatch.setenv(f"IVR_{field.upper()}", str(getattr(chosen, field)))
    for field in ("tls_certificate", "sip_port", "agi_port", "ami_port", "http_port"):
        monkeypatch.setenv(f"IVR_{field.upper()}", str(getattr(chosen, field)))
    monkeypatch.setenv("IVR_ALLOW_ROOT", "yes")
    monkeypatch.setattr(ivr.settings, "PROJECT", found.project)
    return found


def ran(*arguments: object, code: int = 0) -> str:
    """What the command says, on both ways out."""
    done = RUN.invoke(app, list(map(str, arguments)))
    assert done.exit_code == code, done.output
    return done.stdout + done.stderr


def test_a_backup_is_made_verified_listed_and_restored(places: Places, tmp_path: Path) -> None:
    nas = tmp_path / "nas"
    said = ran("backup", "--to", nas)
    [path] = nas.iterdir()
    assert str(path) in said
    assert "sudah dibaca ulang" in said
    assert "Utuh" in ran("backup", "verify", path)
    assert path.name in ran("backup", "list", "--to", nas)
    assert "Palangka Raya" in ran("backup", "list", "--to", nas)
    write(places.settings.rules_file, b"# edited later\n")
    told = ran("restore", path, "--dry-run")
    assert f"diganti, yang lama disimpan di sebelahnya: {places.settings.rules_file}" in told
    assert "tidak ada yang diubah" in told
    assert places.settings.rules_file.read_bytes() == b"# edited later\n"
    told = ran("restore", path, "--yes")
    assert "Nyalakan server" in told
    assert "state.before-restore-" in told
    assert "kota.yaml.before-restore-" in told
    assert places.settings.rules_file.read_bytes() != b"# edited later\n"


def test_everything_is_told_as_json(places: Places, tmp_path: Path) -> None:
    made = json.loads(ran("backup", "--to", tmp_path / "nas", "--json"))
    assert Path(made["file"]).stat().st_size == made["bytes"]
    assert made["about"]["state"] == str(places.settings.state)
    assert made["deleted"] == []
    verified = json.loads(ran("backup", "verify", made["file"], "--json"))
    assert {one["name"] for one in verified["members"]} == {one["name"] for one in made["members"]}
    [listed] = ran("backup", "list", "--to", tmp_path / "nas", "--json").splitlines()
    assert json.loads(listed)["about"] == made["about"]
    planned = json.loads(ran("restore", made["file"], "--dry-run", "--json"))
    assert planned["restored"] is False
    done = json.loads(ran("restore", made["file"], "--yes", "--json"))
    assert Path(done["before"]).is_dir()
    assert planned["members"] == done["members"]


def test_the_oldest_are_deleted_by_name_when_that_is_asked_for(places: Places, tmp_path: Path) -> None:
    nas = tmp_path / "nas"
    for _ in range(3):
        ran("backup", "--to", nas)
    write(nas / "notes.txt", b"mine")
    names = sorted(path.name for path in nas.glob("*.gz"))
    said = ran("backup", "--to", nas, "--keep", 2)
    assert [name in said for name in names] == [True, True, False]
    left = sorted(path.name for path in nas.iterdir())
    assert left[0] == names[2]
    assert left[2:] == ["notes.txt"]
    assert "paling kecil 1" in ran("backup", "--keep", 0, code=2)


def test_a_backup_that_cannot_be_made_deletes_none_of_the_others(places: Places, tmp_path: Path) -> None:
    nas = tmp_path / "nas"
    ran("backup", "--to", nas)
    ran("backup", "--to", nas)
    before = sorted(nas.iterdir())
    damaged(places.settings.database)
    assert "tidak dapat dicadangkan" in ran("backup", "--to", nas, "--keep", 1, code=1)
    assert sorted(nas.iterdir()) == before


@pytest.mark.parametrize("content", [b"", bytes(4096), b"garbage"])
def test_a_destroyed_record_of_calls_is_no_backup_and_deletes_none_of_the_others(
    places: Places, tmp_path: Path, content: bytes
) -> None:
    nas = tmp_path / "nas"
    ran("backup", "--to", nas)
    before = sorted(nas.iterdir())
    for path in places.settings.state.glob("calls.sqlite*"):
        path.unlink()
    write(places.settings.database, content)
    assert "calls.sqlite tidak dapat dicadangkan" in ran("backup", "--to", nas, "--keep", 1, code=1)
    assert sorted(nas.iterdir()) == before


def test_a_record_of_calls_that_is_gone_is_said_and_no_older_backup_goes(places: Places, tmp_path: Path) -> None:
    nas = tmp_path / "nas"
    assert "PERINGATAN" not in ran("backup", "--to", nas)
    for path in places.settings.state.glob("calls.sqlite*"):
        path.unlink()
    [warning] = json.loads(ran("backup", "--to", nas, "--keep", 1, "--json"))["warnings"]
    assert str(places.settings.database) in warning
    assert warning in ran("backup", "--to", nas, "--keep", 1)
    assert len(list(nas.iterdir())) == 3


def test_a_backup_dated_in_the_future_is_named_and_the_new_one_stays(places: Places, tmp_path: Path) -> None:
    made = make(places, tmp_path / "nas").path
    ahead = made.rename(made.with_name(name_of(datetime.now(UTC) + timedelta(days=400))))
    said = ran("backup", "--to", tmp_path / "nas", "--keep", 1)
    assert f"{ahead} bertanggal di masa depan" in said
    assert sorted(path.name in said for path in (tmp_path / "nas").iterdir()) == [True, True]
    assert len(list((tmp_path / "nas").iterdir())) == 2


def test_a_backup_is_made_though_an_old_one_cannot_be_deleted(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `chattr +i`, or a NAS that keeps what it has, would do."""
    old, gone = (make(places, tmp_path / "nas").path for _ in range(2))
    unlink = Path.unlink

    def refuses(path: Path, missing_ok: bool = False) -> None:
        if path == old:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))
        if path == gone:
            unlink(path)  # somebody else was quicker
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuses)
    said = ran("backup", "--to", tmp_path / "nas", "--keep", 1)
    assert "Cadangan selesai" in said
    assert f"{gone} tidak dapat dihapus" not in said
    assert f"{old} tidak dapat dihapus (--keep): Operation not permitted" in said
    assert "tidak ada yang tertinggal" not in said


def test_surplus_is_deleted_while_no_other_backup_can_be_made(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make(places, tmp_path / "nas").path
    unlink = Path.unlink

    def looks(path: Path, missing_ok: bool = False) -> None:
        if path == old:
            with pytest.raises(CannotBackUp, match="sedang dibuat"):
                make(places, tmp_path / "nas")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", looks)
    assert f"Dihapus (--keep): {old}" in ran("backup", "--to", tmp_path / "nas", "--keep", 1)


def test_a_folder_that_cannot_be_read_is_not_told_as_a_backup_that_failed(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "nas")

    path = make(places, tmp_path / "nas").path
    for name in ("listed", "verify"):
        monkeypatch.setattr(f"ivr.backup.cli.{name}", refuses)
    for words in (("list", "--to", tmp_path / "nas"), ("verify", path)):
        assert ran("backup", *words, code=1).startswith("Tidak terbaca: nas: Permission denied")


@pytest.mark.parametrize("below", ["", "nas"])
def test_a_place_for_backups_that_is_a_file_is_said_with_its_setting(
    places: Places, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, below: str
) -> None:
    file = write(tmp_path / "file", b"mine")
    monkeypatch.setenv("IVR_BACKUPS", str(file / below))
    for words in ([], ["list"]):
        said = ran("backup", *words, code=1)
        assert f"{file} bukan folder" in said
        assert "IVR_BACKUPS" in said


def test_numbers_have_a_decimal_comma_and_small_ones_are_kilobytes(places: Places, tmp_path: Path) -> None:
    said = ran("backup", "--to", tmp_path / "nas")
    assert re.search(r"\(\d+,\d kB, \d+ berkas, \d+,\d detik\)", said), said
    assert re.search(r" \d+,\d kB ", ran("backup", "list", "--to", tmp_path / "nas"))
    assert (size(999_949), size(1_000_000), size(12_345_678)) == ("999,9 kB", "1,0 MB", "12,3 MB")


def test_the_bar_has_a_decimal_comma_too() -> None:
    with Bar(disable=True) as bar:
        bar.add_task("", total=40_000_000, completed=12_345_678)
        assert Amount().render(bar.tasks[0]).plain == "12,3 MB / 40,0 MB"


def test_without_a_folder_the_setting_says_where(places: Places) -> None:
    ran("backup")
    assert len(list(places.settings.backups.glob("ivr112-*.tar.gz"))) == 2


def test_a_broken_backup_is_refused_with_its_place_and_nothing_is_touched(places: Places, tmp_path: Path) -> None:
    path = make(places, tmp_path / "nas").path
    write(path, path.read_bytes()[:-2000])
    before = tree(tmp_path / "i")
    assert "RUSAK" in ran("backup", "verify", path, code=1)
    assert "RUSAK" in ran("restore", path, "--yes", code=1)
    assert tree(tmp_path / "i") == before
    assert "bukan cadangan" in ran("restore", write(tmp_path / "x.tar.gz", b"x"), "--yes", code=1)
    assert "tidak ada" in ran("backup", "verify", tmp_path / "nowhere", code=2)


def test_without_a_terminal_nobody_is_asked(places: Places, tmp_path: Path) -> None:
    path = make(places, tmp_path / "nas").path
    before = tree(tmp_path / "i")
    assert "--yes" in ran("restore", path, code=2)
    assert tree(tmp_path / "i") == before


def test_a_rehearsal_goes_beside_the_running_server(places: Places, tmp_path: Path) -> None:
    path = make(places, tmp_path / "nas").path
    before = tree(tmp_path / "i")
    said = ran("restore", path, "--to", tmp_path / "rehearsal", "--yes")
    assert "server yang berjalan tidak diubah" in said
    assert f"IVR_STATE={tmp_path / 'rehearsal'} ivr calls" in said
    assert "Nyalakan server" not in said
    assert str(tmp_path / "rehearsal" / "from-backup") in said
    assert (tmp_path / "rehearsal" / "calls.sqlite").stat().st_mode & 0o777 == 0o600
    assert tree(tmp_path / "i") == before


def test_an_empty_folder_has_no_backups(places: Places, tmp_path: Path) -> None:
    assert "Belum ada cadangan" in ran("backup", "list", "--to", tmp_path / "nowhere")
    assert ran("backup", "list", "--to", tmp_path / "nowhere", "--json") == ""
