"""A server for faults that leave its processes alive, one for each worker."""

from collections.abc import Iterator

import pytest

from tests.system.failures.scenes import agi_port, answers_on
from tests.system.server import Server, until


@pytest.fixture(scope="session")
def battered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Never used itself: see `sturdy`."""
    with Server(tmp_path_factory.mktemp("sturdy"), shift=900) as running:
        yield running


@pytest.fixture
def sturdy(battered: Server) -> Server:
    """The worker's server for faults, in good health and without open calls."""
    until(lambda: answers_on(agi_port(battered)), "open FastAGI port", 20)
    until(lambda: all(call.ended_at for call in battered.calls()), "end of earlier calls", 20)
    return battered
