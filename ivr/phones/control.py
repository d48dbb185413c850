"""baresip's control channel: JSON messages in netstrings over TCP (module ctrl_tcp)."""

import json
import socket
from typing import Any

Message = dict[str, Any]


def encode(command: str, params: str, token: str) -> bytes:
    """One command as a netstring: `<length>:<json>,`."""
    text = json.dumps({"command": command, "params": params, "token": token}).encode()
    return b"%d:%s," % (len(text), text)


class Decoder:
    """Bytes as they arrive -> whole messages."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Message]:
        """The messages completed by `data`. Raises ValueError for what is no netstring of JSON."""
        self._pending += data
        messages: list[Message] = []
        while True:
            length, colon, rest = self._pending.partition(b":")
            if not colon or len(rest) <= int(length):
                return messages
            messages.append(json.loads(rest[: int(length)]))
            self._pending = rest[int(length) + 1 :]


def read_some(connection: socket.socket) -> bytes:
    """What has arrived, b"" at the end. Acknowledges at once: baresip holds its next message back until then."""
    data = connection.recv(65536)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    return data
