"""What can happen to a phone, and what can go wrong with one."""

from dataclasses import dataclass
from enum import StrEnum


class PhoneError(RuntimeError):
    """A phone did not do what it was asked."""


class PhoneMissing(PhoneError):
    """The program is not installed; the message names the package."""


class PhoneTimeout(PhoneError, TimeoutError):
    """What was waited for did not happen in time."""


class Kind(StrEnum):
    """What can happen to a phone."""

    REGISTERED = "REGISTERED"
    REGISTER_FAILED = "REGISTER_FAILED"
    DIALLED = "DIALLED"
    INCOMING = "INCOMING"
    RINGING = "RINGING"
    PROGRESS = "PROGRESS"
    ESTABLISHED = "ESTABLISHED"
    CLOSED = "CLOSED"
    DTMF = "DTMF"
    MICROPHONE_ENDED = "MICROPHONE_ENDED"
    GONE = "GONE"


@dataclass(frozen=True)
class Event:
    """Something that happened at `at` (seconds, monotonic).

    `detail`: the reason of CLOSED ("486 Busy Here"), the key of DTMF, the other side's URI of INCOMING and
    ESTABLISHED. A phone that answers by itself has no INCOMING.
    """

    kind: Kind
    at: float
    detail: str = ""
