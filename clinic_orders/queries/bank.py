"""Bank statements of an organisation, their lines, and what each line is proposed to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, select

from clinic_orders.models.bank import BankColumns, BankFile, BankLine
from clinic_orders.models.base import db
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.queries.lists import in_order, with_words
from clinic_orders.queries.payables import Book
from clinic_orders.queries.payments import payers_of
from clinic_orders.rules.bank_files import (
    BankField,
    BankLineState,
    OpenAmount,
    Party,
    guess_columns,
    match_party,
    match_receipt,
    plain,
)
from clinic_orders.rules.parties import Actor, Role


def owner_of(actor: Actor) -> str:
    """Whose statements the actor sees: its organisation's; "" for who has none."""
    if actor.role is Role.DISTRIBUTOR:
        return f"D{actor.distributor_id}"
    return f"I{actor.institution_id}" if actor.institution_id is not None else ""


class BankFileRow(NamedTuple):
    """One statement in the list."""

    id: int
    filename: str
    at: datetime
    by_name: str
    lines: int
    known: int
    entered: int
    is_mapped: bool


SORTS = ("at", "name", "lines")


def _listed(actor: Actor, search: str) -> Select[*tuple[Any, ...]]:
    entered = (
        select(func.count())
        .where(BankLine.file_id == BankFile.id, BankLine.state == BankLineState.ENTERED)
        .scalar_subquery()
    )
    statement = select(
        BankFile.id,
        BankFile.filename,
        BankFile.at,
        BankFile.by_name,
        BankFile.lines,
        BankFile.known,
        entered.label("entered"),
        case((BankFile.lines > 0, 1), else_=0).label("is_mapped"),
    ).where(BankFile.owner == owner_of(actor))
    return statement.where(*with_words(search, BankFile.filename))


def bank_files(
    actor: Actor, *, search: str = "", sort: str = "-at", limit: int | None = None, offset: int = 0
) -> list[BankFileRow]:
    """The statements of the actor's organisation; one statement."""
    columns: dict[str, ColumnElement[Any]] = {
        "at": BankFile.at.expression,
        "name": BankFile.filename.expression,
        "lines": BankFile.lines.expression,
    }
    order = in_order(sort, columns, BankFile.id)
    rows = db.session.execute(_listed(actor, search).order_by(*order).limit(limit).offset(offset))
    return [BankFileRow._make(row) for row in rows]


def bank_files_count(actor: Actor, *, search: str = "") -> int:
    """How many statements the search leaves; one statement."""
    return db.session.scalar(select(func.count()).select_from(_listed(actor, search).subquery("listed"))) or 0


def find_bank_file(file_id: int, actor: Actor) -> BankFile | None:
    """One statement, if it is the organisation's."""
    return db.session.execute(
        select(BankFile).where(BankFile.id == file_id, BankFile.owner == owner_of(actor))
    ).scalar_one_or_none()


def remembered_columns(actor: Actor, headings: Sequence[str]) -> tuple[dict[BankField, int], bool]:
    """Which column means what: as said last time where all those headings are there again, else a guess.

    Returns:
        the columns by place, and whether they were remembered.

    """
    kept = db.session.get(BankColumns, owner_of(actor))
    if kept is not None:
        places = {plain(heading): place for place, heading in enumerate(headings)}
        found = {BankField(field): places.get(plain(name)) for field, name in kept.headings.items()}
        known = {field: place for field, place in found.items() if place is not None}
        if known and len(known) == len(found):
            return known, True
    return guess_columns(headings), False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A line with what it is proposed to be.

    Attributes:
        line: the line.
        party: who it is, as far as known.
        receipt_no: for which receipt; "" = the oldest.
        payment_no: the payment it became.
        first_file: the statement in which it was before.

    """

    line: BankLine
    party: Party | None
    receipt_no: str
    payment_no: str
    first_file: str


def parties_of(actor: Actor, *, on: date) -> list[Party]:
    """With whom the actor's payments can be; two statements."""
    pairs = payers_of(actor, on=on)
    if actor.role is Role.DISTRIBUTOR:
        codes = {row.id: row.code for row in db.session.execute(select(Institution.id, Institution.code))}
        return [Party(one.paying_id, one.distributor_id, codes[one.paying_id], one.payer) for one in pairs]
    names = {row.id: row.code for row in db.session.execute(select(Distributor.id, Distributor.code))}
    # A headquarters also pays for its stores; a bank line names the distributor only, so its own account comes first.
    own = {one.distributor_id for one in pairs if one.paying_id == actor.institution_id}
    return [
        Party(one.paying_id, one.distributor_id, names[one.distributor_id], one.distributor)
        for one in pairs
        if one.paying_id == actor.institution_id or one.distributor_id not in own
    ]


def open_amounts(actor: Actor, *, on: date) -> list[OpenAmount]:
    """The receipts of the actor's that are not fully paid."""
    book = Book(actor, on=on)
    return [
        OpenAmount(row.paying_id, row.distributor_id, row.receipt_no, book.outstanding[row.id])
        for row in book.receipts
        if book.outstanding[row.id] > 0
    ]


def lines_count(file_id: int, *, search: str = "", state: BankLineState | None = None) -> int:
    """How many lines of a statement the filters leave; one statement."""
    return db.session.scalar(select(func.count()).select_from(_lines(file_id, search, state).subquery())) or 0


def _lines(file_id: int, search: str, state: BankLineState | None) -> Select[BankLine]:
    statement = select(BankLine).where(BankLine.file_id == file_id)
    if state is not None:
        statement = statement.where(BankLine.state == state)
    return statement.where(*with_words(search, BankLine.party, BankLine.account, BankLine.reference))


LINE_SORTS = ("row", "amount", "day")


def proposals(
    file_id: int,
    actor: Actor,
    *,
    on: date,
    search: str = "",
    state: BankLineState | None = None,
    sort: str = "row",
    limit: int | None = None,
    offset: int = 0,
) -> list[Proposal]:
    """The lines of a statement with what they are proposed to be; a fixed number of statements."""
    columns: dict[str, ColumnElement[Any]] = {
        "row": BankLine.row_no.expression,
        "amount": BankLine.amount.expression,
        "day": BankLine.paid_on.expression,
    }
    order = in_order(sort, columns, BankLine.id)
    lines = list(
        db.session.scalars(_lines(file_id, search, state).order_by(*order).limit(limit).offset(offset))
    )
    parties, receipts = parties_of(actor, on=on), open_amounts(actor, on=on)
    numbers = {
        row.id: row.payment_no
        for row in db.session.execute(
            select(Payment.id, Payment.payment_no).where(
                Payment.id.in_([line.payment_id for line in lines if line.payment_id])
            )
        )
    }
    before = {
        row.id: row.filename
        for row in db.session.execute(
            select(BankLine.id, BankFile.filename)
            .join(BankFile, BankFile.id == BankLine.file_id)
            .where(BankLine.id.in_([line.same_as_id for line in lines if line.same_as_id]))
        )
    }
    found = []
    for line in lines:
        party = match_party(line.party, parties)
        receipt = match_receipt(line.reference, line.amount, party, receipts) if party else ""
        found.append(
            Proposal(
                line,
                party,
                receipt,
                numbers.get(line.payment_id or 0, ""),
                before.get(line.same_as_id or 0, ""),
            )
        )
    return found


def known_lines(owner: str, fingerprints: Sequence[str]) -> dict[str, int]:
    """The lines that were here before, by fingerprint; one statement for each 500."""
    found: dict[str, int] = {}
    for first in range(0, len(fingerprints), 500):
        rows = db.session.execute(
            select(BankLine.fingerprint, BankLine.id).where(
                BankLine.owner == owner, BankLine.fingerprint.in_(fingerprints[first : first + 500])
            )
        )
        found |= {str(mark): line_id for mark, line_id in rows}
    return found


def total_of(file_id: int) -> Decimal:
    """What the lines of a statement come to, in yuan; one statement."""
    found = db.session.scalar(select(func.sum(BankLine.amount)).where(BankLine.file_id == file_id))
    return (found or Decimal(0)).quantize(Decimal("0.01"))
