from pathlib import Path

from ivr.controller.begun import LONGEST, MOST_CALLS, Begun
from ivr.prompts.shelf import ClipShelf
from ivr.rulebook.edition import Edition
from ivr.rules import load_rules
from tests.city import SYSTEM_TEST


def edition(folder: Path, digest: str) -> Edition:
    return Edition(load_rules(SYSTEM_TEST), digest, "0a1b2c3d", ClipShelf(folder, folder))


def test_a_call_keeps_its_edition_until_no_call_can_last_that_long(tmp_path: Path) -> None:
    now = [0.0]
    begun, first, second = Begun(lambda: now[0]), edition(tmp_path, "first"), edition(tmp_path, "second")
    begun.note("ivr112-1.1", first)
    now[0] = LONGEST
    begun.note("ivr112-1.2", second)
    assert (begun.edition("ivr112-1.1"), begun.edition("ivr112-1.2")) == (first, second)
    now[0] += 1
    begun.note("ivr112-1.3", second)
    assert (begun.edition("ivr112-1.1"), begun.edition("ivr112-1.2")) == (None, second)


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    begun, only = Begun(), edition(tmp_path, "only")
    for number in range(MOST_CALLS + 1):
        begun.note(f"ivr112-1.{number}", only)
    assert begun.edition("ivr112-1.0") is None
    assert begun.edition("ivr112-1.1") is only
