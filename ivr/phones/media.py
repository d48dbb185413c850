"""A caller's sound as a pcap file of RTP packets, which SIPp plays as it is.

One file from answer to hang-up: sound never stops (an Asterisk that records needs frames) and keys sit where they
belong, in the same stream. G.711 A-law is payload type 8, RFC 4733 telephone events are payload type 101.
"""

import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ivr.phones.sounds import RATE, Samples

_FRAME = 160  # samples in 20 ms
_SILENCE = b"\xd5" * _FRAME
_KEYS = "0123456789*#ABCD"
_ENDS = 3  # RFC 4733, 2.5.1.4: the last packet of an event is sent three times
_SSRC = 0x1127112


@dataclass(frozen=True)
class Packet:
    """One RTP packet: when it is sent and its timestamp, both in samples since the answer."""

    sent: int
    timestamp: int
    payload_type: int
    payload: bytes
    marker: bool = False


@dataclass(frozen=True)
class Media:
    """What one side sends from the answer on; `frames` is its length in 20 ms frames."""

    packets: tuple[Packet, ...] = ()
    frames: int = 0

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return self.frames * _FRAME / RATE

    def silence(self, seconds: float) -> "Media":
        """Then nothing is said."""
        return self._sound([_SILENCE] * _frames(seconds))

    def sound(self, samples: Samples) -> "Media":
        """Then these samples (8 kHz) are heard."""
        code = alaw(samples)
        code += _SILENCE[: -len(code) % _FRAME]
        return self._sound([code[at : at + _FRAME] for at in range(0, len(code), _FRAME)])

    def key(self, key: str, seconds: float = 0.1) -> "Media":
        """Then a key is held; no sound flows meanwhile. Raises ValueError for what is no key."""
        event = _KEYS.index(key.upper())
        start = self.frames * _FRAME
        length = max(1, _frames(seconds))
        packets = [
            Packet(start + n * _FRAME, start, 101, struct.pack("!BBH", event, 10, (n + 1) * _FRAME), marker=n == 0)
            for n in range(length)
        ]
        end = struct.pack("!BBH", event, 0x80 | 10, length * _FRAME)
        packets += [Packet(start + length * _FRAME, start, 101, end)] * _ENDS
        return replace(self, packets=self.packets + tuple(packets), frames=self.frames + length + 1)

    def write(self, pcap: Path) -> Path:
        """Write the pcap file (Ethernet, IPv4, UDP; SIPp fills in addresses and ports) and return its path."""
        with pcap.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for sequence, packet in enumerate(self.packets):
                frame = _ethernet(packet, sequence)
                microseconds = packet.sent * 1_000_000 // RATE
                out.write(struct.pack("<IIII", *divmod(microseconds, 1_000_000), len(frame), len(frame)))
                out.write(frame)
        return pcap

    def _sound(self, payloads: list[bytes]) -> "Media":
        starts = range(self.frames * _FRAME, (self.frames + len(payloads)) * _FRAME, _FRAME)
        packets = tuple(Packet(at, at, 8, payload) for at, payload in zip(starts, payloads, strict=True))
        return replace(self, packets=self.packets + packets, frames=self.frames + len(payloads))


def alaw(samples: Samples) -> bytes:
    """Samples of 16 bits as G.711 A-law (ITU-T G.711, table 1a)."""
    thirteen = samples.astype(np.int32) >> 3
    negative = thirteen < 0
    size = np.where(negative, -thirteen - 1, thirteen)
    segment = np.searchsorted([31, 63, 127, 255, 511, 1023, 2047], size)
    step = size >> np.maximum(segment, 1) & 15
    return ((segment << 4 | step) ^ np.where(negative, 0x55, 0xD5)).astype(np.uint8).tobytes()


def _frames(seconds: float) -> int:
    return round(seconds * RATE / _FRAME)


def _ethernet(packet: Packet, sequence: int) -> bytes:
    kind = packet.payload_type | (0x80 if packet.marker else 0)
    rtp = struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, packet.timestamp, _SSRC) + packet.payload
    udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
    local = bytes([127, 0, 0, 1])
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, local, local) + udp
    return bytes(12) + b"\x08\x00" + ip
