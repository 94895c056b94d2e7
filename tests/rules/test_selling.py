"""What the sale form proposes and warns of is what the checks would find (R-PRICE-3, R-PRICE-5)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules.markup import MarkupRounding, SaleSeen, judge_sale, shelf_excess
from clinic_orders.rules.reordering import Keeping, Use, UseSource, suggest
from clinic_orders.rules.selling import SaleWarningKind, Terms, propose, refund, warnings

prices = st.decimals("0.0100", "999", places=4)
terms = st.builds(
    Terms,
    pack_size=st.integers(1, 60),
    posted=st.none() | prices,
    base=st.none() | prices,
    rate=st.none() | st.decimals("0", "0.5", places=4),
    rounding=st.sampled_from(MarkupRounding),
)


@given(terms=terms, units=st.integers(1, 500), amount=st.decimals("0", "9999", places=2))
def test_a_warning_is_a_finding_foretold(terms: Terms, units: int, amount: Decimal) -> None:
    sale = SaleSeen("S1", "1", date(2026, 1, 1), units, amount)
    over = judge_sale(
        sale, base=terms.base, rate=terms.rate, pack_size=terms.pack_size, rounding=terms.rounding
    )
    above = shelf_excess(sale, terms.posted, pack_size=terms.pack_size)
    found = {one.kind: one.excess for one in warnings(terms, units, amount, on_hand=None)}
    assert found.get(SaleWarningKind.OVER_ALLOWED) == (over.excess if over else None)
    assert found.get(SaleWarningKind.OVER_POSTED) == (above or None)


@given(terms=terms, units=st.integers(1, 500))
def test_what_is_proposed_is_never_above_what_is_allowed(terms: Terms, units: int) -> None:
    proposed = propose(terms, units)
    allowed = terms.allowed(units)
    if proposed is not None and allowed is not None:
        assert proposed.amount <= allowed


@given(
    amount=st.decimals("0", "999", places=2),
    parts=st.lists(st.integers(1, 30), min_size=1, max_size=6),
)
def test_a_full_return_in_any_parts_gives_back_exactly_what_was_taken(
    amount: Decimal, parts: list[int]
) -> None:
    sold, returned, refunded = sum(parts), 0, Decimal(0)
    for units in parts:
        refunded += refund(amount, sold=sold, returned=returned, refunded=refunded, coming_back=units)
        returned += units
    assert refunded == amount


@given(
    used=st.integers(0, 3000),
    on_hand=st.integers(-50, 500),
    coming=st.integers(0, 500),
    pack_size=st.integers(1, 60),
)
def test_a_suggestion_covers_the_days_and_no_whole_pack_more(
    used: int, on_hand: int, coming: int, pack_size: int
) -> None:
    keeping = Keeping()
    use = Use(used, 90, UseSource.SALES)
    found = suggest(use, on_hand=on_hand, under_way=coming, pack_size=pack_size, keeping=keeping)
    need = use.daily * (keeping.lead_days + keeping.cover_days)
    there = max(0, on_hand) + coming
    assert there + found.packs * pack_size >= need
    assert found.packs == 0 or there + (found.packs - 1) * pack_size < need
