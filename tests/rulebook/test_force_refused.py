"""What cannot come into force changes nothing anywhere, and is said."""

import asyncio
import logging
from dataclasses import replace

import pytest

from ivr.asterisk.ami_model import ManagerRefused
from ivr.asterisk.reload import NotTaken
from ivr.rulebook import force as forcing
from ivr.rulebook.history import How, digest_of
from ivr.rulebook.lastgood import left_by_the_last_run
from ivr.rulebook.status import Result
from ivr.settings import Settings
from tests.rulebook.house import ASKED, FLOOD, SAVED, TEXT, Asterisk, House, house, housed, lamp_to


@pytest.mark.parametrize(
    "content",
    [b"", b"kota: [", TEXT[: len(TEXT) // 2], TEXT.replace("[dishub]", "[dishup]"), b"\xff\xfe\x00k", None],
    ids=["empty", "torn", "half", "misspelt", "binary", "vanished"],
)
@housed
async def test_a_file_that_cannot_be_used_changes_nothing_and_is_said_once_with_every_problem(
    one: House, content: bytes | str | None, asterisk: Asterisk, caplog: pytest.LogCaptureFixture
) -> None:
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


@pytest.mark.parametrize("trouble", [NotTaken("lines.conf: torn"), ManagerRefused("Reload of pbx_config.so: no")])
@housed
async def test_what_asterisk_does_not_take_is_taken_back_everywhere(
    one: House, trouble: Exception, asterisk: Asterisk
) -> None:
    asterisk.troubles = [trouble]
    attempt = await one.tries(FLOOD)
    assert attempt.result is Result.REFUSED
    assert str(trouble) in attempt.problems[0]
    assert one.serves(TEXT)
    assert one.force.edition.shelf.seconds(["option-lampu"]) > 0
    assert one.history.latest() == one.status.in_force
    assert (await one.tries(lamp_to("psc119"))).result is Result.ACCEPTED
    assert one.serves(lamp_to("psc119"))


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


@housed
async def test_prompts_that_cannot_be_made_keep_the_old_rules(
    one: House, settings: Settings, asterisk: Asterisk
) -> None:
    catalogue = settings.prompts / "prompts.yaml"
    catalogue.rename(settings.prompts / "elsewhere")
    attempt = await one.tries(lamp_to("polresta"))
    assert attempt.result is Result.REFUSED
    assert str(catalogue) in attempt.problems[0]
    (settings.prompts / "elsewhere").rename(catalogue)
    await one.settles(lambda: asterisk.on_disk == one.force.edition.generation)
    assert one.serves(TEXT)


@housed
async def test_a_disk_that_takes_no_history_keeps_the_old_rules(one: House) -> None:
    in_the_way = one.history.folder / f"{digest_of(lamp_to('polresta').encode())}.yaml"
    in_the_way.mkdir()
    attempt = await one.tries(lamp_to("polresta"))
    assert attempt.result is Result.REFUSED
    assert "Is a directory" in attempt.problems[0]
    assert one.serves(TEXT)


@housed
async def test_a_fault_nobody_thought_of_is_a_refusal_with_its_traceback(
    one: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a day without hours")

    with monkeypatch.context() as patched:
        patched.setattr(forcing, "judged", broken)
        attempt = await one.tries(lamp_to("polresta"))
    assert (attempt.result, attempt.problems) == (
        Result.REFUSED,
        ("ZeroDivisionError('a day without hours')",),
    )
    assert (await one.looks(ASKED)).result is Result.ACCEPTED
    assert "Traceback" in caplog.text
