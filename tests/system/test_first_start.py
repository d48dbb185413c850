"""What a newcomer does first: start the server as it is shipped, watch one call, ask for the record, stop it."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.server import PROJECT, Server, until

SHIFT = 300


def ivr(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours beside the running server."""
    command = [sys.executable, "-m", "ivr", *arguments]
    return subprocess.run(
        command, env=server.environment, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_demo_shows_a_whole_call_on_the_shipped_rules(tmp_path: Path) -> None:
    with Server(tmp_path, rules=PROJECT / "routing_rules.yaml", shift=SHIFT) as server:
        done = ivr(server, "demo", "--keys", "1,3", "--json")
        assert done.returncode == 0, done.stderr
        record = json.loads(done.stdout)
        assert (record["category"], record["area"], record["outcome"]) == ("kebakaran", "62.71.03", "answered")
        assert record["answered_by"] in {"damkar_1", "damkar_2"}
        assert record["recording_problem"] is None
        listed = ivr(server, "calls", "--json")
        assert [json.loads(line)["call_id"] for line in listed.stdout.splitlines()] == [record["call_id"]]
        told = ivr(server, "calls", "show", record["call_id"])
        assert "Kebakaran" in told.stdout
        assert "menerima panggilan" in told.stdout


def test_a_second_start_finds_everything_made(tmp_path: Path) -> None:
    with Server(tmp_path, shift=SHIFT) as first:
        secrets = (first.state / "secrets.json").read_text()
        made = {path: path.stat().st_mtime_ns for path in (first.prompts / "built").glob("*.wav")}
    with Server(tmp_path, shift=SHIFT) as again:
        assert (again.state / "secrets.json").read_text() == secrets
        assert {path: path.stat().st_mtime_ns for path in (again.prompts / "built").glob("*.wav")} == made


def test_two_servers_on_one_state_are_refused(own_server: Server) -> None:
    done = ivr(own_server, "up")
    assert done.returncode == 1
    assert str(own_server.pid) in done.stderr


def test_asterisk_that_dies_is_started_again_and_calls_are_served(own_server: Server) -> None:
    pid_file = own_server.state / "asterisk" / "run" / "asterisk.pid"
    first = int(pid_file.read_text())
    os.kill(first, signal.SIGKILL)
    until(lambda: pid_file.exists() and int(pid_file.read_text() or 0) not in (0, first), "new Asterisk", 15)
    with own_server.phone("warga") as citizen:
        until(lambda: _registers(citizen), "registration at the new Asterisk", 15)
        citizen.dial("112")
        until(lambda: own_server.calls(), "a call in the log", 10)


def _registers(citizen: object) -> bool:
    try:
        citizen.wait_registered(1)  # type: ignore[attr-defined]
    except TimeoutError:
        return False
    return True


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of our own for 127.0.0.1, and its key."""
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(chain)),
        ],
        check=True,
        capture_output=True,
    )
    return chain, key


def test_phones_can_reach_the_server_over_tls(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    chain, key = certificate
    settings = {"IVR_SIP_TLS_PORT": "5461", "IVR_TLS_CERTIFICATE": str(chain), "IVR_TLS_KEY": str(key)}
    lines = (
        *("OPTIONS sip:127.0.0.1:5461 SIP/2.0", "Via: SIP/2.0/TLS 127.0.0.1:5999;branch=z9hG4bKtls"),
        *("Max-Forwards: 70", "From: <sip:a@127.0.0.1>;tag=1", "To: <sip:127.0.0.1>", "Call-ID: tls"),
        *("CSeq: 1 OPTIONS", "Content-Length: 0", "", ""),
    )
    with Server(tmp_path, shift=SHIFT, settings=settings):
        context = ssl.create_default_context(cafile=str(chain))
        with (
            socket.create_connection(("127.0.0.1", 5461), 5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            secured.sendall("\r\n".join(lines).encode())
            assert secured.recv(1000).startswith(b"SIP/2.0 401")
