"""A server with a trunk, a carrier that counts, another machine, and a stranger."""

from collections.abc import Iterator

import pytest

from tests.system.doors.house import (
    CARRIER,
    HERE,
    INSIDE,
    OUTSIDE,
    RULES,
    SHIFT,
    TRUNK,
)
from tests.system.doors.strangers import (
    Carrier,
    Elsewhere,
    Stranger,
    another_machine,
)
from tests.system.server import Server


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    """Another machine on the city's network."""
    with another_machine(HERE, INSIDE, OUTSIDE) as there:
        yield there


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Iterator[Server]:
    """A server on all addresses that hears one network."""
    folder = tmp_path_factory.mktemp("guarded")
    rules, trunk = folder / "base.yaml", folder / "trunk.conf"
    rules.write_text(RULES, encoding="utf-8")
    trunk.write_text(TRUNK, encoding="utf-8")
    settings = {
        "IVR_TRUNK_FILE": str(trunk),
        "IVR_SIP_ADDRESS": "0.0.0.0",  # noqa: S104 as cities with several networks have it
        "IVR_SIP_NETWORKS": "10.112.1.0/24",
    }
    with Server(folder, rules=rules, shift=SHIFT, settings=settings) as running:
        yield running


@pytest.fixture
def carrier(guarded: Server) -> Iterator[Carrier]:
    """The city's carrier, who was not called before."""
    with Carrier(guarded.registrar, CARRIER, 5999) as answering:
        yield answering


@pytest.fixture
def stranger(guarded: Server) -> Iterator[Stranger]:
    """Somebody on this machine, which the server hears."""
    with Stranger(guarded.registrar) as somebody:
        yield somebody
