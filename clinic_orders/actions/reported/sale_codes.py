"""The trace codes of sale lines go in here, and what came before is noted as repeated (R-TRACE-2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple, cast

from sqlalchemy import Table, text

from clinic_orders.actions.bulk import in_parts, insert_rows
from clinic_orders.models.base import db
from clinic_orders.models.sales import SaleCode

CODES: Final = cast("Table", SaleCode.__table__)
_NOTE: Final = """
    WITH known(code) AS ({known})
    INSERT INTO repeated_code (code, sale_line_id, sold_on)
    SELECT code, sale_line_id, sold_on FROM (
        SELECT t.code, t.sale_line_id, t.sold_on, count(*) OVER (PARTITION BY t.code) AS times
        FROM known CROSS JOIN sale_code t WHERE t.code = known.code
    ) AS seen
    WHERE times > 1
    ON CONFLICT DO NOTHING
"""


class SoldCode(NamedTuple):
    """A code on a sale line, and the day of the sale."""

    code: str
    sale_line_id: int
    sold_on: date


def store_codes(sold: Iterable[SoldCode]) -> None:
    """Store the codes of new sale lines inside of a deed; of those that stand on another line, too, all lines are noted.

    Two deeds at a time would not see each other's codes, so the second waits until the first has ended.
    """
    is_first = True
    for part in in_parts(sold, 2000):
        if is_first:
            is_first = False
            _wait_for_others()
        insert_rows(CODES, [one._asdict() for one in part])
        _note_repeated(sorted({one.code for one in part}))


def _wait_for_others() -> None:
    if db.session.connection().dialect.name == "postgresql":
        db.session.execute(text("LOCK TABLE repeated_code IN SHARE ROW EXCLUSIVE MODE"))


def _note_repeated(codes: Sequence[str]) -> None:
    """All lines of those codes that stand on more than one."""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            _NOTE.format(known="SELECT code FROM unnest(%s::varchar[]) AS given(code)"), (list(codes),)
        )
        return
    for part in in_parts(codes, 500):
        places = ", ".join(["(?)"] * len(part))
        connection.exec_driver_sql(_NOTE.format(known=f"VALUES {places}"), tuple(part))
