"""Citizens whose phones, or whose carrier, send what nobody should: each is answered, asked, understood and put
through all the same; nothing is executed, what came is stored as it came, and no terminal sees it raw."""

import json
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.calls import query, show
from ivr.calls.database import reader
from ivr.calls.events import Kind
from ivr.calls.projection import CallRecord
from ivr.calls.show import Style
from ivr.phones.events import PhoneError
from ivr.phones.media import Media, Packet
from ivr.phones.scenario import Scenario, caller, raw
from ivr.phones.sipp import Outcome, run_sipp
from tests.system import crowd
from tests.system.server import PROJECT, Server, until
from tests.system.test_many_callers import TRUNK

SHIFT = 250
MARKER = "someone-was-here"
AT_ONCE = 6
TOUCH = f"${{SHELL(touch {MARKER})}}"

Change = Callable[[Scenario], Scenario]


@dataclass(frozen=True)
class Hostile:
    """A caller: what is sent, and what of number and name is stored (None: as it was sent).

    `{n}` in a number is a number of the caller's own, so that the call is found.
    """

    number: str = "+62815{n}"
    name: str = ""
    headers: Sequence[str] = ()
    dials: str = "112"
    change: Change = lambda scenario: scenario
    stored_number: str | None = None
    stored_name: str | None = None

    @property
    def what(self) -> str:
        """What of it is hostile, for the failure matrix."""
        ordinary = Hostile()
        parts = {"name": "name", "number": "number", "dials": "dialled number", "headers": "headers"}
        hostile = (said for part, said in parts.items() if getattr(self, part) != getattr(ordinary, part))
        return f"hostile {next(hostile, 'session or keys')}"

    def pressing(self, own: str) -> Scenario:
        """The caller up to the release of the last key: fire, in Pahandut."""
        headers = [header.replace("{n}", own) for header in self.headers]
        scenario = caller(self.dials, self.number.replace("{n}", own), self.name, headers)
        return self.change(scenario.silence(1.2).press("1").silence(1.0).press("1", gap=0))


def _sdp(*lines: str) -> Change:
    """Another session description."""
    body = "v=0\no=- 1 1 IN IP4 [local_ip]\ns=-\n" + "\n".join(lines) + "\n"
    return lambda scenario: replace(
        scenario,
        opening=re.sub(r"\nv=0\n.*?(?=\]\]>)", lambda _found: "\n" + body, scenario.opening, flags=re.DOTALL),
    )


def _by_info(*bodies: str, kind: str = "application/dtmf-relay", reply: int = 500) -> Change:
    """Keys by SIP INFO, right after the answer, and the reply to each."""

    def change(scenario: Scenario) -> Scenario:
        sent = ""
        for number, body in enumerate(bodies, 2):
            info = scenario.bye.replace("BYE [next_url]", "INFO [next_url]").replace("2 BYE", f"{number} INFO")
            info += f"Content-Type: {kind}\nContent-Length: [len]\n\n{raw(body)}\n"
            sent += f'<send retrans="500"><![CDATA[\n{info}]]></send>\n<recv response="{reply}"/>'
        bye = scenario.bye.replace("2 BYE", f"{len(bodies) + 2} BYE")
        return replace(scenario, opening=scenario.opening + sent, bye=bye)

    return change


def _events(*payloads: bytes) -> Change:
    """RTP packets of telephone events, between the answer and the key."""

    def change(scenario: Scenario) -> Scenario:
        packets = [Packet(800 + 160 * n, 800 + 160 * n, 101, each, marker=True) for n, each in enumerate(payloads)]
        media = scenario.media
        return replace(
            scenario, media=Media(tuple(sorted([*packets, *media.packets], key=lambda p: p.sent)), media.frames)
        )

    return change


AUDIO = ("c=IN IP4 [media_ip]", "t=0 0", "m=audio [auto_media_port] RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000")
EVENTS = ("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15")
CODECS = "".join(f" {number}" for number in range(70, 128) if number != 101)
MAPS = [f"a=rtpmap:{number} junk{number}/90000" for number in CODECS.split()]

CALLERS: dict[str, Hostile] = {
    # the name
    "quotes in the name": Hostile(name='a"b\\"c\'d'),
    "a query in the name": Hostile(name="'; DROP TABLE calls; --"),
    "a function in the name": Hostile(name=TOUCH),
    "an expression in the name": Hostile(name="$[1+1]${EXTEN}${EVAL(${X})}"),
    "a shell in the name": Hostile(name=f"$(touch {MARKER})`touch {MARKER}`|&;<>"),
    "a formula in the name": Hostile(name='=HYPERLINK("http://x","y")'),
    "a command in the name": Hostile(name="=cmd|' /C calc'!A0"),
    "escaped line breaks in the name": Hostile(name="%0d%0aAction: Logoff%00%0a"),
    "right to left": Hostile(name="\u202egnp.exe\u2066\u200f"),
    "other alphabets": Hostile(name="Ñandú ꦗꦮ 安 \U0001f525"),
    "no UTF-8": Hostile(name="a\udcff\udcc3(b", stored_name="a\ufffd\ufffd(b"),
    "escape sequences": Hostile(name="\x1b[2J\x1b]0;x\x07\x7f"),
    "10 kB of name": Hostile(name="n" * 10_000),
    "a journal row": Hostile(name='"HANGUP","1795334959.773401","","","",'),
    "commas and bars": Hostile(name="a,b|c^d&e(f)g{h}"),
    # the number
    "a line break in the number": Hostile(
        "+62815{n}%0d%0aEventList%3A%20Complete", stored_number="\r\nEventList: Complete"
    ),
    "a blank line in the number": Hostile("+62815{n}%0a%0aX", stored_number="\n\nX"),
    "an event in the number": Hostile(
        "+62815{n}%0d%0a%0d%0aEvent%3A%20Shutdown%0d%0a%0d%0a", stored_number="\r\n\r\nEvent: Shutdown\r\n\r\n"
    ),
    "an AGI command in the number": Hostile("+62815{n}%0aEXEC%20System%20x", stored_number="\nEXEC System x"),
    "quotes in the number": Hostile("+62815{n}%22%27%5c", stored_number="\"'\\"),
    "a function in the number": Hostile("+62815{n}$%7bSHELL(id)%7d", stored_number="${SHELL(id)}"),
    "NUL in the number": Hostile("+62815{n}%00999", stored_number=""),
    "letters for a number": Hostile("warga-{n}.x_y~z!*'()"),
    "a long number": Hostile("+62815{n}" + "9" * 900),
    "a telephone context": Hostile("+62815{n};phone-context=+62;x=%22", stored_number=""),
    # what is dialled
    "a line break dialled": Hostile(dials="112%0aX"),
    "a function dialled": Hostile(dials="112$%7bSHELL(id)%7d"),
    "options dialled": Hostile(dials="112;phone-context=+62;npdi"),
    # headers
    "200 headers": Hostile(headers=[f"X-Junk-{n}: {'x' * 20}" for n in range(200)]),
    "folded headers": Hostile(headers=["Subject: a\r\n b\r\n\tc"]),
    "a long header": Hostile(headers=["X-Long: " + "x" * 20_000]),
    "identities that disagree": Hostile(
        headers=[
            f'P-Asserted-Identity: "{TOUCH}" <sip:+62815{{n}}%0a@x>',
            "P-Preferred-Identity: junk",
            "Remote-Party-ID: <x",
        ],
        stored_number="\n",
        stored_name=TOUCH,
    ),
    "a history of junk": Hostile(
        headers=[
            "History-Info: <sip:%22%0a@x?Reason=SIP%3bcause%3d302>;index=1;index=1..1",
            'Diversion: "a%0a" <sip:%0d%0aagi_x: y@x>;reason="${SHELL(id)}";counter=99999999999',
        ]
    ),
    "other headers of junk": Hostile(
        headers=["User-Agent: \x1b[2J${SHELL(id)}", "Call-Info: <http://x>", "Alert-Info: ;;;"]
    ),
    "privacy": Hostile(headers=["Privacy: id;header;critical"]),
    # the session
    "50 codecs": Hostile(change=_sdp(*AUDIO[:2], AUDIO[2] + CODECS, *AUDIO[3:], *EVENTS, *MAPS)),
    "a held call": Hostile(change=_sdp(*AUDIO, *EVENTS, "a=sendonly")),
    "attributes of junk": Hostile(
        change=_sdp(*AUDIO, *EVENTS, "a=" + "x" * 5000, "a=ptime:-1", "a=fmtp:8 " + raw("\x1b[2J"))
    ),
    "a second stream": Hostile(change=_sdp(*AUDIO, *EVENTS, "m=video 0 RTP/AVP 96", "m=junk 1 x *")),
    # keys
    "keys by INFO that are none": Hostile(
        change=_by_info("Signal=Z\r\nDuration=160", "Signal=", "Signal=%n", "=", "Signal: \x1b", "x" * 3000)
    ),
    "1000 keys in one INFO": Hostile(change=_by_info("Signal=" + "Z" * 1000 + "\r\nDuration=99999999999")),
    "INFO of another kind": Hostile(change=_by_info("\x00\x01\xff", "1" * 1000, kind="application/dtmf")),
    "events that are no keys": Hostile(
        change=_events(*(struct.pack("!BBH", event, 138, 800) for event in (16, 36, 255)), b"", b"\1", b"\xff" * 9)
    ),
    "an event without end": Hostile(
        change=_events(struct.pack("!BBH", 99, 10, 65535), struct.pack("!BBH", 16, 10, 0))
    ),
}  # fmt: skip


UNREADABLE = (
    caller(name="a\r\n b"),
    caller(number=""),
    caller(identity="<sip:{{}}@x>"),
    caller(identity="\x1b"),
    caller(headers=["Content-Length: -1"]),
    _sdp(*AUDIO, *EVENTS, "b=AS:-5")(caller()),
    _sdp("m=audio 0 RTP/AVP 8")(caller()),
    _sdp()(caller()),
)
"""What PJSIP cannot take for a call: refused, or dropped without an answer."""


@dataclass(frozen=True)
class Called:
    """What became of a caller."""

    outcome: Outcome
    record: CallRecord | None


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a trunk to its carrier, which is SIPp on loopback."""
    folder = tmp_path_factory.mktemp("hostile")
    trunk = folder / "trunk.conf"
    trunk.write_text(TRUNK)
    rules, settings = crowd.rules_in(folder), {"IVR_TRUNK_FILE": str(trunk)}
    with crowd.fire_brigade(), Server(folder, rules=rules, shift=SHIFT, settings=settings) as running:
        yield running


@contextmanager
def followed(city: Server, into: Path) -> Iterator[None]:
    """`ivr calls --follow` beside what happens."""
    with into.open("wb") as file:
        follower = subprocess.Popen(
            [sys.executable, "-m", "ivr", "calls", "--follow"],
            env=city.environment,
            cwd=PROJECT,
            stdout=file,
            stderr=file,
        )
        until(lambda: into.stat().st_size > 0, "follower", 60)
        yield
        follower.send_signal(signal.SIGINT)
        assert follower.wait(10) == 0


@pytest.fixture(scope="module")
def called(city: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Called]:
    """All of them have called, several at a time, while somebody followed."""
    with followed(city, city.folder / "followed"), ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = dict(zip(CALLERS, pool.map(partial(_calls, city), CALLERS), strict=True))
    found = {name: Called(outcome, _record(city, name)) for name, outcome in outcomes.items()}
    until(lambda: all(call.ended_at for call in city.calls()), "end of all calls", 20)
    return {name: replace(one, record=_record(city, name)) for name, one in found.items()}


def _own_number(name: str) -> str:
    return f"{1000 + list(CALLERS).index(name)}"


def _calls(city: Server, name: str) -> Outcome:
    scenario = CALLERS[name].pressing(_own_number(name)).silence(1.5).hang_up()
    try:
        return run_sipp(scenario, city.registrar, calls=1, timeout=15)
    except PhoneError as error:
        return Outcome(0, 1, (), {"never ended": 1}, str(error))


def _record(city: Server, name: str) -> CallRecord | None:
    beginning, _, _ = CALLERS[name].number.partition("{n}")
    return next((c for c in _all(city) if c.caller_number.startswith(beginning + _own_number(name))), None)


def _all(city: Server) -> list[CallRecord]:
    with reader(city.state / "calls.sqlite") as connection:
        return query.calls(connection, query.Filter(), 500)


@pytest.mark.parametrize("name", CALLERS)
def test_a_hostile_caller_is_answered_asked_understood_and_put_through(name: str, called: dict[str, Called]) -> None:
    outcome, record, one = called[name].outcome, called[name].record, CALLERS[name]
    assert (outcome.ok, outcome.failed) == (1, 0), (outcome.reasons, outcome.errors)
    assert record is not None
    crowd.rang(one.what, one.pressing(_own_number(name)), 1, outcome, record)
    assert (record.category, record.area, record.lifeline) == ("kebakaran", "62.71.01", False)
    assert record.answered_by == "damkar_1"


@pytest.mark.parametrize("name", CALLERS)
def test_what_came_is_stored_as_it_came(name: str, city: Server, called: dict[str, Called]) -> None:
    one, record = CALLERS[name], called[name].record
    assert record is not None
    began = next(event for event in city.story(record.call_id)[1] if event.kind == Kind.ARRIVED)
    number = one.number.replace("{n}", _own_number(name))
    if one.stored_number is not None:
        number = re.match(r"\+\d+", number)[0] + one.stored_number  # type: ignore[index]
    stored = one.name.replace("\\", "\\\\").replace('"', '\\"') if one.stored_name is None else one.stored_name
    assert number.startswith(began.text("number"))
    assert len(began.text("number")) >= min(len(number), 79)
    assert stored.startswith(began.text("name"))
    assert len(began.text("name").encode()) >= min(len(stored.encode()), 75)


def test_nothing_was_executed_and_nothing_broke(city: Server, called: dict[str, Called]) -> None:
    assert not list(city.folder.rglob(f"*{MARKER}*"))
    assert not (PROJECT / MARKER).exists()
    assert not [
        command for command in _descendants(city.pid) if MARKER in command or command.startswith(("sh", "/bin/sh"))
    ]
    log = (city.state / "log" / "controller.log").read_text(errors="replace")
    assert "Traceback" not in log
    assert "no Asterisk manager" not in log


def test_whoever_looks_at_the_calls_sees_nothing_raw(city: Server, called: dict[str, Called]) -> None:
    ids = [one.record.call_id for one in called.values() if one.record]
    pages = [
        _told(city, "--limit", "500"),
        _told(city, "--limit", "500", "--full-numbers"),
        _told(city, "show", ids[0]),
    ]
    pages.append((city.folder / "followed").read_text(encoding="utf-8"))
    style = Style(ZoneInfo("Asia/Pontianak"), whole_numbers=True)
    pages += ["\n".join(show.call(*city.story(call_id), style)) + "\n" for call_id in ids]
    for page in pages:
        assert [line for line in page.splitlines() if not line.isprintable()] == []
        assert len(page.splitlines()) == page.count("\n")
    rows = _told(city, "--limit", "500", "--json")
    assert rows.isascii()
    assert {json.loads(row)["call_id"] for row in rows.splitlines()} >= set(ids)
    assert json.loads(_told(city, "show", ids[0], "--json"))["call"]["call_id"] == ids[0]


def test_a_callers_number_hides_no_other_call_from_the_sweep(city: Server) -> None:
    """`EventList: Complete` in a number, and the calls that Asterisk lists after it: none is taken for over."""
    hiding = caller(number="+62816{call}%0d%0aEventList%3A%20Complete").silence(1.5).press("1").silence(16).hang_up()
    assert run_sipp(hiding, city.registrar, calls=3, rate=10, timeout=40).ok == 3
    mine = [call for call in _all(city) if call.caller_number.startswith("+62816")]
    swept = [event for call in mine for event in city.story(call.call_id)[1] if event.kind == Kind.CLOSED_BY_SWEEP]
    assert (len(mine), swept) == (3, [])


def test_a_request_that_cannot_be_read_costs_only_itself(city: Server) -> None:
    with ThreadPoolExecutor(len(UNREADABLE)) as pool:
        list(pool.map(partial(_tried, city), UNREADABLE))
    good = caller(number="+628170001").silence(1.5).press("1").silence(1).hang_up()
    assert run_sipp(good, city.registrar, calls=1, timeout=20).ok == 1
    assert city.ended_call("+628170001")[0].category == "kebakaran"


def _tried(city: Server, scenario: Scenario) -> None:
    try:
        run_sipp(scenario.silence(0.1).hang_up(), city.registrar, calls=1, timeout=2)
    except PhoneError:
        return


def _told(city: Server, *words: str) -> str:
    command = [sys.executable, "-m", "ivr", "calls", *words]
    told = subprocess.run(command, env=city.environment, cwd=PROJECT, capture_output=True, timeout=20, check=True)
    return told.stdout.decode()


def _descendants(pid: int) -> list[str]:
    """The command lines of all processes below one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found += [
                    (path.parent / "cmdline").read_text().replace("\0", " "),
                    *_descendants(int(path.parent.name)),
                ]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
