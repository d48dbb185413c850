"""`routing_rules.yaml` as types: Indonesian keys in the file, English names in the code, nothing changeable."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ivr.rules.areas import KECAMATAN_CODE_LENGTH, AreaIndex, NamedArea
from ivr.rules.problems import Problem
from ivr.rules.week import ALL_HOURS, EVERY_DAY, MINUTES_PER_DAY, MINUTES_PER_WEEK, parse_days, parse_hours

ALL = "semua"
OPERATOR = "operator"
ID = "(id)"
"""The key an entry's own name travels under: no YAML word, so that the file can never set it."""


def _entries(value: object) -> list[dict[str, Any]]:
    """`{damkar: {...}}` as a list whose entries know their name; a bare text is the entry's `nama`."""
    if not isinstance(value, Mapping):
        raise PydanticCustomError("mapping", "mapping expected")
    return [{**_entry(entry, "nama"), ID: name} for name, entry in value.items()]


def _rosters(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, Mapping):
        raise PydanticCustomError("mapping", "mapping expected")
    return [{**_entry(entry, "mingguan"), ID: name} for name, entry in value.items()]


def _entry(value: object, bare: str) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {bare: value}


def _kelurahan(value: object) -> list[dict[str, Any]]:
    """Entries, each with its place in the list as its key when the file gives no keys at all."""
    entries = [] if value == "" else _entries(value)
    if any("tombol" in entry for entry in entries):
        return entries
    keyed = [{**entry, "tombol": str(key)} for key, entry in enumerate(entries[:9], start=1)]
    return [*keyed, *entries[9:]]


def _several(value: object) -> object:
    """One text stands for a list of one, an empty value for an empty list."""
    if isinstance(value, str):
        return [value] if value else []
    return value


def _yes_or_no(value: object) -> bool:
    if value not in ("ya", "tidak"):
        raise PydanticCustomError("yes_or_no", "ya or tidak expected")
    return value == "ya"


def _by_key(value: object) -> bool:
    if value not in ("tombol", "langsung"):
        raise PydanticCustomError("accept", "tombol or langsung expected")
    return value == "tombol"


def _key(value: object) -> object:
    if value in ("0", "*", "#"):
        raise PydanticCustomError("reserved_key", "reserved key")
    if not isinstance(value, str) or not re.fullmatch("[1-9]", value):
        raise PydanticCustomError("key", "one digit expected")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch("[0-9]{1,4}", value):
        raise PydanticCustomError("whole_number", "whole number expected")
    return int(value)


def _number(value: object) -> object:
    """A phone number without the spaces, dots and dashes people write in it."""
    digits = re.sub(r"[\s().-]", "", value) if isinstance(value, str) else ""
    if not re.fullmatch(r"\+?[0-9]{3,15}", digits):
        raise PydanticCustomError("phone", "phone number expected")
    if digits.lstrip("+").removeprefix("62") == "112" or digits == "112":
        raise PydanticCustomError("phone_loop", "112 cannot ring itself")
    return digits


def _days(value: object) -> tuple[int, ...]:
    words = value if isinstance(value, list) else [value]
    text = ",".join(word if isinstance(word, str) else "?" for word in words)
    try:
        return parse_days(text)
    except ValueError as error:
        raise PydanticCustomError("days", "days expected", {"word": str(error)}) from error


def _hours(value: object) -> tuple[int, int]:
    try:
        return parse_hours(value if isinstance(value, str) else "")
    except ValueError as error:
        raise PydanticCustomError("hours", "hours expected") from error


Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=80)]
Id: TypeAlias = Annotated[str, Field(alias=ID, pattern=r"^[a-z][a-z0-9_]{0,30}$")]
Account: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
KecamatanCode: TypeAlias = Annotated[str, Field(alias=ID, pattern=r"^[0-9]{2}(\.[0-9]{2}){2}$")]
KelurahanCode: TypeAlias = Annotated[str, Field(alias=ID, pattern=r"^[0-9]{2}(\.[0-9]{2}){2}\.[0-9]{4}$")]
Key: TypeAlias = Annotated[str, BeforeValidator(_key)]
Texts: TypeAlias = Annotated[tuple[Name, ...], BeforeValidator(_several)]
SomeTexts: TypeAlias = Annotated[tuple[Name, ...], BeforeValidator(_several), Field(min_length=1)]
YesOrNo: TypeAlias = Annotated[bool, BeforeValidator(_yes_or_no)]
Seconds: TypeAlias = Annotated[int, BeforeValidator(_whole), Field(ge=5, le=300)]
Zone: TypeAlias = Literal["Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"]


class Part(BaseModel):
    """A part of the rules: closed to unknown keys, never changed after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class City(Part):
    name: Name = Field(alias="nama")
    code: str = Field(alias="kode", pattern=r"^[0-9]{2}\.[0-9]{2}$")
    zone: Zone = Field(alias="zona")

    @cached_property
    def clock(self) -> ZoneInfo:
        """The city's zone (WIB, WITA or WIT; Indonesia has no summer time)."""
        return ZoneInfo(self.zone)


class Category(Part):
    """What a caller may need help with, chosen with one key."""

    id: Id
    key: Key = Field(alias="tombol")
    name: Name = Field(alias="nama")
    synonyms: Texts = Field(alias="sinonim", default=())
    emergency: YesOrNo = Field(alias="darurat", default=True)
    asks_area: YesOrNo = Field(alias="tanya_wilayah", default=True)


class Kelurahan(Part):
    """Key None: it has no key, because there are more than nine."""

    code: KelurahanCode
    name: Name = Field(alias="nama")
    key: Key | None = Field(alias="tombol", default=None)
    aliases: Texts = Field(alias="alias", default=())


class Kecamatan(Part):
    code: KecamatanCode
    key: Key = Field(alias="tombol")
    name: Name = Field(alias="nama")
    aliases: Texts = Field(alias="alias", default=())
    kelurahan: Annotated[tuple[Kelurahan, ...], BeforeValidator(_kelurahan)] = ()


class Line(Part):
    """One phone that can ring: an account registered here, or a number behind the trunk (never both)."""

    id: Id
    name: Name | None = Field(alias="nama", default=None)
    account: Account | None = Field(alias="akun", default=None)
    phone: Annotated[str, BeforeValidator(_number)] | None = Field(alias="telepon", default=None)
    accepts_by_key: Annotated[bool, BeforeValidator(_by_key)] = Field(alias="terima", default=True)
    seconds: Seconds = Field(alias="detik", default=20)


class Shift(Part):
    days: Annotated[tuple[int, ...], BeforeValidator(_days)] = Field(alias="hari", default=parse_days(EVERY_DAY))
    hours: Annotated[tuple[int, int], BeforeValidator(_hours)] = Field(alias="jam", default=parse_hours(ALL_HOURS))
    lines: SomeTexts = Field(alias="jalur")

    def covers(self, minute: int) -> bool:
        """Whether this shift is on at a minute of the week; past midnight it belongs to the day it began."""
        start, end = self.hours
        since_day_began = ((minute - day * MINUTES_PER_DAY) % MINUTES_PER_WEEK for day in self.days)
        return any((since - start) % MINUTES_PER_WEEK < end - start for since in since_day_began)

    def boundaries(self) -> set[int]:
        """The minutes of the day at which this shift begins or ends."""
        return {minute % MINUTES_PER_DAY for minute in self.hours}


class Roster(Part):
    id: Id
    shifts: tuple[Shift, ...] = Field(alias="mingguan", min_length=1)


class Agency(Part):
    """Who helps: its lines (rung together), or the roster that says whose phone it is now (never both)."""

    id: Id
    name: Name = Field(alias="nama")
    short_name: Name | None = Field(alias="singkat", default=None)
    lines: SomeTexts = Field(alias="jalur", default=())
    roster: Name | None = Field(alias="piket", default=None)


class Operators(Part):
    accounts: Annotated[tuple[Account, ...], BeforeValidator(_several)] = Field(alias="akun", min_length=1)
    seconds: Seconds = Field(alias="detik", default=60)


class Rule(Part):
    """Who is rung for these categories in these areas: steps in order, the names in a step together."""

    categories: SomeTexts = Field(alias="kategori")
    areas: SomeTexts = Field(alias="wilayah", default=(ALL,))
    steps: Annotated[tuple[SomeTexts, ...], BeforeValidator(_several)] = Field(alias="langkah", min_length=1)


class Policies(Part):
    budget_seconds: Annotated[int, BeforeValidator(_whole), Field(ge=10, le=120)] = Field(
        alias="anggaran_detik", default=40
    )
    wait_seconds: Annotated[int, BeforeValidator(_whole), Field(ge=2, le=20)] = Field(alias="tunggu_detik", default=5)
    mistakes_allowed: Annotated[int, BeforeValidator(_whole), Field(ge=1, le=5)] = Field(
        alias="kesalahan_maksimal", default=2
    )


class Rules(Part):
    """One valid rules file. `warnings` is what an admin should know though the file can be used."""

    city: City = Field(alias="kota")
    categories: Annotated[tuple[Category, ...], BeforeValidator(_entries)] = Field(alias="kategori", min_length=1)
    areas: Annotated[tuple[Kecamatan, ...], BeforeValidator(_entries)] = Field(alias="wilayah", min_length=1)
    lines: Annotated[tuple[Line, ...], BeforeValidator(_entries)] = Field(alias="jalur", min_length=1)
    rosters: Annotated[tuple[Roster, ...], BeforeValidator(_rosters)] = Field(alias="piket", default=())
    agencies: Annotated[tuple[Agency, ...], BeforeValidator(_entries)] = Field(alias="instansi", min_length=1)
    operators: Operators = Field(alias="operator")
    rules: tuple[Rule, ...] = Field(alias="aturan", min_length=1)
    fallback: SomeTexts = Field(alias="siaga_24_jam")
    policies: Policies = Field(alias="kebijakan", default_factory=Policies)
    warnings: tuple[Problem, ...] = Field(alias="(warnings)", default=())

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

    def area(self, code: str | None) -> Kecamatan | Kelurahan | None:
        return self._area_by_code.get(code or "")

    def area_name(self, code: str) -> str:
        """`Menteng - Jekan Raya` for a kelurahan, `Jekan Raya` for a kecamatan, else the code itself."""
        area, kecamatan = self.area(code), self.area(code[:KECAMATAN_CODE_LENGTH])
        if isinstance(area, Kelurahan) and kecamatan:
            return f"{area.name} - {kecamatan.name}"
        return area.name if area else code

    def find_area(self, text: str) -> tuple[str, ...]:
        """Codes meant by a code, a name, an alias or `kelurahan - kecamatan`: several when unclear."""
        return self._area_index.find(text)

    def rule_for(self, category: str | None, area: str | None) -> int | None:
        """The position of the first rule that serves these; an unknown category or area is served by `semua`.

        A kelurahan is served by its own rules and by its kecamatan's, also when the file does not list it.
        """
        categories = {category or ALL, ALL}
        areas = {area or ALL, (area or ALL)[:KECAMATAN_CODE_LENGTH], ALL}
        pairs = ((one, place) for one in categories for place in areas)
        return min((self._first_rule[pair] for pair in pairs if pair in self._first_rule), default=None)

    @cached_property
    def operator_lines(self) -> tuple[Line, ...]:
        """The operators' phones as lines: they accept by picking up, and ring as long as the queue does."""
        phones = [{ID: account, "akun": account, "terima": "langsung"} for account in self.operators.accounts]
        return tuple(Line.model_validate(phone) for phone in phones)

    @cached_property
    def rostered(self) -> frozenset[str]:
        """Lines that some roster names: they ring only while a roster has them on duty."""
        return frozenset(line for roster in self.rosters for shift in roster.shifts for line in shift.lines)

    @cached_property
    def agency_of_line(self) -> dict[str, str]:
        """The first agency that names a line, directly or in its roster."""
        owners: dict[str, str] = {}
        for agency in self.agencies:
            shifts = self.roster(agency.roster).shifts if agency.roster else ()
            for line in [*agency.lines, *(line for shift in shifts for line in shift.lines)]:
                owners.setdefault(line, agency.id)
        return owners

    @cached_property
    def _first_rule(self) -> dict[tuple[str, str], int]:
        first: dict[tuple[str, str], int] = {}
        for position, rule in enumerate(self.rules):
            codes = [code for area in rule.areas for code in self.codes_of(area)]
            for pair in ((category, code) for category in rule.categories for code in codes):
                first.setdefault(pair, position)
        return first

    def codes_of(self, area: str) -> tuple[str, ...]:
        """The codes a rule means by an area it names; `semua` stays `semua`."""
        return (ALL,) if area == ALL else self.find_area(area)

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
        return AreaIndex(_named_areas(self.areas))


def _named_areas(areas: tuple[Kecamatan, ...]) -> list[NamedArea]:
    named = []
    for kecamatan in areas:
        names = (kecamatan.name, *kecamatan.aliases)
        named.append(NamedArea(kecamatan.code, names))
        named += [NamedArea(area.code, (area.name, *area.aliases), names) for area in kecamatan.kelurahan]
    return named
