"""The blueprint of ordering, and whose cart a request is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, abort, request, url_for

from clinic_orders.queries.ordering import Buyer, buyer
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor
from clinic_orders.web import guards

blueprint = Blueprint("ordering", __name__)


@dataclass(frozen=True, slots=True)
class Cart:
    """For whom this request orders, and whether it is the emergency cart.

    ``for_code`` is the receiver's code in the address (``?for=``) where somebody else orders, else None.
    """

    actor: Actor
    buyer: Buyer
    urgent: bool
    at: datetime

    @property
    def on(self) -> date:
        """The day in Asia/Shanghai."""
        return day_in_china(self.at)

    def url(self, endpoint: str, **more: Any) -> str:
        """The address of one of this blueprint's pages for the same cart."""
        return url_for(
            f"ordering.{endpoint}",
            **{
                "for": None if self.buyer.is_own else self.buyer.code,
                "urgent": 1 if self.urgent else None,
                **more,
            },
        )


def own_cart() -> tuple[int, int] | None:
    """Who orders and for whom, where an institution orders for itself: known without asking the database."""
    actor = guards.actor()
    if actor.institution_id is None or request.args.get("for"):
        return None
    return actor.institution_id, actor.institution_id


def cart(code: str | None = None) -> Cart:
    """The cart that the address names; 404 where the roster gives no right to it, or to nobody at all."""
    actor = guards.actor()
    if actor.institution_id is None:
        abort(404)
    code = code or request.args.get("for") or None
    found = buyer(actor.institution_id, on=guards.today(), code=code)
    if found is None:
        abort(404)
    return Cart(actor, found, request.args.get("urgent") == "1", guards.at())
