"""The FastAGI server: one thread per call, and no connection that can hurt the calls beside it.

Whatever goes wrong here, closing the connection is the right answer: the dialplan finds no plan and leads the caller
on by the lifeline.
"""

import asyncio
import errno
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

from ivr.asterisk.agi import AgiError, CallerHungUp, NoRequest, Session, SessionClosed

log = logging.getLogger(__name__)

Handler = Callable[[Session], None]

_SOMAXCONN: Final = Path("/proc/sys/net/core/somaxconn")
_PAUSE: Final = 0.1  # seconds before accept is tried again when the system is out of something
_QUIET: Final = 10.0  # seconds between two lines about calls that are turned away
_ALIVE: Final = "alive"  # the script that asks whether a call would be taken
_LIFELINE: Final = "the dialplan goes on with the lifeline"


class FastAgiServer:
    """Listens on `host:port` (0: any free port) and runs `handle(session)` in a thread of its own for every call.

    At most `max_calls` calls, and as many connections that have not said yet what they want (at most 5 s each):
    one more is closed at once, so that its caller does not wait. `start` raises OSError when the port is taken.
    """

    def __init__(self, host: str, port: int, handle: Handler, *, max_calls: int = 500, backlog: int = 1024) -> None:
        self._address = (host, port)
        self._handle = handle
        self._max_calls = max_calls
        self._backlog = backlog
        self._listener: socket.socket | None = None
        self._accepting: threading.Thread | None = None
        self._stopping = threading.Event()
        self._connections: dict[socket.socket, Session | None] = {}  # None: no request came yet
        self._changed = threading.Condition()
        self._quiet_until = 0.0

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._listener is None:
            raise RuntimeError("the server is not started")
        return int(self._listener.getsockname()[1])

    @property
    def sessions(self) -> list[Session]:
        """The calls that are being asked now (for a watchdog)."""
        with self._changed:
            return [session for session in self._connections.values() if session]

    @property
    def busy(self) -> bool:
        """Whether anybody is asked, or has just come and not said yet what they want."""
        with self._changed:
            return bool(self._connections)

    def stuck(self, seconds: float) -> list[Session]:
        """Calls whose threads make no progress: their dead-man timers ran out that long ago."""
        return [session for session in self.sessions if session.overdue(seconds)]

    async def answers(self, deadline: float) -> bool:
        """Whether a call that came now would be taken: a connection to ourselves goes the whole way to a thread."""
        try:
            async with asyncio.timeout(deadline):
                reader, writer = await asyncio.open_connection(self._address[0], self.port)
                try:
                    writer.write(f"agi_network_script: {_ALIVE}\n\n".encode())
                    return await reader.read(1) == b""
                finally:
                    writer.close()
        except ConnectionResetError:  # taken, and turned away unread: all places are in use, which is no fault
            return True
        except (OSError, TimeoutError, RuntimeError):
            return False

    def start(self) -> None:
        """Listen and accept."""
        _check_backlog(self._backlog)
        self._listener = listener = socket.create_server(self._address, backlog=self._backlog)  # with SO_REUSEADDR
        self._stopping.clear()
        self._accepting = threading.Thread(target=self._accept, args=(listener,), name="fastagi", daemon=True)
        self._accepting.start()

    def stop(self, grace: float) -> None:
        """Accept no more, give running questions `grace` seconds, then close: the dialplan goes on with the rest."""
        self.shut()
        if not self._all_ended(grace):
            self._close_all()
            self._all_ended(1.0)

    def shut(self) -> None:
        """Accept no more: connections are refused from now on. Running questions go on."""
        if self._listener is None or self._accepting is None:
            return
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._accepting.join()
        self._listener.close()
        self._listener = self._accepting = None

    def _all_ended(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._connections, seconds)

    def _close_all(self) -> None:
        with self._changed:
            left = dict(self._connections)
        for connection, session in left.items():
            if session:
                log.warning("call %s: the controller stops, %s", session.unique_id, _LIFELINE)
                session.close()
            else:
                _hang_up(connection)

    # -- accepting ---------------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        quiet_until = 0.0
        while not self._stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError as error:  # EMFILE, ENOBUFS, ECONNABORTED ...: the next call may come through
                if self._stopping.is_set() or error.errno == errno.EBADF:
                    return
                if monotonic() >= quiet_until:
                    log.warning("cannot accept a call (%s): it waits, or %s", error, _LIFELINE)
                    quiet_until = monotonic() + 1.0
                self._stopping.wait(_PAUSE)
                continue
            self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        with self._changed:
            waiting = sum(session is None for session in self._connections.values())
            full = max(waiting, len(self._connections) - waiting) >= self._max_calls
            if not full:
                self._connections[connection] = None
        if full:
            self._refuse(connection, f"{self._max_calls} calls are running")
            return
        try:
            threading.Thread(target=self._serve, args=(connection,), name="call", daemon=True).start()
        except RuntimeError as error:  # the system has no more threads
            self._refuse(connection, str(error))

    def _refuse(self, connection: socket.socket, reason: str) -> None:
        self._say_refused(reason)
        self._forget(connection)

    def _say_refused(self, reason: str) -> None:
        """Not for each of hundreds."""
        if monotonic() >= self._quiet_until:
            self._quiet_until = monotonic() + _QUIET
            log.warning("calls are turned away (%s): %s", reason, _LIFELINE)

    def _forget(self, connection: socket.socket) -> None:
        with self._changed:
            self._connections.pop(connection, None)
            self._changed.notify_all()
        connection.close()

    # -- one connection, in its own thread ---------------------------------------------------------------------------

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(connection)
            if session.script != _ALIVE and self._admit(connection, session):
                self._run(session)
        except NoRequest as probe:
            log.debug("a connection was no call: %s", probe)
        except AgiError as error:
            log.warning("a request cannot be read (%s): if it was a call, %s", error, _LIFELINE)
        except OSError as error:  # the peer was gone before we began
            log.debug("a connection was no call: %s", error)
        finally:
            self._forget(connection)

    def _admit(self, connection: socket.socket, session: Session) -> bool:
        with self._changed:
            admitted = sum(other is not None for other in self._connections.values()) < self._max_calls
            if admitted:
                self._connections[connection] = session
        if not admitted:
            self._say_refused(f"{self._max_calls} calls are running")
        return admitted

    def _run(self, session: Session) -> None:
        try:
            self._handle(session)
        except CallerHungUp:
            log.info("call %s: the caller hung up during the questions", session.unique_id)
        except SessionClosed:
            log.info("call %s: ended by us, %s", session.unique_id, _LIFELINE)
        except AgiError as error:
            log.warning("call %s: %s: %s", session.unique_id, error, _LIFELINE)
        except Exception:  # the thread ends here: one broken call must not hurt another
            log.warning("call %s: the controller failed: %s", session.unique_id, _LIFELINE, exc_info=True)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _check_backlog(backlog: int) -> None:
    try:
        limit = int(_SOMAXCONN.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    if limit < backlog:
        log.warning("net.core.somaxconn is %d: of a burst of calls only so many wait, beyond %s", limit, _LIFELINE)
