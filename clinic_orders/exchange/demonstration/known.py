"""Facts that no one reports every month: trace products (追溯码产品), 69-codes and designated pharmacies (定点药店).

All are invented: the prefixes begin with 99, which no real drug has, the bar codes with 29, which GS1 leaves to shops
for their own use, and the pharmacies stand somewhere in their county.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal

from stdnum import ean

from clinic_orders.exchange.demonstration.world import Demonstration, File, Row, dice_for
from clinic_orders.rules.parties import InstitutionKind

_TRACED_ITEMS = 24
# Of so many pharmacies one notes the codes of what it sells.
_ONE_CODES = 3


def choose_traced(world: Demonstration) -> None:
    """The items that pharmacies want most get a prefix; some pharmacies note codes of what they sell."""
    shops = [place for place in world.places if place.kind is InstitutionKind.RETAIL_PHARMACY]
    wanted = Counter(code for place in shops for code, _ in place.usual)
    most = sorted(wanted, key=lambda code: (-wanted[code], code))[:_TRACED_ITEMS]
    world.traced = {code: f"99{number:05d}" for number, code in enumerate(sorted(most), 1)}
    coding = [place.code for place in shops[::_ONE_CODES]]
    world.coding, world.scanning = frozenset(coding), frozenset(coding[: max(5, len(coding) // 10)])


def invented_barcode(number: int) -> str:
    """A bar code that no real product has.

    >>> invented_barcode(1)
    '2900000000018'
    """
    digits = f"29{number:010d}"
    return digits + str(ean.calc_check_digit(digits))


def known(world: Demonstration, counties: Mapping[str, Row]) -> Iterator[File]:
    """The files of trace products, 69-codes and designated pharmacies.

    Args:
        world: whose items and pharmacies.
        counties: rows of the divisions by code, with ``label_lng`` and ``label_lat``.

    """
    sizes = {str(item["item_code"]): int(item["pack_size"]) for item in world.items}
    yield File(
        "trace-products",
        "",
        [
            {"prefix": prefix, "item_code": code, "base_units_per_code": sizes[code]}
            for code, prefix in sorted(world.traced.items())
        ],
    )
    yield File(
        "product-codes",
        "",
        [
            {"barcode": invented_barcode(place), "item_code": str(item["item_code"])}
            for place, item in enumerate(world.items, 1)
        ],
    )
    dice = dice_for(world.seed, "designated")
    rows: list[Row] = []
    for place in world.places:
        county = counties.get(place.county)
        if place.kind is InstitutionKind.RETAIL_PHARMACY and county and county["label_lng"]:
            lng, lat = (
                Decimal(str(county[name])) + Decimal(dice.randrange(-9000, 9001)).scaleb(-5)
                for name in ("label_lng", "label_lat")
            )
            rows.append({"code": place.code, "name": f"{place.name}（演示）", "lng": lng, "lat": lat})
    if rows:
        yield File("designated-pharmacies", "", rows)
