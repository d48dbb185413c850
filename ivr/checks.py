"""What must be true before anything is started; every failure is one sentence with its remedy."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from ivr.messages import say
from ivr.settings import Settings

LOOPBACK = "127.0.0.1"
SOCKET_PATH_LIMIT = 80  # bytes; the longest socket below the state directory has 25 more, sun_path holds 107


class CannotStart(Exception):
    """The server cannot be started; the text (Indonesian) names the reason and the remedy."""


def files_fail(settings: Settings, error: OSError) -> CannotStart:
    """The sentence for a file that cannot be read or written."""
    reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return CannotStart(say("up.files", reason=reason, state=settings.state))


def check_machine(settings: Settings) -> None:
    """User and folders; raises CannotStart."""
    if os.geteuid() == 0 and not settings.allow_root:
        raise CannotStart(say("up.root"))
    if len(os.fsencode(settings.state)) > SOCKET_PATH_LIMIT:
        raise CannotStart(say("up.long_path", path=settings.state, limit=SOCKET_PATH_LIMIT))
    for name, folder in (("IVR_STATE", settings.state), ("IVR_RECORDINGS", settings.recordings)):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        except OSError as error:
            raise CannotStart(say("up.folder", name=name, path=folder, reason=error.strerror)) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise CannotStart(say("up.folder", name=name, path=folder, reason=os.strerror(errno.EACCES)))


def check_ports(settings: Settings) -> None:
    """Every port is free; raises CannotStart naming the setting of the first one that is not."""
    check_port("IVR_AGI_PORT", LOOPBACK, settings.agi_port)
    check_asterisk_ports(settings)


def check_asterisk_ports(settings: Settings) -> None:
    """Those of Asterisk alone: the controller may be running."""
    address = str(settings.sip_address)
    check_port("IVR_SIP_PORT", address, settings.sip_port, socket.SOCK_DGRAM)
    check_port("IVR_SIP_PORT", address, settings.sip_port)
    check_port("IVR_AMI_PORT", LOOPBACK, settings.ami_port)
    if settings.sip_tls_port:
        check_port("IVR_SIP_TLS_PORT", address, settings.sip_tls_port)


def check_port(name: str, address: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    """One port is free; raises CannotStart naming the setting `name`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        key = {errno.EADDRINUSE: "up.port_used", errno.EADDRNOTAVAIL: "up.no_address"}.get(error.errno or 0)
        text = say(key or "up.port_other", name=name, address=address, port=port, reason=error.strerror)
        raise CannotStart(text) from error


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the installation's lock; raises CannotStart when another `ivr up` holds it."""
    path = settings.state / "up.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(say("up.folder", name="IVR_STATE", path=path, reason=error.strerror)) from error
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStart(say("up.running", pid=file.read().strip() or "?", state=settings.state)) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
