"""Prompt files are missing or broken: the caller hears the next one, or an operator, and never a hang-up."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

import pytest

from ivr.calls.events import Kind as Happened
from tests.system.measured import holds, outcome, reached
from tests.system.people import Citizen, SwitchOn
from tests.system.server import Server
from tests.system.test_the_call import talks

NOISE = bytes(range(256)) * 20


def files(server: Server) -> list[Path]:
    """Every sound a caller may hear, single and joined."""
    return [*(server.prompts / "built").rglob("*.wav"), *(server.state / "sentences").rglob("*.wav")]


def missing(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    file.write_bytes(b"")


def noise(file: Path) -> None:
    file.write_bytes(NOISE * (file.stat().st_size // len(NOISE) + 1))


def noise_of_its_length(file: Path) -> None:
    file.write_bytes(b"x" * file.stat().st_size)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:50])


@contextmanager
def broken(server: Server, fault: Callable[[Path], None], names: str = "*") -> Iterator[None]:
    """These sounds are broken, and whole again afterwards."""
    kept = {file: file.read_bytes() for file in files(server)}
    for file in kept:
        if fnmatch(file.stem, names):
            fault(file)
    yield
    for file, content in kept.items():
        file.write_bytes(content)


@pytest.mark.parametrize("fault", [missing, empty, noise, cut_short], ids=lambda fault: fault.__name__)
def test_a_caller_for_whom_every_prompt_is_broken_is_asked_or_with_an_operator(
    fault: Callable[[Path], None], server: Server, switch_on: SwitchOn
) -> None:
    """The controller keeps the sound of every prompt and makes its question anew; Asterisk's own are gone."""
    operator, citizen = switch_on(server, "operator1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().is_asked("category").hangs_up()
    with broken(server, fault):
        since = time.monotonic()
        citizen.dial().answers("0")
        operator.answer(10)
        talks(citizen, operator)
        measured = reached(citizen.phone, operator, since)
        record, _ = citizen.hangs_up()
    holds(f"all prompts: {fault.__name__}", "new call", measured, outcome(record), limit=5.0)
    assert record.answered_by == "operator1"


def test_a_question_that_asterisk_cannot_play_leads_to_an_operator(server: Server, switch_on: SwitchOn) -> None:
    """Damage that leaves the length of the file as it was."""
    operator, citizen = switch_on(server, "operator1"), Citizen(server, switch_on(server, "warga"))
    citizen.dial().is_asked("category").hangs_up()
    with broken(server, noise_of_its_length, "sentence-*"):
        since = time.monotonic()
        citizen.dial()
        operator.answer(10)
        talks(citizen, operator)
        measured = reached(citizen.phone, operator, since)
        record, events = citizen.hangs_up()
    holds("question that cannot be played", "new call", measured, outcome(record), limit=2.0)
    assert record.answered_by == "operator1"
    chosen = [event.detail["reason"] for event in events if event.kind == Happened.OPERATOR_CHOSEN]
    assert chosen == ["error"]
