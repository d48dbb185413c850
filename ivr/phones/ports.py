"""Free ports on this machine. A port is free when asked; bind it soon."""

import socket
from contextlib import ExitStack, suppress

_TRIES = 50


def free_port(address: str = "127.0.0.1", width: int = 1) -> int:
    """The first of `width` neighbouring ports that are all free in UDP and in TCP.

    Raises OSError when 50 tries find none.
    """
    for _ in range(_TRIES):
        with ExitStack() as held, suppress(OSError, OverflowError):
            first = _bind(held, socket.SOCK_STREAM, address, 0)
            _bind(held, socket.SOCK_DGRAM, address, first)
            for port in range(first + 1, first + width):
                _bind(held, socket.SOCK_STREAM, address, port)
                _bind(held, socket.SOCK_DGRAM, address, port)
            return first
    raise OSError(f"no {width} free neighbouring ports on {address}")


def _bind(held: ExitStack, kind: socket.SocketKind, address: str, port: int) -> int:
    bound = held.enter_context(socket.socket(socket.AF_INET, kind))
    bound.bind((address, port))
    number: int = bound.getsockname()[1]
    return number
