"""The server calls its own 112: what that proves, and that it never rings anybody."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from ivr.calls import query
from ivr.calls.celfile import CelFile
from ivr.calls.database import reader
from ivr.calls.projection import CallRecord
from ivr.calls.query import Filter
from ivr.controller.script import CityScript
from ivr.heartbeat.callfile import Heartbeat, drop
from ivr.heartbeat.job import beat, end_of
from ivr.heartbeat.last import read_last
from ivr.heartbeat.result import Outcome, Result, result_in
from ivr.phones.baresip import Kind, Phone
from ivr.phones.scenario import caller
from ivr.phones.sipp import run_sipp
from ivr.rules import load_rules
from tests.city import settings_in
from tests.system.people import SwitchOn
from tests.system.server import PROJECT, Server, until

SHIFT = 300
NUMBER = "0536112"
EVERYBODY = ("operator1", "damkar_1", "siaga")

# A carrier that takes every call to the city's server; its own ones come straight back.
CARRIER = f"""
[trunk](trunk-endpoint)
aors = trunk

[trunk]
type = aor
contact = sip:127.0.0.1:{5060 + SHIFT}

[trunk]
type = identify
endpoint = trunk
match = 127.0.0.1/32
"""


def dialling_out(folder: Path, shift: int) -> Server:
    """A server that makes its test calls through the trunk."""
    (folder / "trunk.conf").write_text(CARRIER)
    given = {"IVR_TRUNK_FILE": str(folder / "trunk.conf"), "IVR_HEARTBEAT_NUMBER": NUMBER}
    return Server(folder, shift=shift, settings=given)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its own number is the one it calls."""
    with dialling_out(tmp_path_factory.mktemp("city"), SHIFT) as running:
        yield running


def cel(server: Server) -> Path:
    return server.state / "asterisk" / "log" / "cel-custom" / "calls.csv"


def heartbeat(server: Server) -> tuple[int, str]:
    """`ivr heartbeat --json`: exit code and outcome."""
    done = subprocess.run(
        [sys.executable, "-m", "ivr", "heartbeat", "--json"],
        env=server.environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["result"]["outcome"]


def made(server: Server, call: Heartbeat) -> Result:
    """The result of a test call that differs from those the server makes."""
    position = end_of(cel(server))
    drop(call, server.state / "asterisk" / "spool")
    result = until(lambda: result_in(CelFile(cel(server)).read(position).events, call.token), "result", 40)
    assert result is not None
    return result


def ids(server: Server) -> list[str]:
    """The calls that people see. (Of an earlier one the recording may still be checked.)"""
    return [call.call_id for call in server.calls()]


def own_calls(server: Server) -> list[CallRecord]:
    """Newest first."""
    with reader(server.state / "calls.sqlite") as connection:
        return query.calls(connection, Filter(tests=True))


def ended_test(server: Server, before: int) -> CallRecord:
    """The newest test call, once it is over."""
    until(lambda: len(own_calls(server)) > before and own_calls(server)[0].ended_at, "end of the test call")
    return own_calls(server)[0]


def assert_nobody_was_rung(server: Server, phones: list[Phone]) -> None:
    assert [event for phone in phones for event in phone.events if event.kind == Kind.INCOMING] == []
    rung = [call.attempts for call in own_calls(server) if call.attempts]
    assert rung == []
    assert '"STEP"' not in cel(server).read_text()
    assert '"QUEUE"' not in cel(server).read_text()


def loopback(server: Server) -> str:
    return f"PJSIP/heartbeat-only/sip:112@{server.registrar}"


def test_a_test_call_hears_the_questions_presses_keys_and_is_told_of_a_plan(server: Server) -> None:
    citizens, tests, written = ids(server), len(own_calls(server)), cel(server).stat().st_size
    cdr = server.state / "asterisk" / "log" / "cdr-custom" / "calls.csv"
    before = cdr.read_bytes() if cdr.exists() else b""
    assert heartbeat(server) == (0, Outcome.OK)
    call = ended_test(server, tests)
    assert (call.category, call.area, call.lifeline) == ("kebakaran", "62.71.01", False)
    assert (call.caller_name, call.endpoint) == ("Uji coba", "heartbeat-only")
    assert (call.test, call.answered_by, call.attempts, call.recording_path) == (True, None, (), None)
    assert ids(server) == citizens
    assert (cdr.read_bytes() if cdr.exists() else b"") == before
    assert cel(server).stat().st_size - written < 10_000
    last = read_last(server.state / "health")
    assert last.result is not None
    assert last.ok_at == last.result.at
    assert last.result.seconds < 15


def test_without_a_key_that_is_understood_a_test_call_is_not_good(server: Server) -> None:
    assert made(server, Heartbeat("wrong-keys", loopback(server), ("7", "7"))).outcome == Outcome.NO_KEY


def test_an_account_that_is_not_there_is_no_answer(server: Server) -> None:
    assert made(server, Heartbeat("nowhere", "PJSIP/polresta", ("1",))).outcome == Outcome.NO_ANSWER


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_without_the_controller_a_test_call_says_so_and_rings_nobody(
    number: signal.Signals, own_server: Server, switch_on: SwitchOn
) -> None:
    phones = [switch_on(own_server, account) for account in EVERYBODY]
    with own_server.without_restarts():
        os.kill(own_server.controller_pid, number)
        told = heartbeat(own_server)
        assert_nobody_was_rung(own_server, phones)
    assert told == (1, Outcome.LIFELINE)
    last = read_last(own_server.state / "health")
    assert last.ok_at is None


def test_a_caller_who_only_says_to_be_the_server_is_not_let_in(city: Server) -> None:
    before = len(city.calls()) + len(own_calls(city))
    scenario = caller(identity=f'"Uji coba" <sip:heartbeat-only@{city.registrar}>').silence(1).hang_up()
    assert run_sipp(scenario, city.registrar, calls=1, timeout=20).ok == 0
    assert len(city.calls()) + len(own_calls(city)) == before


def test_a_test_call_through_the_trunk_is_known_again(city: Server) -> None:
    citizens, tests = ids(city), len(own_calls(city))
    assert heartbeat(city) == (0, Outcome.OK)
    call = ended_test(city, tests)
    assert (call.endpoint, call.dialled, call.caller_name, call.test) == ("trunk", NUMBER, "Uji coba", True)
    assert (call.category, call.recording_path) == ("kebakaran", None)
    assert ids(city) == citizens


def test_whoever_else_answers_our_number_is_not_taken_for_us(city: Server, switch_on: SwitchOn) -> None:
    stranger = switch_on(city, "damkar_1")
    position = end_of(cel(city))
    drop(Heartbeat("stranger", "PJSIP/damkar_1", ("1",), "123456"), city.state / "asterisk" / "spool")
    stranger.answer(10)
    result = until(lambda: result_in(CelFile(cel(city)).read(position).events, "stranger"), "result", 20)
    assert result is not None
    assert result.outcome == Outcome.NOT_RECOGNISED


def test_a_number_that_leads_to_another_citys_112_rings_nobody_there(
    city: Server, tmp_path: Path, switch_on: SwitchOn
) -> None:
    phones = [switch_on(city, account) for account in EVERYBODY]
    before = ids(city)
    with dialling_out(tmp_path, SHIFT + 100) as lost:
        assert heartbeat(lost) == (1, Outcome.NOT_RECOGNISED)
        assert lost.calls() == own_calls(lost) == []
    call = until(lambda: next((c for c in city.calls() if c.call_id not in before and c.ended_at), None), "its end")
    assert call is not None
    assert (call.caller_number, call.caller_name, call.dialled, call.endpoint) == ("112", "Uji coba", NUMBER, "trunk")
    assert (call.test, call.outcome, call.stage, call.attempts) == (False, "abandoned", "category", ())
    assert [event for phone in phones for event in phone.events if event.kind == Kind.INCOMING] == []


def test_a_citizen_who_calls_while_a_test_call_is_on_its_way_is_a_citizen(city: Server, switch_on: SwitchOn) -> None:
    silent = switch_on(city, "damkar_1")
    drop(Heartbeat("on-its-way", "PJSIP/damkar_1", ("1",), "123456"), city.state / "asterisk" / "spool")
    silent.wait_event(Kind.INCOMING, 10)
    scenario = caller(number=NUMBER).silence(4).press("1").silence(2).hang_up()
    assert run_sipp(scenario, city.registrar, calls=1, timeout=30).ok == 1
    call = until(lambda: next((c for c in city.calls() if c.caller_number == NUMBER and c.ended_at), None), "call")
    assert call is not None
    assert (call.test, call.category) == (False, "kebakaran")
    assert call.recording_path is not None


def test_the_controllers_job_makes_a_test_call_and_tells_of_it(server: Server) -> None:
    told: list[Result] = []

    async def run() -> None:
        given = settings_in(server.folder, state=server.state, sip_port=5060, heartbeat_minutes=1)
        job = asyncio.create_task(beat(given, partial(CityScript, rules), told.append, first=0.0))
        async with asyncio.timeout(60):
            while not told:  # noqa: ASYNC110 simpler than an event
                await asyncio.sleep(0.05)
        job.cancel()
        with suppress(asyncio.CancelledError):
            await job

    rules = load_rules(server.rules)
    asyncio.run(run())
    assert [result.outcome for result in told] == [Outcome.OK]
    assert read_last(server.state / "health").result == told[0]
