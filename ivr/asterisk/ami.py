"""The Asterisk Manager Interface (AMI): live events and a few actions, over one connection that heals itself.

No call needs it. While it is away calls go on, and only what is shown about them grows old.

panoramisk's `Manager` serves one connection and is then thrown away, because by itself it reconnects behind its
owner's back, sends unanswered actions again to the next Asterisk (a Redirect, seconds late), waits for ever for
an answer, never checks that a ping was answered, cuts characters at the borders of TCP chunks, and lets a line
break in a value start a second action.
"""

import asyncio
import itertools
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NoReturn

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from ivr.asterisk.ami_model import (
    Answer,
    Headers,
    HeaderValue,
    LiveChannel,
    ManagerError,
    ManagerRefused,
    ManagerStatus,
    ManagerTimeout,
    ManagerUnavailable,
    Timing,
    UnsafeHeader,
    checked_headers,
    demand_success,
    headers_of,
)

log = logging.getLogger(__name__)

END_OF_MESSAGE = b"\r\n\r\n"
LONGEST_MESSAGE = 1 << 20  # bytes; a longer one means that this is not AMI, or that its sender is broken
REJECTED = "Remedy: same secret in manager.conf ([{user}]) and in our settings, our address permitted there."
PING_PATIENCE = 5  # ping deadlines that may pass while other bytes still arrive: Asterisk is alive, but has a backlog


class AsteriskManager:
    """One connection to AMI, kept for ever.

    `on_event(headers)` is called for each event, in order, on the event loop, as fast as the bytes are read: nothing
    is queued here, so a slow handler slows Asterisk's socket down and not memory up. A header sent several times is
    one value with line breaks. A value may be anything a caller or a phone sent.
    `on_connected()` is awaited after each login, so that the owner asks Asterisk for the whole state anew: events
    missed meanwhile never come again. Events may already arrive while it runs.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        secret: str,
        *,
        on_event: Callable[[Headers], None] = lambda _headers: None,
        on_connected: Callable[[], Awaitable[None]] | None = None,
        timing: Timing | None = None,
        jitter: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._host, self._port = host, port
        self._username, self._secret = username, secret
        self._on_event, self._on_connected = on_event, on_connected
        self._timing = timing or Timing()
        self._jitter, self._pause = jitter, pause
        # A fresh token: an answer meant for an earlier process can never be taken for ours.
        self._action_ids = (f"ivr-{secrets.token_hex(6)}-{number}" for number in itertools.count(1))
        self._link: _Link | None = None
        self._logged_in = asyncio.Event()
        self._task: asyncio.Task[NoReturn] | None = None
        self._status = ManagerStatus()
        self._highest_pause = self._timing.first_pause
        self._told = ""  # the trouble that is in the log already
        self._handler_failed = False  # and so is the fault of the event handler
        checked_headers({"Username": username, "Secret": secret})

    @property
    def connected(self) -> bool:
        """Logged in, and the last ping was answered."""
        return self._link is not None

    @property
    def connected_since(self) -> datetime | None:
        """When this connection logged in (UTC), or None."""
        return self._status.connected_since

    @property
    def status(self) -> ManagerStatus:
        """A snapshot of the counters."""
        return replace(self._status)

    def start(self) -> None:
        """Keeps the connection in a task of its own until `stop()`. Raises RuntimeError when already started."""
        if self._task is not None:
            raise RuntimeError("already started")
        self._task = asyncio.create_task(self.run(), name="asterisk-manager")

    async def stop(self) -> None:
        """Closes the connection; whoever waits for an answer gets ManagerUnavailable. Harmless when not started."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def run(self) -> NoReturn:
        """Stays connected until cancelled; never raises for anything Asterisk or the network does."""
        while True:
            try:
                await self._one_connection()
            except ManagerRefused as refusal:
                self._note(logging.ERROR, refusal, REJECTED.format(user=self._username))
                await self._pause(self._timing.rejected_pause)
            except (ManagerError, OSError) as trouble:
                self._note(logging.WARNING, trouble)
                highest = self._highest_pause
                self._highest_pause = min(2 * highest, self._timing.longest_pause)
                await self._pause(self._jitter() * highest)

    async def wait_connected(self, deadline: float = 5.0) -> None:
        """Returns when logged in. Raises ManagerUnavailable (with the last trouble) after `deadline` seconds."""
        try:
            async with asyncio.timeout(deadline):
                await self._logged_in.wait()
        except TimeoutError:
            raise ManagerUnavailable(self._status.last_trouble or "not connected yet") from None

    async def action(self, name: str, deadline: float = 5.0, **headers: HeaderValue) -> Answer:
        """Sends one action once, and gives its complete answer (also when Asterisk refuses: see `Answer.ok`).

        A sequence repeats its header. An Originate with Async=true is answered when it is queued; its
        OriginateResponse comes as an event. Raises UnsafeHeader, ManagerUnavailable, ManagerTimeout.
        """
        request = self._request(name, headers)
        if self._link is None:
            raise ManagerUnavailable(self._status.last_trouble or "not connected yet")
        try:
            return await self._link.ask(request, deadline)
        except ManagerTimeout:
            self._status.timeouts += 1
            raise

    async def live_channels(self, deadline: float = 5.0) -> list[LiveChannel]:
        """All channels of Asterisk now (needs write=reporting). Raises as `action`, and ManagerRefused."""
        answer = await self.action("CoreShowChannels", deadline)
        demand_success("CoreShowChannels", answer)
        return [LiveChannel.from_row(row) for row in answer.rows]

    async def reload(self, module: str, deadline: float = 10.0) -> None:
        """Reloads one module, e.g. `pbx_config.so` (needs write=config). Raises as `action`, and ManagerRefused.

        Success means that the module read its file again, not that the file was right. AMI calls this action
        `Reload`; there is no ModuleReload.
        """
        demand_success(f"Reload of {module}", await self.action("Reload", deadline, Module=module))

    def _request(self, name: str, headers: Mapping[str, HeaderValue]) -> "_Request":
        lines = {"Action": name, "ActionID": next(self._action_ids)}
        for header in headers:
            if header.lower() in {"action", "actionid"}:
                raise UnsafeHeader(f"{header} is set here and nowhere else")
        return _Request(checked_headers({**lines, **headers}))

    async def _one_connection(self) -> NoReturn:
        """From connecting to the end, which is always a ManagerError or an OSError."""
        link = _Link(self._host, self._port, self._handle)
        try:
            await self._log_in(link)
            self._link, self._told, self._handler_failed = link, "", False
            self._status.connected_since = datetime.now(UTC)
            self._status.connections += 1
            self._logged_in.set()
            log.info("connected to the Asterisk manager at %s:%d", self._host, self._port)
            await self._hold(link)
        finally:
            self._link = self._status.connected_since = None
            self._logged_in.clear()
            link.end(ManagerUnavailable("the connection was closed"))

    async def _log_in(self, link: "_Link") -> None:
        login = self._request("Login", {"Username": self._username, "Secret": self._secret, "Events": "on"})
        try:
            async with asyncio.timeout(self._timing.login_deadline):
                await link.connect()
                answer = await link.ask(login, self._timing.login_deadline)
        except TimeoutError:
            raise ManagerTimeout(f"no login within {self._timing.login_deadline:g} s") from None
        demand_success("Login", answer)

    async def _hold(self, link: "_Link") -> NoReturn:
        resync = asyncio.create_task(self._resync(link), name="asterisk-manager-resync")
        try:
            while True:
                await link.lasts(self._timing.ping_every)
                await self._ping(link)
                self._highest_pause = self._timing.first_pause  # this was a good connection
        finally:
            resync.cancel()
            await asyncio.wait({resync})

    async def _ping(self, link: "_Link") -> None:
        """Asterisk must answer in time, or at least be sending something: a flood delays the answer."""
        deadline = self._timing.ping_deadline
        answer = asyncio.create_task(link.ask(self._request("Ping", {}), 2 * PING_PATIENCE * deadline))
        try:
            for _ in range(PING_PATIENCE):
                heard = link.bytes_heard
                await asyncio.wait({answer}, timeout=deadline)
                if answer.done() or link.bytes_heard == heard:
                    break
            if not answer.done():
                self._status.unanswered_pings += 1
                raise ManagerTimeout(f"a ping was not answered within {deadline:g} s")
            answer.result()
        finally:
            answer.cancel()
            await asyncio.wait({answer})

    async def _resync(self, link: "_Link") -> None:
        if self._on_connected is None:
            return
        try:
            await self._on_connected()
        except ManagerError as trouble:
            link.end(ManagerUnavailable(f"the state could not be read after connecting: {trouble}"))
        except Exception:
            # The owner's code is not ours; its fault must not cost the events that follow.
            log.exception("the state could not be rebuilt after connecting to the Asterisk manager; calls go on")

    def _handle(self, event: Headers) -> None:
        self._status.events += 1
        try:
            self._on_event(event)
        except Exception:
            # As above. Told once for each connection: a flood of events must not become a flood of logs.
            self._status.handler_errors += 1
            if not self._handler_failed:
                log.exception("the handler of the manager event %r failed; calls go on", event.get("Event"))
            self._handler_failed = True

    def _note(self, level: int, trouble: Exception, remedy: str = "") -> None:
        """Each new trouble is told once, until the next login."""
        text = str(trouble) or type(trouble).__name__
        told, self._told = self._told, text
        self._status.failures += 1
        self._status.last_trouble = text
        log.log(
            logging.DEBUG if text == told else level,
            "no Asterisk manager at %s:%d: %s. Calls go on; live views grow old. %s",
            *(self._host, self._port, text, remedy),
        )


class _Link(Manager):  # type: ignore[misc]  # panoramisk carries no types
    """One connection, once: panoramisk's Manager without its reconnecting, its replay and its own ping."""

    def __init__(self, host: str, port: int, on_event: Callable[[Headers], None]) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop=loop, host=host, port=port, protocol_factory=lambda: _Protocol(self))
        self.on_event = on_event
        self.bytes_heard = 0
        self.ended: asyncio.Future[Exception] = loop.create_future()

    def connection_made(self, f: "asyncio.Task[tuple[asyncio.Transport, _Protocol]]") -> None:
        """Wires the protocol; who awaits `connect()` hears of a failure, and nobody else tries again."""
        if not f.cancelled() and f.exception() is None:
            super().connection_made(f)
            self.pinger.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """No reconnect from in here."""
        self.end(ManagerUnavailable(f"Asterisk closed the connection ({exc or 'end of file'})"))

    def dispatch(self, event: Message) -> None:
        """Each event goes to one handler. (FullyBooted goes no other way, which would replay actions.)"""
        self.on_event(_headers(event))

    def end(self, why: Exception) -> None:
        """Closes at once, without waiting for a peer that may be gone, and releases everybody who waits."""
        if not self.ended.done():
            self.ended.set_result(why)
        self.close()

    async def lasts(self, seconds: float) -> None:
        """Waits, and raises why the connection ended if it did."""
        await asyncio.wait({self.ended}, timeout=seconds)
        if self.ended.done():
            raise self.ended.result()

    async def ask(self, request: "_Request", deadline: float) -> Answer:
        """Raises ManagerUnavailable and ManagerTimeout; afterwards nothing of the request is left here."""
        if self.ended.done():
            raise self.ended.result()
        future = self.send_action(request)
        try:
            async with asyncio.timeout(deadline):
                replies = await future
        except TimeoutError:
            raise ManagerTimeout(f"no answer to {request['Action']} within {deadline:g} s") from None
        finally:
            self.protocol.forget(request)
        return Answer(tuple(_headers(reply) for reply in (replies if isinstance(replies, list) else [replies])))


class _Protocol(AMIProtocol):  # type: ignore[misc]  # panoramisk carries no types
    """Cuts the bytes into messages before anything is decoded."""

    def __init__(self, link: _Link) -> None:
        self.link = link
        self.pending = b""
        self.responses: dict[str, _Request] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.factory = self.link  # panoramisk sets it later, after the first bytes may have come

    def data_received(self, data: bytes) -> None:
        self.link.bytes_heard += len(data)
        *messages, self.pending = (self.pending + data).split(END_OF_MESSAGE)
        for message in messages:
            headers = headers_of(message.decode("utf-8", errors="replace"))
            if headers is not None:
                self.handle_message(Message(headers))
        if len(self.pending) > LONGEST_MESSAGE:
            self.link.end(ManagerUnavailable(f"a message of more than {LONGEST_MESSAGE} bytes"))

    def handle_message(self, message: Message) -> None:
        """To whoever asked, else to the owner. A Shutdown is an event like any other, for a caller's number may hold
        one; the real one is followed by the end of the connection."""
        request = self.responses.get(message.action_id)
        if request is None:
            if "event" in message:
                self.link.dispatch(message)
        elif request.add_message(message):
            self.forget(request)

    def close(self) -> None:
        """Nothing that waits is kept to be sent again; its waiter is told instead."""
        for request in self.responses.values():
            if not request.future.done():
                request.future.set_exception(ManagerUnavailable("the connection broke before the answer came"))
        self.closed = True
        self.transport.abort()  # close() would wait for a half-open peer to take the last bytes

    def forget(self, request: "_Request") -> None:
        for key in (request.id, request.action_id):
            self.responses.pop(key, None)


class _Request(Action):  # type: ignore[misc]  # panoramisk carries no types
    """An action whose list of answers ends where Asterisk says so (`EventList`), instead of by guessing."""

    @property
    def multi(self) -> bool:
        return bool(self.responses[0].get("EventList", "").lower() == "start")

    @property
    def completed(self) -> bool:
        last = self.responses[-1]
        ends = last.get("EventList", "").lower() in {"complete", "cancelled"}
        # the number of a caller may hold `EventList: Complete`; only the name of the event is Asterisk's alone
        return not self.multi or (ends and last.get("Event", "").endswith("Complete"))


def _headers(message: Message) -> Headers:
    """What Asterisk sent, without the `content` that panoramisk adds to each message."""
    return {name: value for name, value in message.items() if name != "content"}
