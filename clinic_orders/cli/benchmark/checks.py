"""Each check of a whole month against the leanest single SQL over the same rows, and a night against a full run."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.sql.elements import TextClause

from clinic_orders.actions.price_marks import keep_price_mark
from clinic_orders.actions.transaction import transaction
from clinic_orders.cli.benchmark.measuring import (
    PROCESSOR,
    Comparison,
    Rounds,
    Spread,
    timed_with_server,
    work_alone,
)
from clinic_orders.cli.benchmark.supervised import Stage
from clinic_orders.models.base import db
from clinic_orders.models.price_marks import PriceMark
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.checks.price_night import RULES, tonight
from clinic_orders.rules.days import Month, end_of_day, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.parties import SYSTEM

SET_BASED: Final = 2.0
SEQUENTIAL: Final = 5.0
NIGHT: Final = 0.05


@dataclass(frozen=True, slots=True)
class Floor:
    """The leanest single SQL that reads what a check reads.

    Attributes:
        sql: with :first, :last (days), :begins, :ends (instants), :month; answers one row of sums.
        goal: the greatest ratio.
        says: what it is, for people.
        sqlite: the same, written as SQLite answers it sooner; empty = as it is.

    """

    sql: str
    goal: float
    says: str
    sqlite: str = ""


_PRICE_OF_DAY: Final = """
    JOIN (SELECT item_id, valid_from, pack_price,
                 lead(valid_from) OVER (PARTITION BY item_id ORDER BY valid_from) AS valid_before FROM price) p
      ON p.item_id = s.item_id AND p.valid_from <= s.sold_on
     AND (p.valid_before IS NULL OR p.valid_before > s.sold_on)
"""
_OF_MONTH: Final = "s.sold_on >= :first AND s.sold_on <= :last AND s.replaced_at IS NULL"

FLOORS: Final[Mapping[CheckRule, Floor]] = {
    CheckRule.OVER_MARKUP: Floor(
        f"""
        SELECT count(*), sum(s.base_units), sum(s.amount), sum(p.pack_price), sum(t.pack_size)
        FROM sale_line s JOIN item t ON t.id = s.item_id JOIN institution i ON i.id = s.institution_id
        {_PRICE_OF_DAY}
        WHERE {_OF_MONTH} AND s.base_units > 0
        """,  # noqa: S608
        SEQUENTIAL,
        "its sale lines with item, institution and selected price added up; no acceptances, letters or order",
        # SQLite compares each line with every price of its item when they are joined, and takes thrice the time.
        f"""
        SELECT count(*), sum(s.base_units), sum(s.amount), sum(t.pack_size), sum((
            SELECT p.pack_price FROM price p WHERE p.item_id = s.item_id AND p.valid_from <= s.sold_on
            ORDER BY p.valid_from DESC LIMIT 1))
        FROM sale_line s JOIN item t ON t.id = s.item_id JOIN institution i ON i.id = s.institution_id
        WHERE {_OF_MONTH} AND s.base_units > 0
        """,  # noqa: S608
    ),
    CheckRule.OVER_SHELF_PRICE: Floor(
        f"""
        SELECT count(*), sum(s.base_units), sum(s.amount), sum(t.pack_size), sum((
            SELECT h.price FROM shelf_price h WHERE h.institution_id = s.institution_id AND h.item_id = s.item_id
            AND h.posted_on <= s.sold_on AND h.replaced_at IS NULL ORDER BY h.posted_on DESC LIMIT 1))
        FROM sale_line s JOIN item t ON t.id = s.item_id
        WHERE {_OF_MONTH} AND s.base_units > 0
        """,  # noqa: S608
        SEQUENTIAL,
        "its sale lines with item and posted price added up",
    ),
    CheckRule.TIED_SALE: Floor(
        f"""
        SELECT count(*), sum(a.receipts), sum(b.receipts)
        FROM (SELECT s.institution_id, s.item_id, count(DISTINCT s.sale_no) AS receipts FROM sale_line s
              WHERE {_OF_MONTH} AND s.base_units > 0 AND s.item_id IS NOT NULL
              GROUP BY s.institution_id, s.item_id) a
        JOIN (SELECT o.institution_id, o.item_id, s.other_product, count(DISTINCT o.sale_no) AS receipts
              FROM sale_line s JOIN sale_line o
                ON o.institution_id = s.institution_id AND o.sale_no = s.sale_no AND o.replaced_at IS NULL
               AND o.base_units > 0 AND o.item_id IS NOT NULL
              WHERE {_OF_MONTH} AND s.base_units > 0 AND s.item_id IS NULL
              GROUP BY o.institution_id, o.item_id, s.other_product) b
          ON b.institution_id = a.institution_id AND b.item_id = a.item_id
        """,  # noqa: S608
        SET_BASED,
        "receipts with an item, and those of them with another product, counted; no membership, no codes",
    ),
    CheckRule.SETTLED_NOT_SOLD: Floor(
        f"""
        SELECT count(*), sum(f.base_units), sum(s.units), sum(a.packs), sum(c.base_units)
        FROM settlement f
        LEFT JOIN (SELECT institution_id, item_id, sum(base_units) AS units FROM sale_line s
                   WHERE {_OF_MONTH} GROUP BY institution_id, item_id) s
          ON s.institution_id = f.institution_id AND s.item_id = f.item_id
        LEFT JOIN (SELECT h.institution_id, l.item_id, sum(g.accepted_packs) AS packs FROM shipment h
                   JOIN shipment_line g ON g.shipment_id = h.id JOIN order_line l ON l.id = g.order_line_id
                   WHERE h.accepted_at >= :begins AND h.accepted_at < :ends GROUP BY h.institution_id, l.item_id) a
          ON a.institution_id = f.institution_id AND a.item_id = f.item_id
        LEFT JOIN stock_count c ON c.institution_id = f.institution_id AND c.item_id = f.item_id
          AND c.counted_on < :first AND c.replaced_at IS NULL
        WHERE f.month = :month AND f.replaced_at IS NULL
        """,  # noqa: S608
        SET_BASED,
        "settlements with the month's sales, acceptances and the last count added up; no ledger since the count",
    ),
    CheckRule.LATE_ACCEPTANCE: Floor(
        """
        SELECT count(*), min(h.delivered_at), max(h.accepted_at), count(i.code)
        FROM shipment h JOIN institution i ON i.id = h.institution_id
        WHERE h.delivered_at >= :begins AND h.delivered_at < :ends AND h.voided_at IS NULL
        """,
        SET_BASED,
        "the month's deliveries with their institution counted",
    ),
    CheckRule.LATE_CONFIRMATION: Floor(
        """
        SELECT count(*), min(o.submitted_at), max(o.answered_at), count(d.code)
        FROM purchase_order o JOIN distributor d ON d.id = o.distributor_id
        WHERE o.submitted_at >= :begins AND o.submitted_at < :ends
        """,
        SET_BASED,
        "the month's orders with their distributor counted",
    ),
    CheckRule.DELIVERY_RATE: Floor(
        """
        SELECT d.code, count(*), sum(l.packs), sum(g.shipped_packs), max(h.delivered_at)
        FROM purchase_order o JOIN order_line l ON l.order_id = o.id JOIN item t ON t.id = l.item_id
        JOIN institution_record r ON r.institution_id = o.institution_id AND r.valid_before IS NULL
        JOIN distributor d ON d.id = o.distributor_id
        LEFT JOIN shipment_line g ON g.order_line_id = l.id LEFT JOIN shipment h ON h.id = g.shipment_id
        WHERE o.answered_at >= :begins AND o.answered_at < :ends GROUP BY d.code
        """,
        SET_BASED,
        "the month's order lines with what came of them added up by distributor; no limits worked out",
    ),
    CheckRule.EMERGENCY_SHARE: Floor(
        """
        SELECT i.code, r.kind, count(*), sum(CASE WHEN o.emergency THEN 1 ELSE 0 END)
        FROM purchase_order o JOIN order_line l ON l.order_id = o.id JOIN institution i ON i.id = o.institution_id
        JOIN institution_record r ON r.institution_id = o.institution_id AND r.valid_before IS NULL
        WHERE o.submitted_at >= :begins AND o.submitted_at < :ends GROUP BY i.code, r.kind
        """,
        SET_BASED,
        "the month's order lines counted by institution; no membership",
    ),
}
"""By check its floor. A check without one is not measured here; docs/performance.md says why."""


def _bound(floor: Floor, stage: Stage) -> TextClause:
    month = Month.of(stage.on)
    sqlite = db.engine.dialect.name == "sqlite"
    days = {"first": month.first_day, "last": stage.on}
    instants = {"begins": start_of_day(month.first_day), "ends": end_of_day(stage.on)}
    values: dict[str, Any] = {"month": str(month)}
    for name, day in days.items():
        values[name] = day.isoformat() if sqlite else day
    for name, instant in instants.items():
        plain = instant.replace(tzinfo=None)
        values[name] = f"{plain}.000000" if sqlite else plain
    sql = floor.sqlite if sqlite and floor.sqlite else floor.sql
    return text(sql).bindparams(**{name: value for name, value in values.items() if f":{name}" in sql})


def _whole_month(rule: CheckRule, stage: Stage) -> list[Finding]:
    return check(Scope(stage.on), [rule])


def _lean(floor: Floor, stage: Stage) -> None:
    db.session.connection().execute(_bound(floor, stage)).all()


def measure_checks(app: Flask, stage: Stage, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Every check that has a floor, turn by turn with it; then the night."""
    with app.app_context():
        work_alone()
        by = PROCESSOR
        comparisons, found = [], {}
        for rule, floor in FLOORS.items():
            say(f"{stage.months} months: {rule.value}")
            held = Rounds()
            for _ in range(rounds):
                gc.collect()
                ours, findings = timed_with_server(partial(_whole_month, rule, stage))
                lean, _ = timed_with_server(partial(_lean, floor, stage))
                held.add(ours, lean)
                held.close()
                db.session.rollback()
            found[rule.value] = len(findings)
            comparisons.append(Comparison(rule.value, floor.says, floor.goal, True, held, by))
        say(f"{stage.months} months: the night")
        return {
            "months": stage.months,
            "rows": {"sale lines": stage.sale_lines, "order lines": stage.order_lines},
            "as_of": stage.on.isoformat(),
            "findings": found,
            "comparisons": [one.as_dict() for one in comparisons],
            "night": _measure_night(stage, rounds, by),
        }


def _measure_night(stage: Stage, rounds: int, by: str) -> dict[str, Any]:
    """The last day's sales and acceptances as the night after it finds them, against a full run of both checks."""
    before, at = stage.on - timedelta(days=1), end_of_day(stage.on)
    _keep_mark(before, start_of_day(stage.on))
    held = Rounds()
    looked_at = 0
    for _ in range(rounds):
        gc.collect()
        ours, looked_at = timed_with_server(lambda: _night(stage.on, at))
        whole, _ = timed_with_server(lambda: check(Scope(stage.on), RULES))
        held.add(ours, whole)
        held.close()
        db.session.rollback()
    comparison = Comparison(
        "the night's price check", "both price checks of the whole month", NIGHT, True, held, by
    )
    return comparison.as_dict() | {
        "institutions": looked_at,
        "ratios": Spread.of(comparison.ratios(by)).as_dict(),
    }


def _keep_mark(as_of: date, looked_at: datetime) -> None:
    """The mark of the night before: everything sold before the day has been seen."""
    night = tonight(as_of, at=looked_at)
    assert night.mark is not None
    keep_price_mark(night.mark, by=SYSTEM, at=looked_at)
    last = db.session.connection().execute(
        text("SELECT max(id) FROM sale_line WHERE recorded_at < :at AND item_id IS NOT NULL").bindparams(
            at=f"{looked_at.replace(tzinfo=None)}.000000"
            if db.engine.dialect.name == "sqlite"
            else looked_at.replace(tzinfo=None)
        )
    )
    sale_line_id = last.scalar_one()
    with transaction():
        db.session.execute(update(PriceMark).values(sale_line_id=sale_line_id))


def _night(as_of: date, at: datetime) -> int:
    """What the job does but for storing; answers how many institutions were looked at again."""
    count = 0
    for look in tonight(as_of, at=at).looks:
        check(look.scope, RULES)
        count += len(look.institution_ids or ())
    return count
