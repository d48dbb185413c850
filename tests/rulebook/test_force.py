"""A file that is saved comes into force: for new calls, for Asterisk, and in the history."""

import asyncio
import threading

import pytest

from ivr.rulebook import force as forcing
from ivr.rulebook.history import How, digest_of
from ivr.rulebook.status import Result, Status
from ivr.settings import Settings
from tests.rulebook.house import ASKED, FLOOD, SAVED, TEXT, Asterisk, House, house, housed, lamp_to


@housed
async def test_a_saved_file_is_in_force_for_calls_for_asterisk_and_in_the_history(
    one: House, settings: Settings
) -> None:
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


@housed
async def test_a_file_that_was_touched_is_nothing(
    one: House, settings: Settings, asterisk: Asterisk, caplog: pytest.LogCaptureFixture
) -> None:
    takes = asterisk.takes
    settings.rules_file.touch()
    one.force.look(SAVED)
    assert (await one.tries(TEXT, ASKED)).result is Result.UNCHANGED  # the first look is over, too
    assert asterisk.takes == takes
    assert len(one.history.entries()) == 1
    assert "wait" not in caplog.text


@housed
async def test_a_saving_while_another_is_put_into_force_is_not_lost(one: House, asterisk: Asterisk) -> None:
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


@housed
async def test_whoever_asks_is_named_also_when_a_saving_is_noticed_at_the_same_time(one: House) -> None:
    one.save(lamp_to("polresta"))
    one.force.look(ASKED)
    one.force.look(SAVED)
    attempt = await one.attempt(lambda attempt: attempt.result is Result.ACCEPTED)
    assert (attempt.how, attempt.who) == (How.RELOAD, "sari")
    latest = one.history.latest()
    assert latest
    assert (latest.how, latest.who) == (How.RELOAD, "sari")


@housed
async def test_prompts_of_the_rules_before_stay_for_the_calls_they_belong_to(one: House, settings: Settings) -> None:
    await one.tries(FLOOD)
    assert one.serves(FLOOD)
    for name in ("category-lampu", "option-lampu", "category-banjir"):
        assert (settings.built_prompts / f"{name}.wav").exists()
    assert one.force.edition.shelf.seconds(["option-banjir"]) > 0


@housed
async def test_the_event_loop_goes_on_while_prompts_are_made(one: House, monkeypatch: pytest.MonkeyPatch) -> None:
    began, may_go_on = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> None:
        began.set()
        assert may_go_on.wait(10)

    monkeypatch.setattr(forcing, "build", slow)
    one.save(lamp_to("polresta"))
    one.force.look(SAVED)
    await one.settles(began.is_set)  # the loop turns, and calls still get the old edition
    assert one.force.edition.digest == digest_of(TEXT.encode())
    may_go_on.set()
    await one.attempt(lambda attempt: attempt.result is Result.ACCEPTED)


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
