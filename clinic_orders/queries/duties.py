"""How an institution stands with its four duties on a day: pay, keep, buy, sell (product.md screen 3).

The figures are those of the checks and of the book, asked for one institution; their number of statements is fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Numeric,
    Select,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    or_,
    select,
    type_coerce,
)

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item, Price
from clinic_orders.models.roster import Commitment, Institution, InstitutionRecord, Membership
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import ShelfPrice
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.checks.over_markup import above, sales
from clinic_orders.queries.checks.over_shelf_price import posted_price
from clinic_orders.queries.checks.stocking import carried_by
from clinic_orders.queries.checks.volume import tally
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.ordering import items_on
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule, Finding, Grade
from clinic_orders.rules.markup import MarkupBase, MarkupRounding
from clinic_orders.rules.parties import Actor, InstitutionKind
from clinic_orders.rules.roster import Days
from clinic_orders.rules.volume_progress import Standing, blame, grade, standing


@dataclass(frozen=True, slots=True)
class Kept:
    """Items kept on the day against the minimum (R-STOCK); ``minimum`` None = not set."""

    carried: tuple[str, ...]
    minimum: int | None
    confirmed: bool
    window_days: int

    @property
    def missing(self) -> int:
        """How many items are missing from the minimum."""
        return max(0, (self.minimum or 0) - len(self.carried))


@dataclass(frozen=True, slots=True)
class Bought:
    """One agreement as it stands; ``undelivered`` packs are not held against the institution (R-VOL-5)."""

    name: str
    state: Standing
    grade: Grade | None
    undelivered: int


@dataclass(frozen=True, slots=True)
class Volume:
    """All running agreements, the furthest behind first (R-VOL)."""

    rows: tuple[Bought, ...]
    warn_pp: int
    interview_pp: int

    @property
    def agreed(self) -> int:
        """Packs agreed in all."""
        return sum(row.state.agreed for row in self.rows)

    @property
    def counted(self) -> int:
        """Packs that count; what is beyond one agreement does not help another."""
        return sum(min(row.state.counted, row.state.agreed) for row in self.rows)

    @property
    def behind(self) -> int:
        """How many agreements are behind."""
        return sum(row.grade is not None for row in self.rows)

    @property
    def undelivered(self) -> int:
        """Packs that a distributor owes."""
        return sum(row.undelivered for row in self.rows)

    @property
    def time_progress(self) -> Fraction | None:
        """The share of time gone, where it is the same for all."""
        found = {row.state.time_progress for row in self.rows}
        return found.pop() if len(found) == 1 else None

    @property
    def ends(self) -> date:
        """The first day on which a cycle ends."""
        return min(row.state.agreement.last for row in self.rows)


@dataclass(frozen=True, slots=True)
class Sold:
    """Sale lines of catalogue items in the month so far, and what was found against their prices (R-PRICE)."""

    lines: int
    findings: tuple[Finding, ...]
    names: dict[str, str]

    @property
    def over(self) -> int:
        """Lines sold above the allowed or the posted price; a line may be both, so the greater of the two."""
        return max(
            (
                sum(int(str(one.figures["lines"])) for one in self.findings if one.rule is rule)
                for rule in (CheckRule.OVER_MARKUP, CheckRule.OVER_SHELF_PRICE)
            ),
            default=0,
        )


def kept(institution_id: int, kind: InstitutionKind, scale: str, scope: Scope) -> Kept:
    """What is kept on the day, by the names of the items."""
    on, book = scope.as_of, scope.book
    window_days = book.whole("stocking.window_days", on=on)
    items = items_on(on).by_id
    found = (items.get(one) for one in carried_by(institution_id, on, window_days=window_days))
    names = [item.name for item in found if item is not None and item.in_edition and item.suits_kind(kind)]
    value = book.find("stocking.minimum", kind=kind, scale=scale or None, on=on)
    minimum = value.value if isinstance(value.value, int) else None
    return Kept(tuple(sorted(names)), minimum, value.confirmed, window_days)


def volume(institution_id: int, scope: Scope) -> Volume:
    """The agreements of the cycles that hold the day."""
    on = scope.as_of
    warn_pp = scope.book.whole("volume.warn_pp", on=on)
    interview_pp = scope.book.whole("volume.interview_pp", on=on)
    tallies = tally(scope, until=on)
    if not tallies:
        return Volume((), warn_pp, interview_pp)
    codes = [one.agreement.item_code for one in tallies]
    names = dict(
        db.session.execute(select(Item.item_code, Item.generic_name).where(Item.item_code.in_(codes))).all()
    )
    spells = [
        Days(first, last)
        for first, last in db.session.execute(
            select(Membership.joined_on, Membership.left_on).where(
                Membership.institution_id == institution_id
            )
        )
    ]
    rows = []
    for one in tallies:
        state = standing(one.agreement, counted=one.counted, members=spells, on=on)
        if state is None:
            continue
        parts = blame(state.shortfall, undelivered=sum(one.blamed.values()), rejected=one.rejected)
        rows.append(
            Bought(
                names[one.agreement.item_code],
                state,
                grade(state, on=on, warn_pp=warn_pp, interview_pp=interview_pp),
                parts.undelivered,
            )
        )
    rows.sort(key=lambda row: (-row.state.lag_pp, row.state.agreement.item_code))
    return Volume(tuple(rows), warn_pp, interview_pp)


@cache
def _sold() -> Select[*tuple[Any, ...]]:
    """The month's sale lines: how many, how many that a check looks at closely, and whether a posting is one of these.

    Made once; the checks themselves are a dozen questions, and of most months there is nothing to ask them. A price is
    held against the selected one and the least rate of the month, which the checks never go below.
    """
    line, tag = SaleLine, ShelfPrice
    first, day = bindparam("first", type_=Date), bindparam("day", type_=Date)
    whose = bindparam("institution", type_=Integer)
    statement, seen = sales(
        line.institution_id == whose,
        line.sold_on >= first,
        line.sold_on <= day,
        spans=None,
        more=(posted_price(),),
    )
    doubtful = or_(
        _above_least(seen.amount, seen.selected, seen.base_units, Item.pack_size, whose, first, day),
        func.coalesce(above(seen.amount, seen.posted, seen.base_units, Item.pack_size), false()),
    )
    selected = (
        select(Price.pack_price)
        .where(Price.item_id == tag.item_id, Price.valid_from <= tag.posted_on)
        .order_by(Price.valid_from.desc())
        .limit(1)
        .correlate(tag)
        .scalar_subquery()
    )
    posted = exists().where(
        tag.institution_id == whose,
        tag.posted_on >= first,
        tag.posted_on <= day,
        tag.replaced_at.is_(None),
        _above_least(tag.price, selected, 1, 1, whose, first, day),
    )
    return statement.with_only_columns(
        func.count(), func.coalesce(func.sum(case((doubtful, 1), else_=0)), 0), posted
    )


def _above_least(
    taken: Any, selected: Any, units: Any, pack_size: Any, whose: Any, first: Any, day: Any
) -> ColumnElement[bool]:
    """The condition that an amount is above the selected price and the least rate of the month, or that there is no price.

    What is rounded half up may be half a cent more, as long as it is whole cents (``slack``). Exact numbers of any length,
    since the product of five of them may be longer than a whole number of a database.
    """
    parts = type_coerce(taken, BigInteger)
    slack = case((parts % _CENT == 0, bindparam("slack", type_=Integer)), else_=0)
    worth = cast(func.coalesce(type_coerce(selected, BigInteger), _NO_PRICE), Numeric) * units
    found: ColumnElement[bool] = cast(parts - slack, Numeric) * pack_size * 100 > worth * (
        100 + _least_rate(whose, first, day)
    )
    return found


def _least_rate(whose: Any, first: Any, day: Any) -> ColumnElement[int]:
    """No more than the least markup rate of the month, in whole hundredths (R-PRICE-1).

    The lower of the cap and of every letter that was in force on a day; 0 where the institution became of another kind
    meanwhile, of which another cap may hold.
    """
    letter, record, cap = Commitment, InstitutionRecord, bindparam("cap", type_=Integer)
    promised = (
        select(func.min(type_coerce(letter.markup_rate, BigInteger)) // _CENT)
        .where(
            letter.institution_id == whose,
            letter.signed_on <= day,
            or_(letter.ends_on.is_(None), letter.ends_on >= first),
        )
        .scalar_subquery()
    )
    changed = exists().where(
        record.institution_id == whose, record.valid_from > first, record.valid_from <= day
    )
    return case(
        (changed, 0),
        (promised < func.coalesce(cap, promised + 1), promised),
        else_=func.coalesce(cap, 0),
    )


_CENT: Final = 100
"""Of the ten-thousandths in which money is stored; likewise a hundredth of a rate."""
_NO_PRICE: Final = -(10**9)
"""In place of a price that is not known, so that every amount is above it, also 0."""


def sold(institution_id: int, kind: InstitutionKind, scale: str, scope: Scope) -> Sold:
    """The month's sales up to the day, and the findings on their prices."""
    book, first, on = scope.book, scope.month.first_day, scope.as_of
    days = {first, *(day for day in book.turns("markup.") if first <= day <= on)}
    caps = [
        cap
        for day in days
        if (cap := book.decimal_or_none("markup.cap", kind=kind, scale=scale, on=day)) is not None
    ]
    half_up = all(
        book.choice("markup.rounding", kind=kind, scale=scale, on=day) == MarkupRounding.HALF_UP
        for day in days
    )
    values = {
        "institution": institution_id,
        "first": first,
        "day": on,
        "cap": int(min(caps) * 100) if caps else None,
        "slack": _CENT // 2 if half_up else 0,
    }
    lines, doubtful, posted = db.session.connection().execute(_sold(), values).one()
    bounded = MarkupBase.PURCHASE_PRICE not in book.texts("markup.base")
    if bounded and not doubtful and not posted:
        # Nobody who sells and posts at most at the selected price and the least rate, and sells at most as posted, is
        # too dear.
        return Sold(lines, (), {})
    findings = check(scope, [CheckRule.OVER_MARKUP, CheckRule.OVER_SHELF_PRICE])
    codes = {one.key for one in findings if one.key}
    names = dict(
        db.session.execute(select(Item.item_code, Item.generic_name).where(Item.item_code.in_(codes))).all()
    )
    return Sold(lines, tuple(findings), names)


# The villages of a hospital -------------------------------------------------------------------------------


DUTY_RULES = {
    "pay": (CheckRule.PAYMENT_OVERDUE,),
    "keep": (CheckRule.STOCKING_SHORT,),
    "buy": (CheckRule.VOLUME_BEHIND,),
    "sell": (CheckRule.OVER_MARKUP, CheckRule.OVER_SHELF_PRICE),
    "report": (CheckRule.REPORT_MISSING,),
}
"""Which open findings stand under which duty in the list of villages."""
VILLAGE_SORTS = ("name", "open", *DUTY_RULES)


@dataclass(frozen=True, slots=True)
class VillageDuties:
    """An institution that somebody looks after, with its open findings by duty."""

    id: int
    code: str
    name: str
    kind: InstitutionKind
    township: str
    found: dict[str, int]

    @property
    def open(self) -> int:
        """All of them."""
        return sum(self.found.values())


def village_duties(actor: Actor, *, on: date, words: str = "", sort: str = "-open") -> list[VillageDuties]:
    """The institutions that the actor looks after besides its own, with what the last checks found; two statements."""
    state, record = InstitutionRecord, FindingRecord
    rules = {rule: word for word, found in DUTY_RULES.items() for rule in found}
    counted: dict[int, dict[str, int]] = {}
    for institution_id, rule, number in db.session.execute(
        select(record.institution_id, record.rule, func.count())
        .where(
            record.state == FindingState.OPEN,
            record.rule.in_(rules),
            institutions_of(actor, record.institution_id, on),
        )
        .group_by(record.institution_id, record.rule)
    ):
        if institution_id is not None:
            counted.setdefault(institution_id, dict.fromkeys(DUTY_RULES, 0))[rules[rule]] += number
    statement = (
        select(Institution.id, Institution.code, state.name, state.kind, state.township)
        .join(state, and_(state.institution_id == Institution.id, current(state, on)))
        .where(institutions_of(actor, Institution.id, on), Institution.id != actor.institution_id)
        .order_by(Institution.code)
    )
    statement = statement.where(*with_words(words, state.name, state.township, Institution.code))
    rows = [
        VillageDuties(*row, counted.get(row.id, dict.fromkeys(DUTY_RULES, 0)))
        for row in db.session.execute(statement)
    ]
    key = sort.removeprefix("-")
    if key == "name":
        rows.sort(key=lambda row: row.name)
    else:
        rows.sort(key=lambda row: (row.open if key == "open" else row.found[key], row.code))
    return rows[::-1] if sort.startswith("-") else rows
