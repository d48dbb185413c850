"""Disk space kept for files that must still grow when the disk is full.

`fallocate(2)` with FALLOC_FL_KEEP_SIZE gives a file blocks behind its end, and whoever appends to it uses them. The
size and the content of the file do not change. ext4, xfs and tmpfs can; others say EOPNOTSUPP.
"""

import ctypes
import errno
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

KEEP_SIZE = 0x01  # FALLOC_FL_KEEP_SIZE, linux/falloc.h
BLOCK = 512  # bytes, the unit of st_blocks

_libc = ctypes.CDLL(None, use_errno=True)


def kept(path: Path) -> int:
    """Bytes the file may still grow by on a full disk (0 when it is not there). Raises OSError."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    return max(0, found.st_blocks * BLOCK - found.st_size)


def keep(path: Path, size: int) -> bool:
    """See to it that the file may still grow by about `size` bytes; makes it when it is not there.

    Nothing is done while more than half of that is left. False when the file system cannot keep space.
    Raises OSError: the disk is full already, or the file cannot be opened.
    """
    if kept(path) > size // 2:
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        end = os.fstat(descriptor).st_size
        return _fallocate(descriptor, end, size)
    finally:
        os.close(descriptor)


def _fallocate(descriptor: int, start: int, size: int) -> bool:
    if _libc.fallocate(descriptor, KEEP_SIZE, ctypes.c_int64(start), ctypes.c_int64(size)) == 0:
        return True
    number = ctypes.get_errno()
    if number in {errno.EOPNOTSUPP, errno.ENOSYS}:
        return False
    raise OSError(number, os.strerror(number))
