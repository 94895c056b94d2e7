"""What a line of a sale is (formats.md kind ``sales``): an item or another product, units and the amount taken.

>>> check_sale_line(item_code="LY001", other_product="", base_units=-10, amount=Decimal("-1.20"))
>>> check_sale_line(item_code="", other_product="", base_units=1, amount=Decimal(1))
Traceback (most recent call last):
clinic_orders.rules.sales.NeitherItemNorProduct: Write the item code; for a product outside the catalogue leave it empty and write the product's name.
"""

from __future__ import annotations

from decimal import Decimal

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.quantities import UnitsZero


class NeitherItemNorProduct(RuleBroken):
    """The line does not say what was sold."""

    message = N_(
        "Write the item code; for a product outside the catalogue leave it empty and write the product's name."
    )


class ItemAndProduct(RuleBroken):
    """The line names an item and another product."""

    message = N_(
        "A line is either an item or another product. Leave one of the two empty, or make it two lines."
    )


class SaleBelowZero(RuleBroken):
    """Goods went out and money too."""

    message = N_("%(amount)s is below 0, but units were sold. For a customer's return write negative units.")


class ReturnWithMoneyIn(RuleBroken):
    """A customer's return with a positive amount: stored, but worth a look."""

    message = N_("A customer's return usually has an amount below 0; %(amount)s is above.")


def check_sale_line(*, item_code: str, other_product: str, base_units: int, amount: Decimal) -> None:
    """Refuse a line that can't be a sale or a customer's return.

    High prices and missing codes are findings, no refusals: an import takes violations in.

    Raises:
        NeitherItemNorProduct, ItemAndProduct, UnitsZero, SaleBelowZero: what is wrong.

    """
    if not item_code and not other_product:
        raise NeitherItemNorProduct
    if item_code and other_product:
        raise ItemAndProduct
    if base_units == 0:
        raise UnitsZero
    if base_units > 0 and amount < 0:
        raise SaleBelowZero(amount=amount)
