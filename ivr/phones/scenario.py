"""What SIPp plays: one side of a call, step by step, as its XML.

`caller` rings the server; `agency`, `rejecting_agency` and `silent_agency` are rung by it. Nothing is cleaned up in
what a caller sends: number, name and headers go out byte for byte, whatever they hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from xml.sax.saxutils import quoteattr

from ivr.phones import sounds
from ivr.phones.media import Media

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 +-_.:;@=/,*#<>\"'()!?")
_REASONS = {480: "Temporarily Unavailable", 486: "Busy Here", 488: "Not Acceptable Here", 603: "Decline"}

_SDP = """
v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
"""
_CONTACT = "Contact: <sip:[local_ip]:[local_port];transport=[transport]>\n"
_REPLY = f"[last_Via:]\n[last_From:]\n{{to}}\n[last_Call-ID:]\n{{cseq}}\n{_CONTACT}"
_TAGGED = "[last_To:];tag=[pid]agency[call_number]"


@dataclass(frozen=True)
class Scenario:
    """One side of a call. Each method returns a longer one; `hang_up` or `until_hung_up` ends it."""

    opening: str
    bye: str = ""
    media: Media = field(default_factory=Media)
    sounding: bool = True
    ending: str = ""

    def silence(self, seconds: float) -> "Scenario":
        """Say nothing; RTP flows all the same, unless the scenario is soundless."""
        return replace(self, media=self.media.silence(seconds))

    def press(self, keys: str, gap: float = 0.1, held: float = 0.1) -> "Scenario":
        """Press keys (RFC 4733), each held and followed by a gap, both in seconds."""
        media = self.media
        for key in keys:
            media = media.key(key, held).silence(gap)
        return replace(self, media=media)

    def say(self, wav: Path) -> "Scenario":
        """Play a WAV file (8 kHz, one channel, 16 bits)."""
        return replace(self, media=self.media.sound(sounds.read(wav)))

    def soundless(self) -> "Scenario":
        """Send no RTP at all, as behind a broken network; keys are lost too. Needs no root."""
        return replace(self, sounding=False)

    def hang_up(self) -> "Scenario":
        """Hang up when everything is said. A server that hangs up earlier makes the call a failed one."""
        pause = f'<pause milliseconds="{round(self.media.seconds * 1000)}"/>'
        return replace(self, ending=pause + _send(self.bye) + '<recv response="200"/>')

    def until_hung_up(self, timeout: float = 60) -> "Scenario":
        """Stay until the other side hangs up; failed when it has not `timeout` seconds after the answer."""
        wait = f'<recv request="BYE" timeout="{round(timeout * 1000)}"/>'
        rest = max(0.0, timeout - self.media.seconds)
        ended = wait + _send("SIP/2.0 200 OK\n" + _reply("[last_To:]", "[last_CSeq:]"))
        return replace(self, media=self.media.silence(rest), ending=ended)

    def xml(self, pcap: Path) -> str:
        """The scenario file; it plays `pcap`, where the caller has written `media`."""
        play = f"<nop><action><exec play_pcap_audio={quoteattr(str(pcap))}/></action></nop>"
        heard = play if self.bye and self.sounding and self.media.packets else ""
        return (
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="ivr">\n'
            f"{self.opening}{heard}{self.ending}{_mark('ended')}\n</scenario>\n"
        )


def caller(
    dials: str = "112",
    number: str = "+62812{call}",
    name: str = "",
    headers: Sequence[str] = (),
    identity: str | None = None,
) -> Scenario:
    """Somebody who dials. `{call}` in any text becomes the number of the call, 1, 2, ...

    Texts are sent raw: line breaks, % and other alphabets are the caller's business (SIPp cuts at a NUL). Only the
    name's quotes and backslashes are escaped (RFC 3261, 25.1), or Asterisk would drop the request without an answer;
    `identity` is a whole From value instead of name and number, malformed if you like.
    """
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '" ' if name else ""
    own = raw(identity or f"{quoted}<sip:{number}@") + ("" if identity else "[local_ip]:[local_port]>")
    to = f"<sip:{raw(dials)}@[remote_ip]:[remote_port]>"
    me = f"From: {own};tag=[pid]caller[call_number]\n"
    via = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
    dialog = f"{via}{me}To: {to}{{tag}}\nCall-ID: [call_id]\nCSeq: {{cseq}}\nMax-Forwards: 70\n"
    extra = "".join(f"{raw(header)}\n" for header in headers)
    invite = (
        f"INVITE sip:{raw(dials)}@[remote_ip]:[remote_port] SIP/2.0\n"
        f"{dialog.format(tag='', cseq='1 INVITE')}{_CONTACT}{extra}"
    )
    ack = "ACK [next_url] SIP/2.0\n" + dialog.format(tag="[peer_tag_param]", cseq="1 ACK")
    provisional = "".join(f'<recv response="{code}" optional="true"/>' for code in (100, 180, 181, 182, 183))
    opening = (
        f"{_mark('dialled')}{_send(invite, _SDP)}{provisional}"
        f'<recv response="200" rrs="true"/>{_send(ack)}{_mark("answered")}'
    )
    bye = "BYE [next_url] SIP/2.0\n" + dialog.format(tag="[peer_tag_param]", cseq="2 BYE")
    return Scenario(opening, bye)


def agency(rings: float = 0.5) -> Scenario:
    """An agency's phone that rings `rings` seconds and is picked up."""
    answer = "SIP/2.0 200 OK\n" + _reply(_TAGGED, "[last_CSeq:]")
    opening = f'{_ringing(rings)}{_send(answer, _SDP)}<recv request="ACK"/>{_mark("answered")}'
    bye = (
        "BYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        "From:[$to];tag=[pid]agency[call_number]\nTo:[$from]\nCall-ID: [call_id]\nCSeq: 1 BYE\nMax-Forwards: 70\n"
    )
    return Scenario(opening, bye)


def rejecting_agency(code: int, rings: float = 0.5) -> Scenario:
    """An agency's phone that refuses with a SIP code: 486 busy, 603 declined, 480 not there, ..."""
    reason = _REASONS.get(code) or HTTPStatus(code).phrase
    refusal = f"SIP/2.0 {code} {reason}\n" + _reply(_TAGGED, "[last_CSeq:]")
    return Scenario(f'{_ringing(rings)}{_send(refusal)}<recv request="ACK"/>')


def silent_agency(timeout: float = 120) -> Scenario:
    """An agency's phone that rings and is never picked up; ok when the server gives up within `timeout` seconds."""
    cancelled = "SIP/2.0 200 OK\n" + _reply("[last_To:]", "[last_CSeq:]")
    terminated = "SIP/2.0 487 Request Terminated\n" + _reply(_TAGGED, "CSeq:[$cseq]")
    return Scenario(
        f'{_ringing(0)}<recv request="CANCEL" timeout="{round(timeout * 1000)}"/>'
        f'{_send(cancelled)}{_send(terminated)}<recv request="ACK"/>'
    )


def raw(text: str) -> str:
    """Any text as SIPp sends it unchanged: everything unusual becomes `\\xNN`, so no keyword or XML hides in it."""
    pieces = text.encode("utf-8", "surrogateescape").split(b"{call}")
    return "[call_number]".join("".join(_byte(byte) for byte in piece) for piece in pieces)


def _byte(byte: int) -> str:
    return chr(byte) if byte in _PLAIN else f"\\x{byte:02x}"


def _send(headers: str, body: str = "") -> str:
    kind = "Content-Type: application/sdp\n" if body else ""
    acknowledged = body or headers.startswith(("INVITE", "BYE", "SIP/2.0 4", "SIP/2.0 5", "SIP/2.0 6"))
    retransmit = ' retrans="500"' if acknowledged else ""
    return f"<send{retransmit}><![CDATA[\n{headers}{kind}Content-Length: [len]\n{body or chr(10)}]]></send>\n"


def _reply(to: str, cseq: str) -> str:
    return _REPLY.format(to=to, cseq=cseq)


def _ringing(seconds: float) -> str:
    keep = "".join(
        f'<ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{name}"/>'
        for header, name in (("From", "from"), ("To", "to"), ("CSeq", "cseq"))
    )
    ringing = "SIP/2.0 180 Ringing\n" + _reply(_TAGGED, "[last_CSeq:]")
    pause = f'<pause milliseconds="{round(seconds * 1000)}"/>' if seconds else ""
    return (
        f'<recv request="INVITE" rrs="true"><action>{keep}</action></recv>{_mark("rang", "[$from]")}'
        f'{_send(ringing)}<Reference variables="from,to,cseq"/>{pause}'
    )


def _mark(name: str, detail: str = "") -> str:
    message = quoteattr(f"{name}|[call_number]|[$seconds]|[$micros]|{detail}")
    return f'<nop><action><gettimeofday assign_to="seconds,micros"/><log message={message}/></action></nop>\n'
