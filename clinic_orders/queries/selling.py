"""What the sale form shows: what is usually sold, by what its price is looked at, what is there; receipts and entries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import case, func, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.models.stock_entries import SaleDraft, StockEntry
from clinic_orders.queries.checks.base_prices import Priced, with_bases
from clinic_orders.queries.checks.price_terms import TermsBook
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.ordering import prices_on
from clinic_orders.queries.shelf_prices import current_tags
from clinic_orders.rules.markup import MarkupRounding
from clinic_orders.rules.selling import Terms

SELLING_DAYS = 90
"""How far back the form looks for what is usually sold."""


class UsuallySold(NamedTuple):
    """An item that was sold lately: on how many lines, and whether in pieces 拆零."""

    item_id: int
    lines: int
    in_pieces: bool


def usually_sold(institution_id: int, *, on: date) -> list[UsuallySold]:
    """The items sold in the last days, the most frequent first."""
    line = SaleLine
    broken = case((line.base_units % Item.pack_size != 0, 1), else_=0)
    rows = db.session.execute(
        select(line.item_id, func.count().label("lines"), func.max(broken))
        .join(Item, Item.id == line.item_id)
        .where(
            line.institution_id == institution_id,
            line.replaced_at.is_(None),
            line.base_units > 0,
            line.sold_on > on - timedelta(days=SELLING_DAYS),
        )
        .group_by(line.item_id)
        .order_by(func.count().desc(), line.item_id)
    )
    return [UsuallySold(row[0], row[1], bool(row[2])) for row in rows]


def other_products(institution_id: int, *, on: date, most: int = 30) -> list[str]:
    """The names of what was sold lately outside the catalogue, the most frequent first."""
    line = SaleLine
    return list(
        db.session.scalars(
            select(line.other_product)
            .where(
                line.institution_id == institution_id,
                line.replaced_at.is_(None),
                line.item_id.is_(None),
                line.sold_on > on - timedelta(days=SELLING_DAYS),
            )
            .group_by(line.other_product)
            .order_by(func.count().desc(), line.other_product)
            .limit(most)
        )
    )


def sale_terms(institution_id: int, item_ids: Collection[int], on: date) -> dict[int, Terms]:
    """By what a sale of some items is looked at on a day: the checks' own base price, rate and tag (R-PRICE-1 to 5).

    Who is no member on the day is not judged (R-ROSTER-3): its items have no rate, and the selected price as base.
    """
    wanted = sorted(set(item_ids))
    if not wanted:
        return {}
    scope = Scope(on, [institution_id])
    book = TermsBook(scope)
    selected, posted = prices_on(wanted, on), current_tags(institution_id, wanted, on=on).prices
    sizes = {
        row.id: (row.pack_size, row.item_code)
        for row in db.session.execute(
            select(Item.id, Item.pack_size, Item.item_code).where(Item.id.in_(wanted))
        )
    }
    rows = [
        Priced(
            institution_id,
            item_id,
            on,
            sizes[item_id][0],
            0,
            int(selected[item_id].scaleb(4)) if item_id in selected else None,
            sizes[item_id][0],
            "",
            sizes[item_id][1],
            "",
            "",
        )
        for item_id in wanted
        if item_id in sizes
    ]
    found = {
        item_id: Terms(size, posted.get(item_id), selected.get(item_id), None, MarkupRounding.HALF_UP)
        for item_id, (size, _) in sizes.items()
    }
    for row, terms, base in with_bases(scope, book, rows):
        found[row.item_id] = Terms(row.pack_size, posted.get(row.item_id), base, terms.rate, terms.rounding)
    return found


# Drafts -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class SaleDraftView:
    """What somebody is typing; empty where nothing was typed yet."""

    fields: dict[str, str] = field(default_factory=dict)
    number: int = 0
    version: int = 0
    updated_at: datetime | None = None


def sale_draft_of(institution_id: int, user_id: int | None) -> SaleDraftView:
    """The draft of a person in an institution."""
    draft = SaleDraft
    row = db.session.execute(
        select(draft.fields, draft.number, draft.version, draft.updated_at).where(
            draft.institution_id == institution_id, draft.user_id == user_id
        )
    ).first()
    return SaleDraftView(dict(row[0]), row[1], row[2], row[3]) if row else SaleDraftView()


# Receipts -----------------------------------------------------------------------------------------------------


class ReceiptLine(NamedTuple):
    """A line of a receipt; ``came_back`` base units and ``given_back`` yuan of it by returns that stand."""

    id: int
    line_no: str
    item_id: int | None
    item_code: str | None
    name: str
    strength: str
    pack_size: int
    base_unit: str
    manufacturer: str
    base_units: int
    amount: Decimal
    insured: bool
    sold_at: datetime
    replaced_at: datetime | None
    codes: tuple[str, ...]
    came_back: int = 0
    given_back: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as it stands, or as it stood when it was taken back.

    Attributes:
        sale_no: its number.
        entry: the entry made on screen; None for one that came with a file.
        lines: by number.
        returns: the entries by which something came back.

    """

    sale_no: str
    entry: StockEntry | None
    lines: Sequence[ReceiptLine]
    returns: Sequence[StockEntry]

    @property
    def amount(self) -> Decimal:
        """What was taken for all of it."""
        return sum((line.amount for line in self.lines), Decimal(0))


def receipt_of(institution_id: int, sale_no: str) -> Receipt | None:
    """A receipt of an institution by its number; None if there is none."""
    entry = entry_of(institution_id, sale_no)
    line = SaleLine
    taken_back_at = None if entry is None else entry.taken_back_at
    statement: Any = (
        select(
            line.id,
            line.line_no,
            line.item_id,
            Item.item_code,
            func.coalesce(Item.generic_name, line.other_product),
            func.coalesce(Item.strength, ""),
            func.coalesce(Item.pack_size, 1),
            func.coalesce(Item.base_unit, ""),
            func.coalesce(Item.manufacturer, ""),
            line.base_units,
            line.amount,
            line.insured,
            line.sold_at,
            line.replaced_at,
        )
        .outerjoin(Item, Item.id == line.item_id)
        .where(line.institution_id == institution_id, line.sale_no == sale_no)
        .order_by(func.length(line.line_no), line.line_no, line.id)
    )
    # Of a corrected line of a file only the last version is shown; what was taken back has none that stands.
    stood = line.replaced_at.is_(None) if taken_back_at is None else line.replaced_at == taken_back_at
    rows = db.session.execute(statement.where(stood)).all()
    if not rows:
        return None
    codes: dict[int, list[str]] = {}
    for line_id, code in db.session.execute(
        select(SaleCode.sale_line_id, SaleCode.code)
        .where(SaleCode.sale_line_id.in_([row[0] for row in rows]))
        .order_by(SaleCode.code)
    ):
        codes.setdefault(line_id, []).append(code)
    returns = (
        db.session.scalars(
            select(StockEntry)
            .where(
                StockEntry.institution_id == institution_id,
                StockEntry.of_sale_no == sale_no,
                StockEntry.taken_back_at.is_(None),
            )
            .order_by(StockEntry.id)
        ).all()
        if any(row[9] > 0 for row in rows)
        else []
    )
    back = _came_back(institution_id, [one.entry_no for one in returns])
    lines = []
    for row in rows:
        line_of = ReceiptLine._make((*row, tuple(codes.get(row[0], ())), 0, Decimal(0)))
        units, money = back.get(line_of.item_id, (0, Decimal(0)))
        # Of two lines of one item the first is taken to have come back first.
        came, given = max(0, min(units, line_of.base_units)), max(Decimal(0), min(money, line_of.amount))
        back[line_of.item_id] = (units - came, money - given)
        lines.append(line_of._replace(came_back=came, given_back=given))
    return Receipt(sale_no, entry, lines, returns)


def _came_back(institution_id: int, numbers: Sequence[str]) -> dict[int | None, tuple[int, Decimal]]:
    """Base units and yuan of the returns of these numbers, by item, both above 0."""
    if not numbers:
        return {}
    line = SaleLine
    rows = db.session.execute(
        select(line.item_id, func.sum(line.base_units), func.sum(line.amount).label("amount"))
        .where(
            line.institution_id == institution_id,
            line.sale_no.in_(numbers),
            line.replaced_at.is_(None),
        )
        .group_by(line.item_id)
    )
    return {row[0]: (-int(row[1]), -row[2]) for row in rows}


def entry_of(institution_id: int, entry_no: str) -> StockEntry | None:
    """An entry of an institution by its number; None if there is none."""
    return db.session.scalars(
        select(StockEntry).where(StockEntry.institution_id == institution_id, StockEntry.entry_no == entry_no)
    ).one_or_none()


def entry_by_key(key: str) -> StockEntry | None:
    """The entry that a form made."""
    return db.session.scalars(select(StockEntry).where(StockEntry.form_key == key)).one_or_none()
