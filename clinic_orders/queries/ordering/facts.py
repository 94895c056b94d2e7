"""What a line is held against, gathered once for a cart (R-ORD-3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from clinic_orders.queries.ordering.buyers import Buyer
from clinic_orders.queries.ordering.drafts import DraftRow
from clinic_orders.queries.ordering.history import duplicates
from clinic_orders.queries.ordering.items import ItemRow
from clinic_orders.queries.ordering.relations import Relations
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.order_refusals import EarlierOrder, LineRequest
from clinic_orders.rules.policy import PolicyBook

SUBMISSION_POLICY = (
    "order.max_packs",
    "order.duplicate_days",
    "order.confirm_days",
    "order.emergency_hours",
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
) -> Facts:
    """Gather the facts of a cart: two statements, one for an emergency, which asks about no duplicates.

    With ``known`` the duplicates have been asked for already.
    """
    if known is None:
        known = (
            {} if emergency else duplicates(buyer.institution_id, at=at, on=on, book=book, draft_id=draft_id)
        )
    return Facts(
        buyer=buyer,
        relations=Relations(buyer.institution_id, buyer.county_code, on, draft_id=draft_id),
        duplicates=known,
        max_packs=book.whole("order.max_packs", on=on),
        emergency=emergency,
        emergency_reason=reason,
    )


def ordering_policy() -> PolicyBook:
    """The parameters of the order page and of a submission, one statement."""
    return policy_book(*SUBMISSION_POLICY, "stocking.minimum", "stocking.window_days")
