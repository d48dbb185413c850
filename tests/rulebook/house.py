"""An installation whose controller has started, with an Asterisk that takes its rules or does not."""

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps

from ivr.asterisk.ami_model import Answer
from ivr.rulebook.force import Force, Request
from ivr.rulebook.history import History, How, digest_of
from ivr.rulebook.lastgood import history_of, left_by_the_last_run
from ivr.rulebook.status import STATUS, Attempt, Status, read
from ivr.rules import load_rules
from ivr.settings import Settings
from tests.city import SYSTEM_TEST

TEXT = SYSTEM_TEST.read_text(encoding="utf-8")
LAMP = "{kategori: lampu, langkah: [dishub]}"
SAVED, ASKED = Request(How.SAVED), Request(How.RELOAD, "sari")


def lamp_to(agency: str) -> str:
    """Rules under which broken lamps are a matter for this agency."""
    assert LAMP in TEXT
    return TEXT.replace(LAMP, f"{{kategori: lampu, langkah: [{agency}]}}")


FLOOD = (
    TEXT.replace("nama: Lampu jalan", "nama: Lampu taman")
    .replace("  lampu:", "  banjir:")
    .replace("kategori: lampu", "kategori: banjir")
)


class Asterisk:
    """In Asterisk's place: it takes the generation that stands in its files, unless it has some trouble."""

    def __init__(self, settings: Settings) -> None:
        self._etc = settings.asterisk_etc / "generated"
        self.connected = True
        self.troubles: list[Exception] = []
        self.holds = ""
        self.takes = 0
        self.meanwhile: Callable[[], object] = lambda: None

    @property
    def on_disk(self) -> str:
        """The generation an Asterisk that starts now would have."""
        found = re.search(r"^GENERATION = (\w+)$", (self._etc / "globals.conf").read_text(), re.MULTILINE)
        assert found
        return found[1]

    async def action(self, name: str, **headers: str) -> Answer:
        assert (name, headers) == ("Getvar", {"Variable": "GENERATION"})
        return Answer(({"Response": "Success", "Value": self.holds},))

    async def take(self, manager: object, generation: str) -> None:
        assert manager is self
        self.takes += 1
        self.meanwhile()
        if self.troubles:
            raise self.troubles.pop(0)
        assert self.on_disk == generation
        self.holds = generation


class House:
    """An installation whose controller has started, without its calls."""

    def __init__(self, settings: Settings, asterisk: Asterisk) -> None:
        self.settings, self.asterisk = settings, asterisk
        self.force = Force(settings, asterisk, left_by_the_last_run(settings))  # type: ignore[arg-type]
        self.history: History = history_of(settings)

    @property
    def status(self) -> Status:
        found = read(self.history.folder)
        assert found
        return found

    def save(self, text: str | bytes | None) -> None:
        if text is None:
            self.settings.rules_file.unlink()
        else:
            new = self.settings.rules_file.with_suffix(".new")  # whole at once: an earlier look may be reading
            new.write_bytes(text if isinstance(text, bytes) else text.encode())
            new.replace(self.settings.rules_file)

    async def tries(self, text: str | bytes | None, request: Request = SAVED) -> Attempt:
        """Save, and wait until it was tried."""
        self.save(text)
        return await self.looks(request)

    async def looks(self, request: Request = SAVED) -> Attempt:
        """Have the file looked at; the attempt that comes of it."""
        before = self.status.attempt
        self.force.look(request)
        return await self.attempt(lambda attempt: attempt != before)

    async def attempt(self, fits: Callable[[Attempt], bool]) -> Attempt:
        """Wait for an attempt."""
        async with asyncio.timeout(10):
            while not (self.status.attempt and fits(self.status.attempt)):  # noqa: ASYNC110 it comes as a file
                await asyncio.sleep(0.005)
            assert self.status.attempt
            return self.status.attempt

    async def settles(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not seen():  # noqa: ASYNC110 nobody tells
                await asyncio.sleep(0.005)

    def serves(self, text: str) -> bool:
        """New calls are served by this text, and Asterisk, now and after a restart, agrees."""
        edition = self.force.edition
        assert edition.rules.model_dump() == load_rules(text).model_dump()
        assert self.asterisk.holds == self.asterisk.on_disk == edition.generation
        return edition.digest == digest_of(text.encode())


@asynccontextmanager
async def house(settings: Settings, asterisk: Asterisk) -> AsyncIterator[House]:
    """Running; Asterisk, when it is there, has taken the first edition."""
    found = House(settings, asterisk)
    (found.history.folder / STATUS).unlink(missing_ok=True)  # what the controller before said
    task = asyncio.create_task(found.force.run())
    await found.settles(lambda: read(found.history.folder) is not None)
    if asterisk.connected:
        found.force.asterisk_is_back()
        await found.settles(lambda: asterisk.holds != "")
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()


def housed(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs an async test with a running house as first argument; what else it names are fixtures."""
    signature = inspect.signature(test)
    others = list(signature.parameters.values())[1:]

    @wraps(test)
    def wrapper(settings: Settings, asterisk: Asterisk, **more: object) -> None:
        given = {"settings": settings, "asterisk": asterisk, **more}

        async def main() -> None:
            async with house(settings, asterisk) as one:
                await test(one, **{other.name: given[other.name] for other in others})

        asyncio.run(main())

    asked = dict.fromkeys(["settings", "asterisk", *(other.name for other in others)])
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in asked]
    wrapper.__signature__ = signature.replace(parameters=parameters, return_annotation=None)  # type: ignore[attr-defined]
    return wrapper
