"""What captured packets say: who dialled when, what was answered, when sound came, when a key was pressed.

Sources: SIP RFC 3261, SDP RFC 8866, RTP RFC 3550, keys RFC 4733 (payload type 101 here), A-law ITU-T G.711.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from bench.capture import Packet

_ALAW, _KEYS = 8, 101
_LOUD = 0x20  # A-law magnitude after undoing its XOR: 528 of 32768, -36 dBFS


@dataclass(frozen=True, slots=True)
class Invite:
    """The first INVITE of a dialog: `number` calls `dials`, arrives at port `target`, wants its sound at `media`."""

    at: float
    call_id: str
    number: str
    dials: str
    target: int
    media: int


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its first packet, and the first packet that says it was released."""

    pressed: float
    released: float


class Trace:
    """Captured packets, sorted out. All times are seconds since 1970."""

    def __init__(self, packets: Iterable[Packet]) -> None:
        self.invites: list[Invite] = []
        self._answered: dict[str, float] = {}
        self._to: dict[int, list[Packet]] = defaultdict(list)
        self._from: dict[int, list[Packet]] = defaultdict(list)
        known: set[str] = set()
        for packet in packets:
            if _is_rtp(packet.payload):
                self._to[packet.target].append(packet)
                self._from[packet.source].append(packet)
                continue
            text = packet.payload.decode("utf-8", "replace")
            call_id = _header(text, "Call-ID")
            if text.startswith("INVITE ") and call_id not in known:
                known.add(call_id)
                self.invites.append(_invite(packet, call_id, text))
            elif text.startswith("SIP/2.0 200") and _header(text, "CSeq").endswith("INVITE"):
                self._answered.setdefault(call_id, packet.at)

    def answered(self, call: Invite) -> float | None:
        """When the caller got 200 OK."""
        return self._answered.get(call.call_id)

    def sound(self, call: Invite) -> float | None:
        """When the first packet with something to hear reached the caller."""
        later = _since(self._to[call.media], call.at)
        return next((packet.at for packet in later if _is_loud(packet.payload)), None)

    def keys(self, call: Invite, until: float) -> list[Key]:
        """The keys the caller sent before `until`, in order."""
        pressed: dict[bytes, float] = {}
        released: dict[bytes, float] = {}
        for packet in _since(self._from[call.media], call.at):
            if packet.payload[1] & 0x7F == _KEYS and packet.at < until:
                event = packet.payload[4:8]  # one key is one RTP timestamp
                pressed.setdefault(event, packet.at)
                if packet.payload[13] & 0x80:
                    released.setdefault(event, packet.at)
        return [Key(pressed[event], released[event]) for event in pressed if event in released]


def _since(packets: list[Packet], at: float) -> list[Packet]:
    return packets[bisect_right(packets, at, key=lambda packet: packet.at) :]


def _is_rtp(payload: bytes) -> bool:
    return len(payload) >= 16 and payload[0] >> 6 == 2 and payload[1] & 0x7F in (_ALAW, _KEYS)


def _is_loud(payload: bytes) -> bool:
    return payload[1] & 0x7F == _ALAW and any((byte ^ 0x55) & 0x7F >= _LOUD for byte in payload[12:])


def _invite(packet: Packet, call_id: str, text: str) -> Invite:
    dials = re.match(r"INVITE sips?:([^@;>\s]*)", text)
    number = re.search(r"sips?:([^@;>\s]*)@", _header(text, "From"))
    media = re.search(r"^m=audio (\d+)", text, re.MULTILINE)
    if not (dials and number and media):
        raise ValueError(f"an INVITE without number or media: {text[:200]}")
    return Invite(packet.at, call_id, number[1], dials[1], packet.target, int(media[1]))


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}:[ \t]*(.*?)\r?$", text, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""
