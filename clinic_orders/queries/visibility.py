"""Which orders, shipments and returns a person may see: one condition each, for every list, page and export."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, false, or_, select, true

from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.expressions import among
from clinic_orders.models.notices import Alarm
from clinic_orders.models.orders import Order
from clinic_orders.models.payment_links import PaymentLink
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.parties import Actor, Role


def orders_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The orders of the actor's distributor, institution (as receiver, orderer or payer), villages or county."""
    if actor.role is Role.DISTRIBUTOR:
        return Order.distributor_id == actor.distributor_id
    if actor.institution_id is not None:
        return or_(
            institutions_of(actor, Order.institution_id, on),
            Order.ordering_id == actor.institution_id,
            Order.paying_id == actor.institution_id,
        )
    return institutions_of(actor, Order.institution_id, on)


def shipments_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The shipments of the actor's distributor, institution (as receiver, orderer or payer), villages or county."""
    if actor.role is Role.DISTRIBUTOR:
        return Shipment.distributor_id == actor.distributor_id
    if actor.institution_id is not None:
        return or_(
            institutions_of(actor, Shipment.institution_id, on),
            Shipment.paying_id == actor.institution_id,
            among(Shipment.order_id, select(Order.id).where(Order.ordering_id == actor.institution_id)),
        )
    return institutions_of(actor, Shipment.institution_id, on)


def returns_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The returns of the actor's distributor, of receipts that the institution sees, or of the county."""
    if actor.role is Role.DISTRIBUTOR:
        return GoodsReturn.distributor_id == actor.distributor_id
    if actor.institution_id is not None:
        return GoodsReturn.shipment_id.in_(select(Shipment.id).where(shipments_visible_to(actor, on)))
    return institutions_of(actor, GoodsReturn.institution_id, on)


def payments_visible_to(actor: Actor, on: date, *, members: bool = False) -> ColumnElement[bool]:
    """The payments to the actor's distributor, of its county, or those it makes itself or for its stores.

    With ``members`` a hospital sees also what those it looks after pay.
    """
    if actor.role is Role.DISTRIBUTOR:
        return Payment.distributor_id == actor.distributor_id
    if actor.institution_id is None or members:
        return institutions_of(actor, Payment.paying_id, on)
    stores = select(InstitutionRecord.institution_id).where(
        current(InstitutionRecord, on), InstitutionRecord.headquarters_id == actor.institution_id
    )
    return or_(Payment.paying_id == actor.institution_id, among(Payment.paying_id, stores))


def links_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The payment links to the actor's distributor, of its county, or of what it pays itself or for its stores."""
    if actor.role is Role.DISTRIBUTOR:
        return PaymentLink.distributor_id == actor.distributor_id
    if actor.institution_id is None:
        return institutions_of(actor, PaymentLink.paying_id, on)
    stores = select(InstitutionRecord.institution_id).where(
        current(InstitutionRecord, on), InstitutionRecord.headquarters_id == actor.institution_id
    )
    return or_(PaymentLink.paying_id == actor.institution_id, among(PaymentLink.paying_id, stores))


def alarms_visible_to(actor: Actor) -> ColumnElement[bool]:
    """The alarms of the actor's county; all of them for the city and the operator."""
    if actor.role in {Role.CITY, Role.OPERATOR, Role.SYSTEM}:
        return true()
    if actor.role is Role.COUNTY:
        return Alarm.county_code == actor.county_code
    return false()
