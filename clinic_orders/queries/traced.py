"""Which tables imports write to, and what is to be known of each so that a batch can be shown and undone.

How a kind of file joins: its put deed writes through ``actions.bulk`` (``insert_rows``, ``update_rows``,
``delete_rows``), and each of its tables gets one line in ``_TABLES``. There is nothing else to do: trial, list,
page and undoing of a batch follow from these. A table without a line is a bug, and the helpers say so. A table of
``models.recorded.Recorded`` needs only the line, with its natural key as ``name``; a table of what belongs to such
rows (trace codes) a line with ``owner``.

What stands on a created record by a foreign key is found from the schema. What rests on a record in another way
(an order on the price of its day) is a question in ``queries.resting``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import Column, Date, Table, select

from clinic_orders.models.base import Base, Degrees, UtcDateTime, Yuan, db
from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.models.clues import IssuedClue
from clinic_orders.models.deliveries import (
    GoodsReturn,
    ReturnCode,
    ReturnLine,
    Shipment,
    ShipmentCode,
    ShipmentLine,
)
from clinic_orders.models.doubles import OrderDouble
from clinic_orders.models.monitoring import ListedProduct, MonitoredPrice
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.models.payments import Payment
from clinic_orders.models.pharmacies import DesignatedPharmacy
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.recorded import Recorded
from clinic_orders.models.roster import (
    Commitment,
    DeliveryRelation,
    Distributor,
    Institution,
    InstitutionRecord,
    Mandate,
    Membership,
)
from clinic_orders.models.sales import SaleCode, SaleLine, Settlement
from clinic_orders.models.stock import OtherPurchase, ShelfPrice, StockCount
from clinic_orders.models.tracing import ProductCode, TraceProduct
from clinic_orders.models.volume import AgreedVolume, SupplyProblem
from clinic_orders.rules.errors import N_

# Facts about the recording itself: they are not shown, and do not decide whether somebody changed a record.
_OF_RECORDING: Final = frozenset(
    {"id", "version", "recorded_at", "updated_at", "import_batch_id", "set_by_id", "created_by_id"}
)


@dataclass(frozen=True, slots=True)
class Traced:
    """What is to be known of a table.

    Attributes:
        model: the table's records.
        word: what people call one of its records.
        name: the columns whose values together name a record; one that points elsewhere stands for that record's name.
        owner: the column that points to the record to which these belong wholly, such as an order's events. They come
            and go with it and are not followed by themselves as long as their owner is new.
        sums: running sums to which later deeds add; an undo takes off what the batch added.
        unseen: columns that are worked out from others, so that they need not be shown.
        head: the column that points to the record whose ``version`` rises with a change.

    """

    model: type[Base]
    word: str
    name: tuple[str, ...]
    owner: str = ""
    sums: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    head: str = ""

    @property
    def table(self) -> Table:
        """The table."""
        return cast("Table", self.model.__table__)

    @property
    def is_recorded(self) -> bool:
        """Whether its rows are replaced, never changed, and carry their batch (sales, settlements, counts).

        Of these nothing is kept beside, which is right for long files: the rows of the batch are what it made, those
        that they replaced are what was before. An undo ends the batch's rows and lets copies of what they replaced
        stand again from then on; nothing goes.
        """
        return issubclass(self.model, Recorded)

    @property
    def keys(self) -> tuple[Column[Any], ...]:
        """The columns of its primary key."""
        return tuple(self.table.primary_key.columns)

    @property
    def owner_table(self) -> Traced:
        """The table of its owner."""
        (pointer,) = self.table.c[self.owner].foreign_keys
        return TRACED[pointer.column.table.name]

    def is_shown(self, column: str) -> bool:
        """Whether a column says something to people."""
        return self.decides(column) and column not in self.unseen

    def decides(self, column: str) -> bool:
        """Whether another value in a column means that somebody changed the record."""
        return column not in _OF_RECORDING and column not in self.sums

    def key_of(self, row: Mapping[str, Any]) -> tuple[int, str]:
        """Row id, and what else is in the key."""
        first, *more = self.keys
        return row[first.name], "\t".join(str(row[column.name]) for column in more)


_SHIPPED: Final = ("shipped_packs", "accepted_packs", "rejected_packs", "returned_packs")
_SEARCH: Final = ("search_text", "search_initials", "search_pinyin")
_TABLES: Final = (
    Traced(Item, N_("item"), ("item_code",), unseen=_SEARCH),
    Traced(Price, N_("price"), ("item_id", "valid_from")),
    Traced(Edition, N_("edition"), ("edition",)),
    Traced(EditionItem, N_("item of an edition"), ("edition_id", "item_id")),
    Traced(Institution, N_("institution"), ("code",), unseen=("demo",)),
    Traced(
        InstitutionRecord,
        N_("state of an institution"),
        ("institution_id", "valid_from"),
        unseen=("valid_before",),
    ),
    Traced(Membership, N_("membership"), ("institution_id", "joined_on"), owner="institution_id"),
    Traced(Mandate, N_("mandate"), ("institution_id", "hospital_id", "valid_from")),
    Traced(Commitment, N_("commitment letter"), ("institution_id", "signed_on")),
    Traced(Distributor, N_("distributor"), ("code",), unseen=("demo",)),
    Traced(
        DeliveryRelation,
        N_("delivery relation"),
        ("institution_id", "county_code", "item_id", "valid_from"),
    ),
    Traced(PolicyValue, N_("policy number"), ("parameter", "kind", "scale", "valid_from")),
    Traced(Order, N_("order"), ("order_no",), unseen=("answer_due_at",)),
    Traced(OrderLine, N_("line of an order"), ("order_id", "item_id"), sums=_SHIPPED, head="order_id"),
    Traced(OrderEvent, N_("event of an order"), ("order_id", "kind"), owner="order_id"),
    Traced(OrderDouble, N_("possible double order"), ("order_id", "other_id"), owner="order_id"),
    Traced(Shipment, N_("receipt"), ("receipt_no",)),
    Traced(
        ShipmentLine,
        N_("line of a receipt"),
        ("shipment_id", "order_line_id", "batch_no"),
        sums=("returned_packs",),
        head="shipment_id",
    ),
    Traced(ShipmentCode, N_("trace code"), ("shipment_line_id", "code"), owner="shipment_line_id"),
    Traced(GoodsReturn, N_("return"), ("return_no",)),
    Traced(ReturnLine, N_("line of a return"), ("return_id", "shipment_line_id"), head="return_id"),
    Traced(ReturnCode, N_("trace code of a return"), ("return_line_id", "code"), owner="return_line_id"),
    Traced(Payment, N_("payment"), ("paying_id", "distributor_id", "payment_no"), unseen=("is_refund",)),
    Traced(SaleLine, N_("sale"), ("institution_id", "sale_no", "line_no"), unseen=("sold_on",)),
    Traced(
        SaleCode,
        N_("trace code of a sale"),
        ("sale_line_id", "code"),
        owner="sale_line_id",
        unseen=("sold_on",),
    ),
    Traced(Settlement, N_("settlement"), ("month", "institution_id", "item_id")),
    Traced(StockCount, N_("stock count"), ("institution_id", "item_id", "counted_on")),
    Traced(ShelfPrice, N_("shelf price"), ("institution_id", "item_id", "posted_on")),
    Traced(MonitoredPrice, N_("monitored price"), ("institution_id", "item_id", "observed_on")),
    Traced(ListedProduct, N_("listed product"), ("product_code", "listed_from")),
    Traced(OtherPurchase, N_("other purchase"), ("institution_id", "document_no", "line_no")),
    Traced(TraceProduct, N_("trace product"), ("prefix",)),
    Traced(ProductCode, N_("69-code"), ("barcode",)),
    Traced(IssuedClue, N_("clue from above"), ("issued_batch", "clue_no")),
    Traced(DesignatedPharmacy, N_("designated pharmacy"), ("code",)),
    Traced(AgreedVolume, N_("agreed volume"), ("institution_id", "item_id", "cycle_start")),
    Traced(SupplyProblem, N_("supply problem"), ("item_id", "county_code", "first_day")),
)
TRACED: Final[Mapping[str, Traced]] = {one.table.name: one for one in _TABLES}


def in_order(names: Iterable[str]) -> list[Traced]:
    """Some of the tables, those that others point to first."""
    wanted = set(names)
    return [TRACED[table.name] for table in db.metadata.sorted_tables if table.name in wanted]


def plain(value: Any) -> Any:
    """A column's value as JSON keeps it: exact numbers, days and instants as text."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def typed(column: Column[Any], value: Any) -> Any:
    """The value of a column again, from what ``plain`` made of it."""
    if value is None or not isinstance(value, str):
        return value
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(column.type, Date):
        return date.fromisoformat(value)
    if isinstance(column.type, Yuan | Degrees):
        return Decimal(value)
    return value


# Names of records for people. -------------------------------------------------------------------------------

_AT_ONCE: Final = 500


def _pointed_at(column: Column[Any]) -> Traced | None:
    """The table whose record a column names, if it is one of these."""
    for pointer in column.foreign_keys:
        return TRACED.get(pointer.column.table.name)
    return None


def names_of(traced: Traced, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What people call some records of a table, from their columns; what they lack is looked up by their ``id``.

    >>> names_of(TRACED["item"], [{"item_code": "LY001"}])
    ['LY001']
    """
    columns = [traced.table.c[name] for name in traced.name]
    lacking = [row["id"] for row in rows if any(column.name not in row for column in columns)]
    known = names_by_id(traced, lacking) if lacking else {}
    pointed = {
        column.name: names_by_id(other, {row[column.name] for row in rows if row.get(column.name)})
        for column in columns
        if (other := _pointed_at(column)) is not None
    }
    names = []
    for row in rows:
        if any(column.name not in row for column in columns):
            names.append(known.get(row["id"], f"#{row['id']}"))
            continue
        parts = []
        for column in columns:
            value = row[column.name]
            if column.name in pointed and value is not None:
                value = pointed[column.name].get(value, f"#{value}")
            if value is not None and value != "":
                parts.append(str(plain(value)))
        names.append(" ".join(parts)[:200])
    return names


def names_by_id(traced: Traced, ids: Iterable[int]) -> dict[int, str]:
    """What people call the records of these ids; those that are not there are left out."""
    wanted = sorted(set(ids))
    row_id, columns = traced.table.c.id, [traced.table.c[name] for name in traced.name]
    found: dict[int, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        statement = select(row_id, *columns).where(row_id.in_(part))
        rows = [dict(row) for row in db.session.connection().execute(statement).mappings()]
        found.update(zip((row["id"] for row in rows), names_of(traced, rows), strict=True))
    return found
