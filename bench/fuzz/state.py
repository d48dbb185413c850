"""The small files we wrote ourselves and read again: after any accident, a documented error or a default."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from bench.fuzz.hostile import damaged
from bench.fuzz.parser import Parser, Verdict
from ivr import restarts
from ivr.backup import manifest
from ivr.health import alarms
from ivr.heartbeat import last
from ivr.heartbeat.result import Result
from ivr.prompts import build
from ivr.rulebook import ask, history, status
from ivr.rulebook.history import Entry, History, How, NotKept
from ivr.secrets import Secrets, SecretsBroken

AT = datetime(2026, 11, 22, tzinfo=UTC)
ENTRY = Entry("ab" * 32, AT, "budi", "0123abcd", How.SAVED)

JSON_TOKENS: tuple[bytes, ...] = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"null", b"true", b"0", b"-1", b"1e999", b"NaN", b"Infinity",
    b"9" * 5000,
    b"[" * 3000, b'{"a":' * 3000, b'"\\ud800"', b'"\\u0000"', b'"\\u001b[2J"', b"\0", b"\xff", b"\xef\xbb\xbf",
    b"\n", b"[]", b"{}",
    b'""', b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59-14:00"', b'"2026-11-22"',
    b'"2026-11-22T00:00:00"', b'"at"',
    b'"hash"', b'"how"', b'"who"', b'"../x"', b'"accepted"', b'"saved"', b"1763800000", b"1.5", b"-1.5e308",
)  # fmt: skip


ODD: tuple[Any, ...] = (
    None, True, 0, -1, 10**400, 1.5, float("inf"), float("nan"), "", "x", [], {}, [[]], {"": None}, "\ud800", "\0",
    "../../x", "x" * 10_000, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-22",
    "2026-11-22T00:00:00",
)  # fmt: skip


class StateFile(Parser):
    """One such file. `read` returns what the program made of it; it raises nothing but `allowed`."""

    def __init__(
        self, path: Path, good: bytes, read: Callable[[], Any], allowed: tuple[type[Exception], ...] = ()
    ) -> None:
        self._path, self._good, self._read, self._allowed = path, good, read, allowed
        path.parent.mkdir(parents=True, exist_ok=True)

    def make(self, random: Random) -> bytes:
        """The good file after one to four accidents; now and then bytes that were never a file of ours."""
        if random.random() < 0.02:
            return random.randbytes(random.choice((0, 1, 10, 300)))
        if random.random() < 0.5:
            return b"\n".join(_changed(random, line) for line in self._good.splitlines())
        return damaged(random, self._good, JSON_TOKENS)

    def check(self, content: bytes) -> Verdict:
        """Read, a default, or a documented error."""
        self._path.write_bytes(content)
        try:
            found = self._read()
        except self._allowed as error:
            return Verdict((type(error).__name__,))
        return Verdict(("read",) if found else ("default",))


def _changed(random: Random, line: bytes) -> bytes:
    """JSON with one of its values lost, or another in its place."""
    row = json.loads(line)
    places = list(_places(row))
    above, key = random.choice(places)
    if random.random() < 0.2:
        del above[key]
    else:
        above[key] = random.choice((*ODD, above[random.choice(list(above) if isinstance(above, dict) else [key])]))
    return json.dumps(row).encode()


def _places(row: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in list(row.items() if isinstance(row, dict) else enumerate(row)):
        yield row, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def rules_status(folder: Path) -> StateFile:
    """`status.json` of the rules, and what is made of it."""
    attempt = status.Attempt(AT, "cd" * 32, status.Result.REFUSED, How.RELOAD, "siti", ("line 1: x",))
    good = json.dumps(status.as_json(status.Status(ENTRY, attempt))).encode()

    def read() -> Any:
        found = status.read(folder)
        if found:
            json.dumps(status.as_json(found))
            found.in_force.at.astimezone()
        return found

    return StateFile(folder / status.STATUS, good, read)


def rules_history(folder: Path) -> StateFile:
    """`accepted.jsonl`, with every question to it."""
    kept = History(folder)
    kept.accept(ENTRY)
    kept.accept(Entry(kept.keep(b"kota: x\n"), AT, "siti", "89abcdef", How.START))
    good = (folder / history.INDEX).read_bytes()

    def read() -> Any:
        entries = kept.entries()
        kept.in_force_since(AT)
        for entry in entries[:3]:
            try:
                kept.text(entry.digest)
            except NotKept:
                continue
        return entries

    return StateFile(folder / history.INDEX, good, read)


def secrets_file(folder: Path) -> StateFile:
    """`secrets.json`."""
    good = json.dumps({"damkar_1": "abcdefgh", "manager": "hijklmnp"}).encode()

    def read() -> Any:
        known = Secrets(folder / "secrets.json")
        return all(isinstance(known[name], str) for name in ("damkar_1", "manager"))

    return StateFile(folder / "secrets.json", good, read, (SecretsBroken,))


def prompts_manifest(folder: Path) -> StateFile:
    """The manifest of the built prompts."""
    good = json.dumps({"greeting": {"origin": "synthetic", "source": "ab", "sound": "cd"}}).encode()
    return StateFile(folder / build.MANIFEST, good, lambda: build.read_manifest(folder))


def rules_request(folder: Path) -> StateFile:
    """The note by which `ivr rules reload` says who asks."""
    good = json.dumps({"at": datetime.max.replace(tzinfo=UTC).isoformat(), "who": "budi"}).encode()  # always fresh
    return StateFile(folder / "rules" / ask.REQUEST, good, lambda: ask.asked_by(folder))


def alarms_book(folder: Path) -> StateFile:
    """`alarms.json`, and the alarms of a controller that starts with it."""
    good = json.dumps(alarms.as_json([alarms.Alarm("disk", AT, "x", "y"), alarms.Alarm("ami", AT, "z")])).encode()

    def read() -> Any:
        standing = alarms.Alarms(folder).standing
        json.dumps(alarms.as_json(standing))
        return standing

    return StateFile(folder / alarms.FILE, good, read)


def restarts_count(folder: Path) -> StateFile:
    """`restarts.json`, counted on."""
    good = json.dumps(
        {"since": AT.isoformat(), "counts": {"crashed": 2}, "recent": [[AT.isoformat(), "crashed"]]}
    ).encode()
    return StateFile(folder / restarts.FILE, good, lambda: restarts.read(folder).since)


def heartbeat_last(folder: Path) -> StateFile:
    """`heartbeat.json`, and what is shown of it."""
    good = json.dumps(last.as_json(last.Last(AT, Result("1234", AT, "answered", 1.5)))).encode()

    def read() -> Any:
        known = last.read_last(folder)
        json.dumps(last.as_json(known))
        return known.ok_at

    return StateFile(folder / last.NAME, good, read)


def backup_manifest(folder: Path) -> StateFile:
    """The list of what a backup holds."""
    row = {"name": "calls.sqlite", "size": 7, "mode": 416, "sha256": "ab" * 32, "growing": False}
    file = folder / "manifest.json"

    def read() -> Any:
        return [
            (member.name + member.sha256, member.size + member.mode)
            for member in manifest.members_in(file.read_bytes()).values()
        ]

    return StateFile(file, json.dumps({"members": [row]}).encode(), read, (manifest.Broken,))
