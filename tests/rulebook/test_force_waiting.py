"""An Asterisk that is away, silent or another one is given the rules when it can take them."""

import pytest

from ivr.asterisk.ami_model import ManagerTimeout, ManagerUnavailable
from ivr.asterisk.reload import NotTaken
from ivr.rulebook.history import digest_of
from ivr.rulebook.status import Result
from tests.rulebook.house import ASKED, TEXT, Asterisk, House, housed, lamp_to


@housed
async def test_asterisk_is_asked_until_it_has_the_old_rules_again(
    one: House, asterisk: Asterisk, caplog: pytest.LogCaptureFixture
) -> None:
    asterisk.troubles = [NotTaken("new"), *(NotTaken("old") for _ in range(4))]
    takes = asterisk.takes
    assert (await one.tries(lamp_to("polresta"))).problems[0].count("new") == 1
    await one.settles(lambda: asterisk.takes == takes + 6)
    assert one.serves(TEXT)
    assert caplog.text.count("Asterisk does not hold the rules in force") == 1


@housed
async def test_an_asterisk_that_falls_silent_is_asked_again_until_the_file_is_in_force(
    one: House, asterisk: Asterisk
) -> None:
    asterisk.troubles = [ManagerTimeout("no answer to Reload"), ManagerTimeout("no answer to Reload")]
    assert (await one.tries(lamp_to("polresta"))).result is Result.PENDING
    assert one.force.edition.digest == digest_of(TEXT.encode())
    await one.attempt(lambda attempt: attempt.result is Result.ACCEPTED)
    assert one.serves(lamp_to("polresta"))


@housed
async def test_without_asterisk_a_file_waits_and_a_later_one_takes_its_place(
    one: House, asterisk: Asterisk, caplog: pytest.LogCaptureFixture
) -> None:
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
    assert caplog.text.count("wait for Asterisk") == 2


@housed
async def test_a_file_that_waits_and_is_broken_afterwards_is_refused(one: House, asterisk: Asterisk) -> None:
    asterisk.connected = False
    assert (await one.tries(lamp_to("polresta"))).result is Result.PENDING
    assert (await one.tries("kota: [")).result is Result.REFUSED
    asterisk.connected = True
    one.force.asterisk_is_back()
    assert (await one.looks(ASKED)).result is Result.REFUSED
    assert one.serves(TEXT)


@housed
async def test_another_asterisk_is_given_the_rules_in_force(one: House, asterisk: Asterisk) -> None:
    await one.tries(lamp_to("polresta"))
    asterisk.holds, takes = "0ld0ld00", asterisk.takes
    one.force.asterisk_is_back()
    await one.settles(lambda: asterisk.takes == takes + 1)
    assert one.serves(lamp_to("polresta"))
    one.force.asterisk_is_back()  # this one has them already
    assert (await one.looks(ASKED)).result is Result.UNCHANGED
    assert asterisk.takes == takes + 1


@housed
async def test_a_manager_that_breaks_while_the_old_rules_are_put_back_is_waited_for(
    one: House, asterisk: Asterisk
) -> None:
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
