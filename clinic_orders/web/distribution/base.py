"""The blueprint of the distributor's pages, and the words that all their templates use."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from clinic_orders.queries.distribution import OrderStatus, count_open
from clinic_orders.rules.ordering import ReturnState, ShipmentState
from clinic_orders.web import distribution_words as words
from clinic_orders.web.errors import say
from clinic_orders.web.navigation import counts

blueprint = Blueprint("distribution", __name__, url_prefix="/distribution")

counts("distribution.day")(count_open)


@blueprint.context_processor
def _words() -> dict[str, Any]:
    return {
        "deadline_words": words.deadline_words,
        "status_kinds": words.STATUS_KINDS,
        "shipment_words": words.SHIPMENT_WORDS,
        "return_words": words.RETURN_WORDS,
        "close_reason_words": words.close_reason_words,
        "return_reason_words": words.return_reason_words,
        "reason_options": words.reason_options(),
        "OrderStatus": OrderStatus,
        "ShipmentState": ShipmentState,
        "ReturnState": ReturnState,
        "say": say,
    }
