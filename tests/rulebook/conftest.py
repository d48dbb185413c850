"""What a house is built of; the studio of its city is recorded once."""

import shutil
from pathlib import Path

import pytest

from ivr.prompts.sources import prompt_sources
from ivr.rulebook import force as forcing
from ivr.rules import load_rules
from ivr.settings import PROJECT, Settings
from tests.city import settings_in, write_clips
from tests.rulebook.house import FLOOD, TEXT, Asterisk


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city whose studio has recorded every prompt, so that no voice is needed."""
    folder = tmp_path_factory.mktemp("r")
    shutil.copy(PROJECT / "recordings" / "prompts.yaml", folder)
    wanted = {name for text in (TEXT, FLOOD) for name in prompt_sources(load_rules(text), folder).prompts()}
    write_clips(folder / "studio", sorted(wanted), 0.2)
    return folder


@pytest.fixture
def settings(tmp_path: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    shutil.copytree(recordings, tmp_path / "r", dirs_exist_ok=True)
    (tmp_path / "rules.yaml").write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(forcing, "AGAIN", 0.02)
    found = settings_in(tmp_path, prompts=tmp_path / "r", rules_file=tmp_path / "rules.yaml")
    (found.asterisk_etc / "generated").mkdir(parents=True)
    return found


@pytest.fixture
def asterisk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Asterisk:
    found = Asterisk(settings)
    monkeypatch.setattr(forcing, "take", found.take)
    return found
