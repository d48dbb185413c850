import os
import shutil
import stat
from pathlib import Path

import pytest

from ivr.calls.database import reader
from ivr.calls.query import Filter, calls
from ivr.prompts.sources import prompt_sources
from ivr.rules import load_rules
from ivr.settings import PROJECT, Settings
from ivr.supervisor.checks import CannotStart
from ivr.supervisor.prepare import prepare, read_rules
from tests.city import SYSTEM_TEST, settings_in, write_clips


def said(_text: str) -> None:
    """Progress nobody looks at."""


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city whose studio has recorded every prompt, so that no voice is needed; built."""
    folder = tmp_path_factory.mktemp("r")
    shutil.copy(PROJECT / "recordings" / "prompts.yaml", folder)
    sources = prompt_sources(load_rules(SYSTEM_TEST), folder)
    write_clips(folder / "studio", sources.prompts(), 0.2)
    return folder


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory, recordings: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A machine with a downloaded Asterisk, started by an ordinary user."""
    folder = tmp_path_factory.mktemp("p")
    for path, text in {"bin/bwrap": "echo Asterisk 22.10.1", "cache/asterisk-root/usr/sbin/asterisk": ""}.items():
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text(f"#!/bin/sh\n{text}\n")
        (folder / path).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return settings_in(folder, prompts=recordings, rules_file=SYSTEM_TEST, asterisk="cached")


def refused(settings: Settings) -> str:
    with pytest.raises(CannotStart) as caught:
        prepare(settings, said)
    return str(caught.value)


def test_everything_a_start_needs_is_made(machine: Settings) -> None:
    told: list[str] = []
    prepared = prepare(machine, told.append)
    assert (prepared.program.version, prepared.warnings) == ("22.10.1", ())
    assert (machine.built_prompts / "greeting.wav").exists()
    assert (machine.asterisk_etc / "generated" / "lifeline.conf").exists()
    with reader(machine.database) as connection:
        assert calls(connection, Filter()) == []
    assert told[-1] == "Menyiapkan basis data dan konfigurasi"


def test_preparing_again_keeps_the_passwords(machine: Settings) -> None:
    first = prepare(machine, said).secrets["damkar_1"]
    assert prepare(machine, said).secrets["damkar_1"] == first


def test_a_record_that_cannot_be_opened_is_a_warning_because_calls_do_not_need_it(machine: Settings) -> None:
    machine.state.mkdir(parents=True)
    machine.database.write_bytes(b"this is no database" * 1000)
    (warning,) = prepare(machine, said).warnings
    assert warning.startswith(f"catatan panggilan {machine.database} tidak dapat dibuka")
    assert "Panggilan tetap dilayani" in warning
    assert (machine.asterisk_etc / "generated" / "pjsip.conf").exists()
    assert machine.database.read_bytes().startswith(b"this is no database")


def test_what_is_odd_in_the_rules_is_a_warning_with_its_line(machine: Settings) -> None:
    rules = machine.state.parent / "rules.yaml"
    text = SYSTEM_TEST.read_text(encoding="utf-8")
    rules.write_text(text.replace("  - {kategori: lampu, langkah: [dishub]}\n", ""), encoding="utf-8")
    (warning,) = prepare(machine.model_copy(update={"rules_file": rules}), said).warnings
    assert f"aturan {rules}, baris 7," in warning
    assert "tidak ada aturan untuk kategori `lampu`" in warning


def test_broken_passwords_are_not_replaced(machine: Settings) -> None:
    machine.state.mkdir(parents=True)
    (machine.state / "secrets.json").write_text("{")
    assert "Kembalikan dari cadangan" in refused(machine)


def test_a_trunk_file_that_is_not_there_is_named_with_its_setting(machine: Settings) -> None:
    trunk = machine.state.parent / "trunk.conf"
    sentence = refused(machine.model_copy(update={"trunk_file": trunk}))
    assert f"{trunk}: No such file or directory" in sentence
    assert "IVR_TRUNK_FILE" in sentence


def test_a_catalogue_that_is_not_there_is_named(machine: Settings) -> None:
    empty = machine.state.parent / "empty"
    assert str(empty / "prompts.yaml") in refused(machine.model_copy(update={"prompts": empty}))


def test_rules_that_cannot_be_used_are_said_before_anything_is_made(machine: Settings) -> None:
    rules = machine.state.parent / "rules.yaml"
    rules.write_text("kota: {}\n")
    broken = machine.model_copy(update={"rules_file": rules})
    assert refused(broken).startswith(f"Aturan {rules} tidak dapat dipakai.")
    assert not machine.database.exists()
    with pytest.raises(CannotStart, match="baris 1"):
        read_rules(broken)
