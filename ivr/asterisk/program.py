"""Which Asterisk runs here, and how it is started.

Debian 12 and 13 carry no Asterisk: `scripts/setup` downloads one into the user's cache as a plain folder, and it runs
in a read-only sandbox (bubblewrap) that sees that folder, the state directory and the recordings. A system that has
an Asterisk >= 20 of its own (Ubuntu 24.04, Debian 14) uses that one.
"""

import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.messages import say
from ivr.settings import Settings

OLDEST = 20

INSIDE = ("usr/lib", "usr/lib64", "usr/sbin/asterisk", "usr/share/asterisk", "usr/share/zoneinfo")
"""What the sandbox holds of the downloaded root: Asterisk, its libraries and data; no shell, no interpreter."""


class AsteriskMissing(Exception):
    """No usable Asterisk on this machine; the text (Indonesian) says what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """An Asterisk that can be started: `root` is the downloaded folder, None for the system's own."""

    root: Path | None
    version: str

    def command(self, settings: Settings, *arguments: str) -> list[str]:
        """The command line for `asterisk -C <our configuration> ...`, sandboxed where the root is a folder."""
        asterisk = ["/usr/sbin/asterisk", "-C", str(settings.asterisk_etc / "asterisk.conf"), *arguments]
        if self.root is None:
            return asterisk
        return [*_sandbox(self.root, settings), *asterisk]


def find_asterisk(settings: Settings) -> Program:
    """The Asterisk to use; raises AsteriskMissing with the remedy."""
    if settings.asterisk in {"auto", "system"} and (path := shutil.which("asterisk", path="/usr/sbin")):
        version, _ = _version([path])
        if version and int(version.split(".")[0]) >= OLDEST:
            return Program(None, version)
    root = settings.cache / "asterisk-root"
    if settings.asterisk in {"auto", "cached"} and (root / "usr/sbin/asterisk").exists():
        if not shutil.which("bwrap"):
            raise AsteriskMissing(say("up.no_bubblewrap"))
        version, trouble = _version([*_base(root), "/usr/sbin/asterisk"])
        if not version:
            raise AsteriskMissing(say("up.no_sandbox", root=root, reason=trouble))
        return Program(root, version)
    raise AsteriskMissing(say("up.no_asterisk", oldest=OLDEST))


def _version(command: Sequence[str]) -> tuple[str, str]:
    """The version ('' when it does not run) and what was said instead."""
    try:
        done = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    found = re.match(r"Asterisk (?:GIT-|certified/)?(\d+\.\d+(?:\.\d+)?)", done.stdout)
    return found[1] if found else "", done.stderr.strip() or done.stdout.strip()


def _base(root: Path) -> list[str]:
    command = ["bwrap", "--die-with-parent"]
    for name in INSIDE:
        command += ["--ro-bind-try", str(root / name), f"/{name}"]
    for name in ("bin", "sbin", "lib", "lib64"):
        command += ["--symlink", f"usr/{name}", f"/{name}"]
    return [*command, "--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108


def _sandbox(root: Path, settings: Settings) -> list[str]:
    command = _base(root)
    for name in ("passwd", "group", "nsswitch.conf", "resolv.conf", "localtime", "ssl"):
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    # A host name that resolves nowhere costs a DNS look-up on every call.
    command += ["--ro-bind", str(write_hosts(settings)), "/etc/hosts"]
    command += ["--ro-bind", str(settings.prompts), str(settings.prompts)]
    for folder in (settings.state, settings.recordings):
        command += ["--bind", str(folder), str(folder)]
    # Whoever could change these through the manager (UpdateConfig) could have anything run.
    command += ["--ro-bind", str(settings.asterisk_etc), str(settings.asterisk_etc)]
    for file in (settings.tls_certificate, settings.tls_key):
        if file is not None:
            command += ["--ro-bind", str(file), str(file)]
    return command


def write_hosts(settings: Settings) -> Path:
    """The sandbox's /etc/hosts: this machine's own name on loopback."""
    hosts = settings.state / "asterisk" / "hosts"
    hosts.parent.mkdir(parents=True, exist_ok=True)
    hosts.write_text(f"127.0.0.1 localhost {socket.gethostname()}\n::1 localhost\n")
    return hosts


def pid_file(settings: Settings) -> Path:
    """Where Asterisk writes its process id."""
    return settings.asterisk_etc.parent / "run" / "asterisk.pid"


def asterisk_pid(settings: Settings) -> int | None:
    """The process id Asterisk wrote at its start, None when it has not started."""
    try:
        return int(pid_file(settings).read_text())
    except (OSError, ValueError):
        return None
