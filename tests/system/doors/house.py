"""The guarded house: its rules, its trunk, and how its phones and logs are reached."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ivr.settings import Settings, load_settings
from tests.city import trunk
from tests.system.doors.strangers import Stranger
from tests.system.server import Server

SHIFT = 700
CARRIER = "127.0.0.5"
HERE, INSIDE, OUTSIDE = "10.112.0.1", "10.112.1.2", "10.112.2.2"  # this machine, and another with two addresses
STREET_LIGHTS = "+62536112233"

TRUNK = trunk(f"{CARRIER}:5999", CARRIER)

RULES = (
    Path(__file__)
    .parent.with_name("rules.yaml")
    .read_text(encoding="utf-8")
    .replace("dishub: {akun: dishub, detik: 5,", f'dishub: {{telepon: "{STREET_LIGHTS}", detik: 5,')
    .replace("polresta: {akun: polresta, detik: 5}", "polresta: {akun: polresta, detik: 5, terima: langsung}")
)
"""One line is a telephone number, so that the trunk is used at all; one accepts by picking up."""


def password(server: Server, account: str) -> str:
    return str(json.loads((server.state / "secrets.json").read_text())[account])


@contextmanager
def registered(phone: Stranger, server: Server, account: str, *headers: str) -> Iterator[None]:
    """Registered meanwhile, with a Contact among the headers if there is one."""
    known = password(server, account)
    for more in (60, 0):
        reply = phone.ask_as(account, known, "REGISTER", headers=[*headers, f"Expires: {more}"])
        assert reply
        assert reply.status == 200
        if more:
            yield


def settings_of(server: Server) -> Settings:
    given = {name[4:].lower(): value for name, value in server.environment.items() if name.startswith("IVR_")}
    return load_settings(**given)


def log_lines(server: Server, name: str) -> list[str]:
    return (server.state / "asterisk" / "log" / name).read_text(errors="replace").splitlines()
