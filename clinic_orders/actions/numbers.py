"""Numbers of papers: one series a kind and day, without doubles in any number of processes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from clinic_orders.models.base import db
from clinic_orders.models.orders import NumberSeries
from clinic_orders.rules.days import day_in_china

ORDER = "CG"  # 采购单
SHIPMENT = "PS"  # 配送单, which is the receipt's number too
RETURN = "TH"  # 退货单


def next_numbers(prefix: str, count: int = 1, *, at: datetime) -> list[str]:
    """The next numbers of a day's series, for example ``CG20261120-0019``.

    One statement raises the series and answers its new end, so two processes never get the same number; on
    PostgreSQL the row stays locked until the transaction ends, hence it is asked for late in a deed.
    """
    series = f"{prefix}{day_in_china(at):%Y%m%d}"
    bind = db.session.get_bind()
    insert = postgresql_insert if bind.dialect.name == "postgresql" else sqlite_insert
    statement = insert(NumberSeries).values(series=series, last=count)
    last = db.session.execute(
        statement.on_conflict_do_update(
            index_elements=[NumberSeries.series], set_={"last": NumberSeries.last + count}
        ).returning(NumberSeries.last)
    ).scalar_one()
    return [f"{series}-{number:04d}" for number in range(last - count + 1, last + 1)]
