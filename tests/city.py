"""An installation for one test: settings below one folder, two cities' rules, a trunk, prompts without a voice."""

import math
import socket
import struct
import wave
from collections.abc import Iterable
from pathlib import Path

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from ivr.settings import PROJECT, Settings

SHIPPED = PROJECT / "routing_rules.yaml"
SYSTEM_TEST = PROJECT / "tests" / "system" / "rules.yaml"


class GivenSettings(Settings):
    """Settings that hear nothing from the environment or a developer's `.env`."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def settings_in(folder: Path, **given: object) -> Settings:
    """The defaults, with every folder that is written to below `folder`."""
    places = {"state": folder / "state", "recordings": folder / "calls", "prompts": folder, "cache": folder / "cache"}
    return GivenSettings(**{**places, **given})  # type: ignore[arg-type]


def trunk(contact: str, match: str = "127.0.0.1/32") -> str:
    """A trunk file: the carrier is called at `contact` (host:port); whoever calls from `match` is the carrier."""
    return f"""
[trunk](trunk-endpoint)
aors = trunk

[trunk]
type = aor
contact = sip:{contact}

[trunk]
type = identify
endpoint = trunk
match = {match}
"""


def write_clips(folder: Path, names: Iterable[str], seconds: float = 0.05) -> None:
    """A short tone for each clip, every one of another pitch."""
    folder.mkdir(parents=True, exist_ok=True)
    for position, name in enumerate(names):
        pitch = 2 * math.pi * (200 + 20 * position) / 8000
        samples = [round(9000 * math.sin(pitch * moment)) for moment in range(round(seconds * 8000))]
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def free_ports(count: int) -> list[int]:
    """TCP ports of 127.0.0.1 that nobody uses now, all different."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
