import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from ivr.secrets import ALPHABET, Secrets, SecretsBroken


def test_a_password_is_made_once_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secrets.json"
    first = Secrets(path)["damkar_1"]
    assert Secrets(path)["damkar_1"] == first
    assert Secrets(path)["damkar_1"] == first


def test_two_processes_that_make_passwords_at_once_keep_each_others(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    controller, configure = Secrets(path), Secrets(path)
    made = {"damkar_1": controller["damkar_1"], "damkar_2": configure["damkar_2"]}
    assert controller["damkar_2"] == made["damkar_2"]
    assert json.loads(path.read_text()) == made


def test_many_who_ask_in_the_same_moment_lose_none_and_hear_one_answer(tmp_path: Path) -> None:
    path, start = tmp_path / "secrets.json", Barrier(8)

    def ask(number: int) -> tuple[str, str]:
        secrets = Secrets(path)
        start.wait(30)
        return secrets[f"line_{number}"], secrets["manager"]

    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(ask, range(8)))
    kept = json.loads(path.read_text())
    assert [kept[f"line_{number}"] for number in range(8)] == [own for own, _ in told]
    assert {shared for _, shared in told} == {kept["manager"]}


def test_a_file_that_broke_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    secrets = Secrets(path)
    path.write_text("[")
    with pytest.raises(SecretsBroken):
        secrets["manager"]
    assert path.read_text() == "["


def test_every_account_has_its_own_long_password_that_nobody_misreads(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets.json")
    passwords = {secrets[f"line_{number}"] for number in range(50)}
    assert len(passwords) == 50
    assert {len(password) for password in passwords} == {16}
    assert set("".join(passwords)) <= set(ALPHABET)
    assert not set("il1o0") & set(ALPHABET)


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    Secrets(path)["manager"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_asking_for_what_is_known_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text('{"manager": "abc"}')
    before = path.stat()
    assert Secrets(path)["manager"] == "abc"
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_nothing_is_made_before_it_is_asked_for(tmp_path: Path) -> None:
    Secrets(tmp_path / "state" / "secrets.json")
    assert list(tmp_path.iterdir()) == []


def test_what_an_interrupted_start_left_half_written_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    (tmp_path / "secrets.new").write_text('{"mana')
    password = Secrets(path)["manager"]
    assert json.loads(path.read_text()) == {"manager": password}


@pytest.mark.parametrize("content", [b"", b'{"manager": "a', b"[]", b'{"manager": 7}', b"\xff\xfe", b"null"])
def test_a_broken_file_is_refused_and_kept_because_new_passwords_would_lock_every_phone_out(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "secrets.json"
    path.write_bytes(content)
    with pytest.raises(SecretsBroken, match=r"Berkas sandi .*secrets\.json rusak .* Kembalikan dari cadangan"):
        Secrets(path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_raises_the_systems_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, not a folder")
    with pytest.raises(OSError, match="state"):
        Secrets(tmp_path / "state" / "secrets.json")["manager"]
