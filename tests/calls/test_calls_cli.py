import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from ivr.calls import query, show
from ivr.calls.cli import LogSources, commands, events_from_now
from ivr.calls.database import Database, reader
from ivr.calls.events import Event, Kind, happened
from ivr.calls.projection import CallRecord, project
from ivr.calls.query import Filter
from ivr.calls.show import Style
from ivr.calls.writer import CallLog
from ivr.owner import owner_of
from tests.calls.story import (
    CALL,
    NUMBER,
    abandoned_rows,
    answered_rows,
    at,
    events,
    hangup,
    row,
    told_by_controller,
)
from tests.doctor.installation import without_rights

LEFT, NOW, EVIL = "ivr112-1795338000.1", "ivr112-1795341600.2", "ivr112-1795345200.3"
TEST = "ivr112-1795348800.4"
JAKARTA = ZoneInfo("Asia/Jakarta")
NAMES = {"kebakaran": "Kebakaran", "pahandut": "Pahandut", "damkar-1": "Damkar 1", "damkar-2": "Damkar 2"}


def named(_what: str, key: str) -> str:
    return NAMES.get(key, key)


def put(path: Path, some: Sequence[Event]) -> None:
    async def run() -> None:
        async with CallLog(Database(path)) as calls:
            await calls.store(some)

    asyncio.run(run())


def later(some: Sequence[Event], hours: float) -> list[Event]:
    return [replace(event, at=event.at + (at(hours * 3600) - at(0))) for event in some]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "calls.sqlite"
    checked = happened(
        CALL, Kind.RECORDING_CHECKED, at=at(90), source="recorder", seconds=81.0, bytes=1296044, sha256="ab" * 32
    )
    put(path, [*events(answered_rows()), *told_by_controller(), checked])
    put(path, later(events(abandoned_rows(LEFT)), 1))
    put(path, later(events(abandoned_rows(NOW)[:4]), 2))
    evil = row("ARRIVED", 0, "112|trunk", call=EVIL, number="\x1b[2J08", caller_name="\x1b]0;x\x07\n‮Evil")
    put(path, later(events([evil]), 3))
    test = [*abandoned_rows(TEST)[:2], row("TEST", 0.002, "17953344-1a2b", call=TEST), *hangup(9, TEST)]
    put(path, later(events(test), 4))
    return path


def run(path: Path, *words: str, zone: str = "Asia/Jakarta") -> Result:
    app = commands(lambda: LogSources(path, ZoneInfo(zone), named))
    return CliRunner().invoke(app, words)


def ids(result: Result) -> list[str]:
    return [json.loads(line)["call_id"] for line in result.stdout.splitlines()]


def test_the_list_is_newest_first_with_names_and_the_citys_time(path: Path) -> None:
    lines = run(path).stdout.splitlines()
    assert [line.split()[-1] for line in lines[1:]] == [EVIL, NOW, LEFT, CALL]
    assert re.match(r"2026-11-22 08:00:00 WIB  dijawab +21,0 dtk +0812\*{4}567 +Kebakaran +Pahandut", lines[4])
    assert "terputus" in lines[3]
    assert "berlangsung" in lines[2]


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Pontianak", "08:00:00 WIB"),
        ("Asia/Makassar", "09:00:00 WITA"),
        ("Asia/Jayapura", "10:00:00 WIT"),
        ("UTC", "01:00:00 UTC"),
    ],
)
def test_every_zone_has_its_name(path: Path, zone: str, shown: str) -> None:
    assert shown in run(path, "show", CALL, zone=zone).stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--open"], [EVIL, NOW]),
        (["--abandoned"], [LEFT]),
        (["--outcome", "answered"], [CALL]),
        (["--category", "kebakaran"], [CALL]),
        (["--area", "pahandut"], [CALL]),
        (["--category", "banjir"], []),
        (["--number", "34567"], [NOW, LEFT, CALL]),
        (["--number", "%"], []),
        (["--since", "2026-11-22 09:00"], [EVIL, NOW, LEFT]),
        (["--until", "2026-11-22 09:00"], [CALL]),
        (["--since", "2026-11-22T01:30:00Z", "--until", "2026-11-22T03:00:00Z"], [LEFT]),
        (["--since", "2026-11-23"], []),
        (["--limit", "2"], [EVIL, NOW]),
        (["--tests"], [TEST]),
        (["--tests", "--until", "2026-11-22 09:00"], []),
    ],
)
def test_filters(path: Path, words: list[str], expected: list[str]) -> None:
    result = run(path, "--json", *words)
    assert (ids(result), result.exit_code) == (expected, 0)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "999999d", "\x1b[2J"])
def test_a_time_nobody_understands_is_explained(path: Path, text: str) -> None:
    result = run(path, "--since", text)
    assert result.exit_code == 2
    assert "tidak dikenal" in result.stderr
    assert "\x1b[2J" not in result.stderr


@pytest.mark.parametrize("text", ["today", "30m", "2h", "7d"])
def test_times_relative_to_now(path: Path, text: str) -> None:
    assert run(path, "--since", text).exit_code == 0


def test_numbers_are_masked_unless_asked(path: Path) -> None:
    for words in ([], ["--json"]):
        assert NUMBER not in run(path, *words).stdout
        assert NUMBER in run(path, *words, "--full-numbers").stdout


def test_a_shorter_list_says_that_there_is_more(path: Path) -> None:
    assert "--limit" in run(path, "--limit", "2").stderr
    assert run(path, "--limit", "4").stderr == ""


def test_no_call_is_said(path: Path) -> None:
    assert "Tidak ada panggilan" in run(path, "--category", "banjir").stdout


def test_one_call_is_told_from_the_beginning_to_the_end(path: Path) -> None:
    told = run(path, "show", CALL).stdout
    for sentence in (
        f"Penelepon     : {NUMBER} Budi",
        "Kejadian      : Kebakaran (tombol)",
        "Hasil         : dijawab Damkar 2 setelah 21,0 dtk, berakhir 2026-11-22 08:01:21 WIB",
        "Ditutup oleh  : penelepon",
        "81,0 dtk, 1296044 bita, baik, SHA-256 abab",
        "+9,1 dtk  Damkar 1: tidak diangkat, berbunyi 5,9 dtk",
        "+15,2 dtk  Damkar 2: diterima, berbunyi 2,8 dtk",
        "+0,5 dtk  Ditanya: jenis kejadian (ke-1)",
        "+8,0 dtk  Dipahami: wilayah Pahandut (tombol)",
        "+9,0 dtk  Langkah 1: Damkar 1, paling lama 10 dtk",
        "+21,0 dtk  Damkar 2 menerima panggilan",
        "+81,0 dtk  Panggilan ditutup oleh penelepon (kode 16)",
    ):
        assert sentence in told
    offsets = [float(found.replace(",", ".")) for found in re.findall(r"^ +\+([0-9,]+) dtk  \S", told, re.M)]
    timeline = offsets[2:]
    assert timeline == sorted(timeline)
    assert len(timeline) == len(answered_rows()) + len(told_by_controller()) + 1


def test_one_call_as_json_has_its_events(path: Path) -> None:
    told = json.loads(run(path, "show", CALL, "--json").stdout)
    assert told["call"]["caller_number"] == NUMBER
    assert told["call"]["answered_at"] == "2026-11-22T01:00:21Z"
    assert told["call"]["attempts"][1]["result"] == "accepted"
    assert told["events"][0]["kind"] == "channel_started"


def test_what_a_caller_sent_cannot_move_the_cursor(path: Path) -> None:
    for words in ([], ["show", EVIL], ["show", EVIL, "--json"], ["--json", "--full-numbers"], ["--full-numbers"]):
        for text in run(path, *words).stdout.split("\n"):
            assert text.isprintable()
    assert "\\x1b]0;x\\x07\\n\\u202eEvil" in run(path, "show", EVIL).stdout


def test_a_test_call_says_that_it_is_one(path: Path) -> None:
    told = run(path, "show", TEST).stdout
    assert "Uji coba      : ya" in told
    assert "Panggilan uji coba, bukan warga" in told
    assert json.loads(run(path, "show", TEST, "--json").stdout)["call"]["test"] is True
    assert json.loads(run(path, "show", CALL, "--json").stdout)["call"]["test"] is False
    assert "Uji coba" not in run(path, "show", CALL).stdout


def test_both_kinds_of_calls_can_be_asked_for(path: Path) -> None:
    with reader(path) as connection:
        assert {record.call_id for record in query.calls(connection, Filter(tests=None))} == {
            CALL,
            LEFT,
            NOW,
            EVIL,
            TEST,
        }


def test_an_unknown_call_is_said_and_fails(path: Path) -> None:
    result = run(path, "show", "nobody\x1b")
    assert result.exit_code == 1
    assert "Panggilan nobody\\x1b tidak ada" in result.stderr


def test_a_log_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    for words in ([], ["show", CALL], ["--follow"]):
        result = run(tmp_path / "no.sqlite", *words)
        assert result.exit_code == 3
        assert "belum ada" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_log_is_said(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").write_bytes(b"no database" * 100)
    result = run(tmp_path / "calls.sqlite")
    assert result.exit_code == 3
    assert "file is not a database" in result.stderr


def test_a_search_for_what_no_text_can_hold_finds_nothing_and_breaks_nothing(path: Path) -> None:
    for words in (["--number", "\udcff"], ["--category", "\udcff"], ["--area", "\udcff"]):
        assert run(path, *words).exit_code == 0
    assert run(path, "show", "\udcff").exit_code == 1


def test_help_has_examples(path: Path) -> None:
    assert "ivr calls --since 2h --abandoned" in run(path, "--help").stdout
    assert "ivr calls show ivr112-" in run(path, "show", "--help").stdout


def test_following_gives_what_is_written_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    put(path, events(abandoned_rows(LEFT)))
    with reader(path) as connection:
        place = query.last_event_id(connection)
    heard: list[tuple[CallRecord, Event]] = []
    follower = events_from_now(path, Filter(number=NUMBER), after=place, every=0.02)
    wanted = events(answered_rows())

    def listen() -> None:
        for _, found in zip(wanted, follower, strict=False):
            heard.append(found)

    listener = threading.Thread(target=listen)
    listener.start()
    put(path, [happened("elsewhere", Kind.ARRIVED, at=at(0), number="1"), *wanted])
    listener.join(10)
    assert [event for _, event in heard] == wanted
    assert {record.call_id for record, _ in heard} == {CALL}


PROGRAM = """
import sys, pathlib, zoneinfo
from ivr.calls.cli import LogSources, commands
sources = LogSources(pathlib.Path(sys.argv.pop(1)), zoneinfo.ZoneInfo("Asia/Jakarta"))
commands(lambda: sources)()
"""


def test_ctrl_c_ends_following_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    put(path, events(abandoned_rows(LEFT)))
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path), "--follow", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert "Ctrl-C" in program.stderr.readline()
        done = threading.Event()

        def tell() -> None:
            for number in range(1000):  # until the first is heard: the follower began at an unknown moment
                put(path, [happened(CALL, Kind.KEY_PRESSED, question="area", keys=str(number))])
                if done.wait(0.05):
                    return

        teller = threading.Thread(target=tell)
        teller.start()
        first = program.stdout.readline()
        done.set()
        teller.join()
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 0
        assert "Traceback" not in program.stderr.read()
        program.stdout.read()
    assert json.loads(first)["kind"] == "key_pressed"


SHOWN = Style(JAKARTA)


def test_a_followed_event_is_one_line_with_its_call() -> None:
    told = events(answered_rows())
    shown = show.follow_line(project(CALL, told), told[10], Style(JAKARTA, named))
    assert shown == f"2026-11-22 08:00:21 WIB  {CALL}     +21,0 dtk  Damkar 2 menerima panggilan"


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_event_has_its_sentence(kind: Kind) -> None:
    sentence = show.sentence(happened(CALL, kind, at=at(0)), SHOWN)
    assert sentence
    assert not sentence.startswith(kind)


def test_the_timeline_says_who_was_told_and_who_could_not_be() -> None:
    rows = [
        row("TELL", 40, f"{CALL}|pln"),
        row("TOLD", 60, f"{CALL}|pln"),
        row("NOT_TOLD", 99, f"{CALL}|\x1bdlh|NO_KEY"),
    ]
    said = [show.sentence(event, Style(JAKARTA, named)) for event in events(rows)]
    assert said == [
        "pln ditelepon untuk diberi tahu",
        "pln sudah diberi tahu dan menekan 1",
        "\\x1bdlh tidak berhasil diberi tahu setelah dua kali ditelepon: diangkat, tidak menekan tombol",
    ]


def test_an_event_of_another_version_is_shown_as_it_is() -> None:
    assert show.sentence(happened(CALL, "flood_siren", at=at(0), text="3|\x1b"), SHOWN) == "flood_siren: 3|\\x1b"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("081234567567", "0812****567"),
        ("+6281234567567", "+628****567"),
        ("1001", "****01"),
        ("", "tanpa nomor"),
        ("9" * 10_000, "9999****999"),
    ],
)
def test_masked_numbers(number: str, shown: str) -> None:
    assert SHOWN.number(number) == shown


def test_a_call_without_an_end_an_answer_or_a_recording_is_told_as_well() -> None:
    chosen = happened(CALL, Kind.OPERATOR_CHOSEN, at=at(1), question="area", reason="no_input", possibly_silent=True)
    told = [*events(abandoned_rows()[1:2]), chosen, *events([row("LIFELINE", 2, "FAILURE")])]
    text = "\n".join(show.call(project(CALL, told), told, SHOWN))
    assert "masih berlangsung, tahap: jalur darurat" in text
    assert "mungkin panggilan senyap" in text


def test_a_bad_recording_is_told() -> None:
    bad = happened(CALL, Kind.RECORDING_CHECKED, at=at(90), source="recorder", problem="missing")
    told = [*events(answered_rows()), bad]
    text = "\n".join(show.call(project(CALL, told), told, SHOWN))
    assert "bermasalah: berkas tidak ada" in text


def test_another_user_is_told_whom_to_be(path: Path) -> None:
    path.parent.chmod(0o700)
    with without_rights():
        result = run(path)
    assert result.exit_code == 3
    assert f"sudo -u {owner_of(path.parent)} ivr calls" in result.stderr
