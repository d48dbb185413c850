from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.accounts import (
    HEARTBEAT,
    OUTBOUND,
    account_names,
    carrier_hosts,
    own_address,
    pjsip_file,
    queue_file,
)
from ivr.asterisk.configure import SOURCE, write_configuration
from ivr.prompts.positions import LAST
from ivr.rules import Rules, RulesError, load_rules
from ivr.secrets import Secrets
from tests.asterisk.reading import caller_id, sections
from tests.city import SHIPPED, SYSTEM_TEST, settings_in

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(str.isprintable)


def city_with(name: str) -> Rules:
    """The system tests' city with another name for the fire brigade's phone."""
    text = SYSTEM_TEST.read_text(encoding="utf-8")
    escaped = "".join(f"\\U{ord(letter):08x}" for letter in name)
    return load_rules(text.replace("damkar_1: {akun", f'damkar_1: {{nama: "{escaped}", akun'))


def pjsip(rules: Rules, folder: Path, **given: object) -> dict[str, list[tuple[str, str]]]:
    secrets = Secrets(folder / "secrets.json")
    return sections(pjsip_file(rules, settings_in(folder, **given), secrets, "0a1b2c3d"))


def test_every_phone_of_the_rules_can_register_and_the_demo_citizen_too(tmp_path: Path) -> None:
    rules = load_rules(SHIPPED)
    accounts = list(account_names(rules, settings_in(tmp_path)))
    assert accounts[:2] == ["operator1", "operator2"]
    assert accounts[-1] == "warga"
    assert set(accounts) == {
        *(line.account for line in rules.lines if line.account),
        "operator1",
        "operator2",
        "warga",
    }


def test_without_the_demo_no_citizen_can_register(tmp_path: Path) -> None:
    assert "warga" not in account_names(load_rules(SHIPPED), settings_in(tmp_path, demo=False))


def test_a_phone_shows_its_own_name_else_its_agencys_else_its_id(tmp_path: Path) -> None:
    names = account_names(city_with("Pos 1"), settings_in(tmp_path))
    assert (names["damkar_1"], names["damkar_2"], names["siaga"]) == ("Pos 1", "Pos Damkar", "siaga")


def test_an_account_has_an_endpoint_a_password_and_a_place_to_register(tmp_path: Path) -> None:
    found = pjsip(load_rules(SYSTEM_TEST), tmp_path)
    password = Secrets(tmp_path / "secrets.json")["damkar_2"]
    assert found["damkar_2"] == [
        ("aors", "damkar_2"),
        ("auth", "damkar_2"),
        ("callerid", '"Pos Damkar" <damkar_2>'),
        ("username", "damkar_2"),
        ("password", password),
    ]
    assert ("device_state_busy_at", "1") in found["operator1"]
    assert ("device_state_busy_at", "1") not in found["damkar_2"]


def test_speech_is_encrypted_for_every_phone_when_asked_for(tmp_path: Path) -> None:
    found = pjsip(load_rules(SYSTEM_TEST), tmp_path, media_encryption="sdes")
    accounts = account_names(load_rules(SYSTEM_TEST), settings_in(tmp_path))
    assert all(("media_encryption", "sdes") in found[account] for account in accounts)


def test_sip_is_heard_over_udp_and_tcp_and_over_tls_when_asked_for(tmp_path: Path) -> None:
    plain = pjsip(load_rules(SYSTEM_TEST), tmp_path, sip_address="10.0.0.5", sip_port=5070)
    assert [dict(plain[name])["bind"] for name in ("udp", "tcp")] == ["10.0.0.5:5070"] * 2
    assert "tls" not in plain
    secure = pjsip(
        load_rules(SYSTEM_TEST), tmp_path, sip_tls_port=5061, tls_certificate="/srv/a.pem", tls_key="/srv/a.key"
    )
    assert dict(secure["tls"]) == {
        "type": "transport",
        "protocol": "tls",
        "bind": "127.0.0.1:5061",
        "cert_file": "/srv/a.pem",
        "priv_key_file": "/srv/a.key",
        "method": "tlsv1_2",
    }


def test_an_ipv6_address_stands_in_brackets_before_its_port(tmp_path: Path) -> None:
    found = pjsip(load_rules(SYSTEM_TEST), tmp_path, sip_address="2001:db8::5")
    assert dict(found["udp"])["bind"] == "[2001:db8::5]:5060"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('Damkar "siang"', "Damkar 'siang'"),
        ("Damkar; regu A", "Damkar, regu A"),
        ("C:\\Damkar", "C:/Damkar"),
        ("\\", "/"),
        ("<sip:evil>", "(sip:evil)"),
        (";--", ",--"),
        ("[damkar_2] {x} ${SHELL(id)}", "[damkar_2] {x} ${SHELL(id)}"),
        ("#include /etc/shadow", "#include /etc/shadow"),
        ("Pemadam é 消防", "Pemadam é 消防"),
    ],
)
def test_a_hostile_name_stays_a_name_on_the_phones_display(name: str, shown: str, tmp_path: Path) -> None:
    endpoint = dict(pjsip(city_with(name), tmp_path)["damkar_1"])
    assert caller_id(endpoint["callerid"]) == (shown, "damkar_1")


@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_no_name_adds_changes_or_hides_a_setting(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "accounts"
    plain, named = pjsip(city_with("Damkar"), folder), pjsip(city_with(name), folder)
    assert {section: [key for key, _ in pairs] for section, pairs in named.items()} == {
        section: [key for key, _ in pairs] for section, pairs in plain.items()
    }
    assert caller_id(dict(named["damkar_1"])["callerid"])[1] == "damkar_1"


def test_the_citys_trunk_is_taken_over_byte_for_byte(tmp_path: Path) -> None:
    trunk = tmp_path / "trunk.conf"
    trunk.write_bytes(b"[trunk](trunk-endpoint)\n; pelanggan caf\xe9\naors = trunk\n")
    given = settings_in(tmp_path, trunk_file=trunk)
    etc = write_configuration(load_rules(SYSTEM_TEST), given, Secrets(tmp_path / "secrets.json"))
    assert trunk.read_bytes() + b"\n[outbound-only]" in (etc / "generated" / "pjsip.conf").read_bytes()


def test_the_server_calls_itself_by_an_account_that_only_it_knows(tmp_path: Path) -> None:
    found = dict(pjsip(load_rules(SYSTEM_TEST), tmp_path)[HEARTBEAT])
    assert found["context"] == "from-heartbeat"
    assert "ip" not in found["identify_by"].split(",")
    assert found["auth"] == found["outbound_auth"] == found["from_user"] == found["username"] == HEARTBEAT
    assert found["password"] == Secrets(tmp_path / "secrets.json")[HEARTBEAT]
    assert caller_id(found["callerid"]) == ("Uji coba", "112")
    assert HEARTBEAT not in account_names(load_rules(SYSTEM_TEST), settings_in(tmp_path))


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1", "127.0.0.1:5060"),
        ("10.0.0.5", "10.0.0.5:5060"),
        ("0.0.0.0", "127.0.0.1:5060"),  # noqa: S104 nothing is bound
        ("2001:db8::5", "[2001:db8::5]:5060"),
        ("::", "[::1]:5060"),
    ],
)
def test_the_server_reaches_itself_where_it_listens(address: str, own: str, tmp_path: Path) -> None:
    assert own_address(settings_in(tmp_path, sip_address=address)) == own


def test_test_calls_are_encrypted_like_those_of_phones(tmp_path: Path) -> None:
    found = pjsip(load_rules(SYSTEM_TEST), tmp_path, media_encryption="sdes")
    assert ("media_encryption", "sdes") in found[HEARTBEAT]


def test_a_trunk_file_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"trunk\.conf"):
        pjsip(load_rules(SYSTEM_TEST), tmp_path, trunk_file=tmp_path / "trunk.conf")


def test_operators_are_members_whose_phones_are_watched(tmp_path: Path) -> None:
    assert queue_file(load_rules(SYSTEM_TEST)) == (
        "maxlen = 0\n"
        "member => Local/operator1@ring-line/n,0,operator1,PJSIP/operator1\n"
        "member => Local/operator2@ring-line/n,0,operator2,PJSIP/operator2\n"
    )


def test_a_waiting_caller_is_told_the_position_by_sentences_of_which_a_broken_one_costs_nothing_else() -> None:
    text = (SOURCE / "queues.conf").read_text(encoding="utf-8")
    queue = dict(sections(text.replace("#include", ";"))["operators"])
    assert (queue["announce-position"], queue["announce-position-limit"]) == ("more", str(LAST))
    assert {value for name, value in queue.items() if name.startswith(("queue-", "periodic-announce"))} == {""}
    assert {name for name in queue if name.startswith("queue-")} == {  # each, or Asterisk's own default counts
        *("queue-youarenext", "queue-thereare", "queue-callswaiting"),
        *("queue-quantity1", "queue-quantity2", "queue-thankyou"),
    }
    assert 20 <= int(queue["min-announce-frequency"]) <= 30 <= int(queue["announce-frequency"])
    assert queue["announce-to-first-user"] == "no"


def test_no_more_callers_wait_than_the_rules_allow() -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8") + "kebijakan: {luapan: {antrean: 7, jalur: [siaga]}}\n"
    assert queue_file(load_rules(text)).startswith("maxlen = 7\n")


def test_an_account_of_earlier_rules_can_still_be_rung_and_the_newest_name_is_shown(tmp_path: Path) -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8")
    renamed = load_rules(
        text.replace("damkar_2", "damkar_9").replace("damkar_1: {akun", "damkar_1: {nama: Baru, akun")
    )
    names = account_names(renamed, settings_in(tmp_path), [load_rules(text)])
    assert (names["damkar_1"], names["damkar_2"], names["damkar_9"]) == ("Baru", "Pos Damkar", "Pos Damkar")
    assert [next(iter(names)), list(names)[-1]] == ["operator1", "warga"]


def test_the_endpoint_for_sip_addresses_has_no_account_no_address_and_no_other_owner(tmp_path: Path) -> None:
    found = pjsip(load_rules(SYSTEM_TEST), tmp_path)
    assert found[OUTBOUND] == [("accountcode", "0a1b2c3d")]
    with pytest.raises(RulesError):
        load_rules(SYSTEM_TEST.read_text(encoding="utf-8").replace("akun: dishub", f"akun: {OUTBOUND}"))


# Who may ask at all.


def permitted(folder: Path, text: str = "", **given: object) -> list[str]:
    """The networks whose requests are heard, in order; AssertionError unless all others are denied before."""
    rules = load_rules(text or SYSTEM_TEST)
    networks = pjsip(rules, folder, sip_networks="10.1.0.0/16,2001:db8:7::/48", **given)["networks"]
    assert networks[:3] == [("type", "acl"), ("deny", "0.0.0.0/0"), ("deny", "::/0")]
    assert {name for name, _ in networks[3:]} == {"permit"}
    return [network for _, network in networks[3:]]


def test_requests_are_heard_from_anywhere_until_networks_are_named(tmp_path: Path) -> None:
    assert "networks" not in pjsip(load_rules(SYSTEM_TEST), tmp_path)


def test_requests_are_heard_from_the_networks_named_and_from_this_machine_alone(tmp_path: Path) -> None:
    loopback = ["127.0.0.0/8", "::1/128"]
    assert permitted(tmp_path) == [*loopback, "127.0.0.1/32", "10.1.0.0/16", "2001:db8:7::/48"]
    assert permitted(tmp_path, sip_address="203.0.113.20")[2] == "203.0.113.20/32"
    assert permitted(tmp_path, sip_address="2001:db8::5")[2] == "2001:db8::5/128"


def test_the_carrier_is_heard_though_nobody_named_its_network(tmp_path: Path) -> None:
    trunk = tmp_path / "trunk.conf"
    trunk.write_text(
        "[trunk]\ntype = identify\nmatch = 192.0.2.10/32, sip.example.net ; match = 198.51.100.1\n"
        " match=>2001:db8:9::1\n;match = 198.51.100.2\nmatch_header = X: 198.51.100.3\n"
    )
    assert permitted(tmp_path, trunk_file=trunk)[-2:] == ["192.0.2.10/32", "2001:db8:9::1/128"]
    assert carrier_hosts(trunk.read_text()) == ["192.0.2.10/32", "sip.example.net", "2001:db8:9::1"]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("sip:pos@198.51.100.7", "198.51.100.7/32"),
        ("sips:pos@198.51.100.8:5071", "198.51.100.8/32"),
        ("sip:pos@[2001:db8::9]:5070;transport=tcp", "2001:db8::9/128"),
    ],
)
def test_who_is_rung_at_a_sip_address_is_heard_when_they_hang_up(address: str, network: str, tmp_path: Path) -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8")
    text = text.replace("dishub: {akun: dishub", f'dishub: {{telepon: "{address}"')
    assert permitted(tmp_path, text)[-1] == network
