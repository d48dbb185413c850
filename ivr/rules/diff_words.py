"""A difference in Indonesian, and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from ivr.messages import say
from ivr.rules.areas import KECAMATAN_CODE_LENGTH
from ivr.rules.diff import Change, Difference
from ivr.rules.diff_routes import DutyChange, Help, Officers, Ring, RouteChange, all_areas
from ivr.rules.diff_when import when_json, when_text
from ivr.rules.model import Rules

WORDS = {"sinonim", "alias", "jalur", "akun"}
"""Fields that hold several words: what was added and taken away says more than both lists."""

KECAMATAN_EXCEPTED = 3
"""So many kecamatan are named as exceptions, rather than all the others."""


def sentences(found: Difference, old: Rules, new: Rules) -> Iterator[str]:
    """The difference for people, a line each, with headings."""
    if not found:
        yield say("diff.nothing")
    words = _Words(old, new, found.since)
    parts = {
        "routes": map(words.route, found.routes),
        "duties": map(words.duty, found.duties),
        "changes": map(words.change, found.changes),
    }
    for head, texts in parts.items():
        if lines := [say("diff.line", text=text) for text in texts]:
            yield say(f"diff.head_{head}")
            yield from lines


def as_json(found: Difference) -> dict[str, object]:
    """The difference for programs: ids and codes, None for a caller who chose none."""
    return {
        "same": not found,
        "routes": [_route_json(one) for one in found.routes],
        "duties": [
            {"roster": one.roster, **when_json(one.when), **_sides(_officers(one.before), _officers(one.after))}
            for one in found.duties
        ],
        "changes": [
            {"section": one.section, "id": one.id, "name": one.name, "field": one.field}
            | _sides(one.before, one.after)
            for one in found.changes
        ],
    }


def _sides(before: object, after: object) -> dict[str, object]:
    return {"before": before, "after": after}


def _route_json(one: RouteChange) -> dict[str, object]:
    sides = _sides(_help_json(one.before), _help_json(one.after))
    return {"categories": one.categories, "areas": one.areas, **when_json(one.when), **sides}


def _help_json(one: Help | None) -> object:
    if one is None:
        return None
    steps = [{**step._asdict(), "lines": sorted(step.lines), "seconds": step.seconds or None} for step in one.steps]
    return {"steps": steps, "told": sorted(one.told)}


def _officers(duties: Officers) -> list[dict[str, str | None]]:
    return [{"line": line, "officer": officer} for line, officer in duties]


class _Words:
    """Names for both editions: what is gone is called by its old name, everything else by its new one."""

    def __init__(self, old: Rules, new: Rules, since: date | None) -> None:
        self.old, self.new = old, new
        self.areas = all_areas(old, new)
        holidays = old.city.holidays.keys() & new.city.holidays.keys()
        self.holidays = frozenset(day for day in holidays if not since or day >= since)

    def route(self, one: RouteChange) -> str:
        said = {
            "categories": self._categories(one.categories),
            "areas": self._areas(one.areas),
            "when": when_text(one.when, self.holidays),
        }
        if one.before is None:
            return say("diff.route_new", **said, after=self._help(one.after, self.new))
        before, after = self._help(one.before, self.old), self._help(one.after, self.new)
        if before == after:
            before = self._help(one.before, self.old, detail=True)
            after = self._help(one.after, self.new, detail=True)
        return say("diff.route", **said, before=before, after=after)

    def duty(self, one: DutyChange) -> str:
        before, after = self._duties(one.before, self.old), self._duties(one.after, self.new)
        if before == after:
            before, after = (", ".join(line for line, _ in duties) for duties in (one.before, one.after))
        when = when_text(one.when, self.holidays)
        return say("diff.duty", roster=one.roster, when=when, before=before, after=after)

    def change(self, one: Change) -> str:
        if one.section == "urutan":
            return self._order(one)
        section, name = say(f"diff.section_{one.section}"), _titled(one)
        if one.field is None:
            if one.after is None:
                return say("diff.removed", section=section, name=name)
            said = _listed(one.after)
            return say("diff.added_with" if said else "diff.added", section=section, name=name, said=said)
        what = {"section": section, "name": name, "field": one.field}
        whole = "" if name else "_whole"
        if one.field.rpartition(".")[2] in WORDS and not isinstance(one.before or one.after, str):
            return say(f"diff.words{whole}", **what, what=_words(one))
        none = say("diff.none")
        return say(
            f"diff.changed{whole}", **what, before=_listed(one.before) or none, after=_listed(one.after) or none
        )

    def _order(self, one: Change) -> str:
        known = {category.id: category.name for category in self.new.categories}
        area = self.new.area
        names = {code: place.name for code in self.areas if code and (place := area(code))}
        before, after = (", ".join({**known, **names}[id_] for id_ in side or ()) for side in (one.before, one.after))
        menu = one.id if one.id in {"kategori", "wilayah"} else "kelurahan"
        return say("diff.order", menu=say(f"diff.order_{menu}", name=one.name), before=before, after=after)

    def _categories(self, ids: Sequence[str | None]) -> str:
        both = [one for one in self.new.categories if self.old.category(one.id)]
        names = {one.id: one.name for one in self.new.categories}
        chosen = set(ids) - {None}
        others = [say("diff.no_category")] if None in ids else []
        if len(chosen) > 1 and chosen == {one.id for one in both}:
            return say("diff.all_categories")
        if len(chosen) > 1 and chosen == {one.id for one in both if one.emergency}:
            return ", ".join([say("diff.all_emergencies"), *others])
        return ", ".join([*(names[one] for one in ids if one), *others])

    def _areas(self, codes: Sequence[str | None]) -> str:
        missing = [code for code in self.areas if code not in codes]
        if not missing:
            return say("diff.all_areas")
        if missing == [None]:
            return say("diff.all_kecamatan")
        others = {code[:KECAMATAN_CODE_LENGTH] for code in missing if code}
        complete = {code for code in codes if code and len(code) == KECAMATAN_CODE_LENGTH} - others
        if None in codes and len(others) <= KECAMATAN_EXCEPTED < len(complete):
            return say("diff.all_areas_but", names=self._places(missing))
        return self._places(codes)

    def _places(self, codes: Sequence[str | None]) -> str:
        """Each kecamatan with its kelurahan is one name; so is one of whose kelurahan a few are missing."""
        inside = {code for code in codes if code}
        said: list[str] = []
        for code in sorted(inside):
            kecamatan = code[:KECAMATAN_CODE_LENGTH]
            if code == kecamatan:
                without = [other for other in self.areas if other and other.startswith(f"{code}.")]
                excepted = ", ".join(self._area(other, short=True) for other in without if other not in inside)
                name = self._area(code)
                said.append(say("diff.kecamatan_but", name=name, names=excepted) if excepted else name)
            elif kecamatan not in inside:
                said.append(self._area(code))
        return ", ".join([*said, *([say("diff.no_area")] if None in codes else [])])

    def _area(self, code: str, *, short: bool = False) -> str:
        rules = self.new if self.new.area(code) else self.old
        area = rules.area(code)
        return area.name if short and area else rules.area_name(code)

    def _help(self, one: Help, rules: Rules, *, detail: bool = False) -> str:
        steps = say("diff.then").join(_ring(step, rules, detail=detail) for step in one.steps)
        steps = steps or say("diff.only_operator")
        if not one.told:
            return steps
        names = ", ".join(_line(rules, line, detail=detail) for line in sorted(one.told))
        return say("diff.told", steps=steps, names=names)

    def _duties(self, duties: Officers, rules: Rules) -> str:
        said = [
            say("diff.officer", line=_line(rules, line), officer=officer) if officer else _line(rules, line)
            for line, officer in duties
        ]
        return ", ".join(said) or say("diff.nobody")


def _ring(step: Ring, rules: Rules, *, detail: bool) -> str:
    if step.kind == "operators":
        return say("diff.operator")
    ids = sorted(step.lines)
    names = say("diff.and").join(_name(rules, line) if detail else _line(rules, line) for line in ids)
    names = say("diff.together", names=names) if len(ids) > 1 else names
    if not detail:
        return names
    agency = rules.agency(step.agency).name if step.agency else ""
    kind = "detail_changed" if not step.seconds else "detail" if agency else "detail_quiet"
    return say(f"diff.{kind}", names=names, ids=", ".join(ids), seconds=step.seconds, agency=agency)


def _line(rules: Rules, line: str, *, detail: bool = False) -> str:
    """A phone's name, with its id where another one has the same."""
    name = _name(rules, line)
    detail = detail or any(_name(rules, other.id) == name for other in rules.lines if other.id != line)
    return say("diff.detail_changed", names=name, ids=line) if detail else name


def _name(rules: Rules, line: str) -> str:
    agency = rules.agency_by_id.get(line)
    own = agency.short_name if agency and agency.own_line() else None
    return own or rules.line(line).name or line


def _titled(one: Change) -> str:
    """An entry's name with its key, when the name does not say it already."""
    if not one.id or one.id == one.name:
        return one.name
    return f"{one.name} [{one.id}]"


def _listed(value: str | Iterable[str] | None) -> str:
    return value if isinstance(value, str) else ", ".join(value or ())


def _words(one: Change) -> str:
    was, now = (list(side) if isinstance(side, tuple) else [] for side in (one.before, one.after))
    added = [word for word in now if word not in was]
    removed = [word for word in was if word not in now]
    said = [say("diff.words_added", words=", ".join(added))] if added else []
    return ", ".join([*said, *([say("diff.words_removed", words=", ".join(removed))] if removed else [])])
