"""The sections of `routing_rules.yaml` as types: Indonesian keys in the file, English names in the code."""

from datetime import datetime
from functools import cached_property
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ivr.rules import written
from ivr.rules.fields import (
    Account,
    AreaKey,
    ByKey,
    Dates,
    Day,
    DaysOfWeek,
    Hours,
    Id,
    KecamatanCode,
    KelurahanCode,
    Key,
    Moment,
    Name,
    Phone,
    Position,
    Repeated,
    Seconds,
    SomeTexts,
    Texts,
    Whole,
    YesOrNo,
    Zone,
    dated_exceptions,
    keyed_kelurahan,
    several,
    shifts_or_closed,
)
from ivr.rules.numbers import read_number
from ivr.rules.week import ALL_HOURS, ALWAYS, MINUTES_PER_DAY, parse_hours, parse_until, weekday_of

ALL = "semua"
OPERATOR = "operator"
EMERGENCY_PRIORITY, SERVICE_PRIORITY = 2, 4
LONGEST_REPLACEMENT = 366  # days


class Part(BaseModel):
    """A part of the rules: closed to unknown keys, never changed after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class City(Part):
    name: Name = Field(alias="nama")
    code: str = Field(alias="kode", pattern=r"^[0-9]{2}\.[0-9]{2}$")
    zone: Zone = Field(alias="zona")
    village: Name = Field(alias="desa", default="desa")
    holidays: dict[Day, Name] = Field(alias="libur", default_factory=dict)

    @cached_property
    def clock(self) -> ZoneInfo:
        """The city's zone (WIB, WITA or WIT; Indonesia has no summer time)."""
        return ZoneInfo(self.zone)

    @cached_property
    def holiday_days(self) -> frozenset[int]:
        """The holidays as ordinal days."""
        return frozenset(day.toordinal() for day in self.holidays)


class Category(Part):
    """What a caller may need help with, chosen with one key."""

    id: Id
    key: Key = Field(alias="tombol")
    name: Name = Field(alias="nama")
    pronunciation: Name | None = Field(alias="lafal", default=None)
    synonyms: Texts = Field(alias="sinonim", default=())
    emergency: YesOrNo = Field(alias="darurat", default=True)
    stated_priority: Annotated[Whole, Field(ge=1, le=5)] | None = Field(alias="prioritas", default=None)
    asks_area: YesOrNo = Field(alias="tanya_wilayah", default=True)

    @property
    def priority(self) -> int:
        """1, the most urgent, to 5: the place in the operators' queue."""
        return self.stated_priority or (EMERGENCY_PRIORITY if self.emergency else SERVICE_PRIORITY)


class Kelurahan(Part):
    """Key None: it has no key, because there are more than nine. Position: latitude, longitude."""

    code: KelurahanCode
    name: Name = Field(alias="nama")
    pronunciation: Name | None = Field(alias="lafal", default=None)
    key: Key | None = Field(alias="tombol", default=None)
    aliases: Texts = Field(alias="alias", default=())
    position: Position | None = Field(alias="posisi", default=None)


class Kecamatan(Part):
    """The key has two digits where the choice is grouped: the group's, then its own."""

    code: KecamatanCode
    key: AreaKey = Field(alias="tombol")
    name: Name = Field(alias="nama")
    pronunciation: Name | None = Field(alias="lafal", default=None)
    aliases: Texts = Field(alias="alias", default=())
    position: Position | None = Field(alias="posisi", default=None)
    kelurahan: Annotated[tuple[Kelurahan, ...], BeforeValidator(keyed_kelurahan)] = ()


class Line(Part):
    """One phone that can ring: an account registered here, or a number or SIP URI elsewhere (never both)."""

    id: Id
    name: Name | None = Field(alias="nama", default=None)
    account: Account | None = Field(alias="akun", default=None)
    phone: Phone | None = Field(alias="telepon", default=None)
    accepts_by_key: ByKey = Field(alias="terima", default=True)
    seconds: Seconds = Field(alias="detik", default=20)

    @property
    def is_placeholder(self) -> bool:
        """Whether the number is an example's that nobody can have."""
        return bool(self.phone) and read_number(self.phone or "").placeholder


class Centre(Part):
    """A neighbouring 112 or a national number: answered by professionals, so nobody is asked to press 1."""

    id: Id
    name: Name = Field(alias="nama")
    phone: Phone = Field(alias="telepon")
    accepts_by_key: ByKey = Field(alias="terima", default=False)
    seconds: Seconds = Field(alias="detik", default=20)

    def line(self) -> Line:
        return Line.model_construct(
            id=self.id,
            name=self.name,
            account=None,
            phone=self.phone,
            accepts_by_key=self.accepts_by_key,
            seconds=self.seconds,
        )


class Timed(Part):
    """Something that is so on some days, at some hours; past midnight it belongs to the day it began."""

    days: DaysOfWeek = Field(alias="hari", default=ALWAYS)
    hours: Hours = Field(alias="jam", default=parse_hours(ALL_HOURS))

    def begins_on(self, day: int, holidays: frozenset[int]) -> bool:
        """Whether it begins on an ordinal day."""
        return self.days.include(weekday_of(day), holiday=day in holidays)

    def covers(self, day: int, minute: int, holidays: frozenset[int]) -> bool:
        """Whether it is so at a minute of an ordinal day."""
        start, end = self.hours
        if start <= minute < end and self.begins_on(day, holidays):
            return True
        return minute + MINUTES_PER_DAY < end and self.begins_on(day - 1, holidays)


class Shift(Timed):
    lines: SomeTexts = Field(alias="jalur")
    officer: Name | None = Field(alias="petugas", default=None)


class DatedShift(Part):
    """A shift of a dated exception: the date stands before it."""

    hours: Hours = Field(alias="jam", default=parse_hours(ALL_HOURS))
    lines: SomeTexts = Field(alias="jalur")
    officer: Name | None = Field(alias="petugas", default=None)


class DatedRoster(Part):
    """The shifts that begin on these dates, instead of the weekly ones; none: closed."""

    dates: Dates
    shifts: Annotated[tuple[DatedShift, ...], BeforeValidator(shifts_or_closed)] = Field(alias="giliran")

    def days(self) -> range:
        """The dates as ordinal days."""
        first, last = self.dates
        return range(first.toordinal(), last.toordinal() + 1)


class Replacement(Part):
    """Somebody stands in for a line of the roster, from one moment of the city's clock to another."""

    line: Name = Field(alias="jalur")
    by: Name = Field(alias="oleh")
    officer: Name | None = Field(alias="petugas", default=None)
    start: Moment = Field(alias="mulai")
    stated_end: Annotated[Name, written.UNTIL] = Field(alias="sampai")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        try:
            length = self.end - self.start
        except ValueError as error:
            raise PydanticCustomError("until", "an end expected", {"word": self.stated_end}) from error
        if not 0 < length.total_seconds() <= LONGEST_REPLACEMENT * 86400:
            raise PydanticCustomError("until_order", "an end after the beginning expected")
        return self

    @cached_property
    def end(self) -> datetime:
        """The first moment it is over."""
        return parse_until(self.stated_end, self.start)

    def days(self) -> range:
        """The ordinal days it touches."""
        return range(self.start.toordinal(), self.end.toordinal() + 1)

    def covers(self, day: int, minute: int) -> bool:
        return minute_count(self.start) <= day * MINUTES_PER_DAY + minute < minute_count(self.end)


def minute_count(moment: datetime) -> int:
    """Minutes since the calendar began: ordinal day and minute in one number."""
    return moment.toordinal() * MINUTES_PER_DAY + moment.hour * 60 + moment.minute


class Roster(Part):
    """Who is on duty: every week, on dated exceptions, and who stands in for whom meanwhile."""

    id: Id
    shifts: tuple[Shift, ...] = Field(alias="mingguan", min_length=1)
    exceptions: Annotated[tuple[DatedRoster, ...], BeforeValidator(dated_exceptions)] = Field(
        alias="tanggal", default=()
    )
    replacements: tuple[Replacement, ...] = Field(alias="pengganti", default=())

    @cached_property
    def shift_lines(self) -> tuple[str, ...]:
        """The lines of its shifts."""
        shifts: list[Shift | DatedShift] = [*self.shifts]
        shifts += [shift for dated in self.exceptions for shift in dated.shifts]
        return tuple(dict.fromkeys(line for shift in shifts for line in shift.lines))

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Every line it can have on duty."""
        return tuple(dict.fromkeys([*self.shift_lines, *(one.by for one in self.replacements)]))


class Agency(Part):
    """Who helps: lines (rung together), a roster that says whose phone it is now, or one phone of its own."""

    id: Id
    name: Name = Field(alias="nama")
    pronunciation: Name | None = Field(alias="lafal", default=None)
    short_name: Name | None = Field(alias="singkat", default=None)
    lines: SomeTexts = Field(alias="jalur", default=())
    roster: Name | None = Field(alias="piket", default=None)
    account: Account | None = Field(alias="akun", default=None)
    phone: Phone | None = Field(alias="telepon", default=None)
    accepts_by_key: ByKey | None = Field(alias="terima", default=None)
    seconds: Seconds | None = Field(alias="detik", default=None)

    def own_line(self) -> Line | None:
        """The phone that bears the agency's own id."""
        if not (self.account or self.phone):
            return None
        return Line.model_construct(
            id=self.id,
            name=self.name,
            account=self.account,
            phone=self.phone,
            accepts_by_key=self.accepts_by_key is not False,
            seconds=self.seconds or 20,
        )


class Operators(Part):
    accounts: Annotated[tuple[Account, ...], BeforeValidator(several)] = Field(alias="akun", min_length=1)
    seconds: Seconds = Field(alias="detik", default=60)


class Rule(Timed):
    """Who is rung for these categories in these areas at these hours, and who is told of it.

    Steps are taken in order; the names in one step ring together.
    """

    categories: SomeTexts = Field(alias="kategori")
    areas: SomeTexts = Field(alias="wilayah", default=(ALL,))
    steps: Annotated[tuple[SomeTexts, ...], BeforeValidator(several)] = Field(
        alias="langkah", min_length=1, max_length=15
    )
    told: Texts = Field(alias="beri_tahu", default=())

    @cached_property
    def always(self) -> bool:
        """Whether it serves at every moment."""
        return self.days.weekdays == ALWAYS.weekdays and self.days.on_holidays is not False and self._all_hours

    @cached_property
    def _all_hours(self) -> bool:
        return self.hours[1] - self.hours[0] >= MINUTES_PER_DAY


class Repeats(Part):
    """A number that calls this often is connected with operators: agencies are spared, nobody is refused."""

    calls: Annotated[Whole, Field(ge=2, le=100)] = Field(alias="panggilan")
    minutes: Annotated[Whole, Field(ge=1, le=1440)] = Field(alias="menit")


class Overflow(Part):
    """Where callers go whom the operators cannot take. Waiting 0: however many wait."""

    lines: SomeTexts = Field(alias="jalur")
    waiting: Annotated[Whole, Field(ge=0, le=500)] = Field(alias="antrean", default=0)


class Policies(Part):
    budget_seconds: Annotated[Whole, Field(ge=10, le=120)] = Field(alias="anggaran_detik", default=40)
    wait_seconds: Annotated[Whole, Field(ge=2, le=20)] = Field(alias="tunggu_detik", default=5)
    mistakes_allowed: Annotated[Whole, Field(ge=1, le=5)] = Field(alias="kesalahan_maksimal", default=2)
    language: str = Field(alias="bahasa", default="id", pattern=r"^[a-z]{2,3}$")
    operators_first: YesOrNo = Field(alias="operator_dahulu", default=False)
    repeats_on_silence: Repeated = Field(alias="diam", default=False)
    tell_after_seconds: Annotated[Whole, Field(ge=0, le=300)] = Field(alias="beri_tahu_detik", default=15)
    repeats: Repeats | None = Field(alias="iseng", default=None)
    overflow: Overflow | None = Field(alias="luapan", default=None)

    @property
    def overflow_lines(self) -> tuple[str, ...]:
        return self.overflow.lines if self.overflow else ()

    @property
    def overflow_waiting(self) -> int:
        return self.overflow.waiting if self.overflow else 0
