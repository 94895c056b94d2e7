"""Supply problems as lists and pages show them, for whom they concern (R-VOL-7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import County, Distributor, InstitutionRecord
from clinic_orders.models.volume import SupplyProblem
from clinic_orders.queries.lists import in_order, with_words
from clinic_orders.queries.reported import supply_problems_visible_to
from clinic_orders.queries.roster import current
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.supply import ProblemState, problem_state


@dataclass(frozen=True, slots=True)
class ProblemsWanted:
    """Which problems a list shows: words of item or reporter, a state (None = all), a county ("" = all)."""

    words: str = ""
    state: ProblemState | None = None
    county: str = ""


class ProblemRow(NamedTuple):
    """One supply problem with its names."""

    id: int
    item_code: str
    item: str
    form: str
    strength: str
    manufacturer: str
    county_code: str | None
    county: str
    first_day: date
    last_day: date | None
    backup_code: str
    backup: str
    reporter: str
    reported_by_name: str
    reported_at: datetime
    words: str
    verified_at: datetime | None
    verified_by: str
    refused_at: datetime | None
    refusal_reason: str
    version: int

    def state_on(self, on: date) -> ProblemState:
        """Where it stands on a day."""
        return problem_state(self, on=on)


def in_state(state: ProblemState, on: date) -> ColumnElement[bool]:
    """``rules.supply.problem_state`` in SQL (R-VOL-7)."""
    problem = SupplyProblem
    refused, verified = problem.refused_at.is_not(None), problem.verified_at.is_not(None)
    ended = and_(problem.last_day.is_not(None), problem.last_day < on)
    return {
        ProblemState.REFUSED: refused,
        ProblemState.WAITING: and_(~refused, ~verified),
        ProblemState.ENDED: and_(~refused, verified, ended),
        ProblemState.VERIFIED: and_(
            ~refused, verified, or_(problem.last_day.is_(None), problem.last_day >= on)
        ),
    }[state]


SORTS = ("item", "county", "first", "last", "reported")


def _listed(actor: Actor, on: date, wanted: ProblemsWanted) -> Select[*tuple[Any, ...]]:
    problem, backup = SupplyProblem, aliased(Item)
    reporter = aliased(InstitutionRecord, name="reporter")
    who = func.coalesce(reporter.name, Distributor.name, "")
    conditions = [problem.replaced_at.is_(None), supply_problems_visible_to(actor, on)]
    if wanted.state is not None:
        conditions.append(in_state(wanted.state, on))
    if wanted.county:
        conditions.append(or_(problem.county_code.is_(None), problem.county_code == wanted.county))
    conditions += with_words(
        wanted.words,
        Item.generic_name,
        Item.item_code,
        Item.manufacturer,
        backup.generic_name,
        problem.words,
        who,
    )
    return (
        select(
            problem.id,
            Item.item_code,
            Item.generic_name,
            Item.form,
            Item.strength,
            Item.manufacturer,
            problem.county_code,
            func.coalesce(County.name, ""),
            problem.first_day,
            problem.last_day,
            func.coalesce(backup.item_code, ""),
            func.coalesce(backup.generic_name, ""),
            who,
            problem.reported_by_name,
            problem.reported_at,
            problem.words,
            problem.verified_at,
            problem.verified_by,
            problem.refused_at,
            problem.refusal_reason,
            problem.version,
        )
        .join(Item, Item.id == problem.item_id)
        .outerjoin(County, County.code == problem.county_code)
        .outerjoin(backup, backup.id == problem.backup_item_id)
        .outerjoin(Distributor, Distributor.id == problem.reporting_distributor_id)
        .outerjoin(
            reporter, and_(reporter.institution_id == problem.reporting_institution_id, current(reporter, on))
        )
        .where(*conditions)
    )


def problems(
    actor: Actor,
    *,
    on: date,
    wanted: ProblemsWanted | None = None,
    sort: str = "-first",
    limit: int | None = None,
    offset: int = 0,
) -> list[ProblemRow]:
    """The problems of a page or a file; one statement."""
    columns: dict[str, Any] = {
        "item": Item.generic_name,
        "county": SupplyProblem.county_code,
        "first": SupplyProblem.first_day,
        "last": SupplyProblem.last_day,
        "reported": SupplyProblem.reported_at,
    }
    order = in_order(sort, columns, SupplyProblem.id)
    statement = _listed(actor, on, wanted or ProblemsWanted()).order_by(*order).limit(limit).offset(offset)
    return [ProblemRow._make(row) for row in db.session.execute(statement)]


def count_problems(actor: Actor, *, on: date, wanted: ProblemsWanted | None = None) -> int:
    """How many problems the filters leave."""
    listed = _listed(actor, on, wanted or ProblemsWanted()).with_only_columns(SupplyProblem.id).subquery()
    return db.session.scalar(select(func.count()).select_from(listed)) or 0


def find_problem(problem_id: int, actor: Actor, *, on: date) -> ProblemRow | None:
    """One problem, if the actor may see it."""
    row = db.session.execute(
        _listed(actor, on, ProblemsWanted()).where(SupplyProblem.id == problem_id)
    ).one_or_none()
    return None if row is None else ProblemRow._make(row)


class Shortage(NamedTuple):
    """What the order page says beside an item: since when it is short, and what counts meanwhile."""

    first_day: date
    backup: str


@lru_cache(maxsize=8)
def _shortages(on: date) -> Select[*tuple[Any, ...]]:
    """The question of ``shortages``, made once for a day: every order page asks it."""
    problem, backup = SupplyProblem, aliased(Item)
    return (
        select(Item.item_code, problem.first_day, func.coalesce(backup.generic_name, ""))
        .join(Item, Item.id == problem.item_id)
        .outerjoin(backup, backup.id == problem.backup_item_id)
        .where(
            problem.replaced_at.is_(None),
            in_state(ProblemState.VERIFIED, on),
            problem.first_day <= on,
            or_(problem.county_code.is_(None), problem.county_code == bindparam("county", type_=String)),
        )
        # A problem of the county says more than one of the city, so it comes last and stays.
        .order_by(problem.county_code.is_not(None), problem.first_day)
    )


def shortages(county_code: str, *, on: date) -> dict[str, Shortage]:
    """The verified problems that hold in a county on a day, by item code; one statement (R-VOL-7)."""
    rows = db.session.connection().execute(_shortages(on), {"county": county_code}).all()
    return {code: Shortage(first, name) for code, first, name in rows}


class ItemChoice(NamedTuple):
    """An item as a form offers it."""

    code: str
    text: str


def items_to_choose() -> list[ItemChoice]:
    """All items by name, as the forms of reports offer them."""
    rows = db.session.execute(
        select(
            Item.item_code, Item.generic_name, Item.form, Item.strength, Item.pack_size, Item.manufacturer
        ).order_by(Item.generic_name, Item.item_code)
    )
    return [
        ItemChoice(row.item_code, f"{row.generic_name} {row.strength}×{row.pack_size} {row.manufacturer}")
        for row in rows
    ]
