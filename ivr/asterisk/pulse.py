"""Whether Asterisk is alive, seen from outside: asked at two doors that have nothing in common but the process.

A frozen Asterisk (stopped, deadlocked, waiting for a dead disk) keeps its ports: nobody is refused, nobody is
answered, and nothing that waits for its end ever notices.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import Enum
from uuid import uuid4

from ivr.asterisk.accounts import HEARTBEAT, own_address
from ivr.settings import Settings

LOOPBACK = "127.0.0.1"
DEADLINE = 4.0  # seconds for one look; who answers later than that helps no caller
EVERY = 0.5  # seconds between two looks
HEAD_START = 0.3  # seconds for the manager: each OPTIONS is a line in Asterisk's security.log
PATIENCE = 8.0  # seconds without a sign of life; a busy one answers within one
STARTING = 60.0  # seconds for a process that has not answered yet


class Sign(Enum):
    """What a look at the doors found."""

    ANSWERED = "answered"
    SHUT = "shut"
    """Refused: there is no such process, whose end is noticed elsewhere; or it has only just begun."""
    SILENT = "silent"


async def look(settings: Settings, deadline: float = DEADLINE) -> Sign:
    """What either door gave in time, the first that answers. Only silence says frozen."""
    looks = [asyncio.ensure_future(_said(door, deadline)) for door in (_manager(settings.ami_port), _sip(settings))]
    found = Sign.SILENT
    try:
        for one in asyncio.as_completed(looks):
            sign = await one
            if sign is Sign.ANSWERED:
                return sign
            found = sign if found is Sign.SILENT else found
    finally:
        for one_look in looks:
            one_look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
    return found


async def keep_pulse(
    look: Callable[[], Awaitable[Sign]],
    frozen: Callable[[], None],
    *,
    every: float = EVERY,
    patience: float = PATIENCE,
    starting: float = STARTING,
    deadline: float = DEADLINE,
) -> None:
    """Looks until cancelled and calls `frozen` when there was no sign of life for `patience` seconds.

    Until it has answered once it is given `starting` seconds instead: a start may take long.
    """
    last, given = time.monotonic(), starting
    while True:
        began = time.monotonic()
        sign = await look()
        await asyncio.sleep(every)
        now = time.monotonic()
        if now - began > deadline + every + 1.0:
            last = now  # it is we who were stopped, or the whole machine: nothing is known
        elif sign is Sign.ANSWERED:
            last, given = now, patience
        elif sign is Sign.SHUT:
            last, given = now, starting
        elif now - last > given:
            frozen()
            last, given = time.monotonic(), starting


async def _said(door: Awaitable[None], deadline: float) -> Sign:
    try:
        async with asyncio.timeout(deadline):
            await door
    except TimeoutError:
        return Sign.SILENT
    except OSError:
        return Sign.SHUT
    return Sign.ANSWERED


async def _manager(port: int) -> None:
    """The greeting, or that we are sent away (too many strangers): both take a thread that runs."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        await reader.read(1)
    finally:
        writer.close()


async def _sip(settings: Settings) -> None:
    """Any answer to an OPTIONS (RFC 3261, 11). From the server's own account: of strangers Asterisk complains."""
    await asyncio.sleep(HEAD_START)
    host, _, port = own_address(settings).rpartition(":")
    answered = asyncio.get_running_loop().create_future()

    class Answer(asyncio.DatagramProtocol):
        def datagram_received(self, _data: bytes, _address: object) -> None:
            if not answered.done():
                answered.set_result(None)

        def error_received(self, error: Exception) -> None:
            if not answered.done():
                answered.set_exception(error)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Answer, remote_addr=(host.strip("[]"), int(port))
    )
    try:
        transport.sendto(options(f"{host}:{port}", *transport.get_extra_info("sockname")[:2]))
        await answered
    finally:
        transport.close()


def options(server: str, host: str, port: int) -> bytes:
    """The request, from a socket at `host` and `port`."""
    here = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    token = uuid4().hex
    lines = [
        f"OPTIONS sip:{HEARTBEAT}@{server} SIP/2.0",
        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{token};rport",
        "Max-Forwards: 1",
        f"From: <sip:{HEARTBEAT}@{server}>;tag={token[:8]}",
        f"To: <sip:{HEARTBEAT}@{server}>",
        f"Call-ID: {token}@{here}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:{HEARTBEAT}@{here}>",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
