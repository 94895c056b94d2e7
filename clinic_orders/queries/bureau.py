"""What needs a bureau today, in figures that open their rows, and its alarms (R-CAT-3, R-ORD-6, R-ORD-9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select
from sqlalchemy.orm import aliased

from clinic_orders.models.accounts import User
from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.models.notices import Alarm
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import County, InstitutionRecord
from clinic_orders.queries.arrears import holds_count
from clinic_orders.queries.askers import Asking, anybody, asking
from clinic_orders.queries.counting import Question, numbers
from clinic_orders.queries.deadlines import awaits_answer_then, has_lapsed_then, instants_of
from clinic_orders.queries.institutions import LACKS, InstitutionFilter, count_institutions
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.relations import gaps
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import alarms_visible_to, orders_visible_to
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.parties import Actor, InstitutionKind, Permission
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.policy_parameters import PARAMETERS

LAPSED_DAYS = 7
"""For how many days a lapsed order stands on the desk."""


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Which alarms are wanted; empty = all.

    Attributes:
        words: parts of the institution's, item's or order's name.
        kind: stable word of the alarm.
        county: its code.
        state: "open" or "closed".
        institution_kind: kind of the institution.

    """

    words: str = ""
    kind: str = ""
    county: str = ""
    state: str = "open"
    institution_kind: InstitutionKind | None = None


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One alarm in the list, with its names as of today."""

    id: int
    kind: str
    institution_id: int | None
    institution: str
    institution_kind: InstitutionKind | None
    county: str
    township: str
    item: str
    order_no: str
    reason: str
    times: int
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None
    closed_by: str
    closed_reason: str


_record = InstitutionRecord
ALARM_SORTS: dict[str, Any] = {
    "kind": Alarm.kind,
    "first": Alarm.first_at,
    "last": Alarm.last_at,
    "times": Alarm.times,
    "institution": _record.name,
    "place": Alarm.county_code,
    "order": Order.order_no,
}


def _alarm_conditions(by: Actor, wanted: AlarmFilter) -> list[ColumnElement[bool]]:
    conditions = [alarms_visible_to(by)]
    conditions += with_words(
        wanted.words, _record.name, _record.township, Alarm.facts["item"].as_string(), Order.order_no
    )
    if wanted.kind:
        conditions.append(Alarm.kind == wanted.kind)
    if wanted.county:
        conditions.append(Alarm.county_code == wanted.county)
    if wanted.institution_kind is not None:
        conditions.append(_record.kind == wanted.institution_kind)
    if wanted.state == "open":
        conditions.append(Alarm.closed_at.is_(None))
    elif wanted.state == "closed":
        conditions.append(Alarm.closed_at.is_not(None))
    return conditions


def _alarm_list(by: Actor, wanted: AlarmFilter, on: date, *columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .select_from(Alarm)
        .outerjoin(_record, and_(_record.institution_id == Alarm.institution_id, current(_record, on)))
        .outerjoin(County, County.code == Alarm.county_code)
        .outerjoin(Order, Order.id == Alarm.order_id)
        .where(*_alarm_conditions(by, wanted))
    )


def count_alarms(by: Actor, wanted: AlarmFilter, *, on: date) -> int:
    """How many alarms fit."""
    total: int = db.session.execute(_alarm_list(by, wanted, on, func.count())).scalar_one()
    return total


def alarms_page(
    by: Actor,
    wanted: AlarmFilter,
    *,
    on: date,
    sort: str = "-last",
    offset: int = 0,
    limit: int | None = 50,
) -> list[AlarmRow]:
    """One page of the alarms that fit; one statement."""
    column = ALARM_SORTS[sort.removeprefix("-")]
    closer = aliased(User)
    statement = (
        _alarm_list(
            by,
            wanted,
            on,
            Alarm,
            _record.name.label("institution"),
            _record.kind.label("institution_kind"),
            _record.township,
            County.name.label("county"),
            Order.order_no,
            closer.name.label("closed_by"),
        )
        .outerjoin(closer, closer.id == Alarm.closed_by_id)
        .order_by(column.desc() if sort.startswith("-") else column, Alarm.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [_alarm_row(row) for row in db.session.execute(statement)]


def _alarm_row(row: Any) -> AlarmRow:
    alarm: Alarm = row.Alarm
    facts = alarm.facts or {}
    return AlarmRow(
        id=alarm.id,
        kind=alarm.kind,
        institution_id=alarm.institution_id,
        institution=row.institution or facts.get("institution", ""),
        institution_kind=row.institution_kind,
        county=row.county or "",
        township=row.township or "",
        item=facts.get("item", ""),
        order_no=row.order_no or facts.get("order_no", ""),
        reason=facts.get("reason", ""),
        times=alarm.times,
        first_at=alarm.first_at,
        last_at=alarm.last_at,
        closed_at=alarm.closed_at,
        closed_by=row.closed_by or "",
        closed_reason=alarm.closed_reason,
    )


# The desk ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Desk:
    """What needs a bureau today.

    Attributes:
        to_do: how many matters wait for a word today, as beside the desk's tab: alarms, orders, failed jobs.
        alarms: open ones by kind.
        alarms_by_county: open ones by county code and name, most first.
        newest: some open alarms, longest open first.
        due_today: unanswered orders whose answer is due by the end of the day.
        emergencies: unanswered emergency orders.
        lapsed: orders that lapsed in the last LAPSED_DAYS days.
        lacking: members by what they lack (``institutions.LACKS``).
        gap_items: items that nobody delivers somewhere, each county's once.
        holds: running payment holds (R-PAY-5).
        failed_jobs: jobs whose last run failed; None where that is not the reader's business.
        last_run: when a job last ended well.

    """

    to_do: int
    alarms: dict[str, int]
    alarms_by_county: list[tuple[str, str, int]]
    newest: Sequence[AlarmRow]
    due_today: int
    emergencies: int
    lapsed: int
    lacking: dict[str, int]
    gap_items: int
    holds: int
    failed_jobs: list[str] | None
    last_run: datetime | None

    @property
    def open_alarms(self) -> int:
        """All open alarms."""
        return sum(self.alarms.values())


def _orders(kind: Asking, on: date, *conditions: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(Order).where(orders_visible_to(anybody(kind), on), *conditions)


class _Matters(NamedTuple):
    """What waits for a word of the bureau, each counted by a statement that is made once."""

    alarms: Select[int]
    due_today: Select[int]
    lapsed: Select[int]
    failed_jobs: Select[int] | None


@lru_cache(maxsize=64)
def _matters(kind: Asking, on: date) -> _Matters:
    alarms = select(func.count()).select_from(Alarm)
    due, since = Order.answer_due_at, Order.submitted_at
    return _Matters(
        alarms.where(Alarm.closed_at.is_(None), alarms_visible_to(anybody(kind))),
        _orders(kind, on, awaits_answer_then(), due <= bindparam("day_ends", type_=UtcDateTime)),
        _orders(kind, on, has_lapsed_then(), since >= bindparam("lapsed_since", type_=UtcDateTime)),
        select(func.count()).select_from(_failed_jobs().subquery())
        if anybody(kind).may(Permission.JOBS_RUN)
        else None,
    )


@lru_cache(maxsize=64)
def _all_matters(kind: Asking, on: date) -> Select[int]:
    """All of them in one number."""
    one, *others = (statement.scalar_subquery() for statement in _matters(kind, on) if statement is not None)
    return select(sum(others, one))


@lru_cache(maxsize=64)
def _emergencies(kind: Asking, on: date) -> Select[int]:
    return _orders(kind, on, awaits_answer_then(), Order.emergency.is_(True))


def _filled(by: Actor, at: datetime) -> dict[str, Any]:
    """What is filled in for the matters and the emergencies."""
    on = day_in_china(at)
    found = instants_of(at, policy_book("order.confirm_days")) | {
        "asking_county": by.county_code,
        "day_ends": end_of_day(on),
        "lapsed_since": start_of_day(lapsed_from(at)),
    }
    return found | _since(at) if by.may(Permission.JOBS_RUN) else found


def waiting_question(by: Actor, at: datetime) -> Question:
    """How many matters wait for a word of the bureau today: beside the desk's tab and on the desk itself."""
    return Question(_all_matters(asking(by), day_in_china(at)), _filled(by, at))


def lapsed_from(at: datetime) -> date:
    """First day of submission of the orders that the desk counts as lapsed lately."""
    return day_in_china(at) - timedelta(days=LAPSED_DAYS)


def unconfirmed_parameters(book: PolicyBook, *, on: date) -> list[str]:
    """The parameters whose value for all kinds is set and not confirmed on a day (rules section 13)."""
    return [
        name
        for name in PARAMETERS
        if (value := book.find(name, on=on)).value is not None and not value.confirmed
    ]


@cache
def _failed_jobs() -> Select[str]:
    """The jobs whose latest run of late failed; made once, filled in with ``_since``."""
    latest = (
        select(JobRun.job, func.max(JobRun.id).label("id"))
        .where(
            JobRun.started_at >= bindparam("jobs_since", type_=UtcDateTime), JobRun.state != RunState.RUNNING
        )
        .group_by(JobRun.job)
        .subquery()
    )
    return (
        select(JobRun.job)
        .join(latest, latest.c.id == JobRun.id)
        .where(JobRun.state == RunState.FAILED)
        .order_by(JobRun.job)
    )


def _since(at: datetime) -> dict[str, datetime]:
    return {"jobs_since": at - timedelta(days=7)}


def failed_jobs(at: datetime) -> list[str]:
    """The jobs whose latest run of the last week failed; one statement."""
    return list(db.session.scalars(_failed_jobs(), _since(at)))


def desk(by: Actor, *, at: datetime) -> Desk:
    """What needs the bureau today; a fixed number of statements."""
    on, kind, filled = day_in_china(at), asking(by), _filled(by, at)
    open_ = [Alarm.closed_at.is_(None), alarms_visible_to(by)]
    by_kind = db.session.execute(select(Alarm.kind, func.count()).where(*open_).group_by(Alarm.kind)).all()
    by_county = db.session.execute(
        select(County.code, County.name, func.count())
        .join(Alarm, Alarm.county_code == County.code)
        .where(*open_)
        .group_by(County.code)
        .order_by(func.count().desc(), County.code)
    ).all()
    matters = _matters(kind, on)
    to_do, due_today, emergencies, lapsed = numbers(
        [
            waiting_question(by, at),
            *(Question(one, filled) for one in (matters.due_today, _emergencies(kind, on), matters.lapsed)),
        ]
    )
    return Desk(
        to_do=to_do,
        alarms={row[0]: row[1] for row in by_kind},
        alarms_by_county=[(row[0], row[1], row[2]) for row in by_county],
        newest=alarms_page(by, AlarmFilter(), on=on, sort="first", limit=8),
        due_today=due_today,
        emergencies=emergencies,
        lapsed=lapsed,
        lacking={what: count_institutions(by, InstitutionFilter(lacks=what), on=on) for what in LACKS},
        gap_items=len(gaps(by, on=on)),
        holds=holds_count(by, on=on)[0],
        failed_jobs=failed_jobs(at) if by.may(Permission.JOBS_RUN) else None,
        last_run=db.session.scalar(select(func.max(JobRun.ended_at)).where(JobRun.state == RunState.DONE)),
    )
