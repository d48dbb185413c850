"""What a running Asterisk says of itself, asked over one short connection to its manager."""

import time
from dataclasses import dataclass, replace

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import ManagerRefused, ManagerTimeout
from ivr.asterisk.lines import Contact, Registration, contacts, registrations
from ivr.checks import LOOPBACK


@dataclass(frozen=True, slots=True)
class Live:
    """The answers. `ahead_seconds`: Asterisk's clock against ours; `generation`: of the rules it holds.

    `refused`: why it does not say who is registered ("" when it does).
    """

    version: str
    ahead_seconds: float
    generation: str
    contacts: tuple[Contact, ...] = ()
    registrations: tuple[Registration, ...] = ()
    refused: str = ""


async def ask(port: int, secret: str, deadline: float = 5.0) -> Live:
    """Raises ManagerError."""
    manager = AsteriskManager(LOOPBACK, port, "controller", secret)
    manager.start()
    try:
        await manager.wait_connected(deadline)
        settings = await manager.action("CoreSettings")
        variable = await manager.action("Getvar", Variable="GENERATION")
        ping = await manager.action("Ping")
        found = Live(
            version=settings.messages[0].get("AsteriskVersion", ""),
            ahead_seconds=_ahead(ping.messages[0].get("Timestamp", "")),
            generation=variable.messages[0].get("Value", ""),
        )
        try:
            lines = await contacts(manager), await registrations(manager)
        except (ManagerRefused, ManagerTimeout) as refusal:
            return replace(found, refused=str(refusal))
        return replace(found, contacts=lines[0], registrations=lines[1])
    finally:
        await manager.stop()


def _ahead(timestamp: str) -> float:
    try:
        return float(timestamp) - time.time()
    except ValueError:
        return 0.0
