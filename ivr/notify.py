"""The readiness protocol of systemd (sd_notify), both ends.

A service sends `READY=1`, `STATUS=...`, `WATCHDOG=1` to the datagram socket named by NOTIFY_SOCKET. Under systemd
that is systemd's; under `ivr up` it is ours, so the controller behaves the same in both places.
Source: sd_notify(3).
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path


def notify(**values: str) -> None:
    """Tell the supervisor, e.g. `notify(READY="1")`; does nothing when nobody asked (no NOTIFY_SOCKET)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    message = "\n".join(f"{key}={value}" for key, value in values.items())
    # A supervisor that went away or is frozen must not stop the service.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(message.encode(), address)


class NotifySocket(asyncio.DatagramProtocol):
    """Our end of it: `ready` is set by READY=1, `last_seen` (monotonic s) moves with every message.

    `heard`: whether this process of the service has said anything yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ready = asyncio.Event()
        self.status = ""
        self.heard = False
        self.last_seen = time.monotonic()
        self._transport: asyncio.BaseTransport | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """What the service needs in its environment to find us."""
        return {"NOTIFY_SOCKET": str(self.path)}

    async def open(self) -> None:
        """Start listening; an old socket file of an earlier run is replaced."""
        self.path.unlink(missing_ok=True)
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.setblocking(False)
        receiver.bind(str(self.path))
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=receiver)

    def close(self) -> None:
        """Stop listening and remove the socket file."""
        if self._transport is not None:
            self._transport.close()
        self.path.unlink(missing_ok=True)

    def restarted(self) -> None:
        """A new process of the service begins: not ready, watchdog from now."""
        self.ready.clear()
        self.status = ""
        self.heard = False
        self.last_seen = time.monotonic()

    def datagram_received(self, data: bytes, _address: object) -> None:
        self.last_seen, self.heard = time.monotonic(), True
        for line in data.decode(errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key == "READY":
                self.ready.set()
            elif key == "STATUS":
                self.status = value
