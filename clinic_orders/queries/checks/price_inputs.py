"""By what selling prices are judged, as it stands now, in a form that can be compared with an earlier look."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Select, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Price
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.price_marks import PriceInput
from clinic_orders.models.roster import Commitment, InstitutionRecord, Membership

POLICY: Final = "policy"
_INSTITUTION, _ITEM, _STATE = "institution", "item", "state"
# A row's text is its first day, a space, its word and its values.
_DAY: Final = slice(11, None)


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that judges prices but acceptances: texts of dated rows by subject, and one digest of them all."""

    rows: Mapping[str, tuple[str, ...]]
    digest: str

    def content(self, subject: str) -> str:
        """The rows of a subject as they are kept."""
        return json.dumps(self.rows.get(subject, ()))


@dataclass(frozen=True, slots=True)
class Turned:
    """What changed since an earlier look, and from which day on it may matter.

    Attributes:
        institutions: first day by institution id.
        items: first day by item id.
        policy: first day; None = nothing changed.
        contents: what is to be kept by subject; None = the subject is gone.

    """

    institutions: Mapping[int, date]
    items: Mapping[int, date]
    policy: date | None
    contents: Mapping[str, str | None]


def _written() -> Iterator[tuple[str, str]]:
    """Each row with its subject; the text begins with the first day on which the row matters."""
    connection = db.session.connection()
    record, member, letter, policy = InstitutionRecord, Membership, Commitment, PolicyValue
    dated: tuple[tuple[str, str, Select[Any]], ...] = (
        (_INSTITUTION, _STATE, _rows(record.institution_id, record.valid_from, record.kind, record.scale)),
        (_INSTITUTION, "member", _rows(member.institution_id, member.joined_on, member.left_on)),
        (
            _INSTITUTION,
            "letter",
            _rows(letter.institution_id, letter.signed_on, letter.ends_on, letter.markup_rate),
        ),
        (_ITEM, "price", _rows(Price.item_id, Price.valid_from, Price.pack_price)),
    )
    for kind, word, statement in dated:
        for number, *values in connection.execute(statement):
            yield f"{kind}:{number}", f"{values[0]} {word} {values[1:]}"
    rules = _rows(policy.parameter, policy.valid_from, policy.kind, policy.scale, policy.value)
    for parameter, *values in connection.execute(rules.where(policy.parameter.startswith("markup."))):
        yield POLICY, f"{values[0]} {parameter} {values[1:]}"


def _rows(*columns: Any) -> Select[Any]:
    """These columns in an order that is always the same."""
    found: Select[Any] = select(*columns).order_by(*columns)
    return found


def inputs_now() -> Inputs:
    """As it all stands now; a few statements over tables that stay small."""
    gathered: dict[str, list[str]] = defaultdict(list)
    digest = sha256()
    for subject, text in _written():
        gathered[subject].append(text)
        digest.update(f"{subject} {text}\n".encode())
    return Inputs({subject: tuple(rows) for subject, rows in gathered.items()}, digest.hexdigest())


def turned_since(inputs: Inputs) -> Turned:
    """Compare with what was kept at the last look."""
    kept = {
        row.subject: row.content
        for row in db.session.connection().execute(select(PriceInput.subject, PriceInput.content))
    }
    institutions: dict[int, date] = {}
    items: dict[int, date] = {}
    policy: date | None = None
    contents: dict[str, str | None] = {}
    for subject in kept.keys() | inputs.rows.keys():
        content = inputs.content(subject) if subject in inputs.rows else None
        if kept.get(subject) == content:
            continue
        contents[subject] = content
        before: set[Any] = set(json.loads(kept.get(subject, "[]")))
        differing = before.symmetric_difference(inputs.rows.get(subject, ()))
        if any(text[_DAY].startswith(_STATE) for text in differing):
            # The days before the first record are judged by it, too.
            differing = before.union(inputs.rows.get(subject, ()))
        first = min((date.fromisoformat(text[: _DAY.start - 1]) for text in differing), default=None)
        if first is None:
            continue
        kind, _, number = subject.partition(":")
        if kind == _INSTITUTION:
            institutions[int(number)] = first
        elif kind == _ITEM:
            items[int(number)] = first
        else:
            policy = first
    return Turned(institutions, items, policy, contents)
