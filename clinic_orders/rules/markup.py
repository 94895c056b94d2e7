"""What a sale may cost and what is over it (rules section 8: R-PRICE-1 to R-PRICE-6).

All amounts are yuan; quantities are base units. A rate is a share: 0.15 is 15 %.

>>> allowed_amount(Decimal("3.50"), Decimal("0.15"), base_units=1, pack_size=1)
Decimal('4.03')
>>> allowed_amount(Decimal("3.36"), Decimal(0), base_units=10, pack_size=28)
Decimal('1.20')
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from clinic_orders.rules.findings import CheckRule, Finding, Grade, rounded

CENT: Final = Decimal("0.01")


class MarkupBase(StrEnum):
    """The values of policy ``markup.base`` (R-PRICE-2)."""

    HIGHER_OF = "higher_of"
    PURCHASE_PRICE = "purchase_price"
    SELECTED_PRICE = "selected_price"


class MarkupRounding(StrEnum):
    """The values of policy ``markup.rounding`` (R-PRICE-3)."""

    HALF_UP = "half_up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class PurchaseSeen:
    """An acceptance of the item by the institution, accepted packs above 0.

    Attributes:
        day: its day in China.
        accepted_at, receipt_no: the order of acceptances.
        pack_price: the frozen price of the order line.

    """

    day: date
    accepted_at: datetime
    receipt_no: str
    pack_price: Decimal


@dataclass(frozen=True, slots=True)
class SaleSeen:
    """A line of a sale of a catalogue item.

    Attributes:
        sale_no, line_no: its number.
        day: of the sale, in China.
        base_units: above 0 for a sale, below 0 for a customer's return.
        amount: what was taken, in yuan.

    """

    sale_no: str
    line_no: str
    day: date
    base_units: int
    amount: Decimal


def allowed_rate(promised: Decimal | None, cap: Decimal | None) -> Decimal | None:
    """The markup rate that holds on a day: the lower of letter and cap (R-PRICE-1).

    Args:
        promised: of the commitment letter in force; None if there is none or it names no rate.
        cap: policy ``markup.cap`` for the kind; None if not set.

    Returns:
        the share; None if neither exists, then nothing is judged ("no promise").

    >>> allowed_rate(Decimal("0.10"), Decimal("0.15")), allowed_rate(None, Decimal("0.15")), allowed_rate(None, None)
    (Decimal('0.10'), Decimal('0.15'), None)

    """
    given = [rate for rate in (promised, cap) if rate is not None]
    return min(given) if given else None


def base_price(
    base: MarkupBase,
    selected: Decimal | None,
    purchases: Iterable[PurchaseSeen],
    *,
    on: date,
    base_days: int,
) -> Decimal | None:
    """The price of a pack from which the markup is counted on a day of sale (R-PRICE-2).

    Args:
        base: policy ``markup.base``.
        selected: the selected price in force on the day; None if there is none.
        purchases: the institution's acceptances of the item, in any order; later ones than the day are left out.
        on: the day of sale.
        base_days: policy ``markup.base_days``.

    Returns:
        yuan of a pack; None if no price is known ("no price").

    >>> from datetime import UTC
    >>> old = PurchaseSeen(date(2026, 1, 5), datetime(2026, 1, 5, tzinfo=UTC), "PS1", Decimal("4.00"))
    >>> new = PurchaseSeen(date(2026, 5, 1), datetime(2026, 5, 1, tzinfo=UTC), "PS2", Decimal("3.00"))
    >>> at = date(2026, 5, 2)
    >>> base_price(MarkupBase.HIGHER_OF, Decimal("3.20"), [old, new], on=at, base_days=90)
    Decimal('3.20')
    >>> base_price(MarkupBase.HIGHER_OF, Decimal("3.20"), [old, new], on=at, base_days=120)
    Decimal('4.00')
    >>> base_price(MarkupBase.PURCHASE_PRICE, Decimal("3.20"), [old, new], on=at, base_days=90)
    Decimal('3.00')

    """
    if base is MarkupBase.SELECTED_PRICE:
        return selected
    seen = [one for one in purchases if one.day <= on]
    latest = max(seen, key=lambda one: (one.accepted_at, one.receipt_no), default=None)
    if base is MarkupBase.PURCHASE_PRICE:
        return latest.pack_price if latest else selected
    first = on - timedelta(days=base_days)
    prices = [one.pack_price for one in seen if one.day >= first]
    if latest:
        prices.append(latest.pack_price)
    if selected is not None:
        prices.append(selected)
    return max(prices, default=None)


def exact_worth(pack_price: Decimal, *, base_units: int, pack_size: int) -> Fraction:
    """What base units are worth at a price of a pack, not rounded."""
    return Fraction(pack_price) * base_units / pack_size


def allowed_amount(
    base: Decimal,
    rate: Decimal,
    *,
    base_units: int,
    pack_size: int,
    rounding: MarkupRounding = MarkupRounding.HALF_UP,
) -> Decimal:
    """The most that may be taken for a sale line, in yuan, at least 0.01 (R-PRICE-3).

    >>> allowed_amount(Decimal("3.50"), Decimal("0.15"), base_units=1, pack_size=1, rounding=MarkupRounding.DOWN)
    Decimal('4.02')
    >>> allowed_amount(Decimal("0.10"), Decimal(0), base_units=1, pack_size=100)
    Decimal('0.01')
    """
    exact = exact_worth(base, base_units=base_units, pack_size=pack_size) * (1 + Fraction(rate))
    amount = Decimal(int(exact * 100)).scaleb(-2) if rounding is MarkupRounding.DOWN else rounded(exact, CENT)
    return max(amount, CENT)


def line_rate(amount: Decimal, base: Decimal, *, base_units: int, pack_size: int) -> Fraction:
    """By what share a line is above its base price (R-PRICE-3); the base price must be above 0.

    >>> line_rate(Decimal("4.04"), Decimal("3.50"), base_units=1, pack_size=1)
    Fraction(27, 175)
    """
    return Fraction(amount) / exact_worth(base, base_units=base_units, pack_size=pack_size) - 1


@dataclass(frozen=True, slots=True)
class OverLine:
    """A sale line above what is allowed.

    Attributes:
        sale: the line.
        base, rate, allowed: the price of a pack it was judged by, the allowed rate, the allowed amount.

    """

    sale: SaleSeen
    base: Decimal
    rate: Decimal
    allowed: Decimal
    pack_size: int

    @property
    def excess(self) -> Decimal:
        """What was taken above the allowed amount, in yuan."""
        return self.sale.amount - self.allowed

    @property
    def worst_rate(self) -> Fraction:
        """The rate of the line."""
        return line_rate(
            self.sale.amount, self.base, base_units=self.sale.base_units, pack_size=self.pack_size
        )


def judge_sale(
    sale: SaleSeen,
    *,
    base: Decimal | None,
    rate: Decimal | None,
    pack_size: int,
    rounding: MarkupRounding,
) -> OverLine | None:
    """Whether a sale line is over its allowed amount (R-PRICE-3).

    A customer's return, a line without a base price and one without an allowed rate are not judged.
    """
    if sale.base_units <= 0 or base is None or rate is None:
        return None
    allowed = allowed_amount(base, rate, base_units=sale.base_units, pack_size=pack_size, rounding=rounding)
    return OverLine(sale, base, rate, allowed, pack_size) if sale.amount > allowed else None


def written(value: Decimal) -> str:
    """A price or rate as a formula has it: at least two decimals, and no zeros after them.

    >>> written(Decimal("3.3600")), written(Decimal("3.3650")), written(Decimal(0))
    ('3.36', '3.365', '0.00')
    """
    whole, _, decimals = f"{value:.4f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def over_markup(institution: str, item_code: str, month: str, lines: Sequence[OverLine]) -> Finding | None:
    """The finding of one institution, item and month (R-PRICE-4); None where no line is over.

    >>> sale = SaleSeen("S1", "1", date(2026, 1, 3), 1, Decimal("4.04"))
    >>> line = judge_sale(sale, base=Decimal("3.50"), rate=Decimal("0.15"), pack_size=1, rounding=MarkupRounding.HALF_UP)
    >>> over_markup("C001", "X1", "2026-01", [line]).as_json()["worst_rate"]
    '0.1543'
    """
    if not lines:
        return None
    worst = max(lines, key=lambda one: one.worst_rate)
    excess = sum((one.excess for one in lines), Decimal(0))
    return Finding(
        CheckRule.OVER_MARKUP,
        Grade.VIOLATION,
        institution=institution,
        distributor=None,
        key=item_code,
        period=month,
        formula=(
            f"allowed = {written(worst.base)} × (1 + {written(worst.rate)})"
            f" × {worst.sale.base_units} / {worst.pack_size}"
            f" → {worst.allowed}; {worst.sale.amount} > {worst.allowed}; Σ excess = {excess}"
        ),
        figures={
            "lines": len(lines),
            "base_units": sum(one.sale.base_units for one in lines),
            "excess": excess,
            "worst_rate": worst.worst_rate,
        },
        rows=tuple(("sale", f"{one.sale.sale_no}/{one.sale.line_no}") for one in lines),
    )


@dataclass(frozen=True, slots=True)
class Posted:
    """A posted price of a pack 双标签 from a day on (R-PRICE-5)."""

    day: date
    price: Decimal


def posted_price(posted: Iterable[Posted], *, on: date) -> Decimal | None:
    """The price of a pack latest posted on or before a day; None if none was (R-PRICE-5)."""
    found = max((one for one in posted if one.day <= on), key=lambda one: one.day, default=None)
    return found.price if found else None


def shelf_excess(sale: SaleSeen, posted: Decimal | None, *, pack_size: int) -> Decimal:
    """What was taken above the posted price, in yuan; 0.00 where nothing was, or nothing is posted (R-PRICE-5).

    >>> sale = SaleSeen("S1", "1", date(2026, 1, 3), 10, Decimal("1.25"))
    >>> shelf_excess(sale, Decimal("3.36"), pack_size=28)
    Decimal('0.05')
    """
    if posted is None or sale.base_units <= 0:
        return Decimal("0.00")
    worth = rounded(exact_worth(posted, base_units=sale.base_units, pack_size=pack_size), CENT)
    return max(sale.amount - worth, Decimal("0.00"))


def posting_excess(
    posted: Decimal, *, base: Decimal | None, rate: Decimal | None, pack_size: int, rounding: MarkupRounding
) -> Decimal:
    """By what a posted price is above the allowed price of one pack, in yuan; 0.00 if it is not (R-PRICE-5).

    A price may have four decimals and an amount has two: whoever posts exactly base × (1 + rate) posts nothing above
    what is allowed, also where the amount of one pack is rounded down.

    >>> posting_excess(
    ...     Decimal("4.10"), base=Decimal("3.50"), rate=Decimal("0.15"), pack_size=1, rounding=MarkupRounding.HALF_UP)
    Decimal('0.07')
    >>> posting_excess(
    ...     Decimal("3.362"), base=Decimal("3.362"), rate=Decimal(0), pack_size=28, rounding=MarkupRounding.HALF_UP)
    Decimal('0.00')
    """
    if base is None or rate is None or Fraction(posted) <= Fraction(base) * (1 + Fraction(rate)):
        return Decimal("0.00")
    allowed = allowed_amount(base, rate, base_units=pack_size, pack_size=pack_size, rounding=rounding)
    return max(posted - allowed, Decimal("0.00"))


def over_shelf_price(
    institution: str,
    item_code: str,
    month: str,
    *,
    sales: Sequence[tuple[SaleSeen, Decimal]],
    postings: Sequence[tuple[Posted, Decimal]],
) -> Finding | None:
    """Sales above the posted price and postings above the allowed price, of one institution, item and month.

    A posting counts 0 lines; the excess of the finding is the sum of both (R-PRICE-5).

    Args:
        institution: its code.
        item_code: of the item.
        month: ``YYYY-MM``.
        sales: each sale line above the posted price with its excess.
        postings: each posting above the allowed price with its excess of a pack.

    """
    if not sales and not postings:
        return None
    excess = sum((one[1] for one in [*sales, *postings]), Decimal(0))
    parts = [written(one[1]) for one in [*sales, *postings]]
    shown = " + ".join(parts[:3]) + (" + …" if len(parts) > 3 else "")
    return Finding(
        CheckRule.OVER_SHELF_PRICE,
        Grade.VIOLATION,
        institution=institution,
        distributor=None,
        key=item_code,
        period=month,
        formula=f"Σ excess = {shown} = {written(excess)}; lines = {len(sales)}",
        figures={"lines": len(sales), "excess": excess},
        rows=(
            *(("sale", f"{sale.sale_no}/{sale.line_no}") for sale, _ in sales),
            *(("posting", posted.day.isoformat()) for posted, _ in postings),
        ),
    )


def tied_sale(
    institution: str,
    item_code: str,
    month: str,
    *,
    receipts: int,
    with_product: int,
    product: str,
    min_receipts: int,
    share: Decimal,
) -> Finding | None:
    """The clue that an item is sold together with one other product (搭售, R-PRICE-6).

    Args:
        institution: its code.
        item_code: of the item.
        month: ``YYYY-MM``.
        receipts: sale receipts of the month with the item, customer returns apart.
        with_product: of these, those that also have the product.
        product: name of the non-catalogue product.
        min_receipts: policy ``tied.min_receipts``.
        share: policy ``tied.share``.

    >>> tied_sale("C1", "X1", "2026-01", receipts=20, with_product=16, product="Vitamin",
    ...           min_receipts=20, share=Decimal("0.80")).key
    'X1+Vitamin'
    >>> tied_sale("C1", "X1", "2026-01", receipts=19, with_product=19, product="Vitamin",
    ...           min_receipts=20, share=Decimal("0.80"))

    """
    if receipts < min_receipts or receipts == 0:
        return None
    found = Fraction(with_product, receipts)
    if found < Fraction(share):
        return None
    return Finding(
        CheckRule.TIED_SALE,
        Grade.CLUE,
        institution=institution,
        distributor=None,
        key=f"{item_code}+{product}",
        period=month,
        formula=f"{with_product} / {receipts} = {rounded(found, Decimal('0.0001'))} ≥ {share}",
        figures={"receipts": receipts, "share": found},
    )
