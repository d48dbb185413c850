from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.rulebook.history import INDEX, Entry, History, How, NotKept, digest_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEXTS = (b"kota: satu\n", b"kota: dua\n", b"kota: tiga\n")


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "rules")


def accepted(history: History, text: bytes, minutes: int = 0, how: How = How.SAVED) -> Entry:
    digest = history.keep(text)
    return history.accept(Entry(digest, NOON + timedelta(minutes=minutes), "budi", "0a1b2c3d", how))


def test_what_was_accepted_is_told_in_order_with_who_and_when(history: History) -> None:
    written = [accepted(history, text, minutes) for minutes, text in enumerate(TEXTS)]
    again = History(history.folder)
    assert again.entries() == written
    assert again.latest() == written[-1]
    assert again.entries()[1] == Entry(
        digest_of(TEXTS[1]), NOON + timedelta(minutes=1), "budi", "0a1b2c3d", How.SAVED
    )
    assert {path.name for path in history.folder.iterdir()} == {INDEX, *(f"{digest_of(text)}.yaml" for text in TEXTS)}


def test_before_the_first_there_is_nothing(history: History) -> None:
    assert (history.entries(), history.latest(), history.in_force_since(NOON)) == ([], None, [])


def test_the_same_file_at_every_restart_is_one_line(history: History) -> None:
    first = accepted(history, TEXTS[0])
    assert [accepted(history, TEXTS[0], hour, How.START) for hour in range(1, 5)] == [first] * 4
    assert history.entries() == [first]


def test_going_back_to_an_earlier_file_is_a_line_and_no_second_text(history: History) -> None:
    for minutes, text in enumerate((TEXTS[0], TEXTS[1], TEXTS[0])):
        accepted(history, text, minutes)
    assert [entry.digest for entry in history.entries()] == [digest_of(TEXTS[n]) for n in (0, 1, 0)]
    assert len(list(history.folder.glob("*.yaml"))) == 2


def test_a_text_is_found_by_the_beginning_of_its_hash_in_any_case(history: History) -> None:
    digest = accepted(history, TEXTS[0]).digest
    for prefix in (digest, digest[:8], digest[:8].upper()):
        assert history.text(prefix) == TEXTS[0]


@pytest.mark.parametrize("prefix", ["", "zz", "../../etc/passwd", "0" * 64])
def test_what_was_never_accepted_is_not_found(prefix: str, history: History) -> None:
    accepted(history, TEXTS[0])
    with pytest.raises(NotKept):
        history.text(prefix)


def test_a_beginning_that_two_share_finds_neither(history: History) -> None:
    texts = [f"# {number}\n".encode() for number in range(17)]  # of 17 hashes two begin alike
    digests = [accepted(history, text).digest for text in texts]
    shared = next(digest[0] for digest in digests if [other[0] for other in digests].count(digest[0]) > 1)
    with pytest.raises(NotKept):
        history.text(shared)


@pytest.mark.parametrize("torn", [b'{"hash": "ab', b"\x00\xff\xfe", b"{}", b"[]", b'{"hash": 1, "at": "gestern"}'])
def test_a_torn_line_is_passed_over_and_said_and_the_next_stands_by_itself(
    torn: bytes, history: History, caplog: pytest.LogCaptureFixture
) -> None:
    first = accepted(history, TEXTS[0])
    with (history.folder / INDEX).open("ab") as index:
        index.write(torn)
    second = accepted(history, TEXTS[1], 1)
    assert history.entries() == [first, second]
    assert f"{INDEX}, line 2, cannot be read" in caplog.text


@pytest.mark.parametrize("content", [None, b"", b"kota: sat"])
def test_a_text_that_is_lost_or_cut_is_not_given_out_and_is_kept_anew(
    content: bytes | None, history: History
) -> None:
    entry = accepted(history, TEXTS[0])
    file = history.folder / f"{entry.digest}.yaml"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(NotKept):
        history.text(entry.digest)
    history.keep(TEXTS[0])
    assert history.text(entry.digest) == TEXTS[0]


@pytest.mark.parametrize(
    ("minutes", "in_force"),
    [(-5, (0, 1, 2)), (0, (0, 1, 2)), (9, (0, 1, 2)), (10, (1, 2)), (19, (1, 2)), (20, (2,)), (600, (2,))],
)
def test_who_was_in_force_at_some_moment_since_is_told(
    minutes: int, in_force: tuple[int, ...], history: History
) -> None:
    for number, text in enumerate(TEXTS):
        accepted(history, text, 10 * number)
    found = history.in_force_since(NOON + timedelta(minutes=minutes))
    assert [entry.digest for entry in found] == [digest_of(TEXTS[number]) for number in in_force]
