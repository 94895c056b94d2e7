"""Write catalog/ from a folder of facts: `python scripts/make_catalog.py SOURCE_DIR [CATALOG_DIR]`.

The folder holds recommended_338.csv, henan_agreed_volumes.csv, luoyang_counties.csv,
luoyang_townships.csv, luoyang_villages.csv and luoyang_counties.geojson; docs/data.md says what they are
and where they come from. The same facts always give the same bytes. Nothing is fetched.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

EDITION = "推荐338-示例"
TOWNSHIP_LIST = "NBS-2023"
ZONE_KIND = "功能区(统计用)"

# The facts give the year of selection and no day, and provinces began on different days. The first day of
# the next year claims no more than is known: by then the price had been published.
PRICE_FROM = {"2019": "2020-01-01", "2020": "2021-01-01", "2021": "2022-01-01"}
# The first day on which all 338 items have a price.
EDITION_FROM = max(PRICE_FROM.values())

CATALOGUE = (
    "item_code", "generic_name", "form", "strength", "pack_size", "base_unit", "manufacturer", "batch",
    "approval_no", "nhsa_code", "variety", "group", "suits", "ceiling_price", "supplies_here", "cold_chain",
)  # fmt: skip

EXAMPLE_FROM = "2022-01-01"
EXAMPLE_MARK = "演示值，非官方"
# Every value here was invented for the demonstration; none is anybody's law.
EXAMPLE_POLICIES = (
    ("stocking.minimum", "township_hospital", "", "32"),
    ("stocking.minimum", "township_hospital", "中心", "35"),
    ("stocking.minimum", "community_health_center", "", "32"),
    ("stocking.minimum", "village_clinic", "", "8"),
    ("stocking.minimum", "community_health_station", "", "8"),
    ("stocking.minimum", "private_institution", "", "18"),
    ("stocking.minimum", "retail_pharmacy", "", "18"),
    ("markup.cap", "private_institution", "", "0.15"),
    ("volume.nonselected_share", "", "", "0.20"),
)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    source = Path(arguments[0])
    target = Path(arguments[1]) if len(arguments) == 2 else Path(__file__).resolve().parent.parent / "catalog"
    write_items(read(source / "recommended_338.csv"), target / "recommended_338")
    write_volumes(read(source / "henan_agreed_volumes.csv"), target)
    write_divisions(source, target / "divisions")
    write_policies(target)
    return 0


def write_items(facts: list[dict[str, str]], target: Path) -> None:
    facts.sort(key=lambda fact: fact["item_code"])
    for fact in facts:
        check_price(fact)
    write(
        target / "catalogue.csv",
        CATALOGUE,
        (
            {
                "item_code": fact["item_code"],
                "generic_name": fact["generic_name"],
                "form": fact["form_class"],
                "strength": strength(fact["strength"]),
                "pack_size": fact["pack_size"],
                "base_unit": fact["base_unit"],
                "manufacturer": fact["manufacturer"],
                "batch": fact["batch"],
                "variety": variety(fact["generic_name"], fact["form_class"]),
                "supplies_here": fact["supplies_henan"],
            }
            for fact in facts
        ),
    )
    write(
        target / "prices.csv",
        ("item_code", "valid_from", "pack_price", "document_no"),
        (
            {
                "item_code": fact["item_code"],
                "valid_from": PRICE_FROM[fact["batch_year"]],
                "pack_price": fact["pack_price"],
                "document_no": f"{fact['batch_year']}年 {fact['batch']} 中选价（历史价）",
            }
            for fact in facts
        ),
    )
    write(
        target / "editions.csv",
        ("edition", "valid_from", "item_code"),
        ({"edition": EDITION, "valid_from": EDITION_FROM, "item_code": fact["item_code"]} for fact in facts),
    )
    write(
        target / "provenance.csv",
        ("item_code", "batch_year", "unit_price", "pack_size_basis", "supply_regions", "source"),
        (fact | {"pack_size_basis": "inferred"} for fact in facts),
    )


def check_price(fact: dict[str, str]) -> None:
    """Stop at a pack price that is not the unit price times the pack size, in whole fen.

    The unit price is itself rounded to six decimals, so the product may be off by half of that per unit.
    """
    exact = Decimal(fact["unit_price"]) * int(fact["pack_size"])
    price = Decimal(fact["pack_price"])
    tolerance = Decimal("0.0000005") * int(fact["pack_size"])
    if exact.quantize(Decimal("0.01"), ROUND_HALF_UP) != price or abs(exact - price) > tolerance:
        raise SystemExit(f"{fact['item_code']}: pack price {price} is not {exact}")
    if fact["pack_size_basis"] != "inferred from the unit price":
        raise SystemExit(f"{fact['item_code']}: unknown pack size basis {fact['pack_size_basis']!r}")


def strength(text: str) -> str:
    """One way to write brackets, so that equal strengths compare equal."""
    return text.replace("（", " (").replace("）", ")").replace("  ", " ")


def variety(generic_name: str, form: str) -> str:
    """Generic name and form; the name alone where it already says the form, as the tender lists do."""
    if generic_name.startswith("注射用") or generic_name.endswith(("注射液", "溶液")):
        return generic_name
    return generic_name + form


def write_volumes(facts: list[dict[str, str]], target: Path) -> None:
    columns = ("batch", "variety_name", "strength", "first_year_volume_10k_units", "source")
    write(target / "henan_agreed_volumes.csv", columns, facts)


def write_divisions(source: Path, target: Path) -> None:
    counties = read(source / "luoyang_counties.csv")
    for county in counties:
        county["townships"] = county["townships_nbs2023"]
        county["villages"] = county["villages_nbs2023"]
        county["kind"] = "功能区" if county["kind"] == ZONE_KIND else county["kind"]
    columns = ("code", "name", "kind", "townships", "villages", "label_lng", "label_lat")
    write(target / "counties.csv", columns, by_code(counties))
    # Civil-affairs codes differ and must never be joined on, so the other list stays outside.
    townships = [row for row in read(source / "luoyang_townships.csv") if row["list"] == TOWNSHIP_LIST]
    write(target / "townships.csv", ("code", "name", "county_code"), by_code(townships))
    villages = read(source / "luoyang_villages.csv")
    write(target / "villages.csv", ("code", "name", "township_code"), by_code(villages))
    outlines = json.loads((source / "luoyang_counties.geojson").read_text(encoding="utf-8"))
    write_text(target / "luoyang_counties.geojson", compact(outlines))


def compact(outlines: dict[str, Any]) -> str:
    """The outlines with four decimals (about ten metres) and only code and name, one county a line."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": feature["properties"]["code"], "name": feature["properties"]["name"]},
            "geometry": {
                "type": feature["geometry"]["type"],
                "coordinates": [
                    [ring(points) for points in polygon] for polygon in feature["geometry"]["coordinates"]
                ],
            },
        }
        for feature in sorted(outlines["features"], key=lambda feature: feature["properties"]["code"])
    ]
    lines = [json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features]
    return '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"


def ring(points: list[list[float]]) -> list[list[float]]:
    rounded = [[round(longitude, 4), round(latitude, 4)] for longitude, latitude in points]
    return [point for index, point in enumerate(rounded) if index == 0 or point != rounded[index - 1]]


def write_policies(target: Path) -> None:
    columns = ("parameter", "kind", "scale", "valid_from", "value", "document_no")
    write(
        target / "policies_example.csv",
        columns,
        (
            dict(zip(columns, (parameter, kind, scale, EXAMPLE_FROM, value, EXAMPLE_MARK), strict=True))
            for parameter, kind, scale, value in EXAMPLE_POLICIES
        ),
    )


def by_code(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(rows, key=lambda row: row["code"])


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [{name: value.strip() for name, value in row.items()} for row in csv.DictReader(file)]


def write(path: Path, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
