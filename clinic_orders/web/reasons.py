"""Coded reasons on screen, and the names of the states of shipments and returns."""

from __future__ import annotations

from flask_babel import gettext

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import ReturnState, ShipmentState
from clinic_orders.rules.reasons import LossReason, RejectReason, ReturnReason, ReversalReason, parse_reason
from clinic_orders.web.display import register_labels

register_labels(
    {
        ShipmentState.PREPARED: N_("To be shipped"),
        ShipmentState.SHIPPED: N_("Under way"),
        ShipmentState.RECEIVED: N_("Received"),
        ShipmentState.VOID: N_("Void"),
    }
)
register_labels(
    {
        ReturnState.REQUESTED: N_("To be decided"),
        ReturnState.AGREED: N_("Return confirmed"),
        ReturnState.RETURNED: N_("Sent back"),
        ReturnState.REFUSED: N_("Not agreed"),
        ReturnState.WITHDRAWN: N_("Withdrawn"),
    }
)

# The fixed pair of colour and shape that a state of a return has on every page.
RETURN_SHAPES = {
    ReturnState.REQUESTED: "wait",
    ReturnState.AGREED: "ok",
    ReturnState.RETURNED: "ok",
    ReturnState.REFUSED: "warn",
    ReturnState.WITHDRAWN: "off",
}


def reject_reason(stored: str) -> str:
    """The reader's words for a stored reason of rejection, its own text behind it."""
    return _said(RejectReason, stored)


def return_reason(stored: str) -> str:
    """The reader's words for a stored reason of return, its own text behind it."""
    return _said(ReturnReason, stored)


def loss_reason(stored: str) -> str:
    """The reader's words for a stored reason of a loss, its own text behind it."""
    return _said(LossReason, stored)


def reversal_reason(stored: str) -> str:
    """The reader's words for why an entry was taken back, its own text behind it."""
    return _said(ReversalReason, stored)


def _said(
    kind: type[RejectReason] | type[ReturnReason] | type[LossReason] | type[ReversalReason], stored: str
) -> str:
    # A text that is no code can only come from an import of long ago; it is shown as it was written.
    try:
        found = parse_reason(kind, stored)  # type: ignore[type-var]
    except RuleBroken:
        return stored
    words = gettext(found.label)
    return f"{words}: {found.text}" if found.text else words
