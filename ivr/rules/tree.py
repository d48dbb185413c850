"""Walking the plain data of a rules file, however broken its parts are."""

from collections.abc import Collection, Iterator
from typing import TypeAlias

from ivr.rules.document import Tree
from ivr.rules.problems import Path

Text: TypeAlias = tuple[Path, str]
"""A text of the file with the way to it."""


def at(data: Tree, *path: str) -> Tree:
    """The value at a path, "" where there is none."""
    for part in path:
        data = data.get(part, "") if isinstance(data, dict) else ""
    return data


def names(data: Tree) -> Collection[str]:
    """The keys of a map; none of anything else."""
    return data.keys() if isinstance(data, dict) else ()


def children(data: Tree, path: Path) -> Iterator[tuple[Path, Tree]]:
    """The entries of a map or a list, with their paths."""
    items = enumerate(data) if isinstance(data, list) else data.items() if isinstance(data, dict) else ()
    for key, value in items:
        yield (*path, key), value


def texts(data: Tree, path: Path) -> Iterator[Text]:
    """Every text at or below a place: one name, a list of names, a list of lists of names."""
    if isinstance(data, str):
        if data:
            yield path, data
        return
    for below, value in children(data, path) if isinstance(data, list) else ():
        yield from texts(value, below)


def field(data: Tree, section: str, name: str) -> Iterator[Text]:
    """The texts under one field of every entry of a section."""
    for path, entry in children(at(data, section), (section,)):
        yield from texts(at(entry, name), (*path, name))


def rosters(data: Tree) -> Iterator[tuple[Path, Tree]]:
    """Every roster; its weekly shifts may stand in it or be it."""
    yield from children(at(data, "piket"), ("piket",))


def shifts(data: Tree) -> Iterator[tuple[Path, Tree]]:
    """Every shift of every roster: weekly ones and those of dated exceptions."""
    for path, roster in rosters(data):
        yield from (
            children(at(roster, "mingguan"), (*path, "mingguan"))
            if isinstance(roster, dict)
            else children(roster, path)
        )
        for below, dated in children(at(roster, "tanggal"), (*path, "tanggal")):
            yield from children(dated, below) if isinstance(dated, list) else ()


def replacements(data: Tree) -> Iterator[tuple[Path, Tree]]:
    """Every temporary replacement of every roster."""
    for path, roster in rosters(data):
        yield from children(at(roster, "pengganti"), (*path, "pengganti"))
