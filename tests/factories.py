"""Worlds for tests: two counties, a hospital with two clinics, a pharmacy, two distributors, real items.

``make_world()`` lays the ground; what happens on it is done by the actions, so that no test lives in an
impossible world. Everything is committed on the session that the test has.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import insert, select

from clinic_orders.actions import drafts
from clinic_orders.actions.drafts import Typed
from clinic_orders.actions.ordering import Answer, submit_draft
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.roster import (
    Commitment,
    County,
    DeliveryRelation,
    Distributor,
    Institution,
    InstitutionRecord,
    Mandate,
    Membership,
    Suspension,
)
from clinic_orders.queries.ordering import Buyer, buyer
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, InstitutionKind, Role
from clinic_orders.rules.pinyin import item_keys

NOW = datetime(2026, 11, 20, 1, 41, tzinfo=UTC)
"""Friday 20 November 2026, 9:41 in Luoyang."""
TODAY = date(2026, 11, 20)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
FIRST_DAY = date(2026, 1, 1)
CATALOG = Path(__file__).parent.parent / "catalog" / "recommended_338"


@dataclass
class World:
    """What the tests speak of; institutions by name of their part."""

    hospital: Institution
    clinic: Institution
    second_clinic: Institution
    pharmacy: Institution
    distributor: Distributor
    other_distributor: Distributor
    items: list[Item]
    edition: Edition
    users: dict[str, User] = field(default_factory=dict)

    def actor(self, institution: Institution | None = None, role: Role = Role.INSTITUTION) -> Actor:
        """Somebody of an institution; the first clinic if none is named."""
        institution = institution or self.clinic
        if institution is self.hospital:
            role = Role.HOSPITAL
        return Actor(
            "王保田", role, institution_id=institution.id, org_name=institution.records[-1].name, user_id=None
        )

    @property
    def seller(self) -> Actor:
        """Somebody of the first distributor."""
        return Actor(
            "刘敏", Role.DISTRIBUTOR, distributor_id=self.distributor.id, org_name=self.distributor.name
        )

    @property
    def other_seller(self) -> Actor:
        """Somebody of the other distributor."""
        return Actor("周强", Role.DISTRIBUTOR, distributor_id=self.other_distributor.id)

    def buyer(
        self, institution: Institution | None = None, *, by: Institution | None = None, on: date = TODAY
    ) -> Buyer:
        """The buyer of an institution, ordered for by itself or by another."""
        institution = institution or self.clinic
        found = buyer((by or institution).id, institution_id=institution.id, on=on)
        assert found is not None
        return found


def make_institution(
    code: str,
    name: str,
    *,
    county: str = "410325",
    kind: InstitutionKind = InstitutionKind.VILLAGE_CLINIC,
    supervisor: Institution | None = None,
    letter: bool = True,
    joined_on: date = FIRST_DAY,
    left_on: date | None = None,
    remote: bool = False,
    headquarters: Institution | None = None,
    lead_hospital: Institution | None = None,
) -> Institution:
    """A member of the roster with a commitment letter."""
    institution = Institution(code=code, demo=True, recorded_at=LONG_AGO)
    institution.records.append(
        InstitutionRecord(
            valid_from=joined_on,
            name=name,
            kind=kind,
            county_code=county,
            township="车村镇",
            supervisor_id=supervisor.id if supervisor else None,
            headquarters_id=headquarters.id if headquarters else None,
            lead_hospital_id=lead_hospital.id if lead_hospital else None,
            remote=remote,
            joined_on=joined_on,
            left_on=left_on,
            recorded_at=LONG_AGO,
        )
    )
    institution.memberships.append(Membership(joined_on=joined_on, left_on=left_on))
    db.session.add(institution)
    db.session.flush()
    if letter:
        db.session.add(
            Commitment(
                institution_id=institution.id, signed_on=joined_on, version="2026", recorded_at=LONG_AGO
            )
        )
    return institution


def make_items(count: int) -> list[Item]:
    """The first items of the shipped catalogue with their prices."""
    with (CATALOG / "catalogue.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))[:count]
    with (CATALOG / "prices.csv").open(encoding="utf-8-sig", newline="") as file:
        prices = {row["item_code"]: row for row in csv.DictReader(file)}
    new = []
    for row in rows:
        keys = item_keys(
            generic_name=row["generic_name"],
            form=row["form"],
            strength=row["strength"],
            manufacturer=row["manufacturer"],
            approval_no=row["approval_no"],
        )
        new.append(
            {
                "item_code": row["item_code"],
                "generic_name": row["generic_name"],
                "form": row["form"],
                "strength": row["strength"],
                "pack_size": int(row["pack_size"]),
                "base_unit": row["base_unit"],
                "manufacturer": row["manufacturer"],
                "batch": row["batch"],
                "variety": row["variety"],
                "supplies_here": row["supplies_here"] == "Y",
                "search_text": keys.text,
                "search_initials": keys.initials,
                "search_pinyin": keys.pinyin,
                "recorded_at": LONG_AGO,
            }
        )
    db.session.execute(insert(Item), new)
    items = list(db.session.scalars(select(Item).order_by(Item.item_code)))
    db.session.execute(
        insert(Price),
        [
            {
                "item_id": item.id,
                "valid_from": date.fromisoformat(prices[item.item_code]["valid_from"]),
                "pack_price": Decimal(prices[item.item_code]["pack_price"]),
                "document_no": prices[item.item_code]["document_no"],
                "recorded_at": LONG_AGO,
            }
            for item in items
        ],
    )
    return items


def make_world(items: int = 15) -> World:
    """The base world; the first distributor delivers everything in 嵩县, the other one everything in 伊川县."""
    db.session.add_all(
        [County(code="410325", name="嵩县", kind="县"), County(code="410329", name="伊川县", kind="县")]
    )
    first = Distributor(
        code="D01", name="豫西安康医药配送有限公司", phone="0379-0000-0001", recorded_at=LONG_AGO
    )
    second = Distributor(code="D02", name="河洛惠民医药物流有限公司", recorded_at=LONG_AGO)
    db.session.add_all([first, second])
    db.session.flush()
    hospital = make_institution("H01", "车村镇卫生院", kind=InstitutionKind.TOWNSHIP_HOSPITAL)
    made = make_items(items)
    edition = Edition(edition="推荐338-示例", valid_from=FIRST_DAY, recorded_at=LONG_AGO)
    db.session.add(edition)
    db.session.flush()
    db.session.execute(insert(EditionItem), [{"edition_id": edition.id, "item_id": item.id} for item in made])
    for county, distributor in (("410325", first), ("410329", second)):
        db.session.add(
            DeliveryRelation(
                county_code=county, distributor_id=distributor.id, valid_from=FIRST_DAY, recorded_at=LONG_AGO
            )
        )
    world = World(
        hospital=hospital,
        clinic=make_institution("V01", "明白川村卫生室", supervisor=hospital),
        second_clinic=make_institution("V02", "龙王村卫生室", supervisor=hospital),
        pharmacy=make_institution(
            "P01", "安和堂伊川店", county="410329", kind=InstitutionKind.RETAIL_PHARMACY
        ),
        distributor=first,
        other_distributor=second,
        items=made,
        edition=edition,
    )
    db.session.commit()
    return world


def make_user(
    username: str,
    *,
    role: Role = Role.INSTITUTION,
    institution: Institution | None = None,
    distributor: Distributor | None = None,
    county: str | None = None,
    name: str = "王保田",
) -> User:
    """Somebody who can be logged in by the checking client; the password is not usable."""
    user = User(
        username=username, name=name, password_hash="!", created_at=LONG_AGO, password_changed_at=LONG_AGO
    )
    user.assignments.append(
        RoleAssignment(
            role=role,
            institution_id=institution.id if institution else None,
            distributor_id=distributor.id if distributor else None,
            county_code=county,
            valid_from=FIRST_DAY,
        )
    )
    db.session.add(user)
    db.session.commit()
    return user


def set_policy(parameter: str, value: str, *, kind: str = "", valid_from: date = FIRST_DAY) -> None:
    """A policy value from a day on."""
    db.session.add(
        PolicyValue(
            parameter=parameter,
            kind=kind,
            valid_from=valid_from,
            value=value,
            document_no="测试",
            confirmed=True,
            recorded_at=LONG_AGO,
        )
    )
    db.session.commit()


def give_mandate(world: World, village: Institution | None = None, *, first: date = FIRST_DAY) -> Mandate:
    """A mandate of a village for the hospital."""
    mandate = Mandate(
        institution_id=(village or world.clinic).id,
        hospital_id=world.hospital.id,
        valid_from=first,
        recorded_at=LONG_AGO,
    )
    db.session.add(mandate)
    db.session.commit()
    return mandate


def suspend(institution: Institution, first: date, last: date) -> None:
    """A suspension of an institution, both days included."""
    db.session.add(
        Suspension(
            institution_id=institution.id, first_day=first, last_day=last, reason="测试", recorded_at=LONG_AGO
        )
    )
    db.session.commit()


_keys = iter(range(1, 10**9))


def fresh_key() -> str:
    """A submission key that no form of this run has used."""
    return f"test-key-{next(_keys):012d}"


def fill_draft(
    world: World,
    packs: dict[str, str],
    *,
    institution: Institution | None = None,
    by: Institution | None = None,
    at: datetime = NOW,
    emergency: bool = False,
    reason: str | None = None,
    picked: dict[str, int | None] | None = None,
) -> Buyer:
    """Type quantities by item code into a draft; the buyer for whom it is."""
    who = world.buyer(institution, by=by, on=day_in_china(at))
    drafts.save_draft(
        who,
        Typed(packs=packs, emergency_reason=reason, picked=picked or {}),
        emergency=emergency,
        by=world.actor(by or institution),
        at=at,
    )
    return who


def submit(
    world: World,
    packs: dict[str, str],
    *,
    institution: Institution | None = None,
    by: Institution | None = None,
    at: datetime = NOW,
    key: str | None = None,
    confirmed: frozenset[str] = frozenset(),
    emergency: bool = False,
    reason: str | None = None,
    picked: dict[str, int | None] | None = None,
) -> Answer:
    """Type and submit in one go."""
    who = fill_draft(
        world, packs, institution=institution, by=by, at=at, emergency=emergency, reason=reason, picked=picked
    )
    return submit_draft(
        key=key or fresh_key(),
        ordering_id=who.ordering_id,
        institution_id=who.institution_id,
        emergency=emergency,
        confirmed=confirmed,
        by=world.actor(by or institution),
        at=at,
    )


def make_order(
    world: World,
    packs: tuple[int, ...] = (6, 12, 20),
    *,
    institution: Institution | None = None,
    by: Institution | None = None,
    at: datetime = NOW,
) -> str:
    """An order of the world's first items, submitted; its number."""
    answer = submit(
        world,
        {world.items[place].item_code: str(count) for place, count in enumerate(packs)},
        institution=institution,
        by=by,
        at=at,
    )
    (order_no,) = answer.orders
    return order_no


def later(days: float = 0, *, hours: float = 0, start: datetime = NOW) -> datetime:
    """An instant after the world's present."""
    return start + timedelta(days=days, hours=hours)
