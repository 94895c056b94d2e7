"""What the deeds for imported history have in common: rows of one paper, codes, names, the history's entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Table, select, update

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import NumberedRow, Problems, UnknownCode, in_parts
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Distributor, Institution, InstitutionRecord
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.delivery import acceptance_day_for_payment
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, InstitutionKind
from clinic_orders.rules.payment_terms import DueRule, due_date
from clinic_orders.rules.policy import PolicyBook

# Above this many changed papers of one file a single audit entry sums them up; the batch names the file.
AUDITED_ONE_BY_ONE = 50
_NAME_LENGTH = 64


class RowsDisagree(RuleBroken):
    """Two rows of one paper say different things about the paper."""

    message = N_("%(number)s has another value in row %(first)s. All its rows must have the same here.")


class ComesTogether(RuleBroken):
    """One of two columns that belong together is empty."""

    message = N_("Empty, although “%(given)s” is filled in. Fill in both or neither.")


class TooEarly(RuleBroken):
    """An instant before the one on which it rests."""

    message = N_("This lies before “%(earlier)s”. Check both instants.")


class RecordedHere(RuleBroken):
    """A file would change what people did in this system (R-ORD-8)."""

    message = N_(
        "%(number)s was recorded in this system and differs from the file. Leave it out, or act on its own page."
    )


class Belongs(RuleBroken):
    """A known paper comes again with another paper above it."""

    message = N_("%(number)s is recorded for %(above)s. Correct the number.")


@dataclass(slots=True)
class Paper:
    """The rows of one order, receipt or return, in the order of the file."""

    number: str
    rows: list[NumberedRow] = field(default_factory=list)

    @property
    def first(self) -> Mapping[str, Any]:
        """The row that speaks for the paper."""
        return self.rows[0][1]


def papers(
    rows: Sequence[NumberedRow],
    key: str,
    common: Sequence[str],
    problems: Problems,
    same_as: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Paper]:
    """Put the rows of one number together; where they disagree on a common column, that is a problem.

    Args:
        rows: of the file.
        key: the column of the number.
        common: the columns in which the rows agree.
        problems: where to put disagreements.
        same_as: columns that mostly repeat another one, so that one disagreement is told once.

    """
    found: dict[str, Paper] = {}
    for number, row in rows:
        paper = found.get(row[key])
        if paper is None:
            found[row[key]] = Paper(row[key], [(number, row)])
            continue
        first_number, first = paper.rows[0]
        paper.rows.append((number, row))
        for column in common:
            other = same_as.get(column)
            repeats = other and row.get(column) == row.get(other) and first.get(column) == first.get(other)
            if row.get(column) != first.get(column) and not repeats:
                problems.add(number, column, RowsDisagree(number=paper.number, first=first_number))
    return found


def check_pair(row: Mapping[str, Any], number: int, problems: Problems, first: str, second: str) -> bool:
    """Whether two columns are both filled in; one alone is a problem."""
    one, two = row.get(first), row.get(second)
    if (one is None) != (two is None):
        empty, given = (first, second) if one is None else (second, first)
        problems.add(number, empty, ComesTogether(given=given))
        return False
    return one is not None


class Codes:
    """Row ids of institutions, distributors and items by their codes, read once for a file."""

    def __init__(
        self,
        *,
        institutions: Iterable[str] = (),
        distributors: Iterable[str] = (),
        items: Iterable[str] = (),
    ) -> None:
        self.institutions = self._ids(Institution.code, Institution.id, institutions)
        self.distributors = self._ids(Distributor.code, Distributor.id, distributors)
        self.items = self._ids(Item.item_code, Item.id, items)

    @staticmethod
    def _ids(code: Any, row_id: Any, wanted: Iterable[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for part in in_parts(set(wanted)):
            found.update(db.session.execute(select(code, row_id).where(code.in_(part))).all())
        return found


def check_code(
    known: Mapping[str, int], row: Mapping[str, Any], number: int, column: str, problems: Problems
) -> None:
    """Refuse a row that names something unknown."""
    if row[column] not in known:
        problems.add(number, column, UnknownCode(code=row[column]))


@dataclass(frozen=True, slots=True)
class Spell:
    """What an institution is until a day, as far as policy and papers ask."""

    until: date | None
    name: str
    kind: InstitutionKind
    scale: str


class Standings:
    """The dated states of some institutions, read once (R-ROSTER-3)."""

    def __init__(self, institution_ids: Iterable[int]) -> None:
        self._spells: dict[int, list[Spell]] = {}
        record = InstitutionRecord
        for part in in_parts(set(institution_ids)):
            for row in db.session.execute(
                select(record.institution_id, record.valid_before, record.name, record.kind, record.scale)
                .where(record.institution_id.in_(part))
                .order_by(record.institution_id, record.valid_from)
            ):
                spell = Spell(row.valid_before, row.name, row.kind, row.scale)
                self._spells.setdefault(row.institution_id, []).append(spell)

    def on(self, institution_id: int, day: date) -> Spell:
        """The state on a day; before the first record, that of the first."""
        spells = self._spells[institution_id]
        return next((spell for spell in spells if spell.until is None or day < spell.until), spells[-1])

    def name(self, institution_id: int) -> str:
        """The newest name, as long as the history takes it."""
        return self._spells[institution_id][-1].name[:_NAME_LENGTH]


def receipt_terms(
    book: PolicyBook,
    standings: Standings,
    *,
    institution_id: int,
    paying_id: int,
    delivered_at: datetime | None,
    accepted_at: datetime,
) -> dict[str, Any]:
    """Acceptance day, rule and due day of received goods as their record keeps them (R-DEL-6, R-PAY-2).

    Args:
        book: with ``delivery.accept_days`` and ``payment.rule``.
        standings: of both institutions.
        institution_id: the receiver, whose days to accept hold.
        paying_id: whose payment rule holds.
        delivered_at: None where nobody noted it.
        accepted_at: when.

    """
    day = day_in_china(accepted_at)
    if delivered_at is not None:
        delivered = day_in_china(delivered_at)
        receiver = standings.on(institution_id, delivered)
        days = book.whole("delivery.accept_days", kind=receiver.kind, scale=receiver.scale, on=delivered)
        day = acceptance_day_for_payment(accepted_at, delivered_at=delivered_at, accept_days=days)
    payer = standings.on(paying_id, day)
    rule = DueRule(book.choice("payment.rule", kind=payer.kind, scale=payer.scale, on=day))
    return {"acceptance_day": day, "payment_rule": rule.value, "due_on": due_date(day, rule)}


def distributor_names(ids: Iterable[int]) -> dict[int, str]:
    """Names of distributors, as long as the history takes them."""
    found: dict[int, str] = {}
    for part in in_parts(set(ids)):
        for row in db.session.execute(
            select(Distributor.id, Distributor.name).where(Distributor.id.in_(part))
        ):
            found[row.id] = row.name[:_NAME_LENGTH]
    return found


def touch_many(table: Table, ids: Iterable[int], at: datetime) -> None:
    """Let the versions of changed orders, shipments or returns rise."""
    values: dict[str, Any] = {"version": table.c.version + 1}
    if "updated_at" in table.c:
        values["updated_at"] = at
    for part in in_parts(dict.fromkeys(ids)):
        db.session.execute(update(table).where(table.c.id.in_(part)).values(values))


@dataclass(frozen=True, slots=True)
class Change:
    """One paper that was made or changed, for the history."""

    subject_id: int
    subject: str
    institution_id: int
    distributor_id: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


def write_down(deed: str, subject_type: str, changes: Sequence[Change], *, by: Actor, at: datetime) -> None:
    """One entry per paper of a small file, one summing entry for a large one."""
    if len(changes) > AUDITED_ONE_BY_ONE:
        created = sum(1 for change in changes if change.before is None)
        audit.record(
            deed,
            by=by,
            at=at,
            subject_type=subject_type,
            subject=f"× {len(changes)}",
            after={"created": created, "updated": len(changes) - created},
        )
        return
    for change in changes:
        audit.record(
            deed,
            by=by,
            at=at,
            subject_type=subject_type,
            subject_id=change.subject_id,
            subject=change.subject,
            institution_id=change.institution_id,
            distributor_id=change.distributor_id,
            before=change.before,
            after=change.after,
        )
