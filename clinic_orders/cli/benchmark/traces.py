"""Trace codes at scale: one code's look-up and the clues of a month, each against the leanest SQL over the same rows.

The sales of ``benchmark.supervised`` carry codes: one pack on the small lines, two on the middle ones, each received by
the institution in the month before with four more that nobody sells. Two of a hundred codes are of packs sold in pieces,
as they may be; three of a thousand make clues: sold again elsewhere or there, never received, sent back, too old.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, Final

from flask import Flask
from sqlalchemy import text

from clinic_orders import clock
from clinic_orders.actions.code_months import add_code_months
from clinic_orders.cli.benchmark.measuring import CLOCK, PROCESSOR, Comparison, Rounds, Seconds, timed
from clinic_orders.cli.benchmark.supervised import Stage
from clinic_orders.models.base import db
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.checks.trace_codes import RULES
from clinic_orders.queries.packs import life_of_pack
from clinic_orders.rules.days import Month, end_of_day
from clinic_orders.rules.findings import Finding
from clinic_orders.rules.parties import SYSTEM

GOAL: Final = 2.0
CODES_A_MONTH: Final = 3267 * 595
"""Codes received in a month at scale 1; 255 of 595 are sold in the next."""
_LOOK_UPS: Final = 200
_BEFORE: Final = 10
_SOLD: Final = "(SELECT 10 AS units, 0 AS pack UNION ALL SELECT 20, 1 UNION ALL SELECT 20, 2)"
_STOCK: Final = " UNION ALL ".join(f"SELECT 10, {pack}" for pack in range(4, 8))
# Of these items a pack may be sold in pieces: it holds three times as much, and stands on two lines.
_IN_PIECES: Final = "s.item_id % 17 = 3"


def _code(item: str, institution: str, month: int, pack: str) -> str:
    """A code in plain SQL: two fixed digits, five of the item, six of the institution, four of the month, three of the pack.

    They are added up to one number and written down once.
    """
    kind = "text" if db.engine.dialect.name == "sqlite" else "varchar"
    parts = ((item, 10**13), (institution, 10**7), (pack, 1))
    number = " + ".join(f"({name}) * CAST({place} AS bigint)" for name, place in parts)
    return f"'8' || CAST({10**18 + month * 1000} + {number} AS {kind})"


def add_codes(app: Flask, first: Month, months: int, *, after: int) -> dict[str, int]:
    """Give the sales of some months codes, and put them on the receipts of the month before each.

    Args:
        app: on a database of ``benchmark.supervised``.
        first: the first month of all.
        months: how many there are.
        after: how many of them have codes already.

    Returns:
        how many codes stand on receipts and on sales.

    """
    with app.app_context():
        with db.engine.begin() as connection:
            if not after:
                connection.execute(
                    text(
                        "INSERT INTO trace_product (prefix, item_id, base_units_per_code, recorded_at)"  # noqa: S608
                        f" SELECT substr(s.code, 1, 7), s.item_id, CASE WHEN {_IN_PIECES} THEN 30 ELSE 10 END, s.recorded_at"
                        f" FROM (SELECT id AS item_id, recorded_at, {_code('id', '1', 1, '0')} AS code FROM item) s"
                    )
                )
        for number in range(after, months):
            month = first.plus(number)
            if db.engine.dialect.name == "postgresql":
                add_code_months(by=SYSTEM, at=end_of_day(month.first_day))
            with db.engine.begin() as connection:
                for statement in _statements(month, number):
                    connection.execute(text(statement))
        with db.engine.begin() as connection:
            connection.execute(text("ANALYZE"))
            return {
                "codes": int(connection.execute(text("SELECT count(*) FROM shipment_code")).scalar_one()),
                "codes on sales": int(
                    connection.execute(text("SELECT count(*) FROM sale_code")).scalar_one()
                ),
            }


def _statements(month: Month, number: int) -> list[str]:
    """The codes of a month's sales, and the receipts of the month before (of the first its own)."""
    source = month.previous() if number else month
    return [*_sales(month, number), *_receipts(month, source, number), *_returns(source, number)]


def _standing(month: Month) -> str:
    return (
        f"s.sold_on >= '{month.first_day}' AND s.sold_on <= '{month.last_day}' AND s.item_id IS NOT NULL"
        " AND s.replaced_at IS NULL"
    )


def _sales(month: Month, number: int) -> list[str]:
    """Every pack once; then those that come again within the month, and what notes them."""
    here = _code("s.item_id", "s.institution_id", number, "0")
    elsewhere = _code("s.item_id", "s.institution_id - 1", number, "0")
    again = [
        # A pack of another institution, one of a thousand.
        (
            elsewhere,
            "s.base_units = 10 AND s.institution_id > 1 AND (s.institution_id * 31 + s.item_id * 17) % 1000 = 100",
        ),
        # The own pack once more, one of two thousand.
        (here, "s.base_units = 30 AND (s.institution_id * 13 + s.item_id * 7) % 2000 = 9"),
        (here, f"s.base_units = 20 AND {_IN_PIECES}"),
    ]
    sold = _code("s.item_id", "s.institution_id", number, "p.pack")
    found = [
        f"""
        INSERT INTO sale_code (code, sale_line_id, sold_on)
        SELECT {sold}, s.id, s.sold_on FROM sale_line s JOIN {_SOLD} p ON p.units = s.base_units
        WHERE {_standing(month)} ORDER BY 1
        """  # noqa: S608
    ]
    for code, which in again:
        lines = f"FROM sale_line s WHERE {_standing(month)} AND {which} ON CONFLICT DO NOTHING"
        found.append(
            f"INSERT INTO sale_code (code, sale_line_id, sold_on) SELECT {code}, s.id, s.sold_on {lines}"
        )
    found.append(
        f"""
        INSERT INTO repeated_code (code, sale_line_id, sold_on)
        SELECT code, sale_line_id, sold_on FROM (
            SELECT code, sale_line_id, sold_on, count(*) OVER (PARTITION BY code) AS times FROM sale_code
            WHERE sold_on >= '{month.first_day}' AND sold_on <= '{month.last_day}'
        ) AS seen
        WHERE times > 1 ON CONFLICT DO NOTHING
        """  # noqa: S608
    )
    return found


def _receipts(month: Month, source: Month, number: int) -> list[str]:
    """The codes on the lines of a month, as many as packs but at one institution of fifty; some lines are too old."""
    code = _code("s.item_id", "s.institution_id", number, "p.pack")
    lines = f"""
        SELECT g.id, h.institution_id,
               row_number() OVER (PARTITION BY h.institution_id ORDER BY g.id) - 1 AS place,
               count(*) OVER (PARTITION BY h.institution_id) AS lines
        FROM shipment h JOIN shipment_line g ON g.shipment_id = h.id
        WHERE h.acceptance_day = '{source.last_day}'
    """  # noqa: S608
    of_source = f"shipment_id IN (SELECT id FROM shipment WHERE acceptance_day = '{source.last_day}')"  # noqa: S608
    count = (
        "(SELECT count(*) FROM shipment_code c WHERE c.shipment_line_id = shipment_line.id)"  # noqa: S608
        f" + CASE WHEN {_uncoded('shipment_id')} THEN 1 ELSE 0 END"
    )
    return [
        f"""
        INSERT INTO shipment_code (shipment_line_id, code, accepted)
        SELECT l.id, {code}, true FROM sale_line s JOIN ({_SOLD[1:-1]} UNION ALL {_STOCK}) p ON p.units = s.base_units
        JOIN ({lines}) l ON l.institution_id = s.institution_id AND l.place = s.item_id % l.lines
        WHERE {_standing(month)} AND NOT (p.pack = 0 AND (s.institution_id * 7 + s.item_id * 19) % 1000 = 7)
        ORDER BY 1, 2
        """,  # noqa: S608
        f"""
        UPDATE shipment_line SET shipped_packs = {count}, accepted_packs = {count}
        WHERE {of_source} AND EXISTS (SELECT 1 FROM shipment_code c WHERE c.shipment_line_id = shipment_line.id)
        """,  # noqa: S608
        f"UPDATE shipment_line SET expiry_date = '{source.last_day}' WHERE {of_source} AND id % 4000 = 5",  # noqa: S608
    ]


def _uncoded(shipment_id: str) -> str:
    return f"(SELECT h.institution_id FROM shipment h WHERE h.id = {shipment_id}) % 50 = 9"  # noqa: S608


def _returns(source: Month, number: int) -> list[str]:
    """Of one receipt of a hundred a pack goes back on the day it came, and is sold all the same."""
    which = (
        f"h.acceptance_day = '{source.last_day}' AND h.id % 100 = 11"  # noqa: S608
        " AND h.id NOT IN (SELECT shipment_id FROM goods_return)"
    )
    return [
        f"""
        INSERT INTO goods_return (id, return_no, shipment_id, institution_id, distributor_id, requested_at, agreed_at,
            refusal_reason, amount, version, recorded_at)
        SELECT h.id, 'TC' || h.id, h.id, h.institution_id, h.distributor_id, h.accepted_at, h.accepted_at, '', 10000, 1,
            h.accepted_at
        FROM shipment h WHERE {which}
        """,  # noqa: S608
        f"""
        INSERT INTO return_line (return_id, shipment_line_id, packs, reason)
        SELECT g.shipment_id, min(g.id), 1, 'quality'
        FROM shipment h JOIN shipment_line g ON g.shipment_id = h.id JOIN goods_return r ON r.id = h.id
        WHERE r.return_no = 'TC' || h.id AND h.acceptance_day = '{source.last_day}'
          AND NOT EXISTS (SELECT 1 FROM return_line l WHERE l.return_id = h.id)
        GROUP BY g.shipment_id
        """,  # noqa: S608
        f"""
        INSERT INTO return_code (return_line_id, code)
        SELECT l.id, min(c.code)
        FROM shipment h JOIN return_line l ON l.return_id = h.id
        JOIN shipment_code c ON c.shipment_line_id = l.shipment_line_id AND substr(c.code, 14, 4) = '{number:04}'
        WHERE h.acceptance_day = '{source.last_day}' AND h.id % 100 = 11
        GROUP BY l.id
        """,  # noqa: S608
    ]


def _floor_of_month(stage: Stage) -> str:
    """The month's codes with their lines, acceptances and products, added up; one row."""
    month = Month.of(stage.on)
    return f"""
        SELECT count(*), count(a.code), sum(s.base_units), sum(p.base_units_per_code), max(h.accepted_at),
               min(g.expiry_date), count(r.code)
        FROM sale_code c JOIN sale_line s ON s.id = c.sale_line_id
        LEFT JOIN trace_product p ON p.prefix = substr(c.code, 1, 7) AND p.replaced_at IS NULL
        LEFT JOIN shipment_code a ON a.code = c.code AND a.accepted
        LEFT JOIN shipment_line g ON g.id = a.shipment_line_id
        LEFT JOIN shipment h ON h.id = g.shipment_id AND h.institution_id = s.institution_id
        LEFT JOIN repeated_code r ON r.code = c.code AND r.sale_line_id = c.sale_line_id
        WHERE c.sold_on >= '{month.first_day}' AND c.sold_on <= '{stage.on}'
          AND s.sold_on >= '{month.first_day}' AND s.sold_on <= '{stage.on}' AND s.replaced_at IS NULL AND s.base_units > 0
    """  # noqa: S608


_BARE: Final = tuple(
    text(statement)
    for statement in (
        "SELECT code, sale_line_id, sold_on FROM sale_code WHERE code = :code",
        "SELECT shipment_line_id, accepted FROM shipment_code WHERE code = :code",
        "SELECT return_line_id FROM return_code WHERE code = :code",
        "SELECT item_id FROM trace_product WHERE prefix = substr(:code, 1, 7) AND replaced_at IS NULL",
    )
)


def _bare(codes: list[str]) -> None:
    for code in codes:
        connection = db.session.connection()
        for statement in _BARE:
            connection.execute(statement, {"code": code}).all()


def _lives(codes: list[str], on: date) -> None:
    for code in codes:
        assert life_of_pack(code, SYSTEM, on=on).events


def _turn_by_turn(ours_first: list[str], bare_first: list[str], on: date) -> tuple[Seconds, Seconds]:
    """What the lives of all these codes take, and their bare selects."""
    ours, _ = timed(partial(_lives, ours_first, on))
    bare, _ = timed(partial(_bare, ours_first))
    bare_too, _ = timed(partial(_bare, bare_first))
    ours_too, _ = timed(partial(_lives, bare_first, on))
    return ours.plus(ours_too), bare.plus(bare_too)


def measure_traces(
    app: Flask, stage: Stage, codes: dict[str, int], rounds: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """The look-up of codes of all months, and the clues of the last month, turn by turn with their floors."""
    with app.app_context():
        by = PROCESSOR if db.engine.dialect.name == "sqlite" else CLOCK
        some = list(
            db.session.scalars(
                text(
                    "SELECT c.code FROM sale_line s JOIN sale_code c ON c.sale_line_id = s.id"
                    " WHERE s.id % :part = 0 LIMIT :most"
                ),
                {
                    "part": max(1, stage.sale_lines // (_LOOK_UPS * rounds + _BEFORE)),
                    "most": _LOOK_UPS * rounds + _BEFORE,
                },
            )
        )
        # The statements are made, and on PostgreSQL prepared and planned, before the clock runs.
        _lives(some[:_BEFORE], stage.on)
        _bare(some[:_BEFORE])
        single, whole = Rounds(), Rounds()
        found: list[Finding] = []
        for number in range(rounds):
            say(f"{stage.months} months: round {number + 1}")
            gc.collect()
            # Codes that nobody has asked for: their pages may lie on the disk. Each side is the first for one half of them.
            codes_asked = some[_BEFORE + number :: rounds]
            ours, lean = _turn_by_turn(codes_asked[::2], codes_asked[1::2], stage.on)
            single.add(ours, lean)
            single.close()
            ours, found = timed(lambda: check(Scope(stage.on), RULES))
            lean, _ = timed(lambda: db.session.execute(text(_floor_of_month(stage))).all())
            whole.add(ours, lean)
            whole.close()
            db.session.rollback()
        comparisons = (
            Comparison(
                f"the lives of {_LOOK_UPS} codes",
                "bare indexed selects of the same codes in the same tables",
                GOAL,
                True,
                single,
                CLOCK,
            ),
            Comparison(
                "the clues of a month",
                "the month's codes with line, product and acceptance added up; no rule, no clue",
                GOAL,
                True,
                whole,
                by,
            ),
        )
        return {
            "months": stage.months,
            "rows": {"sale lines": stage.sale_lines} | codes,
            "as_of": stage.on.isoformat(),
            "findings": len(found),
            "comparisons": [one.as_dict() for one in comparisons],
        }


def first_month(months: int) -> Month:
    """The first month of a history that ends with the month before this one, as ``supervised`` makes it."""
    return Month.of(clock.now().date()).plus(-months)
