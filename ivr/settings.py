"""Every setting of an installation, with its default: `IVR_...` in the environment or in the file `.env`.

Relative paths are taken from the project folder. `ivr settings` prints this table with the values in force.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyAddress, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ivr.messages import say

PROJECT = Path(__file__).resolve().parent.parent

Port = Annotated[int, Field(ge=1, le=65535)]


def _under_home(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "ivr112"


def _absolute(path: Path) -> Path:
    return PROJECT / path.expanduser()


Folder = Annotated[Path, AfterValidator(_absolute)]


class SettingsError(Exception):
    """A setting that cannot be used; the text names the setting and the remedy, in Indonesian."""


class Settings(BaseSettings):
    """The settings, read once at start."""

    model_config = SettingsConfigDict(env_prefix="IVR_", env_file=".env", extra="forbid", frozen=True)

    rules_file: Folder = Field(Path("routing_rules.yaml"), description="the rules the city's admin edits")
    recordings: Folder = Field(Path("recordings/calls"), description="where calls are recorded")
    prompts: Folder = Field(Path("recordings"), description="prompts.yaml, studio/ and built/")
    state: Folder = Field(
        default_factory=lambda: _under_home("XDG_STATE_HOME", ".local/state"),
        description="database, secrets, logs and the generated Asterisk configuration",
    )
    cache: Folder = Field(
        default_factory=lambda: _under_home("XDG_CACHE_HOME", ".cache"),
        description="the downloaded Asterisk, shared by all clones of one user",
    )
    asterisk: Literal["auto", "system", "cached"] = Field(
        "auto",
        description="which Asterisk: the system's own (>= 20), the downloaded one, or whichever is there",
    )
    sip_address: IPvAnyAddress = Field(
        IPvAnyAddress("127.0.0.1"),  # type: ignore[operator]
        validate_default=True,
        description="address phones and trunks reach us at; 127.0.0.1 = this machine only",
    )
    sip_port: Port = Field(5060, description="SIP over UDP and TCP")
    sip_tls_port: int = Field(0, ge=0, le=65535, description="SIP over TLS; 0 = off")
    tls_certificate: Folder | None = Field(None, description="PEM file: certificate chain")
    tls_key: Folder | None = Field(None, description="PEM file: private key")
    media_encryption: Literal["no", "sdes"] = Field("no", description="sdes = phones must use SRTP")
    rtp_first: Port = Field(10000, description="first UDP port for speech")
    rtp_last: Port = Field(10999, description="last UDP port for speech")
    agi_port: Port = Field(4573, description="the controller's FastAGI port (loopback only)")
    ami_port: Port = Field(5038, description="Asterisk's manager port (loopback only)")
    trunk_file: Folder | None = Field(None, description="PJSIP sections of the city's trunk")
    demo: bool = Field(True, description="create the citizen's demo phone account `warga`")
    allow_root: bool = Field(False, description="let the services run as root (tests and containers only)")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="of the controller")

    @cached_property
    def database(self) -> Path:
        """The SQLite file of the calls."""
        return self.state / "calls.sqlite"

    @cached_property
    def asterisk_etc(self) -> Path:
        """Asterisk's configuration folder: a copy of asterisk-config/ with the generated parts."""
        return self.state / "asterisk" / "etc"

    @cached_property
    def asterisk_log(self) -> Path:
        """Asterisk's log folder, which holds the CDR and CEL files too."""
        return self.state / "asterisk" / "log"

    @cached_property
    def cel_file(self) -> Path:
        """Asterisk's own journal of every call."""
        return self.asterisk_log / "cel-custom" / "calls.csv"

    @cached_property
    def built_prompts(self) -> Path:
        """The folder of finished prompt files, 8 kHz mono s16 WAV."""
        return self.prompts / "built"


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment and `.env`; raises SettingsError naming each wrong one and the remedy."""
    try:
        settings = Settings(_env_file=PROJECT / ".env", **overrides)  # type: ignore[call-arg, arg-type]
    except ValidationError as error:
        lines = [
            say(
                "settings.wrong",
                name=f"IVR_{_field(problem['loc'])}",
                value=problem["input"],
                reason=problem["msg"],
            )
            for problem in error.errors()
        ]
        raise SettingsError("\n".join(lines)) from error
    if settings.rtp_last - settings.rtp_first < 20:
        raise SettingsError(say("settings.rtp", first=settings.rtp_first, last=settings.rtp_last))
    if settings.sip_tls_port and not (settings.tls_certificate and settings.tls_key):
        raise SettingsError(say("settings.tls"))
    return settings


def _field(location: tuple[int | str, ...]) -> str:
    return str(location[0]).upper().removeprefix("IVR_") if location else "?"
