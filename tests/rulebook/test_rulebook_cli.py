import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ivr.rulebook import cli, look
from ivr.rulebook.ask import findable
from ivr.rulebook.cli import rules_commands, status_command
from ivr.rulebook.history import Entry, How, digest_of
from ivr.rulebook.lastgood import history_of
from ivr.rulebook.look import BANNER
from ivr.rulebook.status import Attempt, Result, Status, write
from ivr.settings import Settings
from tests.city import SYSTEM_TEST, free_ports, settings_in

RUN = CliRunner()
TEXT = SYSTEM_TEST.read_bytes()
OTHER = TEXT.replace(b"nama: Uji", b"nama: Uji Coba")
SINCE = datetime(2026, 11, 22, 10, 2, 11, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    shutil.copy(SYSTEM_TEST, tmp_path / "rules.yaml")
    agi, ami = free_ports(2)
    found = settings_in(tmp_path, rules_file=tmp_path / "rules.yaml", agi_port=agi, ami_port=ami)
    accept(found, TEXT)
    return found


def accept(settings: Settings, content: bytes, at: datetime = SINCE) -> Entry:
    history = history_of(settings)
    entry = history.accept(Entry(history.keep(content), at, "budi", "0a1b2c3d", How.SAVED))
    write(history.folder, Status(entry))
    return entry


@contextmanager
def listening(port: int, greeting: bytes = b"") -> Iterator[None]:
    """Somebody who answers on that port."""
    with socket.create_server(("127.0.0.1", port)) as server:

        def greet() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(greeting)

        threading.Thread(target=greet, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """A controller (this process) and Asterisk, as far as they can be seen from outside."""
    with (
        findable(settings.state),
        listening(settings.agi_port),
        listening(settings.ami_port, BANNER + b"/11.0.0\r\n"),
    ):
        yield


@contextmanager
def answering(settings: Settings, attempt: Attempt) -> Iterator[None]:
    """The controller answers SIGHUP with this attempt, made now."""

    def answer(*_: object) -> None:
        latest = history_of(settings).latest()
        assert latest
        write(history_of(settings).folder, Status(latest, replace(attempt, at=datetime.now(UTC))))

    before = signal.signal(signal.SIGHUP, answer)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def said(app: typer.Typer, *words: str) -> tuple[int, str]:
    done = RUN.invoke(app, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def status(settings: Settings, *words: str) -> tuple[int, str]:
    return said(status_command(lambda: settings), *words)


def rules(settings: Settings, *words: str) -> tuple[int, str]:
    return said(rules_commands(lambda: settings), *words)


# ivr status


def test_when_all_is_well_it_is_said_and_the_exit_code_is_zero(settings: Settings) -> None:
    with running(settings):
        code, text = status(settings)
    assert text.splitlines() == [
        f"Aturan berlaku  : {digest_of(TEXT)[:12]}, sejak 22-11-2026 17:02:11 WIB, oleh budi (disimpan)",
        f"Berkas aturan   : {settings.rules_file}, sama dengan yang berlaku",
        "Percobaan akhir : belum ada sejak dinyalakan",
        f"Pengendali      : berjalan (proses {os.getpid()})",
        "Asterisk        : menjawab",
        "Semua baik.",
    ]
    assert code == 0


def test_the_same_for_programs(settings: Settings) -> None:
    with running(settings):
        code, text = status(settings, "--json")
    found = json.loads(text)
    assert (code, found["well"]) == (0, True)
    assert found["in_force"]["hash"] == found["file"]["hash"] == digest_of(TEXT)
    assert found["in_force"]["since"] == "2026-11-22T10:02:11+00:00"
    assert found["controller"] == {"running": True, "pid": os.getpid()}


def test_a_controller_that_hangs_is_not_well_although_the_kernel_takes_connections(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "PATIENCE", 0.1)
    hanging = socket.create_server(("127.0.0.1", settings.agi_port))
    with hanging, findable(settings.state), listening(settings.ami_port, BANNER + b"/11.0.0\r\n"):
        code, text = status(settings)
    assert code == 1
    assert "Pengendali      : TIDAK BERJALAN" in text
    assert "Asterisk        : menjawab" in text


def test_alarms_that_stand_are_in_the_last_sentence_and_leave_the_exit_code(settings: Settings) -> None:
    alarm = look.Standing("operators_away", "Tidak ada operator", SINCE)
    with running(settings):
        code, text = said(status_command(lambda: settings, lambda _: (alarm,)))
    assert code == 0
    assert text.endswith("Tidak ada operator\nServer berjalan, tetapi ada 1 alarm di atas.\n")


def test_a_server_that_does_not_run_is_not_well(settings: Settings) -> None:
    code, text = status(settings)
    assert code == 1
    assert "Pengendali      : TIDAK BERJALAN" in text
    assert "Asterisk        : TIDAK MENJAWAB" in text
    assert text.endswith("Ada yang tidak beres, lihat di atas.\n")


def test_who_listens_in_asterisks_place_is_not_asterisk(settings: Settings) -> None:
    with (
        findable(settings.state),
        listening(settings.agi_port),
        listening(settings.ami_port, b"HTTP/1.1 400 no\r\n\r\n"),
    ):
        assert json.loads(status(settings, "--json")[1])["asterisk"] == {"reachable": False}


def test_a_file_that_waits_is_not_well(settings: Settings) -> None:
    settings.rules_file.write_bytes(OTHER)
    with running(settings):
        code, text = status(settings)
    assert code == 1
    assert "BERBEDA dari yang berlaku; dapat dipakai" in text


def test_a_refused_file_is_shown_with_its_problems_once(settings: Settings) -> None:
    settings.rules_file.write_bytes(TEXT.replace(b"[dishub]", b"[dishup]"))
    with running(settings):
        problems = json.loads(status(settings, "--json")[1])["file"]["problems"]
        latest = history_of(settings).latest()
        assert latest
        refused = Attempt(SINCE, "ab" * 32, Result.REFUSED, How.SAVED, "budi", tuple(problems))
        write(history_of(settings).folder, Status(latest, refused))
        code, text = status(settings)
    assert code == 1
    assert "TIDAK DAPAT DIPAKAI:" in text
    assert "Percobaan akhir : 22-11-2026 17:02:11 WIB, DITOLAK\n" in text
    assert text.count("`dishup` tidak ada") == 1


def test_what_only_asterisk_refused_is_not_well_although_the_file_is(settings: Settings) -> None:
    latest = history_of(settings).latest()
    assert latest
    attempt = Attempt(SINCE, "ab" * 32, Result.REFUSED, How.SAVED, "budi", ("Asterisk tidak menerima",))
    write(history_of(settings).folder, Status(latest, attempt))
    with running(settings):
        code, text = status(settings)
    assert code == 1
    assert "  Asterisk tidak menerima\n" in text


def test_before_the_first_start_there_is_nothing_in_force(tmp_path: Path) -> None:
    agi, ami = free_ports(2)
    code, text = status(settings_in(tmp_path, rules_file=SYSTEM_TEST, agi_port=agi, ami_port=ami))
    assert code == 1
    assert text.startswith("Aturan berlaku  : belum ada")


def test_prometheus_is_told_who_is_there(settings: Settings) -> None:
    with running(settings):
        code, text = status(settings, "--prometheus")
    numbers = {line for line in text.splitlines() if not line.startswith("#")}
    assert code == 0
    assert {"ivr_controller_up 1", "ivr_asterisk_up 1"} < numbers
    assert any(line.startswith(f'ivr_rules_info{{hash="{digest_of(TEXT)}",generation=') for line in numbers)
    assert "ivr_asterisk_up 0\n" in status(settings, "--prometheus")[1]


# ivr rules reload

ACCEPTED = Attempt(SINCE, digest_of(OTHER), Result.ACCEPTED, How.RELOAD, "sari")


@pytest.mark.parametrize(
    ("attempt", "code", "first"),
    [
        (ACCEPTED, 0, f"Diterima: aturan {digest_of(OTHER)[:12]} berlaku untuk setiap panggilan baru."),
        (
            replace(ACCEPTED, result=Result.UNCHANGED),
            0,
            f"Tidak ada perubahan: aturan {digest_of(OTHER)[:12]} sudah berlaku.",
        ),
        (
            replace(ACCEPTED, result=Result.REFUSED, problems=("satu", "dua")),
            1,
            "DITOLAK. Aturan lama tetap berlaku. Yang salah:",
        ),
        (
            replace(ACCEPTED, result=Result.PENDING, problems=("satu",)),
            1,
            "BELUM BERLAKU. Aturan lama tetap berlaku:",
        ),
    ],
)
def test_a_reload_says_what_became_of_it(attempt: Attempt, code: int, first: str, settings: Settings) -> None:
    with findable(settings.state), answering(settings, attempt):
        told = rules(settings, "reload")
        as_json = rules(settings, "reload", "--json")
    assert told == (code, "\n".join([first, *(f"  {problem}" for problem in attempt.problems), ""]))
    assert (as_json[0], json.loads(as_json[1])["result"]) == (code, attempt.result)


def test_an_attempt_from_before_the_request_is_no_answer(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "ANSWER_WITHIN", 0.2)
    latest = history_of(settings).latest()
    assert latest
    write(history_of(settings).folder, Status(latest, replace(ACCEPTED, at=datetime.now(UTC))))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with findable(settings.state):
            code, text = rules(settings, "reload")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (code, text[:27]) == (1, "Pengendali belum menjawab d")


def test_a_reload_without_a_controller_says_so(settings: Settings) -> None:
    code, text = rules(settings, "reload")
    assert (code, text) == (
        1,
        f"Pengendali tidak berjalan (folder {settings.state}). Aturan dibaca saat server dinyalakan: ivr up\n",
    )


DYING = """
import signal, sys
from pathlib import Path
from ivr.rulebook.ask import findable
with findable(Path(sys.argv[1])):
    print("ready", flush=True)
    signal.pause()  # and SIGHUP ends us
"""


def test_a_controller_that_ends_instead_of_answering_is_not_waited_for(settings: Settings) -> None:
    command = [sys.executable, "-c", DYING, str(settings.state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as controller:
        assert controller.stdout
        assert controller.stdout.readline() == b"ready\n"
        code, text = rules(settings, "reload")
    assert (code, text[:26]) == (1, "Pengendali tidak berjalan ")


def test_a_controller_of_somebody_else_is_named_with_the_remedy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_pid: int, _signal: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refused)
    with findable(settings.state):
        code, text = rules(settings, "reload")
    assert code == 1
    assert "sudo -u ivr112 ivr rules reload" in text


# ivr rules history


def test_the_history_is_listed_newest_first(settings: Settings) -> None:
    accept(settings, OTHER, SINCE.replace(hour=11))
    code, text = rules(settings, "history")
    assert (code, [line.split() for line in text.splitlines()]) == (
        0,
        [
            ["Berlaku", "sejak", "Aturan", "Oleh", "Cara"],
            ["22-11-2026", "18:02:11", "WIB", digest_of(OTHER)[:12], "budi", "disimpan"],
            ["22-11-2026", "17:02:11", "WIB", digest_of(TEXT)[:12], "budi", "disimpan"],
        ],
    )
    lines = rules(settings, "history", "--json")[1].splitlines()
    assert [json.loads(line)["hash"] for line in lines] == [digest_of(OTHER), digest_of(TEXT)]


def test_a_text_of_the_past_comes_back_byte_for_byte(settings: Settings) -> None:
    accept(settings, OTHER, SINCE.replace(hour=11))
    done = RUN.invoke(rules_commands(lambda: settings), ["history", digest_of(TEXT)[:8]])
    assert (done.exit_code, done.stdout_bytes) == (0, TEXT)


def test_a_hash_nobody_knows_is_said(settings: Settings) -> None:
    code, text = rules(settings, "history", "cafe")
    assert (code, text[:43]) == (1, "Tidak ada tepat satu aturan yang diawali ca")


def test_without_a_past_the_history_is_empty(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, rules_file=SYSTEM_TEST)
    assert rules(settings, "history") == (0, "Belum ada aturan yang pernah diterima.\n")
    assert rules(settings, "history", "--json") == (0, "")
