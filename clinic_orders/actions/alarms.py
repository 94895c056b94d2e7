"""Raise and end alarms of the bureau."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from clinic_orders.actions import audit
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.notices import Alarm
from clinic_orders.queries.ordering import Buyer
from clinic_orders.queries.visibility import alarms_visible_to
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission

# Nobody delivers an item to an institution (R-CAT-3). The key is "institution id:item id".
NO_DISTRIBUTOR = "no_distributor"


class SettlementMissing(RuleBroken):
    """An alarm ends with a reason."""

    message = N_("Write in a few words how it was settled.")


def raise_alarm(
    kind: str,
    key: str,
    *,
    county_code: str,
    at: datetime,
    facts: dict[str, Any],
    institution_id: int | None = None,
    item_id: int | None = None,
    order_id: int | None = None,
) -> None:
    """Raise an alarm once while it is open; a repeat counts its times (R-CAT-3, R-ORD-9). Called inside a deed."""
    raise_alarms(
        kind,
        {key: {"institution_id": institution_id, "item_id": item_id, "order_id": order_id, "facts": facts}},
        county_code=county_code,
        at=at,
    )


def raise_alarms(
    kind: str, alarms: Mapping[str, Mapping[str, Any]], *, county_code: str, at: datetime
) -> None:
    """Raise several alarms of a kind in one county, two statements however many. Called inside a deed.

    Args:
        kind: stable word.
        alarms: by key: institution_id, item_id, order_id (each may be missing) and facts.
        county_code: whose bureau must act.
        at: when it was noticed.

    """
    repeated = set(
        db.session.scalars(
            update(Alarm)
            .where(Alarm.kind == kind, Alarm.key.in_(alarms), Alarm.closed_at.is_(None))
            .values(times=Alarm.times + 1, last_at=at)
            .returning(Alarm.key)
            .execution_options(synchronize_session=False)
        )
    )
    new = [
        {
            "kind": kind,
            "key": key,
            "institution_id": alarm.get("institution_id"),
            "item_id": alarm.get("item_id"),
            "order_id": alarm.get("order_id"),
            "county_code": county_code,
            "facts": alarm["facts"],
            "times": 1,
            "first_at": at,
            "last_at": at,
            "closed_reason": "",
        }
        for key, alarm in alarms.items()
        if key not in repeated
    ]
    if new:
        db.session.execute(insert(Alarm), new)


@transactional
def report_no_distributor(who: Buyer, items: Mapping[int, str], *, by: Actor, at: datetime) -> None:
    """Tell the county that nobody delivers items; told again, their alarms count their times (R-CAT-3).

    Whoever asks presses a button, submits a draft, or is a program whose order was refused for it.

    Args:
        who: to whom nobody delivers.
        items: the names of the items by their row ids.
        by: somebody of who orders.
        at: when.

    """
    by.need(Permission.ORDERS_PLACE)
    alarms = {
        f"{who.institution_id}:{item_id}": {
            "institution_id": who.institution_id,
            "item_id": item_id,
            "facts": {"institution": who.name, "item": name},
        }
        for item_id, name in items.items()
    }
    raise_alarms(NO_DISTRIBUTOR, alarms, county_code=who.county_code, at=at)
    audit.record_all(
        "report_no_distributor",
        [
            {
                "subject_id": item_id,
                "subject": name,
                "institution_id": who.institution_id,
                "county_code": who.county_code,
            }
            for item_id, name in items.items()
        ],
        by=by,
        at=at,
        subject_type="item",
    )


@transactional
def close_alarm(alarm_id: int, reason: str, *, by: Actor, at: datetime) -> None:
    """End an alarm with the reason why it is settled. One that has been ended meanwhile stays as it was ended.

    Raises:
        NotFound: no such alarm, or another county's.
        SettlementMissing: nothing says how.

    """
    by.need(Permission.ALARMS_READ)
    alarm = db.session.execute(
        select(Alarm).where(Alarm.id == alarm_id, alarms_visible_to(by)).with_for_update()
    ).scalar_one_or_none()
    if alarm is None:
        raise NotFound(number=alarm_id)
    if not reason.strip():
        raise SettlementMissing
    if alarm.closed_at is not None:
        return
    alarm.closed_at, alarm.closed_by_id, alarm.closed_reason = at, by.user_id, reason.strip()
    audit.record(
        "close_alarm",
        by=by,
        at=at,
        subject_type="alarm",
        subject_id=alarm.id,
        subject=alarm.key,
        institution_id=alarm.institution_id,
        county_code=alarm.county_code,
        after={"reason": alarm.closed_reason},
    )
