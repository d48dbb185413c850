"""Who has no account, or another one, and who comes from elsewhere."""

import re
import socket
from pathlib import Path

from ivr.asterisk.program import asterisk_pid
from tests.system.doors.house import HERE, INSIDE, OUTSIDE, password, settings_of
from tests.system.doors.strangers import (
    Elsewhere,
    Stranger,
    answer_to,
    can_connect,
    speech,
)
from tests.system.server import LOOPBACK, Server

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
