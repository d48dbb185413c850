"""What drives real phones takes real time: `make check` leaves it to `make test`."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
REAL_TIME = (HERE / "system", HERE / "phones")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them `system`."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in REAL_TIME):
            item.add_marker(pytest.mark.system)
