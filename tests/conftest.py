"""What drives real phones takes real time: `make check` leaves it to `make test`."""

import ctypes
import os
import subprocess
from pathlib import Path

import pytest

CLONE_NEWNET = 0x40000000
CLONE_NEWNS = 0x00020000

HERE = Path(__file__).parent
REAL_TIME = (HERE / "system", HERE / "phones")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them `system`."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in REAL_TIME):
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def own_network() -> None:
    """Move this process into a network namespace that holds nothing but loopback, and may mount small disks."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | CLONE_NEWNS) != 0:
        reason = os.strerror(ctypes.get_errno())
        pytest.exit(f"the system tests need a network namespace ({reason}); run them with: make test", 4)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)  # what is mounted here is seen here alone
