"""The demonstration prefecture (formats.md section 4): real places and items, invented institutions and deeds.

Everything is made from a seed and comes out as rows of the import kinds, so that the demonstration goes the same
way as any file: what it holds is what an import would hold. Nothing here is a fact about a real institution.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from clinic_orders.rules.days import SHANGHAI, add_working_days, is_working_day, start_of_day
from clinic_orders.rules.money import line_amount
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.payment_terms import DueRule, due_date

Row = dict[str, Any]

SMALL_COUNTIES = ("410325", "410329")  # 嵩县 and 伊川县, as in the drawn screens.
DISTRIBUTOR_NAMES = (
    "豫西安康医药配送有限公司",
    "河洛惠民医药物流有限公司",
    "伊洛同济药业配送有限公司",
    "嵩岳医药有限公司",
    "洛阳康源医药有限公司",
    "中州百草医药配送有限公司",
    "邙山医药供应链有限公司",
    "龙门济世药业有限公司",
    "栾川伏牛医药配送有限公司",
    "洛宁神灵医药有限公司",
    "新安函谷药业配送有限公司",
    "宜阳灵山医药有限公司",
    "汝阳杜康医药物流有限公司",
    "偃师商都医药配送有限公司",
    "孟津会盟药业有限公司",
    "涧西工建医药有限公司",
    "老城丽景医药配送有限公司",
    "瀍河回洛药业有限公司",
    "洛龙开元医药物流有限公司",
    "伊滨科创医药配送有限公司",
)
PHARMACY_BRANDS = ("安和堂", "济仁", "百姓康", "同心", "仁爱", "惠民", "益寿", "康乐", "福源", "长春")
PRIVATE_NAMES = ("仁济民营医院", "骨科康复医院", "康宁门诊部", "同仁中医门诊部", "爱尔口腔门诊部", "慈安医院")
SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何高林郑"
GIVEN = (
    "保田",
    "秀英",
    "建国",
    "桂兰",
    "志强",
    "玉梅",
    "海军",
    "春花",
    "文明",
    "凤霞",
    "国庆",
    "红军",
    "丽娟",
    "铁柱",
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the demonstration is."""

    counties: tuple[str, ...] | None
    clinics: int
    shops: int
    distributors: int


SCALES = {
    "small": Scale(SMALL_COUNTIES, clinics=300, shops=40, distributors=6),
    "prefecture": Scale(None, clinics=3067, shops=1000, distributors=20),
}


@dataclass(slots=True)
class Place:
    """An invented institution and what it needs to order."""

    code: str
    name: str
    kind: InstitutionKind
    county: str
    supervisor: str | None
    joined_on: date
    remote: bool
    usual: list[tuple[str, int]] = field(default_factory=list)
    proxy: bool = False


@dataclass(slots=True)
class Demonstration:
    """The rows by import kind, in the order in which they must be imported, and who logs in as what."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    distributors: list[str] = field(default_factory=list)
    show_clinic: str = ""
    show_hospital: str = ""
    show_distributor: str = ""
    show_county: str = ""


def person(random_: random.Random) -> str:
    """An invented person's name."""
    return random_.choice(SURNAMES) + random_.choice(GIVEN)


def _institutions(
    world: Demonstration, scale: Scale, divisions: dict[str, list[Row]], start: date, dice: random.Random
) -> None:
    counties = scale.counties or tuple(row["code"] for row in divisions["counties"])
    townships = [row for row in divisions["townships"] if row["county_code"] in counties]
    township_of = {row["code"]: row for row in townships}
    villages = [row for row in divisions["villages"] if row["township_code"] in township_of]
    serial: dict[str, int] = {}

    def number(letter: str, county: str) -> str:
        serial[letter + county] = serial.get(letter + county, 0) + 1
        return f"{letter}{county}{serial[letter + county]:05d}"

    hospital_of: dict[str, str] = {}
    rows: list[Row] = []
    joined = start - timedelta(days=400)

    def add(place: Place, township: str, village: str, **more: Any) -> None:
        world.places.append(place)
        rows.append(
            {
                "code": place.code,
                "valid_from": place.joined_on,
                "name": place.name,
                "kind": place.kind,
                "county_code": place.county,
                "township": township,
                "village": village,
                "supervisor_code": place.supervisor,
                "remote": place.remote,
                "joined_on": place.joined_on,
                "phone": "0379-0000-0000",
                **more,
            }
        )

    for index, row in enumerate(townships):
        county, town = row["county_code"], row["name"]
        urban = town.endswith("街道")
        kind = InstitutionKind.COMMUNITY_HEALTH_CENTER if urban else InstitutionKind.TOWNSHIP_HOSPITAL
        code = number("H", county)
        hospital_of[row["code"]] = code
        name = f"{town.removesuffix('街道') if urban else town}{'社区卫生服务中心' if urban else '卫生院'}"
        add(
            Place(code, name, kind, county, None, joined, False),
            town,
            "",
            scale="中心" if index % 6 == 0 else "",
        )
        if town == "车村镇":
            world.show_hospital, world.show_county = code, county
    chosen = villages
    if len(villages) > scale.clinics:
        named = [row for row in villages if row["name"].startswith("明白川村")]
        rest = [row for row in villages if row not in named]
        chosen = sorted(
            named + dice.sample(rest, scale.clinics - len(named)), key=lambda row: str(row["code"])
        )
    for row in chosen:
        town = township_of[row["township_code"]]
        short = row["name"]
        station = "社区" in short or "居民委员会" in short
        for tail in ("社区居民委员会", "村民委员会", "居民委员会", "村委会"):
            short = short.removesuffix(tail)
        short = short.removesuffix("村") if not station else short
        name = f"{short}社区卫生服务站" if station else f"{short}村卫生室"
        kind = InstitutionKind.COMMUNITY_HEALTH_STATION if station else InstitutionKind.VILLAGE_CLINIC
        place = Place(
            number("H", town["county_code"]),
            name,
            kind,
            town["county_code"],
            hospital_of[row["township_code"]],
            joined + timedelta(days=dice.randrange(0, 120)),
            dice.random() < 0.12,
        )
        add(place, town["name"], row["name"])
        if row["name"].startswith("明白川村") and not world.show_clinic:
            world.show_clinic = place.code
    for index in range(scale.shops):
        town = dice.choice(townships)
        private = index % 5 == 0
        kind = InstitutionKind.PRIVATE_INSTITUTION if private else InstitutionKind.RETAIL_PHARMACY
        where = str(town["name"]).removesuffix("街道")
        name = (
            f"{where}{dice.choice(PRIVATE_NAMES)}"
            if private
            else f"{dice.choice(PHARMACY_BRANDS)}大药房{where}{index + 1}店"
        )
        place = Place(
            number("P" if not private else "H", town["county_code"]),
            name,
            kind,
            town["county_code"],
            None,
            joined + timedelta(days=dice.randrange(0, 300)),
            False,
        )
        more: Row = {}
        if not private and index % 20 in {1, 2, 3}:
            # Three stores of one chain: the first is the headquarters that orders for the others.
            head = next(
                (
                    place_.code
                    for place_ in reversed(world.places)
                    if place_.kind is InstitutionKind.RETAIL_PHARMACY
                ),
                None,
            )
            if index % 20 != 1 and head is not None:
                more["headquarters_code"] = head
        add(place, town["name"], "", **more)
    if not world.show_hospital:
        world.show_hospital, world.show_county = world.places[0].code, world.places[0].county
    if not world.show_clinic:
        world.show_clinic = next(
            place.code for place in world.places if place.supervisor == world.show_hospital
        )
    world.rows["institutions"] = rows


def _letters(world: Demonstration, dice: random.Random) -> None:
    commitments: list[Row] = []
    mandates: list[Row] = []
    for index, place in enumerate(world.places):
        public = place.kind not in {InstitutionKind.RETAIL_PHARMACY, InstitutionKind.PRIVATE_INSTITUTION}
        # A few have not signed yet, so that the refusal can be seen.
        if index % 61 != 60:
            commitments.append(
                {
                    "institution_code": place.code,
                    "signed_on": place.joined_on,
                    "version": "2025-1（演示）",
                    "markup_rate": Decimal("0")
                    if public
                    else dice.choice([Decimal("0.10"), Decimal("0.15")]),
                }
            )
        if place.supervisor and (place.code == world.show_clinic or dice.random() < 0.4):
            place.proxy = place.code != world.show_clinic and dice.random() < 0.5
            mandates.append(
                {
                    "institution_code": place.code,
                    "hospital_code": place.supervisor,
                    "valid_from": place.joined_on,
                }
            )
    world.rows["commitments"], world.rows["mandates"] = commitments, mandates


def _relations(world: Demonstration, items: Sequence[Row], dice: random.Random) -> dict[tuple[str, str], str]:
    """Who delivers what where; six items a county have nobody, so that the alarm list is not empty."""
    counties = sorted({place.county for place in world.places})
    of: dict[tuple[str, str], str] = {}
    rows: list[Row] = []
    first = min(place.joined_on for place in world.places)
    makers = sorted({str(item["manufacturer"]) for item in items})
    for county in counties:
        local = dice.sample(world.distributors, min(3, len(world.distributors)))
        if county == world.show_county and world.show_distributor not in local:
            local[0] = world.show_distributor
        by_maker = {maker: local[index % len(local)] for index, maker in enumerate(makers)}
        nobody = {str(item["item_code"]) for item in dice.sample(list(items), 6)}
        for item in items:
            if item["item_code"] in nobody:
                continue
            of[county, item["item_code"]] = by_maker[item["manufacturer"]]
            rows.append(
                {
                    "scope": county,
                    "item_code": item["item_code"],
                    "distributor_code": by_maker[item["manufacturer"]],
                    "valid_from": first,
                }
            )
    world.rows["delivery-relations"] = rows
    return of


def _usual(
    place: Place, items: Sequence[Row], common: Sequence[Row], dice: random.Random
) -> list[tuple[str, int]]:
    hospital = place.kind in {InstitutionKind.TOWNSHIP_HOSPITAL, InstitutionKind.COMMUNITY_HEALTH_CENTER}
    shop = place.kind in {InstitutionKind.RETAIL_PHARMACY, InstitutionKind.PRIVATE_INSTITUTION}
    count = dice.randrange(30, 55) if hospital else dice.randrange(16, 30) if shop else dice.randrange(8, 16)
    base = 40 if hospital else 12 if shop else 8
    pool = list(common if not hospital else items)
    return [
        (str(item["item_code"]), max(1, round(dice.gauss(base, base / 3))))
        for item in dice.sample(pool, min(count, len(pool)))
    ]


def _working_moment(day: date, dice: random.Random, first_hour: int = 8, last_hour: int = 17) -> datetime:
    return start_of_day(day) + timedelta(
        hours=dice.randrange(first_hour, last_hour), minutes=dice.randrange(60), seconds=dice.randrange(60)
    )


def _next_working(day: date) -> date:
    return day if is_working_day(day) else add_working_days(day, 1)


@dataclass(slots=True)
class _Numbers:
    """Paper numbers of the past, one series a day."""

    last: dict[str, int] = field(default_factory=dict)

    def next(self, prefix: str, moment: datetime) -> str:
        series = f"{prefix}{moment.astimezone(SHANGHAI):%Y%m%d}"
        self.last[series] = self.last.get(series, 0) + 1
        return f"{series}-{self.last[series]:04d}"


def _history(
    world: Demonstration,
    items: Sequence[Row],
    prices: dict[str, Decimal],
    relation: dict[tuple[str, str], str],
    *,
    start: date,
    today: date,
    now: datetime,
    dice: random.Random,
) -> None:
    """Orders, receipts and returns of the past months, each place about once a month, up to this hour."""
    common = dice.sample(list(items), min(120, len(items)))
    orders: list[Row] = []
    receipts: list[Row] = []
    returns: list[Row] = []
    numbers = _Numbers()
    plans: list[tuple[datetime, Place]] = []
    for place in world.places:
        place.usual = _usual(place, items, common, dice)
        month = start
        while month <= today:
            times = 2 if place.kind is InstitutionKind.TOWNSHIP_HOSPITAL and dice.random() < 0.5 else 1
            for _ in range(times):
                day = _next_working(month + timedelta(days=dice.randrange(0, 26)))
                if place.joined_on <= day < today:
                    plans.append((_working_moment(day, dice), place))
            month = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
    plans.sort(key=lambda plan: (plan[0], plan[1].code))
    for submitted, place in plans:
        share = dice.uniform(0.6, 1.0)
        lines = [
            line for line in place.usual if dice.random() < share and (place.county, line[0]) in relation
        ]
        groups: dict[str, list[tuple[str, int]]] = {}
        for item_code, packs in lines:
            groups.setdefault(relation[place.county, item_code], []).append(
                (item_code, max(1, round(packs * dice.uniform(0.7, 1.3))))
            )
        for distributor, group in sorted(groups.items()):
            _one_order(
                world,
                place,
                distributor,
                group,
                prices,
                submitted,
                now,
                numbers,
                orders,
                receipts,
                returns,
                dice,
            )
    _show_orders(world, prices, relation, today, now, numbers, orders, receipts, returns, dice)
    world.rows["orders"], world.rows["receipts"], world.rows["returns"] = orders, receipts, returns


def _show_orders(
    world: Demonstration,
    prices: dict[str, Decimal],
    relation: dict[tuple[str, str], str],
    today: date,
    now: datetime,
    numbers: _Numbers,
    orders: list[Row],
    receipts: list[Row],
    returns: list[Row],
    dice: random.Random,
) -> None:
    """For the people who log in: goods to receive, an order to ship and one to answer, whatever the seed."""
    clinic = next(place for place in world.places if place.code == world.show_clinic)
    lines = [
        line for line in clinic.usual if relation.get((clinic.county, line[0])) == world.show_distributor
    ]
    if len(lines) < 4:
        extra = [
            code
            for (county, code), who in sorted(relation.items())
            if (county, who) == (clinic.county, world.show_distributor)
        ]
        lines = (lines + [(code, dice.randrange(2, 12)) for code in extra if code not in dict(lines)])[:5]
    working = [
        today - timedelta(days=days) for days in range(1, 30) if is_working_day(today - timedelta(days=days))
    ]
    for day, stage in ((working[2], "receive"), (working[1], "ship"), (working[0], "answer")):
        submitted = start_of_day(day) + timedelta(hours=8, minutes=dice.randrange(60))
        _one_order(
            world,
            clinic,
            world.show_distributor,
            lines,
            prices,
            submitted,
            now,
            numbers,
            orders,
            receipts,
            returns,
            dice,
            stage=stage,
        )


def _one_order(
    world: Demonstration,
    place: Place,
    distributor: str,
    group: list[tuple[str, int]],
    prices: dict[str, Decimal],
    submitted: datetime,
    now: datetime,
    numbers: _Numbers,
    orders: list[Row],
    receipts: list[Row],
    returns: list[Row],
    dice: random.Random,
    stage: str = "",
) -> None:
    """One order's life, cut off at ``now``: what would lie in the future has not happened.

    ``stage`` stops it where somebody is to act: ``answer``, ``ship`` or ``receive``; empty lets it go on.
    """
    order_no = numbers.next("CG", submitted)
    luck = dice.random()
    answered = _working_moment(add_working_days(submitted.astimezone(SHANGHAI).date(), 1), dice)
    # A few are never answered: they lapse, or are still waiting.
    unanswered = stage == "answer" or (luck < 0.012 and not stage)
    answered_at = None if unanswered or answered > now else answered
    head: Row = {
        "order_no": order_no,
        "institution_code": place.code,
        "ordering_code": place.supervisor if place.proxy else place.code,
        "paying_code": place.code,
        "distributor_code": distributor,
        "submitted_at": submitted,
        "mode": "proxy" if place.proxy else "direct",
        "channel": "clinic_orders",
        "emergency": False,
    }
    shipped_at = _working_moment(add_working_days(answered.astimezone(SHANGHAI).date(), 1), dice, 7, 12)
    delivered_at = shipped_at + timedelta(hours=dice.randrange(3, 30))
    accepted_at = _working_moment(
        _next_working(delivered_at.astimezone(SHANGHAI).date() + timedelta(days=1)), dice, 8, 18
    )
    lines: list[tuple[str, int]] = []
    for item_code, packs in group:
        row = head | {"item_code": item_code, "packs": packs, "pack_price": prices[item_code]}
        if answered_at is not None:
            short = dice.random() < 0.02
            confirmed = dice.randrange(0, packs) if short else packs
            row |= {"confirmed_packs": confirmed, "confirmed_at": answered_at}
            if confirmed and dice.random() < 0.008 and shipped_at <= now:
                row |= {"closed_packs": confirmed, "closed_at": shipped_at, "closed_reason": "stock_out"}
                confirmed = 0
            if confirmed:
                lines.append((item_code, confirmed))
        orders.append(row)
    if not lines or answered_at is None or shipped_at > now or stage == "ship":
        return
    receipt_no = numbers.next("PS", shipped_at)
    accepted = accepted_at <= now and not stage
    invoice = f"{4100260000 + len(receipts):012d}"
    for item_code, packs in lines:
        expiry = (shipped_at.date().replace(day=1) + timedelta(days=dice.randrange(300, 1000))).replace(
            day=1
        ) - timedelta(days=1)
        row = {
            "receipt_no": receipt_no,
            "order_no": order_no,
            "item_code": item_code,
            "batch_no": f"{shipped_at:%y%m}{dice.randrange(100):02d}",
            "shipped_packs": packs,
            "expiry_date": expiry,
            "invoice_no": invoice,
            "shipped_at": shipped_at,
        }
        if delivered_at <= now:
            row["delivered_at"] = delivered_at
        if accepted:
            rejected = dice.randrange(1, packs + 1) if dice.random() < 0.006 else 0
            row |= {
                "accepted_packs": packs - rejected,
                "rejected_packs": rejected,
                "accepted_at": accepted_at,
            }
            if rejected:
                row["reject_reason"] = dice.choice(["damaged", "wrong_quantity", "no_papers"])
            kept = packs - rejected
            agreed = accepted_at + timedelta(days=dice.randrange(3, 20))
            if kept and agreed <= now and dice.random() < 0.004:
                returns.append(
                    {
                        "return_no": numbers.next("TH", agreed),
                        "receipt_no": receipt_no,
                        "item_code": item_code,
                        "batch_no": row["batch_no"],
                        "packs": dice.randrange(1, kept + 1),
                        "agreed_at": agreed,
                        "reason": dice.choice(["near_expiry", "quality", "overstock"]),
                    }
                )
        receipts.append(row)


def _payments(world: Demonstration, today: date, dice: random.Random) -> None:
    """Institutions pay what falls due in a month to each distributor: most in time, some late, a few not at all."""
    price = {(row["order_no"], row["item_code"]): row["pack_price"] for row in world.rows["orders"]}
    parties = {row["order_no"]: row for row in world.rows["orders"]}
    returned: dict[tuple[str, str, str], int] = {}
    for row in world.rows["returns"]:
        key = (row["receipt_no"], row["item_code"], row["batch_no"])
        returned[key] = returned.get(key, 0) + row["packs"]
    due: dict[tuple[date, str, str], Decimal] = {}
    for row in world.rows["receipts"]:
        if row.get("accepted_at") is None:
            continue
        accepted_on = row["accepted_at"].astimezone(SHANGHAI).date()
        head = parties[row["order_no"]]
        back = returned.get((row["receipt_no"], row["item_code"], row["batch_no"]), 0)
        amount = line_amount(price[row["order_no"], row["item_code"]], row["accepted_packs"] - back)
        whose = (
            due_date(accepted_on, DueRule.END_OF_NEXT_MONTH),
            str(head["paying_code"]),
            str(head["distributor_code"]),
        )
        due[whose] = due.get(whose, Decimal(0)) + amount
    rows: list[Row] = []
    for (due_on, paying, distributor), amount in sorted(due.items()):
        luck = dice.random()
        days = -dice.randrange(0, 9) if luck < 0.86 else dice.randrange(1, 41)
        paid_on = due_on + timedelta(days=days)
        if luck > 0.97 or paid_on > today or not amount:
            continue
        rows.append(
            {
                "institution_code": paying,
                "distributor_code": distributor,
                "payment_no": f"FK{due_on:%Y%m}-{paying}",
                "amount": amount,
                "paid_on": paid_on,
                "method": dice.choice(("transfer", "transfer", "transfer", "alipay")),
                "reference": f"{paid_on:%Y%m%d}{dice.randrange(10**8):08d}",
            }
        )
    world.rows["payments"] = rows


def make_demonstration(
    size: str,
    *,
    months: int,
    seed: int,
    today: date,
    now: datetime,
    divisions: dict[str, list[Row]],
    items: Sequence[Row],
    prices: dict[str, Decimal],
) -> Demonstration:
    """Invent a prefecture.

    Args:
        size: ``small`` (two counties) or ``prefecture``.
        months: how many months of history, the present one included.
        seed: the same seed, day and size give the same rows.
        today: the day it ends on, in China.
        now: the instant it ends at; nothing lies after it.
        divisions: rows of counties, townships, villages.
        items: rows of kind ``catalogue``.
        prices: pack price in yuan by item code.

    """
    scale = SCALES[size]
    # Random enough for a demonstration; nothing secret is made of it.
    dice = random.Random(seed)  # noqa: S311
    start = today.replace(day=1)
    for _ in range(months - 1):
        start = (start - timedelta(days=1)).replace(day=1)
    world = Demonstration()
    world.rows["distributors"] = [
        {"code": f"D4103{index + 1:04d}", "name": name, "phone": "0379-0000-0000"}
        for index, name in enumerate(DISTRIBUTOR_NAMES[: scale.distributors])
    ]
    world.distributors = [str(row["code"]) for row in world.rows["distributors"]]
    world.show_distributor = world.distributors[0]
    _institutions(world, scale, divisions, start, dice)
    _letters(world, dice)
    relation = _relations(world, items, dice)
    _history(world, items, prices, relation, start=start, today=today, now=now, dice=dice)
    _payments(world, today, dice)
    return world


def import_order(world: Demonstration) -> Iterator[tuple[str, list[Row]]]:
    """The kinds with their rows in the order in which they rest on each other."""
    for kind in (
        "distributors",
        "institutions",
        "commitments",
        "mandates",
        "delivery-relations",
        "orders",
        "receipts",
        "returns",
        "payments",
    ):
        yield kind, world.rows.get(kind, [])
