"""`routing_rules.yaml` as JSON Schema (draft 07), for editors: built from the types, so that it says what they say.

Every value is described as the admin writes it: sections are maps, everything is text, and digits may also be what an
editor takes for a number. What depends on another place of the file only `ivr rules check` knows.
"""

import json
from collections.abc import Callable, Iterable
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BeforeValidator, WithJsonSchema
from pydantic.fields import FieldInfo

from ivr.messages import say
from ivr.rules import fields
from ivr.rules.clashes import PHONES
from ivr.rules.fields import CLOSED, ID
from ivr.rules.model import Rules
from ivr.rules.parts import Agency, Line, Part

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"

_BOUNDS = ((Ge, "ge", "minimum"), (Le, "le", "maximum"), (MinLen, "min_length", "min"), (MaxLen, "max_length", "max"))
_KINDS = {"str": "Length", "tuple": "Items", "dict": "Properties"}
_ONE_WAY = {Line: PHONES, Agency: ("jalur", "piket", *PHONES)}
"""Parts that have exactly one of these keys (`clashes` checks it)."""


def schema() -> Schema:
    """The whole file."""
    head = {"$schema": DRAFT, "title": say("schema.title"), "description": say("schema.description")}
    return head | _part(Rules)


def schema_text() -> str:
    """The same as the file that is committed and that editors read."""
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"


def _part(part: type[Part]) -> Schema:
    """A part as a map: its keys, each with what it is for and what it is when left out."""
    keys = {name: field for name, field in part.model_fields.items() if field.alias != ID}
    found: Schema = {
        "type": "object",
        "properties": {field.alias or name: _field(part, name, field) for name, field in keys.items()},
        "additionalProperties": False,
    }
    if required := [field.alias or name for name, field in keys.items() if field.is_required()]:
        found["required"] = required
    if part in _ONE_WAY:
        found["oneOf"] = [{"required": [key]} for key in _ONE_WAY[part]]
    return found


def _field(part: type[Part], name: str, field: FieldInfo) -> Schema:
    key = field.alias or name
    description = say(f"schema.{part.__name__}_{key}")
    default = None if field.is_required() else _as_written(field)
    if default is not None:
        description = say("schema.with_default", description=description, default=default)
    found = {"description": description} | _value(field.annotation, field.metadata)
    return found | ({"default": default} if default is not None else {})


def _as_written(field: FieldInfo) -> str | int | None:
    """A default as the admin would write it; None where the description says it, or there is nothing to write."""
    said = _value(field.annotation, field.metadata)
    if isinstance(field.default, str | int) and not isinstance(field.default, bool):
        return field.default
    if isinstance(field.default, tuple) and len(field.default) == 1:
        return str(field.default[0])
    words: list[str] = [*said.get("enum", ()), *said.get("examples", ())]
    return next((word for word in words if field.default is not None and _read(field, word) == field.default), None)


def _read(field: FieldInfo, word: str) -> object:
    """What the field makes of a word."""
    reader = next((one.func for one in field.metadata if isinstance(one, BeforeValidator)), None)
    return cast(Callable[[object], object], reader)(word) if reader else word


def _value(annotation: Any, metadata: Iterable[object] = ()) -> Schema:
    """The schema of a type as it is written in the file."""
    annotation, metadata = _opened(annotation, tuple(metadata))
    reader = next((one.func for one in metadata if isinstance(one, BeforeValidator)), None)
    written = next((one for one in metadata if isinstance(one, WithJsonSchema)), None)
    if written is not None and written.json_schema is not None:
        return dict(written.json_schema) | _bounds("int", metadata)
    if get_origin(annotation) is Literal:
        return {"enum": list(get_args(annotation))}
    if annotation is str:
        return _text(metadata)
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return _part(annotation)
    if get_origin(annotation) is dict:
        key, value = get_args(annotation)
        return _map(_pattern(key), _value(value)) | _bounds("dict", metadata)
    if get_origin(annotation) is tuple:
        return _several(reader, get_args(annotation)[0], metadata)
    raise TypeError(f"no schema for {annotation}")


def _several(reader: object, item: Any, metadata: tuple[object, ...]) -> Schema:
    """A list, or one of the ways to write one."""
    named = {
        fields.entries: "nama",
        fields.keyed_kelurahan: "nama",
        fields.named_rosters: "mingguan",
        fields.dated_exceptions: "giliran",
    }
    listed = {"type": "array", "items": _value(item)} | _bounds("tuple", metadata)
    if reader is None:
        return listed
    if reader is fields.several:
        return _either(_value(item), listed if "minItems" in listed else _either(listed, {"type": "null"}))
    if reader is fields.shifts_or_closed:
        return _either(listed, {"type": "string", "pattern": f"^{CLOSED}$"})
    if reader in named:
        found = _map(_pattern(_id(item)), _entry(item, named[reader])) | _bounds("dict", metadata)
        return _either(found, {"type": "null"}) if reader is fields.keyed_kelurahan else found
    raise TypeError(f"no schema for what {reader} reads")


def _entry(part: type[Part], bare: str) -> Schema:
    """An entry of a section: a map, or only its one necessary value."""
    found = _part(part)
    if found.get("required") != [bare]:
        return found
    value = {key: said for key, said in found["properties"][bare].items() if key != "description"}
    return value if len(found["properties"]) == 1 else _either(found, value)


def _either(one: Schema, other: Schema) -> Schema:
    """Both in one: every keyword speaks of its own type, so that an editor's message stays short."""
    types = [kind for schema in (one, other) for kind in _list(schema["type"])]
    return one | other | {"type": list(dict.fromkeys(types))}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _map(pattern: str, value: Schema) -> Schema:
    return {"type": "object", "patternProperties": {pattern: value}, "additionalProperties": False}


def _text(metadata: tuple[object, ...]) -> Schema:
    pattern = next((one.pattern for one in metadata if hasattr(one, "pattern")), None)
    found: Schema = {"type": "string"} if pattern and pattern.startswith("^[a-z]") else {"type": ["string", "number"]}
    return found | ({"pattern": pattern} if pattern else {}) | _bounds("str", metadata)


def _bounds(kind: str, metadata: tuple[object, ...]) -> Schema:
    """Limits of a number, a text's length, the entries of a list or a map."""
    found = {}
    for one in metadata:
        for limit, attribute, keyword in _BOUNDS:
            if isinstance(one, limit):
                found[keyword + ("" if kind == "int" else _KINDS[kind])] = getattr(one, attribute)
    return found


def _pattern(annotation: Any) -> str:
    """What the keys of a map look like."""
    return cast(str, _value(annotation)["pattern"])


def _id(part: type[Part]) -> Any:
    field = next(field for field in part.model_fields.values() if field.alias == ID)
    return Annotated[(field.annotation, *field.metadata)]


def _opened(annotation: Any, metadata: tuple[object, ...]) -> tuple[Any, tuple[object, ...]]:
    """The type without `Annotated` and without None, and everything that was said of it."""
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (one for one in get_args(annotation) if one is not NoneType)
    if get_origin(annotation) is Annotated:
        annotation, *said = get_args(annotation)
        flat = (part for one in said for part in (one.metadata if isinstance(one, FieldInfo) else (one,)))
        return _opened(annotation, (*flat, *metadata))
    return annotation, metadata
