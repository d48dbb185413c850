"""Passwords made on first use and kept in one file that only the service's user can read."""

import json
import os
import secrets
from pathlib import Path

from ivr.alone import alone
from ivr.messages import say

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread when typed into a phone


class SecretsBroken(Exception):
    """The file holds no passwords; the text (Indonesian) says what to do. New ones would lock every phone out."""


class Secrets:
    """`secrets["damkar_1"]` is that account's password, made when first asked for and the same ever after.

    Two processes that make passwords at once (the controller and `ivr configure`) keep each other's.
    Raises SecretsBroken, and OSError when the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path) if path.exists() else {}

    def __getitem__(self, name: str) -> str:
        if name not in self._known:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with alone(self._path.parent):
                self._make(name)
        return self._known[name]

    def _make(self, name: str) -> None:
        """Unless another process has made it meanwhile."""
        if self._path.exists():
            self._known |= _read(self._path)
        if name not in self._known:
            self._known[name] = "".join(secrets.choice(ALPHABET) for _ in range(16))
            self._write()

    def _write(self) -> None:
        temporary = self._path.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._known, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SecretsBroken(say("settings.secrets", path=path, reason=error)) from error
    if not isinstance(found, dict) or not all(isinstance(password, str) for password in found.values()):
        raise SecretsBroken(say("settings.secrets", path=path, reason=type(found).__name__))
    return found
