"""Listed products that are not selected ones here, with their price-risk labels (policy.md 4.4)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import func, select

from clinic_orders.models.base import db
from clinic_orders.models.monitoring import ListedProduct
from clinic_orders.queries.lists import with_words
from clinic_orders.rules.price_labels import Anchors, Lines, ProductStatus, RiskLabel, label_of, lines_of

LABEL_SORTS: Final = frozenset({"label", "name", "price"})
_ORDER: Final = {
    RiskLabel.RED: 0,
    RiskLabel.YELLOW_RED: 1,
    RiskLabel.YELLOW: 2,
    RiskLabel.UNKNOWN: 3,
    RiskLabel.NONE: 4,
}


class LabelledProduct(NamedTuple):
    """A product at its listed price of the day, with its label and the lines that decide."""

    code: str
    variety: str
    name: str
    manufacturer: str
    status: ProductStatus
    price: Decimal
    listed_from: date
    anchors: Anchors
    label: RiskLabel
    lines: Lines


def labelled_products(
    *, on: date, words: str = "", label: RiskLabel | None = None, sort: str = "label"
) -> list[LabelledProduct]:
    """The products as they are listed on a day, the gravest label first; one statement."""
    row = ListedProduct
    place = (
        func.row_number().over(partition_by=row.product_code, order_by=row.listed_from.desc()).label("place")
    )
    newest = select(row.id, place).where(row.replaced_at.is_(None), row.listed_from <= on).subquery()
    statement = (
        select(row)
        .join(newest, newest.c.id == row.id)
        .where(newest.c.place == 1)
        .order_by(row.variety, row.product_code)
    )
    statement = statement.where(
        *with_words(words, row.variety, row.product_name, row.manufacturer, row.product_code)
    )
    found = []
    for one in db.session.scalars(statement):
        status = ProductStatus(one.status)
        anchors = Anchors(one.own_selected_price, one.highest_selected_price, one.highest_listed_price)
        found.append(
            LabelledProduct(
                one.product_code, one.variety, one.product_name, one.manufacturer, status, one.price,
                one.listed_from, anchors, label_of(status, one.price, anchors), lines_of(status, anchors),
            )
        )  # fmt: skip
    rows = [one for one in found if label is None or one.label is label]
    key = sort.removeprefix("-")
    if key == "label":
        rows.sort(key=lambda one: _ORDER[one.label])
    elif key == "price":
        rows.sort(key=lambda one: one.price)
    return rows[::-1] if sort.startswith("-") else rows
