"""What a change of the rules changes for whom: not the lines of the file, but what people get, hear and press."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from ivr.rules.diff_routes import Calendar, DutyChange, RouteChange, duty_changes, rings_for, route_changes
from ivr.rules.fields import ID
from ivr.rules.model import Rules
from ivr.rules.parts import Agency, Category, Part

Value: TypeAlias = str | tuple[str, ...] | None
"""One value of the file as it is compared: texts of which the order says nothing are sorted."""

Fields: TypeAlias = dict[str, Value]

NOT_LISTED = {"aturan", "piket"}
"""What they mean is compared, not what they say."""

_WORDS = {
    "terima": ("langsung", "tombol"),
    "diam": ("operator", "ulangi"),
}
"""Yes-or-no values that the file writes with other words: for no, for yes."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing callers, officers or operators have another way. `id` "" : the section has no entries.

    `field` None: the entry was added (before None) or removed (after None); the other holds what it says beside its
    name.
    """

    section: str
    id: str
    name: str
    field: str | None
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that is not the same, from a date on."""

    since: date | None
    routes: tuple[RouteChange, ...]
    duties: tuple[DutyChange, ...]
    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.routes or self.duties or self.changes)


def difference(old: Rules, new: Rules, since: date | None = None) -> Difference:
    """Compare two editions; with `since`, what was only so on earlier dates is no difference."""
    calendar = Calendar(old, new, since)
    return Difference(
        since,
        tuple(route_changes(old, new, calendar)),
        tuple(sorted(duty_changes(old, new, calendar), key=lambda one: (one.roster, one.when))),
        tuple(_changes(old, new, since)),
    )


def _changes(old: Rules, new: Rules, since: date | None) -> Iterator[Change]:
    before, after = (dict(_entries(rules, since)) for rules in (old, new))
    for section, id_ in dict.fromkeys([*after, *before]):
        was, now = before.get((section, id_)), after.get((section, id_))
        name = _name(new, section, id_) or _name(old, section, id_)
        if was is None or now is None:
            yield Change(section, id_, name, None, _summary(was), _summary(now))
            continue
        for field in dict.fromkeys([*now, *was]):
            if was.get(field) != now.get(field):
                yield Change(section, id_, name, field, was.get(field), now.get(field))
    yield from _menus(old, new)


def _summary(fields: Fields | None) -> Value:
    """What an entry says beside its name; None where there is none."""
    if fields is None:
        return None
    said = {key: ", ".join(value) if isinstance(value, tuple) else value for key, value in fields.items()}
    return tuple(f"{key}: {value}" for key, value in said.items() if value is not None and key != "nama")


def _entries(rules: Rules, since: date | None) -> Iterator[tuple[tuple[str, str], Fields]]:
    """Every entry of every section with its fields, by the file's own keys."""
    for attribute, field in Rules.model_fields.items():
        section, value = field.alias or attribute, getattr(rules, attribute)
        if section in NOT_LISTED:
            continue
        if isinstance(value, Part):
            yield (section, ""), dict(_fields(value))
        elif isinstance(value, dict):
            for key, one in value.items():
                yield (section, str(key)), {"nama": str(one)}
        elif value and isinstance(value[0], Part):
            yield from (((section, _id(part)), dict(_fields(part))) for part in value)
        elif value:
            yield (section, ""), {"jalur": tuple(sorted(value))}
    for ward in (ward for area in rules.areas for ward in area.kelurahan):
        yield ("kelurahan", ward.code), dict(_fields(ward))
    for day, name in rules.city.holidays.items():
        if not since or day >= since:
            yield ("libur", day.isoformat()), {"nama": name}
    for roster in rules.rosters:
        yield ("piket", roster.id), {}


def _fields(part: Part) -> Iterator[tuple[str, Value]]:
    """What the part says, defaults filled in; a part below it as `luapan.antrean`."""
    for attribute, field in type(part).model_fields.items():
        key, value = field.alias or attribute, _effective(part, attribute)
        if isinstance(value, Part):
            yield from ((f"{key}.{below}", said) for below, said in _fields(value))
        elif key != ID and key not in {"kelurahan", "libur"}:
            yield key, _value(key, value)


def _effective(part: Part, attribute: str) -> object:
    """The value that counts when the file says none."""
    value: object = getattr(part, attribute)
    if attribute == "pronunciation":
        return None if value == part.name else value  # type: ignore[attr-defined]
    if isinstance(part, Category) and attribute == "stated_priority":
        return part.priority
    if isinstance(part, Agency) and attribute == "accepts_by_key":
        own = part.own_line()
        return own.accepts_by_key if own else None
    if isinstance(part, Agency) and attribute == "seconds":
        return rings_for(part)
    return value


def _value(key: str, value: object) -> Value:
    if value is None or value == ():
        return None
    if isinstance(value, bool):
        return _WORDS.get(key, ("tidak", "ya"))[value]
    if isinstance(value, tuple):
        return tuple(map(str, value if key == "posisi" else sorted(value)))
    return str(value)


def _id(part: Part) -> str:
    return next(str(getattr(part, name)) for name, field in type(part).model_fields.items() if field.alias == ID)


def _name(rules: Rules, section: str, id_: str) -> str:
    """What people call an entry, "" where it is not there."""
    if section in {"wilayah", "kelurahan"}:
        return rules.area_name(id_) if rules.area(id_) else ""
    if section == "libur":
        return {day.isoformat(): name for day, name in rules.city.holidays.items()}.get(id_, "")
    if section == "kelompok_wilayah":
        return rules.groups.get(id_, "")
    if section == "piket":
        return id_
    parts = {field.alias: getattr(rules, attribute) for attribute, field in Rules.model_fields.items()}[section]
    if not id_:
        return ""
    return next((one.name or id_ for one in parts if _id(one) == id_), "")


def _menus(old: Rules, new: Rules) -> Iterator[Change]:
    """The order in which callers hear what both offer."""
    before, after = dict(_heard(old)), dict(_heard(new))
    for menu in (menu for menu in after if menu in before):
        was, now = _in_both(before[menu], after[menu]), _in_both(after[menu], before[menu])
        if was != now:
            yield Change("urutan", menu, new.area_name(menu), "urutan", was, now)


def _heard(rules: Rules) -> Iterator[tuple[str, Sequence[str]]]:
    yield "kategori", [one.id for one in rules.categories]
    areas = sorted(rules.areas, key=lambda area: area.key) if rules.groups else rules.areas
    yield "wilayah", [area.code for area in areas]
    for area in rules.areas:
        yield area.code, [ward.code for ward in area.kelurahan if ward.key]


def _in_both(these: Iterable[str], those: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in these if one in those)
