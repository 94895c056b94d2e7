"""Numbers of papers: one series a kind and day, without doubles in any number of processes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from clinic_orders.models.base import committed_at_once, db
from clinic_orders.models.orders import NumberSeries
from clinic_orders.rules.days import day_in_china

ORDER = "CG"  # 采购单
SHIPMENT = "PS"  # 配送单, which is the receipt's number too
RETURN = "TH"  # 退货单
PAYMENT = "FK"  # 付款
REFUND = "TK"  # 退款
LINK = "ZF"  # 支付链接
SALE = "LS"  # 零售记录
LOSS = "SH"  # 损耗记录
COMPLAINT = "TS"  # 投诉

# As they are given out here; the last number of a series must fit into its column.
_GIVEN_OUT = re.compile(rf"((?:{ORDER}|{SHIPMENT}|{RETURN})[0-9]{{8}})-([0-9]{{4,9}})")

_TABLE: Any = NumberSeries.__table__
_INSERTS = (("postgresql", postgresql_insert(_TABLE)), ("sqlite", sqlite_insert(_TABLE)))
_RAISE = {
    name: statement.on_conflict_do_update(
        index_elements=["series"], set_={"last": _TABLE.c.last + statement.excluded.last}
    ).returning(_TABLE.c.last)
    for name, statement in _INSERTS
}
# The number is on the disk not later than what bears it, since both go into one log: it need not wait there by itself.
_RAISE_AT_ONCE = _RAISE | {
    "postgresql": _RAISE["postgresql"].returning(func.set_config("synchronous_commit", "off", True))
}
_RAISE_TO = {
    name: statement.on_conflict_do_update(
        index_elements=["series"],
        set_={"last": statement.excluded.last},
        where=_TABLE.c.last < statement.excluded.last,
    )
    for name, statement in _INSERTS
}


def next_numbers(prefix: str, count: int = 1, *, at: datetime) -> list[str]:
    """The next numbers of a day's series, for example ``CG20261120-0019``.

    One statement raises the series and answers its new end, so two processes never get the same number. It is committed
    at once where the database has many writers: else everybody who orders would wait for whoever is just ordering. A
    deed that is undone leaves a gap there (decision 0058).
    """
    series = f"{prefix}{day_in_china(at):%Y%m%d}"
    with committed_at_once() as connection:
        raised = connection.execute(
            _RAISE_AT_ONCE[connection.dialect.name], {"series": series, "last": count}
        )
        last = int(raised.scalar_one())
    return [f"{series}-{number:04d}" for number in range(last - count + 1, last + 1)]


def next_of_year(word: str, year: int) -> int:
    """The next serial number of a word and year, without gaps: a deed that is undone gives its number back.

    The row of the series stays locked until the transaction ends, hence it is asked for late in a deed.
    """
    connection = db.session.connection()
    raised = connection.execute(_RAISE[connection.dialect.name], {"series": f"{word}〔{year}〕", "last": 1})
    return int(raised.scalar_one())


def pass_over(numbers: Iterable[str]) -> None:
    """Never give out numbers that came from elsewhere, such as those of imported papers of this very day."""
    last: dict[str, int] = {}
    for number in numbers:
        found = _GIVEN_OUT.fullmatch(number)
        if found is not None:
            last[found[1]] = max(last.get(found[1], 0), int(found[2]))
    if last:
        rows = [{"series": series, "last": number} for series, number in sorted(last.items())]
        with committed_at_once() as connection:
            connection.execute(_RAISE_TO[connection.dialect.name], rows)
