"""A prefecture's orders, receipts, sales and postings of many months, made by the database itself (issue: supervision).

Of the size 1: 3,267 institutions, and in each month 25 order lines and 255 sale lines of each of them. Smaller sizes
have fewer institutions, each as busy. The last month of every stage has a price cut and some sales above it, and every
check finds something in it: see ``supervised_breaches``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from flask import Flask
from flask_migrate import upgrade as migrate
from sqlalchemy import Connection, CursorResult, Engine, insert, text

from clinic_orders import clock
from clinic_orders.cli.benchmark.supervised_breaches import (
    EMERGENCIES,
    LATE_ACCEPTANCE,
    LATE_ANSWER,
    SHORT,
    SILENT,
    comes_short,
    sell_tied,
)
from clinic_orders.cli.benchmark.supervised_duties import add_duties, cycle_begins, lay_down_duties
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import (
    Commitment,
    County,
    Distributor,
    Institution,
    InstitutionRecord,
    Membership,
)
from clinic_orders.rules.days import Month, day_in_china, start_of_day
from clinic_orders.rules.parties import InstitutionKind

INSTITUTIONS: Final = 3267
HOSPITALS: Final = 200
DISTRIBUTORS: Final = 20
ITEMS: Final = 338
_SOLD: Final = 85
_TIMES: Final = 3
_ORDERS: Final = 5
_PACK_SIZE: Final = 10
_COUNTED_ONCE: Final = 5
_LONG_AGO: Final = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Stage:
    """What there is after some months.

    Attributes:
        months: how many.
        on: the last day of the last of them, as of which checks look.
        cycle_begins: the first day of the cycle of agreed volumes that holds it.
        sale_lines, order_lines: rows.

    """

    months: int
    on: date
    cycle_begins: date
    sale_lines: int
    order_lines: int


def stages(app: Flask, size: float, months: list[int], *, alike: bool = False) -> Iterator[Stage]:
    """Fill the empty database month by month; pause after each of the numbers of months, least first.

    Args:
        app: on an empty database.
        size: 1 = a prefecture.
        months: after how many to pause.
        alike: every month's sales are those of the first over again, which is made much faster; no price is cut, and there
            is nothing but orders and sales.

    """
    at = clock.now()
    with app.app_context():
        migrate()
        engine = db.engine
    # No context stays open while others work: requests would share what each keeps for itself.
    with engine.begin() as connection:
        # The roster, the first prices and the postings have been known for long.
        _roster(connection, max(20, round(INSTITUTIONS * size)), start_of_day(_LONG_AGO))
    first = Month.of(day_in_china(at)).plus(-max(months))
    with engine.begin() as connection:
        _first_counts(connection, first)
        if not alike:
            lay_down_duties(connection, _LONG_AGO, start_of_day(_LONG_AGO))
    for number in range(max(months)):
        month, last = first.plus(number), number + 1 in months
        with engine.begin() as connection:
            if alike and number:
                _sales_again(connection, month, first, number)
            elif alike:
                _sales(connection, month, number)
            else:
                _sales(connection, month, number, cut=last, silent=number + 2 in months, tied=last)
            _orders(connection, month, number, short=not alike and comes_short(number, months))
            if not alike:
                add_duties(connection, month, number, sold_items=_SOLD)
            if last:
                _shelves(connection, month)
        if last:
            tidy_up(engine)
            with engine.begin() as connection:
                rows = [
                    _run(connection, f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608
                    for table in ("sale_line", "order_line")
                ]
            yield Stage(number + 1, month.last_day, cycle_begins(first, number), *rows)


def tidy_up(engine: Engine) -> None:
    """What autovacuum does in service, and nobody on a throw-away server: statistics, and pages known to be all visible."""
    if engine.dialect.name == "sqlite":
        # Kept by a commit: without statistics the floors themselves are planned badly, and every ratio flatters.
        with engine.begin() as connection:
            _run(connection, "ANALYZE")
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _run(connection, "VACUUM ANALYZE")


def _run(connection: Connection, statement: str) -> CursorResult[Any]:
    """Run plain SQL made of numbers and days of our own."""
    return connection.execute(text(statement))


def _roster(connection: Connection, count: int, at: datetime) -> None:
    connection.execute(insert(County), [{"code": "410325", "name": "嵩县"}])
    connection.execute(
        insert(Distributor),
        [
            {"id": n, "code": f"D{n:02}", "name": f"第{n}医药", "recorded_at": at}
            for n in range(1, DISTRIBUTORS + 1)
        ],
    )
    ids = range(1, count + 1)
    connection.execute(insert(Institution), [{"id": n, "code": f"I{n:05}", "recorded_at": at} for n in ids])
    hospitals = count * HOSPITALS // INSTITUTIONS
    connection.execute(
        insert(InstitutionRecord),
        [
            {
                "institution_id": n,
                "valid_from": _LONG_AGO,
                "name": f"第{n}卫生室",
                "kind": InstitutionKind.TOWNSHIP_HOSPITAL
                if n <= hospitals
                else InstitutionKind.VILLAGE_CLINIC,
                "county_code": "410325",
                "joined_on": _LONG_AGO,
                "recorded_at": at,
            }
            for n in ids
        ],
    )
    connection.execute(insert(Membership), [{"institution_id": n, "joined_on": _LONG_AGO} for n in ids])
    connection.execute(
        insert(Commitment),
        [{"institution_id": n, "signed_on": _LONG_AGO, "version": "1", "recorded_at": at} for n in ids],
    )
    items = range(1, ITEMS + 1)
    connection.execute(
        insert(Item),
        [
            {
                "id": n,
                "item_code": f"LY{n:03}",
                "generic_name": f"药品{n}",
                "form": "片剂",
                "strength": "75mg",
                "pack_size": _PACK_SIZE,
                "base_unit": "片",
                "manufacturer": "某药业",
                "batch": "1",
                "substitute_group": f"第{n}组",
                "recorded_at": at,
            }
            for n in items
        ],
    )
    # A price is a whole number of ten cents, so that pieces of a pack cost whole cents.
    connection.execute(
        text(
            "INSERT INTO price (item_id, valid_from, pack_price, document_no, recorded_at)"
            " SELECT id, :day, 30000 + (id * 37 % 200) * 1000, '', recorded_at FROM item"
        ).bindparams(day=_as_day(connection, _LONG_AGO))
    )
    connection.execute(
        text(
            "INSERT INTO shelf_price (institution_id, item_id, posted_on, price, recorded_at)"
            " SELECT n.id, p.item_id, p.valid_from, p.pack_price, n.recorded_at"
            " FROM institution n CROSS JOIN price p WHERE p.item_id <= :sold"
        ).bindparams(sold=_SOLD)
    )


def _as_day(connection: Connection, day: date) -> Any:
    """A day as statements in plain SQL take it."""
    return day.isoformat() if connection.dialect.name == "sqlite" else day


def _day(connection: Connection, day: date) -> str:
    """A day written out in plain SQL."""
    return f"'{day}'" if connection.dialect.name == "sqlite" else f"DATE '{day}'"


def _days(connection: Connection, month: Month) -> str:
    """The days of a month as rows of number, day and noon, in plain SQL."""
    rows = []
    for number in range((month.last_day - month.first_day).days + 1):
        day = month.first_day + timedelta(days=number)
        noon = (start_of_day(day) + timedelta(hours=12)).replace(tzinfo=None)
        if connection.dialect.name == "sqlite":
            rows.append(f"SELECT {number} AS n, '{day}' AS day, '{noon}.000000' AS noon")
        else:
            rows.append(f"SELECT {number} AS n, DATE '{day}' AS day, TIMESTAMP '{noon}' AS noon")
    return f"({' UNION ALL '.join(rows)})"


def _sales(
    connection: Connection,
    month: Month,
    number: int,
    *,
    cut: bool = False,
    silent: bool = False,
    tied: bool = False,
) -> None:
    """Three sales of each of 85 items by every institution, in the order of their days, recorded on them.

    One of two thousand takes half a yuan too much. After a cut a third of the sales still take the old price.

    Args:
        connection: to the database.
        month: which one.
        number: how many came before it.
        cut: whether prices are cut in it.
        silent: whether some report nothing.
        tied: whether some sell an item only together with another product.

    """
    reports = f"NOT {SILENT}" if silent else "true"
    if cut:
        connection.execute(
            text(
                "INSERT INTO price (item_id, valid_from, pack_price, document_no, recorded_at)"
                " SELECT item_id, :day, pack_price - 1000, '', recorded_at FROM price"
                " WHERE valid_from = :long_ago AND item_id % 20 = :turn"
            ).bindparams(
                day=_as_day(connection, month.first_day + timedelta(days=10)),
                long_ago=_as_day(connection, _LONG_AGO),
                turn=number % 20,
            )
        )
    # Every tenth day another product lies on the receipt. First, so that the last rows are of the last day.
    _run(
        connection,
        f"""
        INSERT INTO sale_line (institution_id, sale_no, line_no, other_product, sold_at, sold_on, base_units, amount,
                               insured, recorded_at)
        SELECT i.id, 'S' || {number} || '-' || d.n, 'X', '钙片', d.noon, d.day, 1, 100000, false, d.noon
        FROM institution i JOIN {_days(connection, month)} d ON (d.n + i.id) % 10 = 0 WHERE {reports}
        """,  # noqa: S608
    )
    if tied:
        sell_tied(connection, number, _days(connection, month))
    width = (month.last_day - month.first_day).days + 1
    times = " UNION ALL ".join(f"SELECT {k} AS k" for k in range(_TIMES))
    # The price of the day, or of the first day of all where old stock goes at the old price.
    _run(
        connection,
        f"""
        INSERT INTO sale_line (institution_id, sale_no, line_no, item_id, other_product, sold_at, sold_on,
                               base_units, amount, insured, recorded_at)
        SELECT i.id, 'S' || {number} || '-' || d.n, cast(t.id * {_TIMES} + k.k AS varchar(8)), t.id, '', d.noon, d.day,
               {_PACK_SIZE} * (1 + k.k), p.pack_price * (1 + k.k)
               + CASE WHEN (i.id * 31 + t.id * 17 + k.k + {number}) % 2000 = 0 THEN 5000 ELSE 0 END,
               t.id % 2 = 0, d.noon
        FROM institution i
        JOIN item t ON t.id <= {_SOLD}
        CROSS JOIN ({times}) k
        JOIN {_days(connection, month)} d ON d.n = (t.id * 7 + k.k * 10 + i.id) % {width}
        JOIN price p ON p.item_id = t.id AND p.valid_from = (
            SELECT max(q.valid_from) FROM price q
            WHERE q.item_id = t.id AND q.valid_from <= CASE WHEN k.k = 0 THEN '{month.first_day}' ELSE d.day END)
        WHERE {reports}
        ORDER BY d.n
        """.replace(  # noqa: S608
            f"'{month.first_day}' ELSE",
            f"'{month.first_day}' ELSE"
            if connection.dialect.name == "sqlite"
            else f"DATE '{month.first_day}' ELSE",
        ),
    )


def _sales_again(connection: Connection, month: Month, first: Month, number: int) -> None:
    """The sales of the first month on the same days of another; what would be on a day too many is on the last."""
    # With a bare id PostgreSQL would walk along the key through all the months after the first.
    known: tuple[Any, ...] = tuple(
        _run(
            connection,
            f"SELECT min(id + 0), max(id + 0) FROM sale_line WHERE sold_on BETWEEN '{first.first_day}' AND '{first.last_day}'",  # noqa: S608
        ).one()
    )
    length = (month.last_day - month.first_day).days + 1
    days = _days(connection, month)
    _run(
        connection,
        f"""
        INSERT INTO sale_line (institution_id, sale_no, line_no, item_id, other_product, sold_at, sold_on, base_units,
                               amount, insured, recorded_at)
        SELECT s.institution_id, 'S{number}' || substr(s.sale_no, 3), s.line_no, s.item_id, s.other_product, d.noon, d.day,
               s.base_units, s.amount, s.insured, d.noon
        FROM sale_line s
        JOIN (SELECT day AS known, row_number() OVER (ORDER BY day) - 1 AS n FROM {_days(connection, first)} k) f
          ON f.known = s.sold_on
        JOIN {days} d ON d.n = CASE WHEN f.n < {length} THEN f.n ELSE {length} - 1 END
        WHERE s.id >= {known[0]} AND s.id <= {known[1]} ORDER BY s.id
        """,  # noqa: S608
    )


def _orders(connection: Connection, month: Month, number: int, *, short: bool) -> None:
    """Five orders of about five lines a month, answered and accepted within three days.

    One institution of fifty waits five days for an answer; another of fifty takes six to accept. Of one line of forty two
    packs never come, of one distributor's more where it comes short; one order of a hundred is an emergency, and of a
    few institutions two of five.
    """
    missing = SHORT if short else "false"
    first_id = _run(connection, "SELECT coalesce(max(id), 0) FROM purchase_order").scalar_one()
    _run(
        connection,
        f"""
        INSERT INTO purchase_order (id, order_no, institution_id, ordering_id, paying_id, distributor_id, mode, channel,
            emergency, emergency_reason, submitted_at, answer_due_at, answered_at, lines_count, packs, amount, version,
            recorded_at, updated_at)
        SELECT {first_id} + i.id * {_ORDERS} + d.n / 5, 'CG' || ({first_id} + i.id * {_ORDERS} + d.n / 5), i.id, i.id,
            i.id, i.id % {DISTRIBUTORS} + 1, 'direct', 'clinic_orders', ((i.id + d.n) % 97 = 0 OR {EMERGENCIES}), '急救', d.noon, e.noon, e.noon, 5, 10, 100000, 1, d.noon, f.noon
        FROM institution i
        JOIN {_days(connection, month)} d ON d.n IN (0, 5, 10, 15, 20)
        JOIN {_days(connection, month)} e ON e.n = d.n + CASE WHEN {LATE_ANSWER} THEN 5 ELSE 1 END
        JOIN {_days(connection, month)} f ON f.n = d.n + CASE WHEN {LATE_ANSWER} OR {LATE_ACCEPTANCE} THEN 7 ELSE 3 END
        """,  # noqa: S608
    )
    came = f"CASE WHEN {missing} THEN 2 WHEN (o.id + t.id) % 40 = 0 THEN 8 ELSE 10 END"
    _run(
        connection,
        f"""
        INSERT INTO order_line (order_id, line_no, item_id, pack_price, packs, amount, confirmed_packs, answer_reason,
            withdrawn_before, withdrawn_after, closed_packs, shipped_packs, accepted_packs, rejected_packs,
            returned_packs)
        SELECT o.id, t.id, t.id, p.pack_price, 10, p.pack_price * 10, 10, '', 0, 0, 0,
            {came}, {came}, 0, 0
        FROM purchase_order o
        JOIN item t ON t.id <= {_SOLD} AND (t.id + o.institution_id + 3 * {number}) % 10 < 3
            AND t.id % {_ORDERS} = o.id % {_ORDERS}
        JOIN price p ON p.item_id = t.id AND p.valid_from = '{_LONG_AGO}'
        WHERE o.id > {first_id}
        """,  # noqa: S608
    )
    _run(
        connection,
        f"""
        INSERT INTO shipment (id, receipt_no, order_id, institution_id, paying_id, distributor_id, shipped_at,
            delivered_at, void_reason, accepted_at, accepted_by_name, acceptance_day, payment_rule, due_on, owed,
            packs, version, recorded_at, updated_at)
        SELECT o.id, 'PS' || o.id, o.id, o.institution_id, o.paying_id, o.distributor_id, o.answered_at, o.answered_at,
            '', o.updated_at, '', '{month.last_day}', 'end_of_next_month', '{month.next().last_day}', o.amount, 50, 1,
            o.updated_at, o.updated_at
        FROM purchase_order o WHERE o.id > {first_id}
        """,  # noqa: S608
    )
    _run(
        connection,
        f"""
        INSERT INTO shipment_line (shipment_id, order_line_id, batch_no, expiry_date, shipped_packs, invoice_no,
            accepted_packs, rejected_packs, reject_reason, short_expiry_reason, returned_packs)
        SELECT l.order_id, l.id, 'B1', '2040-01-01', l.shipped_packs, '', l.shipped_packs, 0, '', '', 0
        FROM order_line l WHERE l.order_id > {first_id}
        """,  # noqa: S608
    )
    # One order of fifty has a pack of its first line go back on the day it was accepted.
    _run(
        connection,
        f"""
        INSERT INTO goods_return (id, return_no, shipment_id, institution_id, distributor_id, requested_at, agreed_at,
            refusal_reason, amount, version, recorded_at)
        SELECT h.id, 'TH' || h.id, h.id, h.institution_id, h.distributor_id, h.accepted_at, h.accepted_at, '',
            min(l.pack_price), 1, h.accepted_at
        FROM shipment h JOIN order_line l ON l.order_id = h.id
        WHERE h.id > {first_id} AND h.id % 50 = 7 GROUP BY h.id
        """,  # noqa: S608
    )
    _run(
        connection,
        f"""
        INSERT INTO return_line (return_id, shipment_line_id, packs, reason)
        SELECT g.shipment_id, min(g.id), 1, 'quality'
        FROM shipment_line g WHERE g.shipment_id > {first_id} AND g.shipment_id % 50 = 7 GROUP BY g.shipment_id
        """,  # noqa: S608
    )
    _run(
        connection,
        f"""
        UPDATE shipment_line SET returned_packs = 1 WHERE id IN (SELECT r.shipment_line_id FROM return_line r
            WHERE r.return_id > {first_id})
        """,  # noqa: S608
    )
    _run(
        connection,
        f"""
        UPDATE order_line SET returned_packs = 1 WHERE id IN (SELECT g.order_line_id FROM return_line r
            JOIN shipment_line g ON g.id = r.shipment_line_id WHERE r.return_id > {first_id})
        """,  # noqa: S608
    )


def _first_counts(connection: Connection, first: Month) -> None:
    """One item of five was counted once, before the first month, and never again."""
    _run(
        connection,
        f"""
        INSERT INTO stock_count (institution_id, item_id, counted_on, base_units, recorded_at)
        SELECT i.id, t.id, '{first.previous().last_day}', 5000, i.recorded_at
        FROM institution i JOIN item t ON t.id <= {_SOLD} AND t.id % {_COUNTED_ONCE} = 0
        """,  # noqa: S608
    )


def _shelves(connection: Connection, month: Month) -> None:
    """What was counted at the end of the month before, and what the fund settled: two thirds of what was sold.

    Of one item of fifty too little was there for the month's sales. Who reported nothing had counted a month earlier.
    """
    _run(
        connection,
        f"""
        INSERT INTO stock_count (institution_id, item_id, counted_on, base_units, recorded_at)
        SELECT i.id, t.id, CASE WHEN {SILENT} THEN {_day(connection, month.plus(-2).last_day)}
                ELSE {_day(connection, month.previous().last_day)} END,
            CASE WHEN (i.id + t.id) % 50 = 0 THEN 20 ELSE 250 END, i.recorded_at
        FROM institution i JOIN item t ON t.id <= {_SOLD} AND t.id % {_COUNTED_ONCE} <> 0
        """,  # noqa: S608
    )
    _run(
        connection,
        f"""
        INSERT INTO settlement (institution_id, item_id, month, base_units, amount, recorded_at)
        SELECT i.id, t.id, '{month}', 40, 10000, i.recorded_at
        FROM institution i JOIN item t ON t.id <= {_SOLD}
        """,  # noqa: S608
    )
