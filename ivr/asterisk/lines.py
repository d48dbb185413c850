"""What Asterisk knows of the lines outside: phones, the city's trunk, the operators' queue. Asked over AMI.

Everything here needs write=reporting only; `PJSIPShowContacts` would need write=system, and knows no trunk.
Raises of every function: ManagerUnavailable, ManagerTimeout, ManagerRefused.
Source: Asterisk 22, manager.c (`DeviceStateList`, `Getvar`), func_pjsip_aor, func_pjsip_contact, res_pjsip,
app_queue (`QueueSummary`), as its own answers show.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import Answer, Headers, ManagerRefused, ManagerTimeout, demand_success

TRUNK = "trunk"  # the name every section of the city's trunk has (asterisk-config/examples)
OPERATORS = "operators"

_DEVICE = "PJSIP/"
_NOT_THERE = {"UNAVAILABLE", "INVALID", "UNKNOWN"}


@dataclass(frozen=True, slots=True)
class Contact:
    """One place where an account (`aor`) is reached.

    `status` is Asterisk's word: Reachable, Unreachable, NonQualified (never asked, or not answered yet), Unknown.
    """

    aor: str
    uri: str
    status: str
    round_trip_seconds: float | None

    @property
    def away(self) -> bool:
        """It was asked and did not answer."""
        return self.status == "Unreachable"


@dataclass(frozen=True, slots=True)
class Registration:
    """Ours at a carrier. `state` is Asterisk's word: Registered, Unregistered, Rejected, Stopped."""

    name: str
    state: str

    @property
    def registered(self) -> bool:
        """The carrier knows where we are."""
        return self.state == "Registered"


@dataclass(frozen=True, slots=True)
class Queue:
    """The operators' queue now. `logged_in` operators have a phone that is there, `available` ones are free too."""

    callers: int
    available: int
    logged_in: int
    longest_wait_seconds: int


async def reachable(manager: AsteriskManager, deadline: float = 5.0) -> dict[str, bool]:
    """Every account, and `trunk` if there is one: whether a call to it would ring somewhere. One action.

    True also for a trunk that is never asked (qualify_frequency=0); False until one that is asked has answered.
    """
    rows = _rows("DeviceStateList", await manager.action("DeviceStateList", deadline))
    devices = ((row.get("Device", ""), row.get("State", "")) for row in rows)
    return {
        name.removeprefix(_DEVICE): state not in _NOT_THERE for name, state in devices if name.startswith(_DEVICE)
    }


async def contacts(
    manager: AsteriskManager, static: Sequence[str] = (TRUNK,), deadline: float = 5.0
) -> tuple[Contact, ...]:
    """Every phone that registered, and the `static` contacts of the trunk; some actions for each.

    Without func_pjsip_aor.so only what `reachable` knows, with an empty uri.
    """
    found: list[Contact] = []
    try:
        async with asyncio.timeout(deadline):
            for name, there in (await reachable(manager, deadline)).items():
                known = await _contacts_of(manager, name)
                if not known and (there or name in static):
                    known = [Contact(name, "", "Reachable" if there else "Unreachable", None)]
                found += known
    except TimeoutError:
        raise ManagerTimeout(f"not all contacts within {deadline:g} s") from None
    return tuple(found)


async def _contacts_of(manager: AsteriskManager, aor: str) -> list[Contact]:
    ids = await _value(manager, f"PJSIP_AOR({aor},contact)")
    found = []
    for one in filter(None, ids.split(",")):
        uri, status, trip = [
            await _value(manager, f"PJSIP_CONTACT({one},{field})") for field in ("uri", "status", "rtt")
        ]
        if uri:  # else it went meanwhile
            found.append(Contact(aor, uri, status, _number(trip) / 1e6 or None))
    return found


async def _value(manager: AsteriskManager, function: str) -> str:
    """What a function of the dialplan says, "" when it has nothing to say or is not loaded."""
    answer = await manager.action("Getvar", Variable=function)
    demand_success("Getvar", answer)
    return answer.messages[0].get("Value", "")


async def registrations(manager: AsteriskManager, deadline: float = 5.0) -> tuple[Registration, ...]:
    """Ours at carriers; none for a trunk with a fixed address."""
    rows = _rows("Registrations", await manager.action("PJSIPShowRegistrationsOutbound", deadline))
    ours = (row for row in rows if row.get("Event") == "OutboundRegistrationDetail")  # others hold passwords
    return tuple(Registration(row.get("ObjectName", ""), row.get("Status", "")) for row in ours)


async def queue(manager: AsteriskManager, name: str = OPERATORS, deadline: float = 5.0) -> Queue:
    """The queue `name`; ManagerRefused when there is none."""
    rows = _rows("QueueSummary", await manager.action("QueueSummary", deadline, Queue=name))
    for row in rows:
        if row.get("Queue") == name:
            headers = ("Callers", "Available", "LoggedIn", "LongestHoldTime")
            return Queue(*(_number(row.get(header, "")) for header in headers))
    raise ManagerRefused(f"QueueSummary: no queue {name}")


def _rows(what: str, answer: Answer) -> tuple[Headers, ...]:
    demand_success(what, answer)
    return answer.rows


def _number(text: str) -> int:
    """0 for what is none, such as `N/A`."""
    return int(text) if text.isascii() and text.isdigit() else 0


async def qualify(manager: AsteriskManager, names: Iterable[str]) -> None:
    """Have Asterisk ask these phones now whether they are there.

    After its own start it does so at a random moment of `qualify_frequency`, and until then rings no operator.
    Raises ManagerError; a name that no phone has registered is none.
    """
    for name in names:
        await manager.action("PJSIPQualify", Endpoint=name)
