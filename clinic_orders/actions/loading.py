"""Load the record that a deed changes: only if the actor may see it, locked, and as they last saw it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import Institution
from clinic_orders.queries.visibility import orders_visible_to, returns_visible_to, shipments_visible_to
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission


class NotFound(RuleBroken):
    """There is no such record for this person; a foreign one looks exactly the same."""

    message = N_(
        "%(number)s was not found. The number may be mistyped, or it does not belong to your organisation."
    )


class ChangedMeanwhile(RuleBroken):
    """Somebody else acted on the record since the page was opened; what was typed is shown again."""

    message = N_(
        "Somebody else has just changed %(number)s. What you typed is kept below: compare it with the new state and send it again."
    )


def own_institution(by: Actor) -> int:
    """The institution that reports about itself, locked: two of its people at once wait for each other.

    Raises:
        NotAllowed: by this role.
        NotFound: the actor is of no institution.

    """
    by.need(Permission.REPORTS_MAKE)
    found = db.session.scalar(
        select(Institution.id).where(Institution.id == by.institution_id).with_for_update()
    )
    if found is None:
        raise NotFound(number=by.org_name)
    return found


def _one(
    model: type[Order | Shipment | GoodsReturn],
    number: str,
    condition: ColumnElement[bool],
    visible: ColumnElement[bool],
) -> object:
    # FOR UPDATE is left out by SQLAlchemy on SQLite, where the transaction began as the only writer.
    found = db.session.execute(
        select(model).where(condition, visible).with_for_update().execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=number)
    return found


def _check(version: int, seen_version: int | None, number: str) -> None:
    if seen_version is not None and seen_version != version:
        raise ChangedMeanwhile(number=number)


def order_for_update(order_no: str, *, by: Actor, at: datetime, seen_version: int | None = None) -> Order:
    """The order, locked until the deed ends.

    Raises:
        NotFound: no such order for this actor.
        ChangedMeanwhile: its version is no longer ``seen_version``.

    """
    found = _one(Order, order_no, Order.order_no == order_no, orders_visible_to(by, day_in_china(at)))
    assert isinstance(found, Order)
    _check(found.version, seen_version, order_no)
    return found


def shipment_for_update(
    receipt_no: str, *, by: Actor, at: datetime, seen_version: int | None = None
) -> Shipment:
    """The shipment, locked until the deed ends; errors as for orders."""
    found = _one(
        Shipment, receipt_no, Shipment.receipt_no == receipt_no, shipments_visible_to(by, day_in_china(at))
    )
    assert isinstance(found, Shipment)
    _check(found.version, seen_version, receipt_no)
    return found


def return_for_update(
    return_no: str, *, by: Actor, at: datetime, seen_version: int | None = None
) -> GoodsReturn:
    """The return, locked until the deed ends; errors as for orders."""
    found = _one(
        GoodsReturn, return_no, GoodsReturn.return_no == return_no, returns_visible_to(by, day_in_china(at))
    )
    assert isinstance(found, GoodsReturn)
    _check(found.version, seen_version, return_no)
    return found
