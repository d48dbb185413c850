"""What must be true before anything is started; every failure is one sentence with its remedy."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from ivr.messages import say
from ivr.settings import Settings

SOCKET_PATH_LIMIT = 80


class CannotStart(Exception):
    """The server cannot be started; the text (Indonesian) names the reason and the remedy."""


def check_machine(settings: Settings) -> None:
    """User, folders and ports; raises CannotStart."""
    if os.geteuid() == 0 and not settings.allow_root:
        raise CannotStart(say("up.root"))
    if len(str(settings.state)) > SOCKET_PATH_LIMIT:
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
    address = str(settings.sip_address)
    loopback = "127.0.0.1"
    _free("IVR_SIP_PORT", address, settings.sip_port, socket.SOCK_DGRAM)
    _free("IVR_SIP_PORT", address, settings.sip_port, socket.SOCK_STREAM)
    _free("IVR_AGI_PORT", loopback, settings.agi_port, socket.SOCK_STREAM)
    _free("IVR_AMI_PORT", loopback, settings.ami_port, socket.SOCK_STREAM)
    if settings.sip_tls_port:
        _free("IVR_SIP_TLS_PORT", address, settings.sip_tls_port, socket.SOCK_STREAM)


def _free(name: str, address: str, port: int, kind: socket.SocketKind) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            key = {errno.EADDRINUSE: "up.port_used", errno.EADDRNOTAVAIL: "up.no_address"}.get(error.errno or 0)
            text = say(key or "up.port_other", name=name, address=address, port=port, reason=error.strerror)
            raise CannotStart(text) from error


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the installation's lock; raises CannotStart when another `ivr up` holds it."""
    path = settings.state / "up.lock"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStart(say("up.running", pid=file.read().strip() or "?", state=settings.state)) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
