"""What the counter says before a sale is saved: the amount it proposes, and what would be wrong with another (R-PRICE).

The warnings are the checks' own rules asked beforehand, so that who heeds them is never found. They stop nobody: a
sale that happened is to be written down as it was.

>>> terms = Terms(pack_size=28, posted=None, base=Decimal("3.36"), rate=Decimal(0), rounding=MarkupRounding.HALF_UP)
>>> propose(terms, 10).amount
Decimal('1.20')
>>> [one.kind.value for one in warnings(terms, 10, Decimal("1.25"), on_hand=4)]
['over_allowed', 'beyond_stock']
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from clinic_orders.rules.findings import rounded
from clinic_orders.rules.markup import (
    CENT,
    MarkupRounding,
    SaleSeen,
    allowed_amount,
    exact_worth,
    judge_sale,
    shelf_excess,
    written,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """By what the sale of an item is looked at on a day.

    Attributes:
        pack_size: base units of a pack.
        posted: the price of a pack on the tag; None if none is posted.
        base: the base price of a pack; None = no price.
        rate: the allowed rate; None = no promise, nothing is judged.
        rounding: policy ``markup.rounding``.

    """

    pack_size: int
    posted: Decimal | None
    base: Decimal | None
    rate: Decimal | None
    rounding: MarkupRounding

    def allowed(self, base_units: int) -> Decimal | None:
        """The most that may be taken (R-PRICE-3); None where nothing is judged."""
        if self.base is None or self.rate is None:
            return None
        return allowed_amount(
            self.base, self.rate, base_units=base_units, pack_size=self.pack_size, rounding=self.rounding
        )

    def at_posted(self, base_units: int) -> Decimal | None:
        """What the units cost by the tag (R-PRICE-5)."""
        if self.posted is None:
            return None
        return rounded(exact_worth(self.posted, base_units=base_units, pack_size=self.pack_size), CENT)


class Basis(StrEnum):
    """On what a proposed amount rests."""

    POSTED = "posted"
    ALLOWED = "allowed"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class Proposed:
    """An amount in yuan, on what it rests, and the sum behind it."""

    amount: Decimal
    basis: Basis
    formula: str


def _worth(price: Decimal, base_units: int, pack_size: int) -> str:
    return f"{written(price)} × {base_units} ÷ {pack_size}"


def propose(terms: Terms, base_units: int) -> Proposed | None:
    """What to take for so many base units: what the tag says, but never more than what is allowed; else what is allowed.

    Without a promised rate the price of the pack is proposed; None where no price is known.

    >>> dear = Terms(1, Decimal("4.10"), Decimal("3.50"), Decimal("0.15"), MarkupRounding.HALF_UP)
    >>> propose(dear, 1)
    Proposed(amount=Decimal('4.03'), basis=<Basis.ALLOWED: 'allowed'>, formula='3.50 × (1 + 0.15) × 1 ÷ 1 = 4.03')
    """
    posted, allowed = terms.at_posted(base_units), terms.allowed(base_units)
    if posted is not None and terms.posted is not None and (allowed is None or posted <= allowed):
        return Proposed(
            posted, Basis.POSTED, f"{_worth(terms.posted, base_units, terms.pack_size)} = {posted}"
        )
    if allowed is not None:
        return Proposed(allowed, Basis.ALLOWED, f"{_allowed_formula(terms, base_units)} = {allowed}")
    if terms.base is not None:
        amount = rounded(exact_worth(terms.base, base_units=base_units, pack_size=terms.pack_size), CENT)
        return Proposed(amount, Basis.PRICE, f"{_worth(terms.base, base_units, terms.pack_size)} = {amount}")
    return None


def _allowed_formula(terms: Terms, base_units: int) -> str:
    return (
        f"{written(terms.base or Decimal(0))} × (1 + {written(terms.rate or Decimal(0))})"
        f" × {base_units} ÷ {terms.pack_size}"
    )


class SaleWarningKind(StrEnum):
    """What would be wrong with a sale."""

    OVER_ALLOWED = "over_allowed"
    OVER_POSTED = "over_posted"
    BEYOND_STOCK = "beyond_stock"


@dataclass(frozen=True, slots=True)
class SaleWarning:
    """One thing that would be wrong: the formula with its numbers, the limit and by how much it is passed.

    ``limit`` and ``excess`` are yuan, for ``BEYOND_STOCK`` base units.
    """

    kind: SaleWarningKind
    formula: str
    limit: Decimal
    excess: Decimal


def warnings(terms: Terms, base_units: int, amount: Decimal, *, on_hand: int | None) -> list[SaleWarning]:
    """What would be wrong with taking an amount for so many base units.

    Args:
        terms: of the item and day.
        base_units: above 0.
        amount: in yuan.
        on_hand: base units that are there by the books; None = nothing is known.

    """
    found = []
    # Which day and number it has makes no difference to what it may cost.
    sale = SaleSeen("", "", date.min, base_units, amount)
    over = judge_sale(
        sale, base=terms.base, rate=terms.rate, pack_size=terms.pack_size, rounding=terms.rounding
    )
    if over is not None:
        formula = f"{_allowed_formula(terms, base_units)} = {over.allowed} < {amount}"
        found.append(SaleWarning(SaleWarningKind.OVER_ALLOWED, formula, over.allowed, over.excess))
    above = shelf_excess(sale, terms.posted, pack_size=terms.pack_size)
    at_posted = terms.at_posted(base_units)
    if above > 0 and terms.posted is not None and at_posted is not None:
        formula = f"{_worth(terms.posted, base_units, terms.pack_size)} = {at_posted} < {amount}"
        found.append(SaleWarning(SaleWarningKind.OVER_POSTED, formula, at_posted, above))
    if on_hand is not None and base_units > on_hand:
        found.append(
            SaleWarning(
                SaleWarningKind.BEYOND_STOCK,
                f"{base_units} > {on_hand}",
                Decimal(on_hand),
                Decimal(base_units - on_hand),
            )
        )
    return found


def refund(amount: Decimal, *, sold: int, returned: int, refunded: Decimal, coming_back: int) -> Decimal:
    """What is given back for units that come back: their part of what was taken, less what was given back before.

    The last unit brings back exactly what is left, so that a full return leaves 0.00.

    >>> refund(Decimal("1.00"), sold=3, returned=0, refunded=Decimal(0), coming_back=1)
    Decimal('0.33')
    >>> refund(Decimal("1.00"), sold=3, returned=1, refunded=Decimal("0.33"), coming_back=2)
    Decimal('0.67')
    """
    part = rounded(exact_worth(amount, base_units=returned + coming_back, pack_size=sold), CENT)
    return max(part - refunded, Decimal("0.00"))
