"""Do the records agree with each other? What ``db check`` looks at.

``sums`` foreign keys and running sums · ``allocation`` money · ``kept`` what is kept of it · ``stock_balances`` stock carried
forward · the chain of the audit stands in ``queries.audit_chain``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from clinic_orders.queries import audit_chain
from clinic_orders.queries.audit_chain import Head
from clinic_orders.queries.integrity import allocation, kept, stock_balances, sums
from clinic_orders.queries.integrity.problem import Problem
from clinic_orders.rules.errors import N_

__all__ = ["CHECKS", "Problem", "problems"]

# What each check is called for people; the columns of an order line keep their names.
CHECKS = {
    "foreign_key": N_("reference"),
    "order_sums": N_("sums of an order"),
    "line_amount": N_("amount of an order line"),
    "equations": N_("packs of an order line"),
    "returns": N_("returned packs"),
    "owed": N_("what a receipt owes"),
    "cycles": N_("cycles of an item"),
    "allocation": N_("allocation of payments"),
    "kept_payables": N_("what is kept of the allocation"),
    "stock_balances": N_("stock carried forward"),
    "audit_chain": N_("chain of the audit"),
}


# Later than anything that is recorded.
_AT_THE_END = date(9000, 1, 1)


def problems(on: date = _AT_THE_END, witnesses: Iterable[Head] = ()) -> list[Problem]:
    """Everything that does not agree; an empty list is the good answer.

    Args:
        on: the day as of which payments are laid out; default is all that is recorded.
        witnesses: heads of the audit's chain that were written down earlier and must still be in it.

    """
    chain = [
        Problem("audit_chain", broken.subject, broken.message, broken.facts)
        for broken in audit_chain.broken_places(*witnesses)
    ]
    copies = [*kept.problems(on), *stock_balances.problems()]
    return sums.problems() + list(allocation.problems(on)) + copies + chain
