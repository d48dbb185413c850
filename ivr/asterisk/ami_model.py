"""What the connection to the Asterisk manager is spoken of in: its timing, status, headers, answers and errors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

_DURATION = re.compile(r"(\d{1,6}):(\d\d):(\d\d)", re.ASCII)

LONGEST_LINE = 1000  # bytes; Asterisk discards a whole action when one of its lines is longer than 1,024

FRAME = {"event", "response", "actionid", "eventlist", "message"}
SUCCESS = {"Success", "Follows", "Goodbye"}

Headers = Mapping[str, str]
HeaderValue = str | int | Sequence[str]


class ManagerError(Exception):
    """AMI could not do what was asked."""


class ManagerUnavailable(ManagerError):
    """Not connected, or the connection broke before the answer came. Whether Asterisk acted is not known."""


class ManagerTimeout(ManagerError):
    """The deadline passed without a complete answer. Whether Asterisk acted is not known."""


class ManagerRefused(ManagerError):
    """Asterisk answered, and the answer is no."""


class UnsafeHeader(ValueError):
    """A header that would break the frame of the action. The text names the header, never its value."""


@dataclass(frozen=True)
class Timing:
    """All in seconds. Half open is noticed within ping_every + ping_deadline."""

    login_deadline: float = 5.0  # connecting and logging in together
    ping_every: float = 5.0
    ping_deadline: float = 3.0
    first_pause: float = 0.2  # the pause before a reconnect is random between 0 and this, doubling ...
    longest_pause: float = 5.0  # ... up to this: state must be right 10 s after Asterisk is back
    rejected_pause: float = 30.0  # a wrong password does not heal by itself


@dataclass
class ManagerStatus:
    """For the status page and the doctor. Counts run since the manager object was made."""

    connected_since: datetime | None = None  # UTC; None: not connected
    connections: int = 0  # logged in
    failures: int = 0  # connections lost, refused or rejected
    unanswered_pings: int = 0
    timeouts: int = 0  # actions that got no answer in time
    events: int = 0
    handler_errors: int = 0  # events whose handler raised
    last_trouble: str = ""


@dataclass(frozen=True)
class Answer:
    """What Asterisk sent for one action: the response, then the rows of a list and its `...Complete` event."""

    messages: tuple[Headers, ...]

    @property
    def ok(self) -> bool:
        """True unless Asterisk said no."""
        return self.messages[0].get("Response") in SUCCESS

    @property
    def text(self) -> str:
        """Asterisk's own words, such as `No such channel`."""
        return self.messages[0].get("Message", "")

    @property
    def rows(self) -> tuple[Headers, ...]:
        """The rows of a list action; empty for any other."""
        return self.messages[1:-1]

    @property
    def output(self) -> list[str]:
        """The lines printed by the action `Command`."""
        return self.messages[0].get("Output", "").splitlines()


@dataclass(frozen=True)
class LiveChannel:
    """One row of CoreShowChannels. `linked_id` is the call id, `state` e.g. `Up`, `Ring`, `Ringing`."""

    name: str
    unique_id: str
    linked_id: str
    state: str
    context: str
    exten: str
    application: str
    application_data: str
    bridge_id: str
    seconds: int

    @classmethod
    def from_row(cls, row: Headers) -> "LiveChannel":
        """From the headers of `Event: CoreShowChannel`."""
        return cls(
            name=row.get("Channel", ""),
            unique_id=_last(row, "Uniqueid"),
            linked_id=_last(row, "Linkedid"),
            state=row.get("ChannelStateDesc", ""),
            context=row.get("Context", ""),
            exten=row.get("Exten", ""),
            application=row.get("Application", ""),
            application_data=row.get("ApplicationData", ""),
            bridge_id=row.get("BridgeId", ""),
            seconds=_seconds(row.get("Duration", "")),
        )


def checked_headers(headers: Mapping[str, HeaderValue]) -> dict[str, str | list[str]]:
    """The headers, ready to be written. Raises UnsafeHeader for one that would not arrive as one line."""
    return {name: _checked_value(name, value) for name, value in headers.items()}


def _checked_value(name: str, value: HeaderValue) -> str | list[str]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_checked_line(name, item) for item in value]
    return _checked_line(name, str(value))


def _checked_line(name: str, value: str) -> str:
    line = f"{name}: {value}"
    if not name or ":" in name or any(character in line for character in "\r\n\0"):
        raise UnsafeHeader(f"the header {name!r} holds a line break, NUL or a colon in its name")
    try:
        size = len(line.encode("utf-8"))
    except UnicodeEncodeError:
        raise UnsafeHeader(f"the header {name!r} is not text that UTF-8 can carry") from None
    if size > LONGEST_LINE:
        raise UnsafeHeader(f"the header {name!r} is {size} bytes long; at most {LONGEST_LINE}")
    return value


def headers_of(message: str) -> dict[str, str] | None:
    """The headers of an event or a response; None when it is neither. One that came several times is one value with
    line breaks; of those that frame a message, the first counts.

    A second `Event` or `ActionID`, in whatever case, can only come from a line break inside a value that a caller or
    a phone chose.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    for line in message.split("\r\n"):
        name, colon, value = line.partition(": ")
        if colon:
            found.setdefault(name.lower(), (name, []))[1].append(value)
    if not found.keys() & {"event", "response"}:
        return None
    return {name: values[0] if key in FRAME else "\n".join(values) for key, (name, values) in found.items()}


def demand_success(what: str, answer: Answer) -> None:
    """Raises ManagerRefused, in Asterisk's words, unless the answer is a yes."""
    if not answer.ok:
        raise ManagerRefused(f"{what}: {answer.text}")


def _seconds(duration: str) -> int:
    """`01:02:03` -> 3723; 0 for anything else."""
    found = _DURATION.fullmatch(duration)
    hours, minutes, seconds = map(int, found.groups()) if found else (0, 0, 0)
    return 3600 * hours + 60 * minutes + seconds


def _last(row: Headers, name: str) -> str:
    """Of several the last is Asterisk's: a line break in a caller's number, written earlier, only adds before it."""
    return row.get(name, "").rpartition("\n")[2]
