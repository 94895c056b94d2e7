"""The blueprint of sales, whose sales they are, and words that its pages share."""

from __future__ import annotations

from flask import Blueprint, abort
from flask_babel import gettext, ngettext

from clinic_orders.rules.errors import N_
from clinic_orders.rules.selling import Basis, SaleWarning, SaleWarningKind
from clinic_orders.rules.stock_entries import EntryKind
from clinic_orders.web.display import register_labels, yuan
from clinic_orders.web.guards import actor

blueprint = Blueprint("sales", __name__, url_prefix="/sales")

register_labels(
    {
        EntryKind.SALE: N_("Sale"),
        EntryKind.CUSTOMER_RETURN: N_("Customer's return"),
        EntryKind.LOSS: N_("Loss"),
    }
)
register_labels(
    {
        Basis.POSTED: N_("by the price tag"),
        Basis.ALLOWED: N_("the most that is allowed"),
        Basis.PRICE: N_("by the price of the pack"),
    }
)


def own() -> int:
    """The institution of the person."""
    found = actor().institution_id
    if found is None:
        abort(404)
    return found


def in_packs(units: int, pack_size: int, base_unit: str) -> str:
    """Base units as packs and pieces: 2 packs and 10 tablets; pieces alone where a pack holds one."""
    if pack_size == 1:
        return f"{units} {base_unit}"
    packs, pieces = divmod(abs(units), pack_size)
    parts = [str(ngettext("%(packs)s pack", "%(packs)s packs", packs, packs=packs))] if packs else []
    if pieces or not packs:
        parts.append(f"{pieces} {base_unit}")
    return ("−" if units < 0 else "") + " ".join(parts)


blueprint.add_app_template_global(in_packs, "in_packs")


def warning_text(warning: SaleWarning, base_unit: str) -> str:
    """What would be wrong, in words."""
    if warning.kind is SaleWarningKind.BEYOND_STOCK:
        return str(
            gettext(
                "By the books only %(units)s %(unit)s are there.",
                units=max(0, int(warning.limit)),
                unit=base_unit,
            )
        )
    texts = {
        SaleWarningKind.OVER_ALLOWED: N_("%(excess)s yuan above the allowed amount of %(limit)s yuan."),
        SaleWarningKind.OVER_POSTED: N_("%(excess)s yuan above your price tag, which makes %(limit)s yuan."),
    }
    return str(gettext(texts[warning.kind])) % {"excess": yuan(warning.excess), "limit": yuan(warning.limit)}
