"""Bank statements become payments: each line once, by the deed that records a payment, and back again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.payments import record_payment, withdraw_payment
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.bank import BankColumns, BankFile, BankLine
from clinic_orders.models.base import db
from clinic_orders.models.payments import Payment
from clinic_orders.queries.bank import known_lines, owner_of, parties_of
from clinic_orders.rules.bank_files import (
    BankField,
    BankLineState,
    PartyUnknown,
    match_party,
    read_entries,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, NotAllowed, Permission
from clinic_orders.rules.payments import PaymentMethod, PaymentState, payment_state


def _owner(by: Actor) -> str:
    by.need(Permission.PAYMENTS_RECORD)
    owner = owner_of(by)
    if not owner:
        raise NotAllowed
    return owner


def _file(file_id: int, by: Actor) -> BankFile:
    """The statement, locked until the deed ends, if it is the organisation's."""
    found = db.session.execute(
        select(BankFile)
        .where(BankFile.id == file_id, BankFile.owner == _owner(by))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=str(file_id))
    return found


@transactional
def store_bank_file(
    filename: str, rows: Sequence[tuple[int, Sequence[str]]], *, by: Actor, at: datetime
) -> BankFile:
    """Keep an uploaded statement until somebody has said what its columns mean.

    Args:
        filename: as uploaded.
        rows: row numbers and texts from the headings on.
        by: somebody of an institution or a distributor.
        at: when.

    """
    made = BankFile(
        owner=_owner(by),
        filename=filename[-200:],
        content=[[number, list(texts)] for number, texts in rows],
        by_id=by.user_id,
        by_name=by.name,
        at=at,
    )
    db.session.add(made)
    db.session.flush()
    _write_down(
        "store_bank_file", made, by=by, at=at, after={"filename": made.filename, "lines": len(rows) - 1}
    )
    return made


@transactional
def read_bank_file(file_id: int, columns: Mapping[BankField, int], *, by: Actor, at: datetime) -> BankFile:
    """Make lines of a statement and remember for the organisation what its headings mean.

    A line that was here before, in this or another file, is kept as known and can't be entered again. Done twice,
    the first time holds.

    Raises:
        NotFound: not the organisation's statement.
        ColumnsMissing, NoLines, TooManyLines: see ``rules.bank_files``.

    """
    found = _file(file_id, by)
    if found.content is None:
        return found
    headings: list[str] = found.content[0][1]
    entries = read_entries([(number, texts) for number, texts in found.content[1:]], columns)
    before = known_lines(found.owner, [entry.fingerprint for entry in entries])
    for entry in entries:
        same = before.get(entry.fingerprint)
        db.session.add(
            BankLine(
                file_id=found.id,
                owner=found.owner,
                row_no=entry.row_no,
                paid_on=entry.paid_on,
                amount=entry.amount,
                party=entry.party,
                account=entry.account,
                reference=entry.reference,
                fingerprint=None if same else entry.fingerprint,
                same_as_id=same,
                state=BankLineState.KNOWN if same else BankLineState.OPEN,
            )
        )
    found.content, found.lines, found.known = None, len(entries), len(before)
    names = {field.value: headings[place] for field, place in columns.items() if place < len(headings)}
    kept = db.session.get(BankColumns, found.owner)
    if kept is None:
        db.session.add(BankColumns(owner=found.owner, headings=names))
    else:
        kept.headings = names
    db.session.flush()
    _write_down("read_bank_file", found, by=by, at=at, after={"lines": len(entries), "columns": names})
    return found


@transactional
def enter_bank_line(line_id: int, party: str, receipt_no: str, *, by: Actor, at: datetime) -> BankLine:
    """Make a payment of a line; a line that is entered or was here before stays as it is.

    Args:
        line_id: the line.
        party: code or name of the other side, as proposed or corrected.
        receipt_no: the receipt it is for; empty if none.
        by: somebody of the organisation whose statement it is.
        at: when.

    Raises:
        NotFound: not a line of the organisation's.
        PartyUnknown: the other side is not one that it deals with.
        PaidInFuture, ReceiptOfOthers: see ``rules.payments``.

    """
    line = db.session.execute(
        select(BankLine)
        .where(BankLine.id == line_id, BankLine.owner == _owner(by))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if line is None:
        raise NotFound(number=str(line_id))
    if line.state is not BankLineState.OPEN:
        return line
    found = match_party(party, parties_of(by, on=day_in_china(at)))
    if found is None:
        raise PartyUnknown(typed=party)
    payment = record_payment(
        found.paying_id,
        found.distributor_id,
        line.amount,
        line.paid_on,
        key=f"bank-line-{line.id:010}-{line.times:04}",
        receipt_no=receipt_no,
        method=PaymentMethod.TRANSFER.value,
        reference=line.reference[:64],
        by=by,
        at=at,
    )
    line.state, line.payment_id, line.times = BankLineState.ENTERED, payment.id, line.times + 1
    return line


@transactional
def undo_bank_file(file_id: int, *, by: Actor, at: datetime) -> tuple[int, int]:
    """Take back the payments of a statement that nobody has confirmed yet; their lines are open again.

    Returns:
        how many were taken back, and how many stay because they are confirmed or decided.

    """
    found = _file(file_id, by)
    back = stay = 0
    for line in db.session.scalars(
        select(BankLine)
        .where(BankLine.file_id == found.id, BankLine.state == BankLineState.ENTERED)
        .order_by(BankLine.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all():
        payment = db.session.get_one(Payment, line.payment_id)
        state = payment_state(payment)
        if state in {PaymentState.WAITING, PaymentState.DISPUTED}:
            withdraw_payment(payment.id, by=by, at=at)
        elif state is not PaymentState.WITHDRAWN:
            stay += 1
            continue
        line.state, line.payment_id = BankLineState.OPEN, None
        back += 1
    _write_down("undo_bank_file", found, by=by, at=at, after={"lines": back})
    return back, stay


def _write_down(deed: str, found: BankFile, *, by: Actor, at: datetime, after: Mapping[str, object]) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="bank_file",
        subject_id=found.id,
        subject=found.filename,
        institution_id=by.institution_id,
        distributor_id=by.distributor_id,
        after=after,
    )
