"""`routing_rules.yaml` as one value: `Rules`, with everything found quickly. Nothing in it ever changes."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field, PrivateAttr

from ivr.rules.areas import KECAMATAN_CODE_LENGTH, AreaIndex, NamedArea
from ivr.rules.duty import Timetable
from ivr.rules.fields import Key, Name, SomeTexts, entries, named_rosters
from ivr.rules.parts import (
    ALL,
    OPERATOR,
    Agency,
    Category,
    Centre,
    City,
    Kecamatan,
    Kelurahan,
    Line,
    Operators,
    Part,
    Policies,
    Roster,
    Rule,
)
from ivr.rules.problems import Problem
from ivr.rules.week import MINUTES_PER_DAY, weekday_of

if TYPE_CHECKING:
    from ivr.rules.route import Plan

__all__ = ["ALL", "OPERATOR", "Agency", "Category", "Kecamatan", "Kelurahan", "Line", "Rule", "Rules"]

_LONG_AGO = datetime(2001, 1, 1).toordinal()  # noqa: DTZ001 a Monday


class Rules(Part):
    """One valid rules file."""

    city: City = Field(alias="kota")
    categories: Annotated[tuple[Category, ...], BeforeValidator(entries)] = Field(alias="kategori", min_length=1)
    groups: dict[Key, Name] = Field(alias="kelompok_wilayah", default_factory=dict)
    areas: Annotated[tuple[Kecamatan, ...], BeforeValidator(entries)] = Field(alias="wilayah", min_length=1)
    stated_lines: Annotated[tuple[Line, ...], BeforeValidator(entries)] = Field(alias="jalur", default=())
    rosters: Annotated[tuple[Roster, ...], BeforeValidator(named_rosters)] = Field(alias="piket", default=())
    agencies: Annotated[tuple[Agency, ...], BeforeValidator(entries)] = Field(alias="instansi", min_length=1)
    neighbours: Annotated[tuple[Centre, ...], BeforeValidator(entries)] = Field(alias="tetangga", default=())
    national: Annotated[tuple[Centre, ...], BeforeValidator(entries)] = Field(alias="nasional", default=())
    operators: Operators = Field(alias="operator")
    rules: tuple[Rule, ...] = Field(alias="aturan", min_length=1)
    fallback: SomeTexts = Field(alias="siaga_24_jam")
    policies: Policies = Field(alias="kebijakan", default_factory=Policies)

    _warnings: tuple[Problem, ...] = PrivateAttr(())
    _demo: bool = PrivateAttr(True)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What an admin should know though the file can be used."""
        return self._warnings

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Every phone but the operators': stated ones, agencies' own, neighbours and national numbers.

        In a demonstration a line with a placeholder for a number is an account of its own name.
        """
        return tuple(_registered(line) if line.id in self.placeholder_lines else line for line in self._written_lines)

    @cached_property
    def placeholder_lines(self) -> tuple[str, ...]:
        """The lines that a demonstration makes accounts of."""
        return tuple(line.id for line in self._written_lines if self._demo and line.is_placeholder)

    @cached_property
    def _written_lines(self) -> tuple[Line, ...]:
        own = (agency.own_line() for agency in self.agencies)
        centres = (centre.line() for centre in (*self.neighbours, *self.national))
        return (*self.stated_lines, *(line for line in own if line), *centres)

    @cached_property
    def rung_lines(self) -> frozenset[str]:
        """The lines that a call may really ring: those of a step, a telling, the overflow or the 24-hour line."""
        named = {name for rule in self.rules for step in (*rule.steps, rule.told) for name in step}
        lines = {line for name in named if name in self.agency_by_id for line in self.lines_of(name)}
        return frozenset({*named, *lines, *self.fallback, *self.policies.overflow_lines})

    @cached_property
    def operator_lines(self) -> tuple[Line, ...]:
        """The operators' phones as lines: they accept by picking up, and ring as long as the queue does."""
        return tuple(
            Line.model_construct(
                id=account,
                name=None,
                account=account,
                phone=None,
                accepts_by_key=False,
                seconds=20,
            )
            for account in self.operators.accounts
        )

    def category(self, category: str | None) -> Category | None:
        return self._category_by_id.get(category or "")

    def line(self, line: str) -> Line:
        """A line or an operator's phone by its id. Raises KeyError."""
        return self._line_by_id[line]

    def agency(self, agency: str) -> Agency:
        """Raises KeyError."""
        return self.agency_by_id[agency]

    def roster(self, roster: str) -> Roster:
        """Raises KeyError."""
        return self._roster_by_id[roster]

    def timetable(self, roster: str) -> Timetable:
        """A roster's days. Raises KeyError."""
        return self.timetables[roster]

    def area(self, code: str | None) -> Kecamatan | Kelurahan | None:
        return self._area_by_code.get(code or "")

    def area_name(self, code: str) -> str:
        """`Menteng - Jekan Raya` for a kelurahan, `Jekan Raya` for a kecamatan, else the code itself.

        Where a kecamatan has the name twice its kind is said: `Negeri Nusaniwe - Nusaniwe`.
        """
        area, kecamatan = self.area(code), self.area(code[:KECAMATAN_CODE_LENGTH])
        if isinstance(area, Kelurahan) and isinstance(kecamatan, Kecamatan):
            twice = [place.name for place in kecamatan.kelurahan].count(area.name) > 1
            name = f"{kind_of(code, self.city.village).capitalize()} {area.name}" if twice else area.name
            return f"{name} - {kecamatan.name}"
        return area.name if area else code

    def find_area(self, text: str) -> tuple[str, ...]:
        """Codes meant by a code, a name, an alias or `kelurahan - kecamatan`: several when unclear."""
        return self._area_index.find(text)

    def moment(self, at: datetime) -> tuple[int, int]:
        """Ordinal day and minute of the city's own clock; a time without a zone is read as that clock."""
        local = at.astimezone(self.city.clock) if at.tzinfo else at
        return local.toordinal(), local.hour * 60 + local.minute

    def candidates(self, category: str | None, area: str | None) -> tuple[int, ...]:
        """Positions of the rules that may serve these, in order; only the last serves at every moment.

        A kelurahan is served by its own rules and by its kecamatan's, also when the file does not list it; an
        unknown category or area by the rules for `semua`.
        """
        known = self._known(category, area)
        found = self._candidates.get(known)
        if found is None:
            found = self._candidates[known] = self._served(*known)
        return found

    def _known(self, category: str | None, area: str | None) -> tuple[str | None, str | None]:
        """What the rules can tell apart: a category or None, an area of the file or None."""
        if area not in self._area_by_code:
            kecamatan = (area or "")[:KECAMATAN_CODE_LENGTH]
            area = kecamatan if kecamatan in self._area_by_code else None
        return category if category in self._category_by_id else None, area

    def _served(self, category: str | None, area: str | None) -> tuple[int, ...]:
        categories = {category or ALL, ALL}
        areas = {area or ALL, (area or ALL)[:KECAMATAN_CODE_LENGTH], ALL}
        positions = sorted(
            {p for one in categories for place in areas for p in self._rules_for.get((one, place), ())}
        )
        last = next(
            (place for place, position in enumerate(positions) if self.rules[position].always), len(positions)
        )
        return tuple(positions[: last + 1])

    def rule_for(self, category: str | None, area: str | None, day: int, minute: int) -> int | None:
        """The position of the rule that serves at a minute of an ordinal day, None when none does."""
        known, holidays = self._known(category, area), self.city.holiday_days
        kind = (known, weekday_of(day), day in holidays, day - 1 in holidays)
        stretches = self._stretches.get(kind)
        if stretches is None:
            stretches = self._stretches[kind] = tuple(self._stretches_on(day, self.candidates(*known)))
        for start, end, position in stretches:
            if start <= minute < end:
                return position
        return None

    def _stretches_on(self, day: int, positions: Iterable[int]) -> Iterator[tuple[int, int, int]]:
        """The minutes of a day, from and to, that each of these rules serves."""
        for position in positions:
            rule = self.rules[position]
            start, end = rule.hours
            if rule.begins_on(day, self.city.holiday_days):
                yield start, end, position
            if end > MINUTES_PER_DAY and rule.begins_on(day - 1, self.city.holiday_days):
                yield 0, end - MINUTES_PER_DAY, position

    @cached_property
    def rosters_of_line(self) -> dict[str, tuple[str, ...]]:
        """The rosters that can have a line on duty."""
        found: dict[str, tuple[str, ...]] = {}
        for roster in self.rosters:
            for line in roster.lines:
                found[line] = (*found.get(line, ()), roster.id)
        return found

    @cached_property
    def shift_lines(self) -> frozenset[str]:
        """The lines that have shifts: they ring only on duty. One that merely stands in once may always ring."""
        return frozenset(line for roster in self.rosters for line in roster.shift_lines)

    @cached_property
    def agency_of_line(self) -> dict[str, str]:
        """The first agency that names a line, directly or in its roster."""
        owners: dict[str, str] = {}
        for agency in self.agencies:
            for line in self.lines_of(agency.id):
                owners.setdefault(line, agency.id)
        return owners

    def lines_of(self, agency: str) -> tuple[str, ...]:
        """Every line an agency can ever have. Raises KeyError."""
        found = self.agency(agency)
        if found.roster:
            return self.roster(found.roster).lines
        return found.lines or (found.id,)

    @cached_property
    def special_days(self) -> tuple[int, ...]:
        """The ordinal days that may differ from an ordinary week, with the day after each, in order."""
        days = self.city.holiday_days.union(*(table.special_days for table in self.timetables.values()))
        return tuple(sorted(days | {day + 1 for day in days}))

    @cached_property
    def ordinary_monday(self) -> int:
        """The Monday (ordinal day) of a week that has nothing special in it, nor the day before."""
        special = set(self.special_days)
        day = _LONG_AGO
        while special.intersection(range(day - 1, day + 8)):
            day += 7
        return day

    def ordinary(self, day: int) -> int:
        """The same day of the week in an ordinary week."""
        return self.ordinary_monday + weekday_of(day)

    @cached_property
    def _rules_for(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for position, rule in enumerate(self.rules):
            codes = [code for area in rule.areas for code in self.codes_of(area)]
            for pair in ((category, code) for category in rule.categories for code in codes):
                earlier = found.setdefault(pair, [])
                if not (earlier and self.rules[earlier[-1]].always):
                    earlier.append(position)
        return found

    def codes_of(self, area: str) -> tuple[str, ...]:
        """The codes a rule means by an area it names; `semua` stays `semua`."""
        return (ALL,) if area == ALL else self.find_area(area)

    # What was worked out once. It depends on nothing but the rules, so it is no part of what they are.

    @cached_property
    def plans(self) -> dict[object, "Plan"]:
        """The plans made so far, by the state of duty they are for."""
        return {}

    @cached_property
    def _candidates(self) -> dict[tuple[str | None, str | None], tuple[int, ...]]:
        return {}

    @cached_property
    def _stretches(self) -> dict[object, tuple[tuple[int, int, int], ...]]:
        return {}

    @cached_property
    def timetables(self) -> dict[str, Timetable]:
        return {roster.id: Timetable(roster, self.city.holiday_days) for roster in self.rosters}

    @cached_property
    def _category_by_id(self) -> dict[str, Category]:
        return {category.id: category for category in self.categories}

    @cached_property
    def agency_by_id(self) -> dict[str, Agency]:
        return {agency.id: agency for agency in self.agencies}

    @cached_property
    def _roster_by_id(self) -> dict[str, Roster]:
        return {roster.id: roster for roster in self.rosters}

    @cached_property
    def _line_by_id(self) -> dict[str, Line]:
        return {line.id: line for line in (*self.lines, *self.operator_lines)}

    @cached_property
    def _area_by_code(self) -> dict[str, Kecamatan | Kelurahan]:
        wards = {area.code: area for kecamatan in self.areas for area in kecamatan.kelurahan}
        return {**wards, **{kecamatan.code: kecamatan for kecamatan in self.areas}}

    @cached_property
    def _area_index(self) -> AreaIndex:
        return AreaIndex(_named_areas(self.areas, self.city.village))


def kind_of(code: str, village: str) -> str:
    """What a place is called: in Kemendagri codes the village part is 1xxx for a kelurahan, 2xxx for a desa."""
    if len(code) <= KECAMATAN_CODE_LENGTH:
        return "kecamatan"
    return village if code.rpartition(".")[2].startswith("2") else "kelurahan"


def _registered(line: Line) -> Line:
    return line.model_copy(update={"account": line.id, "phone": None})


def _named_areas(areas: Iterable[Kecamatan], village: str) -> list[NamedArea]:
    named = []
    for kecamatan in areas:
        names = (kecamatan.name, *kecamatan.aliases)
        named.append(NamedArea(kecamatan.code, (*names, *(f"kecamatan {name}" for name in names))))
        for area in kecamatan.kelurahan:
            own = (area.name, *area.aliases)
            kind = kind_of(area.code, village)
            named.append(NamedArea(area.code, (*own, *(f"{kind} {name}" for name in own)), names))
    return named
