"""What types cannot see: names that nobody has, keys used twice, rules that never serve.

Names are checked on the plain data, so that one mistake in the file does not hide the others.
"""

from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import TypeAlias

from ivr.rules.areas import CITY_CODE_LENGTH, KECAMATAN_CODE_LENGTH, AreaIndex, NamedArea
from ivr.rules.document import Tree
from ivr.rules.model import ALL, OPERATOR, Rules
from ivr.rules.problems import Finding, Path

Text: TypeAlias = tuple[Path, str]
"""A text of the file with the way to it."""


def check_data(data: Tree) -> Iterator[Finding]:
    """Everything wrong between the parts of the file, however broken the parts themselves are."""
    checks: tuple[Callable[[Tree], Iterator[Finding]], ...] = (
        _references,
        _area_references,
        _steps,
        _repeated_keys,
        _repeated_phones,
        _one_of_two,
        _reserved_names,
        _codes_that_do_not_nest,
        _fallback_on_a_roster,
    )
    return chain.from_iterable(check(data) for check in checks)


def check_rules(rules: Rules) -> Iterator[Finding]:
    """Warnings: the file can be used, but says something that will never happen."""
    for position, rule in enumerate(rules.rules):
        codes = [code for area in rule.areas for code in rules.codes_of(area)]
        pairs = [(category, code) for category in rule.categories for code in codes]
        if not any(rules.rule_for(_unless_all(one), _unless_all(code)) == position for one, code in pairs):
            first = rules.rule_for(_unless_all(pairs[0][0]), _unless_all(pairs[0][1]))
            yield Finding(("aturan", position), "shadowed", values={"other": (first or 0) + 1})
    served = {category for rule in rules.rules for category in rule.categories}
    for category in rules.categories:
        if not served & {category.id, ALL}:
            yield Finding(("kategori", category.id), "unserved", category.id, at_key=True)


def _unless_all(name: str) -> str | None:
    return None if name == ALL else name


def _at(data: Tree, *path: str) -> Tree:
    for part in path:
        data = data.get(part, "") if isinstance(data, dict) else ""
    return data


def _names(data: Tree) -> Collection[str]:
    return data.keys() if isinstance(data, dict) else ()


def _children(data: Tree, path: Path) -> Iterator[tuple[Path, Tree]]:
    """The entries of a map or a list, with their paths."""
    items = enumerate(data) if isinstance(data, list) else data.items() if isinstance(data, dict) else ()
    for key, value in items:
        yield (*path, key), value


def _texts(data: Tree, path: Path) -> Iterator[Text]:
    """Every text at or below a place: one name, a list of names, a list of lists of names."""
    if isinstance(data, str):
        if data:
            yield path, data
        return
    for below, value in _children(data, path) if isinstance(data, list) else ():
        yield from _texts(value, below)


def _field(data: Tree, section: str, field: str) -> Iterator[Text]:
    """The texts under one field of every entry of a section."""
    for path, entry in _children(_at(data, section), (section,)):
        yield from _texts(_at(entry, field), (*path, field))


def _shift_lines(data: Tree) -> Iterator[Text]:
    for path, roster in _children(_at(data, "piket"), ("piket",)):
        weekly = _at(roster, "mingguan") if isinstance(roster, dict) else roster
        inside = (*path, "mingguan") if isinstance(roster, dict) else path
        for below, shift in _children(weekly, inside):
            yield from _texts(_at(shift, "jalur"), (*below, "jalur"))


def _references(data: Tree) -> Iterator[Finding]:
    lines, categories = _names(_at(data, "jalur")), _names(_at(data, "kategori"))
    yield from _unknown(_field(data, "instansi", "jalur"), lines, "unknown_line")
    yield from _unknown(_shift_lines(data), lines, "unknown_line")
    yield from _unknown(_texts(_at(data, "siaga_24_jam"), ("siaga_24_jam",)), lines, "unknown_line")
    yield from _unknown(_field(data, "instansi", "piket"), _names(_at(data, "piket")), "unknown_roster")
    yield from _unknown(_field(data, "aturan", "kategori"), [*categories, ALL], "unknown_category")


def _unknown(texts: Iterator[Text], names: Collection[str], kind: str) -> Iterator[Finding]:
    for path, text in texts:
        if text not in names:
            yield Finding(path, kind, text, names)


def _steps(data: Tree) -> Iterator[Finding]:
    names = [*dict.fromkeys([*_names(_at(data, "instansi")), *_names(_at(data, "jalur")), OPERATOR])]
    yield from _unknown(_field(data, "aturan", "langkah"), names, "unknown_step")
    for rule_path, rule in _children(_at(data, "aturan"), ("aturan",)):
        for path, step in _children(_at(rule, "langkah"), (*rule_path, "langkah")):
            if isinstance(step, list) and len(step) > 1 and OPERATOR in step:
                yield Finding(path, "operator_alone")


def _area_references(data: Tree) -> Iterator[Finding]:
    areas = list(_areas(data))
    index = AreaIndex(area for _, area in areas)
    names = [ALL, *(name for _, area in areas for name in area.names)]
    for path, text in _field(data, "aturan", "wilayah"):
        codes = (ALL,) if text == ALL else index.find(text)
        if not codes:
            yield Finding(path, "unknown_area", text, names)
        elif len(codes) > 1:
            yield Finding(path, "unclear_area", text, values={"codes": ", ".join(codes)})


def _areas(data: Tree) -> Iterator[tuple[Path, NamedArea]]:
    for path, kecamatan in _children(_at(data, "wilayah"), ("wilayah",)):
        names = _area_names(kecamatan)
        yield path, NamedArea(str(path[-1]), names)
        for below, kelurahan in _children(_at(kecamatan, "kelurahan"), (*path, "kelurahan")):
            yield below, NamedArea(str(below[-1]), _area_names(kelurahan), names or ("?",))


def _area_names(area: Tree) -> tuple[str, ...]:
    own = area if isinstance(area, str) else _at(area, "nama")
    return tuple(text for _, text in chain(_texts(own, ()), _texts(_at(area, "alias"), ())))


def _codes_that_do_not_nest(data: Tree) -> Iterator[Finding]:
    city = _at(data, "kota", "kode")
    for path, area in _areas(data):
        parent = str(path[1]) if len(path) > 2 else city
        well_formed = isinstance(parent, str) and len(parent) in (CITY_CODE_LENGTH, KECAMATAN_CODE_LENGTH)
        if well_formed and not area.code.startswith(f"{parent}."):
            yield Finding(path, "code_outside", area.code, at_key=True, values={"parent": parent})


def _repeated_keys(data: Tree) -> Iterator[Finding]:
    yield from _repeated(_field(data, "kategori", "tombol"), "repeated_key")
    yield from _repeated(_field(data, "wilayah", "tombol"), "repeated_key")
    for path, kecamatan in _children(_at(data, "wilayah"), ("wilayah",)):
        entries = _children(_at(kecamatan, "kelurahan"), (*path, "kelurahan"))
        keys = (text for below, entry in entries for text in _texts(_at(entry, "tombol"), (*below, "tombol")))
        yield from _repeated(keys, "repeated_key")


def _repeated_phones(data: Tree) -> Iterator[Finding]:
    operators = _texts(_at(data, OPERATOR, "akun"), (OPERATOR, "akun"))
    yield from _repeated(chain(_field(data, "jalur", "akun"), operators), "repeated_account")
    names = _names(_at(data, "jalur"))
    for path, text in _texts(_at(data, OPERATOR, "akun"), (OPERATOR, "akun")):
        if text in names:
            yield Finding(path, "operator_is_line", text)


def _repeated(texts: Iterator[Text], kind: str) -> Iterator[Finding]:
    owners: dict[str, Path] = {}
    for path, text in texts:
        if text in owners:
            yield Finding(path, kind, text, values={"owner": owners[text][-2]})
        owners.setdefault(text, path)


def _one_of_two(data: Tree) -> Iterator[Finding]:
    for section, one, other in (("jalur", "akun", "telepon"), ("instansi", "jalur", "piket")):
        for path, entry in _children(_at(data, section), (section,)):
            if (one in _names(entry)) == (other in _names(entry)):
                yield Finding(path, "one_of_two", at_key=True, values={"one": one, "other": other})


# Words of the rules, and sections that pjsip.conf has already.
_TAKEN = frozenset({OPERATOR, ALL, "phone", "trunk", "global", "system", "udp", "tcp", "tls", "warga"})


def _reserved_names(data: Tree) -> Iterator[Finding]:
    for section in ("kategori", "jalur", "instansi"):
        for name in _names(_at(data, section)):
            if name in _TAKEN or len(name) == 1:  # single letters mean something in a dialplan
                yield Finding((section, name), "reserved_name", name, at_key=True)
    for path, entry in _children(_at(data, "jalur"), ("jalur",)):
        account = _at(entry, "akun")
        if account in _TAKEN:
            yield Finding((*path, "akun"), "reserved_name", str(account))


def _fallback_on_a_roster(data: Tree) -> Iterator[Finding]:
    rostered = {text for _, text in _shift_lines(data)}
    for path, text in _texts(_at(data, "siaga_24_jam"), ("siaga_24_jam",)):
        if text in rostered:
            yield Finding(path, "fallback_on_roster", text)
