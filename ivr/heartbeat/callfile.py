"""The file that makes Asterisk place a test call (pbx_spool; Asterisk docs, Call Files), and the keys it presses.

No manager account may originate calls, on purpose: a file in the service's own folder needs no such right.
"""

import os
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ivr.asterisk.accounts import HEARTBEAT, own_address
from ivr.dialogue import Script, Understanding
from ivr.settings import Settings

LONG_AGO = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One test call: `to` is what Dial rings, `code` is empty when the call does not leave this machine."""

    token: str
    to: str
    keys: tuple[str, ...]
    code: str = ""


def new_call(settings: Settings, script: Script, at: datetime) -> Heartbeat:
    """A call to our own number through the trunk where both are set, else to our own address."""
    through_trunk = bool(settings.heartbeat_number and settings.trunk_file)
    to = f"PJSIP/{settings.heartbeat_number}@trunk" if through_trunk else loopback(settings)
    code = "".join(secrets.choice("123456789") for _ in range(6)) if through_trunk else ""
    return Heartbeat(f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}", to, keys(script), code)


def loopback(settings: Settings) -> str:
    """112 at our own SIP address."""
    return f"PJSIP/{HEARTBEAT}/sip:112@{own_address(settings)}"


def keys(script: Script) -> tuple[str, ...]:
    """What somebody presses who takes the first choice of every question."""
    known, pressed = Understanding(), list[str]()
    question = script.next_question(known)
    while question and question.choices:
        choice = question.choices[0]
        pressed.append(choice.key)
        if choice.then is None:
            known = known.knowing(question.subject, choice.id, "key")
        question = choice.then or script.next_question(known)
    return tuple(pressed)


def text(call: Heartbeat, began: float) -> str:
    """The file's content; `began` in seconds since 1970. No second attempt: it would hide that the first failed."""
    variables = {
        "TOKEN": call.token,
        "TO": call.to,
        "KEYS": "&".join(call.keys),
        "CODE": call.code,
        "BEGAN": str(round(began * 1000)),
    }
    lines = [
        "Channel: Local/call@heartbeat/n",
        'CallerID: "Uji coba" <112>',
        "WaitTime: 25",
        "MaxRetries: 0",
        "Context: heartbeat",
        "Extension: answered",
        "Priority: 1",
        *(f"Setvar: {name}={value}" for name, value in variables.items()),
    ]
    return "\n".join([*lines, ""])


def drop(call: Heartbeat, spool: Path) -> Path:
    """Put the file where Asterisk looks, whole at once; Asterisk removes it when the call is over. Raises OSError.

    Written beside the folder and renamed into it, else Asterisk reads half a file. Its time lies in the past:
    Asterisk leaves a file alone until its time has come, and a clock may be set back in between.
    """
    now = time.time()
    finished, begun = spool / "outgoing" / f"{call.token}.call", spool / f"{call.token}.new"
    try:
        with os.fdopen(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text(call, now))
            file.flush()
            os.fsync(file.fileno())
        os.utime(begun, (now - LONG_AGO, now - LONG_AGO))
        begun.replace(finished)
    finally:
        begun.unlink(missing_ok=True)
    return finished


def untouched(file: Path) -> bool:
    """Whether Asterisk has not taken the call yet; at once it writes its own lines into the file. Raises OSError."""
    try:
        return "StartRetry" not in file.read_text(errors="replace")
    except FileNotFoundError:
        return False
