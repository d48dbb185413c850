"""Phones talk to each other in the worker's own network, where SIPp may open raw sockets without being root."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def apart(own_network: None) -> None:
    """All of these tests run in the worker's own network."""
