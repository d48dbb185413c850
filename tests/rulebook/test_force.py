import asyncio
import logging
import re
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.asterisk.ami_model import Answer, ManagerRefused, ManagerTimeout, ManagerUnavailable
from ivr.asterisk.reload import NotTaken
from ivr.prompts.sources import prompt_sources
from ivr.rulebook import force as forcing
from ivr.rulebook.force import Force, Request
from ivr.rulebook.history import History, How, digest_of
from ivr.rulebook.lastgood import history_of, left_by_the_last_run
from ivr.rulebook.status import STATUS, Attempt, Result, Status, read
from ivr.rules import load_rules
from ivr.settings import PROJECT, Settings
from tests.city import SYSTEM_TEST, settings_in, write_clips

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


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city whose studio has recorded every prompt, so that no voice is needed."""
    folder = tmp_path_factory.mktemp("r")
    shutil.copy(PROJECT / "recordings" / "prompts.yaml", folder)
    wanted = {name for text in (TEXT, FLOOD) for name in prompt_sources(load_rules(text), folder).prompts()}
    write_clips(folder / "studio", sorted(wanted), 0.2)
    return folder


@pytest.fixture
def settings(tmp_path: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    shutil.copytree(recordings, tmp_path / "r", dirs_exist_ok=True)
    (tmp_path / "rules.yaml").write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(forcing, "AGAIN", 0.02)
    found = settings_in(tmp_path, prompts=tmp_path / "r", rules_file=tmp_path / "rules.yaml")
    (found.asterisk_etc / "generated").mkdir(parents=True)
    return found


@pytest.fixture
def asterisk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Asterisk:
    found = Asterisk(settings)
    monkeypatch.setattr(forcing, "take", found.take)
    return found


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


def test_a_saved_file_is_in_force_for_calls_for_asterisk_and_in_the_history(
    settings: Settings, asterisk: Asterisk
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            first = one.force.edition
            attempt = await one.tries(lamp_to("polresta"))
            assert (attempt.result, attempt.how, attempt.problems) == (Result.ACCEPTED, How.SAVED, ())
            assert one.serves(lamp_to("polresta"))
            assert one.status.in_force == one.history.latest()
            assert [(entry.digest, entry.how) for entry in one.history.entries()] == [
                (first.digest, How.START),
                (digest_of(lamp_to("polresta").encode()), How.SAVED),
            ]
            lines = (settings.asterisk_etc / "generated" / "lines.conf").read_text()
            assert f"[ring-line-{first.generation}]" in lines  # for the calls that began under it

    asyncio.run(run())


def test_a_file_that_was_touched_is_nothing(
    settings: Settings, asterisk: Asterisk, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            takes = asterisk.takes
            settings.rules_file.touch()
            one.force.look(SAVED)
            assert (await one.tries(TEXT, ASKED)).result is Result.UNCHANGED  # the first look is over, too
            assert asterisk.takes == takes
            assert len(one.history.entries()) == 1

    asyncio.run(run())
    assert "wait" not in caplog.text


@pytest.mark.parametrize(
    "content",
    [b"", b"kota: [", TEXT[: len(TEXT) // 2], TEXT.replace("[dishub]", "[dishup]"), b"\xff\xfe\x00k", None],
    ids=["empty", "torn", "half", "misspelt", "binary", "vanished"],
)
def test_a_file_that_cannot_be_used_changes_nothing_and_is_said_once_with_every_problem(
    content: bytes | str | None, settings: Settings, asterisk: Asterisk, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            before, takes = one.force.edition, asterisk.takes
            attempt = await one.tries(content)
            assert attempt.result is Result.REFUSED
            assert attempt.problems
            for _ in range(3):
                one.force.look(SAVED)
                await asyncio.sleep(0)
            said = [record for record in caplog.records if record.levelno == logging.ERROR]
            assert len(said) == 1
            assert all(problem in said[0].getMessage() for problem in attempt.problems)
            assert one.force.edition is before
            assert asterisk.takes == takes
            assert one.serves(TEXT)
            assert (await one.tries(TEXT)).result is Result.UNCHANGED  # and now all is well again

    asyncio.run(run())


@pytest.mark.parametrize("trouble", [NotTaken("lines.conf: torn"), ManagerRefused("Reload of pbx_config.so: no")])
def test_what_asterisk_does_not_take_is_taken_back_everywhere(
    trouble: Exception, settings: Settings, asterisk: Asterisk
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            asterisk.troubles = [trouble]
            attempt = await one.tries(FLOOD)
            assert attempt.result is Result.REFUSED
            assert str(trouble) in attempt.problems[0]
            assert one.serves(TEXT)
            assert one.force.edition.shelf.seconds(["option-lampu"]) > 0
            assert one.history.latest() == one.status.in_force
            assert (await one.tries(lamp_to("psc119"))).result is Result.ACCEPTED
            assert one.serves(lamp_to("psc119"))

    asyncio.run(run())


def test_a_file_that_a_start_accepted_and_asterisk_refuses_is_not_what_the_next_controller_starts_with(
    settings: Settings, asterisk: Asterisk
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            digest = one.history.keep(lamp_to("polresta").encode())  # as `ivr configure` does
            one.history.accept(replace(one.status.in_force, digest=digest, how=How.START))
            asterisk.troubles = [NotTaken("no")]
            assert (await one.tries(lamp_to("polresta"))).result is Result.REFUSED
        assert left_by_the_last_run(settings).digest == digest_of(TEXT.encode())

    asyncio.run(run())


def test_asterisk_is_asked_until_it_has_the_old_rules_again(
    settings: Settings, asterisk: Asterisk, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            asterisk.troubles = [NotTaken("new"), *(NotTaken("old") for _ in range(4))]
            takes = asterisk.takes
            assert (await one.tries(lamp_to("polresta"))).problems[0].count("new") == 1
            await one.settles(lambda: asterisk.takes == takes + 6)
            assert one.serves(TEXT)

    asyncio.run(run())
    assert caplog.text.count("Asterisk does not hold the rules in force") == 1


def test_an_asterisk_that_falls_silent_is_asked_again_until_the_file_is_in_force(
    settings: Settings, asterisk: Asterisk
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            asterisk.troubles = [ManagerTimeout("no answer to Reload"), ManagerTimeout("no answer to Reload")]
            assert (await one.tries(lamp_to("polresta"))).result is Result.PENDING
            assert one.force.edition.digest == digest_of(TEXT.encode())
            await one.attempt(lambda attempt: attempt.result is Result.ACCEPTED)
            assert one.serves(lamp_to("polresta"))

    asyncio.run(run())


def test_without_asterisk_a_file_waits_and_a_later_one_takes_its_place(
    settings: Settings, asterisk: Asterisk, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            asterisk.connected = False
            before = one.force.edition
            for agency in ("polresta", "psc119"):
                attempt = await one.tries(lamp_to(agency))
                assert (attempt.result, one.force.edition) == (Result.PENDING, before)
                assert asterisk.on_disk == before.generation
            asterisk.connected = True
            one.force.asterisk_is_back()
            await one.attempt(lambda attempt: attempt.result is Result.ACCEPTED)
            assert one.serves(lamp_to("psc119"))
            assert len(one.history.entries()) == 2

    asyncio.run(run())
    assert caplog.text.count("wait for Asterisk") == 2


def test_a_file_that_waits_and_is_broken_afterwards_is_refused(settings: Settings, asterisk: Asterisk) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            asterisk.connected = False
            assert (await one.tries(lamp_to("polresta"))).result is Result.PENDING
            assert (await one.tries("kota: [")).result is Result.REFUSED
            asterisk.connected = True
            one.force.asterisk_is_back()
            assert (await one.looks(ASKED)).result is Result.REFUSED
            assert one.serves(TEXT)

    asyncio.run(run())


def test_another_asterisk_is_given_the_rules_in_force(settings: Settings, asterisk: Asterisk) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            await one.tries(lamp_to("polresta"))
            asterisk.holds, takes = "0ld0ld00", asterisk.takes
            one.force.asterisk_is_back()
            await one.settles(lambda: asterisk.takes == takes + 1)
            assert one.serves(lamp_to("polresta"))
            one.force.asterisk_is_back()  # this one has them already
            assert (await one.looks(ASKED)).result is Result.UNCHANGED
            assert asterisk.takes == takes + 1

    asyncio.run(run())


def test_a_saving_while_another_is_put_into_force_is_not_lost(settings: Settings, asterisk: Asterisk) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:

            def save_again() -> None:
                asterisk.meanwhile = lambda: None
                one.save(lamp_to("psc119"))
                one.force.look(SAVED)

            asterisk.meanwhile = save_again
            one.save(lamp_to("polresta"))
            one.force.look(SAVED)
            wanted = digest_of(lamp_to("psc119").encode())
            await one.attempt(lambda attempt: (attempt.result, attempt.digest) == (Result.ACCEPTED, wanted))
            assert one.serves(lamp_to("psc119"))
            assert len(one.history.entries()) == 3

    asyncio.run(run())


def test_whoever_asks_is_named_also_when_a_saving_is_noticed_at_the_same_time(
    settings: Settings, asterisk: Asterisk
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            one.save(lamp_to("polresta"))
            one.force.look(ASKED)
            one.force.look(SAVED)
            attempt = await one.attempt(lambda attempt: attempt.result is Result.ACCEPTED)
            assert (attempt.how, attempt.who) == (How.RELOAD, "sari")
            latest = one.history.latest()
            assert latest
            assert (latest.how, latest.who) == (How.RELOAD, "sari")

    asyncio.run(run())


def test_prompts_of_the_rules_before_stay_for_the_calls_they_belong_to(
    settings: Settings, asterisk: Asterisk
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            await one.tries(FLOOD)
            assert one.serves(FLOOD)
            for name in ("category-lampu", "option-lampu", "category-banjir"):
                assert (settings.built_prompts / f"{name}.wav").exists()
            assert one.force.edition.shelf.seconds(["option-banjir"]) > 0

    asyncio.run(run())


def test_prompts_that_cannot_be_made_keep_the_old_rules(settings: Settings, asterisk: Asterisk) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            catalogue = settings.prompts / "prompts.yaml"
            catalogue.rename(settings.prompts / "elsewhere")
            attempt = await one.tries(lamp_to("polresta"))
            assert attempt.result is Result.REFUSED
            assert str(catalogue) in attempt.problems[0]
            (settings.prompts / "elsewhere").rename(catalogue)
            await one.settles(lambda: asterisk.on_disk == one.force.edition.generation)
            assert one.serves(TEXT)

    asyncio.run(run())


def test_a_disk_that_takes_no_history_keeps_the_old_rules(settings: Settings, asterisk: Asterisk) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            in_the_way = one.history.folder / f"{digest_of(lamp_to('polresta').encode())}.yaml"
            in_the_way.mkdir()
            attempt = await one.tries(lamp_to("polresta"))
            assert attempt.result is Result.REFUSED
            assert "Is a directory" in attempt.problems[0]
            assert one.serves(TEXT)

    asyncio.run(run())


def test_a_fault_nobody_thought_of_is_a_refusal_with_its_traceback(
    settings: Settings, asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a day without hours")

    async def run() -> None:
        async with house(settings, asterisk) as one:
            with monkeypatch.context() as patched:
                patched.setattr(forcing, "judged", broken)
                attempt = await one.tries(lamp_to("polresta"))
            assert (attempt.result, attempt.problems) == (
                Result.REFUSED,
                ("ZeroDivisionError('a day without hours')",),
            )
            assert (await one.looks(ASKED)).result is Result.ACCEPTED

    asyncio.run(run())
    assert "Traceback" in caplog.text


def test_the_event_loop_goes_on_while_prompts_are_made(
    settings: Settings, asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_go_on = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> None:
        began.set()
        assert may_go_on.wait(10)

    async def run() -> None:
        async with house(settings, asterisk) as one:
            monkeypatch.setattr(forcing, "build", slow)
            one.save(lamp_to("polresta"))
            one.force.look(SAVED)
            await one.settles(began.is_set)  # the loop turns, and calls still get the old edition
            assert one.force.edition.digest == digest_of(TEXT.encode())
            may_go_on.set()
            await one.attempt(lambda attempt: attempt.result is Result.ACCEPTED)

    asyncio.run(run())


def test_a_controller_that_starts_again_keeps_what_the_one_before_accepted(
    settings: Settings, asterisk: Asterisk
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:
            await one.tries(lamp_to("polresta"))
            since = one.status.in_force
            one.save("kota: [")
        async with house(settings, asterisk) as again:
            assert again.serves(lamp_to("polresta"))
            assert again.status == Status(since)
            assert (await again.looks()).result is Result.REFUSED

    asyncio.run(run())


def test_a_manager_that_breaks_while_the_old_rules_are_put_back_is_waited_for(
    settings: Settings, asterisk: Asterisk
) -> None:
    async def run() -> None:
        async with house(settings, asterisk) as one:

            def hang_up() -> None:
                asterisk.connected = False

            asterisk.meanwhile = hang_up
            asterisk.troubles = [ManagerUnavailable("cut"), ManagerUnavailable("cut")]
            assert (await one.tries(lamp_to("polresta"))).result is Result.PENDING
            assert asterisk.on_disk == one.force.edition.generation
            asterisk.meanwhile, asterisk.connected = (lambda: None), True
            one.force.asterisk_is_back()
            await one.attempt(lambda attempt: attempt.result is Result.ACCEPTED)
            assert one.serves(lamp_to("polresta"))

    asyncio.run(run())
