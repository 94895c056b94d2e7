"""The roster as the bureaus read it: who is on it as of a day, and one institution with its whole history (R-ROSTER)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.accounts import RoleAssignment
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import (
    Commitment,
    County,
    DeliveryRelation,
    Institution,
    InstitutionRecord,
    Mandate,
    Membership,
    Suspension,
    Township,
)
from clinic_orders.queries.files import institution_rows
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.parties import SUPERVISED_KINDS, SUPERVISING_KINDS, Actor, InstitutionKind, Role
from clinic_orders.rules.roster import Days, covers, is_in_force, letter_in_force

STATES = ("member", "left", "suspended")
LACKS = ("letter", "account", "supervisor")


@dataclass(frozen=True, slots=True)
class InstitutionFilter:
    """Whom the reader of the roster looks for; empty = all.

    Attributes:
        words: parts of name, code, township or village, all of which must be there.
        county, township: where it is.
        kind: its kind.
        state: one of STATES.
        lacks: one of LACKS: a member without a letter in force, without an account, a village without a hospital.

    """

    words: str = ""
    county: str = ""
    township: str = ""
    kind: InstitutionKind | None = None
    state: str = ""
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class InstitutionRow:
    """One institution in the list, as of a day.

    Attributes:
        joined_on, left_on: of the latest membership that has begun; None where none has.
        is_member, has_letter, is_suspended: on that day.

    """

    id: int
    code: str
    name: str
    kind: InstitutionKind
    county: str
    township: str
    village: str
    supervisor: str
    joined_on: date | None
    left_on: date | None
    is_member: bool
    has_letter: bool
    is_suspended: bool


_state = InstitutionRecord
_hospital = aliased(InstitutionRecord)
_earlier = aliased(InstitutionRecord)


def shown_state(on: date) -> ColumnElement[bool]:
    """The condition that picks one record of every institution: that of the day, or the first if it lies ahead."""
    first_ahead = ~exists().where(
        _earlier.institution_id == _state.institution_id, _earlier.valid_from < _state.valid_from
    )
    return or_(current(_state, on), and_(_state.valid_from > on, first_ahead))


def _is_member(on: date) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            Membership.institution_id == _state.institution_id,
            Membership.joined_on <= on,
            or_(Membership.left_on.is_(None), Membership.left_on >= on),
        )
        .correlate(_state)
    )


def _has_letter(on: date) -> ColumnElement[bool]:
    """The latest letter signed by the day has not ended; the same as ``rules.roster.letter_in_force`` (R-ROSTER-4)."""
    later = aliased(Commitment)
    return (
        exists()
        .where(
            Commitment.institution_id == _state.institution_id,
            Commitment.signed_on <= on,
            or_(Commitment.ends_on.is_(None), Commitment.ends_on >= on),
            ~exists().where(
                later.institution_id == Commitment.institution_id,
                later.signed_on > Commitment.signed_on,
                later.signed_on <= on,
            ),
        )
        .correlate(_state)
    )


def _is_suspended(on: date) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            Suspension.institution_id == _state.institution_id,
            Suspension.first_day <= on,
            Suspension.last_day >= on,
            or_(Suspension.lifted_on.is_(None), Suspension.lifted_on > on),
        )
        .correlate(_state)
    )


def _has_account(on: date) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            RoleAssignment.institution_id == _state.institution_id,
            RoleAssignment.valid_from <= on,
            or_(RoleAssignment.valid_to.is_(None), RoleAssignment.valid_to >= on),
        )
        .correlate(_state)
    )


def _lacks(what: str, on: date) -> list[ColumnElement[bool]]:
    if what == "letter":
        return [_is_member(on), ~_has_letter(on)]
    if what == "account":
        # A store whose headquarters orders for it shares the headquarters' account (R-ROSTER-1).
        return [_is_member(on), ~_has_account(on), _state.headquarters_id.is_(None)]
    return [_is_member(on), _state.kind.in_(SUPERVISED_KINDS), _state.supervisor_id.is_(None)]


def _conditions(by: Actor, wanted: InstitutionFilter, on: date) -> list[ColumnElement[bool]]:
    conditions = [shown_state(on), institutions_of(by, _state.institution_id, on)]
    conditions += with_words(wanted.words, _state.name, _state.township, _state.village, Institution.code)
    if wanted.county:
        conditions.append(_state.county_code == wanted.county)
    if wanted.township:
        conditions.append(_state.township == wanted.township)
    if wanted.kind is not None:
        conditions.append(_state.kind == wanted.kind)
    if wanted.state == "member":
        conditions.append(_is_member(on))
    elif wanted.state == "left":
        conditions.append(~_is_member(on))
    elif wanted.state == "suspended":
        conditions.append(_is_suspended(on))
    if wanted.lacks in LACKS:
        conditions.extend(_lacks(wanted.lacks, on))
    return conditions


_spell_began = (
    select(func.max(Membership.joined_on))
    .where(Membership.institution_id == _state.institution_id)
    .correlate(_state)
    .scalar_subquery()
)
SORTS: dict[str, Any] = {
    "name": _state.name,
    "code": Institution.code,
    "place": County.code,
    "kind": _state.kind,
    "joined": _spell_began,
}


def _list(by: Actor, wanted: InstitutionFilter, on: date, *columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .select_from(_state)
        .join(Institution, Institution.id == _state.institution_id)
        .where(*_conditions(by, wanted, on))
    )


def count_institutions(by: Actor, wanted: InstitutionFilter, *, on: date) -> int:
    """How many institutions of the roster fit."""
    total: int = db.session.execute(_list(by, wanted, on, func.count())).scalar_one()
    return total


def institutions_page(
    by: Actor, wanted: InstitutionFilter, *, on: date, sort: str = "name", offset: int = 0, limit: int = 50
) -> list[InstitutionRow]:
    """One page of the institutions that fit, as of a day; one statement."""
    spell = (
        select(Membership.id)
        .where(Membership.institution_id == _state.institution_id, Membership.joined_on <= on)
        .order_by(Membership.joined_on.desc())
        .limit(1)
        .correlate(_state)
        .scalar_subquery()
    )
    column = SORTS[sort.removeprefix("-")]
    statement = (
        _list(
            by,
            wanted,
            on,
            Institution.id,
            Institution.code,
            _state.name,
            _state.kind,
            County.name.label("county"),
            _state.township,
            _state.village,
            _hospital.name.label("supervisor"),
            Membership.joined_on,
            Membership.left_on,
            _has_letter(on).label("has_letter"),
            _is_suspended(on).label("is_suspended"),
        )
        .outerjoin(County, County.code == _state.county_code)
        .outerjoin(
            _hospital,
            and_(
                _hospital.institution_id == _state.supervisor_id,
                _hospital.valid_from <= on,
                or_(_hospital.valid_before.is_(None), _hospital.valid_before > on),
            ),
        )
        .outerjoin(Membership, Membership.id == spell)
        .order_by(column.desc() if sort.startswith("-") else column, Institution.code)
        .offset(offset)
        .limit(limit)
    )
    return [
        InstitutionRow(
            row.id,
            row.code,
            row.name,
            row.kind,
            row.county or "",
            row.township,
            row.village,
            row.supervisor or "",
            row.joined_on,
            row.left_on,
            row.joined_on is not None and covers(row.joined_on, row.left_on, on),
            bool(row.has_letter),
            bool(row.is_suspended),
        )
        for row in db.session.execute(statement)
    ]


def institution_file(by: Actor, wanted: InstitutionFilter, *, on: date) -> Iterator[dict[str, Any]]:
    """The institutions that fit, with all their dated records, as rows of the import kind ``institutions``."""
    fitting = _list(by, wanted, on, _state.institution_id).scalar_subquery()
    yield from institution_rows(InstitutionRecord.institution_id.in_(fitting))


def counties(by: Actor) -> list[tuple[str, str]]:
    """The counties whose rows the actor may see, code and name; one statement."""
    statement = select(County.code, County.name).order_by(County.code)
    if by.role is Role.COUNTY:
        statement = statement.where(County.code == by.county_code)
    return [(row.code, row.name) for row in db.session.execute(statement)]


def townships(by: Actor, county: str = "") -> list[str]:
    """The townships of a county, or of the actor's own; none for a whole city, whose list would be too long."""
    code = by.county_code if by.role is Role.COUNTY else county
    if not code:
        return []
    return list(
        db.session.scalars(select(Township.name).where(Township.county_code == code).order_by(Township.code))
    )


def hospitals(on: date) -> list[tuple[str, str]]:
    """The hospitals and health centers that can supervise, code and name with county, for a form."""
    rows = db.session.execute(
        select(Institution.code, _state.name, County.name.label("county"))
        .select_from(_state)
        .join(Institution, Institution.id == _state.institution_id)
        .outerjoin(County, County.code == _state.county_code)
        .where(shown_state(on), _state.kind.in_(SUPERVISING_KINDS))
        .order_by(County.code, _state.name)
    )
    return [(row.code, f"{row.county or ''} {row.name}（{row.code}）".strip()) for row in rows]


# One institution --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InstitutionSheet:
    """One institution with all that the roster knows about it.

    Attributes:
        state: the record of the day, or the nearest one.
        records, memberships, letters, suspensions: all, newest first.
        mandates: those it gave or holds, newest first.
        names: name and code of the institutions that the records and mandates speak of, by row id.
        counties: names by code.
        relations: relations of its own in force, and how many.
        accounts, orders, supervised: how many.

    """

    institution: Institution
    on: date
    state: InstitutionRecord
    records: Sequence[InstitutionRecord]
    memberships: Sequence[Membership]
    letters: Sequence[Commitment]
    mandates: Sequence[Mandate]
    suspensions: Sequence[Suspension]
    names: dict[int, tuple[str, str]]
    counties: dict[str, str]
    relations: int
    accounts: int
    orders: int
    supervised: int

    @property
    def is_member(self) -> bool:
        """Whether it is on the roster on the day (R-ROSTER-3)."""
        return is_in_force((Days(row.joined_on, row.left_on) for row in self.memberships), on=self.on)

    @property
    def letter(self) -> Commitment | None:
        """The letter in force (R-ROSTER-4)."""
        return letter_in_force(self.letters, on=self.on)

    @property
    def suspension(self) -> Suspension | None:
        """The suspension that acts on the day."""
        return next(
            (
                row
                for row in self.suspensions
                if covers(row.first_day, row.last_day, self.on)
                and (row.lifted_on is None or self.on < row.lifted_on)
            ),
            None,
        )


def _all(model: Any, condition: ColumnElement[bool], order: Any) -> list[Any]:
    return list(db.session.scalars(select(model).where(condition).order_by(order.desc())))


def _count(model: Any, *conditions: ColumnElement[bool]) -> int:
    return db.session.execute(select(func.count()).select_from(model).where(*conditions)).scalar_one()


def _names(ids: Iterable[int | None], on: date) -> dict[int, tuple[str, str]]:
    rows = db.session.execute(
        select(_state.institution_id, _state.name, Institution.code)
        .join(Institution, Institution.id == _state.institution_id)
        .where(shown_state(on), _state.institution_id.in_({id_ for id_ in ids if id_ is not None}))
    )
    return {row.institution_id: (row.name, row.code) for row in rows}


def institution_sheet(institution_id: int, by: Actor, *, on: date) -> InstitutionSheet | None:
    """One institution as of a day; None if the actor may not see it. A fixed number of statements."""
    institution = db.session.scalars(
        select(Institution).where(Institution.id == institution_id, institutions_of(by, Institution.id, on))
    ).one_or_none()
    if institution is None:
        return None
    records = _all(
        InstitutionRecord, InstitutionRecord.institution_id == institution_id, InstitutionRecord.valid_from
    )
    mandates = _all(
        Mandate,
        or_(Mandate.institution_id == institution_id, Mandate.hospital_id == institution_id),
        Mandate.valid_from,
    )
    spoken_of = [row.supervisor_id for row in records]
    spoken_of += [row.headquarters_id for row in records] + [row.lead_hospital_id for row in records]
    spoken_of += [row.institution_id for row in mandates] + [row.hospital_id for row in mandates]
    relation = DeliveryRelation
    return InstitutionSheet(
        institution=institution,
        on=on,
        state=next((row for row in records if row.valid_from <= on), records[-1]),
        records=records,
        memberships=_all(Membership, Membership.institution_id == institution_id, Membership.joined_on),
        letters=_all(Commitment, Commitment.institution_id == institution_id, Commitment.signed_on),
        mandates=mandates,
        suspensions=_all(Suspension, Suspension.institution_id == institution_id, Suspension.first_day),
        names=_names(spoken_of, on),
        counties={row.code: row.name for row in db.session.execute(select(County.code, County.name))},
        relations=_count(
            relation,
            relation.institution_id == institution_id,
            or_(relation.valid_to.is_(None), relation.valid_to >= on),
        ),
        accounts=_count(
            RoleAssignment,
            RoleAssignment.institution_id == institution_id,
            or_(RoleAssignment.valid_to.is_(None), RoleAssignment.valid_to >= on),
        ),
        orders=_count(Order, Order.institution_id == institution_id),
        supervised=_count(_state, current(_state, on), _state.supervisor_id == institution_id),
    )


def file_rows_of(institution_id: int) -> list[dict[str, Any]]:
    """All dated records of one institution in the columns of the import kind, oldest first; one statement."""
    return list(institution_rows(InstitutionRecord.institution_id == institution_id))


def institution_id_of(code: str) -> int | None:
    """The row id of the institution with a code."""
    return db.session.scalar(select(Institution.id).where(Institution.code == code))
