"""What was carried forward of the stock is what counts and movements say (R-STOCK-3, ``models.stock_balances``)."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution
from clinic_orders.models.stock_balances import StockBalance, StockCarried
from clinic_orders.queries.carried import holds
from clinic_orders.queries.integrity.problem import Problem
from clinic_orders.queries.ledger import ledger
from clinic_orders.rules.errors import N_

_DIFFERS = N_("carried to the end of %(day)s as %(kept)s base units, added up anew %(found)s")


def problems() -> Iterator[Problem]:
    """Every balance that holds and is not what the history says at the end of its day."""
    connection = db.session.connection()
    balance = StockBalance
    days = connection.scalars(
        select(StockCarried.carried_on).distinct().order_by(StockCarried.carried_on)
    ).all()
    for day in days:
        kept = {
            (row.institution_id, row.item_id): row.base_units
            for row in connection.execute(
                select(balance.institution_id, balance.item_id, balance.base_units).where(
                    balance.carried_on == day, holds(balance.institution_id, day)
                )
            ).all()
        }
        holding = select(Institution.id).where(holds(Institution.id, day))
        found = {
            (row.institution_id, row.item_id): int(row.base_units)
            for row in connection.execute(ledger(day, holding)).all()
        }
        wrong = sorted(pair for pair in kept.keys() | found.keys() if kept.get(pair, 0) != found.get(pair, 0))
        for pair in wrong:
            facts = {"day": day, "kept": kept.get(pair, 0), "found": found.get(pair, 0)}
            yield Problem("stock_balances", _named(pair), _DIFFERS, facts)


def _named(pair: tuple[int, int]) -> str:
    institution, item = db.session.get_one(Institution, pair[0]), db.session.get_one(Item, pair[1])
    return f"{institution.code} {item.item_code}"
