"""Ports: open where they should be, and nowhere else."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

from ivr.checks import LOOPBACK, CannotStart, check_port
from ivr.doctor.context import Context
from ivr.doctor.model import Finding, Level, error, ok, some, warning
from ivr.doctor.sockets import Socket, chosen_by_the_kernel, inodes_of, open_sockets
from ivr.messages import say
from ivr.settings import Settings


@dataclass(frozen=True, slots=True)
class Expected:
    """A port of ours, the setting that moves it, and whether Asterisk or the controller opens it."""

    setting: str
    protocol: str
    address: str
    port: int
    of_asterisk: bool


def expected(settings: Settings) -> Iterator[Expected]:
    """Every port that a running server listens on (those for speech come and go)."""
    address = str(settings.sip_address)
    yield Expected("IVR_SIP_PORT", "udp", address, settings.sip_port, True)
    yield Expected("IVR_SIP_PORT", "tcp", address, settings.sip_port, True)
    if settings.sip_tls_port:
        yield Expected("IVR_SIP_TLS_PORT", "tcp", address, settings.sip_tls_port, True)
    yield Expected("IVR_AMI_PORT", "tcp", LOOPBACK, settings.ami_port, True)
    yield Expected("IVR_AGI_PORT", "tcp", LOOPBACK, settings.agi_port, False)
    if settings.http_port:
        yield Expected("IVR_HTTP_PORT", "tcp", str(settings.http_address), settings.http_port, False)


def ports(context: Context) -> Iterator[Finding]:
    """Of what runs, every port is open; for what does not run, every port is free."""
    found = open_sockets(context.proc)
    wanted = list(expected(context.settings))
    wrong = False
    for one in wanted:
        up = context.asterisk or context.live if one.of_asterisk else context.controller
        if not up and context.locked(context.settings.state):
            continue  # what has the port may be ours
        trouble = _closed(one, found) if up else _taken(one)
        wrong = wrong or trouble is not None
        if trouble:
            yield trouble
    if not wrong and not context.locked(context.settings.state):
        key = "ports_ok" if context.running else "ports_free"
        yield ok("ports", key, ports=some(sorted({f"{one.protocol} {one.port}" for one in wanted}), 9))


def _closed(one: Expected, found: list[Socket]) -> Finding | None:
    if any(have.protocol == one.protocol and have.port == one.port for have in found):
        return None
    judged = warning if one.setting == "IVR_HTTP_PORT" else error
    where = "doctor.log_asterisk" if one.of_asterisk else "doctor.log_controller"
    return judged("ports", "ports_closed", port=f"{one.protocol} {one.port}", setting=one.setting, log=say(where))


def _taken(one: Expected) -> Finding | None:
    kind = socket.SOCK_DGRAM if one.protocol == "udp" else socket.SOCK_STREAM
    try:
        check_port(one.setting, one.address, one.port, kind)
    except CannotStart as trouble:
        return Finding("ports", Level.ERROR, str(trouble), say("doctor.ports_taken_do", port=one.port))
    return None


def exposed(context: Context) -> Iterator[Finding]:
    """The doors for programs (AMI, AGI, HTTP) open to this machine alone."""
    settings = context.settings
    inner = {settings.ami_port: "AMI", settings.agi_port: "AGI"}
    if settings.http_port:
        inner[settings.http_port] = "HTTP"
    listening = [one for one in open_sockets(context.proc) if one.protocol == "tcp" and one.port in inner]
    wide = [one for one in listening if not one.is_loopback]
    for one in wide:
        name = inner[one.port]
        judged = warning if name == "HTTP" else error
        yield judged("exposed", "exposed_http" if name == "HTTP" else "exposed_wide", name=name, socket=one)
    if listening and not wide:
        yield ok("exposed", "exposed_ok", names=some(sorted({inner[one.port] for one in listening})))


def strangers(context: Context) -> Iterator[Finding]:
    """Our processes open no port beyond those that the settings name."""
    settings = context.settings
    mine: set[int] = set()
    for pid in (context.asterisk, context.controller):
        mine |= inodes_of(context.proc, pid) if pid is not None else set()
    named = {(one.protocol, one.port) for one in expected(settings)}
    asking = chosen_by_the_kernel(context.proc)  # sockets that ask name servers
    harmless = {*range(settings.rtp_first, settings.rtp_last + 1), *asking}
    ours = [one for one in open_sockets(context.proc) if one.inode in mine]
    strange = [
        one
        for one in ours
        if (one.protocol, one.port) not in named
        and not one.is_loopback
        and not (one.protocol == "udp" and one.port in harmless)
    ]
    if strange:
        yield warning("strangers", "strangers_open", count=len(strange), sockets=some(map(str, strange)))
    elif ours:
        yield ok("strangers", "strangers_ok", count=len(ours))
