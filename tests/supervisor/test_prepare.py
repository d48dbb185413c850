import os
import re
import shutil
import stat
from ipaddress import ip_network
from pathlib import Path

import pytest

from ivr.calls.database import reader
from ivr.calls.query import Filter, calls
from ivr.checks import CannotStart
from ivr.prompts.sources import prompt_sources
from ivr.rulebook.history import How, digest_of
from ivr.rulebook.lastgood import find_rules, history_of
from ivr.rules import load_rules
from ivr.settings import PROJECT, Settings
from ivr.supervisor.prepare import prepare
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
    machine.database.mkdir(parents=True)
    (warning,) = prepare(machine, said).warnings
    assert warning.startswith(f"catatan panggilan {machine.database} tidak dapat dibuka")
    assert "Panggilan tetap dilayani" in warning
    assert (machine.asterisk_etc / "generated" / "pjsip.conf").exists()


def test_a_record_that_is_no_database_is_kept_beside_and_said(machine: Settings) -> None:
    machine.state.mkdir(parents=True)
    machine.database.write_bytes(b"this is no database" * 1000)
    (warning,) = prepare(machine, said).warnings
    assert warning.startswith(f"catatan panggilan {machine.database} bukan basis data lagi")
    (kept,) = machine.state.glob("calls.sqlite.broken-*")
    assert kept.read_bytes().startswith(b"this is no database")
    assert machine.database.exists()


def with_rules(machine: Settings, text: str) -> Settings:
    """The machine with a rules file of its own."""
    rules = machine.state.parent / "rules.yaml"
    rules.write_text(text, encoding="utf-8")
    return machine.model_copy(update={"rules_file": rules})


def test_what_is_odd_in_the_rules_is_a_warning_with_its_line(machine: Settings) -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8")
    odd = with_rules(machine, text.replace("  - {kategori: lampu, langkah: [dishub]}\n", ""))
    warning = prepare(odd, said).warnings[0]
    assert f"aturan {odd.rules_file}, baris 7," in warning
    assert "tidak ada aturan untuk kategori `lampu`" in warning


def phone_of_dishub(machine: Settings, phone: str) -> list[str]:
    """What a start says when the street lamps' agency has this number."""
    text = SYSTEM_TEST.read_text(encoding="utf-8").replace("dishub: {akun: dishub,", f"dishub: {{telepon: {phone},")
    return [one for one in prepare(with_rules(machine, text), said).warnings if "dishub" in one]


def test_a_number_that_needs_a_trunk_is_said_when_there_is_none(machine: Settings) -> None:
    (warning,) = phone_of_dishub(machine, "0536-3221113")
    assert "trunk belum disetel" in warning
    assert phone_of_dishub(machine, "sip:dishub@192.0.2.10") == []


def test_a_placeholder_becomes_an_account_and_that_is_said(machine: Settings) -> None:
    (warning,) = phone_of_dishub(machine, "0536-0000-101")
    assert "akun percobaan" in warning
    with pytest.raises(CannotStart, match="nomor contoh"):
        phone_of_dishub(machine.model_copy(update={"demo": False, "state": machine.state / "new"}), "0536-0000-101")


def test_the_rules_of_a_start_are_in_the_history_once(machine: Settings) -> None:
    prepare(machine, said)
    prepare(machine, said)
    (entry,) = history_of(machine).entries()
    assert (entry.how, entry.digest) == (How.START, digest_of(SYSTEM_TEST.read_bytes()))
    assert history_of(machine).text(entry.digest) == SYSTEM_TEST.read_bytes()


def test_a_start_with_a_broken_file_uses_the_last_good_rules_and_says_so(machine: Settings) -> None:
    good = with_rules(machine, SYSTEM_TEST.read_text(encoding="utf-8"))
    prepare(good, said)
    broken = with_rules(machine, "kota: {}\n")
    prepared = prepare(broken, said)
    assert prepared.rules.city.name == "Uji"
    first, *problems = prepared.warnings
    assert f"berkas {broken.rules_file} tidak dapat dipakai; yang berlaku adalah aturan terakhir" in first
    assert any("`kategori` belum ditulis" in problem for problem in problems)
    assert find_rules(broken).rules.city.name == "Uji"
    assert len(history_of(machine).entries()) == 1


def test_names_that_cannot_be_spoken_give_way_to_the_last_good_rules(machine: Settings) -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8")
    prepare(with_rules(machine, text), said)
    prepared = prepare(with_rules(machine, text.replace("nama: Lampu jalan", "nama: '---'")), said)
    lamp = prepared.rules.category("lampu")
    assert lamp
    assert lamp.name == "Lampu jalan"
    assert "yang berlaku adalah aturan terakhir" in prepared.warnings[0]
    assert "category-lampu" in prepared.warnings[1]


def test_a_start_keeps_what_calls_under_the_rules_before_it_need(machine: Settings) -> None:
    """`ivr configure` runs beside a controller that still serves the rules before."""
    text = SYSTEM_TEST.read_text(encoding="utf-8")
    prepare(with_rules(machine, text), said)
    lines = machine.asterisk_etc / "generated" / "lines.conf"
    before = re.findall(r"ring-line-\w{8}", lines.read_text())
    prepare(with_rules(machine, text.replace("detik: 12", "detik: 15")), said)
    assert set(before) < set(re.findall(r"ring-line-\w{8}", lines.read_text()))


def test_broken_passwords_are_not_replaced(machine: Settings) -> None:
    machine.state.mkdir(parents=True)
    (machine.state / "secrets.json").write_text("{")
    assert "Kembalikan dari cadangan" in refused(machine)


def test_a_trunk_without_its_carriers_addresses_is_said_because_its_calls_would_be_refused(machine: Settings) -> None:
    trunk = machine.state.parent / "trunk.conf"
    trunk.write_text("[trunk](trunk-endpoint)\naors = trunk\n")
    given = machine.model_copy(update={"trunk_file": trunk})
    (warning,) = prepare(given, said).warnings
    assert f"{trunk} tidak punya bagian `type = identify`" in warning
    trunk.write_text((PROJECT / "asterisk-config" / "examples" / "trunk-ip.conf").read_text())
    assert prepare(given, said).warnings == ()


def test_a_carrier_known_by_name_is_said_where_only_networks_may_come_in(machine: Settings) -> None:
    trunk = machine.state.parent / "trunk.conf"
    trunk.write_text("[trunk]\ntype = identify\nendpoint = trunk\nmatch = sip.carrier.example, 192.0.2.10\n")
    networks = (ip_network("10.0.0.0/8"),)
    given = machine.model_copy(update={"trunk_file": trunk, "sip_networks": networks})
    (warning,) = prepare(given, said).warnings
    assert "sip.carrier.example" in warning
    assert prepare(given.model_copy(update={"sip_networks": ()}), said).warnings == ()


def test_a_trunk_file_that_is_not_there_is_named_with_its_setting(machine: Settings) -> None:
    trunk = machine.state.parent / "trunk.conf"
    sentence = refused(machine.model_copy(update={"trunk_file": trunk}))
    assert f"{trunk}: No such file or directory" in sentence
    assert "IVR_TRUNK_FILE" in sentence


def test_a_catalogue_that_is_not_there_is_named(machine: Settings) -> None:
    empty = machine.state.parent / "empty"
    assert str(empty / "prompts.yaml") in refused(machine.model_copy(update={"prompts": empty}))


def test_rules_that_cannot_be_used_are_said_before_anything_is_made(machine: Settings) -> None:
    broken = with_rules(machine, "kota: {}\n")
    assert refused(broken).startswith(f"Aturan {broken.rules_file} tidak dapat dipakai.")
    assert not machine.database.exists()
    with pytest.raises(CannotStart, match="baris 1"):
        find_rules(broken)
