"""A network and a small disk of our own: nothing of a run leaves it, and a full disk is full for nobody else."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNS = 0x20000
_CLONE_NEWNET = 0x40000000
DISK = 60  # MB
A_CALL = 60  # kB that a call leaves behind: CEL, journal, database, Asterisk's logs


class NoNamespace(Exception):
    """The system refused; the text says what to do."""


def own_loopback_and_mounts() -> None:
    """Move this process, before it has threads, into network and mount namespaces of its own. Raises NoNamespace."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET | _CLONE_NEWNS) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise NoNamespace(f"no namespaces ({reason}): run it with `make chaos`")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


@contextmanager
def small_disk(folder: Path, calls: int) -> Iterator[None]:
    """`folder` is a small disk in memory meanwhile, with room for what the calls write. Raises NoNamespace."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        options = ["-o", f"size={DISK + calls * A_CALL // 1000}m,mode=0750", "chaos", str(folder)]
        subprocess.run(["mount", "-t", "tmpfs", *options], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        raise NoNamespace(f"no disk of its own: {error.stderr.decode().strip()}") from error
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
