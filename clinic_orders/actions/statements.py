"""Statements of account: made on the first of the month, confirmed by both sides or disputed with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Distributor
from clinic_orders.models.statements import AccountStatement
from clinic_orders.queries.payments import name_of_distributor, name_of_institution
from clinic_orders.queries.statements import Pair, find_pair, side_of, statement_of, statements_of
from clinic_orders.rules.answering import ReasonTooLong
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.parties import Actor, NotAllowed, Permission
from clinic_orders.rules.payments import PaymentSide
from clinic_orders.rules.statements import (
    DifferenceReasonMissing,
    MonthNotOver,
    Statement,
    StatementState,
    StatementStep,
    next_state,
    statement_from_json,
)

_TABLE: Any = AccountStatement.__table__
_KEY = ["paying_id", "distributor_id", "month"]
_ADD = {
    name: insert.on_conflict_do_nothing(index_elements=_KEY).returning(_TABLE.c.paying_id)
    for name, insert in (("postgresql", postgresql_insert(_TABLE)), ("sqlite", sqlite_insert(_TABLE)))
}
_REASON_LENGTH = 200
_FIGURES = ("opening", "receipts", "returns", "payments", "closing", "overdue")


def _row(pair: Pair, found: Statement, at: datetime) -> dict[str, Any]:
    return {
        "paying_id": pair[0],
        "distributor_id": pair[1],
        "month": str(found.month),
        "state": StatementState.READY,
        "made_at": at,
        "institution_by": "",
        "distributor_by": "",
        "differs_by": "",
        "differs_reason": "",
        "version": 1,
        **{name: getattr(found, name) for name in _FIGURES},
    }


@transactional
def make_statements(distributor_id: int, month: Month, *, by: Actor, at: datetime) -> int:
    """Make the statements of a distributor over a month and tell both sides; those that are there stay.

    Returns:
        how many were made; 0 on a repeated day.

    """
    by.need(Permission.JOBS_RUN)
    # One at a time for a distributor, so that it is told once.
    db.session.execute(select(Distributor.id).where(Distributor.id == distributor_id).with_for_update())
    found = statements_of(distributor_id, month)
    if not found:
        return 0
    connection = db.session.connection()
    new: set[int] = set()
    rows = [_row((paying, distributor_id), one, at) for paying, one in sorted(found.items())]
    for first in range(0, len(rows), 200):
        statement = _ADD[connection.dialect.name].values(rows[first : first + 200])
        new |= set(connection.execute(statement).scalars())
    if not new:
        return 0
    seller = name_of_distributor(distributor_id)
    for paying in sorted(new):
        facts = {"month": str(month), "distributor": seller, "closing": f"{found[paying].closing:.2f}"}
        link = f"/statements/{paying}/{distributor_id}/{month}"
        notices.tell("statement_ready", at=at, facts=facts, link=link, institution_id=paying)
    notices.tell(
        "statements_ready",
        at=at,
        facts={"month": str(month), "count": len(new)},
        link=f"/statements/?month={month}",
        distributor_id=distributor_id,
    )
    audit.record(
        "make_statements",
        by=by,
        at=at,
        subject_type="statement",
        subject=str(month),
        distributor_id=distributor_id,
        after={"month": str(month), "count": len(new)},
    )
    return len(new)


@transactional
def confirm_statement(
    pair: Pair,
    month: Month,
    *,
    seen: str,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> AccountStatement:
    """Confirm a statement for one's own side. The first confirmation keeps its lines; the second confirms the same.

    Args:
        pair: paying organisation and distributor.
        month: which.
        seen: fingerprint of the lines on the page.
        seen_version: version of the statement on the page; 0 = it was not made yet.
        by: somebody of one of the two.
        at: when.

    Raises:
        NotFound: not an account of the actor's.
        MonthNotOver, StatementStepRefused: see ``rules.statements``.
        ChangedMeanwhile: somebody recorded something or spoke since the page was opened.

    """
    made, side = _of(pair, month, by=by, at=at, seen_version=seen_version)
    state = next_state(made.state, StatementStep.CONFIRM, side)
    before = made.state
    if before in {StatementState.READY, StatementState.DIFFERS}:
        # What is confirmed first is what is recorded now; the other side's word of before is void.
        found = statement_of(pair, month)
        made.institution_at = made.distributor_at = made.differs_at = made.differs_side = None
        made.institution_by = made.distributor_by = made.differs_by = made.differs_reason = ""
        _keep(made, found, at)
    else:
        found = statement_from_json(made.content or {})
    if seen != found.fingerprint:
        raise ChangedMeanwhile(number=str(month))
    if side is PaymentSide.INSTITUTION:
        made.institution_at, made.institution_by = at, by.name
    else:
        made.distributor_at, made.distributor_by = at, by.name
    made.state = state
    _write_down(
        "confirm_statement",
        made,
        by=by,
        at=at,
        before={"state": before.value},
        after={"state": state.value, "closing": found.closing},
    )
    kind = "statement_agreed" if state is StatementState.AGREED else "statement_confirmed"
    _tell_other_side(kind, made, side, {"closing": f"{found.closing:.2f}"}, at=at)
    return made


@transactional
def dispute_statement(
    pair: Pair,
    month: Month,
    reason: str,
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> AccountStatement:
    """Say that a statement differs from one's own books, with the reason; the figures are confirmed anew afterwards.

    Raises:
        NotFound, MonthNotOver, StatementStepRefused, ChangedMeanwhile: see ``confirm_statement``.
        DifferenceReasonMissing, ReasonTooLong: it must be said in a few words.

    """
    made, side = _of(pair, month, by=by, at=at, seen_version=seen_version)
    state = next_state(made.state, StatementStep.DIFFER, side)
    why = reason.strip()
    if not why:
        raise DifferenceReasonMissing
    if len(why) > _REASON_LENGTH:
        raise ReasonTooLong(limit=_REASON_LENGTH)
    before, found = made.state, statement_of(pair, month)
    made.institution_at = made.distributor_at = None
    made.institution_by = made.distributor_by = ""
    made.differs_at, made.differs_by, made.differs_side, made.differs_reason = at, by.name, side, why
    made.state = state
    _keep(made, found, at)
    _write_down(
        "dispute_statement",
        made,
        by=by,
        at=at,
        before={"state": before.value},
        after={"state": state.value, "reason": why},
    )
    _tell_other_side("statement_disputed", made, side, {"reason": why}, at=at)
    return made


def _keep(made: AccountStatement, found: Statement, at: datetime) -> None:
    for name in _FIGURES:
        setattr(made, name, getattr(found, name))
    made.content, made.made_at = found.to_json(), at


def _of(
    pair: Pair, month: Month, *, by: Actor, at: datetime, seen_version: int | None
) -> tuple[AccountStatement, PaymentSide]:
    """The statement, made if need be and locked, and the actor's side."""
    by.need(Permission.PAYMENTS_RECORD)
    side, today = side_of(by), day_in_china(at)
    if side is None:
        raise NotAllowed
    if find_pair(pair, by, on=today) is None:
        raise NotFound(number=str(month))
    if month.last_day >= today:
        raise MonthNotOver(month=str(month))
    connection = db.session.connection()
    if seen_version in {None, 0}:
        statement = _ADD[connection.dialect.name].values([_row(pair, statement_of(pair, month), at)])
        added = connection.execute(statement).scalar_one_or_none() is not None
        seen_version = None if added or seen_version is None else 0
    made = db.session.execute(
        select(AccountStatement)
        .where(
            AccountStatement.paying_id == pair[0],
            AccountStatement.distributor_id == pair[1],
            AccountStatement.month == str(month),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
    if seen_version is not None and seen_version != made.version:
        raise ChangedMeanwhile(number=str(month))
    return made, side


def _write_down(
    deed: str,
    made: AccountStatement,
    *,
    by: Actor,
    at: datetime,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="statement",
        subject_id=made.id,
        subject=made.month,
        institution_id=made.paying_id,
        distributor_id=made.distributor_id,
        before=before,
        after=after,
    )


def _tell_other_side(
    kind: str, made: AccountStatement, side: PaymentSide, more: dict[str, str], *, at: datetime
) -> None:
    """Tell the party across; the name in the notice is that of the side that spoke."""
    link = f"/statements/{made.paying_id}/{made.distributor_id}/{made.month}"
    facts: dict[str, Any] = {"month": made.month, **more}
    if side is PaymentSide.INSTITUTION:
        facts["party"] = name_of_institution(made.paying_id, on=day_in_china(at))
        notices.tell(kind, at=at, facts=facts, link=link, distributor_id=made.distributor_id)
    else:
        facts["party"] = name_of_distributor(made.distributor_id)
        notices.tell(kind, at=at, facts=facts, link=link, institution_id=made.paying_id)
