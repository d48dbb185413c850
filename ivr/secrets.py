"""Passwords made on first use and kept in one file that only the service's user can read."""

import json
import os
import secrets
from pathlib import Path

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread when typed into a phone


class Secrets:
    """`secrets["damkar_1"]` is that account's password, made when first asked for and the same ever after."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def __getitem__(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = "".join(secrets.choice(ALPHABET) for _ in range(16))
            self._write()
        return self._known[name]

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._known, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
