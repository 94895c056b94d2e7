"""Which receipts are to be reminded of, and which debts stop orders (rules section 12, R-PAY-5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.arrears import PaymentHold, PaymentReminder
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, ShipmentLine
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import County, Distributor, InstitutionRecord
from clinic_orders.queries.lists import in_order, with_words
from clinic_orders.queries.payables import Book, PayableState
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.days import start_of_day
from clinic_orders.rules.parties import SYSTEM, Actor, Role
from clinic_orders.rules.payment_holds import (
    PARAMETERS,
    HoldFound,
    HoldPolicy,
    OverdueReceipt,
    RunningHold,
    hold_on,
    hold_policy,
)
from clinic_orders.rules.payment_reminders import ReceiptToPay, ReminderStage, due_reminders, stage_on
from clinic_orders.rules.payment_terms import OwedLine, days_overdue, return_amount

Pair = tuple[int, int]
_PART = 500


def _reminded(ids: Sequence[int], *, before: datetime | None = None) -> dict[int, set[ReminderStage]]:
    """The stages that were sent for receipts, before an instant if one is given; one statement for each 500."""
    found: dict[int, set[ReminderStage]] = {}
    for first in range(0, len(ids), _PART):
        statement = select(PaymentReminder.shipment_id, PaymentReminder.stage).where(
            PaymentReminder.shipment_id.in_(ids[first : first + _PART])
        )
        if before is not None:
            statement = statement.where(PaymentReminder.sent_at < before)
        for shipment_id, stage in db.session.execute(statement):
            found.setdefault(shipment_id, set()).add(stage)
    return found


def receipts_to_remind(
    on: date, *, sent_on: date, pair: Pair | None = None
) -> dict[Pair, list[ReceiptToPay]]:
    """The receipts for which a reminder of a day is still to be sent, by institution and distributor.

    What is outstanding is that of the day on which it is sent, so that nobody is reminded of what was paid meanwhile.
    """
    book = Book(SYSTEM, on=max(on, sent_on), pair=pair)
    rows = [
        row
        for row in book.receipts
        if book.outstanding[row.id] > 0 and stage_on(row.due_on, on=on) is not None
    ]
    reminded = _reminded([row.id for row in rows])
    found: dict[Pair, list[ReceiptToPay]] = {}
    for row in rows:
        receipt = ReceiptToPay(
            row.id,
            row.receipt_no,
            row.due_on,
            book.outstanding[row.id],
            frozenset(reminded.get(row.id, ())),
        )
        if due_reminders([receipt], on=on, sent_on=sent_on):
            found.setdefault((row.paying_id, row.distributor_id), []).append(receipt)
    return found


# Holds --------------------------------------------------------------------------------------------------


def policy_of_holds(*, on: date) -> HoldPolicy:
    """The parameters of holds in force on a day; one statement."""
    return hold_policy(policy_book(*PARAMETERS), on=on)


def _asked_back(ids: Sequence[int]) -> dict[int, Decimal]:
    """By how much returns that wait for an answer would lower what receipts owe, in yuan; one statement."""
    packs: dict[tuple[int, int], tuple[OwedLine, int]] = {}
    for first in range(0, len(ids), _PART):
        statement = (
            select(
                GoodsReturn.shipment_id,
                ShipmentLine.id,
                OrderLine.pack_price,
                func.coalesce(ShipmentLine.accepted_packs, 0),
                ShipmentLine.returned_packs,
                ReturnLine.packs,
            )
            .join(ReturnLine, ReturnLine.return_id == GoodsReturn.id)
            .join(ShipmentLine, ShipmentLine.id == ReturnLine.shipment_line_id)
            .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
            .where(
                GoodsReturn.shipment_id.in_(ids[first : first + _PART]),
                GoodsReturn.agreed_at.is_(None),
                GoodsReturn.refused_at.is_(None),
                GoodsReturn.withdrawn_at.is_(None),
            )
        )
        for shipment_id, line_id, price, accepted, returned, asked in db.session.execute(statement):
            before = packs.get((shipment_id, line_id), (None, 0))[1]
            packs[shipment_id, line_id] = OwedLine(price, accepted, returned), before + asked
    found: dict[int, Decimal] = {}
    for (shipment_id, _), (line, asked) in packs.items():
        found[shipment_id] = found.get(shipment_id, Decimal("0.00")) + return_amount(line, asked)
    return found


def hold_of(pair: Pair, policy: HoldPolicy, *, on: date) -> HoldFound | None:
    """Whether a debt stops orders on a day (R-PAY-5); a notice of the day itself does not hold yet."""
    if policy.after_days is None:
        return None
    book = Book(SYSTEM, on=on, pair=pair)
    late = [
        row
        for row in book.receipts
        if book.outstanding[row.id] > 0 and days_overdue(row.due_on, on=on) > policy.after_days
    ]
    ids = [row.id for row in late]
    noticed, asked = _reminded(ids, before=start_of_day(on)), _asked_back(ids)
    return hold_on(
        [
            OverdueReceipt(
                row.receipt_no,
                row.due_on,
                book.outstanding[row.id],
                asked.get(row.id, Decimal("0.00")),
                ReminderStage.OVERDUE in noticed.get(row.id, ()),
            )
            for row in late
        ],
        policy,
        on=on,
    )


def pairs_to_look_at(*, on: date) -> list[Pair]:
    """Where a hold may begin or end: debts that are overdue for long enough, and every running hold."""
    policy = policy_of_holds(on=on)
    running = select(PaymentHold.paying_id, PaymentHold.distributor_id).where(PaymentHold.ended_at.is_(None))
    found = {(paying, distributor) for paying, distributor in db.session.execute(running)}
    if policy.after_days is not None:
        book = Book(SYSTEM, on=on)
        found |= {
            (row.paying_id, row.distributor_id)
            for row in book.receipts
            if book.outstanding[row.id] > 0 and days_overdue(row.due_on, on=on) > policy.after_days
        }
    return sorted(found)


def running_holds(payers: Collection[int]) -> list[RunningHold]:
    """The holds that run because of what these organisations owe; one statement, on an index."""
    rows = db.session.connection().execute(
        select(
            PaymentHold.paying_id,
            PaymentHold.distributor_id,
            Distributor.name,
            PaymentHold.amount,
            PaymentHold.since,
        )
        .join(Distributor, Distributor.id == PaymentHold.distributor_id)
        .where(PaymentHold.ended_at.is_(None), or_(*(PaymentHold.paying_id == payer for payer in payers)))
        .order_by(PaymentHold.amount.desc(), PaymentHold.id)
    )
    return [RunningHold(*row) for row in rows]


class CountyDebts(NamedTuple):
    """What the payers of a county owe, by age (yuan).

    ``ages`` has what is not due yet first, then the four ages of R-PAY-4.
    """

    county_code: str
    county: str
    payers: int
    ages: tuple[Decimal, ...]

    @property
    def amount(self) -> Decimal:
        """All of it."""
        return sum(self.ages, Decimal("0.00"))


AGES: tuple[PayableState, ...] = (
    PayableState.NOT_DUE,
    PayableState.UP_TO_30,
    PayableState.UP_TO_60,
    PayableState.UP_TO_90,
    PayableState.OVER_90,
)


def debts_by_county(book: Book) -> list[CountyDebts]:
    """What a book's payers owe by county and age, the largest first; one statement, the sums are the book's."""
    record = InstitutionRecord
    owed: dict[int, dict[PayableState, Decimal]] = {}
    for row in book.receipts:
        left = book.outstanding[row.id]
        if left > 0:
            sums = owed.setdefault(row.paying_id, dict.fromkeys(AGES, Decimal("0.00")))
            sums[book.state(row)] += left
    where = {
        row.institution_id: (row.county_code, row.name)
        for row in db.session.execute(
            select(record.institution_id, record.county_code, County.name)
            .join(County, County.code == record.county_code)
            .where(current(record, book.on))
        )
    }
    found: dict[tuple[str, str], list[dict[PayableState, Decimal]]] = {}
    for paying, sums in owed.items():
        found.setdefault(where.get(paying, ("", "")), []).append(sums)
    made = [
        CountyDebts(
            code,
            name,
            len(payers),
            tuple(sum((sums[age] for sums in payers), Decimal("0.00")) for age in AGES),
        )
        for (code, name), payers in found.items()
    ]
    return sorted(made, key=lambda one: (-one.amount, one.county_code))


class HoldRow(NamedTuple):
    """A hold in the list."""

    id: int
    paying_id: int
    payer: str
    county: str
    distributor_id: int
    distributor_code: str
    distributor: str
    amount: Decimal
    since: date
    after_days: int
    scope: str
    receipts: int
    began_at: datetime
    looked_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class HoldsWanted:
    """Which holds a list shows.

    Attributes:
        running: True = those that run, False = those that ended, None = all.
        search: part of the payer's or the distributor's name.
        county: code of the payer's county.

    """

    running: bool | None = True
    search: str = ""
    county: str = ""


HOLD_SORTS = ("amount", "since", "began", "payer")


def holds_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The holds of the actor's debts, to its distributor, or of its county."""
    if actor.role is Role.DISTRIBUTOR:
        return PaymentHold.distributor_id == actor.distributor_id
    if actor.institution_id is None:
        return institutions_of(actor, PaymentHold.paying_id, on)
    return _own(actor, PaymentHold.paying_id, on)


def _own(actor: Actor, column: InstrumentedAttribute[int], on: date) -> ColumnElement[bool]:
    stores = select(InstitutionRecord.institution_id).where(
        current(InstitutionRecord, on), InstitutionRecord.headquarters_id == actor.institution_id
    )
    return or_(column == actor.institution_id, column.in_(stores)) if actor.institution_id else false()


def _listed(actor: Actor, on: date, wanted: HoldsWanted) -> Select[*tuple[Any, ...]]:
    record = InstitutionRecord
    conditions = [holds_visible_to(actor, on)]
    if wanted.running is not None:
        ended = PaymentHold.ended_at
        conditions.append(ended.is_(None) if wanted.running else ended.is_not(None))
    conditions += with_words(wanted.search, record.name, Distributor.name)
    if wanted.county:
        conditions.append(record.county_code == wanted.county)
    return (
        select(
            PaymentHold.id,
            PaymentHold.paying_id,
            func.coalesce(record.name, "").label("payer"),
            func.coalesce(County.name, "").label("county"),
            PaymentHold.distributor_id,
            Distributor.code.label("distributor_code"),
            Distributor.name.label("distributor"),
            PaymentHold.amount,
            PaymentHold.since,
            PaymentHold.after_days,
            PaymentHold.scope,
            PaymentHold.receipts,
            PaymentHold.began_at,
            PaymentHold.looked_at,
            PaymentHold.ended_at,
        )
        .join(Distributor, Distributor.id == PaymentHold.distributor_id)
        .outerjoin(record, and_(record.institution_id == PaymentHold.paying_id, current(record, on)))
        .outerjoin(County, County.code == record.county_code)
        .where(*conditions)
    )


def holds(
    actor: Actor,
    *,
    on: date,
    wanted: HoldsWanted | None = None,
    sort: str = "-amount",
    limit: int | None = None,
    offset: int = 0,
) -> list[HoldRow]:
    """The holds of a page or a file; one statement."""
    columns: dict[str, ColumnElement[Any]] = {
        "amount": PaymentHold.amount.expression,
        "since": PaymentHold.since.expression,
        "began": PaymentHold.began_at.expression,
        "payer": InstitutionRecord.name.expression,
    }
    order = in_order(sort, columns, PaymentHold.id)
    statement = _listed(actor, on, wanted or HoldsWanted()).order_by(*order).limit(limit).offset(offset)
    return [HoldRow._make(row) for row in db.session.execute(statement)]


def holds_count(actor: Actor, *, on: date, wanted: HoldsWanted | None = None) -> tuple[int, Decimal]:
    """How many holds the filters leave, and what they are about together; one statement."""
    listed = _listed(actor, on, wanted or HoldsWanted()).subquery()
    count, amount = db.session.execute(select(func.count(), func.sum(listed.c.amount))).one()
    return count, (amount or Decimal(0)).quantize(Decimal("0.01"))
