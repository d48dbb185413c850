import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import ivr.settings
from ivr.checks import only_one
from ivr.cli import app
from ivr.rules import load_rules
from ivr.secrets import Secrets
from ivr.settings import PROJECT, Settings, load_settings
from ivr.welcome import plain_console, welcome
from tests.city import SHIPPED, SYSTEM_TEST, free_ports

RUN = CliRunner()


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of an ordinary user with ports of its own: no real state, `.env` or Asterisk has a say."""
    folder = tmp_path_factory.mktemp("i")
    for name in [name for name in os.environ if name.upper().startswith("IVR_")]:
        monkeypatch.delenv(name)
    sip, agi, ami = free_ports(3)
    given = {
        "IVR_STATE": folder / "state",
        "IVR_RECORDINGS": folder / "calls",
        "IVR_PROMPTS": folder / "recordings",
        "IVR_CACHE": folder / "cache",
        "IVR_RULES_FILE": SHIPPED,
        "IVR_ASTERISK": "cached",
        "IVR_SIP_PORT": sip,
        "IVR_AGI_PORT": agi,
        "IVR_AMI_PORT": ami,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(ivr.settings, "PROJECT", folder)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return folder


def refused(*arguments: str) -> str:
    """What the command says on stderr; it must end with exit code 1."""
    done = RUN.invoke(app, arguments)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    return done.stderr.strip()


def really(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command as a process of its own, in the environment of the test."""
    return subprocess.run(
        [sys.executable, "-m", "ivr", *arguments],
        env={**os.environ, **environment},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


# Help.


def commands(command: object, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command that does something, as its words."""
    below = getattr(command, "commands", {})
    if path and (not below or getattr(command, "invoke_without_command", False)):
        yield path
    for name, one in below.items():
        yield from commands(one, *path, name)


@pytest.mark.parametrize("words", [*commands(typer.main.get_command(app))], ids=" ".join)
def test_every_command_helps_with_an_example(words: tuple[str, ...]) -> None:
    done = RUN.invoke(app, [*words, "--help"])
    assert done.exit_code == 0
    assert "Example" in done.output
    assert " ".join(("ivr", *words)) in " ".join(done.output.split())


def test_without_a_command_the_help_is_shown() -> None:
    shown = RUN.invoke(app, []).output
    assert all(name in shown for name in ("up", "demo", "calls", "prompts", "settings"))


def test_the_version_is_printed() -> None:
    assert RUN.invoke(app, ["version"]).output == f"{ivr.__version__}\n"


# Settings.


@pytest.mark.usefixtures("place")
def test_settings_as_json_hold_every_setting_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_RTP_FIRST", "20000")
    monkeypatch.setenv("IVR_RTP_LAST", "20100")
    done = RUN.invoke(app, ["settings", "--json"])
    values = json.loads(done.stdout)
    assert set(values) == {f"IVR_{name.upper()}" for name in Settings.model_fields}
    assert (values["IVR_RTP_FIRST"], values["IVR_DEMO"], values["IVR_TRUNK_FILE"]) == (20000, True, None)
    assert values["IVR_STATE"] == os.environ["IVR_STATE"]


@pytest.mark.usefixtures("place")
def test_settings_are_listed_with_what_they_mean_and_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_CACHE", f"/srv/{'long' * 30}")
    shown = RUN.invoke(app, ["settings"], env={"COLUMNS": "80"}).stdout
    assert "IVR_SIP_PORT" in shown
    assert "SIP over UDP and TCP" in shown
    assert "…" not in shown
    assert shown.count("long") >= 25


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "words", [("calls",), ("demo",), ("up",), ("configure",), ("controller",), ("prompts", "check")]
)
def test_a_wrong_setting_is_one_sentence_with_its_remedy(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IVR_SIP_PORT", "lima")
    assert refused(*words) == (
        "Pengaturan IVR_SIP_PORT = 'lima' tidak dapat dipakai (harus bilangan bulat). "
        "Perbaiki di lingkungan atau di berkas .env; daftar pengaturan: ivr settings"
    )


@pytest.mark.usefixtures("place")
def test_the_list_of_settings_helps_also_while_one_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_SIP_PORT", "lima")
    done = RUN.invoke(app, ["settings"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Pengaturan IVR_SIP_PORT = 'lima'")
    assert done.stderr.count("\n") == 1
    assert "IVR_SIP_ADDRESS" in done.stdout


# Without a server.


def test_the_record_of_calls_before_the_first_start_says_where_it_looked(place: Path) -> None:
    done = really("calls")
    assert done.returncode == 3
    assert str(place / "state" / "calls.sqlite") in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (place / "state").exists()


def test_the_demo_without_a_server_says_how_to_start_one_and_leaves_nothing(place: Path) -> None:
    done = really("demo", "--keys", "1,3")
    assert done.returncode == 1
    port = os.environ["IVR_SIP_PORT"]
    assert done.stderr == (
        f"Server 112 tidak menjawab di 127.0.0.1 port {port}. Nyalakan dulu di terminal lain: make run\n"
    )
    assert not (place / "state").exists()


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("keys", ["13", "1,x", "1,,12", "-"])
def test_keys_that_no_phone_has_are_wrong_use(keys: str) -> None:
    done = RUN.invoke(app, ["demo", "--keys", keys])
    assert done.exit_code == 2
    assert "tulis tombol dipisah koma" in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.usefixtures("place")
def test_a_demo_that_is_switched_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_DEMO", "no")
    with socket.create_server(("127.0.0.1", int(os.environ["IVR_SIP_PORT"]))):
        assert "IVR_DEMO=no" in refused("demo")


def test_broken_passwords_are_not_replaced_behind_the_admins_back(place: Path) -> None:
    (place / "state").mkdir()
    (place / "state" / "secrets.json").write_text("{")
    with socket.create_server(("127.0.0.1", int(os.environ["IVR_SIP_PORT"]))):
        assert refused("demo").startswith(f"Berkas sandi {place / 'state' / 'secrets.json'} rusak")


# Starting.


def test_up_as_root_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    sentence = refused("up")
    assert sentence.startswith("Server 112 tidak boleh berjalan sebagai root.")
    assert "\n" not in sentence
    assert not (place / "state").exists()


@pytest.mark.parametrize("name", ["IVR_SIP_PORT", "IVR_AGI_PORT", "IVR_AMI_PORT"])
def test_up_with_a_port_in_use_names_setting_and_remedy_before_anything_is_made(name: str, place: Path) -> None:
    port = os.environ[name]
    with socket.create_server(("127.0.0.1", int(port))):
        sentence = refused("up")
    assert sentence.startswith(f"Port {port} di 127.0.0.1 ({name}) sedang dipakai program lain.")
    assert f"setel {name} ke port lain" in sentence
    assert not (place / "recordings").exists()


@pytest.mark.usefixtures("place")
def test_a_real_up_with_a_port_in_use_ends_with_one_sentence() -> None:
    port = os.environ["IVR_SIP_PORT"]
    with socket.create_server(("127.0.0.1", int(port))):
        done = really("up", IVR_ALLOW_ROOT="yes")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"Port {port} di 127.0.0.1 (IVR_SIP_PORT) sedang dipakai program lain.")


@pytest.mark.usefixtures("place")
def test_the_controller_alone_names_its_port_too() -> None:
    with socket.create_server(("127.0.0.1", int(os.environ["IVR_AGI_PORT"]))):
        assert "(IVR_AGI_PORT) sedang dipakai program lain" in refused("controller")


def test_a_second_up_is_refused_and_touches_nothing_of_the_first(place: Path) -> None:
    (place / "state").mkdir()
    with only_one(load_settings()):
        assert f"sudah berjalan (proses {os.getpid()})" in refused("up")
    assert not (place / "state" / "asterisk").exists()


@pytest.mark.usefixtures("place")
def test_up_without_any_asterisk_says_what_installs_one() -> None:
    assert refused("up").endswith("Jalankan: make run (memasang semua yang kurang)")


BROKEN = """\
kota: {nama: Kota, kode: 99.01, zona: Asia/Tokyo}
kategori:
  api: {tombol: 0, nama: Api}
wilayah:
  99.01.01: {tombol: 1, nama: Utara}
jalur:
  pos: {akun: pos, detik: lama}
instansi:
  damkar: {nama: Damkar, jalur: poss}
operator: {akun: [op_1]}
aturan:
  - {kategori: api, langkah: [damkar]}
siaga_24_jam: siaga
"""


@pytest.mark.parametrize(
    "words", [("up",), ("calls",), ("demo",), ("configure",), ("controller",), ("prompts", "build")]
)
def test_a_broken_rules_file_shows_every_problem_with_its_line(
    words: tuple[str, ...], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place / "aturan.yaml"
    path.write_text(BROKEN)
    monkeypatch.setenv("IVR_RULES_FILE", str(path))
    first, *problems = refused(*words).splitlines()
    assert first == f"Aturan {path} tidak dapat dipakai. Perbaiki lalu jalankan lagi:"
    assert [line.partition(",")[0] for line in problems] == [f"baris {line}" for line in (1, 3, 7, 9, 13)]
    assert "Maksud Anda `pos`?" in problems[3]


def test_a_rules_file_that_is_not_there_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_RULES_FILE", str(place / "tidak-ada.yaml"))
    assert "tidak-ada.yaml` tidak dapat dibaca" in refused("up")


@pytest.mark.usefixtures("place")
def test_the_welcome_shows_names_as_they_are_written_whatever_brackets_they_have(tmp_path: Path) -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8").replace("nama: Uji,", "nama: 'Uji [/b] :fire:',")
    rules = load_rules(text.replace("damkar_1: {akun", "damkar_1: {nama: 'Damkar [red]1[/red] [/x]', akun"))
    shown = io.StringIO()
    secrets = Secrets(tmp_path / "secrets.json")
    welcome(plain_console(shown), load_settings(), rules, secrets, 1.234)
    assert "Server 112 Uji [/b] :fire: siap (1.2 detik)." in shown.getvalue()
    assert "Damkar [red]1[/red] [/x]" in shown.getvalue()
    for account in ("warga", "operator1", "damkar_1"):
        assert secrets[account] in shown.getvalue()
