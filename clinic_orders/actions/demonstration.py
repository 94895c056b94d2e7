"""Mark what the demonstration invented, so that every page says so."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.rules.parties import Actor, Permission


@transactional
def mark_all_as_demo(*, by: Actor, at: datetime) -> None:
    """Mark every institution and distributor as invented (演示数据); meant for a database that was empty before."""
    by.need(Permission.ROSTER_MANAGE)
    db.session.execute(update(Institution).values(demo=True))
    db.session.execute(update(Distributor).values(demo=True))
    audit.record("mark_all_as_demo", by=by, at=at, subject_type="demonstration")
