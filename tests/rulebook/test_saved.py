import os
import pwd
from pathlib import Path

import pytest

from ivr.owner import user_name
from ivr.rulebook.history import digest_of
from ivr.rulebook.saved import judged, read
from ivr.rules import RulesError, load_rules
from ivr.rules.document import MAX_BYTES
from tests.city import SYSTEM_TEST


def test_the_content_comes_with_its_hash_and_its_owner() -> None:
    saved = read(SYSTEM_TEST)
    assert (saved.content, saved.digest) == (SYSTEM_TEST.read_bytes(), digest_of(SYSTEM_TEST.read_bytes()))
    assert saved.owner == pwd.getpwuid(SYSTEM_TEST.stat().st_uid).pw_name


def test_a_user_nobody_knows_is_a_number() -> None:
    assert user_name(4_000_123) == "4000123"


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(SYSTEM_TEST)
    assert read(tmp_path / "link").content == SYSTEM_TEST.read_bytes()


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe", "loop"])
def test_what_is_no_file_is_a_problem_and_nobody_waits_for_it(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    with pytest.raises(RulesError, match="tidak dapat dibaca"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"kota: {}\n", b"# nothing\n", b" " * (MAX_BYTES + 1)])
def test_what_holds_no_rules_is_refused_with_reasons(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(content)
    with pytest.raises(RulesError) as caught:
        judged(read(path).content, demo=True)
    assert caught.value.problems


def test_bytes_are_judged_as_the_file_would_be() -> None:
    content = SYSTEM_TEST.read_bytes()
    for text in (content, b"\xef\xbb\xbf" + content, content.replace(b"\n", b"\r\n")):
        assert judged(text, demo=True) == load_rules(SYSTEM_TEST)
