import struct

from bench.capture import Packet
from bench.wire import Trace

MEDIA, SERVER = 20000, 10000
SILENCE, SPEECH = b"\xd5" * 160, b"\xd5" * 80 + b"\x8a" * 80


def sip(at: float, text: str, source: int = 5061, target: int = 5060) -> Packet:
    return Packet(at, source, target, text.replace("\n", "\r\n").encode())


def invite(at: float, call_id: str = "1", target: int = 5060) -> Packet:
    text = (
        f"INVITE sip:112@127.0.0.1:5060 SIP/2.0\nFrom: <sip:+628131@127.0.0.1>;tag=x\nCall-ID: {call_id}\n"
        f"CSeq: 1 INVITE\n\nv=0\nm=audio {MEDIA} RTP/AVP 8 101\n"
    )
    return sip(at, text, target=target)


def heard(at: float, sound: bytes) -> Packet:
    return Packet(at, SERVER, MEDIA, struct.pack("!BBHII", 0x80, 8, 0, 0, 1) + sound)


def key(at: float, timestamp: int, *, end: bool = False) -> Packet:
    event = struct.pack("!BBH", 1, 0x80 if end else 0, 160)
    return Packet(at, MEDIA, SERVER, struct.pack("!BBHII", 0x80, 101, 0, timestamp, 1) + event)


def test_an_invite_sent_again_is_the_same_call() -> None:
    calls = Trace([invite(1.0), invite(1.5), invite(2.0, "2")]).invites
    assert [(call.at, call.number, call.dials, call.media) for call in calls] == [
        (1.0, "+628131", "112", MEDIA),
        (2.0, "+628131", "112", MEDIA),
    ]


def test_the_answer_is_the_invites_own_ok_and_not_that_of_a_bye() -> None:
    bye, ok = (f"SIP/2.0 200 OK\nCall-ID: 1\nCSeq: {cseq}\n\n" for cseq in ("2 BYE", "1 INVITE"))
    trace = Trace([invite(1.0), sip(1.1, bye), sip(1.2, ok), sip(1.3, ok)])
    assert trace.answered(trace.invites[0]) == 1.2


def test_sound_begins_with_the_first_packet_that_is_not_silent() -> None:
    trace = Trace([heard(0.5, SPEECH), invite(1.0), heard(1.1, SILENCE), heard(1.12, SPEECH), heard(1.14, SPEECH)])
    assert trace.sound(trace.invites[0]) == 1.12


def test_a_call_that_hears_only_silence_has_no_sound() -> None:
    trace = Trace([invite(1.0), heard(1.1, SILENCE)])
    assert trace.sound(trace.invites[0]) is None


def test_a_key_is_released_with_the_first_of_its_three_last_packets() -> None:
    first = [key(2.0, 100), key(2.02, 100), *(key(2.1, 100, end=True) for _ in range(3))]
    second = [key(3.0, 900), key(3.1, 900, end=True), key(3.2, 900, end=True)]
    trace = Trace([invite(1.0), *first, *second])
    keys = trace.keys(trace.invites[0], until=9.0)
    assert [(pressed.pressed, pressed.released) for pressed in keys] == [(2.0, 2.1), (3.0, 3.1)]


def test_a_key_pressed_after_the_moment_asked_for_does_not_count() -> None:
    trace = Trace([invite(1.0), key(2.0, 100), key(2.1, 100, end=True), key(3.0, 900), key(3.1, 900, end=True)])
    assert len(trace.keys(trace.invites[0], until=2.5)) == 1
