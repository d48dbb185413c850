"""`/live`, `/ready` and `/metrics`: uvicorn's HTTP on the controller's own loop.

One request for each connection, and 5 seconds for all of it; at most 100 connections, of which the oldest idle one
makes room. So neither port probes nor slow or greedy clients cost the calls anything. uvicorn's `Server` is not used:
it would take over the signals and end the process when its port is taken.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from ivr.health.metrics import CONTENT_TYPE
from ivr.messages import say

log = logging.getLogger(__name__)

MOST = 100  # connections
LIFETIME = 5.0  # seconds
HEADER_BYTES = 16 << 10
AGAIN = 30.0  # seconds until a port that is taken is tried again
ANSWER_WITHIN = 4.0  # seconds, less than a connection lives


@dataclass(frozen=True, slots=True)
class Answers:
    """What is asked for. `live` and `ready`: the reasons (key -> Indonesian) why not; `shown` only goes with them."""

    live: Callable[[], Awaitable[Mapping[str, str]]]
    ready: Callable[[], Awaitable[Mapping[str, str]]]
    shown: Callable[[], Mapping[str, Any]]
    metrics: Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what clients may cost."""

    connections: int = MOST
    lifetime: float = LIFETIME
    again: float = AGAIN


class HealthServer:
    """Serves `answers` until cancelled. A port that is taken is tried again for ever; calls do not depend on it."""

    def __init__(self, address: str, port: int, answers: Answers, limits: Limits | None = None) -> None:
        self._address, self._port, self._limits = address, port, limits or Limits()
        self._config = Config(
            application(answers),
            log_config=None,
            log_level="critical",  # what clients send wrong is theirs; our own faults are logged by `_answered`
            access_log=False,
            ws="none",
            lifespan="off",
            proxy_headers=False,
            h11_max_incomplete_event_size=HEADER_BYTES,
        )
        self._config.load()
        self._state = ServerState()
        self._state.default_headers = [(b"connection", b"close"), (b"cache-control", b"no-store")]
        self.port = 0  # that is listened on, 0: none

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._state.connections)

    async def run(self) -> NoReturn:
        """Serves, again and again."""
        told = ""
        while True:
            try:
                listener = _listener(self._address, self._port)
            except OSError as error:
                if told != (told := error.strerror or str(error)):
                    where = {"address": self._address, "port": self._port, "again": int(self._limits.again)}
                    log.error("%s", say("health.port_taken", reason=told, **where))
                await asyncio.sleep(self._limits.again)
            else:
                told = ""
                await self._serve(listener)

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._protocol, sock=listener)
        self.port = listener.getsockname()[1]
        try:
            await server.serve_forever()
        finally:
            self.port = 0
            server.close()
            for connection in list(self._state.connections):
                connection.transport.abort()

    def _protocol(self) -> "OneRequest":
        return OneRequest(self._config, self._state, self._limits)


class OneRequest(H11Protocol):
    """A connection that ends with its first answer, or when its time is over."""

    def __init__(self, config: Config, state: ServerState, limits: Limits) -> None:
        super().__init__(config, state, {})
        self._limits = limits
        self._began = self.loop.time()
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        idle = [other for other in self.connections if isinstance(other, OneRequest) and other.cycle is None]
        full = len(self.connections) >= self._limits.connections
        super().connection_made(transport)
        self._end = self.loop.call_later(self._limits.lifetime, transport.abort)
        if full:
            oldest = min(idle, key=lambda other: other._began, default=self)
            oldest.transport.abort()
            self.connections.discard(oldest)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)


def application(answers: Answers) -> Starlette:
    """The three pages; GET and HEAD only."""

    async def live(_request: Request) -> Response:
        return _state(await answers.live(), answers.shown())

    async def ready(_request: Request) -> Response:
        return _state(await answers.ready(), answers.shown())

    async def metrics(_request: Request) -> Response:
        return Response(await answers.metrics(), media_type=CONTENT_TYPE)

    return Starlette(routes=[Route(f"/{page.__name__}", _answered(page)) for page in (live, ready, metrics)])


Page = Callable[[Request], Awaitable[Response]]


def _answered(page: Page) -> Page:
    """A fault of ours, or a delay, is an answer too."""

    async def answer(request: Request) -> Response:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await page(request)
        except TimeoutError:
            return JSONResponse({"ok": False, "reasons": {"slow": say("health.slow")}}, 503)
        except Exception as error:  # noqa: BLE001 whatever it is, one line is enough: the next probe comes at once
            log.error("%s could not be answered (%s: %s); calls go on", request.url.path, type(error).__name__, error)
            return JSONResponse({"ok": False, "reasons": {"error": type(error).__name__}}, 500)

    return answer


def _state(reasons: Mapping[str, str], shown: Mapping[str, Any]) -> Response:
    return JSONResponse({"ok": not reasons, "reasons": dict(reasons), **shown}, 503 if reasons else 200)


def _listener(address: str, port: int) -> socket.socket:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(MOST)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
