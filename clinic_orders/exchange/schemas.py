"""What the bodies of calls consist of: JSON objects read as the cells of files are, and described as JSON Schema.

A shape is to a call what a kind is to a file: named fields with Chinese labels, each read by a cell of ``exchange.cells``,
so that a number, a day or a code is refused in the same words wherever it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from clinic_orders.exchange.cells import Cell
from clinic_orders.exchange.tables import KINDS
from clinic_orders.rules.api import FieldsWrong
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.errors import N_, RuleBroken

Schema = Mapping[str, Any]
Problems = dict[str, RuleBroken]
MOST_PROBLEMS: Final = 100
"""More refused fields are not told; a program that sends so many has another mistake."""


class FieldMissing(RuleBroken):
    """A field that is needed."""

    message = N_("“%(label)s” is missing.")


class FieldUnknown(RuleBroken):
    """A field that the call does not have, mostly mistyped."""

    message = N_("There is no field of this name here.")


class NotText(RuleBroken):
    """Something else where a string is wanted."""

    message = N_("Send a JSON string.")


class NotWhole(RuleBroken):
    """Something else where a whole number is wanted."""

    message = N_("Send a whole JSON number.")


class NotTrueOrFalse(RuleBroken):
    """Something else where a flag is wanted."""

    message = N_("Send true or false.")


class NotAList(RuleBroken):
    """Something else where a list is wanted."""

    message = N_("Send a JSON array with %(least)s to %(most)s entries.")


class NotAnObject(RuleBroken):
    """Something else where an object is wanted."""

    message = N_("Send a JSON object.")


@dataclass(frozen=True, slots=True)
class Value:
    """How a JSON value is read and described.

    Attributes:
        schema: JSON Schema of what is sent.
        read: the JSON value, its place as a JSON pointer and where refusals go → the value.
        absent: the value where it is left out or null.

    """

    schema: Schema
    read: Callable[[Any, str, Problems], Any]
    absent: Any = None


@dataclass(frozen=True, slots=True)
class Field:
    """One named field of a shape; ``label`` is what people call it."""

    name: str
    label: str
    value: Value
    required: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with named fields; ``name`` is how the document calls it."""

    name: str
    fields: tuple[Field, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the object."""
        found: dict[str, Any] = {
            "type": "object",
            "properties": {
                field.name: {**(field.value.schema if field.required else or_null(field.value.schema)),
                             "description": field.label}
                for field in self.fields
            },
            "additionalProperties": False,
        }  # fmt: skip
        required = [field.name for field in self.fields if field.required]
        return found | ({"required": required} if required else {})

    def read(self, raw: Any) -> dict[str, Any]:
        """The values by field name; what was left out is absent.

        Raises:
            FieldsWrong: with a refusal for each field that is not right.

        """
        problems: Problems = {}
        found = self.read_at(raw, "", problems)
        if problems:
            raise FieldsWrong(problems)
        assert found is not None
        return found

    def read_at(self, raw: Any, place: str, problems: Problems) -> dict[str, Any] | None:
        """The same for an object within another one; refusals go to ``problems`` by JSON pointer."""
        if not isinstance(raw, dict):
            problems[place] = NotAnObject()
            return None
        found: dict[str, Any] = {}
        for field in self.fields:
            given = raw.get(field.name)
            pointer = f"{place}/{field.name}"
            if given is None:
                if field.required:
                    problems[pointer] = FieldMissing(label=field.label)
                found[field.name] = field.value.absent
            else:
                found[field.name] = field.value.read(given, pointer, problems)
            if len(problems) >= MOST_PROBLEMS:
                return found
        for name in raw.keys() - {field.name for field in self.fields}:
            problems[f"{place}/{_escaped(name)}"] = FieldUnknown()
        return found


def or_null(schema: Schema) -> dict[str, Any]:
    """A schema whose value may be null besides."""
    kind = schema.get("type")
    if kind is None:
        return {"anyOf": [dict(schema), {"type": "null"}]}
    kinds = kind if isinstance(kind, list) else [kind]
    found = {**schema, "type": [*kinds, "null"]}
    return found | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")[:64]


def _cell(cell: Cell, pointer: str, text: str, problems: Problems) -> Any:
    try:
        return cell.read(text)
    except RuleBroken as refusal:
        problems[pointer] = refusal
        return None


def text(cell: Cell, *, least: int = 0, **more: Any) -> Value:
    """A string, read by a cell; ``more`` describes it further."""

    def read(raw: Any, pointer: str, problems: Problems) -> Any:
        if not isinstance(raw, str):
            problems[pointer] = NotText()
            return None
        if len(raw.strip()) < least:
            problems[pointer] = FieldMissing(label=pointer.rpartition("/")[2])
            return None
        return _cell(cell, pointer, raw, problems)

    lengths = {"maxLength": cell.limit} | ({"minLength": least} if least else {})
    return Value({"type": "string", **lengths, **more}, read, cell.absent)


def whole(cell: Cell, *, least: int, most: int) -> Value:
    """A whole number, read by a cell as its digits."""

    def read(raw: Any, pointer: str, problems: Problems) -> Any:
        if isinstance(raw, float) and raw.is_integer() and abs(raw) <= abs(most) + abs(least):
            raw = int(raw)
        if not isinstance(raw, int) or isinstance(raw, bool):
            problems[pointer] = NotWhole()
            return None
        return _cell(cell, pointer, str(raw), problems)

    return Value({"type": "integer", "minimum": least, "maximum": most}, read)


def flag() -> Value:
    """True or false; left out it is false."""

    def read(raw: Any, pointer: str, problems: Problems) -> Any:
        if not isinstance(raw, bool):
            problems[pointer] = NotTrueOrFalse()
            return None
        return raw

    return Value({"type": "boolean"}, read, False)


def texts(cell: Cell, *, most: int, label: str, **more: Any) -> Value:
    """A list of short strings, each read by a cell, each once; ``more`` describes them further."""

    def read(raw: Any, pointer: str, problems: Problems) -> Any:
        if not isinstance(raw, list) or len(raw) > most:
            problems[pointer] = NotAList(least=0, most=most)
            return ()
        found = []
        for number, one in enumerate(raw):
            at = f"{pointer}/{number}"
            if not isinstance(one, str):
                problems[at] = NotText()
            elif one.strip():
                found.append(_cell(cell, at, one, problems))
            else:
                problems[at] = FieldMissing(label=label)
        return tuple(dict.fromkeys(found))

    item = {"type": "string", "minLength": 1, "maxLength": cell.limit, **more}
    return Value({"type": "array", "maxItems": most, "items": item}, read, ())


def objects(shape: Shape, *, most: int, least: int = 1) -> Value:
    """A list of objects."""

    def read(raw: Any, pointer: str, problems: Problems) -> Any:
        if not isinstance(raw, list) or not least <= len(raw) <= most:
            problems[pointer] = NotAList(least=least, most=most)
            return []
        found = []
        for number, one in enumerate(raw):
            found.append(shape.read_at(one, f"{pointer}/{number}", problems))
            if len(problems) >= MOST_PROBLEMS:
                break
        return found

    reference = {"$ref": f"#/components/schemas/{shape.name}"}
    return Value({"type": "array", "minItems": least, "maxItems": most, "items": reference}, read, [])


def label_of(kind: str, name: str) -> str:
    """What people call a column of a kind of file."""
    return KINDS[kind].column(name).label


def cell_of(kind: str, name: str) -> Cell:
    """How a column of a kind of file is read."""
    return KINDS[kind].column(name).cell


# What answers are written with: never read, only described and filled in.


def said(schema: Schema) -> Value:
    """A value of an answer."""

    def never(_raw: Any, _pointer: str, _problems: Problems) -> Any:
        raise AssertionError("an answer is not read")

    return Value(schema, never)


STRING: Final = said({"type": "string"})
WHOLE: Final = said({"type": "integer"})
FLAG: Final = said({"type": "boolean"})
MONEY: Final = said({"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2,4}$"})
DAY: Final = said({"type": "string", "format": "date"})
INSTANT: Final = said({"type": "string", "format": "date-time"})
STRINGS: Final = said({"type": "array", "items": {"type": "string"}})


def listed(shape: Shape) -> Value:
    """A list of objects of an answer."""
    return said({"type": "array", "items": {"$ref": f"#/components/schemas/{shape.name}"}})


def answer_field(name: str, label: str, value: Value = STRING, *, may_be_null: bool = False) -> Field:
    """A field of an answer; it is always there, null where there is nothing to say."""
    return Field(name, label, said(or_null(value.schema)) if may_be_null else value)


def money_text(value: Decimal) -> str:
    """Yuan as a decimal string: two decimals, or as many as there are.

    >>> money_text(Decimal("3.3650")), money_text(Decimal("12"))
    ('3.365', '12.00')
    """
    whole_part, _, decimals = f"{value:f}".partition(".")
    return f"{whole_part}.{decimals.rstrip('0'):0<2}"


def plain(value: Any) -> Any:
    """A value as JSON has it: money as text, instants with the offset of China, days as ISO 8601 writes them."""
    if isinstance(value, Decimal):
        return money_text(value)
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value


def filled(shape: Shape, values: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with the fields of a shape, none more and none less."""
    return {field.name: plain(values[field.name]) for field in shape.fields}


def nested(shapes: Iterable[Shape]) -> dict[str, dict[str, Any]]:
    """The schemas of shapes by name, as a document lists them."""
    return {shape.name: shape.schema for shape in shapes}
