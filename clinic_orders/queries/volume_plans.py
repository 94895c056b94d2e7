"""Planned volume as the bureau reads it: who reported and who did not, what it would become, what it became (R-VOL-1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, case, exists, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.reports import PlannedVolume, VolumeConversion, VolumeConversionRow
from clinic_orders.models.roster import County, Institution, InstitutionRecord, Membership
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries.reports import volume_day
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.days import Quarter, day_in_china
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Actor, InstitutionKind
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.reporting import planning_due
from clinic_orders.rules.volume import Cycle, check_cycle
from clinic_orders.rules.volume_conversion import Ratios

STATES = ("missing", "late", "waiting", "reported", "not_owed")
"""How a member stands with its report, what needs the bureau first."""
SORTS = ("name", "place", "kind", "state", "items", "packs", "reported")


@dataclass(frozen=True, slots=True)
class PlansWanted:
    """Whose planned volume is wanted; empty = all. ``state`` is one of STATES."""

    words: str = ""
    county: str = ""
    kind: InstitutionKind | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A member with its report of a quarter.

    Attributes:
        items, packs: of the report, what is 0 left out; None each where there is no report.
        first_at: when the oldest figure that stands came in.
        due_on: the last day on which it is in time; None where policy sets none.
        state: reported in time, late, missing, waiting (not due yet) or not owed.

    """

    id: int
    code: str
    name: str
    kind: InstitutionKind
    county_code: str
    county: str
    township: str
    items: int | None
    packs: int | None
    first_at: datetime | None
    due_on: date | None
    state: str


def _state(first_at: datetime | None, due_on: date | None, on: date) -> str:
    if first_at is not None:
        return "late" if due_on is not None and day_in_china(first_at) > due_on else "reported"
    if due_on is None:
        return "not_owed"
    return "missing" if on > due_on else "waiting"


def plans(actor: Actor, quarter: Quarter, *, on: date, book: PolicyBook) -> list[PlanRow]:
    """The members of the day by which the report is due, or of today before it, and whoever else reported.

    One statement; some thousand rows in a prefecture.
    """
    plan, state = PlannedVolume, InstitutionRecord
    day = min(on, quarter.last_day)
    reported = (
        select(
            plan.institution_id,
            func.sum(case((plan.packs > 0, 1), else_=0)).label("planned_items"),
            func.sum(plan.packs).label("packs"),
            func.min(plan.recorded_at).label("first_at"),
        )
        .where(plan.quarter == str(quarter), plan.replaced_at.is_(None))
        .group_by(plan.institution_id)
        .subquery()
    )
    member = exists().where(
        Membership.institution_id == Institution.id,
        Membership.joined_on <= day,
        or_(Membership.left_on.is_(None), Membership.left_on >= day),
    )
    statement = (
        select(
            Institution.id,
            Institution.code,
            state.name,
            state.kind,
            state.scale,
            state.county_code,
            func.coalesce(County.name, "").label("county"),
            state.township,
            reported.c.planned_items,
            reported.c.packs,
            reported.c.first_at,
            member.label("member"),
        )
        .join(state, and_(state.institution_id == Institution.id, current(state, day)))
        .outerjoin(County, County.code == state.county_code)
        .outerjoin(reported, reported.c.institution_id == Institution.id)
        .where(
            institutions_of(actor, Institution.id, on),
            or_(member, reported.c.institution_id.is_not(None)),
        )
        .order_by(Institution.code)
    )
    due: dict[tuple[InstitutionKind, str], date | None] = {}
    found = []
    for row in db.session.execute(statement):
        who = (row.kind, row.scale)
        if who not in due:
            number = volume_day(book, quarter, row.kind, row.scale)
            due[who] = planning_due(quarter, volume_day=number)
        due_on = due[who] if row.member else None
        found.append(
            PlanRow(
                row.id,
                row.code,
                row.name,
                row.kind,
                row.county_code,
                row.county,
                row.township,
                None if row.planned_items is None else int(row.planned_items),
                None if row.packs is None else int(row.packs),
                row.first_at,
                due_on,
                _state(row.first_at, due_on, on),
            )
        )
    return found


def fitting(rows: Iterable[PlanRow], wanted: PlansWanted, sort: str) -> list[PlanRow]:
    """Those that a list shows, in its order."""
    words = [word.casefold() for word in wanted.words.split()[:5]]
    found = [
        row
        for row in rows
        if (not wanted.county or row.county_code == wanted.county)
        and (wanted.kind is None or row.kind is wanted.kind)
        and (not wanted.state or row.state == wanted.state)
        and all(word in f"{row.name} {row.code} {row.township}".casefold() for word in words)
    ]
    keys: dict[str, Any] = {
        "name": lambda row: row.name,
        "place": lambda row: (row.county, row.township, row.name),
        "kind": lambda row: (row.kind, row.name),
        "state": lambda row: (STATES.index(row.state), row.code),
        "items": lambda row: row.items or 0,
        "packs": lambda row: row.packs or 0,
        "reported": lambda row: 0.0 if row.first_at is None else row.first_at.timestamp(),
    }
    found.sort(key=keys[sort.removeprefix("-")], reverse=sort.startswith("-"))
    return found


@dataclass(slots=True)
class CountyPlans:
    """How many members of a county are in which state."""

    code: str
    name: str
    states: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))

    @property
    def owed(self) -> int:
        """Members that owe a report, whether or not it is due yet."""
        return sum(number for state, number in self.states.items() if state != "not_owed")


def by_county(rows: Iterable[PlanRow]) -> list[CountyPlans]:
    """The members by county and state, the most missing first."""
    found: dict[str, CountyPlans] = {}
    for row in rows:
        found.setdefault(row.county_code, CountyPlans(row.county_code, row.county)).states[row.state] += 1
    return sorted(found.values(), key=lambda one: (-one.states["missing"], one.code))


class PlannedItem(NamedTuple):
    """An item of a report, with the agreed packs that a conversion made of it; None where none did."""

    item_code: str
    name: str
    strength: str
    manufacturer: str
    packs: int
    agreed: int | None
    cycle_start: date | None
    cycle_end: date | None


def planned_items(institution_id: int, quarter: Quarter) -> list[PlannedItem]:
    """What an institution reported for a quarter, by item; one statement."""
    plan, made = PlannedVolume, _converted(quarter)
    statement = (
        select(
            Item.item_code,
            Item.generic_name,
            Item.strength,
            Item.manufacturer,
            plan.packs,
            made.c.agreed_packs,
            made.c.cycle_start,
            made.c.cycle_end,
        )
        .join(plan, plan.item_id == Item.id)
        .outerjoin(made, and_(made.c.institution_id == plan.institution_id, made.c.item_id == plan.item_id))
        .where(
            plan.institution_id == institution_id,
            plan.quarter == str(quarter),
            plan.replaced_at.is_(None),
        )
        .order_by(Item.item_code)
    )
    return [PlannedItem._make(row) for row in db.session.execute(statement)]


def quarters_reported() -> list[Quarter]:
    """The quarters of which anything was reported, the latest first."""
    statement = select(PlannedVolume.quarter).where(PlannedVolume.replaced_at.is_(None)).distinct()
    return sorted((Quarter.parse(one) for one in db.session.scalars(statement)), key=str, reverse=True)


# What it would become ---------------------------------------------------------------------------------------


def _converted(quarter: Quarter) -> Any:
    """The agreed volumes that standing conversions of a quarter made and that still stand."""
    agreed, row, made = AgreedVolume, VolumeConversionRow, VolumeConversion
    return (
        select(
            agreed.institution_id, agreed.item_id, agreed.agreed_packs, agreed.cycle_start, agreed.cycle_end
        )
        .join(row, row.agreed_volume_id == agreed.id)
        .join(made, made.id == row.conversion_id)
        .where(made.quarter == str(quarter), made.taken_back_at.is_(None), agreed.replaced_at.is_(None))
        .subquery()
    )


@dataclass(slots=True)
class ItemPlan:
    """An item of a quarter's plans.

    Attributes:
        institutions, planned: whose reports name it, and their packs, as far as they are still to be converted.
        refusal: why it can't be converted for the days that are asked for: another cycle has some of them.

    """

    id: int
    code: str
    name: str
    strength: str
    institutions: int = 0
    planned: int = 0
    agreed: int = 0
    refusal: RuleBroken | None = None


@dataclass(slots=True)
class InstitutionPlan:
    """An institution of a conversion: items, planned and agreed packs."""

    id: int
    code: str
    name: str
    kind: InstitutionKind
    county: str
    items: int = 0
    planned: int = 0
    agreed: int = 0


class NewAgreement(NamedTuple):
    """A row that a conversion would make."""

    institution_id: int
    item_id: int
    reported: int
    agreed: int


@dataclass(slots=True)
class Preview:
    """What a conversion would make.

    Attributes:
        items: every item with planned packs that are not converted yet, by code.
        institutions: whoever would get an agreement, by code.
        rows: the agreements.
        known: how many planned rows are left out because the institution has an agreement for the item that
            begins on that day already.

    """

    items: list[ItemPlan]
    institutions: list[InstitutionPlan]
    rows: list[NewAgreement]
    known: int

    @property
    def packs(self) -> int:
        """Agreed packs in all."""
        return sum(row.agreed for row in self.rows)


def _to_convert(quarter: Quarter) -> Sequence[Any]:
    """The planned rows above 0 that no standing conversion of the quarter has turned already."""
    plan, made = PlannedVolume, _converted(quarter)
    statement = (
        select(plan.institution_id, plan.item_id, plan.packs)
        .outerjoin(made, and_(made.c.institution_id == plan.institution_id, made.c.item_id == plan.item_id))
        .where(
            plan.quarter == str(quarter),
            plan.replaced_at.is_(None),
            plan.packs > 0,
            made.c.item_id.is_(None),
        )
        .order_by(plan.institution_id, plan.item_id)
    )
    return db.session.connection().execute(statement).all()


def preview(quarter: Quarter, cycle: Cycle | None, ratios: Ratios, *, on: date) -> Preview:
    """What the plans of a quarter would become; four statements.

    Args:
        quarter: of the reports.
        cycle: the days of the agreement; None: only what is planned is wanted, no agreements.
        ratios: in per cent.
        on: the day of the names.

    """
    planned = _to_convert(quarter)
    items = {
        row.id: ItemPlan(row.id, row.item_code, row.generic_name, row.strength)
        for row in db.session.execute(
            select(Item.id, Item.item_code, Item.generic_name, Item.strength)
            .where(Item.id.in_(sorted({row.item_id for row in planned})))
            .order_by(Item.item_code)
        )
    }
    for row in planned:
        item = items[row.item_id]
        item.institutions += 1
        item.planned += row.packs
    found = Preview(list(items.values()), [], [], 0)
    if cycle is None:
        return found
    _refuse_clashing(items, cycle)
    agreed = AgreedVolume
    known = {
        (row.institution_id, row.item_id)
        for row in db.session.connection().execute(
            select(agreed.institution_id, agreed.item_id).where(
                agreed.cycle_start == cycle.first, agreed.replaced_at.is_(None)
            )
        )
    }
    own: dict[int, InstitutionPlan] = {}
    names = _names(on) if planned else {}
    for institution_id, item_id, packs in planned:
        item = items[item_id]
        if item.refusal is not None:
            continue
        if (institution_id, item_id) in known:
            found.known += 1
            continue
        number = ratios.agreed(item.code, packs)
        found.rows.append(NewAgreement(institution_id, item_id, packs, number))
        item.agreed += number
        one = own.setdefault(institution_id, InstitutionPlan(institution_id, *names[institution_id]))
        one.items += 1
        one.planned += packs
        one.agreed += number
    found.institutions = sorted(own.values(), key=lambda one: one.code)
    return found


def _names(on: date) -> dict[int, tuple[str, str, InstitutionKind, str]]:
    state = InstitutionRecord
    latest = (
        select(state.institution_id, func.max(state.valid_from).label("day"))
        .group_by(state.institution_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Institution.id, Institution.code, state.name, state.kind, func.coalesce(County.name, ""))
        .join(state, state.institution_id == Institution.id)
        .join(
            latest,
            and_(latest.c.institution_id == state.institution_id, latest.c.day == state.valid_from),
        )
        .outerjoin(County, County.code == state.county_code)
    )
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}


def _refuse_clashing(items: dict[int, ItemPlan], cycle: Cycle) -> None:
    """Say at each item which other cycle of it has some of the days (R-VOL-1)."""
    row = AgreedVolume
    known: dict[int, set[Cycle]] = {}
    for item_id, first, last in db.session.execute(
        select(row.item_id, row.cycle_start, row.cycle_end)
        .where(row.item_id.in_(sorted(items)), row.replaced_at.is_(None), row.cycle_end >= cycle.first)
        .distinct()
    ):
        known.setdefault(item_id, set()).add(Cycle(first, last))
    for item_id, item in items.items():
        try:
            check_cycle(cycle, known.get(item_id, ()))
        except RuleBroken as refusal:
            item.refusal = refusal
