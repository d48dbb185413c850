"""A network of our own: loopback and nothing else, so every port is free and nothing leaves the machine."""

import ctypes
import os
import subprocess

_CLONE_NEWNET = 0x40000000


class NoNamespace(Exception):
    """The system refused a network namespace; the text says what to do."""


def own_loopback() -> None:
    """Move this process, before it has threads, into a new network namespace. Raises NoNamespace."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise NoNamespace(f"no network namespace ({reason}): run the figures with `make bench`")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
