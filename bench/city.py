"""The server under measurement: the shipped rules of a city, every duty phone behind a trunk that SIPp plays.

Beside 112, the same Asterisk answers two numbers in pure dialplan, for comparison:

    9001   Answer and Playback of the same greeting
    9002   the same call with Read() instead of the controller's questions: same journal, same recording, same plan
"""

import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Self

from bench.figures import NotMeasured
from ivr.asterisk.generation import generation
from ivr.asterisk.plan import plan_variables, screen
from ivr.asterisk.program import asterisk_pid, find_asterisk
from ivr.calls import query
from ivr.calls.database import reader
from ivr.calls.projection import CallRecord
from ivr.calls.query import Filter
from ivr.controller.script import CityScript, manners
from ivr.dialogue import Understanding
from ivr.phones.scenario import Scenario
from ivr.phones.sipp import Outcome, Sipp, caller
from ivr.prompts.shelf import ClipShelf
from ivr.rules import load_rules, route
from ivr.settings import PROJECT, load_settings
from tests.system.server import Server, until

CALL, BARE, PURE = "112", "9001", "9002"
AGENCY_PORT = 15071

_TRUNK = f"""\
[trunk](trunk-endpoint)
aors = trunk

[trunk]
type = aor
contact = sip:127.0.0.1:{AGENCY_PORT}

[trunk]
type = identify
endpoint = trunk
match = 127.0.0.1/32
"""

_COMPARISON = """
[from-trunk](+)
exten => {bare},1,Answer()
 same => n,Playback({greeting})
 same => n,Hangup()

exten => {pure},1,CELGenUserEvent(ARRIVED,${{EXTEN}}|${{CHANNEL(endpoint)}})
 same => n,Gosub(in-force,s,1)
 same => n,Set(CHANNEL(hangup_handler_push)=ended,s,1)
 same => n,Answer()
 same => n,Set(RECORDING=${{STRFTIME(${{EPOCH}},${{ZONE}},%Y/%m/%d)}}/${{UNIQUEID}}.wav)
 same => n,CELGenUserEvent(RECORDING,${{RECORDING}})
 same => n,MixMonitor(${{RECORDINGS}}/${{RECORDING}})
 same => n,Read(CATEGORY,{categories},1,,1,5)
 same => n,Read(AREA,{areas},1,,1,5)
{plan} same => n,Goto(plan,s,1)
"""


def _behind_the_trunk(rules: str) -> str:
    """Every line gets a telephone number instead of an account: no phone has to register."""
    numbers = count(1)
    return re.sub(r"\bakun: \w+", lambda _: f"telepon: 0536112{next(numbers):03}", rules)


def citizen(dials: str) -> Scenario:
    """Somebody on the trunk who dials; numbers differ from call to call."""
    return caller(dials, number=f"+62813{dials}{{call}}")


def all_went_well(*callers: Outcome) -> None:
    """Raises NotMeasured when a call failed."""
    for outcome in callers:
        if outcome.failed:
            raise NotMeasured(f"{outcome.failed} calls failed: {outcome.reasons} {outcome.errors[:500]}")


class City(Server):
    """A server with its own state in `folder`; on entering it answers 112, 9001 and 9002."""

    def __init__(self, folder: Path) -> None:
        rules, trunk = folder / "city.yaml", folder / "trunk.conf"
        rules.write_text(_behind_the_trunk((PROJECT / "routing_rules.yaml").read_text("utf-8")), "utf-8")
        trunk.write_text(_TRUNK)
        super().__init__(folder, rules=rules, settings={"IVR_TRUNK_FILE": str(trunk), "IVR_LOG_LEVEL": "INFO"})
        given = {name[4:].lower(): value for name, value in self.environment.items() if name.startswith("IVR_")}
        self.settings = load_settings(**given)

    def __enter__(self) -> Self:
        try:
            super().__enter__()
            self._add_comparison()
        except BaseException:
            self.__exit__()
            raise
        return self

    @property
    def asterisk_pid(self) -> int:
        """Asterisk's process. Raises NotMeasured when it is gone."""
        pid = asterisk_pid(self.settings)
        if pid is None:
            raise NotMeasured("Asterisk is not running")
        return pid

    def asterisk(self, command: str) -> str:
        """What Asterisk's console answers."""
        words = find_asterisk(self.settings).command(self.settings, "-rx", command)
        return subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout

    def calls(self, limit: int = 100_000, tests: bool | None = False) -> list[CallRecord]:
        """All calls, newest first."""
        with reader(self.settings.database) as connection:
            return query.calls(connection, Filter(tests=tests), limit)

    def side_by_side(self, one: Scenario, other: Scenario, calls: int) -> None:
        """So many calls of both kinds in turns, one of them every half second. Raises NotMeasured when one fails."""
        with Sipp(one, self.registrar, calls=calls, rate=1) as first:
            time.sleep(0.5)  # half a turn, not a wait
            with Sipp(other, self.registrar, calls=calls, rate=1) as second:
                all_went_well(first.wait(calls + 30), second.wait(calls + 30))

    def waiting(self) -> int:
        """Callers who hear the first question now, by the server's own log."""
        return sum(call.ended_at is None and call.stage == "category" for call in self.calls())

    def until_quiet(self) -> None:
        """Wait until no call is left and every recording was checked: all work for the calls is done."""

        def done() -> bool:
            return all(c.ended_at and (c.recording_checked_at or not c.recording_path) for c in self.calls())

        until(done, "end of all calls in the log", 60)

    def _add_comparison(self) -> None:
        with (self.settings.asterisk_etc / "extensions.conf").open("a", encoding="utf-8") as dialplan:
            dialplan.write(self._comparison())
        self.asterisk("dialplan reload")
        until(lambda: "Answer" in self.asterisk(f"dialplan show {PURE}@from-trunk"), "comparison in the dialplan")

    def _comparison(self) -> str:
        rules, now = load_rules(self.rules), datetime.now(UTC)
        script, shelf = CityScript(rules, now), ClipShelf(self.settings.built_prompts, self.state / "sentences")
        category, area = rules.categories[0], rules.areas[0]
        first = script.next_question(Understanding())
        second = script.next_question(Understanding(category=category.id))
        if first is None or second is None:
            raise NotMeasured("the shipped rules ask fewer than two questions")
        plan = route(rules, category.id, area.code, now)
        variables = [("__SCREEN", screen(self.settings.built_prompts, category.id, area.code))]
        variables += plan_variables(plan, category.id, area.code, generation(rules, self.settings))
        return _COMPARISON.format(
            bare=BARE,
            pure=PURE,
            greeting=self.settings.built_prompts / "greeting",
            categories=shelf.files((*manners(rules).opening, *first.clips))[0],
            areas=shelf.files(second.clips)[0],
            plan="".join(_sets(variables)),
        )


def _sets(variables: list[tuple[str, str]]) -> Iterator[str]:
    for name, value in variables:
        yield f" same => n,Set({name}={value})\n"
