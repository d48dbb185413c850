"""Tells another system of each alarm: one POST with JSON when it begins, one when it ends.

`{"alarm": "disk_state_low", "state": "begun", "since": "2026-11-22T01:02:03+00:00", "text": "...", "city": "..."}`

In a thread of its own, in order, each tried a few times; a beginning that did not arrive is tried again every minute
while its alarm stands. Nothing the other side does reaches the calls, and the address, which often holds a password,
reaches no log. Redirects are not followed: a POST has no business elsewhere.
"""

import base64
import contextlib
import json
import logging
import os
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, unquote, urlsplit

from ivr.health.alarms import Alarm, State
from ivr.messages import say
from ivr.settings import is_web_address

log = logging.getLogger(__name__)

DEADLINE = 5.0  # seconds for one try, from connecting to the beginning of the answer
PAUSES = (1.0, 5.0, 15.0, 60.0)  # seconds between the tries
AGAIN = 60.0  # seconds between the tries after these, while the alarm stands
MOST_WAITING = 200


def refused(url: str) -> str:
    """Why this cannot be an address for alarms (Indonesian), "" when it can."""
    return "" if is_web_address(url) else say("health.bad_url")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long one try may take, what pauses (s) follow the tries that failed, and `again` all that follow."""

    deadline: float = DEADLINE
    pauses: tuple[float, ...] = PAUSES
    again: float = AGAIN


class NotTold(Exception):
    """One try failed; the text holds nothing of the address."""


class Webhook:
    """Takes alarms from any thread without waiting. `city` is the name the receiver knows us by.

    Raises ValueError (Indonesian) for an address that is none.
    """

    def __init__(self, url: str, city: Callable[[], str], pace: Pace | None = None) -> None:
        if reason := refused(url):
            raise ValueError(reason)
        self._url, self._city, self._pace = urlsplit(url), city, pace or Pace()
        self._waiting: queue.Queue[dict[str, str] | None] = queue.Queue(MOST_WAITING)
        self._late: dict[str, dict[str, str]] = {}  # beginnings that did not arrive, by alarm; of the thread
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def __call__(self, alarm: Alarm, state: State) -> None:
        """For `Alarms(on_change=...)`."""
        try:
            self._waiting.put_nowait(news(alarm, state, self._city()))
        except queue.Full:
            log.error("too many alarms wait for their receiver: %s (%s) is not sent", alarm.key, state)

    def close(self, seconds: float = 2.0) -> None:
        """What waits is tried once more, at most so long."""
        self._closed.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            log.warning("%d alarms were never sent", self._waiting.qsize())
            return
        self._thread.join(seconds)

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            try:
                each = self._waiting.get(timeout=max(due - time.monotonic(), 0.0) if self._late else None)
            except queue.Empty:
                self._tell_late()
                due = time.monotonic() + self._pace.again
                continue
            if each is None:
                return
            self._late.pop(each["alarm"], None)
            if not self._tell(each) and each["state"] == State.BEGUN:
                self._late[each["alarm"]] = each
                due = time.monotonic() + self._pace.again

    def _tell_late(self) -> None:
        """All that did not arrive once more; one that fails again keeps the others waiting no longer."""
        for each in list(self._late.values()):
            try:
                self._post(each)
            except NotTold as error:
                log.debug("the alarm %s still does not reach its receiver: %s", each["alarm"], error)
                return
            del self._late[each["alarm"]]
            log.warning("the alarm %s has reached its receiver at last", each["alarm"])

    def _post(self, each: dict[str, str]) -> None:
        """Raises NotTold."""
        post(self._url, json.dumps(each, ensure_ascii=False).encode(), self._pace.deadline)

    def _tell(self, each: dict[str, str]) -> bool:
        """Whether it arrived, after a few tries."""
        trouble = ""
        for pause in (*self._pace.pauses, None):
            try:
                self._post(each)
            except NotTold as error:
                if str(error) != trouble:
                    log.warning(
                        "the alarm %s (%s) did not reach its receiver: %s", each["alarm"], each["state"], error
                    )
                trouble = str(error)
            else:
                return True
            if pause is not None and self._closed.wait(pause):
                break
        begun = each["state"] == State.BEGUN and not self._closed.is_set()
        then = f"is tried again every {self._pace.again:g} s while it stands" if begun else "is given up"
        log.error("the alarm %s (%s) was not sent and %s", each["alarm"], each["state"], then)
        return False


def news(alarm: Alarm, state: State, city: str) -> dict[str, str]:
    """The JSON object that is sent."""
    since = alarm.since.isoformat(timespec="seconds")
    return {"alarm": alarm.key, "state": state, "since": since, "text": alarm.text, "city": city}


def post(url: SplitResult, body: bytes, deadline: float) -> None:
    """One try. Raises NotTold unless the answer begins with 2xx; what follows is not even read."""
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=deadline)
    began = time.monotonic()
    try:
        connection.connect()
        # a receiver that sends a byte now and then keeps every timeout of the socket from running out
        watch = threading.Timer(deadline, _cut, (connection.sock,))
        watch.daemon = True
        watch.start()
        try:
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("POST", target, body, _headers(url))
            status = connection.getresponse().status
        finally:
            watch.cancel()
    except (OSError, HTTPException, ValueError) as error:
        late = time.monotonic() - began >= deadline
        raise NotTold("no answer in time" if late else _reason(error)) from None
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise NotTold(f"it answered {status}")


def _headers(url: SplitResult) -> dict[str, str]:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "ivr112", "Connection": "close"}
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    return headers


def _cut(connection: socket.socket) -> None:
    """Ends a read that would go on; whoever reads gets the end of the file. Past TLS, which is not ours to touch."""
    with contextlib.suppress(OSError):  # it was gone already
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    """What happened, without names: those of hosts belong to the address."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return type(error).__name__
