"""By what selling prices are judged, as it stands now, in a form that can be compared with an earlier look."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property, reduce
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Select, String, cast, func, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Price
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.price_marks import PriceInput
from clinic_orders.models.roster import Commitment, InstitutionRecord, Membership
from clinic_orders.models.streaming import driver_rows

POLICY: Final = "policy"
_INSTITUTION, _ITEM, _STATE = "institution", "item", "state"
# A row's text is its first day, a space, its word and its values.
_DAY: Final = slice(11, None)


@dataclass(frozen=True, eq=False)
class _Question:
    """Dated rows of one table: the subject's id (of policy the parameter), the first day on which the row matters, and
    its values.

    Attributes:
        kind: of the subject.
        word: what the rows are.
        columns: of the table.

    """

    kind: str
    word: str
    columns: tuple[Any, ...]

    @cached_property
    def statement(self) -> Select[Any]:
        """The rows in an order that is always the same."""
        found: Select[Any] = select(*self.columns).order_by(*self.columns)
        if self.kind == POLICY:
            found = found.where(PolicyValue.parameter.startswith("markup."))
        return found

    @cached_property
    def as_text(self) -> Select[Any]:
        """The same rows as one text, put together by the database: ten thousand rows take longer to fetch than to write."""
        parts = [func.coalesce(cast(one, String), "~").concat("|") for one in self.columns]
        line = reduce(lambda one, other: one.concat(other), parts)
        lines = self.statement.with_only_columns(line.label("line")).subquery("line")
        return select(func.aggregate_strings(lines.c.line, ";"))

    def written(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, str]]:
        """Each row with its subject; the text begins with the first day on which the row matters."""
        for number, first_day, *values in rows:
            if self.kind == POLICY:
                yield POLICY, f"{first_day} {number} {values}"
            else:
                yield f"{self.kind}:{number}", f"{first_day} {self.word} {values}"


@dataclass(frozen=True)
class Inputs:
    """All that judges prices but acceptances.

    Attributes:
        digest: of all rows as they stood in one moment.

    """

    digest: str

    @cached_property
    def rows(self) -> Mapping[str, tuple[str, ...]]:
        """Texts of dated rows by subject; they are read only where something has changed.

        What is changed after the digest was made is seen here, and compared again by the next look.
        """
        connection = db.session.connection()
        gathered: dict[str, list[str]] = defaultdict(list)
        for question in _questions():
            answer = [row for part in driver_rows(connection, question.statement) for row in part]
            for subject, text in question.written(answer):
                gathered[subject].append(text)
        return {subject: tuple(rows) for subject, rows in gathered.items()}

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


@cache
def _questions() -> tuple[_Question, ...]:
    record, member, letter, policy = InstitutionRecord, Membership, Commitment, PolicyValue
    return (
        _Question(
            _INSTITUTION, _STATE, (record.institution_id, record.valid_from, record.kind, record.scale)
        ),
        _Question(_INSTITUTION, "member", (member.institution_id, member.joined_on, member.left_on)),
        _Question(
            _INSTITUTION,
            "letter",
            (letter.institution_id, letter.signed_on, letter.ends_on, letter.markup_rate),
        ),
        _Question(_ITEM, "price", (Price.item_id, Price.valid_from, Price.pack_price)),
        _Question(
            POLICY, POLICY, (policy.parameter, policy.valid_from, policy.kind, policy.scale, policy.value)
        ),
    )


def inputs_now() -> Inputs:
    """As it all stands now; a few statements over tables that stay small.

    Most nights nothing has changed and only the digest matters.
    """
    connection = db.session.connection()
    digest = sha256()
    for question in _questions():
        text = connection.execute(question.as_text).scalar_one() or ""
        digest.update(f"{question.word}[{text}]".encode())
    return Inputs(digest.hexdigest())


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
