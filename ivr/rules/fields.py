"""The kinds of text a rules file holds, each with its own words for what is wrong."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ivr.rules import written
from ivr.rules.numbers import BadNumber, read_number
from ivr.rules.week import Days, parse_date, parse_dates, parse_days, parse_hours, parse_moment

ID = "(id)"
"""The key an entry's own name travels under: no YAML word, so that the file can never set it."""

CLOSED = "tutup"

SOUTH, NORTH, WEST, EAST = -11.1, 6.2, 94.9, 141.1
"""Indonesia in degrees."""


def entries(value: object, bare: str = "nama") -> list[dict[str, Any]]:
    """`{damkar: {...}}` as a list whose entries know their name; anything else but a map is the entry's `bare`."""
    if not isinstance(value, Mapping):
        raise PydanticCustomError("mapping", "mapping expected")
    return [{**_entry(entry, bare), ID: name} for name, entry in value.items()]


def _entry(value: object, bare: str) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {bare: value}


def named_rosters(value: object) -> list[dict[str, Any]]:
    return entries(value, "mingguan")


def dated_exceptions(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, Mapping):
        return entries(value)
    return [{ID: dates, "giliran": shifts} for dates, shifts in value.items()]


def shifts_or_closed(value: object) -> object:
    return [] if value == CLOSED else value


def keyed_kelurahan(value: object) -> list[dict[str, Any]]:
    """Entries: where the file gives keys only those can be chosen, else the first nine by their places."""
    found = [] if value == "" else entries(value)
    if any("tombol" in entry for entry in found):
        return found
    keyed = [{**entry, "tombol": str(key)} for key, entry in enumerate(found[:9], start=1)]
    return [*keyed, *found[9:]]


def several(value: object) -> object:
    """One text stands for a list of one, an empty value for an empty list."""
    if isinstance(value, str):
        return [value] if value else []
    return value


def _one_of(kind: str, yes: str, no: str) -> Callable[[object], bool]:
    def read(value: object) -> bool:
        if value not in (yes, no):
            raise PydanticCustomError(kind, "one of two words expected")
        return value == yes

    return read


def _key(value: object) -> object:
    if value in ("0", "*", "#"):
        raise PydanticCustomError("reserved_key", "reserved key")
    if not isinstance(value, str) or not re.fullmatch("[1-9]", value):
        raise PydanticCustomError("key", "one digit expected")
    return value


def _area_key(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch("[1-9]{1,2}", value):
        raise PydanticCustomError("area_key", "one or two digits expected")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch("[0-9]{1,4}", value):
        raise PydanticCustomError("whole_number", "whole number expected")
    return int(value)


def _dial(value: object) -> str:
    try:
        return read_number(value if isinstance(value, str) else "").dial
    except BadNumber as error:
        raise PydanticCustomError(error.kind, "phone number expected") from error


def _printable(text: str) -> str:
    """No control characters and no marks that turn text around: names are shown, spoken and sent in SIP."""
    if not text.isprintable():
        raise PydanticCustomError("unprintable", "printable text expected")
    return text


def _days(value: object) -> Days:
    words = value if isinstance(value, list) else [value]
    text = ",".join(word if isinstance(word, str) else "?" for word in words)
    try:
        return parse_days(text)
    except ValueError as error:
        raise PydanticCustomError("days", "days expected", {"word": str(error)}) from error


def _read_with(kind: str, parse: Callable[[str], object]) -> Callable[[object], object]:
    def read(value: object) -> object:
        try:
            return parse(value if isinstance(value, str) else "")
        except ValueError as error:
            raise PydanticCustomError(kind, "another form expected") from error

    return read


def _position(value: object) -> tuple[float, float]:
    """Latitude and longitude in degrees; inside Indonesia, which also finds the two exchanged."""
    parts = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) != 2:
        raise PydanticCustomError("position", "two numbers expected")
    if not all(isinstance(part, str) and re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,8})?", part) for part in parts):
        raise PydanticCustomError("position", "two numbers expected")
    latitude, longitude = map(float, parts)
    if not (SOUTH <= latitude <= NORTH and WEST <= longitude <= EAST):
        raise PydanticCustomError("position_outside", "a place in Indonesia expected")
    return latitude, longitude


_SIMPLE = r"^[a-z][a-z0-9_]{0,30}$"

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_printable)]
Id: TypeAlias = Annotated[str, Field(alias=ID, pattern=_SIMPLE)]
Account: TypeAlias = Annotated[str, Field(pattern=_SIMPLE)]
KecamatanCode: TypeAlias = Annotated[str, Field(alias=ID, pattern=r"^[0-9]{2}(\.[0-9]{2}){2}$")]
KelurahanCode: TypeAlias = Annotated[str, Field(alias=ID, pattern=r"^[0-9]{2}(\.[0-9]{2}){2}\.[0-9]{4}$")]
Key: TypeAlias = Annotated[str, BeforeValidator(_key), written.KEY]
AreaKey: TypeAlias = Annotated[str, BeforeValidator(_area_key), written.AREA_KEY]
Texts: TypeAlias = Annotated[tuple[Name, ...], BeforeValidator(several)]
SomeTexts: TypeAlias = Annotated[tuple[Name, ...], BeforeValidator(several), Field(min_length=1)]
YesOrNo: TypeAlias = Annotated[bool, BeforeValidator(_one_of("yes_or_no", "ya", "tidak")), written.YES_OR_NO]
ByKey: TypeAlias = Annotated[bool, BeforeValidator(_one_of("accept", "tombol", "langsung")), written.ACCEPT]
Repeated: TypeAlias = Annotated[bool, BeforeValidator(_one_of("silence", "ulangi", "operator")), written.SILENCE]
Whole: TypeAlias = Annotated[int, BeforeValidator(_whole), written.WHOLE]
Seconds: TypeAlias = Annotated[int, BeforeValidator(_whole), written.WHOLE, Field(ge=5, le=300)]
Phone: TypeAlias = Annotated[str, BeforeValidator(_dial), written.PHONE]
Zone: TypeAlias = Literal["Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"]
DaysOfWeek: TypeAlias = Annotated[Days, BeforeValidator(_days), written.DAYS]
Hours: TypeAlias = Annotated[tuple[int, int], BeforeValidator(_read_with("hours", parse_hours)), written.HOURS]
Day: TypeAlias = Annotated[date, BeforeValidator(_read_with("date", parse_date)), written.DATE]
Dates: TypeAlias = Annotated[
    tuple[date, date], BeforeValidator(_read_with("dates", parse_dates)), written.DATES, Field(alias=ID)
]
Moment: TypeAlias = Annotated[datetime, BeforeValidator(_read_with("moment", parse_moment)), written.MOMENT]
Position: TypeAlias = Annotated[tuple[float, float], BeforeValidator(_position), written.POSITION]
