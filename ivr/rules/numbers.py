"""What an admin may write after `telepon:`: a telephone number as people write it, or a SIP URI.

What comes out is dialled as it stands, so nothing comes out that could mean something to Asterisk's Dial(), to a
dialplan line or to a SIP header. The numbering plan is Google's libphonenumber; it may be older than a new area code
or mobile prefix, so what it does not know is a doubt, never a refusal.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import phonenumbers

REGION = "ID"
MAX_URI = 200
"""Characters; PJSIP takes no URI longer than 256, transport and brackets included."""

_UNKNOWN_TO_METADATA = frozenset({"115", "117", "123", "129"})
"""Search and rescue, disasters, electricity, women and children: national services libphonenumber does not list."""

_SPACES = " \u00a0\u2009\u202f"
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"
_INVISIBLE = "\u200e\u202a\u202c\u2066\u2069"  # left-to-right marks that address books put around a copied number
_DROPPED = str.maketrans("", "", _SPACES + _DASHES + _INVISIBLE + ".()[]")

_DIGITS = re.compile(r"\+?[0-9]+")
_DOUBLED_PREFIX = re.compile(r"^(\+62|62(?=0[2-9][0-9]{7}))0(?=[1-9])")  # +62 (0)536 ...
_COMPLETE = re.compile(r"0|\+|62[0-9]{8}")  # shorter numbers in 62 could be somebody's without the area code
_ABROAD = re.compile(r"\+(?!62|0)")
_PLACEHOLDER = re.compile(r"(?:0|\+62|62(?=[0-9]{8}))(?>2[124]|[36]1|[2-79][0-9]{2})0000")
_CENTRE = re.compile(  # carriers deliver a city's 112 as 112, 62112 or its area code and 112
    r"(?:\+?62|00[0-9]{0,3}62|\+)?0*112|(?:0|(?:\+|00[0-9]{0,3})620?)[2-9][0-9]{1,2}112"
)

_SCHEME = re.compile("sips?:", re.IGNORECASE | re.ASCII)
_URI = re.compile(
    r"(?P<scheme>sips?):(?P<user>[a-z0-9_.+*-]{1,64})@(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?:;transport=(?P<transport>udp|tcp|tls))?",
    re.IGNORECASE | re.ASCII,
)
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)*(?=[a-z]){_LABEL}", re.IGNORECASE | re.ASCII)  # RFC 3261: hostname
_LAST_PORT = 65535

_MOST_DIGITS = 15  # E.164
_FEWEST_DIGITS = 3
_SECOND_NUMBER = range(1, 3)  # digits after a slash: 3221113/14 is two numbers


class BadNumber(ValueError):
    """Nothing that could be dialled. `kind`: phone, phone_loop, phone_several or sip_uri."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True)
class Number:
    """`dial`: 3 to 15 digits, perhaps after a `+`, with the prefix (0, 62, +62) the admin chose; or a SIP URI.

    `doubtful`: why it may not reach anybody (phone_doubtful, phone_local, phone_foreign). `placeholder`: stands for a
    number that is not known yet; no subscriber's number begins with 0000.
    """

    dial: str
    doubtful: str | None = None
    placeholder: bool = False


def read_number(text: str) -> Number:
    """The number or URI in `text`. Raises BadNumber."""
    text = text.strip()
    if _SCHEME.match(text):
        return Number(_uri(text))
    digits = _digits(text)
    if _PLACEHOLDER.match(digits):
        return Number(digits, placeholder=True)
    return Number(digits, doubtful=_doubt(digits))


def _digits(text: str) -> str:
    parts = [part.translate(_DROPPED) for part in text.split("/")]
    digits = "".join(parts)
    if _CENTRE.fullmatch(digits.partition("@")[0]):
        raise BadNumber("phone_loop")
    if not _DIGITS.fullmatch(digits):
        raise BadNumber("phone")
    digits = _DOUBLED_PREFIX.sub(r"\1", digits)
    count = len(digits.removeprefix("+"))
    if len(parts) > 1 and (count > _MOST_DIGITS or len(parts[-1]) in _SECOND_NUMBER):
        raise BadNumber("phone_several")
    if not _FEWEST_DIGITS <= count <= _MOST_DIGITS:
        raise BadNumber("phone")
    return digits


def _doubt(digits: str) -> str | None:
    if _ABROAD.match(digits):
        return "phone_foreign"
    if not _COMPLETE.match(digits) and not digits.startswith("1"):
        return "phone_local"
    return None if digits in _UNKNOWN_TO_METADATA or _in_numbering_plan(digits) else "phone_doubtful"


def _in_numbering_plan(digits: str) -> bool:
    try:
        number = phonenumbers.parse(f"+{digits}" if digits.startswith("62") else digits, REGION)
    except phonenumbers.NumberParseException:
        return False
    if digits.startswith("1") and phonenumbers.is_valid_short_number_for_region(number, REGION):
        return True
    return phonenumbers.is_valid_number_for_region(number, REGION)


def _uri(text: str) -> str:
    """`sip:user@host:port;transport=tcp` (RFC 3261, 19.1): no password, headers, escapes or other parameters."""
    match = _URI.fullmatch(text)
    if not match or len(text) > MAX_URI or not _is_host(match["host"]) or int(match["port"] or 1) > _LAST_PORT:
        raise BadNumber("sip_uri")
    scheme, transport = match["scheme"].lower(), (match["transport"] or "").lower()
    if (scheme, transport) == ("sips", "udp"):  # RFC 3261, 26.2.2: sips means TLS
        raise BadNumber("sip_uri")
    port = f":{match['port']}" if match["port"] else ""
    return f"{scheme}:{match['user']}@{match['host']}{port}" + (f";transport={transport}" if transport else "")


def _is_host(host: str) -> bool:
    if _DOMAIN.fullmatch(host):
        return True
    try:
        IPv6Address(host[1:-1]) if host.startswith("[") else IPv4Address(host)
    except AddressValueError:
        return False
    return True
