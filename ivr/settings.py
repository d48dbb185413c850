"""Every setting of an installation, with its default: `IVR_...` in the environment or in the file `.env`.

Relative paths are taken from the project folder. `ivr settings` prints this table with the values in force.
"""

import os
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    IPvAnyAddress,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ivr.messages import say

PROJECT = Path(__file__).resolve().parent.parent

SECRETS = {"alarm_url"}  # may hold a password
OPTIONAL = ("alarm_url", "http_address", "http_port", "heartbeat_minutes", "heartbeat_number", "backups", "log_level")
HIDDEN = "..."

Port = Annotated[int, Field(ge=1, le=65535)]


def _under_home(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path("~", fallback)) / "ivr112"


def _absolute(path: Path) -> Path:
    try:
        return PROJECT / path.expanduser()
    except RuntimeError as error:  # an unknown user, or a user without a home
        raise PydanticCustomError("no_home", "no home directory") from error


def _writable_in_configuration(path: Path) -> Path:
    """These paths stand in Asterisk's files and in arguments of its applications, where much has a meaning."""
    if refused := re.search(r"[^\w /.+=@~-]", str(path)):
        raise PydanticCustomError("path_character", "a character with a meaning", {"character": refused[0]})
    return path


def _listed(value: object) -> object:
    """`10.0.0.0/8, 192.0.2.1` as its parts."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def is_web_address(url: str) -> bool:
    """Whether something can be sent there by HTTP."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not match
        return False
    return known and url.isascii() and url.isprintable() and " " not in url


def _web_address(given: SecretStr) -> SecretStr:
    if given.get_secret_value() and not is_web_address(given.get_secret_value()):
        raise PydanticCustomError("web_address", "no web address")
    return given


Folder = Annotated[Path, AfterValidator(_absolute)]
AsteriskPath = Annotated[Path, AfterValidator(_absolute), AfterValidator(_writable_in_configuration)]


class SettingsError(Exception):
    """A setting that cannot be used; the text names the setting and the remedy, in Indonesian."""


class Settings(BaseSettings):
    """The settings, read once at start."""

    model_config = SettingsConfigDict(
        env_prefix="IVR_", env_file=".env", env_ignore_empty=True, extra="forbid", frozen=True
    )

    rules_file: Folder = Field(Path("routing_rules.yaml"), description="the rules the city's admin edits")
    recordings: AsteriskPath = Field(Path("recordings/calls"), description="where calls are recorded")
    prompts: AsteriskPath = Field(Path("recordings"), description="prompts.yaml, studio/ and built/")
    state: AsteriskPath = Field(
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
    tls_certificate: AsteriskPath | None = Field(None, description="PEM file: certificate chain")
    tls_key: AsteriskPath | None = Field(None, description="PEM file: private key")
    media_encryption: Literal["no", "sdes"] = Field("no", description="sdes = phones must use SRTP")
    rtp_first: Port = Field(10000, description="first UDP port for speech")
    rtp_last: Port = Field(10999, description="last UDP port for speech")
    agi_port: Port = Field(4573, description="the controller's FastAGI port (loopback only)")
    ami_port: Port = Field(5038, description="Asterisk's manager port (loopback only)")
    sip_networks: Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (), description="networks phones and trunks may come from (10.0.0.0/8,203.0.113.5); empty = any"
    )
    http_address: IPvAnyAddress = Field(
        IPvAnyAddress("127.0.0.1"),  # type: ignore[operator]
        validate_default=True,
        description="where /live, /ready and /metrics are asked",
    )
    http_port: int = Field(8112, ge=0, le=65535, description="their port; 0 = off")
    alarm_url: Annotated[SecretStr, AfterValidator(_web_address)] = Field(
        SecretStr(""), description="gets a POST with JSON when an alarm begins or ends"
    )
    heartbeat_minutes: int = Field(5, ge=0, le=1440, description="between two test calls to ourselves; 0 = never")
    heartbeat_number: str = Field(
        "", pattern=r"^[0-9*#+]{0,20}$", description="our own number, dialled through the trunk; empty = without it"
    )
    backups: Folder = Field(
        default_factory=lambda: _under_home("XDG_STATE_HOME", ".local/state").with_name("ivr112-backups"),
        description="where `ivr backup` writes; better on another disk",
    )
    trunk_file: Folder | None = Field(None, description="PJSIP sections of the city's trunk")
    demo: bool = Field(True, description="create the citizen's demo phone account `warga`")
    allow_root: bool = Field(False, description="let the services run as root (tests and containers only)")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="of the controller")

    @cached_property
    def database(self) -> Path:
        """The SQLite file of the calls."""
        return self.state / "calls.sqlite"

    @cached_property
    def journal(self) -> Path:
        """Where the controller writes down every event first."""
        return self.state / "journal" / "events.log"

    @cached_property
    def health(self) -> Path:
        """Where alarms, restarts and the last test call are kept."""
        return self.state / "health"

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
    def cdr_file(self) -> Path:
        """Asterisk's classic record, a line for every leg."""
        return self.asterisk_log / "cdr-custom" / "calls.csv"

    @cached_property
    def built_prompts(self) -> Path:
        """The folder of finished prompt files, 8 kHz mono s16 WAV."""
        return self.prompts / "built"


class Forgiving(Settings):
    """The same, with names that nobody knows passed over."""

    model_config = SettingsConfigDict(extra="ignore")


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment and `.env`; raises SettingsError naming each wrong one and the remedy."""
    file = PROJECT / ".env"
    try:
        settings = Settings(_env_file=file, **overrides)  # type: ignore[call-arg, arg-type]
    except ValidationError as error:
        raise SettingsError("\n".join(map(_wrong, error.errors()))) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(say("settings.unreadable", path=file, reason=error)) from error
    if problems := list(_contradictions(settings)):
        raise SettingsError("\n".join(problems))
    return settings


def serving_settings() -> tuple[Settings, list[str]]:
    """Settings for the services, which must answer 112 whatever stands in `.env`, and what is wrong with them.

    What callers do not need (`OPTIONAL`) falls back to its default, and names nobody knows are passed over. Raises
    SettingsError for the rest: a wrong port or address cannot be guessed.
    """
    try:
        return load_settings(), []
    except SettingsError as error:
        wrong = str(error).splitlines()
    usual = {name: Settings.model_fields[name].get_default(call_default_factory=True) for name in OPTIONAL}
    spoilt = {name: usual[name] for name in OPTIONAL if any(_variable(name) in line for line in wrong)}
    try:
        settings = Forgiving(_env_file=PROJECT / ".env", **spoilt)  # type: ignore[call-arg]
    except ValidationError as error:
        raise SettingsError("\n".join(map(_wrong, error.errors()))) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(say("settings.unreadable", path=PROJECT / ".env", reason=error)) from error
    if problems := list(_contradictions(settings)):
        raise SettingsError("\n".join(problems))
    return settings, wrong


def _contradictions(settings: Settings) -> Iterator[str]:
    """What no single setting can see."""
    if settings.rtp_last - settings.rtp_first < 20:
        yield say("settings.rtp", first=settings.rtp_first, last=settings.rtp_last)
    if settings.sip_tls_port and not (settings.tls_certificate and settings.tls_key):
        yield say("settings.tls")
    ports = {
        name: getattr(settings, name) for name in ("sip_port", "sip_tls_port", "agi_port", "ami_port", "http_port")
    }
    for one, other in combinations(ports, 2):
        if ports[one] and ports[one] == ports[other]:
            yield say("settings.same_port", one=_variable(one), other=_variable(other), port=ports[one])


def _wrong(problem: ErrorDetails) -> str:
    name = str(problem["loc"][0])
    unknown = problem["type"] == "extra_forbidden"  # of these we get the name as it stands in the file
    return say(
        "settings.wrong",
        name=name.upper() if unknown else _variable(name),
        value=HIDDEN if unknown or name in SECRETS else problem["input"],
        reason=_reason(problem),
    )


def _reason(problem: ErrorDetails) -> str:
    context = {name: str(value).replace(" or ", " atau ") for name, value in problem.get("ctx", {}).items()}
    try:
        return say(f"settings.{problem['type']}", **context)
    except KeyError:
        return problem["msg"]


def _variable(field: str) -> str:
    return f"IVR_{field.upper()}"
