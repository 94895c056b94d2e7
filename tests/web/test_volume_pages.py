"""Planned volume at the bureau: who reported, turned into agreed volume exactly once, taken back (R-VOL-1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from clinic_orders.actions.volume_conversion import convert_planned_volume, take_back_conversion
from clinic_orders.models.base import db
from clinic_orders.models.reports import PlannedVolume, VolumeConversion
from clinic_orders.models.statistics import ClosedMonth
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.rules.days import Quarter
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.parties import Actor, NotAllowed, Role
from clinic_orders.rules.volume import Cycle
from clinic_orders.rules.volume_conversion import (
    ConversionRestedOn,
    ConversionTakenBack,
    NothingToConvert,
    Ratios,
)
from tests import factories as make

QUARTER = Quarter(2026, 4)
CYCLE = Cycle(date(2027, 1, 1), date(2027, 3, 31))
CITY = Actor("赵红军", Role.CITY)


def plan(institution: Any, item: Any, packs: int) -> None:
    db.session.add(
        PlannedVolume(
            institution_id=institution.id,
            item_id=item.id,
            quarter="2026-Q4",
            packs=packs,
            recorded_at=make.NOW,
        )
    )


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    world = make.make_world(items=4)
    plan(world.clinic, world.items[0], 9)
    plan(world.clinic, world.items[1], 1)
    plan(world.clinic, world.items[2], 0)
    plan(world.second_clinic, world.items[0], 10)
    db.session.commit()
    return world


def standing() -> list[tuple[int, int, int | None, int]]:
    """Institution, item, reported and agreed packs of what stands."""
    db.session.expire_all()
    rows = db.session.scalars(select(AgreedVolume).where(AgreedVolume.replaced_at.is_(None)))
    return sorted((row.institution_id, row.item_id, row.reported_packs, row.agreed_packs) for row in rows)


def convert(key: str = "k1", cycle: Cycle = CYCLE, **ratios: Any) -> VolumeConversion:
    by_item = {code: Decimal(text) for code, text in ratios.items()}
    return convert_planned_volume(QUARTER, cycle, Ratios(Decimal(80), by_item), key=key, by=CITY, at=make.NOW)


@pytest.mark.both_databases
def test_planned_packs_become_agreed_ones_by_the_ratio_of_the_item_and_once(world: make.World) -> None:
    first, second = world.items[0], world.items[1]
    made = convert(**{second.item_code: "50"})
    clinic, other = world.clinic.id, world.second_clinic.id
    expected = [(clinic, first.id, 9, 7), (clinic, second.id, 1, 1), (other, first.id, 10, 8)]
    assert standing() == sorted(expected)
    assert (made.agreements, made.packs) == (3, 16)
    # The same form again, and another one: nothing is made twice, for whatever days.
    assert convert().id == made.id
    with pytest.raises(NothingToConvert):
        convert("k2")
    with pytest.raises(NothingToConvert):
        convert("k3", Cycle(date(2028, 1, 1), date(2028, 3, 31)))
    assert len(standing()) == 3


@pytest.mark.both_databases
def test_a_report_that_came_later_is_converted_alone(world: make.World) -> None:
    convert()
    plan(world.pharmacy, world.items[0], 5)
    db.session.commit()
    assert convert("k2").agreements == 1


@pytest.mark.both_databases
def test_an_item_whose_other_cycle_has_some_of_the_days_is_left_out(world: make.World) -> None:
    item = world.items[0]
    db.session.add(
        AgreedVolume(
            institution_id=world.hospital.id,
            item_id=item.id,
            cycle_start=date(2026, 10, 1),
            cycle_end=date(2027, 1, 31),
            agreed_packs=3,
            recorded_at=make.NOW,
        )
    )
    db.session.commit()
    assert convert().agreements == 1
    assert (world.clinic.id, world.items[1].id, 1, 1) in standing()


@pytest.mark.both_databases
def test_a_conversion_is_taken_back_once_and_can_be_made_again(world: make.World) -> None:
    made = convert()
    take_back_conversion(made.id, by=CITY, at=make.NOW + timedelta(hours=1))
    assert standing() == []
    with pytest.raises(ConversionTakenBack):
        take_back_conversion(made.id, by=CITY, at=make.NOW + timedelta(hours=2))
    assert convert("k2").agreements == 3


@pytest.mark.both_databases
@pytest.mark.parametrize("rests", ["finding", "month", "correction"])
def test_what_rests_on_a_conversion_keeps_it(world: make.World, rests: str) -> None:
    made = convert()
    if rests == "finding":
        db.session.add(
            FindingRecord(
                rule=CheckRule.VOLUME_BEHIND,
                subject="V01/",
                key=world.items[0].item_code,
                period="2027-01-01",
                institution_id=world.clinic.id,
                item_id=world.items[0].id,
                grade=Grade.BEHIND,
                formula="",
                figures={},
                rows=[],
                state=FindingState.OPEN,
                first_seen=date(2027, 2, 1),
                last_seen=date(2027, 2, 1),
                raised_at=make.NOW,
            )
        )
    elif rests == "month":
        db.session.add(
            ClosedMonth(
                month="2027-01",
                cut_off_at=make.NOW + timedelta(days=80),
                blocks={},
                by_county={},
                sha256="0" * 64,
                closed_by_name="system",
            )
        )
    else:
        row = db.session.scalars(select(AgreedVolume)).first()
        assert row is not None
        row.replaced_at = make.NOW
    db.session.commit()
    with pytest.raises(ConversionRestedOn):
        take_back_conversion(made.id, by=CITY, at=make.NOW + timedelta(hours=1))
    assert standing()


def test_only_the_city_converts(world: make.World) -> None:
    county = Actor("马建国", Role.COUNTY, county_code="410325")
    with pytest.raises(NotAllowed):
        convert_planned_volume(QUARTER, CYCLE, Ratios(Decimal(1)), key="k", by=county, at=make.NOW)


def test_the_pages_lead_from_the_reports_to_the_agreement_and_back(client: Any, world: make.World) -> None:
    make.set_policy("volume.report_day", "10")
    client.log_in(make.make_user("city", role=Role.CITY))
    page = client.get("/volumes/?quarter=2026-Q4", status=200).page
    assert "明白川村卫生室" in page.text
    missing = client.get("/volumes/?quarter=2026-Q4&state=waiting", status=200).page.text
    assert "安和堂伊川店" in missing
    assert "明白川" not in missing
    page = client.get(f"/volumes/2026-Q4/{world.clinic.id}", status=200).page
    assert world.items[0].generic_name in page.text
    client.get("/volumes/convert?quarter=2026-Q4", status=200)
    answer = client.submit(
        "main form",
        ratio="80",
        **{"first": "2027-01-01", "last": "2027-03-31", f"r-{world.items[1].item_code}": "abc"},
    )
    assert answer.status_code == 422
    assert "abc" in client.page.text
    client.submit("main form", follow_redirects=True, **{f"r-{world.items[1].item_code}": "50"})
    assert "明白川村卫生室" in client.page.text
    client.submit("main form[method=post]", follow_redirects=True)
    assert "已定下 3 条" in client.page.text
    assert len(standing()) == 3
    client.submit("main form[method=post]", follow_redirects=True)
    assert standing() == []


def test_a_county_sees_who_did_not_report_in_its_own_place_only(client: Any, world: make.World) -> None:
    client.log_in(make.make_user("county", role=Role.COUNTY, county="410329"))
    page = client.get("/volumes/?quarter=2026-Q4", status=200).page
    assert "安和堂伊川店" in page.text
    assert "明白川" not in page.text
    client.get(f"/volumes/2026-Q4/{world.clinic.id}", status=404)
    assert client.get("/volumes/convert").status_code == 403
