"""For whom an organisation may order: its villages with their mandates, its stores, its community (R-ROSTER-1, 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Integer, and_, bindparam, case, false, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.orders import Draft, DraftLine, Order
from clinic_orders.models.roster import Institution, InstitutionRecord, Mandate
from clinic_orders.queries.counting import Question
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current


class Tie(StrEnum):
    """What binds an institution to the one that may order for it."""

    SUPERVISED = "supervised"
    STORE = "store"
    COMMUNITY = "community"


@dataclass(frozen=True, slots=True)
class MemberRow:
    """An institution for which another may order, or could with a mandate."""

    institution_id: int
    code: str
    name: str
    phone: str
    tie: Tie
    mandate_from: date | None
    mandate_to: date | None
    for_review_at: datetime | None
    review_lines: int
    drafted_lines: int
    last_order_at: datetime | None

    @property
    def may_be_ordered_for(self) -> bool:
        """Whether orders can be made for it today."""
        return self.tie is not Tie.SUPERVISED or self.mandate_from is not None


MEMBER_SORTS: Final = frozenset({"waiting", "name", "tie", "mandate", "last"})
"""What the list of members may be sorted by."""


def members_of(ordering_id: int, *, on: date, words: str = "", sort: str = "waiting") -> list[MemberRow]:
    """The villages, stores and community members of an organisation on a day.

    Args:
        ordering_id: the organisation.
        on: the day.
        words: each must stand in a member's name or code.
        sort: one of MEMBER_SORTS, with ``-`` for the other way round; ``waiting``: what waits for it first.

    """
    record = InstitutionRecord
    own = Draft.__table__.alias("own_draft")
    mine = Draft.__table__.alias("my_draft")

    def lines(draft: Any) -> Any:
        return select(func.count()).where(DraftLine.draft_id == draft.c.id).correlate(draft).scalar_subquery()

    last = (
        select(func.max(Order.submitted_at))
        .where(Order.institution_id == Institution.id)
        .correlate(Institution)
        .scalar_subquery()
    )
    mandate = (
        select(Mandate.institution_id, func.max(Mandate.valid_from).label("since"))
        .where(
            Mandate.hospital_id == ordering_id,
            Mandate.valid_from <= on,
            or_(Mandate.valid_to.is_(None), Mandate.valid_to >= on),
        )
        .group_by(Mandate.institution_id)
        .subquery()
    )
    until = (
        select(Mandate.valid_to)
        .where(
            Mandate.institution_id == Institution.id,
            Mandate.hospital_id == ordering_id,
            Mandate.valid_from == mandate.c.since,
        )
        .correlate(Institution, mandate)
        .scalar_subquery()
    )
    tie = case(
        (record.headquarters_id == ordering_id, Tie.STORE.value),
        (record.supervisor_id == ordering_id, Tie.SUPERVISED.value),
        else_=Tie.COMMUNITY.value,
    )
    statement: Any = (
        select(
            Institution.id,
            Institution.code,
            record.name,
            record.phone,
            tie,
            mandate.c.since,
            until,
            own.c.for_review_at,
            lines(own),
            lines(mine),
            last,
        )
        .join(record, record.institution_id == Institution.id)
        .outerjoin(mandate, mandate.c.institution_id == Institution.id)
        .outerjoin(
            own,
            and_(
                own.c.institution_id == Institution.id,
                own.c.ordering_id == Institution.id,
                own.c.emergency == false(),
                own.c.for_review_at.is_not(None),
            ),
        )
        .outerjoin(
            mine,
            and_(
                mine.c.institution_id == Institution.id,
                mine.c.ordering_id == ordering_id,
                mine.c.emergency == false(),
            ),
        )
        .where(
            current(record, on),
            Institution.id != ordering_id,
            or_(
                record.supervisor_id == ordering_id,
                record.headquarters_id == ordering_id,
                record.lead_hospital_id == ordering_id,
                mandate.c.since.is_not(None),
            ),
            or_(record.left_on.is_(None), record.left_on >= on),
        )
        .order_by(own.c.for_review_at.is_(None), record.name, Institution.code)
    )
    statement = statement.where(*with_words(words, record.name, Institution.code))
    rows = [
        MemberRow(
            institution_id=row[0],
            code=row[1],
            name=row[2],
            phone=row[3],
            tie=Tie(row[4]),
            mandate_from=row[5],
            mandate_to=row[6],
            for_review_at=row[7],
            review_lines=row[8] or 0,
            drafted_lines=row[9] or 0,
            last_order_at=row[10],
        )
        for row in db.session.execute(statement)
    ]
    return _sorted(rows, sort)


def _sorted(rows: list[MemberRow], sort: str) -> list[MemberRow]:
    """The rows, which come as what waits first and then by name, in the wanted order; no date counts as the latest."""
    keys: dict[str, Callable[[MemberRow], Any]] = {
        "waiting": lambda row: row.for_review_at is None,
        "name": lambda row: row.name,
        "tie": lambda row: row.tie,
        "mandate": lambda row: row.mandate_from or date.max,
        "last": lambda row: row.last_order_at or datetime.max.replace(tzinfo=UTC),
    }
    return sorted(rows, key=keys[sort.removeprefix("-")], reverse=sort.startswith("-"))


@dataclass(frozen=True, slots=True)
class MandateRow:
    """A mandate as its village sees it."""

    id: int
    hospital_id: int
    hospital: str
    valid_from: date
    valid_to: date | None


def mandates_of(institution_id: int, *, on: date) -> list[MandateRow]:
    """The mandates that an institution has given, the newest first."""
    record = InstitutionRecord
    rows = db.session.execute(
        select(Mandate.id, Mandate.hospital_id, record.name, Mandate.valid_from, Mandate.valid_to)
        .join(record, and_(record.institution_id == Mandate.hospital_id, current(record, on)))
        .where(Mandate.institution_id == institution_id)
        .order_by(Mandate.valid_from.desc(), Mandate.id.desc())
    )
    return [MandateRow(*row) for row in rows]


# Every page of a hospital asks, so it is made once.
_REVIEWS = (
    select(func.count())
    .select_from(Draft)
    .join(InstitutionRecord, InstitutionRecord.institution_id == Draft.institution_id)
    .where(
        Draft.for_review_at.is_not(None),
        InstitutionRecord.valid_before.is_(None),
        InstitutionRecord.supervisor_id == bindparam("hospital", type_=Integer),
    )
)


def reviews_question(hospital_id: int) -> Question:
    """How many drafts of its villages wait for a hospital, to be asked with other numbers."""
    return Question(_REVIEWS, {"hospital": hospital_id})
