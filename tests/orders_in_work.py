"""A small world for the distributor's tests: two counties, a hospital with villages, two distributors, orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.models.roster import County, Distributor, Institution, InstitutionRecord
from clinic_orders.rules.money import line_amount, total
from clinic_orders.rules.ordering import answer_due_at
from clinic_orders.rules.parties import Actor, InstitutionKind, OrderMode, Role

# Friday; the answer to an order of this moment is due on Tuesday the 24th.
NOW = datetime(2026, 11, 20, 1, 41, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MAKERS = ("石药集团欧意药业有限公司", "江苏恒瑞医药股份有限公司", "拜耳医药保健有限公司")
NAMES = ("氯吡格雷", "厄贝沙坦", "阿卡波糖", "二甲双胍", "阿托伐他汀", "缬沙坦")


@dataclass
class World:
    """What the tests speak of."""

    clinic: Institution
    hospital: Institution
    distributor: Distributor
    other_distributor: Distributor
    items: list[Item]

    @property
    def seller(self) -> Actor:
        """Somebody of the distributor."""
        return Actor(
            "刘敏", Role.DISTRIBUTOR, distributor_id=self.distributor.id, org_name=self.distributor.name
        )

    @property
    def stranger(self) -> Actor:
        """Somebody of another distributor."""
        return Actor("周强", Role.DISTRIBUTOR, distributor_id=self.other_distributor.id)

    @property
    def buyer(self) -> Actor:
        """Somebody of the village clinic."""
        return Actor("王桂兰", Role.INSTITUTION, institution_id=self.clinic.id)


def make_institution(
    code: str,
    name: str,
    *,
    county: str,
    kind: InstitutionKind,
    township: str = "车村镇",
    remote: bool = False,
) -> Institution:
    institution = Institution(code=code, demo=False, recorded_at=LONG_AGO)
    institution.records.append(
        InstitutionRecord(
            valid_from=date(2026, 1, 1),
            name=name,
            kind=kind,
            county_code=county,
            township=township,
            remote=remote,
            joined_on=date(2026, 1, 1),
            recorded_at=LONG_AGO,
        )
    )
    db.session.add(institution)
    db.session.flush()
    return institution


def make_items(count: int) -> list[Item]:
    items = [
        Item(
            item_code=f"LY{number:03d}",
            generic_name=NAMES[number % len(NAMES)] + ("" if number < len(NAMES) else f"{number}"),
            form="片剂",
            strength="75mg",
            pack_size=28,
            base_unit="片",
            manufacturer=MAKERS[number % len(MAKERS)],
            batch="第七批",
            approval_no=f"国药准字H2026{number:04d}",
            cold_chain=number == 4,
            recorded_at=LONG_AGO,
        )
        for number in range(count)
    ]
    db.session.add_all(items)
    db.session.flush()
    return items


def make_world(items: int = 6) -> World:
    db.session.add_all(
        [County(code="410325", name="嵩县", kind="县"), County(code="410329", name="伊川县", kind="县")]
    )
    first = Distributor(
        code="D01", name="豫西安康医药配送有限公司", phone="0379-0000-0001", recorded_at=LONG_AGO
    )
    second = Distributor(code="D02", name="洛北仁和医药有限公司", recorded_at=LONG_AGO)
    db.session.add_all([first, second])
    db.session.flush()
    world = World(
        clinic=make_institution(
            "V01", "明白川村卫生室", county="410325", kind=InstitutionKind.VILLAGE_CLINIC
        ),
        hospital=make_institution(
            "H01", "白元镇卫生院", county="410329", kind=InstitutionKind.TOWNSHIP_HOSPITAL, township="白元镇"
        ),
        distributor=first,
        other_distributor=second,
        items=make_items(items),
    )
    db.session.commit()
    return world


_numbers = iter(range(1, 10**9))


def make_order(
    world: World,
    packs: tuple[int, ...] = (6, 12, 20),
    *,
    institution: Institution | None = None,
    distributor: Distributor | None = None,
    submitted_at: datetime = NOW - timedelta(hours=2),
    emergency: bool = False,
    order_no: str = "",
) -> Order:
    institution = institution or world.clinic
    lines = [
        OrderLine(
            line_no=number,
            item_id=world.items[number - 1].id,
            pack_price=Decimal("3.3650"),
            packs=count,
            amount=line_amount(Decimal("3.3650"), count),
        )
        for number, count in enumerate(packs, start=1)
    ]
    order = Order(
        order_no=order_no or f"CG20261120-{next(_numbers):04d}",
        institution_id=institution.id,
        ordering_id=institution.id,
        paying_id=institution.id,
        distributor_id=(distributor or world.distributor).id,
        mode=OrderMode.DIRECT,
        emergency=emergency,
        emergency_reason="抢救用药" if emergency else "",
        submitted_at=submitted_at,
        answer_due_at=answer_due_at(submitted_at, confirm_days=2, emergency=emergency, emergency_hours=2),
        lines_count=len(lines),
        packs=sum(packs),
        amount=total(line.amount for line in lines),
        recorded_at=submitted_at,
        updated_at=submitted_at,
        lines=lines,
    )
    order.events.append(
        OrderEvent(kind=EventKind.SUBMITTED, at=submitted_at, actor_name="王桂兰", recorded_at=submitted_at)
    )
    db.session.add(order)
    db.session.commit()
    return order
