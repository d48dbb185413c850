import os
import socket
from pathlib import Path

import pytest

from ivr.doctor.model import Level
from ivr.doctor.ports import expected
from ivr.doctor.sockets import inodes_of, open_sockets
from tests.doctor.installation import ANY, context, found, live, only

HERE = os.getpid()


def listener(address: str, port: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    opened.bind((address, port))
    if kind == socket.SOCK_STREAM:
        opened.listen()
    return opened


@pytest.mark.parametrize("address", ["127.0.0.1", ANY, "::1", "::"])
def test_a_real_socket_is_found_with_its_address_and_owner(address: str) -> None:
    with listener(address, 0) as opened:
        port, inode = opened.getsockname()[1], os.fstat(opened.fileno()).st_ino
        [mine] = [one for one in open_sockets(Path("/proc")) if one.inode == inode]
        assert (mine.protocol, str(mine.address), mine.port) == ("tcp", address, port)
        assert mine.is_loopback == (address in {"127.0.0.1", "::1"})
        assert inode in inodes_of(Path("/proc"), HERE)


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert inodes_of(Path("/proc"), 2**22 + 1) == set()


def test_of_what_runs_every_port_must_be_open(tmp_path: Path) -> None:
    here = context(tmp_path, live=live(), asterisk=HERE, controller=HERE)
    kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
    wanted = list(expected(here.settings))
    opened = [listener(one.address, one.port, kinds[one.protocol]) for one in wanted]
    try:
        assert only("ports", here).level is Level.OK
        opened.pop().close()
        http = only("ports", here)
        assert (http.level, "IVR_HTTP_PORT" in http.text) == (Level.WARNING, True)
        opened.pop().close()
        assert [finding.level for finding in found("ports", here)] == [Level.ERROR, Level.WARNING]
    finally:
        for one in opened:
            one.close()


@pytest.mark.parametrize("setting", ["sip_port", "ami_port", "agi_port", "http_port"])
def test_while_nothing_runs_a_port_taken_by_another_program_is_an_error(setting: str, tmp_path: Path) -> None:
    here = context(tmp_path)
    assert only("ports", here).level is Level.OK
    with listener("127.0.0.1", getattr(here.settings, setting)):
        finding = only("ports", here)
    assert finding.level is Level.ERROR
    assert f"IVR_{setting.upper()}" in finding.text
    assert "ss -lntup" in finding.remedy


@pytest.mark.parametrize(
    ("setting", "level"), [("ami_port", Level.ERROR), ("agi_port", Level.ERROR), ("http_port", Level.WARNING)]
)
def test_a_door_for_programs_open_to_other_machines_is_found(setting: str, level: Level, tmp_path: Path) -> None:
    here = context(tmp_path)
    with listener(ANY, getattr(here.settings, setting)):
        finding = only("exposed", here)
    assert finding.level is level
    assert ANY in finding.text


def test_a_door_open_to_this_machine_alone_is_well(tmp_path: Path) -> None:
    here = context(tmp_path)
    assert found("exposed", here) == []
    with listener("127.0.0.1", here.settings.ami_port), listener("::1", here.settings.ami_port):
        assert only("exposed", here).level is Level.OK


def test_a_port_that_no_setting_names_is_found_in_our_own_processes(tmp_path: Path) -> None:
    here = context(tmp_path, controller=HERE)
    with listener("127.0.0.1", here.settings.agi_port):
        assert only("strangers", here).level is Level.OK
        with listener(ANY, 0) as stranger:
            finding = only("strangers", here)
            assert finding.level is Level.WARNING
            assert f"port {stranger.getsockname()[1]}" in finding.text


def test_sockets_for_speech_and_for_questions_are_no_strangers(tmp_path: Path) -> None:
    here = context(tmp_path, controller=HERE)
    with (
        listener(ANY, here.settings.rtp_last, socket.SOCK_DGRAM),
        listener(ANY, 0, socket.SOCK_DGRAM),
    ):
        assert only("strangers", here).level is Level.OK
