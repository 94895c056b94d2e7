"""Stocking lists and planned volume as people would write them, one conversion of it, and the months closed since.

All of it goes through the real deeds. It is made of places in the county that logs in and of all hospitals; the others
have reported nothing, so that the bureau sees who is missing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from clinic_orders.actions.bulletins import draft_bulletin
from clinic_orders.actions.reports import report_planned_volume
from clinic_orders.actions.statistics import close_month
from clinic_orders.actions.stocking_lists import adopt_stocking_list, keep_stocking_draft
from clinic_orders.actions.transaction import transaction
from clinic_orders.actions.volume_conversion import convert_planned_volume
from clinic_orders.exchange.demonstration.world import Demonstration, Place, dice_for
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries import reports
from clinic_orders.queries.statistics import closed_month
from clinic_orders.queries.stocking_lists import own_list
from clinic_orders.rules.days import Month, Quarter, add_months, day_in_china, start_of_day
from clinic_orders.rules.parties import Actor, InstitutionKind, Role
from clinic_orders.rules.volume import Cycle
from clinic_orders.rules.volume_conversion import Ratios

_RATIO = Decimal(80)
_KEY = "demonstration-conversion"
# So many months of the usual orders are planned for a quarter.
_MONTHS = 3


def make_duties(world: Demonstration, *, officer: Actor, now: datetime) -> int:
    """Stocking lists, planned volume of two quarters, the earlier one turned into agreed volume; answers how many report.

    Nothing of it changes what the checks find on the judged day: the quarters judged on it are left alone, and the
    agreed volume begins after the present.
    """
    dice = dice_for(world.seed, "duties")
    places = [place for place in world.places if place.usual and _reports(place, world)]
    ids = dict(db.session.execute(select(Institution.code, Institution.id)).all())
    before = Quarter.of(Quarter.of(world.as_of).first_day - timedelta(days=1))
    running = Quarter.of(day_in_china(now))
    with transaction():
        for place in places:
            who = Actor(
                f"{place.name}药房", Role.INSTITUTION, institution_id=ids[place.code], org_name=place.name
            )
            _stocking_list(place, who, now)
            day = before.months[2].first_day + timedelta(days=dice.randrange(5, 15))
            if place.joined_on <= before.first_day:
                _plan(place, before, who, start_of_day(day) + timedelta(hours=9))
            if dice.random() < 0.7:
                _plan(place, running, who, now)
    last = db.session.scalar(select(func.max(AgreedVolume.cycle_end))) or world.as_of
    first = last + timedelta(days=1)
    cycle = Cycle(first, add_months(first, 12) - timedelta(days=1))
    convert_planned_volume(before, cycle, Ratios(_RATIO, {}), key=_KEY, by=officer, at=now)
    return len(places)


def _reports(place: Place, world: Demonstration) -> bool:
    return place.county == world.show_county or place.kind is InstitutionKind.TOWNSHIP_HOSPITAL


def _stocking_list(place: Place, who: Actor, at: datetime) -> None:
    assert who.institution_id is not None, "the caller gives one"
    ticked = {code: True for code, _ in place.usual}
    seen = keep_stocking_draft(ticked, seen=own_list(who.institution_id).version, by=who, at=at)
    adopt_stocking_list(seen=seen, by=who, at=at)


def _plan(place: Place, quarter: Quarter, who: Actor, at: datetime) -> None:
    assert who.institution_id is not None, "the caller gives one"
    packs = {code: number * _MONTHS for code, number in place.usual}
    seen = reports.plan_of(who.institution_id, quarter).seen
    report_planned_volume(quarter, packs, seen=seen, by=who, at=at)


def close_months(world: Demonstration, *, every: bool, officer: Actor, now: datetime) -> list[Month]:
    """Close months of the history up to the judged day, and draft the bulletin of the last whole quarter.

    Months that an assessed year has closed already stay as they are.

    Args:
        world: whose months.
        every: from the first month on; otherwise from the last whole quarter on, because a whole prefecture's month
            takes its time.
        officer: who closes them.
        now: the instant of the closing.

    """
    first = Month.of(world.start)
    month, closed = first if every else max(first, world.last_quarter.months[0]), []
    while month.first_day <= world.as_of:
        if closed_month(month) is None:
            close_month(month, by=officer, at=now)
        closed.append(month)
        month = month.next()
    if set(world.last_quarter.months) <= set(closed):
        draft_bulletin(world.last_quarter, by=officer, at=now)
    return closed
