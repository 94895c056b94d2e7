"""The trace codes of sale lines go in here, and what came before is noted as repeated (R-TRACE-2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple, cast

from sqlalchemy import Table, text

from clinic_orders.actions.bulk import in_parts, insert_rows
from clinic_orders.models.base import db
from clinic_orders.models.sales import SaleCode

CODES: Final = cast("Table", SaleCode.__table__)


class SoldCode(NamedTuple):
    """A code on a sale line, and the day of the sale."""

    code: str
    sale_line_id: int
    sold_on: date


def store_codes(sold: Iterable[SoldCode]) -> None:
    """Store the codes of new sale lines inside of a deed; those that stand on another line already are noted.

    Two deeds at a time would not see each other's codes, so the second waits until the first has ended.
    """
    is_first = True
    for part in in_parts(sold, 2000):
        if is_first:
            is_first = False
            _wait_for_others()
        _note_repeated(part)
        insert_rows(CODES, [one._asdict() for one in part])


def _wait_for_others() -> None:
    if db.session.connection().dialect.name == "postgresql":
        db.session.execute(text("LOCK TABLE repeated_code IN SHARE ROW EXCLUSIVE MODE"))


def _note_repeated(sold: Sequence[SoldCode]) -> None:
    times = Counter(one.code for one in sold)
    codes, twice = sorted(times), sorted(code for code, count in times.items() if count > 1)
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "INSERT INTO repeated_code (code) SELECT k.code FROM unnest(%s::varchar[]) AS k(code)"
            " WHERE EXISTS (SELECT 1 FROM sale_code t WHERE t.code = k.code) ON CONFLICT DO NOTHING",
            (codes,),
        )
    else:
        for part in in_parts(codes, 500):
            places = ", ".join(["(?)"] * len(part))
            connection.exec_driver_sql(
                f"WITH k(code) AS (VALUES {places}) INSERT OR IGNORE INTO repeated_code (code) "  # noqa: S608
                "SELECT k.code FROM k CROSS JOIN sale_code t ON t.code = k.code",
                tuple(part),
            )
    for part in in_parts(twice, 500):
        connection.execute(
            text("INSERT INTO repeated_code (code) VALUES (:code) ON CONFLICT DO NOTHING"),
            [{"code": code} for code in part],
        )
