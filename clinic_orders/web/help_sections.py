"""Which section of the help page belongs to a screen, by role; a screen without one leads to the role's help."""

from __future__ import annotations

from typing import Final

from clinic_orders.rules.parties import Actor, Role

_OWN_ACCOUNT: Final = {"account": "log-in", "devices": "log-in", "second_step": "log-in"}
_BUYER: Final = {
    **_OWN_ACCOUNT,
    "ordering": "order",
    "catalogue": "order",
    "receiving": "receive",
    "returns": "return",
    "payables": "pay",
    "payments": "pay",
    "paying": "pay",
    "statements": "pay",
    "bank": "pay",
    "holds": "pay",
    "sales": "stock",
    "stock": "stock",
    "reports": "stock",
    "cases": "letters",
    "findings": "letters",
}
_BUREAU: Final = {
    **_OWN_ACCOUNT,
    "users": "accounts",
    "cases": "cases",
    "findings": "cases",
    "statistics": "figures",
    "bulletins": "figures",
}

SECTIONS: Final[dict[Role, dict[str, str]]] = {
    Role.INSTITUTION: _BUYER,
    Role.HOSPITAL: {**_BUYER, "ordering.villages": "villages", "ordering.mandate": "villages"},
    Role.DISTRIBUTOR: {
        **_OWN_ACCOUNT,
        "distribution": "answer",
        "distribution.ship": "ship",
        "distribution.send": "ship",
        "distribution.shipment": "ship",
        "distribution.shipments": "ship",
        "distribution.goods_return": "return",
        "distribution.decide_return": "return",
        "distribution.receivables": "pay",
        "distribution.receivables_by_county": "pay",
        "payables": "pay",
        "payments": "pay",
        "statements": "pay",
        "bank": "pay",
        "holds": "pay",
        "cases": "letters",
        "findings": "letters",
    },
    Role.COUNTY: {**_BUREAU, "bureau": "desk"},
    Role.CITY: {
        **_BUREAU,
        "roster": "set-up",
        "editions": "set-up",
        "policy": "set-up",
        "files": "files",
        "batches": "files",
        "import_jobs": "files",
    },
    Role.OPERATOR: {**_OWN_ACCOUNT, "jobs": "jobs", "users": "accounts", "audit": "audit"},
}
"""By role: endpoint, or the area of endpoints without a line of their own → the section's id on the help page."""


def help_section(actor: Actor | None, endpoint: str | None) -> str | None:
    """The section about the present screen; who has not logged in is helped with the log-in."""
    if endpoint is None:
        return None
    known = SECTIONS.get(actor.role, {}) if actor is not None else _OWN_ACCOUNT
    return known.get(endpoint) or known.get(endpoint.partition(".")[0])
