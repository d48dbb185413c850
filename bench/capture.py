"""Packets on loopback with the kernel's own time stamp: what a phone at the wire's end would have seen."""

import socket
import struct
from abc import ABC, abstractmethod
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import NamedTuple, Self

_IPV4 = 0x0800
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 35, 33  # linux/socket.h
_SOL_PACKET, _PACKET_STATISTICS = 263, 6  # linux/if_packet.h
_BUFFER = 32_000_000  # bytes
_LONGEST = 65535


class CaptureLost(Exception):
    """The kernel dropped packets before we read them, so the times cannot be trusted."""


class Tap(ABC):
    """Reads all IPv4 of loopback while it is entered; leaving may raise CaptureLost."""

    def __init__(self) -> None:
        self._stop = Event()
        self._thread = Thread(target=self._read, name="tap", daemon=True)

    @abstractmethod
    def take(self, at: float, data: bytes) -> None:
        """One packet, its IP header first, that arrived `at` (seconds since 1970)."""

    def __enter__(self) -> Self:
        # Bound to IPv4 and not to "all", loopback shows each packet once, on arrival.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        with suppress(PermissionError):  # root in a user namespace has to live with net.core.rmem_max
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(("lo", _IPV4))
        self._socket.settimeout(0.1)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        _, dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._socket.close()
        if dropped and error is None:
            raise CaptureLost(f"{dropped} packets were lost by the capture; run again on a quieter machine")

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                data, stamps, _, _ = self._socket.recvmsg(_LONGEST, 64)
            except TimeoutError:
                continue
            seconds, nanoseconds = struct.unpack("qq", stamps[0][2][:16])
            self.take(seconds + nanoseconds / 1e9, data)


class Packet(NamedTuple):
    """One UDP packet: when it arrived (seconds since 1970), between which ports, what it carried."""

    at: float
    source: int
    target: int
    payload: bytes


class Capture(Tap):
    """Records all UDP; `packets` is complete after leaving."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[Packet] = []

    def take(self, at: float, data: bytes) -> None:
        if data[9] == socket.IPPROTO_UDP:
            header = (data[0] & 15) * 4
            source, target = struct.unpack_from("!HH", data, header)
            self.packets.append(Packet(at, source, target, data[header + 8 :]))
