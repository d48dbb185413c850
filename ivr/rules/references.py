"""Names that must exist somewhere else in the file.

Checked on the plain data, so that one mistake does not hide the others.
"""

from collections.abc import Collection, Iterator
from itertools import chain

from ivr.rules import tree
from ivr.rules.areas import AreaIndex, NamedArea
from ivr.rules.document import Tree
from ivr.rules.fields import CLOSED
from ivr.rules.parts import ALL, OPERATOR
from ivr.rules.problems import Finding, Path

LINE_SECTIONS = ("jalur", "tetangga", "nasional")


def line_names(data: Tree) -> list[str]:
    """Everything that can be rung by its own name: lines, centres, agencies that have a phone of their own."""
    stated = [name for section in LINE_SECTIONS for name in tree.names(tree.at(data, section))]
    agencies = tree.children(tree.at(data, "instansi"), ())
    own = [str(path[-1]) for path, entry in agencies if {"akun", "telepon"} & set(tree.names(entry))]
    return list(dict.fromkeys([*stated, *own]))


def check_references(data: Tree) -> Iterator[Finding]:
    lines = line_names(data)
    rung = chain(
        tree.field(data, "instansi", "jalur"),
        (text for path, shift in tree.shifts(data) for text in tree.texts(tree.at(shift, "jalur"), (*path, "jalur"))),
        (text for path, one in tree.replacements(data) for text in tree.texts(tree.at(one, "oleh"), (*path, "oleh"))),
        tree.texts(tree.at(data, "siaga_24_jam"), ("siaga_24_jam",)),
        tree.texts(tree.at(data, "kebijakan", "luapan", "jalur"), ("kebijakan", "luapan", "jalur")),
    )
    yield from _unknown(rung, lines, "unknown_line")
    yield from _unknown(tree.field(data, "instansi", "piket"), tree.names(tree.at(data, "piket")), "unknown_roster")
    categories = [*tree.names(tree.at(data, "kategori")), ALL]
    yield from _unknown(tree.field(data, "aturan", "kategori"), categories, "unknown_category")
    yield from _steps(data, lines)
    yield from _areas_named(data)
    yield from _replaced(data)


def _unknown(texts: Iterator[tree.Text], names: Collection[str], kind: str) -> Iterator[Finding]:
    for path, text in texts:
        if text not in names:
            yield Finding(path, kind, text, names)


def _steps(data: Tree, lines: list[str]) -> Iterator[Finding]:
    told = list(dict.fromkeys([*tree.names(tree.at(data, "instansi")), *lines]))
    yield from _unknown(tree.field(data, "aturan", "langkah"), [*told, OPERATOR], "unknown_step")
    yield from _unknown(tree.field(data, "aturan", "beri_tahu"), told, "unknown_step")
    for rule_path, rule in tree.children(tree.at(data, "aturan"), ("aturan",)):
        for path, step in tree.children(tree.at(rule, "langkah"), (*rule_path, "langkah")):
            if isinstance(step, list) and len(step) > 1 and OPERATOR in step:
                yield Finding(path, "operator_alone")


def _replaced(data: Tree) -> Iterator[Finding]:
    """A replacement is of somebody of its own roster, by somebody else; a dated exception has shifts or none."""
    lines_of: dict[Path, list[str]] = {}
    for below, shift in tree.shifts(data):
        lines_of.setdefault(below[:2], []).extend(text for _, text in tree.texts(tree.at(shift, "jalur"), below))
    for path, roster in tree.rosters(data):
        lines = dict.fromkeys(lines_of.get(path, ()))
        for below, one in tree.children(tree.at(roster, "pengganti"), (*path, "pengganti")):
            yield from _unknown(tree.texts(tree.at(one, "jalur"), (*below, "jalur")), lines, "unknown_replaced")
            line, by = tree.at(one, "jalur"), tree.at(one, "oleh")
            if isinstance(by, str) and by and by == line and not tree.at(one, "petugas"):  # else: another officer
                yield Finding((*below, "oleh"), "replaced_by_itself", by)
        for below, dated in tree.children(tree.at(roster, "tanggal"), (*path, "tanggal")):
            for place, shift in [(below, dated), *(tree.children(dated, below) if isinstance(dated, list) else ())]:
                if isinstance(shift, str) and (shift != CLOSED or place != below):
                    yield Finding(place, "closed", shift)


def _areas_named(data: Tree) -> Iterator[Finding]:
    areas = [area for _, area in named_areas(data)]
    index = AreaIndex(areas)
    known = [ALL, *(name for area in areas for name in area.names)]
    for path, text in tree.field(data, "aturan", "wilayah"):
        codes = (ALL,) if text == ALL else index.find(text)
        if not codes:
            yield Finding(path, "unknown_area", text, known)
        elif len(codes) > 1 and not any(code.isdigit() for code in codes):  # a place in a list, said itself
            yield Finding(path, "unclear_area", text, values={"codes": ", ".join(codes)})


def named_areas(data: Tree) -> Iterator[tuple[Path, NamedArea]]:
    """Every kecamatan and kelurahan with its place in the file."""
    village = tree.at(data, "kota", "desa")
    kinds = ("kelurahan", "desa", village if isinstance(village, str) else "")
    for path, kecamatan in tree.children(tree.at(data, "wilayah"), ("wilayah",)):
        names = area_names(kecamatan)
        yield path, NamedArea(str(path[-1]), (*names, *(f"kecamatan {name}" for name in names)))
        for below, kelurahan in tree.children(tree.at(kecamatan, "kelurahan"), (*path, "kelurahan")):
            own, code = area_names(kelurahan), str(below[-1])
            kind = (kinds[2] or kinds[1]) if code.rpartition(".")[2].startswith("2") else kinds[0]
            yield below, NamedArea(code, (*own, *(f"{kind} {name}" for name in own)), names or ("?",))


def area_names(area: Tree) -> tuple[str, ...]:
    """The name and the aliases of one area."""
    own = area if isinstance(area, str) else tree.at(area, "nama")
    return tuple(text for _, text in chain(tree.texts(own, ()), tree.texts(tree.at(area, "alias"), ())))
