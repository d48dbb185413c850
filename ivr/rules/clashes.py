"""What must not happen twice, together or under a name that means something else. Checked on the plain data."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from ivr.rules import tree
from ivr.rules.areas import CITY_CODE_LENGTH, KECAMATAN_CODE_LENGTH
from ivr.rules.document import Tree
from ivr.rules.parts import ALL, OPERATOR
from ivr.rules.problems import Finding, Path
from ivr.rules.references import LINE_SECTIONS, area_names, named_areas

# Words of the rules, and sections that pjsip.conf has already.
TAKEN = frozenset({OPERATOR, ALL, "phone", "trunk", "global", "system", "udp", "tcp", "tls", "warga", "uri"})

PHONES = ("akun", "telepon")


def check_clashes(data: Tree) -> Iterator[Finding]:
    yield from _repeated_keys(data)
    yield from _grouped_keys(data)
    yield from _repeated_phones(data)
    yield from _ways_to_ring(data)
    yield from _reserved_names(data)
    yield from _repeated_names(data)
    yield from _clashing_words(data)
    yield from _codes_that_do_not_nest(data)
    yield from _always_there(data)


def _repeated_keys(data: Tree) -> Iterator[Finding]:
    yield from _repeated(tree.field(data, "kategori", "tombol"), "repeated_key")
    yield from _repeated(tree.field(data, "wilayah", "tombol"), "repeated_key")
    for path, kecamatan in tree.children(tree.at(data, "wilayah"), ("wilayah",)):
        entries = tree.children(tree.at(kecamatan, "kelurahan"), (*path, "kelurahan"))
        keys = (text for below, entry in entries for text in tree.texts(tree.at(entry, "tombol"), (*below, "tombol")))
        yield from _repeated(keys, "repeated_key")


def _repeated(texts: Iterable[tree.Text], kind: str) -> Iterator[Finding]:
    owners: dict[str, Path] = {}
    for path, text in texts:
        if text in owners:
            yield Finding(path, kind, text, values={"owner": _owner(owners[text])})
        owners.setdefault(text, path)


def _owner(path: Path) -> str | int:
    """The entry whose field stands at a path, also where the field is a list."""
    *above, last = path
    return _owner(tuple(above)) if isinstance(last, int) else above[-1]


def _grouped_keys(data: Tree) -> Iterator[Finding]:
    """Two digits are a group's and one's own; a digit is a group or a kecamatan, never both."""
    groups = tree.names(tree.at(data, "kelompok_wilayah"))
    keys = list(tree.field(data, "wilayah", "tombol"))
    for path, key in keys:
        if re.fullmatch("[1-9]{2}", key) and key[0] not in groups:
            yield Finding(path, "no_group", key, values={"group": key[0]})
        elif key in groups:
            yield Finding(path, "key_of_group", key)
    for group in groups:
        if not any(len(key) == 2 and key[0] == group for _, key in keys):
            yield Finding(("kelompok_wilayah", group), "empty_group", group, at_key=True)


def _repeated_phones(data: Tree) -> Iterator[Finding]:
    operators = list(tree.texts(tree.at(data, OPERATOR, "akun"), (OPERATOR, "akun")))
    accounts = [*tree.field(data, "jalur", "akun"), *tree.field(data, "instansi", "akun"), *operators]
    yield from _repeated(accounts, "repeated_account")
    owners = {text: path for path, text in accounts}
    for section in (*LINE_SECTIONS, "instansi"):
        for path, entry in tree.children(tree.at(data, section), (section,)):
            name = str(path[-1])  # a phone with a placeholder becomes an account of its own name
            if name in owners and "telepon" in tree.names(entry) and owners[name][0] != OPERATOR:
                yield Finding(path, "repeated_account", name, at_key=True, values={"owner": _owner(owners[name])})
    names = {name for section in (*LINE_SECTIONS, "instansi") for name in tree.names(tree.at(data, section))}
    for path, text in operators:
        if text in names:
            yield Finding(path, "operator_is_line", text)


def _ways_to_ring(data: Tree) -> Iterator[Finding]:
    """A line has one phone; an agency has lines, a roster or a phone, and says `terima` only of a phone."""
    for section, choices in (("jalur", PHONES), ("instansi", ("jalur", "piket", *PHONES))):
        for path, entry in tree.children(tree.at(data, section), (section,)):
            given = [choice for choice in choices if choice in tree.names(entry)]
            if len(given) != 1:
                values = {"choices": ", ".join(f"`{choice}`" for choice in choices), "one": choices[0]}
                yield Finding(path, "one_of", at_key=True, values=values)
            if "terima" in tree.names(entry) and not set(PHONES).intersection(given):
                yield Finding((*path, "terima"), "accept_elsewhere", at_key=True)


def _reserved_names(data: Tree) -> Iterator[Finding]:
    for section in ("kategori", "instansi", *LINE_SECTIONS):
        for name in tree.names(tree.at(data, section)):
            if name in TAKEN or len(name) == 1:  # single letters mean something in a dialplan
                yield Finding((section, name), "reserved_name", name, at_key=True)
    accounts = chain(tree.field(data, "jalur", "akun"), tree.field(data, "instansi", "akun"))
    operators = list(tree.texts(tree.at(data, OPERATOR, "akun"), (OPERATOR, "akun")))
    for path, text in chain(accounts, operators):
        if text in TAKEN or ((path, text) in operators and len(text) == 1):
            yield Finding(path, "reserved_name", text)
    for path, text in _area_texts(data):
        if _folded(text) == ALL:
            yield Finding(path, "reserved_name", text)


def _area_texts(data: Tree) -> Iterator[tree.Text]:
    """The names and aliases of all kecamatan and kelurahan."""
    for path, kecamatan in tree.children(tree.at(data, "wilayah"), ("wilayah",)):
        below = tree.children(tree.at(kecamatan, "kelurahan"), (*path, "kelurahan"))
        for place, area in chain([(path, kecamatan)], below):
            yield from tree.texts(area, place) if isinstance(area, str) else ()
            yield from tree.texts(tree.at(area, "nama"), (*place, "nama"))
            yield from tree.texts(tree.at(area, "alias"), (*place, "alias"))


def _repeated_names(data: Tree) -> Iterator[Finding]:
    """One name, one phone: a line, a centre and an agency with a phone of its own may not share it."""
    owners: dict[str, str] = {}
    for section in (*LINE_SECTIONS, "instansi"):
        for path, entry in tree.children(tree.at(data, section), (section,)):
            name = str(path[-1])
            agency_on_lines = section == "instansi" and not set(PHONES).intersection(tree.names(entry))
            if name in owners and not (agency_on_lines and owners[name] == "jalur"):
                yield Finding(path, "repeated_name", name, at_key=True, values={"owner": owners[name]})
            owners.setdefault(name, section)


def _clashing_words(data: Tree) -> Iterator[Finding]:
    """A spoken word must mean one category, a name one kecamatan."""
    words: dict[str, str] = {}
    for path, category in tree.children(tree.at(data, "kategori"), ("kategori",)):
        spoken = chain(
            tree.texts(tree.at(category, "nama"), (*path, "nama")),
            tree.texts(tree.at(category, "sinonim"), (*path, "sinonim")),
        )
        for place, word in spoken:
            owner = words.setdefault(_folded(word), str(path[-1]))
            if owner != path[-1]:
                yield Finding(place, "clashing_word", word, values={"owner": owner})
    names: dict[str, str] = {}
    for path, kecamatan in tree.children(tree.at(data, "wilayah"), ("wilayah",)):
        for name in area_names(kecamatan):
            owner = names.setdefault(_folded(name.replace("-", " ")), str(path[-1]))
            if owner != path[-1]:
                yield Finding(path, "clashing_name", name, values={"owner": owner})


def _folded(word: str) -> str:
    return " ".join(word.casefold().split())


def _codes_that_do_not_nest(data: Tree) -> Iterator[Finding]:
    city = tree.at(data, "kota", "kode")
    for path, area in named_areas(data):
        parent = str(path[1]) if len(path) > 2 else city
        well_formed = isinstance(parent, str) and len(parent) in (CITY_CODE_LENGTH, KECAMATAN_CODE_LENGTH)
        named = isinstance(path[-1], str)  # in a list it has no code
        if named and well_formed and not area.code.startswith(f"{parent}."):
            yield Finding(path, "code_outside", area.code, at_key=True, values={"parent": parent})


def _always_there(data: Tree) -> Iterator[Finding]:
    """Who must always answer may not be on a roster, where nobody answers between shifts."""
    rostered = {text for path, shift in tree.shifts(data) for _, text in tree.texts(tree.at(shift, "jalur"), path)}
    for place in (("siaga_24_jam",), ("kebijakan", "luapan", "jalur")):
        for path, text in tree.texts(tree.at(data, *place), place):
            if text in rostered:
                yield Finding(path, "fallback_on_roster", text)
