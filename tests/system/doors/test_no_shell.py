"""Asterisk holds nothing that runs programs, and nobody else can read what the server writes."""

import socket
import stat
from pathlib import Path

import pytest

from ivr.asterisk.program import asterisk_pid
from tests.system.doors.house import settings_of
from tests.system.people import Citizen, SwitchOn
from tests.system.server import Server


def console(server: Server, command: str) -> str:
    """What Asterisk's own console says: its socket, as `asterisk -rx` speaks to it."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(server.state / "asterisk" / "run" / "asterisk.ctl"))
        line.settimeout(5)
        assert line.recv(1000)
        line.sendall(f"cli quit after {command}\0".encode())
        said = b""
        while part := line.recv(65536):
            said += part
    return said.replace(b"\0", b"").decode()


def first_words(text: str) -> set[str]:
    return {line.split()[0].rstrip(":") for line in text.splitlines() if line.strip()}


def test_asterisk_has_nothing_that_runs_programs_reads_files_or_opens_other_ports(guarded: Server) -> None:
    functions, applications = (
        first_words(console(guarded, f"core show {kind}")) for kind in ("functions", "applications")
    )
    modules = first_words(console(guarded, "module show"))
    assert {"SHARED", "CHANNEL", "STRFTIME"} <= functions  # the lists are the real ones
    assert {"Dial", "Queue", "AGI"} <= applications
    assert {"res_agi.so", "chan_pjsip.so"} <= modules
    assert (
        functions
        & {
            *(
                "SHELL",
                "FILE",
                "FILE_COUNT_LINE",
                "FILE_FORMAT",
                "ENV",
                "STAT",
                "CURL",
                "CURLOPT",
                "ODBC_SQL",
                "REALTIME",
            ),
            *(
                "DB",
                "DB_KEYS",
                "AST_CONFIG",
                "AST_SORCERY",
                "JACK_HOOK",
                "LOCK",
                "AUDIOHOOK_INHERIT",
                "SYSINFO",
                "DUNDILOOKUP",
            ),
        }
        == set()
    )
    assert (
        applications
        & {
            *(
                "System",
                "TrySystem",
                "ExternalIVR",
                "Record",
                "ChanSpy",
                "ExtenSpy",
                "Authenticate",
                "DISA",
                "Page",
                "SMS",
            ),
            *(
                "VoiceMail",
                "Directory",
                "ControlPlayback",
                "Transfer",
                "BridgeAdd",
                "Pickup",
                "PickupChan",
            ),
            *(
                "Park",
                "ParkedCall",
                "Stasis",
                "AudioSocket",
                "JACK",
                "Festival",
                "MinivmNotify",
                "FollowMe",
                "Dictate",
            ),
        }
        == set()
    )
    assert not {module for module in modules if module.startswith(("res_http", "res_ari", "res_stasis", "chan_iax"))}
    assert not modules & {
        "pbx_dundi.so",
        "chan_sip.so",
        "res_pjsip_messaging.so",
        "res_curl.so",
    }
    for command in ("!id", "core show help ari", "dialplan add extension 9,1,NoOp into from-phone"):
        assert "uid=" not in console(guarded, command)


def test_asterisk_lives_where_no_shell_is(guarded: Server) -> None:
    settings = settings_of(guarded)
    inside = Path(f"/proc/{asterisk_pid(settings)}/root")
    if not (settings.cache / "asterisk-root").exists():
        pytest.skip("a system's own Asterisk runs without the sandbox")
    assert (inside / "usr/sbin/asterisk").exists()
    programs = [
        inside / folder / name for folder in ("bin", "usr/bin") for name in ("sh", "dash", "bash", "perl", "env")
    ]
    assert [path for path in programs if path.exists()] == []


# Files.


def test_nobody_else_can_read_what_the_server_writes(guarded: Server, switch_on: SwitchOn) -> None:
    citizen = Citizen(guarded, switch_on(guarded, "warga")).dial().is_asked("category")
    citizen.hangs_up()
    assert (guarded.state.stat().st_mode & 0o777, guarded.recordings.stat().st_mode & 0o777) == (0o750, 0o750)
    written = [
        path for folder in (guarded.state, guarded.recordings) for path in folder.rglob("*") if not path.is_symlink()
    ]
    assert any(path.suffix == ".wav" for path in written)
    open_to_others = [path for path in written if stat.S_IMODE(path.stat().st_mode) & 0o007]
    assert open_to_others == []
    hidden = [guarded.state / "secrets.json", *(guarded.state / "asterisk" / "etc").rglob("*.conf")]
    hidden += [*guarded.state.glob("calls.sqlite*"), guarded.state / "asterisk" / "run" / "asterisk.ctl"]
    assert len(hidden) > 20
    assert [path for path in hidden if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    assert [path for path in written if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o020] == []
