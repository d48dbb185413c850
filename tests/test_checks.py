import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ivr.checks import (
    SOCKET_PATH_LIMIT,
    CannotStart,
    check_machine,
    check_port,
    check_ports,
    files_fail,
    only_one,
)
from ivr.settings import PROJECT, Settings
from tests.city import free_ports, settings_in


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path is short enough for a socket below it."""
    return tmp_path_factory.mktemp("m")


def refused(settings: Settings) -> str:
    with pytest.raises(CannotStart) as caught:
        check_machine(settings)
    return str(caught.value)


def test_root_is_refused_and_told_how_to_insist(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "IVR_ALLOW_ROOT=yes" in refused(settings_in(short))
    assert not (short / "state").exists()
    check_machine(settings_in(short, allow_root=True))


@pytest.mark.usefixtures("somebody")
def test_the_folders_are_made_and_others_cannot_look_into_them(short: Path) -> None:
    check_machine(settings_in(short))
    for folder in ("state", "calls"):
        assert (short / folder).stat().st_mode & 0o007 == 0


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_path_too_long_for_a_socket_is_refused_before_asterisk_stumbles_over_it(letter: str, short: Path) -> None:
    room = SOCKET_PATH_LIMIT - len(str(short)) - 1
    longest = letter * (room // len(letter.encode()))
    check_machine(settings_in(short, state=short / longest))
    assert "Setel IVR_STATE ke jalur yang lebih pendek" in refused(
        settings_in(short, state=short / f"{longest}{letter}")
    )


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize(("field", "name"), [("state", "IVR_STATE"), ("recordings", "IVR_RECORDINGS")])
def test_a_folder_that_cannot_be_made_is_named_with_its_setting(field: str, name: str, short: Path) -> None:
    (short / "file").write_text("")
    sentence = refused(settings_in(short, **{field: short / "file" / "below"}))
    assert sentence.startswith(f"Folder {short / 'file' / 'below'} ({name}) tidak dapat ditulisi: Not a directory")


def test_the_sentence_for_a_file_names_file_and_reason(short: Path) -> None:
    named = files_fail(settings_in(short), FileNotFoundError(2, "No such file or directory", "/srv/trunk.conf"))
    assert "/srv/trunk.conf: No such file or directory" in str(named)
    assert "no name" in str(files_fail(settings_in(short), OSError("no name")))


# Ports.


@pytest.fixture
def quiet(short: Path) -> Settings:
    """Settings whose ports nobody uses."""
    sip, tls, agi, ami = free_ports(4)
    return settings_in(
        short, sip_port=sip, sip_tls_port=tls, agi_port=agi, ami_port=ami, tls_certificate="/c", tls_key="/k"
    )


def test_free_ports_are_well_and_stay_free(quiet: Settings) -> None:
    check_ports(quiet)
    check_ports(quiet)


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("sip_port", socket.SOCK_DGRAM),
        ("sip_port", socket.SOCK_STREAM),
        ("agi_port", socket.SOCK_STREAM),
        ("ami_port", socket.SOCK_STREAM),
        ("sip_tls_port", socket.SOCK_STREAM),
    ],
)
def test_a_port_in_use_is_named_with_its_setting_and_the_remedy(
    field: str, kind: socket.SocketKind, quiet: Settings
) -> None:
    name, port = f"IVR_{field.upper()}", getattr(quiet, field)
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", port))
        if kind is socket.SOCK_STREAM:
            other.listen()
        with pytest.raises(CannotStart) as caught:
            check_ports(quiet)
    sentence = str(caught.value)
    assert sentence.startswith(f"Port {port} di 127.0.0.1 ({name}) sedang dipakai program lain.")
    assert f"setel {name} ke port lain di berkas .env" in sentence


def test_a_port_whose_last_connection_has_just_ended_is_free(quiet: Settings) -> None:
    with ExitStack() as closing:
        server = closing.enter_context(socket.create_server(("127.0.0.1", quiet.agi_port)))
        client = closing.enter_context(socket.create_connection(("127.0.0.1", quiet.agi_port)))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first keeps the port in TIME_WAIT
        client.recv(1)
    check_ports(quiet)


def test_an_address_that_is_not_ours_is_named(short: Path) -> None:
    with pytest.raises(CannotStart, match=r"Alamat 192\.0\.2\.1 tidak ada di mesin ini\. Setel IVR_SIP_ADDRESS"):
        check_ports(settings_in(short, sip_address="192.0.2.1"))


def test_anything_else_the_system_says_is_passed_on() -> None:
    with pytest.raises(CannotStart, match=r"\(IVR_SIP_PORT\) tidak dapat dibuka"):
        check_port("IVR_SIP_PORT", "this.is.no.address.invalid:", 5060)


# One at a time.

HOLDER = """
import sys
from pathlib import Path
from ivr.checks import only_one
from tests.city import settings_in
with only_one(settings_in(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(short: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that runs the server from the same state directory."""
    (short / "state").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(short)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_server_on_one_state_is_refused_with_the_number_of_the_first(
    holder: "subprocess.Popen[str]", short: Path
) -> None:
    with (
        pytest.raises(CannotStart, match=rf"sudah berjalan \(proses {holder.pid}\)"),
        only_one(settings_in(short)),
    ):
        pass


def test_a_server_that_was_killed_leaves_no_lock(holder: "subprocess.Popen[str]", short: Path) -> None:
    holder.kill()
    holder.wait(5)
    for _ in range(2):
        with only_one(settings_in(short)):
            assert (short / "state" / "up.lock").read_text() == str(os.getpid())


def test_a_state_directory_that_cannot_hold_the_lock_is_named(short: Path) -> None:
    with (
        pytest.raises(CannotStart, match=r"up\.lock \(IVR_STATE\) tidak dapat ditulisi: No such file or directory"),
        only_one(settings_in(short)),
    ):
        pass
