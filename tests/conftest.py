"""What drives real phones takes real time: `make check` leaves it to `make test`."""

import ctypes
import gc
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

CLONE_NEWNET = 0x40000000
CLONE_NEWNS = 0x00020000

HERE = Path(__file__).parent
REAL_TIME = (HERE / "system", HERE / "phones")

settings.register_profile("untimed", deadline=None)  # a busy machine is no defect
settings.load_profile("untimed")

gc.disable()  # while all is imported: nothing of it is garbage, and looking through it takes seconds


def pytest_collection_finish() -> None:
    """What is there now stays to the end: from here on only what the tests make is looked through for garbage."""
    gc.freeze()
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where they are not wanted they are not even read."""
    return True if collection_path in REAL_TIME and "not system" in config.option.markexpr else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them `system`; what takes minutes is begun first, so that no worker is left with it at the end."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in REAL_TIME):
            item.add_marker(pytest.mark.system)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def own_network() -> None:
    """Move this process into a network namespace that holds nothing but loopback, and may mount small disks."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | CLONE_NEWNS) != 0:
        reason = os.strerror(ctypes.get_errno())
        pytest.exit(f"the system tests need a network namespace ({reason}); run them with: make test", 4)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)  # what is mounted here is seen here alone
