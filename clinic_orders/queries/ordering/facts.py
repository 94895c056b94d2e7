"""What a line is held against, gathered once for a cart (R-ORD-3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from clinic_orders.queries.arrears import running_holds
from clinic_orders.queries.ordering.buyers import Buyer
from clinic_orders.queries.ordering.drafts import DraftRow
from clinic_orders.queries.ordering.history import duplicates
from clinic_orders.queries.ordering.items import ItemRow
from clinic_orders.queries.ordering.relations import Relations
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.order_refusals import EarlierOrder, Hold, LineRequest
from clinic_orders.rules.payment_holds import HoldScope, RunningHold, stopping
from clinic_orders.rules.policy import PolicyBook

SUBMISSION_POLICY = (
    "order.max_packs",
    "order.duplicate_days",
    "order.confirm_days",
    "order.emergency_hours",
    "payment.hold_after_days",
    "payment.hold_scope",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything beside the line itself that decides whether it can go, gathered once for a cart."""

    buyer: Buyer
    relations: Relations
    duplicates: Mapping[int, EarlierOrder]
    max_packs: int
    emergency: bool = False
    emergency_reason: str = ""
    paying_id: int = 0
    holds: Sequence[RunningHold] = ()
    hold_days: int = 0
    hold_scope: HoldScope = HoldScope.DISTRIBUTOR

    def paid_by(self, payer: str) -> Facts:
        """The same cart with another payer: ``receiver`` or ``orderer``."""
        return replace(self, paying_id=paying_of(self.buyer, payer))

    def hold_for(self, distributor_id: int | None) -> Hold | None:
        """What stops an order that would go to a distributor; None asked about, what stops all orders (R-PAY-5)."""
        if not self.holds:
            return None
        found = stopping(
            self.holds, paying_id=self.paying_id, distributor_id=distributor_id, scope=self.hold_scope
        )
        if found is None:
            return None
        return Hold(found.amount, self.hold_days, found.distributor, found.since)

    def request(self, item: ItemRow, line: DraftRow, packs_text: str) -> LineRequest:
        """The facts of one line for rules.order_refusals."""
        duplicate = self.duplicates.get(item.id)
        return LineRequest(
            packs_text=packs_text,
            max_packs=self.max_packs,
            is_member=self.buyer.is_member,
            has_letter=self.buyer.has_letter,
            is_suspended=self.buyer.suspended_until is not None,
            suspended_until=self.buyer.suspended_until,
            hold=self.hold_for(self.relations.distributor_of(item.id)) if self.holds else None,
            in_edition=item.in_edition,
            suits_kind=item.suits_kind(self.buyer.kind),
            has_price=item.price is not None,
            has_distributor=self.relations.distributor_of(item.id) is not None,
            picked_distributor=line.picked_distributor_id is not None,
            duplicate=duplicate,
            duplicate_confirmed=duplicate is not None
            and duplicate.order_no in line.confirmed_duplicates.split(";"),
            emergency_reason=self.emergency_reason if self.emergency else None,
        )


def facts(
    buyer: Buyer,
    *,
    at: datetime,
    on: date,
    book: PolicyBook,
    emergency: bool = False,
    reason: str = "",
    draft_id: int | None = None,
    known: dict[int, EarlierOrder] | None = None,
    payer: str = "receiver",
) -> Facts:
    """Gather the facts of a cart: two statements, one for an emergency, which asks about no duplicates.

    With ``known`` the duplicates have been asked for already. Where the policy has holds, one statement more asks for
    those of the receiver and of who orders, either of whom may pay; an emergency passes them.
    """
    if known is None:
        known = (
            {} if emergency else duplicates(buyer.institution_id, at=at, on=on, book=book, draft_id=draft_id)
        )
    days = None if emergency else book.whole_or_none("payment.hold_after_days", on=on)
    return Facts(
        buyer=buyer,
        relations=Relations(buyer.institution_id, buyer.county_code, on, draft_id=draft_id),
        duplicates=known,
        max_packs=book.whole("order.max_packs", on=on),
        emergency=emergency,
        emergency_reason=reason,
        paying_id=paying_of(buyer, payer),
        holds=() if days is None else running_holds({buyer.institution_id, buyer.ordering_id}),
        hold_days=days or 0,
        hold_scope=HoldScope(book.choice("payment.hold_scope", on=on)),
    )


def paying_of(buyer: Buyer, payer: str) -> int:
    """Who would pay: who orders if it was chosen, else the receiver (R-ORD-1)."""
    return buyer.ordering_id if payer == "orderer" else buyer.institution_id


def ordering_policy() -> PolicyBook:
    """The parameters of the order page and of a submission, one statement."""
    return policy_book(*SUBMISSION_POLICY, "stocking.minimum", "stocking.window_days")
