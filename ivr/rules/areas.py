"""Finding an area by what people call it. Names repeat (Ambon has three Nusaniwe), codes do not."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

CITY_CODE_LENGTH = len("62.71")
KECAMATAN_CODE_LENGTH = len("62.71.01")
_GAPS = re.compile(r"[\s\-]+")


@dataclass(frozen=True)
class NamedArea:
    """An area's Kemendagri code, its names, and for a kelurahan the names of its kecamatan."""

    code: str
    names: tuple[str, ...]
    kecamatan: tuple[str, ...] = ()


class AreaIndex:
    """Codes by name: a plain name means the kecamatan first, `Menteng - Jekan Raya` one kelurahan."""

    def __init__(self, areas: Iterable[NamedArea]) -> None:
        self._codes: set[str] = set()
        self._by_rank: tuple[dict[str, list[str]], ...] = tuple(defaultdict(list) for _ in range(3))
        kecamatan, full, kelurahan = self._by_rank
        for area in areas:
            self._codes.add(area.code)
            for name in dict.fromkeys(map(_folded, area.names)):
                (kelurahan if area.kecamatan else kecamatan)[name].append(area.code)
                for parent in dict.fromkeys(map(_folded, area.kecamatan)):
                    full[f"{name} {parent}"].append(area.code)

    def find(self, text: str) -> tuple[str, ...]:
        """The codes `text` may mean: one when it is clear, several when it is not, none when unknown."""
        if text in self._codes:
            return (text,)
        name = _folded(text)
        return tuple(next((names[name] for names in self._by_rank if name in names), ()))


def _folded(name: str) -> str:
    return _GAPS.sub(" ", name.casefold()).strip()
