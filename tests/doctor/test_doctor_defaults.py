from pathlib import Path

import pytest

from ivr.doctor.defaults import is_weak
from ivr.doctor.model import Level
from ivr.secrets import Secrets
from ivr.settings import PROJECT
from tests.doctor.installation import ANY, context, found, only


@pytest.mark.parametrize(
    ("demo", "address", "expected"),
    [
        (True, "127.0.0.1", Level.NOTE),
        (True, ANY, Level.WARNING),
        (True, "10.1.2.3", Level.WARNING),
        (False, "10.1.2.3", Level.OK),
    ],
)
def test_the_demonstration_is_for_this_machine_alone(
    demo: bool, address: str, expected: Level, tmp_path: Path
) -> None:
    assert only("demo", context(tmp_path, {"demo": demo, "sip_address": address})).level is expected


@pytest.mark.parametrize(
    ("account", "password"),
    [
        ("damkar_1", "pendek"),
        ("operator1", "operator1operator1"),
        ("manager", "123456789012345"),
        ("siaga", "Password-2026!"),
        ("siaga", "aaaaaaaaaaaaaaaa"),
        ("manager", ""),
    ],
)
def test_a_password_that_would_be_guessed_is_an_error_that_names_the_account_and_not_the_password(
    account: str, password: str, tmp_path: Path
) -> None:
    finding = only("passwords", context(tmp_path, secrets={account: password, "pln": "kx7mq2vzt9wd4hrb"}))
    assert finding.level is Level.ERROR
    assert f": {account}" in finding.text
    assert not password or password not in finding.text + finding.remedy


def test_passwords_that_we_make_are_never_called_weak(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets.json")
    assert not any(is_weak(name, secrets[f"{name}{n}"]) for name in ("pln", "operator1") for n in range(50))


def test_a_broken_file_of_passwords_is_an_error(tmp_path: Path) -> None:
    finding = only("passwords", context(tmp_path, secrets_trouble="Berkas sandi rusak"))
    assert (finding.level, finding.text) == (Level.ERROR, "Berkas sandi rusak")


@pytest.mark.parametrize("name", ["trunk-ip.conf", "trunk-register.conf", "trunk-tls.conf"])
def test_our_own_examples_are_not_a_trunk(name: str, tmp_path: Path) -> None:
    finding = only("trunk_file", context(tmp_path, {"trunk_file": PROJECT / "asterisk-config" / "examples" / name}))
    assert finding.level is Level.ERROR
    assert ("192.0.2.10" in finding.text) or ("example.net" in finding.text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("contact = sip:10.20.30.40:5060 ; not 192.0.2.10", Level.OK),
        ("contact = sip:trunk.telkom.co.id\\;transport=tls", Level.OK),
        ("password = change-me", Level.ERROR),
        ("password =", Level.ERROR),
        ("password = kx7mq2vzt9wd4hrb", Level.OK),
        ("match = 203.0.113.7/32", Level.ERROR),
        ("match = 999.0.113.7", Level.OK),
    ],
)
def test_what_is_left_of_the_examples_is_found(text: str, expected: Level, tmp_path: Path) -> None:
    (tmp_path / "trunk.conf").write_text(f"[trunk]\n{text}\n")
    assert only("trunk_file", context(tmp_path, {"trunk_file": tmp_path / "trunk.conf"})).level is expected


def test_without_a_trunk_there_is_nothing_to_fill_in(tmp_path: Path) -> None:
    assert found("trunk_file", context(tmp_path)) == []


@pytest.mark.parametrize(
    ("address", "networks", "expected"),
    [
        ("127.0.0.1", (), Level.OK),
        (ANY, (), Level.WARNING),
        ("36.66.1.1", (), Level.WARNING),
        ("10.1.2.3", (), Level.NOTE),
        (ANY, ("10.0.0.0/8",), Level.OK),
    ],
)
def test_sip_open_to_the_whole_internet_is_a_warning(
    address: str, networks: tuple[str, ...], expected: Level, tmp_path: Path
) -> None:
    here = context(tmp_path, {"sip_address": address, "sip_networks": networks})
    assert only("networks", here).level is expected
