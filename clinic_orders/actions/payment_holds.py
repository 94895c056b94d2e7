"""Holds begin with a notice and end with one: on payment at once, by policy or dispute in the night (R-PAY-5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.arrears import PaymentHold
from clinic_orders.models.base import db
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.queries.arrears import hold_of, policy_of_holds
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import SYSTEM, Actor, Permission
from clinic_orders.rules.payment_holds import HoldFound, HoldPolicy


@transactional
def look_at_hold(paying_id: int, distributor_id: int, *, by: Actor, at: datetime) -> bool:
    """Begin, renew or end the hold between two as of today; safe to repeat.

    Returns:
        whether a hold began or ended.

    """
    by.need(Permission.JOBS_RUN)
    # One at a time for an institution, so that two schedulers begin one hold.
    db.session.execute(select(Institution.id).where(Institution.id == paying_id).with_for_update())
    on, pair = day_in_china(at), (paying_id, distributor_id)
    policy = policy_of_holds(on=on)
    found = hold_of(pair, policy, on=on)
    running = _running(PaymentHold.paying_id == paying_id, PaymentHold.distributor_id == distributor_id)
    for hold in running:
        if found is None:
            _end(hold, by=by, at=at)
        else:
            _renew(hold, found, policy, at=at)
    if found is None or running:
        return found is None and bool(running)
    _begin(pair, found, policy, by=by, at=at)
    return True


def free_if_paid(*pairs: tuple[int, int], at: datetime) -> None:
    """End running holds at once if they rest on nothing any more; called by the deeds that lower a debt.

    One statement where no hold runs. It never begins one: that is the night's work, after a notice.
    """
    running = [hold for hold in _running() if (hold.paying_id, hold.distributor_id) in set(pairs)]
    if not running:
        return
    on = day_in_china(at)
    db.session.flush()
    policy = policy_of_holds(on=on)
    for hold in running:
        found = hold_of((hold.paying_id, hold.distributor_id), policy, on=on)
        if found is None:
            _end(hold, by=SYSTEM, at=at)
        else:
            _renew(hold, found, policy, at=at)


def _running(*conditions: ColumnElement[bool]) -> Sequence[PaymentHold]:
    """The holds that run, locked until the deed ends: each ends once."""
    statement = select(PaymentHold).where(PaymentHold.ended_at.is_(None), *conditions)
    return db.session.scalars(
        statement.order_by(PaymentHold.id).with_for_update().execution_options(populate_existing=True)
    ).all()


def _begin(pair: tuple[int, int], found: HoldFound, policy: HoldPolicy, *, by: Actor, at: datetime) -> None:
    hold = PaymentHold(
        paying_id=pair[0],
        distributor_id=pair[1],
        began_at=at,
        **_values(found, policy, at),
    )
    db.session.add(hold)
    db.session.flush()
    after = {"amount": found.amount, "due_on": found.since, "receipts": list(found.receipts)}
    _write_down("begin_payment_hold", hold, by=by, at=at, after=after)
    _tell_all("payment_hold_began", hold, {"days": str(policy.after_days)}, at=at)


def _values(found: HoldFound, policy: HoldPolicy, at: datetime) -> dict[str, Any]:
    return {
        "amount": found.amount,
        "since": found.since,
        "receipts": len(found.receipts),
        "after_days": policy.after_days,
        "min_amount": policy.min_amount,
        "scope": policy.scope.value,
        "looked_at": at,
    }


def _renew(hold: PaymentHold, found: HoldFound, policy: HoldPolicy, *, at: datetime) -> None:
    for name, value in _values(found, policy, at).items():
        setattr(hold, name, value)


def _end(hold: PaymentHold, *, by: Actor, at: datetime) -> None:
    hold.ended_at = at
    _write_down("end_payment_hold", hold, by=by, at=at, after={"ended_at": at})
    _tell_all("payment_hold_ended", hold, {}, at=at)


def _write_down(deed: str, hold: PaymentHold, *, by: Actor, at: datetime, after: dict[str, Any]) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="payment_hold",
        subject_id=hold.id,
        subject=f"{hold.paying_id}-{hold.distributor_id}",
        institution_id=hold.paying_id,
        distributor_id=hold.distributor_id,
        after=after,
    )


def _tell_all(kind: str, hold: PaymentHold, more: dict[str, str], *, at: datetime) -> None:
    """The payer, the distributor and the payer's county bureau hear the same."""
    payer = standing(hold.paying_id, on=day_in_china(at))
    seller = db.session.get_one(Distributor, hold.distributor_id)
    facts = {
        "payer": payer.name,
        "distributor": seller.name,
        "amount": f"{hold.amount:.2f}",
        "since": hold.since.isoformat(),
        **more,
    }
    link = f"/payables/?state=overdue&distributor={seller.code}"
    notices.tell(kind, at=at, facts=facts, link=link, institution_id=hold.paying_id)
    notices.tell(kind, at=at, facts=facts, link="/holds/", distributor_id=hold.distributor_id)
    notices.tell(kind, at=at, facts=facts, link="/holds/", county_code=payer.county_code)
