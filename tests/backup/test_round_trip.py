"""What was backed up comes back: every row, every file, every mode."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.backup.keep import verify
from ivr.backup.make import Made, make
from ivr.backup.places import Places
from ivr.backup.plan import Action, Step, plan
from ivr.backup.restore import Restored, restore
from ivr.backup.snapshot import MAGIC
from ivr.calls.catchup import FileReader
from ivr.calls.celfile import CelFile
from ivr.calls.database import Database
from ivr.calls.writer import CallLog
from ivr.secrets import Secrets
from tests.backup.installation import LEFT_OUT, fill, installation, record, rows, tree, write
from tests.calls import story


def put_back(made: Made, places: Places, *, outside: bool = True) -> tuple[Restored, list[Step]]:
    """What `ivr restore` does after its questions."""
    found = verify(made.path)
    steps = plan(found.contents, places, found.settings, outside=outside)
    return restore(made.path, found.contents, steps, places, ports=False), steps


@pytest.fixture
def there(tmp_path: Path) -> Places:
    return fill(installation(tmp_path / "there"))


@pytest.fixture
def made(there: Places, tmp_path: Path) -> Made:
    return make(there, tmp_path / "nas", recordings=True)


def test_every_row_and_file_comes_back_on_another_machine(there: Places, made: Made, tmp_path: Path) -> None:
    here = installation(tmp_path / "here")
    put_back(made, here)
    old, new = there.settings, here.settings
    expected = rows(old.database)
    assert len(expected["events"]) > 1200
    moved = [(path.replace(str(old.state), str(new.state)), *rest) for path, *rest in expected["cel_position"]]
    assert rows(new.database) == expected | {"cel_position": sorted(moved, key=repr)}
    assert rows(new.state / "asterisk/lib/astdb.sqlite3") == rows(old.state / "asterisk/lib/astdb.sqlite3")
    there_now, here_now = tree(tmp_path / "there"), tree(tmp_path / "here")
    left_out = {f"there/state/{name}" for name in LEFT_OUT} | {"there/prompts/built/salam.wav"}
    databases = {"state/calls.sqlite", "state/asterisk/lib/astdb.sqlite3"}
    files = {n.removeprefix("there/"): v for n, v in there_now.items() if n not in left_out}
    restored = {name.removeprefix("here/"): value for name, value in here_now.items()}
    restored[".env"] = restored.pop("state/from-backup/project/.env")  # it would lead to the old machine's folders
    assert files.keys() == restored.keys()
    assert {n: v for n, v in files.items() if n not in databases} == {
        n: v for n, v in restored.items() if n not in databases
    }
    assert {name: files[name][1] for name in databases} == {name: restored[name][1] for name in databases}


def test_the_state_that_was_there_is_kept_whole_beside(there: Places, made: Made, tmp_path: Path) -> None:
    write(there.settings.state / "later", b"made after the backup")
    write(there.settings.rules_file, b"edited later\n", 0o644)
    state = there.settings.state
    before = {name: value for name, value in tree(state).items() if "/backups/" not in name}
    recorded = tree(there.settings.recordings)
    done, _ = put_back(made, there)
    assert done.before is not None
    assert done.before.name.startswith("state.before-restore-")
    kept = {n.replace(done.before.name, "state", 1): v for n, v in tree(done.before).items() if "up.lock" not in n}
    assert kept == before
    assert not (state / "later").exists()
    assert tree(there.settings.recordings) == recorded
    assert [path.name.split(".before")[0] for path in done.kept] == ["kota.yaml"]
    assert done.kept[0].read_bytes() == b"edited later\n"
    assert done.kept[0].stat().st_mode & 0o777 == 0o644
    assert there.settings.rules_file.read_bytes().startswith(b"#")
    assert there.settings.rules_file.stat().st_mode & 0o777 == 0o640
    assert not state.with_name("state.new").exists()


def test_backups_kept_inside_the_state_folder_stay_where_they_are(there: Places, tmp_path: Path) -> None:
    folder = there.settings.backups
    made = make(there, folder)
    put_back(made, there)
    assert sorted(path.name for path in folder.iterdir()) == ["ivr112-20260101-000000.tar.gz", made.path.name]
    assert not any("backups" in member.name for member in made.contents.members)


def test_restoring_twice_gives_the_same_and_keeps_both_earlier_states(there: Places, made: Made) -> None:
    first, _ = put_back(made, there)
    once = tree(there.settings.state)
    second, steps = put_back(made, there)
    assert {n: v for n, v in tree(there.settings.state).items() if n != "state/up.lock"} == once
    assert first.before != second.before
    assert second.kept == ()
    assert {step.action for step in steps} == {Action.STATE, Action.SAME}


def test_recordings_and_certificates_that_are_there_are_left(there: Places, made: Made) -> None:
    recording = there.settings.recordings / "2026" / "11" / "22" / "one.wav"
    certificate = there.settings.tls_certificate
    assert certificate is not None
    write(recording, b"longer by now")
    write(certificate, b"renewed")
    _, steps = put_back(made, there)
    assert recording.read_bytes() == b"longer by now"
    assert certificate.read_bytes() == b"renewed"
    assert sum(step.action is Action.LEFT for step in steps) == 2
    recording.unlink()
    put_back(made, there)
    assert recording.read_bytes().startswith(b"RIFF")


def test_a_rehearsal_touches_nothing_outside_its_folder(there: Places, made: Made, tmp_path: Path) -> None:
    rehearsal = installation(tmp_path / "there", state=tmp_path / "rehearsal")
    write(there.settings.rules_file, b"edited later\n")
    before = tree(tmp_path / "there")
    put_back(made, rehearsal, outside=False)
    assert tree(tmp_path / "there") == before
    apart = tmp_path / "rehearsal" / "from-backup"
    assert (apart / "recordings/2026/11/22/one.wav").exists()
    assert (apart / "rules/routing_rules.yaml").read_bytes().startswith(b"#")
    assert Secrets(tmp_path / "rehearsal" / "secrets.json")["damkar_1"] == passwords(there)["damkar_1"]


def passwords(places: Places) -> dict[str, str]:
    found: dict[str, str] = json.loads((places.settings.state / "secrets.json").read_text())
    return found


def test_settings_that_point_to_other_folders_are_laid_aside(there: Places, tmp_path: Path) -> None:
    write(there.project / ".env", f"IVR_STATE={tmp_path / 'elsewhere'}\nIVR_DEMO=no\n".encode())
    again = make(there, tmp_path / "nas")
    write(there.project / ".env", b"IVR_DEMO=yes\n")
    _, steps = put_back(again, there)
    [step] = [step for step in steps if step.member.name == "project/.env"]
    assert step.action is Action.BY_HAND
    assert (there.project / ".env").read_bytes() == b"IVR_DEMO=yes\n"
    assert b"elsewhere" in (there.settings.state / "from-backup/project/.env").read_bytes()


def test_settings_that_point_here_are_put_in_force(
    there: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = there.settings
    names = ("state", "rules_file", "recordings", "prompts", "trunk_file", "tls_certificate", "tls_key")
    for name in names:
        monkeypatch.delenv(f"IVR_{name.upper()}", raising=False)
    lines = "".join(f"IVR_{name.upper()}={getattr(chosen, name)}\n" for name in names)
    write(there.project / ".env", lines.encode())
    made = make(there, tmp_path / "nas")
    write(there.project / ".env", b"IVR_DEMO=yes\n")
    done, _ = put_back(made, there)
    assert (there.project / ".env").read_text() == lines
    assert [path.read_bytes() for path in done.kept] == [b"IVR_DEMO=yes\n"]


def test_a_file_in_a_folder_we_may_not_write_to_is_laid_aside_with_its_place_named(
    there: Places, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = write(there.settings.rules_file, b"the city's, and root's\n")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != rules.parent and access(path, mode))
    _, steps = put_back(made, there)
    assert [step.target for step in steps if step.action is Action.BY_HAND] == [rules]
    assert rules.read_bytes() == b"the city's, and root's\n"
    assert (there.settings.state / "from-backup/rules/routing_rules.yaml").read_bytes().startswith(b"#")


def test_what_this_installation_has_no_place_for_is_laid_aside(made: Made, tmp_path: Path) -> None:
    here = installation(tmp_path / "here", trunk_file=None)
    put_back(made, here)
    assert (here.settings.state / "from-backup/trunk/trunk.conf").read_bytes() == b"trunk.conf"


def test_a_cel_file_read_to_its_end_before_is_not_read_again_at_another_place(tmp_path: Path) -> None:
    there = fill(installation(tmp_path / "there"))
    asyncio.run(caught_up(there))
    made = make(there, tmp_path / "nas")
    events = len(rows(there.settings.database)["events"])
    here = installation(tmp_path / "here")
    put_back(made, here)
    story.write_rows(here.settings.cel_file, story.abandoned_rows("ivr112-1795999999.1"))
    met = asyncio.run(caught_up(here))
    assert met == {"ivr112-1795999999.1"}
    assert len(rows(here.settings.database)["events"]) == events + 7


def test_cel_rows_written_before_a_rotation_and_not_read_yet_are_read_after_the_restore(tmp_path: Path) -> None:
    there = fill(installation(tmp_path / "there"))
    asyncio.run(caught_up(there))
    story.write_rows(there.settings.cel_file, story.answered_rows("ivr112-1795999999.2"))
    there.settings.cel_file.rename(there.settings.cel_file.with_name("calls.csv.3"))
    story.write_rows(there.settings.cel_file, story.abandoned_rows("ivr112-1795999999.3"))
    here = installation(tmp_path / "here")
    put_back(make(there, tmp_path / "nas"), here)
    met = asyncio.run(caught_up(here))
    assert met == {"ivr112-1795999999.2", "ivr112-1795999999.3"}


def test_cel_read_once_more_from_its_beginning_doubles_nothing(tmp_path: Path) -> None:
    there = fill(installation(tmp_path / "there"))
    asyncio.run(caught_up(there))
    here = installation(tmp_path / "here")
    put_back(make(there, tmp_path / "nas"), here)
    before = rows(here.settings.database)
    with closing(sqlite3.connect(here.settings.database)) as connection, connection:
        connection.execute("DELETE FROM cel_position")
    assert asyncio.run(caught_up(here)) == {story.CALL}
    after = rows(here.settings.database)
    assert {name: after[name] for name in ("events", "calls", "attempts")} == {
        name: before[name] for name in ("events", "calls", "attempts")
    }


async def caught_up(places: Places) -> frozenset[str]:
    calls = CallLog(Database(places.settings.database))
    try:
        return (await FileReader(calls, CelFile(places.settings.cel_file)).catch_up()).met
    finally:
        await calls.database.close()


file_names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40).filter(
    lambda name: name not in {".", ".."} and len(name.encode()) < 200 and not name.endswith((".new", "-wal", "-shm"))
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(
        st.tuples(file_names, file_names),
        st.tuples(
            st.binary(max_size=5000).filter(lambda content: not content.startswith(MAGIC)),
            st.sampled_from([0o600, 0o640, 0o644, 0o755]),
        ),
        max_size=6,
    )
)
def test_any_file_with_any_name_comes_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[tuple[str, str], tuple[bytes, int]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    there, here = installation(folder / "there"), installation(folder / "here")
    write(there.settings.database, record())
    Secrets(there.settings.state / "secrets.json")["damkar_1"]
    for (below, name), (content, mode) in files.items():
        write(there.settings.state / f"d{below}" / name, content, mode)
    put_back(make(there, folder / "nas"), here)
    databases = {"state/calls.sqlite"}
    old, new = tree(there.settings.state), tree(here.settings.state)
    assert {n: v for n, v in old.items() if n not in databases} == {
        n: v for n, v in new.items() if n not in databases
    }


def test_a_name_that_is_no_utf8_comes_back(there: Places, tmp_path: Path) -> None:
    name = os.fsdecode(b"rekaman-\xff\xfe.txt")
    write(there.settings.state / name, b"old encoding")
    here = installation(tmp_path / "here")
    put_back(make(there, tmp_path / "nas"), here)
    assert (here.settings.state / name).read_bytes() == b"old encoding"
