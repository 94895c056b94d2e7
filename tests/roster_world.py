"""A small roster made by the deeds: two counties, two hospitals, clinics, a pharmacy, two distributors, items."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from clinic_orders.actions import roster
from clinic_orders.actions.catalogue import put_editions, put_items, put_prices
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Distributor, Institution
from clinic_orders.rules.parties import Actor, InstitutionKind, Role

NOW = datetime(2026, 11, 20, 1, 41, tzinfo=UTC)
TODAY = date(2026, 11, 20)
START = date(2026, 1, 1)
SONG, YICHUAN = "410325", "410329"
HOSPITAL, OTHER_HOSPITAL = "H41032500001", "H41032900001"
CLINIC, OTHER_CLINIC, SHOP = "H41032500002", "H41032900002", "P41032500001"
KINDS = InstitutionKind
CITY = Actor("李慧", Role.CITY, org_name="市医保局")
COUNTY = Actor("赵强", Role.COUNTY, county_code=SONG, org_name="嵩县医保局")


def numbered(*rows: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    return [(number, row) for number, row in enumerate(rows, start=2)]


def institution(code: str, name: str = "", kind: KINDS = KINDS.VILLAGE_CLINIC, **more: Any) -> dict[str, Any]:
    row = {"code": code, "name": name or f"单位{code}", "kind": kind, "county_code": SONG, "joined_on": START}
    return row | more


def make_counties() -> None:
    for code, name in ((SONG, "嵩县"), (YICHUAN, "伊川县")):
        if db.session.get(County, code) is None:
            db.session.add(County(code=code, name=name, kind="county"))
    db.session.commit()


def make_roster() -> None:
    make_counties()
    roster.put_institutions(
        numbered(
            institution(
                CLINIC, "明白川村卫生室", township="车村镇", village="明白川村", supervisor_code=HOSPITAL
            ),
            institution(
                OTHER_CLINIC,
                "白沙村卫生室",
                county_code=YICHUAN,
                township="白沙镇",
                supervisor_code=OTHER_HOSPITAL,
            ),
            institution(HOSPITAL, "车村镇卫生院", KINDS.TOWNSHIP_HOSPITAL, township="车村镇"),
            institution(
                OTHER_HOSPITAL,
                "白沙镇卫生院",
                KINDS.TOWNSHIP_HOSPITAL,
                county_code=YICHUAN,
                township="白沙镇",
            ),
            institution(SHOP, "安和堂大药房车村店", KINDS.RETAIL_PHARMACY, township="车村镇"),
        ),
        by=CITY,
        at=NOW,
    )
    roster.put_distributors(
        numbered(
            {"code": "D01", "name": "嵩岳医药有限公司"}, {"code": "D02", "name": "洛阳康源医药有限公司"}
        ),
        by=CITY,
        at=NOW,
    )
    roster.put_commitments(
        numbered(
            *(
                {
                    "institution_code": code,
                    "signed_on": START,
                    "version": "2026-1",
                    "markup_rate": Decimal("0.15"),
                }
                for code in (CLINIC, HOSPITAL)
            )
        ),
        by=CITY,
        at=NOW,
    )


def item(code: str, **more: Any) -> dict[str, Any]:
    row = {
        "item_code": code,
        "generic_name": f"药品{code}",
        "form": "片",
        "strength": "5mg",
        "pack_size": 28,
        "base_unit": "片",
        "manufacturer": "石药集团欧意药业有限公司",
        "batch": "第一批",
    }
    return row | more


def make_items(count: int = 3) -> list[str]:
    codes = [f"LY{number:03d}" for number in range(1, count + 1)]
    put_items(numbered(*(item(code) for code in codes)), by=CITY, at=NOW)
    put_prices(
        numbered(
            *({"item_code": code, "valid_from": START, "pack_price": Decimal("3.36")} for code in codes)
        ),
        by=CITY,
        at=NOW,
    )
    put_editions(
        numbered(*({"edition": "2026", "valid_from": START, "item_code": code} for code in codes)),
        by=CITY,
        at=NOW,
    )
    return codes


def id_of(code: str) -> int:
    return db.session.scalars(select(Institution.id).where(Institution.code == code)).one()


def distributor_id(code: str) -> int:
    return db.session.scalars(select(Distributor.id).where(Distributor.code == code)).one()
