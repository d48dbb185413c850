"""SIP accounts of every phone the rules name, the transports, and the operators' queue."""

import re
from collections.abc import Iterator, Sequence

from ivr.rules import Rules
from ivr.secrets import Secrets
from ivr.settings import Settings

DEMO_CITIZEN = "warga"
OUTBOUND = "outbound-only"  # a dash: no account of the rules can be called so


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
    parts = list(_transports(settings))
    for account, name in account_names(rules, settings, earlier).items():
        parts += _account(account, name, secrets[account], settings, operator=account in operators)
    if settings.trunk_file is not None:
        parts.append(settings.trunk_file.read_text(encoding="utf-8", errors="surrogateescape"))
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


def _account(account: str, name: str, password: str, settings: Settings, *, operator: bool) -> Iterator[str]:
    options = "device_state_busy_at = 1\n" if operator else ""
    if settings.media_encryption != "no":
        options += f"media_encryption = {settings.media_encryption}\n"
    shown = f'"{_shown(name)}" <{account}>'
    yield f"[{account}](phone)\naors = {account}\nauth = {account}\ncallerid = {shown}\n{options}"
    yield f"[{account}](phone-auth)\nusername = {account}\npassword = {password}\n"
    yield f"[{account}](phone-aor)\n"


def _shown(name: str) -> str:
    """A name for a phone's display: what would end the value, the quotes or the line is replaced by its likeness."""
    likeness = str.maketrans({'"': "'", "\\": "/", ";": ",", "<": "(", ">": ")"})
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", name).translate(likeness)
