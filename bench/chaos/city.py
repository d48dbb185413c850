"""The server under chaos: a city of its own, callers on the trunk, everything in a room of its own."""

import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from ivr.asterisk.program import find_asterisk
from ivr.calls import query
from ivr.calls.database import LogUnavailable, reader
from ivr.calls.projection import CallRecord
from ivr.calls.query import Filter
from ivr.settings import load_settings
from tests.system.server import LOOPBACK, Server

CALLERS = "127.0.0.2"
"""The address of the carrier, whose every call is an emergency call."""

_TRUNK = f"""\
[trunk](trunk-endpoint)
aors = trunk

[trunk]
type = aor
contact = sip:{CALLERS}:5999

[trunk]
type = identify
endpoint = trunk
match = {CALLERS}/32
"""

PORTS = {"psc119": 17001, "siaga": 17011}
"""Where the lines are rung that are no accounts."""

CITY = Path(__file__).with_name("city.yaml").read_text("utf-8")
STAYS = 5.0  # seconds
BURST = 2000
# a telling that names no line says nothing about any call; Asterisk tells everybody of it all the same
_BURST = f"""
[chaos]
exten => burst,1,Set(N=0)
 same => n(next),CELGenUserEvent(TOLD,chaos)
 same => n,Set(N=$[${{N}}+1])
 same => n,GotoIf($[${{N}} < {BURST}]?next)
"""


class City(Server):
    """A server with the city's rules and a trunk."""

    def __init__(self, folder: Path) -> None:
        rules, trunk = folder / "city.yaml", folder / "trunk.conf"
        rules.write_text(CITY, "utf-8")
        trunk.write_text(_TRUNK)
        super().__init__(folder, rules=rules, settings={"IVR_TRUNK_FILE": str(trunk), "IVR_LOG_LEVEL": "INFO"})
        given = {name[4:].lower(): value for name, value in self.environment.items() if name.startswith("IVR_")}
        self.settings = load_settings(**given)
        assert self.registrar.startswith(LOOPBACK)

    def __enter__(self) -> Self:
        try:
            return super().__enter__()
        except BaseException:
            self.__exit__()
            raise

    def prepare_burst(self) -> None:
        """Teach Asterisk the burst of events."""
        with (self.settings.asterisk_etc / "extensions.conf").open("a", encoding="utf-8") as dialplan:
            dialplan.write(_BURST)
        self.asterisk("dialplan reload")

    def asterisk(self, command: str) -> str:
        """What Asterisk's console answers."""
        words = find_asterisk(self.settings).command(self.settings, "-rx", command)
        return subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout

    def until_attended(self, seconds: float) -> None:
        """Wait until a controller listens that is not replaced within some seconds (a frozen one listens too)."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(OSError, AssertionError):
                pid = self.controller_pid
                socket.create_connection((LOOPBACK, self.settings.agi_port), 1).close()
                time.sleep(STAYS)  # long enough for the supervisor to find it frozen
                if self.controller_pid == pid:
                    return
            time.sleep(0.2)

    def calls(self, limit: int = 1_000_000, tests: bool | None = False) -> list[CallRecord]:
        """The last calls, newest first; none while the log cannot be read."""
        try:
            with reader(self.settings.database) as connection:
                return query.calls(connection, Filter(tests=tests), limit)
        except LogUnavailable:
            return []
