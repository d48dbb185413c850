"""Twelve callers at once, each at another stage of a call, while everything in the rules changes twice."""

from pathlib import Path

import pytest

from bench.reload import differences, play
from bench.reload_city import SCRIPTS, Town, everything, keys_exchanged

SHIFT = 300


@pytest.mark.alone
def test_no_call_ends_otherwise_because_the_rules_changed_meanwhile(tmp_path: Path) -> None:
    with Town(tmp_path, shift=SHIFT) as town:
        still = play(town, 1, len(SCRIPTS))
        changing = play(town, 2, len(SCRIPTS), (keys_exchanged, everything))
    assert (still.lost, changing.lost) == (0, 0)
    assert differences(still, changing) == []
    assert [(change.name, change.followed) for change in changing.changes] == [
        ("keys_exchanged", True),
        ("everything", True),
    ]
