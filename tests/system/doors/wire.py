"""Everything on loopback as whoever taps the cable sees it."""

import socket
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from bench.capture import Tap
from ivr.asterisk.accounts import HEARTBEAT
from tests.audio import RATE, Signal, tone_level


class Wire(Tap):
    """Records while it is entered. `packets`: all UDP over IPv4, and the TCP of these ports, headers included.

    (Other TCP on loopback never leaves a machine: how tests command their phones, the manager, the controller.)
    `without`: UDP ports of other servers, which ask their phones now and then whether they are there.
    """

    def __init__(self, *tcp_ports: int, without: Iterable[int] = ()) -> None:
        super().__init__()
        self.packets: list[bytes] = []
        self._ports = {port.to_bytes(2) for port in tcp_ports}
        self._without = {port.to_bytes(2) for port in without}

    def take(self, at: float, data: bytes) -> None:
        ports = data[(data[0] & 15) * 4 :][:4]
        both = {ports[:2], ports[2:]}
        if (data[9] == socket.IPPROTO_UDP and not both & self._without) or both & self._ports:
            self.packets.append(data)

    def shows(self, *words: str) -> set[str]:
        """Those of these words that can be read in a packet.

        But for a phone's last one: baresip 1.0.0 says goodbye (RTCP BYE with its name) when its keys are gone.
        And but for the server's own question whether its Asterisk lives (ivr.asterisk.pulse), which names no phone.
        """
        packets = [each for each in self.packets if each[28:30] != b"\x81\xcb" and HEARTBEAT.encode() not in each]
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
