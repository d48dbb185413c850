"""A small AMI server with real sockets that does what a test tells it to."""

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import Timing

Action = dict[str, str]
SECRET = "rahasia-sekali"  # noqa: S105 of this server only

CALM = Timing(login_deadline=2, ping_every=2, ping_deadline=2, first_pause=0.001, longest_pause=0.01)
WATCHFUL = Timing(login_deadline=2, ping_every=0.02, ping_deadline=0.05, first_pause=0.001, longest_pause=0.01)
ROW = (
    "Event: CoreShowChannel\r\nActionID: {id}\r\nChannel: PJSIP/warga-00000001\r\nChannelStateDesc: Up\r\n"
    "Context: ivr-112\r\nExten: 112\r\nUniqueid: ivr112-1.1\r\nLinkedid: ivr112-1.1\r\n"
    "ChanVariable: A=1\r\nChanVariable: B=2\r\nApplication: AGI\r\nApplicationData: agi://127.0.0.1\r\n"
    "Duration: 01:02:03\r\nBridgeId: \r\n\r\n"
)


def message(**headers: str) -> bytes:
    """One AMI message."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"


class Connection(asyncio.Protocol):
    """One client. Whole actions go to the server's script."""

    def __init__(self, server: "ScriptedManager") -> None:
        self.server = server
        self.pending = b""
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections.append(self)
        self.server.open.add(self)
        self.server.most_open = max(self.server.most_open, len(self.server.open))
        self.send(b"Asterisk Call Manager/11.0.0\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.open.discard(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        *actions, self.pending = (self.pending + data).split(b"\r\n\r\n")
        for text in actions:
            action = dict(line.split(": ", 1) for line in text.decode().split("\r\n"))
            self.server.actions.append(action)
            self.server.script(self, action)

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def answer(self, action: Action, response: str = "Success", **headers: str) -> None:
        self.send(message(Response=response, ActionID=action["ActionID"], **headers))


class ScriptedManager:
    """Logs in whoever knows SECRET and answers pings; everything else is up to `on[name]`, or never answered."""

    def __init__(self) -> None:
        self.on: dict[str, Callable[[Connection, Action], None]] = {
            "Login": _login,
            "Ping": lambda connection, action: connection.answer(action, Ping="Pong"),
        }
        self.connections: list[Connection] = []
        self.open: set[Connection] = set()
        self.most_open = 0
        self.actions: list[Action] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    def script(self, connection: Connection, action: Action) -> None:
        handler = self.on.get(action["Action"])
        if handler is not None:
            handler(connection, action)

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        """New connections are refused, and the open ones are cut."""
        assert self._server is not None
        self._server.close()
        for connection in list(self.open):
            connection.transport.abort()
        await until(lambda: not self.open)
        await self._server.wait_closed()

    @property
    def last(self) -> Connection:
        """The newest connection."""
        return self.connections[-1]

    def names(self) -> list[str]:
        """What was asked, without the pings."""
        return [action["Action"] for action in self.actions if action["Action"] != "Ping"]


def _login(connection: Connection, action: Action) -> None:
    if action["Secret"] == SECRET:
        connection.answer(action, Message="Authentication accepted")
    else:
        connection.answer(action, "Error", Message="Authentication failed")


@asynccontextmanager
async def scripted_manager() -> AsyncIterator[ScriptedManager]:
    """A listening server, gone at the end."""
    server = ScriptedManager()
    await server.listen()
    try:
        yield server
    finally:
        await server.stop_listening()


@asynccontextmanager
async def started(server: ScriptedManager, **changes: Any) -> AsyncIterator[AsteriskManager]:
    """A manager that is trying to connect."""
    manager = AsteriskManager("127.0.0.1", server.port, "ivr", SECRET, **{"timing": CALM, **changes})
    manager.start()
    try:
        yield manager
    finally:
        await manager.stop()


@asynccontextmanager
async def connected(server: ScriptedManager, **changes: Any) -> AsyncIterator[AsteriskManager]:
    """A manager that has logged in."""
    async with started(server, **changes) as manager:
        await manager.wait_connected()
        yield manager


def say_nothing(connection: Connection, action: Action) -> None:
    """An action that is never answered."""


def list_channels(connection: Connection, action: Action) -> None:
    """Two rows, as Asterisk 22 sends them, with an event of another kind between."""
    connection.answer(action, EventList="start", Message="Channels will follow")
    row = ROW.format(id=action["ActionID"]).encode()
    end = message(Event="CoreShowChannelsComplete", ActionID=action["ActionID"], EventList="Complete", ListItems="2")
    connection.send(row + message(Event="CEL", EventName="ANSWER") + row + end)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits for a condition; fails the test when it does not come true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 a condition is no event
            await asyncio.sleep(0.002)


def served(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs an async test with a server as first argument. A task left behind or a fault nobody saw fails it."""

    @wraps(test)
    def wrapper(**arguments: object) -> None:
        async def main() -> None:
            faults: list[dict[str, object]] = []
            asyncio.get_running_loop().set_exception_handler(lambda _loop, fault: faults.append(fault))
            async with asyncio.timeout(20), scripted_manager() as server:
                await test(server, **arguments)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, left
            gc.collect()  # so that an exception nobody fetched is reported now
            assert not faults, faults

        asyncio.run(main())

    signature = inspect.signature(test)
    others = list(signature.parameters.values())[1:]  # pytest must not look for a fixture of that name
    wrapper.__signature__ = signature.replace(parameters=others, return_annotation=None)  # type: ignore[attr-defined]
    return wrapper
