"""A backup made during a call brings the whole server back in another folder."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from ivr.calls.events import Event
from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind
from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import PROJECT, Server, until
from tests.system.test_the_call import talks


def ivr(server: Server, *arguments: str, code: int = 0) -> str:
    """A command on this installation; what it says on stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "ivr", *arguments],
        env=server.environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done
    return done.stdout + (done.stderr if code else "")


def test_a_server_restored_elsewhere_goes_on_with_its_phones_and_its_record(
    tmp_path_factory: pytest.TempPathFactory, switch_on: SwitchOn
) -> None:
    tmp_path = tmp_path_factory.mktemp("b")  # short, as the state's own path must be
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    with Server(tmp_path / "old", shift=950) as old:
        officer, citizen = switch_on(old, "damkar_1"), Citizen(old, switch_on(old, "warga"))
        citizen.dial().answers("1", "1")
        accepts(citizen, officer)
        citizen.hangs_up()
        officer.wait_event(Kind.CLOSED)
        cut = Citizen(old, citizen.phone).dial().answers("1", "1")
        accepts(cut, officer)
        talks(cut, officer)
        cut.until(Happened.ACCEPTED)
        until(lambda: _recorded(old, cut) > 5 * 16000, "five seconds of recording", 20)  # written four by four
        finished, told = old.story(citizen.call_id)  # by now with the last rows of its channels
        made = json.loads(ivr(old, "backup", "--recordings", "--json"))
        assert old.story(cut.call_id)[0].ended_at is None, "the call goes on through the backup"
        talks(cut, officer)
        assert "sedang berjalan" in ivr(old, "restore", made["file"], "--yes", code=1)
        cut.hangs_up()
        passwords = (old.state / "secrets.json").read_bytes()
    growing = {name: member["growing"] for member in made["members"] if "recordings" in (name := member["name"])}
    assert len(growing) == 2
    assert [name for name, still in growing.items() if cut.call_id in name and still]

    new = Server(tmp_path / "new", shift=950)
    done = json.loads(ivr(new, "restore", made["file"], "--yes", "--json"))
    assert done["before"] is None
    assert (new.state / "secrets.json").read_bytes() == passwords
    with new:
        assert {call.call_id for call in new.calls()} == {finished.call_id, cut.call_id}
        assert new.story(finished.call_id) == (finished, told)
        assert new.recording_of(finished).read_bytes() == old.recording_of(finished).read_bytes()

        officer, citizen = switch_on(new, "damkar_1"), Citizen(new, switch_on(new, "warga"))
        citizen.dial().answers("1", "1")
        accepts(citizen, officer)
        talks(citizen, officer)
        record, _ = citizen.hangs_up()
        assert (record.answered_by, record.lifeline) == ("damkar_1", False)

        def closed() -> bool:
            found = new.story(cut.call_id)[0]
            return bool(found.ended_at and found.recording_checked_at)

        until(closed, "end of the call that was in progress", 30)
        ended, events = new.story(cut.call_id)
        assert (ended.ended_by_sweep, ended.answered_by, ended.recording_problem) == (True, "damkar_1", None)
        assert not [what for what, times in Counter(map(_what, events)).items() if times > 1]
        assert new.story(finished.call_id) == (finished, told)
        assert len(new.calls()) == 3


def _recorded(server: Server, citizen: Citizen) -> int:
    """Bytes of the call's recording that are on disk by now."""
    return server.recording_of(server.story(citizen.call_id)[0]).stat().st_size


def _what(event: Event) -> tuple[str, object, str]:
    """No two things happen alike in the same microsecond."""
    return str(event.kind), event.at, str(sorted(event.detail.items()))
