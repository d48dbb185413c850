import os
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
from pydantic import ValidationError

import ivr.settings
from ivr.settings import PROJECT, Settings, SettingsError, load_settings, serving_settings

Write = Callable[..., None]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """`written(".env text", IVR_...="environment")`: all that the settings are made from."""
    for name in [name for name in os.environ if name.upper().startswith("IVR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(ivr.settings, "PROJECT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def write(file: str | bytes = "", **environment: str) -> None:
        content = file.encode() if isinstance(file, str) else file
        (tmp_path / ".env").write_bytes(content)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return write


def wrong() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def test_without_any_setting_everything_has_a_place(written: Write, tmp_path: Path) -> None:
    written()
    settings = load_settings()
    assert settings.rules_file == tmp_path / "routing_rules.yaml"
    assert settings.built_prompts == tmp_path / "recordings" / "built"
    assert settings.state == tmp_path / "home" / ".local" / "state" / "ivr112"
    assert settings.cache == tmp_path / "home" / ".cache" / "ivr112"
    assert (str(settings.sip_address), settings.sip_port, settings.sip_tls_port) == ("127.0.0.1", 5060, 0)
    assert not settings.allow_root


def test_what_the_services_write_lies_in_the_state_directory(written: Write, tmp_path: Path) -> None:
    written(IVR_STATE=str(tmp_path / "s"))
    settings = load_settings()
    for path in (settings.database, settings.asterisk_etc, settings.asterisk_log, settings.cel_file):
        assert path.is_relative_to(tmp_path / "s")


def test_a_relative_path_is_taken_from_the_project_and_a_tilde_from_home(written: Write, tmp_path: Path) -> None:
    written(IVR_RULES_FILE="kota/aturan.yaml", IVR_RECORDINGS="~/rekaman")
    settings = load_settings()
    assert settings.rules_file == tmp_path / "kota" / "aturan.yaml"
    assert settings.recordings == tmp_path / "home" / "rekaman"


def test_the_xdg_folders_are_used_where_they_are_set(written: Write, tmp_path: Path) -> None:
    written(XDG_STATE_HOME=str(tmp_path / "xdg"))
    assert load_settings().state == tmp_path / "xdg" / "ivr112"


def test_the_environment_is_stronger_than_the_file(written: Write) -> None:
    written("IVR_SIP_PORT=5070\nIVR_AGI_PORT=4600\n", IVR_SIP_PORT="5080")
    settings = load_settings()
    assert (settings.sip_port, settings.agi_port) == (5080, 4600)


def test_an_empty_value_means_the_default(written: Write) -> None:
    written("IVR_SIP_TLS_PORT=\n", IVR_TRUNK_FILE="")
    settings = load_settings()
    assert (settings.sip_tls_port, settings.trunk_file) == (0, None)


def test_settings_never_change_after_loading(written: Write) -> None:
    written()
    with pytest.raises(ValidationError):
        load_settings().sip_port = 1


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("IVR_SIP_PORT", "lima", "harus bilangan bulat"),
        ("IVR_SIP_PORT", "0", "paling kecil 1"),
        ("IVR_AMI_PORT", "70000", "paling besar 65535"),
        ("IVR_SIP_TLS_PORT", "-1", "paling kecil 0"),
        ("IVR_SIP_ADDRESS", "localhost", "bukan alamat IP"),
        ("IVR_DEMO", "ya", "pilihannya yes atau no"),
        ("IVR_ASTERISK", "punya saya", "pilihannya 'auto', 'system' atau 'cached'"),
        ("IVR_STATE", "~tidak_ada_orang_ini/x", "folder rumah pengguna itu tidak diketahui"),
        ("IVR_STATE", "/srv/a;b", "jalur yang dibaca Asterisk tidak boleh memuat tanda ';'"),
        ("IVR_PROMPTS", "/srv/112 (1)", "jalur yang dibaca Asterisk tidak boleh memuat tanda '('"),
        ("IVR_RECORDINGS", "/srv/a\nb", "jalur yang dibaca Asterisk tidak boleh memuat tanda '\\n'"),
        ("IVR_TLS_KEY", "/srv/a&b", "jalur yang dibaca Asterisk tidak boleh memuat tanda '&'"),
    ],
)
def test_a_wrong_setting_is_one_sentence_with_its_name_value_reason_and_remedy(
    name: str, value: str, reason: str, written: Write
) -> None:
    written(**{name: value})
    sentence = wrong()
    assert sentence.startswith(f"Pengaturan {name} = {value!r} tidak dapat dipakai ({reason}).")
    assert "Perbaiki di lingkungan atau di berkas .env" in sentence
    assert "\n" not in sentence


def test_every_wrong_setting_is_said_at_once(written: Write) -> None:
    written("IVR_SIP_PORT=x\nIVR_LOG_LEVEL=loud\n", IVR_AGI_PORT="y")
    lines = wrong().splitlines()
    named = {name for name in ("IVR_SIP_PORT", "IVR_LOG_LEVEL", "IVR_AGI_PORT") for line in lines if name in line}
    assert (len(lines), len(named)) == (3, 3)


@pytest.mark.parametrize("name", ["IVR_SIP_PROT", "PORT"])
def test_a_misspelt_setting_in_the_file_is_named_as_it_stands_there(name: str, written: Write) -> None:
    written(f"{name}=5070\n")
    assert wrong().startswith(f"Pengaturan {name} = '...' tidak dapat dipakai (pengaturan ini tidak ada).")


def test_a_file_that_is_not_text_is_named(written: Write, tmp_path: Path) -> None:
    written(b"IVR_STATE=/srv/caf\xe9\n")
    assert wrong().startswith(f"Berkas {tmp_path / '.env'} tidak terbaca")


def test_letters_of_other_alphabets_and_blanks_are_allowed_in_paths(written: Write) -> None:
    written(IVR_STATE="/srv/Layanan Darurat/状态")
    assert load_settings().state == Path("/srv/Layanan Darurat/状态")


@pytest.mark.parametrize(("first", "last"), [("10000", "10019"), ("10999", "10000")])
def test_too_few_ports_for_speech_are_refused(first: str, last: str, written: Write) -> None:
    written(IVR_RTP_FIRST=first, IVR_RTP_LAST=last)
    sentence = wrong()
    assert f"IVR_RTP_FIRST = {first}" in sentence
    assert f"IVR_RTP_LAST = {last}" in sentence


def test_tls_needs_certificate_and_key(written: Write) -> None:
    written(IVR_SIP_TLS_PORT="5061", IVR_TLS_CERTIFICATE="/srv/tls.pem")
    assert "IVR_TLS_KEY" in wrong()
    written(IVR_TLS_KEY="/srv/tls.key")
    assert load_settings().sip_tls_port == 5061


def test_two_doors_on_one_port_are_refused_with_both_names(written: Write) -> None:
    written(IVR_SIP_PORT="5038")
    assert "IVR_SIP_PORT dan IVR_AMI_PORT sama-sama memakai port 5038" in wrong()


def test_an_ipv6_address_is_an_address(written: Write) -> None:
    written(IVR_SIP_ADDRESS="::1")
    assert load_settings().sip_address == ip_address("::1")


def test_the_project_is_the_folder_of_the_rules_file() -> None:
    assert (PROJECT / "routing_rules.yaml").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("alarm_url", "foo"), ("heartbeat_number", "0536-112"), ("http_port", "99999"), ("log_level", "loud")],
)
def test_a_slip_in_what_no_caller_needs_does_not_keep_the_services_from_starting(
    name: str, value: str, written: Write
) -> None:
    variable = f"IVR_{name.upper()}"
    written(f"{variable}={value}\nIVR_SIP_PORT=5070\nIVR_ALARMURL=https://u:secret@host/x\n")
    settings, problems = serving_settings()
    assert getattr(settings, name) == getattr(Settings(_env_file=None), name)  # type: ignore[call-arg]
    assert settings.sip_port == 5070
    assert any(variable in problem for problem in problems)
    assert "secret" not in "".join(problems)


def test_a_wrong_port_keeps_the_services_from_starting(written: Write) -> None:
    written("IVR_SIP_PORT=x\n")
    with pytest.raises(SettingsError, match="IVR_SIP_PORT"):
        serving_settings()
