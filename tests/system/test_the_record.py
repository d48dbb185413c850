"""What is written about calls: complete, closed, and the same as what Asterisk says."""

import csv
import os
import signal

from ivr.calls.events import Kind as Happened
from tests.audio import load
from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import Server, until
from tests.system.test_the_call import talks


def test_every_call_in_asterisks_own_records_is_in_ours(server: Server, switch_on: SwitchOn) -> None:
    citizen = switch_on(server, "warga")
    for _ in range(3):
        Citizen(server, citizen).dial().hangs_up()
    log = server.state / "asterisk" / "log"
    with (log / "cdr-custom" / "calls.csv").open(newline="") as file:
        in_cdr = {row[0] for row in csv.reader(file) if row[8].startswith("PJSIP/warga-")}
    with (log / "cel-custom" / "calls.csv").open(newline="") as file:
        in_cel = {row[11] for row in csv.reader(file) if row[2] == "ARRIVED"}
    ours = {call.call_id for call in server.calls(10_000, tests=None) if call.ended_at}
    assert len(in_cdr) >= 3
    assert in_cdr <= in_cel == ours


def test_a_call_cut_off_by_a_crash_of_asterisk_is_closed_and_its_recording_mended(
    own_server: Server, switch_on: SwitchOn
) -> None:
    officer, citizen = switch_on(own_server, "damkar_1"), Citizen(own_server, switch_on(own_server, "warga"))
    citizen.dial().answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    sound = until(lambda: next(own_server.recordings.rglob("*.wav"), None), "recording")
    assert sound is not None
    until(lambda: sound.stat().st_size > 5 * 16000, "five seconds of recording", 20)
    os.kill(int((own_server.state / "asterisk" / "run" / "asterisk.pid").read_text()), signal.SIGKILL)

    def closed() -> bool:
        record = own_server.story(citizen.call_id)[0]
        return bool(record.ended_at and record.recording_checked_at)

    until(closed, "closed call", 40)
    record, events = own_server.story(citizen.call_id)
    assert (record.ended_by_sweep, record.outcome, record.answered_by) == (True, "answered", "damkar_1")
    checked = next(event for event in events if event.kind == Happened.RECORDING_CHECKED)
    assert checked.detail["repaired"] is True
    assert record.recording_problem is None
    assert len(load(sound)) > 4 * 8000


def test_the_timeline_tells_the_call_in_order_with_seconds_since_its_arrival(
    server: Server, switch_on: SwitchOn
) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().answers("1", "1")
    accepts(citizen, officer)
    talks(citizen, officer)
    _, events = citizen.hangs_up()
    order = [
        *(Happened.ARRIVED, Happened.RECORDING_STARTED, Happened.QUESTION, Happened.KEY_PRESSED, Happened.UNDERSTOOD),
        *(Happened.QUESTION, Happened.KEY_PRESSED, Happened.UNDERSTOOD, Happened.PLAN, Happened.RING),
        *(Happened.PICKED_UP, Happened.ACCEPTED, Happened.HUNG_UP, Happened.RECORDING_CHECKED),
    ]
    told = iter(event.kind for event in events)
    assert [kind for kind in order if kind not in told] == []  # `in` moves on, so this proves the order too
    assert all(event.monotonic for event in events if event.source == "controller")
