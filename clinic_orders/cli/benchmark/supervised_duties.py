"""What the duties beside orders and sales are judged by, for the world of ``benchmark.supervised``.

An edition of all items, minima and limits of policy, agreed volumes of cycles of twelve months, payments, purchases of
other products and the prices of sentinels. Some are behind with each.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, insert, text

from clinic_orders.cli.benchmark.supervised_breaches import CHANGED, ROSE, TOO_MUCH
from clinic_orders.models.policy import PolicyValue
from clinic_orders.rules.days import Month

CYCLE_MONTHS: Final = 12
_AGREED: Final = 20
_MINIMUM: Final = 84
_GROUPS: Final = 8
_SENTINELS: Final = 20
_WATCHED: Final = 30
_POLICY: Final = {
    "stocking.minimum": str(_MINIMUM),
    "volume.nonselected_share": "0.5",
    "monitor.rise": "0.3",
}


def _run(connection: Connection, statement: str) -> None:
    """Run plain SQL made of numbers and days of our own."""
    connection.execute(text(statement))


def lay_down_duties(connection: Connection, first_day: date, at: datetime) -> None:
    """What holds from a day on: edition, policy, who watches which prices, which items have trace codes."""
    connection.execute(
        insert(PolicyValue),
        [
            {"parameter": name, "valid_from": first_day, "value": value, "recorded_at": at}
            for name, value in _POLICY.items()
        ],
    )
    for statement in (
        f"INSERT INTO edition (id, edition, valid_from, recorded_at) SELECT 1, '1', '{first_day}', min(recorded_at) FROM item",  # noqa: S608
        "INSERT INTO edition_item (edition_id, item_id) SELECT 1, id FROM item",
        f"""
        INSERT INTO sentinel (institution_id, valid_from, set_by_name, recorded_at)
        SELECT id, '{first_day}', '', recorded_at FROM institution WHERE id % {_SENTINELS} = 1
        """,  # noqa: S608
        f"""
        INSERT INTO watched_item (item_id, valid_from, set_by_name, recorded_at)
        SELECT id, '{first_day}', '', recorded_at FROM item WHERE id <= {_WATCHED}
        """,  # noqa: S608
        # Two items have codes.
        """
        INSERT INTO trace_product (prefix, item_id, base_units_per_code, recorded_at)
        SELECT cast(8000000 + id AS varchar(7)), id, 10, recorded_at FROM item WHERE id <= 2
        """,
    ):
        _run(connection, statement)


def add_duties(connection: Connection, month: Month, number: int, *, sold_items: int) -> None:
    """What a month adds.

    Args:
        connection: to the database.
        month: which one.
        number: how many came before it.
        sold_items: the ids of the items that are sold go up to this.

    """
    if number % CYCLE_MONTHS == 0:
        _run(
            connection,
            f"""
            INSERT INTO agreed_volume (institution_id, item_id, cycle_start, cycle_end, agreed_packs, already_adjusted,
                                       recorded_at)
            SELECT i.id, t.id, '{month.first_day}', '{month.plus(CYCLE_MONTHS - 1).last_day}',
                   {_AGREED} * CASE WHEN (i.id + t.id) % 50 = 0 THEN 10 ELSE 1 END, false, i.recorded_at
            FROM institution i JOIN item t ON t.id <= {sold_items}
            """,  # noqa: S608
        )
    for statement in (
        _payments(month) if number else "",
        _other_purchases(month),
        _prices(connection, month, number),
        _codes(month),
    ):
        if statement:
            _run(connection, statement)


def _payments(month: Month) -> str:
    """What was accepted in the month before is paid in one sum, on time."""
    before = month.previous()
    return f"""
        INSERT INTO payment (payment_no, paying_id, distributor_id, amount, paid_on, method, reference, entered_by,
            entered_by_name, confirmed_at, confirmed_by_name, disputed_by_name, dispute_reason, upheld_by_name,
            rejected_by_name, rejection_reason, version, recorded_at)
        SELECT 'FK{month}', h.paying_id, h.distributor_id, sum(h.owed), '{month.first_day}', '', '', 'institution', '',
            max(h.accepted_at), '', '', '', '', '', '', 1, max(h.accepted_at)
        FROM shipment h
        WHERE h.due_on = '{month.last_day}' AND h.accepted_at IS NOT NULL AND h.paying_id % 50 <> 3
          AND h.accepted_at >= '{before.first_day}'
        GROUP BY h.paying_id, h.distributor_id
    """  # noqa: S608


def _other_purchases(month: Month) -> str:
    """A purchase in each of eight groups, dearer than the selected; one of ten is not justified. A few buy a lot."""
    return f"""
        INSERT INTO other_purchase (institution_id, document_no, line_no, substitute_group, product_name, base_units,
            amount, purchased_on, justified, recorded_at)
        SELECT i.id, '{month}', cast(t.id AS varchar(8)), t.substitute_group, '另一种药品',
            CASE WHEN {TOO_MUCH} THEN 400 ELSE 20 END, CASE WHEN {TOO_MUCH} THEN 20000000 ELSE 1000000 END,
            '{month.first_day}', (i.id + t.id) % 10 <> 0 AND NOT ({TOO_MUCH}), i.recorded_at
        FROM institution i JOIN item t ON t.id <= {_GROUPS}
    """  # noqa: S608


def _prices(connection: Connection, month: Month, number: int) -> str:
    """What sentinels saw on three days; one price of thirty, each month another, rose by half in the last of them."""
    seen = f"cast('{month.first_day}' AS date)"
    days = [
        f"date('{month.first_day}', '+{n} days')" if connection.dialect.name == "sqlite" else f"{seen} + {n}"
        for n in (0, 9, 19)
    ]
    told = " UNION ALL ".join(f"SELECT {n} AS n, {day} AS day" for n, day in enumerate(days))
    return f"""
        INSERT INTO monitored_price (institution_id, item_id, observed_on, price, out_of_stock, recorded_at)
        SELECT n.institution_id, w.item_id, d.day,
            CASE WHEN d.n = 2 AND {ROSE.format(number=number)} THEN 60000
                WHEN d.n <> 1 AND {CHANGED.format(number=number)} THEN 41000 ELSE 40000 END, false, n.recorded_at
        FROM sentinel n CROSS JOIN watched_item w CROSS JOIN ({told}) d
    """  # noqa: S608


def _codes(month: Month) -> str:
    """A code of its own on each sale of the items that have codes; one institution of fifty scans none."""
    return f"""
        INSERT INTO sale_code (code, sale_line_id, sold_on)
        SELECT cast(8000000 + s.item_id AS varchar(7)) || substr(cast(10000000000000 + s.id AS varchar(14)), 2), s.id, s.sold_on
        FROM sale_line s
        WHERE s.sold_on >= '{month.first_day}' AND s.sold_on <= '{month.last_day}' AND s.item_id <= 2
          AND s.institution_id % 50 <> 5
    """  # noqa: S608


def cycle_begins(first: Month, number: int) -> date:
    """The first day of the cycle that holds the month of a number."""
    return first.plus(number - number % CYCLE_MONTHS).first_day
