"""What is kept of the allocation is what laying the money out anew says (R-PAY-3, ``models.payables``)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from sqlalchemy import true

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.integrity.allocation import named
from clinic_orders.queries.integrity.problem import Problem
from clinic_orders.queries.payables import Scope
from clinic_orders.queries.payables.kept import kept_pairs
from clinic_orders.queries.payables.laying import Which, lay_out_all
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import SYSTEM

_DIFFERS = N_("kept as %(kept)s outstanding and %(advance)s paid ahead, laid out anew %(laid)s and %(ahead)s")


def _yuan(ten_thousandths: int) -> Decimal:
    return Decimal(ten_thousandths).scaleb(-4)


def problems(on: date) -> Iterator[Problem]:
    """Every pair whose kept money is not what the rule says on a day; those noted as changed are laid out anyway."""
    holding = kept_pairs(SYSTEM, on, Scope.OWN).holding
    which = Which(counts_once(Shipment.order_id), true())
    for pair, receipts, laid in lay_out_all(db.session.connection(), on, which):
        kept = holding.pop(pair, None)
        if kept is None:
            continue
        ahead = laid.ahead
        if (kept.receipts, kept.advance, sorted(kept.open)) != (len(receipts), ahead, sorted(laid.open)):
            yield Problem(
                "kept_payables",
                named(pair),
                _DIFFERS,
                {
                    "kept": _yuan(sum(one.left for one in kept.open)),
                    "advance": _yuan(kept.advance),
                    "laid": _yuan(sum(one.left for one in laid.open)),
                    "ahead": _yuan(ahead),
                },
            )
    for pair, kept in holding.items():
        if kept.receipts or kept.advance:
            facts = {"kept": _yuan(sum(one.left for one in kept.open)), "advance": _yuan(kept.advance)}
            yield Problem("kept_payables", named(pair), _DIFFERS, facts | {"laid": 0, "ahead": 0})
