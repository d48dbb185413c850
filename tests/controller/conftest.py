"""The city of the tests and a desk in it."""

from pathlib import Path

import pytest

from ivr.rules import Rules, load_rules
from tests.city import SYSTEM_TEST
from tests.controller.desk import Desk


@pytest.fixture(scope="session")
def city() -> Rules:
    return load_rules(SYSTEM_TEST)


@pytest.fixture
def desk(tmp_path: Path, city: Rules) -> Desk:
    return Desk(tmp_path, city)
