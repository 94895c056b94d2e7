"""Hold EPCIS documents against a JSON schema, such as the one that GS1 publishes and that is no part of this repository.

    python scripts/check_epcis.py SCHEMA FILE…

A document may be of any length: its events are read one after the other, and each is held against the schema as the only
event of the document it stands in. What is wrong is told with the number of the event and the place in it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from jsonschema import Draft7Validator, FormatChecker
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

PART = 1 << 16
MOST = 1 << 26
"""Characters of the longest event, and of what stands before and after all of them."""
TOLD = 20
"""Faults of one document that are told; all are counted."""
# Inside of a text every quotation mark has a backslash before it, so this can only be a name.
_LIST = re.compile(r'"eventList"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*"  # RFC 3986, section 2.
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")

formats = FormatChecker(formats=())


@formats.checks("uri")
def is_uri(value: object) -> bool:
    """A URI as RFC 3986 writes it: a scheme, and nothing that must be escaped."""
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


@formats.checks("date-time", raises=ValueError)
def is_instant(value: object) -> bool:
    """An instant as RFC 3339 writes it, on a day that there is."""
    if not isinstance(value, str):
        return True
    return _INSTANT.fullmatch(value) is not None and bool(datetime.fromisoformat(value.upper()))


class Unreadable(Exception):
    """The file is no JSON document with an event list, or an event of it is too long."""


class Document:
    """A document whose events are read one at a time; ``around`` is all the rest, whole when they have been read."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text = ""
        self._decoder = json.JSONDecoder()
        while not (found := _LIST.search(self._text)):
            self._more("it has no eventList")
        self._head, self._text = self._text[: found.end()], self._text[found.end() :]
        self.around: dict[str, Any] = {}

    def events(self) -> Iterator[Any]:
        """Every event in its turn.

        Raises:
            Unreadable: the file ends too early, or is no JSON.

        """
        while True:
            self._text = self._text[_BETWEEN.match(self._text).end() :]  # type: ignore[union-attr]
            if self._text.startswith("]"):
                break
            try:
                one, end = self._decoder.raw_decode(self._text)
            except json.JSONDecodeError:
                self._more("an event is broken off or no JSON")
                continue
            yield one
            self._text = self._text[end:]
        while part := self._file.read(PART):
            self._text += part
            if len(self._text) > MOST:
                raise Unreadable("what stands after the events is too long")
        try:
            self.around = json.loads(self._head + self._text)
        except json.JSONDecodeError as error:
            raise Unreadable(f"what stands around the events is no JSON: {error}") from error

    def _more(self, trouble: str) -> None:
        # Twice as much each time: a long event is not read again from its beginning for every part.
        part = self._file.read(max(PART, len(self._text)))
        if not part or len(self._text) + len(part) > MOST:
            raise Unreadable(trouble)
        self._text += part


@dataclass
class Result:
    """What was found in a document: how many events it has, how many faults, and the first of them in words."""

    events: int = 0
    count: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, where: str, faults: Iterator[Any]) -> None:
        """Count faults and keep the first."""
        for fault in faults:
            self.count += 1
            if len(self.faults) < TOLD:
                self.faults.append(f"{where}, {fault.json_path}: {fault.message[:200]}")


def check(validator: Validator, path: Path) -> Result:
    """Hold a document against a schema.

    Args:
        validator: with the schema; ``format`` counts where it knows the form.
        path: of the document. It is read twice: what stands around the events may come after them.

    Raises:
        Unreadable: it is no document with events.

    """
    found = Result()
    with path.open(encoding="utf-8") as file:
        document = Document(file)
        for _ in document.events():
            found.events += 1
    around = document.around
    found.add("document", validator.iter_errors(around))
    holder = _holder(around)
    if holder is None:
        raise Unreadable("its eventList does not stand in an epcisBody")
    with path.open(encoding="utf-8") as file:
        for number, one in enumerate(Document(file).events(), start=1):
            holder["eventList"] = [one]
            found.add(f"event {number}", validator.iter_errors(around))
    return found


def _holder(around: Any) -> dict[str, Any] | None:
    body = around.get("epcisBody") if isinstance(around, dict) else None
    return body if isinstance(body, dict) and body.get("eventList") == [] else None


def validator_of(schema: dict[str, Any]) -> Validator:
    """A validator of the draft that the schema names; a schema that is none itself is refused."""
    kind = validator_for(schema, default=Draft7Validator)
    kind.check_schema(schema)
    return kind(schema, format_checker=formats)


def main(arguments: list[str] | None = None) -> int:
    """Tell what is wrong with each document; 0 where nothing is."""
    parser = argparse.ArgumentParser(description="Hold EPCIS documents against a JSON schema.")
    parser.add_argument("schema", type=Path)
    parser.add_argument("files", type=Path, nargs="+", metavar="file")
    asked = parser.parse_args(arguments)
    validator = validator_of(json.loads(asked.schema.read_text(encoding="utf-8")))
    wrong = False
    for path in asked.files:
        try:
            found = check(validator, path)
        except Unreadable as error:
            print(f"{path}: {error}")
            wrong = True
            continue
        print(f"{path}: {found.events:,} events, {found.count or 'no'} faults")
        for fault in found.faults:
            print(f"  {fault}")
        wrong = wrong or bool(found.count)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
