"""Invented institutions in real places, their letters and mandates, and who delivers what where."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from clinic_orders.exchange.demonstration.world import (
    PHARMACY_BRANDS,
    PRIVATE_NAMES,
    Demonstration,
    Place,
    Row,
    Scale,
)
from clinic_orders.rules.parties import InstitutionKind


def make_institutions(
    world: Demonstration, scale: Scale, divisions: dict[str, list[Row]], dice: random.Random
) -> None:
    """A hospital for each township, clinics in real villages, pharmacies and private institutions."""
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
    joined = world.start - timedelta(days=400)

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
        size = "中心" if index % 6 == 0 else ""
        add(Place(code, name, kind, county, None, joined, False, scale=size), town, "", scale=size)
        if town == "车村镇":
            world.show_hospital, world.show_county = code, county
    # Towns with the most villages have a second hospital, until there are as many as the scale says.
    busy = sorted(
        townships,
        key=lambda town: (-sum(row["township_code"] == town["code"] for row in villages), town["code"]),
    )
    for row in busy[: max(0, scale.hospitals - len(townships))]:
        code = number("H", row["county_code"])
        kind = InstitutionKind.TOWNSHIP_HOSPITAL
        add(
            Place(code, f"{row['name']}第二卫生院", kind, row["county_code"], None, joined, False),
            row["name"],
            "",
        )
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


def make_letters(world: Demonstration, dice: random.Random) -> None:
    """Commitment letters of nearly all, and mandates for hospitals that order for their villages."""
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


def make_relations(world: Demonstration, dice: random.Random) -> None:
    """Who delivers what where; six items a county have nobody, so that the alarm list is not empty."""
    counties = sorted({place.county for place in world.places})
    rows: list[Row] = []
    first = min(place.joined_on for place in world.places)
    makers = sorted({str(item["manufacturer"]) for item in world.items})
    for county in counties:
        local = dice.sample(world.distributors, min(3, len(world.distributors)))
        if county == world.show_county and world.show_distributor not in local:
            local[0] = world.show_distributor
        by_maker = {maker: local[index % len(local)] for index, maker in enumerate(makers)}
        nobody = {str(item["item_code"]) for item in dice.sample(list(world.items), 6)}
        for item in world.items:
            if item["item_code"] in nobody:
                continue
            world.relation[county, item["item_code"]] = by_maker[item["manufacturer"]]
            rows.append(
                {
                    "scope": county,
                    "item_code": item["item_code"],
                    "distributor_code": by_maker[item["manufacturer"]],
                    "valid_from": first,
                }
            )
    world.rows["delivery-relations"] = rows


def usual_list(
    place: Place, items: Sequence[Row], common: Sequence[Row], dice: random.Random
) -> list[tuple[str, int]]:
    """The items that a place usually orders, each every second month, with packs an order."""
    hospital = place.kind in {InstitutionKind.TOWNSHIP_HOSPITAL, InstitutionKind.COMMUNITY_HEALTH_CENTER}
    shop = place.kind in {InstitutionKind.RETAIL_PHARMACY, InstitutionKind.PRIVATE_INSTITUTION}
    count = dice.randrange(34, 56) if hospital else dice.randrange(20, 32) if shop else dice.randrange(9, 17)
    base = 80 if hospital else 24 if shop else 16
    pool = list(common if not hospital else items)
    return [
        (str(item["item_code"]), max(1, round(dice.gauss(base, base / 3))))
        for item in dice.sample(pool, min(count, len(pool)))
    ]


def choose_counting(world: Demonstration, dice: random.Random) -> None:
    """Everybody counts stock every month, as it must, but for a few: hospitals all of it, the others an item each time."""
    hospitals = {InstitutionKind.TOWNSHIP_HOSPITAL, InstitutionKind.COMMUNITY_HEALTH_CENTER}
    codes = [place.code for place in world.places if place.code != world.show_hospital]
    world.silent = frozenset(dice.sample(codes, max(2, len(codes) // 25)))
    world.counting = frozenset(place.code for place in world.places if place.kind in hospitals) - world.silent
