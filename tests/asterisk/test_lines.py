"""What Asterisk says of phones, trunk and queue, in the words an Asterisk 22 used."""

from collections.abc import Callable, Mapping

import pytest

from ivr.asterisk.ami_model import ManagerRefused, ManagerTimeout, ManagerUnavailable
from ivr.asterisk.lines import Contact, Queue, Registration, contacts, queue, reachable, registrations
from tests.asterisk.scripted_manager import Action, Connection, ScriptedManager, connected, message, served

Row = Mapping[str, str]

STATES = {
    "operator1": "NOT_INUSE",
    "operator2": "UNAVAILABLE",
    "siaga": "INUSE",
    "damkar_1": "INVALID",
    "trunk": "UNAVAILABLE",
}
VARIABLES = {
    "PJSIP_AOR(operator1,contact)": "operator1;@289d67,operator1;@gone",
    "PJSIP_CONTACT(operator1;@289d67,uri)": "sip:operator1-0x55b94352af30@192.0.2.7:60605",
    "PJSIP_CONTACT(operator1;@289d67,status)": "Reachable",
    "PJSIP_CONTACT(operator1;@289d67,rtt)": "419",
    "PJSIP_AOR(trunk,contact)": "trunk@@5b4bebb4",
    "PJSIP_CONTACT(trunk@@5b4bebb4,uri)": "sip:192.0.2.10:5060",
    "PJSIP_CONTACT(trunk@@5b4bebb4,status)": "Unreachable",
    "PJSIP_CONTACT(trunk@@5b4bebb4,rtt)": "N/A",
}
OTHER_DEVICE = {"Event": "DeviceStateChange", "Device": "Queue:operators_avail", "State": "NOT_INUSE"}
SUMMARY = {"Event": "QueueSummary", "LoggedIn": "2", "Available": "1", "Callers": "3", "LongestHoldTime": "41"}


def listing(*rows: Row) -> Callable[[Connection, Action], None]:
    """Answers with a list, as Asterisk does."""

    def answer(connection: Connection, action: Action) -> None:
        connection.answer(action, EventList="start", Message="follows")
        for row in rows:
            connection.send(message(**row, ActionID=action["ActionID"]))
        connection.send(message(Event="Complete", ActionID=action["ActionID"], EventList="Complete"))

    return answer


def devices(states: Mapping[str, str]) -> Callable[[Connection, Action], None]:
    """The answer to DeviceStateList."""
    rows = (
        {"Event": "DeviceStateChange", "Device": f"PJSIP/{name}", "State": state} for name, state in states.items()
    )
    return listing(OTHER_DEVICE, *rows)


def variables(values: Mapping[str, str]) -> Callable[[Connection, Action], None]:
    """Answers to Getvar."""
    return lambda connection, action: connection.answer(action, Value=values.get(action["Variable"], ""))


def refusing(words: str) -> Callable[[Connection, Action], None]:
    return lambda connection, action: connection.answer(action, "Error", Message=words)


@served
async def test_whether_a_call_would_ring_somewhere_is_one_question(server: ScriptedManager) -> None:
    server.on["DeviceStateList"] = devices(STATES)
    async with connected(server) as manager:
        found = await reachable(manager)
    assert found == {"operator1": True, "operator2": False, "siaga": True, "damkar_1": False, "trunk": False}
    assert server.names() == ["Login", "DeviceStateList"]


@served
async def test_phones_that_registered_and_the_trunk_are_contacts(server: ScriptedManager) -> None:
    server.on["DeviceStateList"] = devices(
        {"operator1": "NOT_INUSE", "operator2": "UNAVAILABLE", "trunk": "UNAVAILABLE"}
    )
    server.on["Getvar"] = variables(VARIABLES)
    async with connected(server) as manager:
        phone, trunk = await contacts(manager)
    assert phone == Contact("operator1", "sip:operator1-0x55b94352af30@192.0.2.7:60605", "Reachable", 0.000419)
    assert trunk == Contact("trunk", "sip:192.0.2.10:5060", "Unreachable", None)
    assert (phone.away, trunk.away) == (False, True)


@served
async def test_without_the_function_for_them_contacts_are_known_by_their_devices(server: ScriptedManager) -> None:
    server.on["DeviceStateList"] = devices(STATES)
    server.on["Getvar"] = variables({})
    async with connected(server) as manager:
        found = await contacts(manager)
    assert {contact.aor: contact.away for contact in found} == {"operator1": False, "siaga": False, "trunk": True}


@served
async def test_no_phone_and_no_trunk_is_no_error(server: ScriptedManager) -> None:
    server.on["DeviceStateList"] = listing()
    async with connected(server) as manager:
        assert (await contacts(manager), await reachable(manager)) == ((), {})


@served
async def test_a_missing_privilege_is_told_and_not_taken_for_no_contacts(server: ScriptedManager) -> None:
    server.on["DeviceStateList"] = refusing("Permission denied")
    async with connected(server) as manager:
        with pytest.raises(ManagerRefused, match="DeviceStateList: Permission denied"):
            await contacts(manager)


@served
async def test_of_a_registration_only_name_and_state_are_taken(server: ScriptedManager) -> None:
    server.on["PJSIPShowRegistrationsOutbound"] = listing(
        {"Event": "OutboundRegistrationDetail", "ObjectName": "trunk", "Status": "Registered"},
        {"Event": "AuthDetail", "ObjectName": "trunk-auth", "Password": "rahasia"},
        {"Event": "OutboundRegistrationDetail", "ObjectName": "other", "Status": "Rejected"},
    )
    async with connected(server) as manager:
        ours = await registrations(manager)
    assert ours == (Registration("trunk", "Registered"), Registration("other", "Rejected"))
    assert [one.registered for one in ours] == [True, False]


@served
async def test_the_queue_is_found_among_others(server: ScriptedManager) -> None:
    server.on["QueueSummary"] = listing(
        {**SUMMARY, "Queue": "another", "Callers": "9"}, {**SUMMARY, "Queue": "operators"}
    )
    async with connected(server) as manager:
        assert await queue(manager) == Queue(callers=3, available=1, logged_in=2, longest_wait_seconds=41)


@served
async def test_a_number_that_is_none_counts_as_zero(server: ScriptedManager) -> None:
    server.on["QueueSummary"] = listing(
        {"Event": "QueueSummary", "Queue": "operators", "Callers": "²", "LoggedIn": ""}
    )
    async with connected(server) as manager:
        assert await queue(manager) == Queue(0, 0, 0, 0)


@served
async def test_a_queue_that_is_not_there_is_told(server: ScriptedManager) -> None:
    server.on["QueueSummary"] = listing()
    async with connected(server) as manager:
        with pytest.raises(ManagerRefused, match="no queue operators"):
            await queue(manager)


@served
async def test_a_silent_asterisk_is_given_up_at_the_deadline(server: ScriptedManager) -> None:
    async with connected(server) as manager:
        with pytest.raises(ManagerTimeout):
            await queue(manager, deadline=0.02)
        server.on["DeviceStateList"] = devices(STATES)
        with pytest.raises(ManagerTimeout, match="not all contacts"):
            await contacts(manager, deadline=0.02)
    with pytest.raises(ManagerUnavailable):
        await registrations(manager)
