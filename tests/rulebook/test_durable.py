import os
import stat
from pathlib import Path

import pytest

from ivr.rulebook.durable import append_line, replace


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "new" / "status.json"
    replace(file, b"one")
    reader = file.open("rb")
    replace(file, b"two")
    with reader:
        assert (reader.read(), file.read_bytes()) == (b"one", b"two")
    assert [path.name for path in file.parent.iterdir()] == ["status.json"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    replace(file, b"one")
    os.truncate(file, 3)
    with pytest.raises(TypeError):
        replace(file, "two")  # type: ignore[arg-type]
    assert file.read_bytes() == b"one"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("there", "after"), [(b"", b"three\n"), (b"one\n", b"one\nthree\n"), (b"one\ntw", b"one\ntw\nthree\n")]
)
def test_a_line_is_added_as_a_line_of_its_own_also_after_a_torn_one(
    there: bytes, after: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "index"
    file.write_bytes(there)
    append_line(file, b"three")
    assert file.read_bytes() == after
