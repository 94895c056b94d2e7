"""How suggestions of stock are said, on the page of an item and on the order page."""

from __future__ import annotations

from flask_babel import gettext, ngettext

from clinic_orders.queries.stock import Reorder
from clinic_orders.rules.errors import N_
from clinic_orders.rules.reordering import UseSource
from clinic_orders.web.display import label, register_labels

register_labels(
    {
        UseSource.SALES: N_("from sales"),
        UseSource.COUNTS: N_("from counts"),
        UseSource.ACCEPTED: N_("from what was received"),
    }
)


def formula_of(order: Reorder, unit: str) -> str:
    """How a suggestion comes about, with its numbers filled in."""
    use, keeping = order.use, order.keeping
    since = gettext(" + %(used)s used since the count", used=order.used_since) if order.used_since else ""
    return str(
        gettext(
            "%(used)s ÷ %(days)s × (%(lead)s + %(cover)s) − %(there)s there%(since)s − %(coming)s under way"
            " = %(needed)s %(unit)s → %(packs)s packs",
            used=use.base_units,
            days=use.days,
            lead=keeping.lead_days,
            cover=keeping.cover_days,
            there=max(0, order.on_hand),
            since=since,
            coming=order.under_way,
            needed=order.needed,
            unit=unit,
            packs=order.packs,
        )
    )


def use_of(order: Reorder, unit: str) -> str:
    """What a suggestion rests on, in a sentence."""
    return str(
        ngettext(
            "Used: %(units)s %(unit)s in %(days)s day (%(source)s).",
            "Used: %(units)s %(unit)s in %(days)s days (%(source)s).",
            order.use.days,
            units=order.use.base_units,
            unit=unit,
            days=order.use.days,
            source=label(order.use.source),
        )
    )
