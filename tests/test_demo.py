import socket
from pathlib import Path

import pytest

from ivr.checks import CannotStart
from ivr.demo import Demo
from ivr.rules import load_rules
from ivr.secrets import Secrets
from tests.city import SYSTEM_TEST, settings_in


def demo(folder: Path, *keys: str, **given: object) -> Demo:
    return Demo(settings_in(folder, **given), load_rules(SYSTEM_TEST), Secrets(folder / "secrets.json"), keys)


@pytest.mark.parametrize(
    ("keys", "officers"),
    [
        (("1", "3"), ["damkar_1", "damkar_2"]),
        (("2", "1"), ["psc119", "damkar_2"]),
        (("3", "1"), ["polresta"]),
        (("3", "3", "1"), ["polresta"]),
        (("3", "3", "2"), ["damkar_2"]),
        (("4",), ["dishub"]),
        (("0",), []),
        (("9", "1"), []),
        ((), []),
    ],
)
def test_the_phones_of_the_plan_and_the_operators_are_switched_on(
    keys: tuple[str, ...], officers: list[str], tmp_path: Path
) -> None:
    assert demo(tmp_path, *keys).accounts() == [*officers, "operator1", "operator2"]


def test_a_line_in_two_steps_is_one_phone(tmp_path: Path) -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8").replace(
        "langkah: [dishub]", "langkah: [dishub, [dishub, polresta]]"
    )
    twice = Demo(settings_in(tmp_path), load_rules(text), Secrets(tmp_path / "secrets.json"), ["4"])
    assert twice.accounts()[:2] == ["dishub", "polresta"]


def test_without_a_server_no_phone_is_switched_on_and_no_password_made(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="make run"):
        demo(tmp_path, "1", sip_port=1).run(lambda _record, _event: None)
    assert list(tmp_path.iterdir()) == []


def test_a_server_without_demo_accounts_is_not_called(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CannotStart, match="IVR_DEMO"):
            demo(tmp_path, "1", sip_port=port, demo=False).run(lambda _record, _event: None)
