"""A file from anywhere: cut, damaged or made up to harm. It is refused with its place, or it is as it was."""

import gzip
import hashlib
import io
import json
import random
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from ivr.backup.keep import verify
from ivr.backup.make import make
from ivr.backup.manifest import About, Broken, Member
from ivr.backup.read import read, read_about
from ivr.backup.restore import CannotRestore, check_schema
from ivr.backup.write import writing
from tests.backup.installation import damaged, fill, installation, write

ABOUT = About(1, "0.1.0", "Kota", "host", "2026-11-22T03:15:00+00:00", "0001", "/var/lib/state", False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    return make(fill(installation(folder / "i")), folder / "nas").path.read_bytes()


@pytest.fixture
def small(tmp_path: Path) -> bytes:
    path = tmp_path / "small.tar.gz"
    with writing(path, ABOUT) as writer:
        writer.add("state/secrets.json", write(tmp_path / "secrets.json", b'{"a": "b"}'))
        writer.add("state/long", write(tmp_path / "long", random.Random(1).randbytes(30_000)))
    return path.read_bytes()


def test_a_whole_backup_is_told_from_its_parts(whole: bytes, tmp_path: Path) -> None:
    found = verify(write(tmp_path / "b.tar.gz", whole))
    assert found.settings == b"IVR_DEMO=no\n"
    assert found.contents.about.city == "Palangka Raya"
    assert found.contents.about.schema >= "0001"
    assert {member.name for member in found.contents.members} >= {"state/calls.sqlite", "rules/routing_rules.yaml"}


def test_a_backup_cut_anywhere_is_refused(small: bytes, tmp_path: Path) -> None:
    for length in {*range(0, len(small), 97), len(small) - 1, len(small) - 9}:
        with pytest.raises(Broken):
            read(write(tmp_path / "cut.tar.gz", small[:length]))


def test_a_flipped_bit_is_refused_or_changes_nothing(small: bytes, tmp_path: Path) -> None:
    good = read(write(tmp_path / "good.tar.gz", small))
    chance = random.Random(112)
    places = [*range(30), *range(len(small) - 12, len(small)), *(chance.randrange(len(small)) for _ in range(300))]
    refused = 0
    for place in places:
        flipped = bytearray(small)
        flipped[place] ^= 1 << chance.randrange(8)
        try:
            assert read(write(tmp_path / "flipped.tar.gz", bytes(flipped))) == good
        except Broken:
            refused += 1
    assert refused > 300


def test_a_flipped_byte_that_gzip_cannot_see_is_found_by_its_hash(whole: bytes, tmp_path: Path) -> None:
    plain = gzip.decompress(whole)
    at = plain.index(b"a waiting event")
    changed = plain[:at] + b"A" + plain[at + 1 :]
    with pytest.raises(Broken, match=r"state/journal/events\.log"):
        verify(write(tmp_path / "b.tar.gz", gzip.compress(changed)))


def test_what_follows_the_end_is_refused(small: bytes, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        read(write(tmp_path / "more.tar.gz", small + gzip.compress(b"more")))


def test_a_tar_may_end_anywhere_within_its_record(tmp_path: Path) -> None:
    for blocks in range(21):
        path = tmp_path / f"{blocks}.tar.gz"
        with writing(path, ABOUT) as writer:
            writer.add("state/x", write(tmp_path / "x", bytes(512 * blocks)))
        assert len(read(path).members) == 1


def test_a_file_that_is_no_backup_is_told_so(tmp_path: Path) -> None:
    for content in (b"", b"PK\3\4 something else", gzip.compress(b""), gzip.compress(b"text " * 1000)):
        path = write(tmp_path / "other.tar.gz", content)
        with pytest.raises(Broken):
            read(path)
        with pytest.raises(Broken):
            read_about(path)


def test_a_database_that_is_damaged_inside_is_found_though_every_hash_is_right(tmp_path: Path) -> None:
    places = fill(installation(tmp_path / "i"))
    damaged(places.settings.database)
    path = tmp_path / "b.tar.gz"
    with writing(path, ABOUT) as writer:
        writer.add("state/calls.sqlite", places.settings.database)
    read(path)
    with pytest.raises(Broken, match=r"state/calls\.sqlite"):
        verify(path)


@pytest.mark.parametrize("content", [b"", bytes(4096), b"garbage"])
def test_a_record_of_calls_that_is_no_database_makes_a_backup_unsound(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    with writing(path, ABOUT) as writer:
        writer.add("state/calls.sqlite", write(tmp_path / "calls.sqlite", content))
    read(path)
    with pytest.raises(Broken, match=r"state/calls\.sqlite"):
        verify(path)


def test_a_record_of_calls_without_a_table_makes_a_backup_unsound(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "calls.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 1")
    path = tmp_path / "b.tar.gz"
    with writing(path, ABOUT) as writer:
        writer.add("state/calls.sqlite", tmp_path / "calls.sqlite")
    with pytest.raises(Broken, match=r"state/calls\.sqlite.*kosong"):
        verify(path)


def test_a_backup_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.tar.gz"
    with writing(path, About(**{**asdict(ABOUT), "format": 2, "program": "9.0"})) as _:
        pass
    with pytest.raises(Broken, match=r"9\.0"):
        read(path)
    with pytest.raises(CannotRestore, match=r"9999.*0\.1\.0"):
        check_schema(About(**{**asdict(ABOUT), "schema": "9999"}))
    check_schema(ABOUT)


# Made up.


def entry(
    name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, mode: int = 0o600, link: str = ""
) -> bytes:
    """One member as raw tar, without the end of the archive."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, link
    info.size = len(content) if kind == tarfile.REGTYPE else 0
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(info, io.BytesIO(content))
        return out.getvalue()


def hostile(path: Path, *entries: bytes) -> Path:
    """A backup that holds these members, and an honest manifest of them."""
    listed, met = [], io.BytesIO(b"".join([about(), *entries]) + bytes(1024))
    with tarfile.open(fileobj=met) as tar:
        for info in tar:
            file = tar.extractfile(info) if info.type == tarfile.REGTYPE else None
            content = file.read() if file else b""
            listed.append(asdict(Member(info.name, info.size, info.mode, hashlib.sha256(content).hexdigest())))
    manifest = entry("manifest.json", json.dumps({"members": listed}).encode())
    whole = b"".join([about(), *entries, manifest]) + bytes(1024)
    return write(path, gzip.compress(whole))


def about() -> bytes:
    return entry("about.json", json.dumps(asdict(ABOUT)).encode())


HOSTILE: dict[str, tuple[bytes, ...]] = {
    "absolute": (entry("/etc/cron.d/x"),),
    "absolute below a root": (entry("state//etc/passwd"),),
    "up": (entry("state/../../x"),),
    "up at once": (entry("../x"),),
    "here": (entry("state/./x"),),
    "root alone": (entry("state"),),
    "other root": (entry("home/x"),),
    "symbolic link": (entry("state/x", kind=tarfile.SYMTYPE, link="/etc/passwd"),),
    "through a link": (entry("state/x", kind=tarfile.SYMTYPE, link="/tmp"), entry("state/x/y")),
    "hard link": (entry("state/x", kind=tarfile.LNKTYPE, link="/etc/passwd"),),
    "device": (entry("state/x", kind=tarfile.CHRTYPE),),
    "pipe": (entry("state/x", kind=tarfile.FIFOTYPE),),
    "folder": (entry("state/x/", kind=tarfile.DIRTYPE),),
    "twice": (entry("state/x"), entry("state/x", b"y")),
    "set user id": (entry("state/x", mode=0o4755),),
    "second about": (entry("about.json"),),
    "after the manifest": (entry("manifest.json", b'{"members": []}'), entry("state/x")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_member_made_to_harm_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    path = hostile(tmp_path / "bad.tar.gz", *HOSTILE[name])
    with pytest.raises(Broken):
        read(path)
    assert [one.name for one in tmp_path.iterdir()] == ["bad.tar.gz"]


def test_the_same_without_harm_is_taken(tmp_path: Path) -> None:
    found = read(hostile(tmp_path / "good.tar.gz", entry("state/x"), entry("state/y/z", b"", mode=0o755)))
    assert [member.name for member in found.members] == ["state/x", "state/y/z"]


CHANGES: dict[str, Callable[[dict[str, object]], object]] = {
    "a hash": lambda row: row.update(sha256="0" * 64),
    "a size": lambda row: row.update(size=7),
    "a mode": lambda row: row.update(mode=0o777),
    "a name": lambda row: row.update(name="state/other"),
    "a type": lambda row: row.update(size=None, name=[1]),
    "a key": lambda row: row.update(unknown=1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_manifest_that_says_otherwise_is_refused(name: str, tmp_path: Path) -> None:
    row = asdict(Member("state/x", 1, 0o600, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"))
    CHANGES[name](row)
    own = json.dumps(asdict(ABOUT)).encode()
    first = asdict(Member("about.json", len(own), 0o600, hashlib.sha256(own).hexdigest()))
    manifest = entry("manifest.json", json.dumps({"members": [first, row]}).encode())
    path = write(tmp_path / "b.tar.gz", gzip.compress(about() + entry("state/x") + manifest + bytes(1024)))
    with pytest.raises(Broken):
        read(path)


def test_a_name_with_control_characters_is_shown_escaped(tmp_path: Path) -> None:
    with pytest.raises(Broken, match=r"\\x1b\[2J") as refused:
        read(hostile(tmp_path / "b.tar.gz", entry("x\x1b[2J/y")))
    assert "\x1b" not in str(refused.value)
