import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.rulebook.history import Entry, How, digest_of
from ivr.rulebook.lastgood import (
    EARLIER_MOST,
    earlier_rules,
    entry_of,
    history_of,
    last_good,
    left_by_the_last_run,
    rules_in_force,
)
from ivr.rules import RulesError
from ivr.settings import Settings
from tests.city import SYSTEM_TEST, settings_in

TEXT = SYSTEM_TEST.read_text(encoding="utf-8")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BROKEN = [b"", b"kota: {}\n", b"\xff", None]


def version(number: int) -> bytes:
    return TEXT.replace("nama: Uji", f"nama: Uji {number}").encode()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    shutil.copy(SYSTEM_TEST, tmp_path / "rules.yaml")
    return settings_in(tmp_path, rules_file=tmp_path / "rules.yaml")


def accept(settings: Settings, content: bytes, at: datetime = NOW) -> str:
    history = history_of(settings)
    return history.accept(Entry(history.keep(content), at, "budi", "0a1b2c3d", How.SAVED)).digest


def put(settings: Settings, content: bytes | None) -> None:
    if content is None:
        settings.rules_file.unlink()
    else:
        settings.rules_file.write_bytes(content)


def test_a_good_file_is_used_and_there_is_nothing_to_say(settings: Settings) -> None:
    accept(settings, version(1))
    found = rules_in_force(settings)
    assert (found.digest, found.content) == (digest_of(TEXT.encode()), TEXT.encode())
    assert (found.rules.city.name, found.since, found.trouble) == ("Uji", None, ())


@pytest.mark.parametrize("content", BROKEN, ids=["empty", "broken", "not text", "vanished"])
def test_with_a_bad_file_the_last_good_rules_are_used_and_it_is_said_loudly(
    content: bytes | None, settings: Settings
) -> None:
    accept(settings, version(1))
    digest = accept(settings, version(2), NOW + timedelta(minutes=5))
    put(settings, content)
    found = rules_in_force(settings)
    assert (found.digest, found.rules.city.name, found.who) == (digest, "Uji 2", "budi")
    sentence, *problems = found.trouble
    assert f"berkas {settings.rules_file} tidak dapat dipakai" in sentence
    assert f"({digest[:12]}), berlaku sejak 22-11-2026 19:05:00 WIB, disimpan oleh budi" in sentence
    assert problems
    assert all("baris 1" in problem for problem in problems)


@pytest.mark.parametrize("content", BROKEN, ids=["empty", "broken", "not text", "vanished"])
def test_with_a_bad_file_and_no_good_one_ever_the_problems_are_raised(
    content: bytes | None, settings: Settings
) -> None:
    put(settings, content)
    with pytest.raises(RulesError):
        rules_in_force(settings)
    with pytest.raises(RulesError):
        left_by_the_last_run(settings)
    assert last_good(settings) is None


def test_rules_that_are_lost_or_that_this_version_refuses_give_way_to_older_ones(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    for minutes, content in enumerate((version(1), b"from: another version\n", version(2))):
        digest = accept(settings, content, NOW + timedelta(minutes=minutes))
    (history_of(settings).folder / f"{digest}.yaml").unlink()
    put(settings, b"")
    assert rules_in_force(settings).rules.city.name == "Uji 1"
    assert f"the rules {digest[:12]} accepted at" in caplog.text
    assert "are not kept any more" in caplog.text
    assert "cannot be used any more" in caplog.text


def test_an_index_that_cannot_be_read_is_no_reason_not_to_start(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (history_of(settings).folder / "accepted.jsonl").mkdir(parents=True)
    assert rules_in_force(settings).rules.city.name == "Uji"
    assert left_by_the_last_run(settings).rules.city.name == "Uji"
    assert earlier_rules(settings, "", NOW) == []
    assert "the history of the rules cannot be read" in caplog.text


def test_a_controller_begins_with_what_asterisk_has_and_not_with_a_newer_file(settings: Settings) -> None:
    digest = accept(settings, version(1))
    assert left_by_the_last_run(settings).digest == digest


def test_a_controller_without_a_past_begins_with_the_file(settings: Settings) -> None:
    assert left_by_the_last_run(settings).digest == digest_of(TEXT.encode())


def test_a_controller_whose_last_rules_are_lost_begins_with_the_file(settings: Settings) -> None:
    accept(settings, version(1))
    digest = accept(settings, version(2))
    (history_of(settings).folder / f"{digest}.yaml").write_bytes(b"")
    assert left_by_the_last_run(settings).digest == digest_of(TEXT.encode())


def test_calls_may_have_begun_with_what_was_in_force_within_two_hours(settings: Settings) -> None:
    for hours, number in enumerate(range(5)):
        accept(settings, version(number), NOW - timedelta(hours=5 - hours))
    current = accept(settings, TEXT.encode(), NOW - timedelta(minutes=10))
    found = earlier_rules(settings, current, NOW)
    assert [(ended, rules.city.name) for ended, rules in found] == [
        (NOW - timedelta(minutes=10), "Uji 4"),
        (NOW - timedelta(hours=1), "Uji 3"),
    ]


def test_a_file_that_is_not_accepted_yet_follows_the_one_in_force(settings: Settings) -> None:
    accept(settings, version(1), NOW - timedelta(days=9))
    assert [(at, rules.city.name) for at, rules in earlier_rules(settings, "", NOW)] == [(NOW, "Uji 1")]


def test_of_many_earlier_rules_the_newest_are_kept(settings: Settings) -> None:
    for number in range(EARLIER_MOST + 5):
        accept(settings, version(number), NOW - timedelta(minutes=60 - number))
    found = earlier_rules(settings, "", NOW)
    assert [rules.city.name for _, rules in found] == [f"Uji {n}" for n in range(EARLIER_MOST + 4, 4, -1)]


def test_a_start_is_written_down_with_the_owner_of_the_file(settings: Settings) -> None:
    found = rules_in_force(settings)
    entry = entry_of(found, "0a1b2c3d")
    assert (entry.digest, entry.who, entry.how) == (found.digest, found.who, How.START)
    assert datetime.now(UTC) - entry.at < timedelta(minutes=1)
