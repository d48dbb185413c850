"""A disk that is really full: a small tmpfs in a mount namespace of a child process."""

import subprocess
import sys
from pathlib import Path

from ivr.calls.reserve import keep, kept

FULL_DISK = """
import errno, sys
from pathlib import Path
from ivr.calls.events import Kind, happened
from ivr.calls.growing import Position
from ivr.calls.journal import Journal
from ivr.calls.reserve import keep, kept

disk = Path(sys.argv[1])
journal = Journal(disk / "events.log")
assert keep(journal.path, 1 << 20)
assert kept(journal.path) >= 1 << 20
assert journal.path.stat().st_size == 0
try:
    (disk / "filling").write_bytes(bytes(16 << 20))
except OSError as error:
    assert error.errno == errno.ENOSPC
events = [happened("ivr112-1.2", Kind.KEY_PRESSED, question="area", keys=str(n)) for n in range(2000)]
for start in range(0, 2000, 100):
    journal.append(events[start:start + 100])
written = 2000
try:
    while True:
        journal.append(events[:100])
        written += 100
except OSError as error:
    assert error.errno == errno.ENOSPC
position, found = Position(), 0
while True:
    piece = journal.read(position)
    found, position = found + len(piece.events), piece.position
    if not piece.more:
        break
assert written <= found < written + 100, (written, found)
(disk / "filling").unlink()
journal.append(events[:1])
assert keep(journal.path, 1 << 20)
print("kept", written)
"""


def test_a_journal_with_space_kept_for_it_goes_on_when_the_disk_is_full(tmp_path: Path) -> None:
    mounted = f'mount -t tmpfs -o size=8m full "{tmp_path}" && exec "{sys.executable}" -c "$0" "{tmp_path}"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, FULL_DISK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("kept")


def test_space_is_kept_behind_the_end_and_not_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "calls.csv"
    assert kept(file) == 0
    assert keep(file, 1 << 20)
    assert (file.stat().st_size, file.stat().st_mode & 0o077) == (0, 0)
    assert kept(file) >= 1 << 20
    with file.open("ab") as end:
        end.write(b"x" * 700_000)
    assert kept(file) < 500_000
    assert keep(file, 1 << 20)
    assert kept(file) >= 1 << 20
    assert file.read_bytes() == b"x" * 700_000
