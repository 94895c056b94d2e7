"""The leanest single SQL over the rows that each check of a month reads (issue: supervision)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.sql.elements import TextClause

from clinic_orders.cli.benchmark.supervised import Stage
from clinic_orders.models.base import db
from clinic_orders.rules.days import Month, Quarter, end_of_day, start_of_day
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.stocking import REPORTING_DAYS

SET_BASED: Final = 2.0
SEQUENTIAL: Final = 5.0


@dataclass(frozen=True, slots=True)
class Floor:
    """The leanest single SQL that reads what a check reads.

    Attributes:
        sql: with :first, :last, :opening (the day before the first), :before (a month before it), :cycle,
            :counted_since (days), :begins, :ends, :quarter_begins (instants; three months earlier), :month; answers sums.
        goal: the greatest ratio.
        says: what it is, for people.
        sqlite: the same, written as SQLite answers it sooner, or only so; empty = as it is.
        of_quarter: of a quarter; measured for the last one that has ended.

    """

    sql: str
    goal: float
    says: str
    sqlite: str = ""
    of_quarter: bool = False

    def as_of(self, stage: Stage) -> date:
        """The day as of which the check is asked."""
        if not self.of_quarter:
            return stage.on
        quarter = Quarter.of(stage.on)
        return stage.on if stage.on == quarter.last_day else quarter.first_day - timedelta(days=1)

    def bound(self, stage: Stage) -> TextClause:
        """The statement with its days, as the database at hand writes them."""
        on, sqlite = self.as_of(stage), db.engine.dialect.name == "sqlite"
        month = Month.of(on)
        first = Quarter.of(on).first_day if self.of_quarter else month.first_day
        days = {
            "first": first,
            "last": on,
            "opening": first - timedelta(days=1),
            "before": Month.of(first).previous().first_day,
            "cycle": stage.cycle_begins,
            "counted_since": on - timedelta(days=REPORTING_DAYS - 1),
        }
        instants: dict[str, datetime] = {
            "begins": start_of_day(first),
            "ends": end_of_day(on),
            "quarter_begins": start_of_day(Month.of(first).plus(-3).first_day),
        }
        values: dict[str, Any] = {"month": str(month)}
        for name, day in days.items():
            values[name] = day.isoformat() if sqlite else day
        for name, instant in instants.items():
            plain = instant.replace(tzinfo=None)
            values[name] = f"{plain}.000000" if sqlite else plain
        sql = self.sqlite if sqlite and self.sqlite else self.sql
        return text(sql).bindparams(**{name: value for name, value in values.items() if f":{name}" in sql})


_PRICE_OF_DAY: Final = """
    JOIN (SELECT item_id, valid_from, pack_price,
                 lead(valid_from) OVER (PARTITION BY item_id ORDER BY valid_from) AS valid_before FROM price) p
      ON p.item_id = s.item_id AND p.valid_from <= s.sold_on
     AND (p.valid_before IS NULL OR p.valid_before > s.sold_on)
"""
_OF_MONTH: Final = "s.sold_on >= :first AND s.sold_on <= :last AND s.replaced_at IS NULL"


def _short_stock(day: str) -> str:
    """The floor of ``sold_beyond_stock``; ``day`` makes a day of the instant of an acceptance."""
    return f"""
        SELECT count(*), min(d.units), sum(c.base_units)
        FROM (SELECT institution_id, item_id, day, sum(units) AS units
              FROM (SELECT s.institution_id, s.item_id, s.sold_on AS day, -s.base_units AS units FROM sale_line s
                    WHERE {_OF_MONTH} AND s.item_id IS NOT NULL
                    UNION ALL
                    SELECT h.institution_id, l.item_id, {day}, g.accepted_packs * t.pack_size
                    FROM shipment h JOIN shipment_line g ON g.shipment_id = h.id
                    JOIN order_line l ON l.id = g.order_line_id JOIN item t ON t.id = l.item_id
                    WHERE h.accepted_at >= :begins AND h.accepted_at < :ends) moved
              GROUP BY institution_id, item_id, day) d
        JOIN stock_count c ON c.institution_id = d.institution_id AND c.item_id = d.item_id
          AND c.counted_on = :opening AND c.replaced_at IS NULL
    """  # noqa: S608


def _delivered(where: str) -> str:
    """Lines of orders and what came of them, by distributor."""
    return f"""
        SELECT d.id, d.code, count(*), sum(l.packs) AS packs, sum(g.shipped_packs) AS shipped, max(h.delivered_at)
        FROM purchase_order o JOIN order_line l ON l.order_id = o.id JOIN item t ON t.id = l.item_id
        JOIN institution_record r ON r.institution_id = o.institution_id AND r.valid_before IS NULL
        JOIN distributor d ON d.id = o.distributor_id
        LEFT JOIN shipment_line g ON g.order_line_id = l.id LEFT JOIN shipment h ON h.id = g.shipment_id
        WHERE {where} GROUP BY d.id, d.code
    """  # noqa: S608


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
        f"""
        WITH of_month AS ({_delivered("o.answered_at >= :begins AND o.answered_at < :ends")})
        SELECT * FROM of_month UNION ALL
        {
            _delivered(
                "o.answered_at >= :quarter_begins AND o.answered_at < :begins AND o.distributor_id + 0 IN"
                " (SELECT id FROM of_month WHERE shipped * 10 < packs * 9)"
            )
        }
        """,  # noqa: S608
        SET_BASED,
        "the month's order lines with what came of them added up by distributor, and those of the three months before of"
        " who was below; no limits worked out",
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
    CheckRule.VOLUME_BEHIND: Floor(
        """
        SELECT count(*), sum(v.agreed_packs), sum(a.packs), sum(a.rejected), sum(o.open), count(i.code), count(t.item_code)
        FROM agreed_volume v JOIN institution i ON i.id = v.institution_id JOIN item t ON t.id = v.item_id
        LEFT JOIN (SELECT h.institution_id, l.item_id, sum(g.accepted_packs) AS packs, sum(g.rejected_packs) AS rejected
                   FROM shipment h JOIN shipment_line g ON g.shipment_id = h.id JOIN order_line l ON l.id = g.order_line_id
                   WHERE h.accepted_at >= :cycle AND h.accepted_at < :ends GROUP BY h.institution_id, l.item_id) a
          ON a.institution_id = v.institution_id AND a.item_id = v.item_id
        LEFT JOIN (SELECT o.institution_id, l.item_id, sum(l.packs - l.shipped_packs) AS open
                   FROM purchase_order o JOIN order_line l ON l.order_id = o.id
                   WHERE o.submitted_at >= :cycle AND o.submitted_at < :ends AND l.packs > l.shipped_packs
                   GROUP BY o.institution_id, l.item_id) o
          ON o.institution_id = v.institution_id AND o.item_id = v.item_id
        WHERE v.replaced_at IS NULL AND v.cycle_start <= :last AND v.cycle_end >= :last
        """,
        SET_BASED,
        "agreements with what was accepted and what did not come in their cycle so far added up; no hospitals, no blame",
    ),
    CheckRule.STOCKING_SHORT: Floor(
        f"""
        SELECT r.kind, count(*), sum(m.units)
        FROM (SELECT institution_id, item_id, sum(units) AS units
              FROM (SELECT c.institution_id, c.item_id, c.base_units AS units FROM stock_count c
                    WHERE c.counted_on >= :counted_since AND c.counted_on <= :opening AND c.replaced_at IS NULL
                    UNION ALL
                    SELECT s.institution_id, s.item_id, -s.base_units FROM sale_line s
                    WHERE {_OF_MONTH} AND s.item_id IS NOT NULL
                    UNION ALL
                    SELECT h.institution_id, l.item_id, g.accepted_packs * t.pack_size FROM shipment h
                    JOIN shipment_line g ON g.shipment_id = h.id JOIN order_line l ON l.id = g.order_line_id
                    JOIN item t ON t.id = l.item_id
                    WHERE h.accepted_at >= :begins AND h.accepted_at < :ends) moved
              GROUP BY institution_id, item_id) m
        JOIN edition_item e ON e.item_id = m.item_id
        JOIN institution_record r ON r.institution_id = m.institution_id AND r.valid_before IS NULL
        WHERE m.units > 0 GROUP BY r.kind
        """,  # noqa: S608
        SET_BASED,
        "counts with the month's sales and acceptances added up by institution and item; nothing that is older",
    ),
    CheckRule.SOLD_BEYOND_STOCK: Floor(
        _short_stock("cast(h.accepted_at AS date)"),
        SEQUENTIAL,
        "the month's sales and acceptances added up by institution, item and day, with the count before; no running sum",
        _short_stock("date(h.accepted_at)"),
    ),
    CheckRule.NONSELECTED_SHARE: Floor(
        """
        SELECT count(*), sum(b.units), sum(a.units)
        FROM (SELECT p.institution_id, p.substitute_group, sum(p.base_units) AS units, sum(p.amount) AS amount, max(r.kind)
              FROM other_purchase p JOIN institution i ON i.id = p.institution_id
              JOIN institution_record r ON r.institution_id = p.institution_id AND r.valid_before IS NULL
              WHERE p.purchased_on >= :first AND p.purchased_on <= :last AND p.replaced_at IS NULL
              GROUP BY p.institution_id, p.substitute_group) b
        LEFT JOIN (SELECT h.institution_id, t.substitute_group, sum(g.accepted_packs * t.pack_size) AS units FROM shipment h
                   JOIN shipment_line g ON g.shipment_id = h.id JOIN order_line l ON l.id = g.order_line_id
                   JOIN item t ON t.id = l.item_id
                   WHERE h.accepted_at >= :begins AND h.accepted_at < :ends
                   GROUP BY h.institution_id, t.substitute_group) a
          ON a.institution_id = b.institution_id AND a.substitute_group = b.substitute_group
        """,
        SET_BASED,
        "the quarter's other purchases and acceptances added up by institution and group; no prices, no supply problems",
        of_quarter=True,
    ),
    CheckRule.PAYMENT_OVERDUE: Floor(
        """
        SELECT count(*), sum(o.outstanding), min(o.due_on), max(o.receipt_no)
        FROM payable_open o
        JOIN payable_pair p ON p.paying_id = o.paying_id AND p.distributor_id = o.distributor_id
        JOIN institution i ON i.id = o.paying_id JOIN distributor d ON d.id = o.distributor_id
        WHERE o.due_on < :last AND p.laid_on <= :last
        """,
        SEQUENTIAL,
        "the kept receipts that are overdue, with pair, payer and distributor, added up; nobody asked whether they still hold",
    ),
    CheckRule.TRACE_MISSING: Floor(
        f"""
        SELECT s.institution_id, s.item_id, count(*) FROM sale_line s
        JOIN trace_product p ON p.item_id = s.item_id AND p.replaced_at IS NULL JOIN item t ON t.id = s.item_id
        LEFT JOIN sale_code c ON c.sale_line_id = s.id
        WHERE {_OF_MONTH} AND s.base_units > 0 AND c.sale_line_id IS NULL GROUP BY s.institution_id, s.item_id
        """,  # noqa: S608
        SET_BASED,
        "the month's sales of items with codes that carry none counted by institution and item; no membership",
    ),
    CheckRule.REPORT_MISSING: Floor(
        """
        SELECT r.kind, count(*), count(s.institution_id), count(c.institution_id)
        FROM membership m JOIN institution i ON i.id = m.institution_id
        JOIN institution_record r ON r.institution_id = m.institution_id AND r.valid_before IS NULL
        LEFT JOIN (SELECT DISTINCT institution_id FROM sale_line
                   WHERE sold_on >= :before AND sold_on <= :opening AND replaced_at IS NULL) s
          ON s.institution_id = m.institution_id
        LEFT JOIN (SELECT DISTINCT institution_id FROM stock_count
                   WHERE counted_on >= :before AND counted_on <= :last AND replaced_at IS NULL) c
          ON c.institution_id = m.institution_id
        WHERE m.left_on IS NULL GROUP BY r.kind
        """,
        SET_BASED,
        "members with whether anything was sold and counted in the month before; no other days, no plans",
    ),
    CheckRule.MONITORED_RISE: Floor(
        """
        SELECT m.institution_id, m.item_id, i.code, t.item_code, count(*), max(m.price), min(b.price)
        FROM monitored_price m JOIN sentinel n ON n.institution_id = m.institution_id
        JOIN watched_item w ON w.item_id = m.item_id
        JOIN institution i ON i.id = m.institution_id JOIN item t ON t.id = m.item_id
        JOIN monitored_price b ON b.institution_id = m.institution_id AND b.item_id = m.item_id AND b.replaced_at IS NULL
          AND b.observed_on >= :before AND b.observed_on < :first
        WHERE m.observed_on >= :first AND m.observed_on <= :last AND m.replaced_at IS NULL
        GROUP BY m.institution_id, m.item_id, i.code, t.item_code
        """,
        SET_BASED,
        "the observations of the month with those of the month before, by sentinel and item; both alarms on prices",
    ),
}
"""By check its floor; both alarms on prices are one check. The clues on codes are measured by ``bench traces``."""

PAYMENTS_IN_ORDER: Final = Floor(
    """
    SELECT count(*), sum(r.before + r.owed - coalesce(p.amount, 0)), min(r.due_on)
    FROM (SELECT paying_id, distributor_id, receipt_no, due_on, owed, coalesce(sum(owed) OVER (
                 PARTITION BY paying_id, distributor_id ORDER BY due_on, receipt_no
                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
          FROM shipment WHERE accepted_at < :ends) r
    JOIN institution i ON i.id = r.paying_id JOIN distributor d ON d.id = r.distributor_id
    LEFT JOIN (SELECT paying_id, distributor_id, sum(amount) AS amount FROM payment
               WHERE paid_on <= :last AND withdrawn_at IS NULL GROUP BY paying_id, distributor_id) p
      ON p.paying_id = r.paying_id AND p.distributor_id = r.distributor_id
    WHERE r.due_on < :last AND r.before + r.owed > coalesce(p.amount, 0)
    """,
    SEQUENTIAL,
    "receipts in order of their due days with a running sum, against all that was paid; no receipt named, no returns",
)
"""The floor of laying out all money anew that knows an order: which receipts are open is a question of order."""

PAYMENTS_ADDED_UP: Final = Floor(
    """
    SELECT count(*), sum(r.owed - coalesce(p.amount, 0)), min(r.due_on), max(r.accepted_at), max(r.receipt_no)
    FROM (SELECT paying_id, distributor_id, sum(owed) AS owed, min(due_on) AS due_on, max(accepted_at) AS accepted_at,
                 max(receipt_no) AS receipt_no
          FROM shipment WHERE accepted_at < :ends GROUP BY paying_id, distributor_id) r
    JOIN institution i ON i.id = r.paying_id JOIN distributor d ON d.id = r.distributor_id
    LEFT JOIN (SELECT paying_id, distributor_id, sum(amount) AS amount, max(paid_on) AS paid_on, max(payment_no) AS no
               FROM payment WHERE paid_on <= :last AND withdrawn_at IS NULL GROUP BY paying_id, distributor_id) p
      ON p.paying_id = r.paying_id AND p.distributor_id = r.distributor_id
    """,
    SEQUENTIAL,
    "all that is owed and all that was paid, added up by payer and distributor; no order, so no receipt is said to be open",
)
"""The leanest SQL over the same rows, which can't answer the question."""
