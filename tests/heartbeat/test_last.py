from pathlib import Path

import pytest

from ivr.heartbeat.last import NAME, Last, read_last, write_last
from ivr.heartbeat.result import Outcome, Result
from tests.calls.story import at

GOOD = Result("one", at(0), Outcome.OK, 4.6)
BAD = Result("two", at(300), Outcome.NO_ANSWER, 20.0)


def test_the_last_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_last(tmp_path / "health") == Last()
    write_last(tmp_path / "health", GOOD)
    assert read_last(tmp_path / "health") == Last(at(0), GOOD)


def test_the_time_of_the_last_good_one_outlives_the_bad_ones(tmp_path: Path) -> None:
    for result in (GOOD, BAD, BAD):
        write_last(tmp_path, result)
    assert read_last(tmp_path) == Last(at(0), BAD)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"ok_at": "soon", "result": null}', '{"ok_at": null}'])
def test_a_file_that_makes_no_sense_is_nothing_known_and_is_replaced(text: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(text)
    assert read_last(tmp_path) == Last()
    write_last(tmp_path, GOOD)
    assert read_last(tmp_path).result == GOOD
