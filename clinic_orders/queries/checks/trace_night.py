"""On which trace codes the night has to look for clues again: sold anew, or judged by something that changed (section 12).

A code of a new sale line that nothing is odd about is not looked at; a code that was sold before, and one whose line,
receipt or return changed, is judged in every month in which it was sold. What all codes are judged by (products, pack
sizes, memberships, policy) seldom changes; then every month is searched. The answer never is too narrow: the same clues
come out as if everything were searched anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, union
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import (
    GoodsReturn,
    ReturnCode,
    ReturnLine,
    Shipment,
    ShipmentCode,
    ShipmentLine,
)
from clinic_orders.models.exchange import BatchRecord, ImportBatch
from clinic_orders.models.expressions import china_day
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.roster import Membership
from clinic_orders.models.sales import RepeatedCode, SaleCode, SaleLine
from clinic_orders.models.streaming import driver_rows
from clinic_orders.models.trace_marks import TraceMark
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.queries.checks.code_lives import PREFIX, CodeBook
from clinic_orders.queries.checks.price_looks import months_between
from clinic_orders.queries.checks.price_night import OVERLAP, seen_surely
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.trace_codes import RULES, candidates
from clinic_orders.rules.days import Month, end_of_day

__all__ = ["RULES", "Look", "NewMark", "Night", "tonight"]

_PART: Final = 500
T = TypeVar("T")
_PAPERS: Final = frozenset({"orders", "receipts", "returns"})
"""Kinds of files that make receipts and returns, or change them."""


@dataclass(frozen=True, slots=True)
class Look:
    """A question for ``queries.checks.check``: these codes as of a day; None = all."""

    as_of: date
    codes: frozenset[str] | None

    @property
    def scope(self) -> Scope:
        """As the checks take it."""
        return Scope(self.as_of, codes=self.codes)


@dataclass(frozen=True, slots=True)
class NewMark:
    """What ``actions.trace_marks.keep_trace_mark`` keeps after the looks are done.

    Attributes:
        as_of, looked_at: the day and the instant of this look.
        sale_line_id: every line up to this id has surely been seen.
        digest: of what all codes are judged by.

    """

    as_of: date
    looked_at: datetime
    sale_line_id: int
    digest: str


@dataclass(slots=True)
class Night:
    """The looks of a night, earliest month first, and the mark to keep; None for a day before the last look."""

    looks: list[Look]
    mark: NewMark | None


@dataclass(slots=True)
class _Touched:
    """Codes by month, gathered from all reasons."""

    as_of: date
    by_month: dict[Month, set[str]] = field(default_factory=dict)

    def day_of(self, month: Month) -> date:
        """The day as of which a month is looked at."""
        return min(month.last_day, self.as_of)

    def add(self, month: Month, codes: Iterable[str]) -> None:
        """Codes in one month; none after the as-of day."""
        if month.first_day <= self.as_of:
            self.by_month.setdefault(month, set()).update(codes)

    def add_wholly(self, codes: Collection[str]) -> None:
        """Codes in every month in which they stand on a sale line."""
        for part in _in_parts(sorted(codes)):
            statement = select(SaleCode.code, SaleCode.sold_on).where(SaleCode.code.in_(part)).distinct()
            for code, day in db.session.connection().execute(statement):
                self.add(Month.of(day), (code,))

    def looks(self) -> list[Look]:
        """As questions."""
        months = sorted(self.by_month, key=lambda one: one.first_day)
        return [
            Look(self.day_of(month), frozenset(self.by_month[month]))
            for month in months
            if self.by_month[month]
        ]


def _in_parts(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    return (whole[start : start + _PART] for start in range(0, len(whole), _PART))


def tonight(as_of: date, *, at: datetime) -> Night:
    """What has to be looked at as of a day so that the clues of all months are as if searched anew.

    Args:
        as_of: the day D of the look.
        at: the instant of the look; what is recorded later belongs to the next one.

    """
    mark = db.session.execute(select(TraceMark)).scalar_one_or_none()
    if mark is not None and as_of < mark.as_of:
        return Night([Look(as_of, None)], None)
    # The new mark comes first: what is committed after it is seen again, never left out.
    new_mark = NewMark(as_of, at, seen_surely(SaleLine, mark.sale_line_id if mark else 0, at), _digest())
    if mark is None:
        return Night(_everything(as_of, None), new_mark)
    since = mark.looked_at - OVERLAP
    if mark.digest != new_mark.digest or _papers_went(since):
        return Night(_everything(as_of, since), new_mark)
    found = _Touched(as_of)
    for where in _new_lines(mark, as_of):
        _add_sales(found, where)
    replaced = _codes_of_replaced(since)
    again = {
        *replaced,
        *_beside(replaced),
        *_after_receipts(mark, since, as_of),
        *_after_returns(mark, since),
        *_after_files(since),
    }
    found.add_wholly(again)
    return Night(found.looks(), new_mark)


def _everything(as_of: date, since: datetime | None) -> list[Look]:
    """Every month with a sale, or with one that was taken back since the last look."""
    line = SaleLine
    conditions: list[ColumnElement[bool]] = [line.replaced_at.is_(None)]
    if since is not None:
        conditions.append(line.replaced_at > since)
    days = [
        db.session.connection().scalar(select(func.min(line.sold_on)).where(condition))
        for condition in conditions
    ]
    first = min((day for day in days if day is not None), default=None)
    if first is None:
        return []
    return [Look(min(month.last_day, as_of), None) for month in months_between(first, as_of)]


def _digest() -> str:
    """Of what all codes are judged by; a few statements over tables that stay small."""
    member, policy, product = Membership, PolicyValue, TraceProduct
    questions: list[Any] = [
        select(member.institution_id, member.joined_on, member.left_on).order_by(
            member.institution_id, member.joined_on
        ),
        select(policy.valid_from, policy.kind, policy.scale, policy.value)
        .where(policy.parameter == "trace.near_days")
        .order_by(policy.valid_from, policy.kind, policy.scale, policy.value),
        select(product.prefix, product.item_id, product.base_units_per_code)
        .where(product.replaced_at.is_(None))
        .order_by(product.prefix),
        select(Item.id, Item.item_code, Item.pack_size).order_by(Item.id),
    ]
    digest = sha256()
    for question in questions:
        rows = [row for part in driver_rows(db.session.connection(), question) for row in part]
        digest.update(f"{rows}".encode())
    return digest.hexdigest()


def _papers_went(since: datetime) -> bool:
    """Whether a file of receipts or returns was undone; what it had made can't be asked about any more."""
    return bool(
        db.session.connection().scalar(
            select(exists().where(ImportBatch.undone_at > since, ImportBatch.kind.in_(_PAPERS)))
        )
    )


def _new_lines(mark: TraceMark, as_of: date) -> Iterator[tuple[ColumnElement[bool], ...]]:
    """The lines that are new, and those known before whose day has come."""
    line = SaleLine
    yield (line.id > mark.sale_line_id, line.sold_on <= as_of)
    # Not by the key itself: a range of all rows but the last would be taken for the best way in.
    come = (line.sold_on > mark.as_of, line.sold_on <= as_of, line.id + 0 <= mark.sale_line_id)
    # Lines are seldom dated ahead; that there is none is told by the index of days alone.
    if db.session.connection().scalar(select(exists().where(line.replaced_at.is_(None), *come))):
        yield come


def _codes_of_replaced(since: datetime) -> set[str]:
    """The codes of lines that stood and were replaced or taken back: what they made may be gone."""
    statement = (
        select(SaleCode.code)
        .distinct()
        .join(SaleLine, SaleLine.id == SaleCode.sale_line_id)
        .where(SaleLine.replaced_at > since)
    )
    return set(db.session.connection().scalars(statement))


def _add_sales(found: _Touched, where: tuple[ColumnElement[bool], ...]) -> None:
    """The codes of some lines: those that came more than once wholly, the others where anything is odd about them."""
    connection = db.session.connection()
    line = SaleLine
    repeated = set(
        connection.scalars(
            select(SaleCode.code)
            .distinct()
            .join(line, line.id == SaleCode.sale_line_id)
            .join(
                RepeatedCode,
                and_(RepeatedCode.code == SaleCode.code, RepeatedCode.sale_line_id == line.id),
            )
            .where(*where)
        )
    )
    found.add_wholly(repeated | _beside(repeated))
    days: Any = connection.execute(
        select(func.min(line.sold_on), func.max(line.sold_on)).where(*where, line.replaced_at.is_(None))
    ).one()
    if days[0] is None:
        return
    for month in months_between(days[0], min(days[1], found.as_of)):
        scope = Scope(found.day_of(month))
        found.add(month, candidates(scope, CodeBook(scope.as_of), *where))


def _beside(codes: Collection[str]) -> set[str]:
    """The codes that share a line with some whose prefix nobody knows: the first sale of these says what they hold."""
    other = aliased(SaleCode)
    found: set[str] = set()
    for part in _in_parts(sorted(codes)):
        known = exists().where(
            TraceProduct.prefix == func.substr(SaleCode.code, 1, PREFIX), TraceProduct.replaced_at.is_(None)
        )
        found.update(
            db.session.connection().scalars(
                select(other.code)
                .distinct()
                .select_from(SaleCode)
                .join(other, other.sale_line_id == SaleCode.sale_line_id)
                .where(SaleCode.code.in_(part), ~known)
            )
        )
    return found


def _after_receipts(mark: TraceMark, since: datetime, as_of: date) -> set[str]:
    """The codes on receipts that changed or whose acceptance has come, and those their goods may excuse.

    Goods that came without codes excuse the sales of their item there from their acceptance on. A receipt from a file
    may have had another day before; it can't have been before its order was submitted.
    """
    touched = union(
        select(Shipment.id).where(Shipment.updated_at > since),
        select(Shipment.id).where(Shipment.accepted_at >= end_of_day(mark.as_of)),
        select(Shipment.id).join(Order, Order.id == Shipment.order_id).where(Order.updated_at > since),
    )
    connection = db.session.connection()
    found: set[str] = set()
    # Asked with the receipts known: a planner that does not know that they are few reads all codes of all years.
    for part in _in_parts(connection.scalars(touched).all()):
        found.update(connection.scalars(_perhaps_excused(part, since, as_of)))
        found.update(connection.scalars(_carried(part)))
    return found


def _perhaps_excused(shipment_ids: Sequence[int], since: datetime, as_of: date) -> Select[str]:
    changed_by_file = and_(Shipment.import_batch_id.is_not(None), Shipment.recorded_at <= since)
    first = case((changed_by_file, china_day(Order.submitted_at)), else_=china_day(Shipment.accepted_at))
    pair = (
        select(Shipment.institution_id, OrderLine.item_id, func.min(first).label("first"))
        .select_from(Shipment)
        .join(Order, Order.id == Shipment.order_id)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .where(Shipment.id.in_(shipment_ids), or_(Shipment.accepted_at.is_not(None), changed_by_file))
        .group_by(Shipment.institution_id, OrderLine.item_id)
        .cte("pair")
    )
    line = SaleLine
    return (
        select(SaleCode.code)
        .select_from(pair)
        .join(
            line,
            and_(
                line.institution_id == pair.c.institution_id,
                line.item_id == pair.c.item_id,
                line.sold_on >= pair.c.first,
            ),
        )
        .join(SaleCode, SaleCode.sale_line_id == line.id)
        .where(line.sold_on <= as_of, line.replaced_at.is_(None))
    )


def _carried(shipment_ids: Sequence[int]) -> Select[str]:
    return (
        select(ShipmentCode.code)
        .join(ShipmentLine, ShipmentLine.id == ShipmentCode.shipment_line_id)
        .where(ShipmentLine.shipment_id.in_(shipment_ids), exists().where(SaleCode.code == ShipmentCode.code))
    )


def _after_returns(mark: TraceMark, since: datetime) -> set[str]:
    """The codes on returns that were recorded or agreed since, or whose day has come."""
    statement = (
        select(ReturnCode.code)
        .join(ReturnLine, ReturnLine.id == ReturnCode.return_line_id)
        .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
        .where(
            or_(
                GoodsReturn.recorded_at > since,
                GoodsReturn.agreed_at > since,
                GoodsReturn.agreed_at >= end_of_day(mark.as_of),
            )
        )
    )
    return set(db.session.connection().scalars(statement))


def _after_files(since: datetime) -> set[str]:
    """The codes that files put on known receipts and returns or took off them, and those of returns they changed."""
    connection = db.session.connection()
    batches = connection.scalars(
        select(ImportBatch.id).where(ImportBatch.at > since, ImportBatch.kind.in_(_PAPERS))
    ).all()
    if not batches:
        return set()
    record = BatchRecord
    of_returns = (
        select(ReturnCode.code)
        .join(ReturnLine, ReturnLine.id == ReturnCode.return_line_id)
        .join(record, and_(record.table_name == "goods_return", record.record_id == ReturnLine.return_id))
        .where(record.batch_id.in_(batches))
    )
    themselves = select(record.record_key).where(
        record.batch_id.in_(batches), record.table_name.in_(["shipment_code", "return_code"])
    )
    return set(connection.scalars(union(of_returns, themselves)))
