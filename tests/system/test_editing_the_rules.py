"""An admin edits the rules of a running server, with whatever editor, and whatever goes wrong on the way."""

import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind, Phone
from tests.system.measured import DEAD_AIR, SOON, holds, outcome, reached
from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import Server, until
from tests.system.test_first_start import ivr
from tests.system.test_the_call import talks

SHIFT = 400
TEXT = Path(__file__).with_name("rules.yaml").read_text(encoding="utf-8")
LAMP = "{kategori: lampu, langkah: [dishub]}"
BROKEN = TEXT.replace("langkah: [dishub]", "langkah: [dishup]")


def lamp_to(agency: str, comment: str = "") -> str:
    """Rules under which a broken street lamp is a matter for this agency."""
    assert LAMP in TEXT
    return f"# {comment}\n" + TEXT.replace(LAMP, f"{{kategori: lampu, langkah: [{agency}]}}")


LAST_GOOD = lamp_to("polresta", "last good")


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def status(server: Server) -> dict[str, Any]:
    """What `ivr status --json` says; its exit code agrees."""
    done = ivr(server, "status", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["well"] else 1), done.stderr
    return found


def told(server: Server) -> dict[str, Any]:
    """What the controller wrote last, without the second that a command takes."""
    found: dict[str, Any] = json.loads((server.state / "rules" / "status.json").read_text())
    return found


def until_in_force(server: Server, text: str) -> None:
    """Wait until new calls are served by this text."""
    until(lambda: told(server)["in_force"]["hash"] == digest_of(text), "new rules in force")


def until_attempt(server: Server, result: str, text: str | None) -> list[str]:
    """Wait until this text (None: no file) was tried and it ended so; the problems that were said."""
    digest = "" if text is None else digest_of(text)

    def look() -> bool:
        attempt = told(server)["attempt"]
        return bool(attempt and (attempt["result"], attempt["hash"]) == (result, digest))

    until(look, f"attempt that is {result}")
    problems: list[str] = told(server)["attempt"]["problems"]
    return problems


def save(server: Server, text: str) -> None:
    """Save as most editors do: a new file in place of the old one."""
    new = server.rules.with_name(".rules.yaml.swp")
    new.write_text(text, encoding="utf-8")
    new.replace(server.rules)


class Town:
    """The phones of everybody to whom a broken lamp may be a matter, and of a citizen who sees one."""

    def __init__(self, server: Server, switch_on: SwitchOn) -> None:
        self.server = server
        self.agencies = {name: switch_on(server, name) for name in ("dishub", "polresta", "psc119")}
        self.citizen = switch_on(server, "warga")

    def rings(self, account: str, citizen: Citizen | None = None) -> None:
        """A citizen who now reports a broken lamp is put through to this phone, and to no other."""
        citizen = (citizen or Citizen(self.server, self.citizen).dial()).answers("4")
        self.agencies[account].wait_event(Kind.INCOMING, 10)
        citizen.until(Happened.RING, line=account)
        record, events = self.server.story(citizen.call_id)
        citizen.phone.hang_up()
        self.agencies[account].wait_event(Kind.CLOSED)
        rung = [event.detail["line"] for event in events if event.kind == Happened.RING]
        assert (rung, record.lifeline) == ([account], False)

    def reaches(self, account: str, cause: str) -> None:
        """A citizen who now reports a broken lamp talks to this agency: a row of the failure matrix."""
        officer, dialled = self.agencies[account], time.monotonic()
        citizen = Citizen(self.server, self.citizen).dial().answers("4")
        if account == "dishub":
            officer.answer()
        else:
            accepts(citizen, officer)
        talks(citizen, officer)
        measured = reached(self.citizen, officer, dialled)
        record, _ = citizen.hangs_up()
        holds(cause, "new call", measured, outcome(record), limit=SOON, dead_air=DEAD_AIR)
        assert (record.answered_by, record.lifeline) == (account, False)


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory, voices: dict[str, Path]) -> Iterator[Town]:
    """The town of one running server; its phones stay on from test to test."""
    with Server(tmp_path_factory.mktemp("edited"), shift=SHIFT) as running, ExitStack() as phones:

        def switch_on(server: Server, account: str) -> Phone:
            voice = voices["citizen" if account == "warga" else "officer"]
            phone = phones.enter_context(server.phone(account, microphone=voice))
            phone.wait_registered()
            return phone

        yield Town(running, switch_on)


@pytest.fixture
def town(edited: Town) -> Town:
    """Its broken lamps are a matter for dishub."""
    save(edited.server, TEXT)
    until_in_force(edited.server, TEXT)
    return edited


@pytest.fixture
def server(town: Town) -> Server:
    return town.server


@pytest.fixture
def restarted(tmp_path: Path) -> Iterator[Server]:
    """A server that was started while the file was broken; before, lamps were a matter for polresta."""
    server = Server(tmp_path, shift=SHIFT + 50)
    with server:
        save(server, LAST_GOOD)
        until_in_force(server, LAST_GOOD)
    save(server, BROKEN)
    with server:
        yield server


def test_a_file_saved_by_renaming_serves_the_next_call(server: Server, town: Town) -> None:
    town.rings("dishub")
    save(server, lamp_to("polresta"))
    until_in_force(server, lamp_to("polresta"))
    town.rings("polresta")
    found = status(server)
    assert (found["well"], found["file"]["state"], found["in_force"]["how"]) == (True, "in_force", "saved")


def test_half_a_file_changes_nothing_until_the_rest_is_written(server: Server, town: Town) -> None:
    text = lamp_to("polresta", "halves")
    half = text[: text.index("aturan:")]
    with server.rules.open("w", encoding="utf-8") as file:
        file.write(half)
        file.flush()
        assert until_attempt(server, "refused", half)
        town.reaches("dishub", "rules file half written")
        file.write(text[len(half) :])
    until_in_force(server, text)
    town.rings("polresta")
    assert status(server)["well"]


def test_of_two_savings_within_a_second_the_last_one_counts(server: Server, town: Town) -> None:
    save(server, lamp_to("polresta", "twice"))
    save(server, lamp_to("psc119", "twice"))
    until_in_force(server, lamp_to("psc119", "twice"))
    town.rings("psc119")
    assert status(server)["attempt"]["result"] == "accepted"


def test_a_call_in_progress_keeps_the_rules_it_began_with(server: Server, town: Town) -> None:
    citizen = Citizen(server, town.citizen).dial().is_asked("category")
    save(server, lamp_to("polresta", "kept"))
    until_in_force(server, lamp_to("polresta", "kept"))
    town.rings("dishub", citizen)
    town.rings("polresta")


@pytest.mark.parametrize(("fault", "text"), [("broken", BROKEN), ("empty", ""), ("vanished", None)])
def test_a_file_that_cannot_be_used_changes_nothing_and_is_said(
    fault: str, text: str | None, server: Server, town: Town
) -> None:
    if text is None:
        server.rules.unlink()
    else:
        save(server, text)
    problems = until_attempt(server, "refused", text)
    town.reaches("dishub", f"rules file {fault}")
    found = status(server)
    assert (found["well"], found["file"]["state"], found["in_force"]["hash"]) == (False, "unusable", digest_of(TEXT))
    assert found["attempt"]["problems"] == problems == found["file"]["problems"]
    save(server, TEXT)
    until_attempt(server, "unchanged", TEXT)
    assert status(server)["well"]


def test_whoever_asks_for_a_reload_is_told_what_became_of_it(server: Server, town: Town) -> None:
    save(server, lamp_to("psc119", "asked"))
    accepted = ivr(server, "rules", "reload", "--json")
    assert accepted.returncode == 0, accepted.stderr
    assert json.loads(accepted.stdout)["hash"] == digest_of(lamp_to("psc119", "asked"))
    town.rings("psc119")
    unchanged = ivr(server, "rules", "reload")
    assert (unchanged.returncode, unchanged.stdout[:20]) == (0, "Tidak ada perubahan:")
    save(server, BROKEN)
    refused = ivr(server, "rules", "reload")
    assert (refused.returncode, refused.stdout.splitlines()[0][:7]) == (1, "DITOLAK")
    assert "`dishup` tidak ada" in refused.stdout
    town.rings("psc119")


def test_the_history_gives_back_what_was_in_force(server: Server) -> None:
    save(server, lamp_to("polresta", "history"))
    until_in_force(server, lamp_to("polresta", "history"))
    listed = [json.loads(line) for line in ivr(server, "rules", "history", "--json").stdout.splitlines()]
    assert [entry["hash"] for entry in listed[:2]] == [digest_of(lamp_to("polresta", "history")), digest_of(TEXT)]
    assert ivr(server, "rules", "history", listed[1]["hash"][:12]).stdout == TEXT


def test_a_file_saved_while_asterisk_is_away_serves_calls_once_it_is_back(
    own_server: Server, switch_on: SwitchOn
) -> None:
    server, text = own_server, lamp_to("polresta", "pending")
    with server.without_restarts():
        os.kill(int((server.state / "asterisk" / "run" / "asterisk.pid").read_text()), signal.SIGKILL)
        until(lambda: status(server)["asterisk"]["reachable"] is False, "end of Asterisk")
        save(server, text)
        until_attempt(server, "pending", text)
        assert told(server)["in_force"]["hash"] == digest_of(TEXT)
    until(lambda: told(server)["in_force"]["hash"] == digest_of(text), "new rules in force", 30)
    Town(server, switch_on).reaches("polresta", "rules saved while Asterisk was away")


def test_a_start_with_a_broken_file_is_a_start_on_the_last_good_rules(restarted: Server, switch_on: SwitchOn) -> None:
    town = Town(restarted, switch_on)
    town.reaches("polresta", "rules file broken when the server starts")
    assert until_attempt(restarted, "refused", BROKEN)
    found = status(restarted)
    assert (found["in_force"]["hash"], found["file"]["state"]) == (digest_of(LAST_GOOD), "unusable")
    first = restarted.controller_pid
    os.kill(first, signal.SIGKILL)
    until(lambda: restarted.controller_pid != first, "new controller")
    until(lambda: status(restarted)["controller"]["running"], "controller that answers")
    town.rings("polresta")
    save(restarted, TEXT)
    until_in_force(restarted, TEXT)
    town.rings("dishub")
