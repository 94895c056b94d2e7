"""A small world of prices: three institutions of different kinds, three items, and rows written as they are stored."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, insert, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item, Price
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.roster import Commitment, Distributor, Institution, InstitutionRecord, Membership
from clinic_orders.models.sales import SaleLine, Settlement
from clinic_orders.models.stock import ShelfPrice, StockCount
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import day_in_china, start_of_day
from clinic_orders.rules.findings import Finding
from clinic_orders.rules.markup import (
    MarkupBase,
    MarkupRounding,
    Posted,
    PurchaseSeen,
    SaleSeen,
    allowed_rate,
    base_price,
    judge_sale,
    over_markup,
    over_shelf_price,
    posted_price,
    posting_excess,
    shelf_excess,
)
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.roster import CommitmentLetter, Days, is_in_force, letter_in_force
from tests.files_world import COUNTY, NOW, make_world, take_well

CLINIC, PHARMACY, PRIVATE = "0V01", "0P01", "0Q01"
CODES = (CLINIC, PHARMACY, PRIVATE)
ITEMS = ("LY001", "LY002", "LY003")
PACK_SIZE = 28
KINDS = {
    CLINIC: InstitutionKind.VILLAGE_CLINIC,
    PHARMACY: InstitutionKind.RETAIL_PHARMACY,
    PRIVATE: InstitutionKind.PRIVATE_INSTITUTION,
}
JOINED = date(2025, 1, 1)
_numbers = itertools.count(1)


def make_prices_world() -> None:
    """The world of files with a pharmacy and a private institution."""
    make_world()
    for code in (PHARMACY, PRIVATE):
        row = {
            "code": code,
            "name": code,
            "kind": KINDS[code],
            "county_code": COUNTY,
            "joined_on": JOINED,
        }
        take_well("institutions", row)
    db.session.commit()


def clear_prices() -> None:
    """Take out all that the tests write."""
    for table in (
        ReturnLine,
        GoodsReturn,
        ShipmentLine,
        Shipment,
        OrderEvent,
        OrderLine,
        Order,
        SaleLine,
        Settlement,
        ShelfPrice,
        StockCount,
        Price,
        Commitment,
        PolicyValue,
    ):
        db.session.execute(delete(table))
    db.session.commit()


def ids() -> tuple[dict[str, int], dict[str, int]]:
    """Row ids of institutions and of items by code."""
    institutions = db.session.execute(select(Institution.code, Institution.id))
    items = db.session.execute(select(Item.item_code, Item.id))
    return {row.code: row.id for row in institutions}, {row.item_code: row.id for row in items}


@dataclass
class Facts:
    """All that judges prices, as plain values; ``store`` writes it down and ``findings`` asks the rules."""

    prices: dict[str, list[tuple[date, Decimal]]] = field(default_factory=dict)
    letters: dict[str, list[CommitmentLetter]] = field(default_factory=dict)
    spells: dict[str, list[Days]] = field(default_factory=dict)
    states: dict[str, list[tuple[date, InstitutionKind]]] = field(default_factory=dict)
    policies: list[tuple[str, str, date, str]] = field(default_factory=list)
    purchases: dict[tuple[str, str], list[PurchaseSeen]] = field(default_factory=dict)
    sales: list[tuple[str, str, SaleSeen]] = field(default_factory=list)
    postings: dict[tuple[str, str], list[Posted]] = field(default_factory=dict)

    def rate(self, code: str, day: date, book: PolicyBook) -> Decimal | None:
        letter = letter_in_force(self.letters.get(code, ()), on=day)
        cap = book.decimal_or_none("markup.cap", kind=self.kind(code, day), scale="", on=day)
        return allowed_rate(letter.markup_rate if letter else None, cap)

    def kind(self, code: str, day: date) -> InstitutionKind:
        states = self.states.get(code) or [(JOINED, KINDS[code])]
        return max(one for one in states if one[0] <= day)[1]

    def member(self, code: str, day: date) -> bool:
        return is_in_force(self.spells.get(code) or [Days(JOINED)], on=day)

    def base(self, code: str, item: str, day: date, book: PolicyBook) -> Decimal | None:
        kind = self.kind(code, day)
        selected = max((one for one in self.prices.get(item, ()) if one[0] <= day), default=None)
        return base_price(
            MarkupBase(book.choice("markup.base", kind=kind, on=day)),
            selected[1] if selected else None,
            self.purchases.get((code, item), ()),
            on=day,
            base_days=book.whole("markup.base_days", kind=kind, on=day),
        )

    def findings(self, first: date, as_of: date, book: PolicyBook) -> list[Finding]:
        """What the plain rules say of a month up to a day, sale by sale."""
        found: list[Finding] = []
        month = f"{first:%Y-%m}"
        for code in CODES:
            for item in ITEMS:
                over, above, tagged = [], [], []
                tags = self.postings.get((code, item), [])
                for _, _, sale in sorted(
                    (one for one in self.sales if one[:2] == (code, item)),
                    key=lambda one: (one[2].day, one[2].sale_no, one[2].line_no),
                ):
                    if not first <= sale.day <= as_of or not self.member(code, sale.day):
                        continue
                    rounding = MarkupRounding(
                        book.choice("markup.rounding", kind=self.kind(code, sale.day), on=sale.day)
                    )
                    line = judge_sale(
                        sale,
                        base=self.base(code, item, sale.day, book),
                        rate=self.rate(code, sale.day, book),
                        pack_size=PACK_SIZE,
                        rounding=rounding,
                    )
                    over += [line] if line else []
                    excess = shelf_excess(sale, posted_price(tags, on=sale.day), pack_size=PACK_SIZE)
                    above += [(sale, excess)] if excess > 0 else []
                for tag in sorted(tags, key=lambda one: one.day):
                    if not first <= tag.day <= as_of or not self.member(code, tag.day):
                        continue
                    excess = posting_excess(
                        tag.price,
                        base=self.base(code, item, tag.day, book),
                        rate=self.rate(code, tag.day, book),
                        pack_size=PACK_SIZE,
                        rounding=MarkupRounding(
                            book.choice("markup.rounding", kind=self.kind(code, tag.day), on=tag.day)
                        ),
                    )
                    tagged += [(tag, excess)] if excess > 0 else []
                one = over_markup(code, item, month, over)
                two = over_shelf_price(code, item, month, sales=above, postings=tagged)
                found += [finding for finding in (one, two) if finding]
        return found

    def store(self) -> PolicyBook:
        """Write everything as rows; answers with the policy."""
        for item, rows in self.prices.items():
            for day, price in rows:
                put_price(item, day, price)
        for code, letters in self.letters.items():
            for letter in letters:
                put_letter(code, letter)
        for code in CODES:
            put_states(code, self.states.get(code), self.spells.get(code))
        for parameter, kind, day, value in self.policies:
            put_policy(parameter, kind, day, value)
        for (code, item), seen in self.purchases.items():
            for purchase in seen:
                put_purchase(code, item, purchase)
        for code, sold, sale in self.sales:
            put_sale(code, sold, sale)
        for (code, item), tags in self.postings.items():
            for tag in tags:
                put_posting(code, item, tag)
        db.session.commit()
        return policy_book()


def put_price(item: str, day: date, price: Decimal, *, at: datetime = NOW) -> None:
    db.session.execute(
        insert(Price).values(item_id=ids()[1][item], valid_from=day, pack_price=price, recorded_at=at)
    )


def put_letter(code: str, letter: CommitmentLetter, *, at: datetime = NOW) -> None:
    db.session.execute(
        insert(Commitment).values(
            institution_id=ids()[0][code],
            signed_on=letter.signed_on,
            version="1",
            markup_rate=letter.markup_rate,
            ends_on=letter.ends_on,
            recorded_at=at,
        )
    )


def put_policy(parameter: str, kind: str, day: date, value: str, *, at: datetime = NOW) -> None:
    db.session.execute(
        insert(PolicyValue).values(
            parameter=parameter, kind=kind, valid_from=day, value=value, recorded_at=at
        )
    )


def put_states(
    code: str, states: list[tuple[date, InstitutionKind]] | None, spells: list[Days] | None
) -> None:
    """The kinds and the memberships of an institution, in place of those it had."""
    states, spells = states or [(JOINED, KINDS[code])], spells or [Days(JOINED)]
    institution_id = ids()[0][code]
    for table in (InstitutionRecord, Membership):
        db.session.execute(delete(table).where(table.institution_id == institution_id))
    for place, (day, kind) in enumerate(sorted(states)):
        db.session.execute(
            insert(InstitutionRecord).values(
                institution_id=institution_id,
                valid_from=day,
                valid_before=sorted(states)[place + 1][0] if place + 1 < len(states) else None,
                name=code,
                kind=kind,
                county_code=COUNTY,
                joined_on=JOINED,
                recorded_at=NOW,
            )
        )
    for spell in spells:
        db.session.execute(
            insert(Membership).values(
                institution_id=institution_id, joined_on=spell.first, left_on=spell.last
            )
        )


def put_purchase(
    code: str,
    item: str,
    seen: PurchaseSeen,
    *,
    packs: int = 10,
    at: datetime = NOW,
    batch_id: int | None = None,
) -> None:
    """An order of one item that came whole and was accepted."""
    institutions, items = ids()
    institution_id = institutions[code]
    distributor_id = db.session.scalar(select(Distributor.id).where(Distributor.code == "D01"))
    number = next(_numbers)
    parties = {
        "institution_id": institution_id,
        "paying_id": institution_id,
        "distributor_id": distributor_id,
        "import_batch_id": batch_id,
        "recorded_at": at,
        "updated_at": at,
    }
    amount = (seen.pack_price * packs).quantize(Decimal("0.01"))
    order_id = _new(
        Order,
        order_no=f"A{number}",
        ordering_id=institution_id,
        mode="direct",
        submitted_at=seen.accepted_at - timedelta(days=3),
        answer_due_at=seen.accepted_at,
        answered_at=seen.accepted_at - timedelta(days=2),
        amount=amount,
        **parties,
    )
    line_id = _new(
        OrderLine,
        order_id=order_id,
        line_no=1,
        item_id=items[item],
        pack_price=seen.pack_price,
        packs=max(packs, 1),
        amount=amount,
        confirmed_packs=max(packs, 1),
        shipped_packs=max(packs, 1),
        accepted_packs=packs,
        rejected_packs=0 if packs else 1,
    )
    shipment_id = _new(
        Shipment,
        receipt_no=seen.receipt_no,
        order_id=order_id,
        delivered_at=seen.accepted_at,
        accepted_at=seen.accepted_at,
        acceptance_day=seen.day,
        due_on=seen.day,
        owed=amount,
        **parties,
    )
    _new(
        ShipmentLine,
        shipment_id=shipment_id,
        order_line_id=line_id,
        batch_no="B1",
        expiry_date=date(2030, 1, 1),
        shipped_packs=max(packs, 1),
        accepted_packs=packs,
        rejected_packs=0 if packs else 1,
        reject_reason="" if packs else "damaged",
    )


def _new(table: Any, **values: Any) -> int:
    return int(db.session.execute(insert(table).values(**values).returning(table.id)).scalar_one())


def put_sale(
    code: str, item: str | None, sale: SaleSeen, *, product: str = "", at: datetime = NOW, **more: Any
) -> int:
    """A line of a sale at noon of its day."""
    institutions, items = ids()
    return _new(
        SaleLine,
        institution_id=institutions[code],
        sale_no=sale.sale_no,
        line_no=sale.line_no,
        item_id=items[item] if item else None,
        other_product=product,
        sold_at=start_of_day(sale.day) + timedelta(hours=12),
        sold_on=sale.day,
        base_units=sale.base_units,
        amount=sale.amount,
        recorded_at=at,
        **more,
    )


def put_posting(code: str, item: str, tag: Posted, *, at: datetime = NOW, **more: Any) -> int:
    institutions, items = ids()
    return _new(
        ShelfPrice,
        institution_id=institutions[code],
        item_id=items[item],
        posted_on=tag.day,
        price=tag.price,
        recorded_at=at,
        **more,
    )


def purchase(receipt_no: str, moment: datetime, price: str) -> PurchaseSeen:
    """An acceptance as the rule sees it."""
    return PurchaseSeen(day_in_china(moment), moment, receipt_no, Decimal(price))
