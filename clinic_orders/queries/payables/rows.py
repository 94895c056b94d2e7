"""The receipts of a list: which the filters leave, in which order, with which names and packs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, type_coerce
from sqlalchemy.orm import aliased

from clinic_orders.models.base import Yuan, db
from clinic_orders.models.deliveries import GoodsReturn, Shipment, ShipmentLine
from clinic_orders.models.expressions import one_of
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import Distributor, InstitutionRecord
from clinic_orders.queries.lists import in_order, stands_in, with_words
from clinic_orders.queries.payables.records import Wanted
from clinic_orders.queries.payables.visible import returned_by
from clinic_orders.queries.roster import current
from clinic_orders.rules.days import end_of_day

PART = 500


def matching(wanted: Wanted, sort: str, on: date) -> Select[int]:
    """The ids of the receipts that the filters leave, the state apart, in the order wanted.

    Only what the filters and the order speak of is joined: most pages ask for neither names nor numbers.
    """
    payer = aliased(InstitutionRecord, name="payer")
    statement = select(Shipment.id).where(Shipment.accepted_at < end_of_day(on))
    if wanted.distributor or sort.removeprefix("-") == "distributor":
        statement = statement.join(Distributor, Distributor.id == Shipment.distributor_id)
    if wanted.county:
        statement = statement.outerjoin(
            payer, and_(payer.institution_id == Shipment.paying_id, current(payer, on))
        )
    return statement.where(*_conditions(wanted, payer, on)).order_by(*_order(sort))


def _conditions(wanted: Wanted, payer: type[InstitutionRecord], on: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.distributor:
        found.append(Distributor.code == wanted.distributor)
    if wanted.due_month is not None:
        found.append(Shipment.due_on.between(wanted.due_month.first_day, wanted.due_month.last_day))
    if wanted.due_on is not None:
        found.append(Shipment.due_on == wanted.due_on)
    if wanted.county:
        found.append(payer.county_code == wanted.county)
    return found + with_words(wanted.search, Shipment.receipt_no, also=lambda word: _named(word, on))


def _named(word: str, on: date) -> ColumnElement[bool]:
    """Receipts with this word in the number of the order or in the name of a side.

    Each name is looked at once, and not once for each receipt: of a name there are thousands, of receipts hundreds of
    thousands.
    """
    record = InstitutionRecord
    institutions = select(record.institution_id).where(current(record, on), stands_in(word, record.name))
    return or_(
        Shipment.order_id.in_(select(Order.id).where(stands_in(word, Order.order_no))),
        Shipment.distributor_id.in_(select(Distributor.id).where(stands_in(word, Distributor.name))),
        Shipment.paying_id.in_(institutions),
        Shipment.institution_id.in_(institutions),
    )


_NAMES = select(Distributor.id, Distributor.code, Distributor.name).where(
    one_of(Distributor.id, "distributors")
)


def distributor_names(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Code and name of each; one statement."""
    rows = db.session.connection().execute(_NAMES, {"distributors": list(ids)}).all()
    return {row_id: (code, name) for row_id, code, name in rows}


def payer_names(ids: Collection[int], on: date) -> dict[int, str]:
    """The name of each on a day; one statement."""
    record = InstitutionRecord
    statement = select(record.institution_id, record.name).where(current(record, on))
    if len(ids) < PART:
        statement = statement.where(record.institution_id.in_(ids))
    return {row.institution_id: row.name for row in db.session.execute(statement)}


def details(on: date, ids: Sequence[int]) -> Select[*tuple[Any, ...]]:
    """The receipts of a page with their names and packs; the columns of ``Payable`` up to ``owed``, and ``returned``."""
    back = returned_by(on, Shipment.id.in_(ids))
    packs = (
        select(
            ShipmentLine.shipment_id,
            func.sum(func.coalesce(ShipmentLine.accepted_packs, 0)).label("accepted"),
            func.sum(func.coalesce(back.c.packs, 0)).label("returned"),
        )
        .outerjoin(back, back.c.shipment_line_id == ShipmentLine.id)
        .where(ShipmentLine.shipment_id.in_(ids))
        .group_by(ShipmentLine.shipment_id)
        .subquery("packs")
    )
    less = (
        select(func.coalesce(func.sum(GoodsReturn.amount), 0))
        .where(GoodsReturn.shipment_id == Shipment.id, GoodsReturn.agreed_at < end_of_day(on))
        .scalar_subquery()
    )
    payer = aliased(InstitutionRecord, name="payer")
    receiver = aliased(InstitutionRecord, name="receiver")
    return (
        select(
            Shipment.id,
            Shipment.receipt_no,
            Order.order_no,
            Shipment.institution_id,
            func.coalesce(receiver.name, "").label("institution"),
            Shipment.paying_id,
            func.coalesce(payer.name, "").label("payer"),
            Shipment.distributor_id,
            Distributor.code.label("distributor_code"),
            Distributor.name.label("distributor"),
            Shipment.accepted_at,
            Shipment.acceptance_day,
            Shipment.due_on,
            Shipment.payment_rule,
            func.coalesce(packs.c.accepted, 0).label("accepted_packs"),
            func.coalesce(packs.c.returned, 0).label("returned_packs"),
            Shipment.owed,
            type_coerce(less, Yuan()).label("returned"),
        )
        .join(Order, Order.id == Shipment.order_id)
        .join(Distributor, Distributor.id == Shipment.distributor_id)
        .outerjoin_from(Shipment, packs, packs.c.shipment_id == Shipment.id)
        .outerjoin(payer, and_(payer.institution_id == Shipment.paying_id, current(payer, on)))
        .outerjoin(receiver, and_(receiver.institution_id == Shipment.institution_id, current(receiver, on)))
        .where(Shipment.id.in_(ids))
    )


SORTS = ("due", "accepted", "amount", "distributor", "receipt")


def _order(sort: str) -> list[ColumnElement[Any]]:
    columns: dict[str, ColumnElement[Any]] = {
        "due": Shipment.due_on.expression,
        "accepted": Shipment.accepted_at.expression,
        # What is outstanding is not in the database; the book sorts by it afterwards.
        "amount": Shipment.receipt_no.expression,
        "distributor": Distributor.name.expression,
        "receipt": Shipment.receipt_no.expression,
    }
    return in_order(sort, columns, Shipment.receipt_no)
