"""What was good enough to try with, and is not for real calls."""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from ivr.asterisk.accounts import DEMO_CITIZEN
from ivr.doctor.context import Context
from ivr.doctor.model import Finding, Level, error, note, ok, some, warning
from ivr.messages import say

SHORTEST = 12
COMMON = frozenset({"password", "changeme", "rahasia", "indonesia", "asterisk", "operator", "katasandi", "secret"})
EXAMPLE_NETWORKS = tuple(ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))  # RFC 5737
EXAMPLE_HOST = re.compile(r"\bexample\.(?:net|com|org)\b", re.IGNORECASE)  # RFC 2606
EXAMPLE_PASSWORD = re.compile(r"^\s*password\s*=\s*(?:change-?me|password)?\s*$", re.IGNORECASE | re.MULTILINE)


def demo(context: Context) -> Iterator[Finding]:
    """The demonstration's account and made-up numbers have no place on a server that others reach."""
    settings = context.settings
    if not settings.demo:
        yield ok("demo", "demo_off")
    elif settings.sip_address.is_loopback:
        yield note("demo", "demo_here", account=DEMO_CITIZEN)
    else:
        yield warning("demo", "demo_reachable", account=DEMO_CITIZEN, address=settings.sip_address)


def passwords(context: Context) -> Iterator[Finding]:
    """Passwords of accounts and of the manager, as `secrets.json` has them."""
    if context.secrets_trouble:
        yield Finding("passwords", Level.ERROR, context.secrets_trouble, say("doctor.passwords_broken_do"))
        return
    weak = sorted(name for name, password in context.secrets.items() if is_weak(name, password))
    if weak:
        path = context.settings.state / "secrets.json"
        yield error("passwords", "passwords_weak", names=some(weak), count=len(weak), path=path, least=SHORTEST)
    elif context.secrets:
        yield ok("passwords", "passwords_ok", count=len(context.secrets))


def is_weak(account: str, password: str) -> bool:
    """Whether somebody who tries would find it: short, all digits, the account's name, a common word, one letter."""
    bare = re.sub(r"[\d\W_]+", "", password).lower()
    short = len(password) < SHORTEST or password.isdigit() or len(set(password)) < 5
    return short or (len(account) > 4 and account.lower() in password.lower()) or bare in COMMON


def trunk_file(context: Context) -> Iterator[Finding]:
    """The trunk's file was filled in: no address, host or password of the examples is left."""
    path = context.settings.trunk_file
    if path is None:
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    text = "\n".join(re.split(r"(?<!\\);", line)[0] for line in text.splitlines())
    left = sorted({address for address in re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text) if _is_example(address)})
    left += sorted(set(EXAMPLE_HOST.findall(text)))
    left += [say("doctor.trunk_file_password")] if EXAMPLE_PASSWORD.search(text) else []
    if left:
        yield error("trunk_file", "trunk_file_example", path=path, left=some(left))
    else:
        yield ok("trunk_file", "trunk_file_ok", path=path)


def _is_example(address: str) -> bool:
    try:
        return any(ip_address(address) in network for network in EXAMPLE_NETWORKS)
    except ValueError:
        return False


def networks(context: Context) -> Iterator[Finding]:
    """Who may speak SIP to us."""
    settings = context.settings
    if settings.sip_address.is_loopback:
        yield ok("networks", "networks_loopback", address=settings.sip_address)
    elif settings.sip_networks:
        yield ok("networks", "networks_ok", networks=some(map(str, settings.sip_networks)))
    elif settings.sip_address.is_private and not settings.sip_address.is_unspecified:
        yield note("networks", "networks_private", address=settings.sip_address)
    else:
        yield warning("networks", "networks_any", address=settings.sip_address)
