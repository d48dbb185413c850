import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ivr.prompts.build import build
from ivr.prompts.catalogue import PromptSources, Subject, Subjects
from ivr.prompts.sound import RATE, Samples

SHIPPED = Path(__file__).parents[2] / "recordings" / "prompts.yaml"
SMALL_CATALOGUE = """
tetap:
  greeting: {teks: "Layanan darurat satu satu dua.", dipakai: "pembuka"}
  again: {teks: "Maaf, kami belum menerima pilihan Anda.", dipakai: "tanpa tombol"}
nada:
  ringback: {dipakai: "menunggu"}
"""


@pytest.fixture
def shipped() -> Path:
    """The catalogue file a city gets."""
    return SHIPPED


def small_city(folder: Path) -> PromptSources:
    rest = SHIPPED.read_text(encoding="utf-8").partition("# Dibuat untuk setiap")[2]
    derived, _, reading = rest.partition("# Bunyi tanpa kata.")
    shared = "# " + derived + "baca:" + reading.partition("\nbaca:")[2]
    catalogue = folder / "prompts.yaml"
    catalogue.write_text(SMALL_CATALOGUE + shared, encoding="utf-8")
    studio = folder / "studio"
    studio.mkdir()
    subjects = Subjects(categories=(Subject("kebakaran", "Kebakaran", "1"),))
    return PromptSources(catalogue, studio, folder / "built", subjects)


@pytest.fixture
def sources(tmp_path: Path) -> PromptSources:
    """A city with two fixed prompts, a tone, the ten numbers and one category; nothing is built."""
    return small_city(tmp_path)


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = small_city(tmp_path_factory.mktemp("city"))
    build(sources)
    return sources.built_folder


@pytest.fixture
def built(sources: PromptSources, built_once: Path) -> PromptSources:
    """The same city, built."""
    shutil.copytree(built_once, sources.built_folder)
    return sources


@pytest.fixture
def voice_like() -> Callable[[float, float], Samples]:
    """`voice_like(seconds, peak)`: a sound at 8 kHz that rises and falls, loud enough for a prompt."""

    def make(seconds: float, peak: float) -> Samples:
        time = np.arange(round(seconds * RATE)) / RATE
        wave = np.sin(2 * np.pi * 300 * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))
        return np.asarray(wave / np.max(np.abs(wave)) * peak, dtype=np.float64)

    return make
