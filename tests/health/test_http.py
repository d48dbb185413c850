"""Real connections to the health port: whatever comes, the next probe is answered and the loop never waits."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from ivr.health.http import AGAIN, HEADER_BYTES, LIFETIME, MOST, Answers, HealthServer, Limits

LOOPBACK = "127.0.0.1"
BRISK = Limits(connections=20, lifetime=0.3, again=0.02)
GET_LIVE = b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n"


class Town:
    """What is asked for; a test may change it."""

    def __init__(self) -> None:
        self.live: dict[str, str] = {}
        self.ready: dict[str, str] = {}
        self.metrics: Callable[[], Awaitable[bytes]] = self._page

    async def _page(self) -> bytes:
        return b"ivr_open_calls 0\n"

    @property
    def answers(self) -> Answers:
        async def live() -> dict[str, str]:
            return self.live

        async def ready() -> dict[str, str]:
            return self.ready

        async def metrics() -> bytes:
            return await self.metrics()

        return Answers(live, ready, lambda: {"database": True}, metrics)


@asynccontextmanager
async def serving(town: Town, limits: Limits = BRISK, port: int = 0) -> AsyncIterator[HealthServer]:
    server = HealthServer(LOOPBACK, port, town.answers, limits)
    task = asyncio.create_task(server.run())
    try:
        await until(lambda: server.port)
        yield server
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 a condition is no event
            await asyncio.sleep(0.005)


def served(test: Callable[[HealthServer, Town], Awaitable[None]]) -> Callable[[], None]:
    """Runs an async test with a server; a fault that nobody handled fails it."""

    def wrapper() -> None:
        async def main() -> None:
            faults: list[dict[str, object]] = []
            asyncio.get_running_loop().set_exception_handler(lambda _loop, fault: faults.append(fault))
            town = Town()
            async with asyncio.timeout(20), serving(town) as server:
                await test(server, town)
            assert not faults, faults

        asyncio.run(main())

    wrapper.__name__ = test.__name__
    return wrapper


async def connect(server: HealthServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(LOOPBACK, server.port)


async def say(server: HealthServer, request: bytes) -> bytes:
    """Everything that comes back until the other side closes."""
    reader, writer = await connect(server)
    reply = b""
    try:
        writer.write(request)
        async with asyncio.timeout(5):
            while piece := await reader.read(65536):
                reply += piece
    except ConnectionError:
        pass  # it closed while we still wrote
    finally:
        writer.close()
    return reply


def status(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


async def is_well(server: HealthServer) -> None:
    assert status(await say(server, GET_LIVE)) == 200


@served
async def test_who_asks_is_answered_and_the_connection_ends(server: HealthServer, town: Town) -> None:
    for path, kind, body in (
        (b"live", b"application/json", b'{"ok":true,"reasons":{},"database":true}'),
        (b"ready", b"application/json", b'{"ok":true,"reasons":{},"database":true}'),
        (b"metrics", b"text/plain; version=0.0.4; charset=utf-8", b"ivr_open_calls 0\n"),
    ):
        head, _, found = (await say(server, b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % path)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\ncontent-type: " + kind in head
        assert b"connection: close" in head
        assert found == body
    await until(lambda: server.connections == 0)


@served
async def test_reasons_make_it_a_503_that_names_them(server: HealthServer, town: Town) -> None:
    town.ready = {"asterisk": "Asterisk tidak tersambung"}
    reply = await say(server, b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status(reply) == 503
    assert b'{"ok":false,"reasons":{"asterisk":"Asterisk tidak tersambung"},"database":true}' in reply
    await is_well(server)


@served
async def test_only_looking_is_allowed(server: HealthServer, town: Town) -> None:
    for method in (b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"):
        assert status(await say(server, b"%s /live HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" % method)) == 405
    assert status(await say(server, b"GET /etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n")) == 404
    head = await say(server, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert head.endswith(b"\r\n\r\n")


@served
async def test_a_header_that_is_never_finished_is_cut_off(server: HealthServer, town: Town) -> None:
    reader, writer = await connect(server)
    over = asyncio.create_task(reader.read())
    writer.write(b"GET /live HTTP/1.1\r\n")
    async with asyncio.timeout(BRISK.lifetime + 2):
        while not over.done():
            writer.write(b"X: y\r\n")
            await asyncio.sleep(0.02)
    assert server.connections == 0
    with suppress(ConnectionError):
        assert over.result() == b""
    writer.close()
    await is_well(server)


@served
async def test_a_body_that_never_ends_is_cut_off(server: HealthServer, town: Town) -> None:
    request = b"GET /live HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
    assert status(await say(server, request)) == 200
    await until(lambda: server.connections == 0, 2)


GARBAGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),  # a TLS hello
    b"\x00" * 1000,
    b"SSH-2.0-probe\r\n\r\n",
    b"GET /live HTTP/9.9\r\n\r\n",
    b"GET http://\xff\xff/ HTTP/1.1\r\n\r\n",
    b"GET /%ff%00%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /live HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
    b"GET /live HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET /live HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"GET /live HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n\r\n",
    b"\r\n\r\n\r\n",
)


def test_garbage_ends_its_own_connection_only_and_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    @served
    async def send(server: HealthServer, town: Town) -> None:
        for garbage in GARBAGE:
            await say(server, garbage)
            await is_well(server)
        await until(lambda: server.connections == 0)

    send()
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]


@served
async def test_garbage_after_a_request_that_is_being_answered_ends_its_connection(
    server: HealthServer, town: Town
) -> None:
    released = asyncio.Event()

    async def slow() -> bytes:
        await released.wait()
        return b"done\n"

    town.metrics = slow
    reader, writer = await connect(server)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    await asyncio.sleep(0.02)
    writer.write(b"ZZZ\r\n")
    assert status(await asyncio.wait_for(reader.read(), 2)) == 400
    released.set()
    await until(lambda: server.connections == 0)
    writer.close()
    await is_well(server)


@served
async def test_a_header_of_10_kb_is_read_and_one_of_1_mb_is_not(server: HealthServer, town: Town) -> None:
    def request(size: int) -> bytes:
        return b"GET /live HTTP/1.1\r\nHost: a\r\nX: " + b"x" * size + b"\r\n\r\n"

    assert status(await say(server, request(10_000))) == 200
    reply = await say(server, request(1_000_000))
    assert reply == b"" or status(reply) == 400
    assert HEADER_BYTES < 20_000
    await is_well(server)


@served
async def test_of_requests_sent_at_once_the_first_is_answered(server: HealthServer, town: Town) -> None:
    reply = await say(server, GET_LIVE * 100)
    assert reply.count(b"HTTP/1.1 200") == 1
    await until(lambda: server.connections == 0)
    await is_well(server)


@served
async def test_a_port_probe_leaves_nothing_behind(server: HealthServer, town: Town) -> None:
    for _ in range(200):
        _, writer = await connect(server)
        writer.close()
    linger = socket.SO_LINGER
    for _ in range(50):
        with socket.create_connection((LOOPBACK, server.port)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, linger, b"\x01\0\0\0\0\0\0\0")  # closed with a reset
    await until(lambda: server.connections == 0)
    await is_well(server)


@served
async def test_idle_connections_give_way_to_whoever_asks(server: HealthServer, town: Town) -> None:
    idle = []
    for _ in range(100):
        idle.append(await connect(server))
        assert server.connections <= BRISK.connections
    await is_well(server)
    for _, writer in idle:
        writer.close()


@served
async def test_when_all_connections_are_busy_the_newest_is_turned_away(server: HealthServer, town: Town) -> None:
    released = asyncio.Event()

    async def slow() -> bytes:
        await released.wait()
        return b"done\n"

    town.metrics = slow
    busy = [
        asyncio.create_task(say(server, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"))
        for _ in range(BRISK.connections)
    ]
    await until(lambda: server.connections == BRISK.connections)
    await asyncio.sleep(0.02)  # their requests are read
    assert await say(server, GET_LIVE) == b""
    released.set()
    assert all(reply.endswith(b"done\n") for reply in await asyncio.gather(*busy))


@served
async def test_a_client_that_does_not_read_is_cut_off(server: HealthServer, town: Town) -> None:
    async def much() -> bytes:
        return b"x" * 20_000_000

    town.metrics = much
    _, writer = await connect(server)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: server.connections == 1)
    await until(lambda: server.connections == 0, 3)
    writer.close()
    await is_well(server)


def test_a_fault_of_ours_is_one_line_and_a_500(caplog: pytest.LogCaptureFixture) -> None:
    @served
    async def ask(server: HealthServer, town: Town) -> None:
        async def fails() -> bytes:
            raise RuntimeError("oops")

        town.metrics = fails
        assert status(await say(server, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")) == 500
        await is_well(server)

    ask()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "/metrics could not be answered (RuntimeError: oops); calls go on"
    ]
    assert "Traceback" not in caplog.text


def test_an_answer_that_takes_too_long_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.health.http.ANSWER_WITHIN", 0.05)

    @served
    async def ask(server: HealthServer, town: Town) -> None:
        async def never() -> bytes:
            await asyncio.Event().wait()
            return b""

        town.metrics = never
        assert status(await say(server, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")) == 503

    ask()


def test_a_port_that_is_taken_is_told_once_and_used_when_it_is_free(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        taken = socket.create_server((LOOPBACK, 0))
        port = taken.getsockname()[1]
        server = HealthServer(LOOPBACK, port, Town().answers, BRISK)
        task = asyncio.create_task(server.run())
        await asyncio.sleep(5 * BRISK.again)
        assert server.port == 0
        taken.close()
        await until(lambda: server.port)
        await is_well(server)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(main())
    assert sum("tidak dapat dipakai" in record.getMessage() for record in caplog.records) == 1


def test_when_it_stops_its_port_is_free_at_once_and_no_connection_stays() -> None:
    async def main() -> None:
        async with serving(Town()) as server:
            port = server.port
            reader, _writer = await connect(server)
            await until(lambda: server.connections == 1)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 2) == b""
        _writer.close()
        async with serving(Town(), port=port) as again:
            await is_well(again)

    asyncio.run(main())


def test_signals_stay_the_controllers() -> None:
    import signal

    async def main() -> None:
        heard = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, heard.set)
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with serving(Town()) as server:
            await is_well(server)
            assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
            signal.raise_signal(signal.SIGUSR1)
            await asyncio.wait_for(heard.wait(), 2)

    asyncio.run(main())


def test_the_shipped_bounds_are_those_that_were_promised() -> None:
    assert (MOST, LIFETIME, AGAIN) == (100, 5.0, 30.0)
