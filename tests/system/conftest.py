"""Every worker has a network namespace of its own: all tests may use port 5060 and run beside each other."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ivr.phones import sounds
from ivr.phones.baresip import Phone
from tests.system.server import Server

CITIZEN_HERTZ, OFFICER_HERTZ = 700, 1200


@pytest.fixture(scope="session", autouse=True)
def apart(own_network: None) -> None:
    """All of these tests run in the worker's own network."""


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What people on the phones sound like: a tone for the citizen, another for officers and operators."""
    folder = tmp_path_factory.mktemp("voices")
    return {
        "citizen": sounds.tone(folder / "citizen.wav", CITIZEN_HERTZ),
        "officer": sounds.tone(folder / "officer.wav", OFFICER_HERTZ),
    }


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The worker's running server, shared by its tests."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test, which may break it."""
    with Server(tmp_path, shift=100) as running:
        yield running


PhoneMaker = Callable[..., Phone]


@pytest.fixture
def switch_on(voices: dict[str, Path]) -> Iterator[Callable[[Server, str], Phone]]:
    """Switch on phones of a server's accounts and wait until they are registered; off again at the end."""
    with ExitStack() as phones:

        def start(server: Server, account: str) -> Phone:
            voice = voices["citizen" if account == "warga" else "officer"]
            phone = phones.enter_context(server.phone(account, microphone=voice))
            phone.wait_registered()
            return phone

        yield start
