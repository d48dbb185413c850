"""Everything on loopback as whoever taps the cable sees it."""

import socket
from collections import defaultdict
from collections.abc import Iterable
from threading import Event, Thread
from types import TracebackType
from typing import Self

import numpy as np

from tests.audio import RATE, Signal, tone_level

_IPV4 = 0x0800
_BUFFER = 32_000_000  # bytes


class Wire:
    """Records while it is entered. `packets`: all UDP over IPv4, and the TCP of these ports, headers included.

    (Other TCP on loopback never leaves a machine: how tests command their phones, the manager, the controller.)
    `without`: UDP ports of other servers, which ask their phones now and then whether they are there.
    """

    def __init__(self, *tcp_ports: int, without: Iterable[int] = ()) -> None:
        self.packets: list[bytes] = []
        self._ports = {port.to_bytes(2) for port in tcp_ports}
        self._without = {port.to_bytes(2) for port in without}
        self._stop = Event()
        self._thread = Thread(target=self._read, name="wire", daemon=True)

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind(("lo", _IPV4))
        self._socket.settimeout(0.1)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                packet = self._socket.recv(65535)
            except TimeoutError:
                continue
            ports = packet[(packet[0] & 15) * 4 :][:4]
            both = {ports[:2], ports[2:]}
            if (packet[9] == socket.IPPROTO_UDP and not both & self._without) or both & self._ports:
                self.packets.append(packet)

    def shows(self, *words: str) -> set[str]:
        """Those of these words that can be read in a packet.

        But for a phone's last one: baresip 1.0.0 says goodbye (RTCP BYE with its name) when its keys are gone.
        """
        packets = [packet for packet in self.packets if packet[28:30] != b"\x81\xcb"]
        return {word for word in words if any(word.encode() in packet for packet in packets)}

    def tone(self, hertz: int) -> float:
        """The best share (0..1) of this tone in a second of any stream, taken for A-law over RTP.

        Raises AssertionError when less than five seconds of anything could be taken for it.
        """
        streams: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for packet in self.packets:
            header = (packet[0] & 15) * 4
            ports, payload = packet[header : header + 4], packet[header + 8 :]
            if packet[9] == socket.IPPROTO_UDP and payload[:1] == b"\x80" and payload[1:2] in (b"\x08", b"\x88"):
                streams[ports].append(payload[12:172])
        sounds = [alaw(b"".join(parts)) for parts in streams.values()]
        seconds = [sound[start : start + RATE] for sound in sounds for start in range(0, len(sound) - RATE, RATE)]
        assert len(seconds) >= 5, "no speech was captured"
        return max(tone_level(second, hertz).share for second in seconds)


def alaw(data: bytes) -> Signal:
    """G.711 A-law as samples, full scale = 1."""
    code = np.frombuffer(data, np.uint8).astype(np.int64) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = np.where(exponent == 0, 2 * mantissa + 1, (2 * mantissa + 33) << np.maximum(exponent - 1, 0))
    signal: Signal = np.where(code & 0x80, size, -size) / 4096
    return signal
