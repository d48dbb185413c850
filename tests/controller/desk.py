"""An attendant's desk: its city, what it noted, and calls whose Asterisk answers as prescribed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ivr.asterisk.agi import Session
from ivr.calls.events import Event, Kind
from ivr.controller.attendant import Attendant
from ivr.prompts.shelf import ClipShelf
from ivr.rulebook.edition import Edition
from ivr.rules import Rules
from tests.asterisk.scripted import OK, REQUEST, ScriptedAsterisk
from tests.city import write_clips

NOW = "0a1b2c3d"
CALL = "ivr112-1763800000.12"
Answer = bytes | None
FIRST = ("ask-category", "option-kebakaran", "option-medis", "option-keamanan", "option-lampu", "option-operator")
SECOND = ("ask-area", "option-area-62-71-01", "option-area-62-71-03", "option-operator")
THIRD = (
    "ask-kelurahan",
    "option-kelurahan-62-71-03-1001",
    "option-kelurahan-62-71-03-1002",
    "option-operator",
)
OTHER = ("greeting", "ask-again", "wrong-key")
BEGINNING = (OK,)  # the generation
UNDERSTOOD_CATEGORY = UNDERSTOOD_PLACE = (OK, OK, OK)
PLAN = (OK,) * 20


def key(pressed: str) -> bytes:
    return f"200 result={pressed}\n".encode()


class Desk:
    """An attendant with its city, and everything it noted."""

    def __init__(
        self, folder: Path, rules: Rules, clips: tuple[str, ...] = (*OTHER, *FIRST, *SECOND, *THIRD)
    ) -> None:
        self.prompts = folder / "built"
        write_clips(self.prompts, dict.fromkeys(clips))
        self.shelf = ClipShelf(self.prompts, folder / "sentences")
        self.events: list[Event] = []
        self.editions = [Edition(rules, "c0ffee", NOW, self.shelf)]
        self.attendant = Attendant(lambda: self.editions.pop(0), self.prompts, self.events.append)

    @contextmanager
    def call(self, *answers: Answer, request: bytes = REQUEST) -> Iterator[ScriptedAsterisk]:
        """A call that is attended to its end; Asterisk gives these answers."""
        with ScriptedAsterisk(*BEGINNING, *answers, request=request) as asterisk:
            self.attendant.attend(Session(asterisk.theirs))
            yield asterisk

    def kinds(self) -> list[str]:
        return [str(event.kind) for event in self.events]

    def detail(self, kind: Kind) -> dict[str, object]:
        return dict(next(event.detail for event in self.events if event.kind == kind))

    def asks(self, *clips: str, wait: str = "5000") -> list[str]:
        """The command that asks with these clips."""
        (file,) = self.shelf.files(clips)
        return ["GET", "DATA", file, wait, "1"]

    def screen(self, *about: str) -> str:
        return "&".join(str(self.prompts / name) for name in ("screen-call", *about, "screen-keys"))

    def about(self, *clips: str) -> str:
        return "&".join(str(self.prompts / name) for name in clips)


def set_(name: str, value: str) -> list[str]:
    return ["SET", "VARIABLE", name, value]


def variables(asterisk: ScriptedAsterisk) -> dict[str, str]:
    return {command[2]: command[3] for command in asterisk.commands if command[:2] == ["SET", "VARIABLE"]}
