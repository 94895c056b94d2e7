"""The policy parameters that the bureau has set, read once for a page, a deed or a job (rules section 13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Select, or_, select

from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.models.policy import PolicyValue
from clinic_orders.queries.remembered import remembered
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.policy import PolicyBook, PolicyRow, value_in_force
from clinic_orders.rules.policy_parameters import PARAMETERS, Parameter, Value


@cache
def _rows_of(parameters: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    """The statement for these parameters, made once: few sets are asked for, and often."""
    statement = select(
        PolicyValue.parameter,
        PolicyValue.valid_from,
        PolicyValue.value,
        PolicyValue.kind,
        PolicyValue.scale,
        PolicyValue.confirmed,
    )
    # Not IN: its list would be written into the statement anew at every call.
    wanted = [PolicyValue.parameter == name for name in parameters]
    return statement.where(or_(*wanted)) if wanted else statement


def policy_book(*parameters: str) -> PolicyBook:
    """All rows of policy, or those of some parameters; one statement, asked as often as wanted.

    A page that only reads asks the database only where the policy has changed.
    """

    def read() -> PolicyBook:
        rows = db.session.connection().execute(_rows_of(parameters)).all()
        return PolicyBook(PolicyRow(*row) for row in rows)

    return remembered("policy", parameters, read)


# The policy screen -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A dated row as the screen shows it; it can stand where rules.policy wants a row."""

    parameter: str
    valid_from: date
    value: str
    kind: str
    scale: str
    confirmed: bool
    example: bool
    document_no: str
    set_by: str | None
    recorded_at: datetime


def stored_values(parameter: str | None = None) -> list[StoredValue]:
    """All rows, or those of one parameter, the latest first day first; one statement."""
    value = PolicyValue
    statement = (
        select(
            value.parameter, value.valid_from, value.value, value.kind, value.scale, value.confirmed,
            value.example, value.document_no, User.name, value.recorded_at,
        )
        .outerjoin(User, User.id == value.set_by_id)
        .order_by(value.valid_from.desc(), value.kind, value.scale)
    )  # fmt: skip
    if parameter is not None:
        statement = statement.where(value.parameter == parameter)
    return [StoredValue(*tuple(row)) for row in db.session.execute(statement)]


class Mark(StrEnum):
    """How far a value is settled; the order is that of the set-up list."""

    UNSET = "unset"
    EXAMPLE = "example"
    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """The value of a parameter on a day, for all or for a kind and scale.

    Attributes:
        row: the row that gives the value; None where the default holds.
        coming: the next row of the same kind and scale.

    """

    parameter: Parameter
    kind: InstitutionKind | None
    scale: str
    value: Value
    row: StoredValue | None
    mark: Mark
    coming: StoredValue | None


def policy_lines(rows: Sequence[StoredValue], *, on: date) -> list[PolicyLine]:
    """Every parameter of section 13 as it stands on a day, in the order of the table.

    A parameter that is set by kind has a line for each kind, and one for all only where somebody set that.
    """
    by_name: dict[str, list[StoredValue]] = {}
    for row in rows:
        by_name.setdefault(row.parameter, []).append(row)
    lines = []
    for name, about in PARAMETERS.items():
        own = by_name.get(name, [])
        wanted = {(row.kind, row.scale) for row in own}
        wanted |= {(kind.value, "") for kind in InstitutionKind} if about.depends_on_kind else {("", "")}
        lines += [_line(about, own, kind, scale, on) for kind, scale in sorted(wanted, key=_place)]
    return lines


def _place(scope: tuple[str, str]) -> tuple[int, str]:
    kinds = ["", *(kind.value for kind in InstitutionKind)]
    return kinds.index(scope[0]), scope[1]


def _line(about: Parameter, rows: Sequence[StoredValue], kind: str, scale: str, on: date) -> PolicyLine:
    known = InstitutionKind(kind) if kind else None
    found = value_in_force(rows, about.name, kind=known, scale=scale or None, on=on)
    row = found.row if isinstance(found.row, StoredValue) else None
    if row is not None and row.example:
        mark = Mark.EXAMPLE
    elif found.value is None and not found.confirmed:
        mark = Mark.UNSET
    else:
        mark = Mark.CONFIRMED if found.confirmed else Mark.UNCONFIRMED
    later = [one for one in rows if (one.kind, one.scale) == (kind, scale) and one.valid_from > on]
    coming = min(later, key=lambda one: one.valid_from, default=None)
    return PolicyLine(about, known, scale, found.value, row, mark, coming)
