import struct
from pathlib import Path

import numpy as np
import pytest

from ivr.phones.media import Media, alaw


def test_alaw_codes_follow_g711() -> None:
    loud = np.array([0, -1, 8, -8, 1000, -1000, 32767, -32768], "<i2")
    assert alaw(loud).hex() == "d555d555fa7aaa2a"


def test_silence_is_a_packet_every_20_ms() -> None:
    media = Media().silence(1)
    assert media.seconds == 1
    assert [packet.sent for packet in media.packets] == list(range(0, 8000, 160))
    assert {packet.payload for packet in media.packets} == {b"\xd5" * 160}


def test_a_key_is_one_event_whose_end_is_sent_three_times() -> None:
    media = Media().silence(0.1).key("#", 0.1).silence(0.1)
    events = [packet for packet in media.packets if packet.payload_type == 101]
    key, flags, durations = zip(*(struct.unpack("!BBH", packet.payload) for packet in events), strict=True)
    assert set(key) == {11}
    assert {packet.timestamp for packet in events} == {800}
    assert [packet.marker for packet in events] == [True] + [False] * 7
    assert durations == (160, 320, 480, 640, 800, 800, 800, 800)
    assert [flag >> 7 for flag in flags] == [0] * 5 + [1] * 3


def test_time_goes_on_behind_a_key() -> None:
    media = Media().key("1", 0.1).silence(0.1)
    assert media.packets[-5].sent > media.packets[-6].sent
    assert media.seconds == pytest.approx(0.22)


def test_a_letter_that_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match="substring not found"):
        Media().key("x")


def test_the_pcap_holds_every_packet_at_its_time(tmp_path: Path) -> None:
    media = Media().sound(np.arange(-800, 800, dtype="<i2")).key("5")
    data = media.write(tmp_path / "media.pcap").read_bytes()
    at, times, sequences = 24, [], []
    while at < len(data):
        seconds, micros, size, _ = struct.unpack_from("<IIII", data, at)
        times.append(seconds + micros / 1e6)
        sequences.append(struct.unpack_from("!H", data, at + 16 + 14 + 20 + 8 + 2)[0])
        at += 16 + size
    assert times == pytest.approx([packet.sent / 8000 for packet in media.packets])
    assert sequences == list(range(len(media.packets)))
