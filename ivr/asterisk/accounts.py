"""SIP accounts of every phone the rules name, the transports, and the operators' queue."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from ivr.rules import Rules
from ivr.secrets import Secrets
from ivr.settings import Settings

DEMO_CITIZEN = "warga"
OUTBOUND = "outbound-only"  # a dash: no account of the rules can be called so
LOOPBACKS = ("127.0.0.0/8", "::1/128")
HEARTBEAT = "heartbeat-only"


def account_names(rules: Rules, settings: Settings, earlier: Sequence[Rules] = ()) -> dict[str, str]:
    """Every account that can register, with the name shown on other phones; operators first.

    An account that only `earlier` rules name stays, so that the calls that began under them can ring it.
    """
    names: dict[str, str] = {}
    for each in (rules, *earlier):
        for account, name in _names(each).items():
            names.setdefault(account, name)
    if settings.demo:
        names[DEMO_CITIZEN] = "Warga"
    return names


def _names(rules: Rules) -> dict[str, str]:
    names = {line.account: line.name or line.id for line in rules.operator_lines if line.account}
    for line in rules.lines:
        if line.account:
            agency = rules.agency_of_line.get(line.id)
            names[line.account] = line.name or (rules.agency(agency).name if agency else line.id)
    return names


def pjsip_file(
    rules: Rules, settings: Settings, secrets: Secrets, generation: str, earlier: Sequence[Rules] = ()
) -> str:
    """Transports, accounts and the city's trunk for pjsip.conf; raises OSError when the trunk file is unreadable.

    Bytes of the trunk file that are not UTF-8 (an old comment) become surrogates, to be written as they came.
    """
    operators = {account for each in (rules, *earlier) for account in each.operators.accounts}
    trunk = settings.trunk_file.read_text(encoding="utf-8", errors="surrogateescape") if settings.trunk_file else ""
    parts = [*_transports(settings), *_networks((rules, *earlier), settings, trunk)]
    for account, name in account_names(rules, settings, earlier).items():
        parts += _account(account, name, secrets[account], settings, operator=account in operators)
    parts += _heartbeat(settings, secrets)
    parts.append(trunk)
    parts.append(f"[{OUTBOUND}](outbound)\naccountcode = {generation}\n")  # read back after a reload
    return "\n".join(parts)


def queue_file(rules: Rules) -> str:
    """The end of [operators]: how many may wait (0: no limit), and the operators' lines with the phones to watch."""
    members = (f"Local/{line.id}@ring-line/n,0,{line.id},PJSIP/{line.account}" for line in rules.operator_lines)
    return "".join(
        [f"maxlen = {rules.policies.overflow_waiting}\n", *(f"member => {member}\n" for member in members)]
    )


def _transports(settings: Settings) -> Iterator[str]:
    address = f"[{settings.sip_address}]" if settings.sip_address.version == 6 else settings.sip_address
    for protocol in ("udp", "tcp"):
        yield f"[{protocol}]\ntype = transport\nprotocol = {protocol}\nbind = {address}:{settings.sip_port}\n"
    if settings.sip_tls_port:
        yield (
            f"[tls]\ntype = transport\nprotocol = tls\nbind = {address}:{settings.sip_tls_port}\n"
            f"cert_file = {settings.tls_certificate}\npriv_key_file = {settings.tls_key}\nmethod = tlsv1_2\n"
        )


def own_address(settings: Settings) -> str:
    """Where the server reaches itself over SIP, as host and port of a URI."""
    address = settings.sip_address
    if address.is_unspecified:
        return f"{'[::1]' if address.version == 6 else '127.0.0.1'}:{settings.sip_port}"
    return f"[{address}]:{settings.sip_port}" if address.version == 6 else f"{address}:{settings.sip_port}"


def _heartbeat(settings: Settings, secrets: Secrets) -> Iterator[str]:
    """The account by which the server calls itself; one endpoint for both halves of the call.

    Its requests are known by the user in From, before they could be taken for the trunk's by their address, and are
    let in by the password, which no person has: nobody else can be taken for it.
    """
    yield (
        f"[{HEARTBEAT}](outbound)\nidentify_by = auth_username,username\ncontext = from-heartbeat\n"
        f"auth = {HEARTBEAT}\noutbound_auth = {HEARTBEAT}\nfrom_user = {HEARTBEAT}\n"
        f'callerid = "Uji coba" <112>\ndtmf_mode = rfc4733\n{_encryption(settings)}'
    )
    yield f"[{HEARTBEAT}](phone-auth)\nusername = {HEARTBEAT}\npassword = {secrets[HEARTBEAT]}\n"


def _encryption(settings: Settings) -> str:
    return "" if settings.media_encryption == "no" else f"media_encryption = {settings.media_encryption}\n"


def _networks(every: Sequence[Rules], settings: Settings, trunk: str) -> Iterator[str]:
    """Who may send us requests at all (res_pjsip_acl): anybody else gets 403, whatever password they know.

    Whoever we ring must be heard too, or nobody would notice when they hang up.
    """
    if not settings.sip_networks:
        return
    rung = [_host(line.phone or "") for rules in every for line in rules.lines]
    known = [*LOOPBACKS, str(settings.sip_address), *map(str, settings.sip_networks), *carrier_hosts(trunk), *rung]
    permitted: dict[str, None] = {}
    for host in filter(is_network, known):
        permitted[str(ip_network(host, strict=False))] = None
    allowed = "".join(f"permit = {network}\n" for network in permitted)
    yield f"[networks]\ntype = acl\ndeny = 0.0.0.0/0\ndeny = ::/0\n{allowed}"


def _host(phone: str) -> str:
    """The host of a SIP address, without the brackets of IPv6; empty for a telephone number."""
    found = re.match(r"sips?:[^@]*@(?:\[([^\]]*)\]|([^:;]*))", phone)
    return (found[1] or found[2]) if found else ""


def is_network(host: str) -> bool:
    """Whether this is an address or a network, and not a name (or nothing)."""
    try:
        ip_network(host, strict=False)
    except ValueError:
        return False
    return True


def carrier_hosts(trunk: str) -> list[str]:
    """The networks, addresses and names that the trunk file takes for the carrier (`match` of type=identify)."""
    values = re.findall(r"(?m)^[ \t]*match[ \t]*=>?[ \t]*([^;\r\n]*)", trunk)
    return [host.strip() for value in values for host in value.split(",") if host.strip()]


def _account(account: str, name: str, password: str, settings: Settings, *, operator: bool) -> Iterator[str]:
    options = ("device_state_busy_at = 1\n" if operator else "") + _encryption(settings)
    shown = f'"{_shown(name)}" <{account}>'
    yield f"[{account}](phone)\naors = {account}\nauth = {account}\ncallerid = {shown}\n{options}"
    yield f"[{account}](phone-auth)\nusername = {account}\npassword = {password}\n"
    yield f"[{account}](phone-aor)\n"


def _shown(name: str) -> str:
    """A name for a phone's display: what would end the value, the quotes or the line is replaced by its likeness."""
    likeness = str.maketrans({'"': "'", "\\": "/", ";": ",", "<": "(", ">": ")"})
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", name).translate(likeness)
