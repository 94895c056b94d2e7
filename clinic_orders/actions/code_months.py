"""Part the trace codes of sales into months on PostgreSQL: each month in a table of its own (``models.sales``)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import text

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.parties import Actor, Permission

_AHEAD: Final = 2


@transactional
def add_code_months(*, by: Actor, at: datetime) -> list[Month]:
    """Make the tables of this month, the next two and every month whose codes have come without one; safe to repeat.

    SQLite keeps all in one table, so there is nothing to do.

    Args:
        by: the clock, or whoever runs the job.
        at: when; the months run from this one on.

    Returns:
        the months that were made.

    """
    by.need(Permission.JOBS_RUN)
    if db.session.connection().dialect.name != "postgresql":
        return []
    wanted = {Month.of(day_in_china(at))}
    for _ in range(_AHEAD):
        wanted.add(max(wanted).next())
    waiting = db.session.scalars(
        text("SELECT DISTINCT date_trunc('month', sold_on)::date FROM sale_code_rest")
    )
    wanted.update(Month.of(first) for first in waiting.all())
    made = [month for month in sorted(wanted) if not _is_there(month)]
    for month in made:
        _make(month)
    if made:
        audit.record(
            "add_code_months",
            by=by,
            at=at,
            subject_type="job",
            subject=", ".join(map(str, made))[:128],
            after={"months": [str(month) for month in made]},
        )
    return made


def _table(month: Month) -> str:
    return f"sale_code_{month.first_day:%Y_%m}"


def _is_there(month: Month) -> bool:
    return db.session.scalar(text("SELECT to_regclass(:name)"), {"name": _table(month)}) is not None


def _make(month: Month) -> None:
    """A table with what waits for it, and then a part of the whole; nobody sees it half done."""
    first, following = month.first_day, month.next().first_day
    connection = db.session.connection()
    days: dict[str, date] = {"first": first, "following": following}
    # The names are made of a year and a month; days are parameters where the statement takes any.
    name = _table(month)
    connection.execute(text(f"CREATE TABLE {name} (LIKE sale_code INCLUDING ALL)"))
    connection.execute(
        text(
            "WITH moved AS (DELETE FROM sale_code_rest WHERE sold_on >= :first AND sold_on < :following RETURNING *)"  # noqa: S608
            f" INSERT INTO {name} SELECT * FROM moved"
        ),
        days,
    )
    connection.execute(
        text(f"ALTER TABLE sale_code ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{following}')")
    )
