"""Controllers no one would want, in the place of the real one: they misbehave on the FastAGI port."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from tests.system.failures.network import PASSES, led_to
from tests.system.server import LOOPBACK

Behaviour = Callable[[socket.socket, threading.Event], None]


class Peer:
    """Takes the place of whoever listens on `port`: new connections get `behave(connection, over)`, each in a thread.

    `over` is set when the peer leaves; the connection is closed when `behave` returns. Connections that stood before
    do not notice.
    """

    def __init__(self, port: int, behave: Behaviour) -> None:
        self.connections = 0
        self._port, self._behave = port, behave
        self._place = ExitStack()
        self._over = threading.Event()
        self._listener = socket.create_server((LOOPBACK, 0))
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        self._place.enter_context(led_to(int(self._listener.getsockname()[1]), self._port))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for each in (self._listener, *self._open):
            cut(each)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()
        self._place.close()  # last: what was led elsewhere must hear of the end

    def _start(self, job: Callable[[], None]) -> None:
        thread = threading.Thread(target=job, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._over.is_set():
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                self._start(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._behave(connection, self._over)
            cut(connection)


def cut(connection: socket.socket) -> None:
    """End it for both sides at once, also under another thread's feet."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


# -- what they do


def never_answers(_connection: socket.socket, over: threading.Event) -> None:
    """Accepts and says nothing."""
    over.wait()


def closes_at_once(_connection: socket.socket, _over: threading.Event) -> None:
    """Accepts and hangs up."""


def ends_after(seconds: float) -> Behaviour:
    """Says nothing more; its end comes as late as a watchdog's that kills a frozen controller."""

    def behave(_connection: socket.socket, over: threading.Event) -> None:
        over.wait(seconds)

    return behave


def says(*words: bytes, then: Behaviour = never_answers) -> Behaviour:
    """Says this without waiting for an answer, then behaves like `then`."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"".join(words))
        then(connection, over)

    return behave


def crawls(text: bytes, every: float = 1.0) -> Behaviour:
    """Says it byte by byte, one every second, and ends."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        for byte in text:
            connection.sendall(bytes([byte]))
            if over.wait(every):
                return

    return behave


def pours(text: bytes) -> Behaviour:
    """Says it again and again as fast as it is taken."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        while not over.is_set():
            connection.sendall(text)

    return behave


# -- the man in the middle


class Middle(Peer):
    """Between Asterisk and the real controller on `port`. The first command that matches `moment` is not passed on:

    `act` is called in its place. When it returns, the connection stands still until one side ends it.
    `bytes_first`: so many bytes of that command are passed on before.
    """

    def __init__(self, port: int, moment: str, act: Callable[[], None], *, bytes_first: int = 0) -> None:
        super().__init__(port, self._relay)
        self.happened = threading.Event()
        self._target, self._moment, self._act = (LOOPBACK, port), re.compile(moment.encode()), act
        self._bytes_first = bytes_first

    def _relay(self, asterisk: socket.socket, _over: threading.Event) -> None:
        with ExitStack() as stack:
            controller = stack.enter_context(socket.create_connection(self._target, 5, source_address=(PASSES, 0)))
            controller.settimeout(None)
            self._open.append(controller)
            self._start(lambda: _pass_on(asterisk, controller))
            while command := controller.recv(65536):
                if self.happened.is_set():
                    continue
                if self._moment.search(command):
                    asterisk.sendall(command[: self._bytes_first])
                    self._act()
                    self.happened.set()
                else:
                    asterisk.sendall(command)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    cut(target)
