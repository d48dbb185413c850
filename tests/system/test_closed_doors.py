"""What is shut, tried from outside, from the phones, from the trunk, and by who holds a password."""

import asyncio
import json
import re
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from bench.capture import Capture
from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import Answer
from ivr.asterisk.program import asterisk_pid
from ivr.calls.events import Kind as Happened
from ivr.phones.baresip import Kind, Phone
from ivr.settings import Settings, load_settings
from tests.audio import load, loudness
from tests.system.people import Citizen, SwitchOn, accepts, kinds
from tests.system.server import LOOPBACK, Server, until
from tests.system.strangers import (
    Carrier,
    Elsewhere,
    Message,
    Stranger,
    another_machine,
    answer_to,
    can_connect,
    speech,
)
from tests.system.test_the_call import talks

SHIFT = 700
CARRIER = "127.0.0.5"
HERE, INSIDE, OUTSIDE = "10.112.0.1", "10.112.1.2", "10.112.2.2"  # this machine, and another with two addresses
STREET_LIGHTS = "+62536112233"

TRUNK = f"""
[trunk](trunk-endpoint)
aors = trunk

[trunk]
type = aor
contact = sip:{CARRIER}:5999

[trunk]
type = identify
endpoint = trunk
match = {CARRIER}
"""

RULES = (
    Path(__file__)
    .with_name("rules.yaml")
    .read_text(encoding="utf-8")
    .replace("dishub: {akun: dishub, detik: 5,", f'dishub: {{telepon: "{STREET_LIGHTS}", detik: 5,')
    .replace("polresta: {akun: polresta, detik: 5}", "polresta: {akun: polresta, detik: 5, terima: langsung}")
)
"""One line is a telephone number, so that the trunk is used at all; one accepts by picking up."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    """Another machine on the city's network."""
    with another_machine(HERE, INSIDE, OUTSIDE) as there:
        yield there


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Iterator[Server]:
    """A server on all addresses that hears one network."""
    folder = tmp_path_factory.mktemp("guarded")
    rules, trunk = folder / "base.yaml", folder / "trunk.conf"
    rules.write_text(RULES, encoding="utf-8")
    trunk.write_text(TRUNK, encoding="utf-8")
    settings = {
        "IVR_TRUNK_FILE": str(trunk),
        "IVR_SIP_ADDRESS": "0.0.0.0",  # noqa: S104 as cities with several networks have it
        "IVR_SIP_NETWORKS": "10.112.1.0/24",
    }
    with Server(folder, rules=rules, shift=SHIFT, settings=settings) as running:
        yield running


@pytest.fixture
def carrier(guarded: Server) -> Iterator[Carrier]:
    """The city's carrier, who was not called before."""
    with Carrier(guarded.registrar, CARRIER, 5999) as answering:
        yield answering


@pytest.fixture
def stranger(guarded: Server) -> Iterator[Stranger]:
    """Somebody on this machine, which the server hears."""
    with Stranger(guarded.registrar) as somebody:
        yield somebody


def password(server: Server, account: str) -> str:
    return str(json.loads((server.state / "secrets.json").read_text())[account])


@contextmanager
def registered(phone: Stranger, server: Server, account: str, *headers: str) -> Iterator[None]:
    """Registered meanwhile, with a Contact among the headers if there is one."""
    known = password(server, account)
    for more in (60, 0):
        reply = phone.ask_as(account, known, "REGISTER", headers=[*headers, f"Expires: {more}"])
        assert reply
        assert reply.status == 200
        if more:
            yield


def settings_of(server: Server) -> Settings:
    given = {name[4:].lower(): value for name, value in server.environment.items() if name.startswith("IVR_")}
    return load_settings(**given)


def log_lines(server: Server, name: str) -> list[str]:
    return (server.state / "asterisk" / "log" / name).read_text(errors="replace").splitlines()


# Toll fraud: what costs money is dialled by the rules alone.

USERS = (
    "+62811123456",
    "0811123456",
    "00972592000000",
    "0900123456",
    "110",
    "000",
    "113",
    "*97",
    "*8",
    "#1",
    "%2B62811123456",
    "0811;phone-context=+62",
    "damkar_1",
    "operator2",
    "damkar_1%40ring-line",
    "PJSIP%2F0811%40trunk",
    "Local%2Fdamkar_1%40ring-line%2Fn",
    "trunk",
    "outbound-only",
    "s",
    "h",
    "i",
    "T",
    "accept",
    "begin",
    "idle",
)


def test_phones_reach_112_and_nothing_else_whatever_they_dial(
    guarded: Server, stranger: Stranger, carrier: Carrier, switch_on: SwitchOn
) -> None:
    port = guarded.registrar.rsplit(":", 1)[1]
    addresses = [f"sip:{user}@{guarded.registrar}" for user in USERS]
    addresses += [f"sip:0811123456@{CARRIER}:5999", "tel:+62811123456", f"sip:{LOOPBACK}:{port}"]
    for account in ("operator1", "damkar_1", "warga"):
        known = password(guarded, account)
        for address in addresses:
            reply = stranger.ask_as(account, known, "INVITE", address, body=speech())
            assert reply, address
            assert reply.status in (403, 404), f"{address}: {reply.text}"
    for dialled in ("112", "112;phone-context=+62"):
        reply = stranger.ask_as(
            "operator1", password(guarded, "operator1"), "INVITE", f"sip:{dialled}@x", body=speech()
        )
        assert reply
        assert reply.status == 200, dialled
    assert carrier.invites == []
    Citizen(guarded, switch_on(guarded, "warga")).dial().answers("4").until(Happened.RING, line="dishub")
    until(lambda: carrier.invites, "call that the rules name")
    assert all(STREET_LIGHTS in address for address in carrier.invites)


@pytest.mark.parametrize(
    "to",
    [
        f"sip:0900123456@{CARRIER}:5999",
        "sip:PJSIP%2F0900123456%40trunk@x",
        f"sip:PJSIP%2Foutbound-only%2Fsip%3A0900%40{CARRIER}%3A5999@x",
        "sip:Local%2Fdishub%40ring-line@x",
        "sip:112@x",
        "tel:+62900123456",
    ],
)
def test_a_phone_that_forwards_what_rings_it_reaches_nobody_and_the_caller_goes_on(
    to: str, guarded: Server, stranger: Stranger, carrier: Carrier, switch_on: SwitchOn
) -> None:
    operator, citizen = switch_on(guarded, "operator1"), Citizen(guarded, switch_on(guarded, "warga"))
    before = len(guarded.calls())
    with registered(stranger, guarded, "polresta"):
        citizen.dial().answers("3", "1")
        ringing = stranger.rung()
        assert ringing, "the phone did not ring"
        stranger.reply(ringing, "302 Moved Temporarily", f"Contact: <{to}>")
        citizen.until(Happened.RING_END, line="polresta")
    operator.answer(20)
    talks(citizen, operator)
    assert citizen.hangs_up()[0].answered_by == "operator1"
    assert carrier.invites == []
    assert len(guarded.calls()) == before + 1


@pytest.mark.parametrize("address", [f"sip:0900123456@{CARRIER}:5999", "sip:0900123456@trunk"])
def test_a_phone_cannot_have_its_calls_delivered_elsewhere(
    address: str, guarded: Server, stranger: Stranger, carrier: Carrier, switch_on: SwitchOn
) -> None:
    citizen = Citizen(guarded, switch_on(guarded, "warga"))
    with registered(stranger, guarded, "polresta", f"Contact: <{address}>"):
        citizen.dial().answers("3", "1")
        assert stranger.rung(), "not rung where it registered from"
        citizen.hangs_up()
    assert carrier.invites == []


@pytest.mark.parametrize(
    "to",
    [
        "sip:0900123456@{server}",
        f"sip:0900123456@{CARRIER}:5999",
        "sip:operator1@{server}",
        "sip:0900123456@{server}?Replaces=1%40x%3Bto-tag%3D1%3Bfrom-tag%3D2",
        "sip:operator1@{server}?Replaces=1%40x%3Bto-tag%3D1%3Bfrom-tag%3D2",
    ],
)
def test_a_conversation_cannot_be_transferred_and_goes_on(
    to: str, guarded: Server, stranger: Stranger, carrier: Carrier, switch_on: SwitchOn
) -> None:
    operator, citizen = switch_on(guarded, "operator1"), Citizen(guarded, switch_on(guarded, "warga"))
    with registered(stranger, guarded, "polresta"):
        citizen.dial().answers("3", "1")
        ringing = stranger.rung()
        assert ringing, "the phone did not ring"
        stranger.take(ringing, "polresta")
        citizen.until(Happened.ACCEPTED, line="polresta")
        refusal = stranger.refer(ringing, "polresta", to.format(server=guarded.registrar))
        assert refusal
        assert refusal.status == 603
        assert stranger.receive(1) is None, "the officer was hung up"
        assert {event.kind for event in operator.events} <= {Kind.REGISTERED}
        record, events = citizen.hangs_up()
        ended = stranger.receive()
        assert ended
        assert ended.method == "BYE"
        stranger.reply(ended, "200 OK")
    assert record.answered_by == "polresta"
    assert kinds(events).count(Happened.RING) == 1
    assert carrier.invites == []


def test_nobody_takes_over_a_conversation_by_an_invitation_that_replaces_it(
    guarded: Server, stranger: Stranger, switch_on: SwitchOn
) -> None:
    officer, citizen = switch_on(guarded, "damkar_1"), Citizen(guarded, switch_on(guarded, "warga"))
    with Capture() as wire:
        citizen.dial().answers("1", "1")
        accepts(citizen, officer)
        talks(citizen, officer)
    answers = {
        (reply["Call-ID"], *(re.findall(r"tag=([^;\s]+)", reply[name])[0] for name in ("From", "To")))
        for packet in wire.packets
        if packet.payload.startswith(b"SIP/2.0 200")
        and (reply := Message(packet.payload.decode())).method == "INVITE"
    }
    assert len(answers) == 2, "the citizen's half and the officer's"
    known = password(guarded, "operator2")
    for call, one, other in answers:
        for tags in (f"from-tag={one};to-tag={other}", f"from-tag={other};to-tag={one}"):
            headers = [f"Replaces: {call};{tags}", "Require: replaces"]
            address = f"sip:damkar_1@{guarded.registrar}"
            refusal = stranger.ask_as("operator2", known, "INVITE", address, headers=headers, body=speech())
            assert refusal
            assert refusal.status >= 400, refusal.text
    talks(citizen, officer)
    citizen.hangs_up()


def test_calls_on_the_trunk_are_emergency_calls_and_nothing_else(guarded: Server, carrier: Carrier) -> None:
    before = len(guarded.calls())
    emergency = ["112", "0536112", "+62536112", "*112", "112;phone-context=+62", "0811123456", "0900123456*1", "000"]
    nothing = [
        "damkar_1",
        "operator1",
        "damkar_1%40ring-line",
        "PJSIP%2F0900%40trunk",
        "accept",
        "h",
        "idle",
        "x" * 300,
    ]
    with Stranger(guarded.registrar, CARRIER) as line:
        for dialled in emergency[:3] + emergency[4:]:
            reply = line.ask("INVITE", f"sip:{dialled}@{guarded.registrar}", user="+62811", body=speech())
            assert reply
            assert reply.status == 200, f"{dialled}: {reply.text}"
        for dialled in nothing:
            reply = line.ask("INVITE", f"sip:{dialled}@{guarded.registrar}", user="+62811", body=speech())
            assert reply
            assert reply.status == 404, f"{dialled}: {reply.text}"
        for method in ("REFER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REGISTER"):
            extra = ["Refer-To: <sip:0900@x>", "Event: presence", "Expires: 60"]
            reply = line.ask(method, f"sip:112@{guarded.registrar}", user="+62811", headers=extra)
            assert reply
            assert reply.status >= 400, f"{method}: {reply.text}"
    until(lambda: len(guarded.calls()) == before + len(emergency) - 1, "the calls in the log")
    assert carrier.invites == []


# Strangers.

METHODS = (
    "OPTIONS",
    "REGISTER",
    "INVITE",
    "MESSAGE",
    "SUBSCRIBE",
    "PUBLISH",
    "REFER",
    "NOTIFY",
    "INFO",
    "UPDATE",
    "X",
)


def test_a_stranger_is_asked_for_a_password_whatever_they_want(guarded: Server, stranger: Stranger) -> None:
    before = len(guarded.calls())
    for user in ("stranger", "operator1", "trunk", "outbound-only", "+62811", "anonymous"):
        for method in METHODS:
            to = "" if method == "REGISTER" else f"sip:112@{guarded.registrar}"
            reply = stranger.ask(method, to, user=user, body=speech() if method == "INVITE" else "")
            assert reply, f"{method} of {user}"
            assert reply.status == 401, f"{method} of {user}: {reply.text}"
    for method in ("BYE", "CANCEL"):
        reply = stranger.ask(method, f"sip:112@{guarded.registrar}")
        assert reply
        assert reply.status == 481
    assert len(guarded.calls()) == before


def test_who_has_an_account_can_neither_send_messages_nor_watch_others(guarded: Server, stranger: Stranger) -> None:
    known = password(guarded, "operator1")
    for method in ("MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "NOTIFY", "UPDATE"):
        for to in ("damkar_1", "112", "operator1"):
            headers = ["Event: presence", "Expires: 60", "Refer-To: <sip:0900@x>"]
            reply = stranger.ask_as("operator1", known, method, f"sip:{to}@{guarded.registrar}", headers=headers)
            assert reply
            assert reply.status in (481, 489, 501, 603), f"{method} {to}: {reply.text}"


def test_an_account_cannot_be_registered_with_the_password_of_another(guarded: Server, stranger: Stranger) -> None:
    other = password(guarded, "damkar_1")
    wrong = stranger.ask_as("operator1", other, "REGISTER")
    assert wrong
    assert wrong.status == 401
    challenge = stranger.ask("REGISTER", user="operator1")
    assert challenge
    answer = answer_to(challenge, "damkar_1", other, "REGISTER", f"sip:{guarded.registrar}")
    for_another = stranger.ask("REGISTER", user="operator1", headers=[answer])
    assert for_another
    assert for_another.status >= 400


def test_an_overheard_answer_opens_nothing_from_elsewhere_nor_for_anything_else(
    guarded: Server, stranger: Stranger
) -> None:
    challenge = stranger.ask("REGISTER", user="operator1")
    assert challenge
    answer = answer_to(challenge, "operator1", password(guarded, "operator1"), "REGISTER", f"sip:{guarded.registrar}")
    own = stranger.ask("REGISTER", user="operator1", headers=[answer, "Expires: 60"])
    assert own
    assert own.status == 200
    with Stranger(guarded.registrar, "127.0.0.9") as eavesdropper:
        for method in ("REGISTER", "INVITE"):
            to = "" if method == "REGISTER" else f"sip:112@{guarded.registrar}"
            replayed = eavesdropper.ask(method, to, user="operator1", headers=[answer], body=speech())
            assert replayed
            assert replayed.status == 401


# Another machine.


def test_only_the_networks_named_are_heard(guarded: Server, elsewhere: Elsewhere) -> None:
    target = f"{HERE}:{guarded.registrar.rsplit(':', 1)[1]}"

    def ask(address: str, method: str) -> int | None:
        with Stranger(target, address) as phone:
            reply = phone.ask(method, user="operator1", body=speech() if method == "INVITE" else "")
            return reply.status if reply else None

    for method in ("OPTIONS", "REGISTER", "INVITE"):
        assert elsewhere(lambda: ask(INSIDE, method)) == 401  # noqa: B023
        assert elsewhere(lambda: ask(OUTSIDE, method)) == 403  # noqa: B023


def test_another_machine_reaches_sip_and_neither_manager_nor_controller(
    guarded: Server, elsewhere: Elsewhere
) -> None:
    ports = {name: int(guarded.environment[f"IVR_{name}_PORT"]) for name in ("SIP", "AMI", "AGI", "HTTP")}
    assert can_connect(LOOPBACK, ports["AMI"])
    assert can_connect(LOOPBACK, ports["AGI"])
    reachable = {name for name, port in ports.items() if elsewhere(lambda: can_connect(HERE, port))}  # noqa: B023
    assert reachable == {"SIP"}


def test_asterisk_listens_for_sip_and_on_loopback_for_its_manager_and_on_nothing_else(guarded: Server) -> None:
    settings = settings_of(guarded)
    listening = {("tcp", "0.0.0.0", settings.sip_port), ("tcp", LOOPBACK, settings.ami_port)}  # noqa: S104
    assert tcp_listeners(asterisk_pid(settings) or 0) == listening
    bound = udp_ports(asterisk_pid(settings) or 0)
    assert settings.sip_port in bound
    # The rest: RTP of calls that may just end, and two sockets of its DNS resolver, which read nothing but answers.
    rest = [port for port in bound if port != settings.sip_port]
    assert len([port for port in rest if not settings.rtp_first <= port <= settings.rtp_last]) <= 2


def own_sockets(pid: int) -> set[str]:
    links = [path.readlink() for path in Path(f"/proc/{pid}/fd").iterdir()]
    return {found[1] for link in links if (found := re.match(r"socket:\[(\d+)\]", str(link)))}


def tcp_listeners(pid: int) -> set[tuple[str, str, int]]:
    """Protocol, address and port of everything the process listens on; AssertionError for any in IPv6."""
    own = own_sockets(pid)
    found: set[tuple[str, str, int]] = set()
    for name in ("tcp", "tcp6"):
        for row in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in own:
                assert name == "tcp"
                address, port = fields[1].split(":")
                found.add((name, socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)))
    return found


def udp_ports(pid: int) -> list[int]:
    own = own_sockets(pid)
    rows = [
        row.split()
        for name in ("udp", "udp6")
        for row in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    return [int(row[1].rsplit(":", 1)[1], 16) for row in rows if row[9] in own]


# The manager.


def manage(server: Server, *actions: dict[str, str]) -> list[Answer]:
    """The answers to these actions by the controller's own user."""

    async def run() -> list[Answer]:
        manager = AsteriskManager(LOOPBACK, settings_of(server).ami_port, "controller", password(server, "manager"))
        manager.start()
        try:
            await manager.wait_connected()
            return [await manager.action(**action) for action in actions]  # type: ignore[arg-type]
        finally:
            await manager.stop()

    return asyncio.run(run())


FORBIDDEN: tuple[dict[str, str], ...] = (
    {"name": "Command", "Command": "core show version"},
    {"name": "Originate", "Channel": "PJSIP/0900123456@trunk", "Context": "plan", "Exten": "s", "Priority": "1"},
    {"name": "Originate", "Channel": "Local/112@from-phone", "Application": "AGI", "Data": "/bin/sh"},
    {"name": "Redirect", "Channel": "x", "Context": "plan", "Exten": "s", "Priority": "1"},
    {"name": "Hangup", "Channel": "/.*/"},
    {"name": "Bridge", "Channel1": "x", "Channel2": "y"},
    {"name": "BlindTransfer", "Channel": "x", "Exten": "112"},
    {"name": "Atxfer", "Channel": "x", "Exten": "112"},
    {"name": "AGI", "Channel": "x", "Command": "EXEC Dial PJSIP/0900@trunk"},
    {"name": "MixMonitor", "Channel": "x", "File": "x", "Command": "id"},
    {"name": "StopMixMonitor", "Channel": "x"},
    {"name": "Setvar", "Variable": "GENERATION", "Value": "x"},
    {"name": "ModuleLoad", "Module": "app_system.so", "LoadType": "load"},
    {"name": "ModuleLoad", "Module": "res_pjsip.so", "LoadType": "unload"},
    {"name": "DialplanExtensionAdd", "Context": "from-phone", "Extension": "9", "Priority": "1",
     "Application": "NoOp"},
    {"name": "DialplanExtensionRemove", "Context": "from-phone", "Extension": "112"},
    {"name": "UpdateConfig", "SrcFilename": "extensions.conf", "DstFilename": "extensions.conf",
     "Action-000000": "NewCat", "Cat-000000": "x"},
    {"name": "UpdateConfig", "SrcFilename": "generated/pjsip.conf", "DstFilename": "generated/pjsip.conf",
     "Action-000000": "NewCat", "Cat-000000": "x"},
    {"name": "CreateConfig", "Filename": "cli.conf"},
    {"name": "GetConfig", "Filename": "../../secrets.json"},
    {"name": "GetConfig", "Filename": "/etc/passwd"},
    {"name": "Getvar", "Variable": "SHELL(id)"},
    {"name": "DBPut", "Family": "a", "Key": "b", "Val": "c"},
    {"name": "QueueAdd", "Queue": "operators", "Interface": "PJSIP/0900@trunk"},
    {"name": "QueueRemove", "Queue": "operators", "Interface": "Local/operator1@ring-line/n"},
    {"name": "QueuePause", "Interface": "Local/operator1@ring-line/n", "Paused": "true"},
    {"name": "MessageSend", "To": "pjsip:damkar_1", "From": "x", "Body": "x"},
    {"name": "UserEvent", "UserEvent": "CEL"},
    {"name": "Filter", "Operation": "Add", "Filter": "Event: .*"},
)  # fmt: skip


def test_the_controllers_manager_account_can_do_what_the_controller_does_and_no_more(guarded: Server) -> None:
    etc = guarded.state / "asterisk" / "etc"
    before = {path: path.read_bytes() for path in sorted(etc.rglob("*")) if path.is_file()}
    for action, answer in zip(FORBIDDEN, manage(guarded, *FORBIDDEN), strict=True):
        assert not answer.ok, action
    assert {path: path.read_bytes() for path in sorted(etc.rglob("*")) if path.is_file()} == before
    for function in (
        "FILE(/etc/passwd)",
        "ENV(PATH)",
        "CURL(http://127.0.0.1)",
        "AST_CONFIG(manager.conf,controller,secret)",
    ):
        value = manage(guarded, {"name": "Getvar", "Variable": function})[0].messages[0]
        assert not any(value.get(name) for name in ("Value", "Value:")), function
    needed = ({"name": "Getvar", "Variable": "GENERATION"}, {"name": "Reload", "Module": "pbx_config.so"})
    assert all(answer.ok for answer in manage(guarded, *needed, {"name": "CoreShowChannels"}))


def test_the_manager_tells_of_calls_and_of_nothing_else(guarded: Server, stranger: Stranger) -> None:
    told: set[str] = set()

    async def listen() -> None:
        manager = AsteriskManager(
            LOOPBACK,
            settings_of(guarded).ami_port,
            "controller",
            password(guarded, "manager"),
            on_event=lambda event: told.add(event.get("Event", "")),
        )
        manager.start()
        try:
            await manager.wait_connected()
            known = password(guarded, "operator1")
            address = f"sip:112@{guarded.registrar}"
            await asyncio.to_thread(stranger.ask_as, "operator1", known, "INVITE", address, body=speech())
            async with asyncio.timeout(5):
                while "CEL" not in told:  # noqa: ASYNC110 another thread adds it
                    await asyncio.sleep(0.05)
        finally:
            await manager.stop()

    asyncio.run(listen())
    assert told <= {"CEL", "FullyBooted", "Shutdown"}


@pytest.mark.parametrize("user", ["controller", "admin"])
def test_a_wrong_secret_at_the_manager_is_refused_slowly(user: str, guarded: Server) -> None:
    with socket.create_connection((LOOPBACK, settings_of(guarded).ami_port), 5) as guess:
        assert guess.recv(100).startswith(b"Asterisk Call Manager")
        began = time.monotonic()
        guess.sendall(f"Action: Login\r\nUsername: {user}\r\nSecret: wrong\r\n\r\n".encode())
        assert b"Authentication failed" in guess.recv(300)
        assert time.monotonic() - began > 0.9
        assert guess.recv(300) == b""


# No shell.


def console(server: Server, command: str) -> str:
    """What Asterisk's own console says: its socket, as `asterisk -rx` speaks to it."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(server.state / "asterisk" / "run" / "asterisk.ctl"))
        line.settimeout(5)
        assert line.recv(1000)
        line.sendall(f"cli quit after {command}\0".encode())
        said = b""
        while part := line.recv(65536):
            said += part
    return said.replace(b"\0", b"").decode()


def first_words(text: str) -> set[str]:
    return {line.split()[0].rstrip(":") for line in text.splitlines() if line.strip()}


def test_asterisk_has_nothing_that_runs_programs_reads_files_or_opens_other_ports(guarded: Server) -> None:
    functions, applications = (
        first_words(console(guarded, f"core show {kind}")) for kind in ("functions", "applications")
    )
    modules = first_words(console(guarded, "module show"))
    assert {"SHARED", "CHANNEL", "STRFTIME"} <= functions  # the lists are the real ones
    assert {"Dial", "Queue", "AGI"} <= applications
    assert {"res_agi.so", "chan_pjsip.so"} <= modules
    assert (
        functions
        & {
            *(
                "SHELL",
                "FILE",
                "FILE_COUNT_LINE",
                "FILE_FORMAT",
                "ENV",
                "STAT",
                "CURL",
                "CURLOPT",
                "ODBC_SQL",
                "REALTIME",
            ),
            *(
                "DB",
                "DB_KEYS",
                "AST_CONFIG",
                "AST_SORCERY",
                "JACK_HOOK",
                "LOCK",
                "AUDIOHOOK_INHERIT",
                "SYSINFO",
                "DUNDILOOKUP",
            ),
        }
        == set()
    )
    assert (
        applications
        & {
            *(
                "System",
                "TrySystem",
                "ExternalIVR",
                "Record",
                "ChanSpy",
                "ExtenSpy",
                "Authenticate",
                "DISA",
                "Page",
                "SMS",
            ),
            *(
                "VoiceMail",
                "Directory",
                "ControlPlayback",
                "Transfer",
                "BridgeAdd",
                "Pickup",
                "PickupChan",
            ),
            *(
                "Park",
                "ParkedCall",
                "Stasis",
                "AudioSocket",
                "JACK",
                "Festival",
                "MinivmNotify",
                "FollowMe",
                "Dictate",
            ),
        }
        == set()
    )
    assert not {module for module in modules if module.startswith(("res_http", "res_ari", "res_stasis", "chan_iax"))}
    assert not modules & {
        "pbx_dundi.so",
        "chan_sip.so",
        "res_pjsip_messaging.so",
        "res_curl.so",
    }
    for command in ("!id", "core show help ari", "dialplan add extension 9,1,NoOp into from-phone"):
        assert "uid=" not in console(guarded, command)


def test_asterisk_lives_where_no_shell_is(guarded: Server) -> None:
    settings = settings_of(guarded)
    inside = Path(f"/proc/{asterisk_pid(settings)}/root")
    if not (settings.cache / "asterisk-root").exists():
        pytest.skip("a system's own Asterisk runs without the sandbox")
    assert (inside / "usr/sbin/asterisk").exists()
    programs = [
        inside / folder / name for folder in ("bin", "usr/bin") for name in ("sh", "dash", "bash", "perl", "env")
    ]
    assert [path for path in programs if path.exists()] == []


# Files.


def test_nobody_else_can_read_what_the_server_writes(guarded: Server, switch_on: SwitchOn) -> None:
    citizen = Citizen(guarded, switch_on(guarded, "warga")).dial().is_asked("category")
    citizen.hangs_up()
    assert (guarded.state.stat().st_mode & 0o777, guarded.recordings.stat().st_mode & 0o777) == (0o750, 0o750)
    written = [
        path for folder in (guarded.state, guarded.recordings) for path in folder.rglob("*") if not path.is_symlink()
    ]
    assert any(path.suffix == ".wav" for path in written)
    open_to_others = [path for path in written if stat.S_IMODE(path.stat().st_mode) & 0o007]
    assert open_to_others == []
    hidden = [guarded.state / "secrets.json", *(guarded.state / "asterisk" / "etc").rglob("*.conf")]
    hidden += [*guarded.state.glob("calls.sqlite*"), guarded.state / "asterisk" / "run" / "asterisk.ctl"]
    assert len(hidden) > 20
    assert [path for path in hidden if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    assert [path for path in written if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o020] == []


# Wrong passwords and scans.


def test_wrong_passwords_are_logged_with_the_address_they_came_from(guarded: Server) -> None:
    failed = 'SecurityEvent="ChallengeResponseFailed"'
    with Stranger(guarded.registrar, "127.0.0.9") as guesser:
        for account, method in (("operator1", "REGISTER"), ("1001", "REGISTER"), ("damkar_1", "INVITE")):
            reply = guesser.ask_as(account, "wrong", method, body=speech() if method == "INVITE" else "")
            assert reply
            assert reply.status == 401
        mine = f'RemoteAddress="IPV4/UDP/127.0.0.9/{guesser.port}"'
    until(
        lambda: sum(failed in line and mine in line for line in log_lines(guarded, "security.log")) == 3, "the lines"
    )


def first_sound(citizen: Phone) -> float:
    """Seconds between dialling 112 and the first sound that is heard."""
    citizen.dial("112")
    dialled = time.monotonic()
    citizen.wait_event(Kind.ESTABLISHED)

    def heard() -> float:
        loud = loudness(load(citizen.heard()), 0.02) > -40
        return citizen.heard_since + 0.02 * float(loud.argmax()) if loud.any() else 0.0

    at = until(heard, "sound", 10)
    citizen.hang_up()
    return at - dialled


@pytest.mark.alone
def test_a_thousand_wrong_passwords_in_five_seconds_do_not_delay_a_citizen(
    guarded: Server, switch_on: SwitchOn
) -> None:
    citizen = switch_on(guarded, "warga")
    quiet = [first_sound(citizen) for _ in range(2)]

    def guess() -> None:
        with Stranger(guarded.registrar, "127.0.0.9") as guesser:
            challenge = guesser.ask("REGISTER", user="operator1")
            assert challenge
            began = time.monotonic()
            for number in range(1000):
                answer = answer_to(challenge, "operator1", str(number), "REGISTER", f"sip:{guarded.registrar}")
                guesser.send("REGISTER", user="operator1", headers=[answer])
                time.sleep(max(0.0, began + number / 200 - time.monotonic()))  # a pace, not a wait

    flood = Thread(target=guess)
    flood.start()
    flooded = [first_sound(citizen) for _ in range(3)]
    lasted = flood.is_alive()
    flood.join()
    assert lasted, "the calls were not made during the flood"
    assert max(flooded) < max(quiet) + 0.5, (quiet, flooded)
