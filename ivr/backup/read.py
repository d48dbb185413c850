"""Reading the file of a backup in one pass: nothing in it is trusted."""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ivr.backup.manifest import ABOUT, MANIFEST, ROOTS, About, Broken, Contents, Member, about_in, members_in
from ivr.messages import say

PIECE = 1 << 20  # bytes
MOST_JSON = 256 << 20  # bytes; the manifest of a million recordings has 200 MB

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Head:
    """A member as its reading begins: `first` are its first bytes (up to a megabyte), `mtime` epoch seconds."""

    name: str
    size: int
    mode: int
    mtime: float
    first: bytes


Receive = Callable[[Head], BinaryIO | None]


def read(path: Path, receive: Receive = lambda _: None, told: Told = lambda _: None) -> Contents:
    """Read the file to its end and hold every member against the manifest.

    `receive` may give an open file for a member's bytes, which is closed then. Raises Broken (the text names the
    member at which the reading ended), and OSError.
    """
    reading = _Reading(path, receive, told)
    try:
        with gzip.open(path) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            reading.run(tar)
            rest = packed.read(tarfile.RECORDSIZE + 1)  # what is left of the zeros that end a tar
            if len(rest) > tarfile.RECORDSIZE or rest.strip(b"\0"):
                raise Broken(say("backup.damaged", place=path.name, reason=say("backup.more")))
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise reading.broken(str(error)) from error
    except (ArithmeticError, LookupError, ValueError, RecursionError, MemoryError) as error:  # made up, to harm us
        raise reading.broken(type(error).__name__) from error
    return reading.contents()


def read_about(path: Path) -> About:
    """What the first member says, without reading the rest. Raises Broken, OSError."""
    try:
        with gzip.open(path) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            info = tar.next()
            if info is None or info.name != ABOUT or info.size > MOST_JSON:
                raise Broken(say("backup.no_backup", path=path))
            file = tar.extractfile(info)
            return about_in(file.read() if file else b"")
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise Broken(say("backup.no_backup", path=path)) from error


class _Reading:
    """What was met on the way through one file."""

    def __init__(self, path: Path, receive: Receive, told: Told) -> None:
        self.place = path.name
        self._path, self._receive, self._told = path, receive, told
        self._met: dict[str, Member] = {}
        self._json: dict[str, bytes] = {}

    def run(self, tar: tarfile.TarFile) -> None:
        """Every member of the tar, in order. Raises Broken."""
        while (info := tar.next()) is not None:
            self.place = _shown(info.name)
            if reason := self._refused(info):
                raise Broken(say("backup.refused", place=self.place, reason=say(f"backup.{reason}")))
            self._met[info.name] = self._read(tar, info)
            tar.members = []  # type: ignore[attr-defined]  # else it keeps every header in memory
        self.place = self._path.name

    def broken(self, reason: str) -> Broken:
        """The file is damaged where the reading is now, or no backup at all."""
        if not self._met:
            return Broken(say("backup.no_backup", path=self._path))
        return Broken(say("backup.damaged", place=self.place, reason=reason))

    def contents(self) -> Contents:
        """What the manifest lists, which must be what was met. Raises Broken."""
        if not self._met:
            raise self.broken("")
        if MANIFEST not in self._met:
            raise Broken(say("backup.cut", place=_shown(list(self._met)[-1])))
        listed = members_in(self._json[MANIFEST])
        met = {name: member for name, member in self._met.items() if name != MANIFEST}
        for name in [*met, *listed]:
            if not _same(met.get(name), listed.get(name)):
                raise Broken(say("backup.differs", place=_shown(name)))
        about = about_in(self._json[ABOUT])
        return Contents(about, tuple(member for name, member in listed.items() if name != ABOUT))

    def _refused(self, info: tarfile.TarInfo) -> str:
        """Why this member must not be there, "" when it may. Python 3.11.2 has no `tarfile.data_filter`."""
        name = info.name
        root, *rest = name.split("/")
        if info.type != tarfile.REGTYPE or info.sparse is not None:
            return "not_regular"
        if name in self._met or MANIFEST in self._met:
            return "twice"
        if not self._met or name == MANIFEST:
            ours = name == (MANIFEST if self._met else ABOUT)
            return "" if ours and info.size <= MOST_JSON else "unknown_name"
        if root not in ROOTS or not rest or not {"", ".", ".."}.isdisjoint(rest) or "\0" in name:
            return "unsafe_name"
        return "unsafe_mode" if info.mode & ~0o777 else ""

    def _read(self, tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
        file = tar.extractfile(info)
        if file is None:
            raise Broken(say("backup.refused", place=self.place, reason=say("backup.not_regular")))
        digest, piece = hashlib.sha256(), file.read(PIECE)
        own = info.name in {ABOUT, MANIFEST}
        if own:
            piece += file.read()
            self._json[info.name] = piece
        into = None if own else self._receive(Head(info.name, info.size, info.mode, info.mtime, piece))
        try:
            while piece:
                digest.update(piece)
                if into is not None:
                    into.write(piece)
                self._told(len(piece))
                piece = file.read(PIECE)
        finally:
            if into is not None:
                into.close()
        return Member(info.name, info.size, info.mode, digest.hexdigest())


def _same(met: Member | None, listed: Member | None) -> bool:
    if met is None or listed is None:
        return False
    return (met.size, met.mode, met.sha256) == (listed.size, listed.mode, listed.sha256)


def _shown(name: str) -> str:
    """A member's name as it may be printed, whatever somebody made it of."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in name[:200])
