import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.controller.script import CityScript
from ivr.heartbeat.callfile import Heartbeat, drop, keys, new_call, text, untouched
from ivr.rules import load_rules
from tests.city import SHIPPED, SYSTEM_TEST, settings_in

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
CALL = Heartbeat("20261122T010000-1a2b3c4d", "PJSIP/x/sip:112@127.0.0.1:5060", ("1", "3"))


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    (tmp_path / "outgoing").mkdir()
    return tmp_path


def test_asterisk_is_told_everything_and_tries_once() -> None:
    lines = text(CALL, 1795309200.5).splitlines()
    assert {"Channel: Local/call@heartbeat/n", "MaxRetries: 0", "Context: heartbeat", "Extension: answered"} <= {
        *lines
    }
    assert "Setvar: KEYS=1&3" in lines
    assert "Setvar: BEGAN=1795309200500" in lines
    assert all(line.partition(": ")[2] for line in lines)


def test_the_file_appears_whole_and_alone(spool: Path) -> None:
    seen: list[str] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.extend(file.read_text() for file in (spool / "outgoing").iterdir())

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(50):
        drop(Heartbeat(f"{number}", CALL.to, CALL.keys), spool)
    stop.set()
    watcher.join()
    assert seen
    assert all(found.startswith("Channel: ") and "Setvar: BEGAN=" in found for found in seen)
    assert [file.name for file in spool.iterdir()] == ["outgoing"]


def test_a_clock_that_is_set_back_a_little_does_not_hold_the_call_up(spool: Path) -> None:
    assert drop(CALL, spool).stat().st_mtime < time.time() - 3000


def test_only_the_service_can_read_the_file(spool: Path) -> None:
    assert drop(CALL, spool).stat().st_mode & 0o777 == 0o600


def test_a_spool_that_is_not_there_is_the_systems_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        drop(CALL, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_asterisks_own_lines_show_that_it_took_the_call(spool: Path) -> None:
    file = drop(CALL, spool)
    assert untouched(file)
    with file.open("a") as written:
        written.write("\nStartRetry: 4711 1 (1795309500)\n")
    assert not untouched(file)
    os.unlink(file)  # noqa: PTH108 as Asterisk does at the end
    assert not untouched(file)


def test_the_first_choice_of_every_question_is_pressed() -> None:
    assert keys(CityScript(load_rules(SYSTEM_TEST), NOW)) == ("1", "1")


def test_behind_a_group_of_kecamatan_the_second_digit_is_pressed_too() -> None:
    text = SYSTEM_TEST.read_text().replace("62.71.01: {tombol: 1,", "62.71.01: {tombol: 11,")
    grouped = text.replace("\njalur:\n", "\nkelompok_wilayah: {1: Kota}\njalur:\n")
    assert keys(CityScript(load_rules(grouped), NOW)) == ("1", "1", "1")


def test_without_a_number_the_call_stays_on_this_machine(tmp_path: Path) -> None:
    call = new_call(settings_in(tmp_path, sip_address="10.0.0.5"), CityScript(load_rules(SHIPPED), NOW), NOW)
    assert (call.to, call.code) == ("PJSIP/heartbeat-only/sip:112@10.0.0.5:5060", "")


def test_a_number_is_dialled_through_the_trunk_with_a_code_of_its_own(tmp_path: Path) -> None:
    given = settings_in(tmp_path, heartbeat_number="0536112", trunk_file=tmp_path / "trunk.conf")
    calls = [new_call(given, CityScript(load_rules(SHIPPED), NOW), NOW) for _ in range(5)]
    assert {call.to for call in calls} == {"PJSIP/0536112@trunk"}
    assert all(len(call.code) == 6 and call.code.isdigit() for call in calls)
    assert len({call.code for call in calls}) > 1
    assert len({call.token for call in calls}) == 5


def test_a_number_without_a_trunk_cannot_be_dialled(tmp_path: Path) -> None:
    assert (
        new_call(settings_in(tmp_path, heartbeat_number="0536112"), CityScript(load_rules(SHIPPED), NOW), NOW).code
        == ""
    )
