"""The shipped facts are complete, hang together, and are ready to import."""

import csv
import json
import re
import subprocess
import sys
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CATALOG = ROOT / "catalog"
ITEMS = CATALOG / "recommended_338"
DIVISIONS = CATALOG / "divisions"

COLUMNS = {
    ITEMS
    / "catalogue.csv": "item_code,generic_name,form,strength,pack_size,base_unit,manufacturer,batch,approval_no,"
    "nhsa_code,variety,group,suits,ceiling_price,supplies_here,cold_chain",
    ITEMS / "prices.csv": "item_code,valid_from,pack_price,document_no",
    ITEMS / "editions.csv": "edition,valid_from,item_code",
    ITEMS / "provenance.csv": "item_code,batch_year,unit_price,pack_size_basis,supply_regions,source",
    CATALOG / "henan_agreed_volumes.csv": "batch,variety_name,strength,first_year_volume_10k_units,source",
    CATALOG / "policies_example.csv": "parameter,kind,scale,valid_from,value,document_no",
    DIVISIONS / "counties.csv": "code,name,kind,townships,villages,label_lng,label_lat",
    DIVISIONS / "townships.csv": "code,name,county_code",
    DIVISIONS / "villages.csv": "code,name,township_code",
}

MAY_BE_EMPTY = {
    ITEMS / "catalogue.csv": {"approval_no", "nhsa_code", "group", "suits", "ceiling_price", "cold_chain"},
    CATALOG / "policies_example.csv": {"kind", "scale"},
    DIVISIONS / "counties.csv": {"label_lng", "label_lat"},
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.parametrize("path", COLUMNS, ids=lambda path: path.name)
def test_a_file_has_exactly_its_columns_and_no_blank_where_a_value_is_needed(path):
    assert path.read_text(encoding="utf-8").splitlines()[0] == COLUMNS[path]
    for row in rows(path):
        blank = {name for name, value in row.items() if value == ""}
        assert blank <= MAY_BE_EMPTY.get(path, set()), row
        assert None not in row


@pytest.mark.parametrize("path", COLUMNS, ids=lambda path: path.name)
def test_a_file_is_utf_8_with_lf_and_no_stray_spaces(path):
    raw = path.read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    for row in rows(path):
        assert all(value == value.strip() for value in row.values()), row


def test_the_catalogue_has_338_items_with_unique_codes_and_whole_packs():
    items = rows(ITEMS / "catalogue.csv")
    assert len({item["item_code"] for item in items}) == len(items) == 338
    for item in items:
        assert int(item["pack_size"]) >= 1
        assert item["supplies_here"] in {"Y", "N"}
        assert item["variety"].startswith(item["generic_name"])


def test_no_two_items_are_the_same_product():
    items = rows(ITEMS / "catalogue.csv")
    identity = ("generic_name", "form", "strength", "pack_size", "manufacturer")
    assert len({tuple(item[name] for name in identity) for item in items}) == 338


def test_every_item_has_one_price_one_place_in_the_edition_and_one_provenance():
    codes = [item["item_code"] for item in rows(ITEMS / "catalogue.csv")]
    for name in ("prices.csv", "editions.csv", "provenance.csv"):
        assert [row["item_code"] for row in rows(ITEMS / name)] == codes
    assert len({(row["edition"], row["valid_from"]) for row in rows(ITEMS / "editions.csv")}) == 1


def test_a_pack_price_is_the_unit_price_times_the_pack_size_in_whole_fen():
    sizes = {item["item_code"]: int(item["pack_size"]) for item in rows(ITEMS / "catalogue.csv")}
    units = {row["item_code"]: Decimal(row["unit_price"]) for row in rows(ITEMS / "provenance.csv")}
    for row in rows(ITEMS / "prices.csv"):
        code, price = row["item_code"], Decimal(row["pack_price"])
        exact = units[code] * sizes[code]
        assert price > 0
        assert -int(price.as_tuple().exponent) <= 4
        assert exact.quantize(Decimal("0.01"), ROUND_HALF_UP) == price, code
        assert abs(exact - price) <= Decimal("0.0000005") * sizes[code], code


def test_prices_begin_after_the_year_of_selection_and_are_called_historical():
    years = {row["item_code"]: int(row["batch_year"]) for row in rows(ITEMS / "provenance.csv")}
    batches = {item["item_code"]: item["batch"] for item in rows(ITEMS / "catalogue.csv")}
    prices = rows(ITEMS / "prices.csv")
    for row in prices:
        year = years[row["item_code"]]
        assert date.fromisoformat(row["valid_from"]) == date(year + 1, 1, 1)
        assert row["document_no"] == f"{year}年 {batches[row['item_code']]} 中选价（历史价）"
    edition_from = {row["valid_from"] for row in rows(ITEMS / "editions.csv")}
    assert edition_from == {max(row["valid_from"] for row in prices)}


def test_every_pack_size_is_marked_as_inferred():
    assert {row["pack_size_basis"] for row in rows(ITEMS / "provenance.csv")} == {"inferred"}


def test_an_item_supplies_here_exactly_when_henan_is_among_its_regions():
    regions = {row["item_code"]: row["supply_regions"].split(";") for row in rows(ITEMS / "provenance.csv")}
    for item in rows(ITEMS / "catalogue.csv"):
        assert (item["supplies_here"] == "Y") == ("河南" in regions[item["item_code"]])


def test_most_varieties_are_named_as_in_the_list_of_agreed_volumes():
    agreed = {row["variety_name"] for row in rows(CATALOG / "henan_agreed_volumes.csv")}
    varieties = {item["variety"] for item in rows(ITEMS / "catalogue.csv")}
    # The list adds the strength to the names of these four.
    assert varieties - agreed == {
        "左乙拉西坦口服常释剂型", "替格瑞洛口服常释剂型", "玻璃酸钠滴眼剂", "非那雄胺口服常释剂型",
    }  # fmt: skip


def test_agreed_volumes_are_positive_numbers():
    volumes = rows(CATALOG / "henan_agreed_volumes.csv")
    assert len(volumes) == 249
    assert all(Decimal(row["first_year_volume_10k_units"]) > 0 for row in volumes)


def test_every_township_belongs_to_a_county_and_every_village_to_a_township():
    counties = rows(DIVISIONS / "counties.csv")
    townships = rows(DIVISIONS / "townships.csv")
    villages = rows(DIVISIONS / "villages.csv")
    assert (len(counties), len(townships), len(villages)) == (15, 194, 3244)
    assert {row["county_code"] for row in townships} == {row["code"] for row in counties}
    assert {row["township_code"] for row in villages} == {row["code"] for row in townships}
    for row in townships:
        assert re.fullmatch(r"\d{9}", row["code"])
        assert row["code"].startswith(row["county_code"])
    for row in villages:
        assert re.fullmatch(r"\d{12}", row["code"])
        assert row["code"].startswith(row["township_code"])
    for table in (counties, townships, villages):
        codes = [row["code"] for row in table]
        assert codes == sorted(set(codes))


def test_a_county_counts_its_townships_and_villages():
    townships = rows(DIVISIONS / "townships.csv")
    villages = rows(DIVISIONS / "villages.csv")
    for county in rows(DIVISIONS / "counties.csv"):
        assert int(county["townships"]) == sum(row["county_code"] == county["code"] for row in townships)
        assert int(county["villages"]) == sum(row["code"].startswith(county["code"]) for row in villages)


def test_outlines_and_counties_match_and_only_the_zone_has_none():
    outlines = json.loads((DIVISIONS / "luoyang_counties.geojson").read_text(encoding="utf-8"))
    drawn = {feature["properties"]["code"]: feature["properties"]["name"] for feature in outlines["features"]}
    counties = rows(DIVISIONS / "counties.csv")
    assert drawn == {row["code"]: row["name"] for row in counties if row["kind"] != "功能区"}
    assert {row["code"] for row in counties if not row["label_lng"]} == {"410371"}
    for feature in outlines["features"]:
        for polygon in feature["geometry"]["coordinates"]:
            for points in polygon:
                assert points[0] == points[-1]
                assert len(points) >= 4


def test_every_example_policy_says_that_it_is_an_example():
    policies = rows(CATALOG / "policies_example.csv")
    assert {row["document_no"] for row in policies} == {"演示值，非官方"}
    keys = [(row["parameter"], row["kind"], row["scale"], row["valid_from"]) for row in policies]
    assert len(set(keys)) == len(keys)


def test_the_maker_tells_how_to_call_it(tmp_path):
    script = ROOT / "scripts" / "make_catalog.py"
    run = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert run.returncode == 2
    assert "SOURCE_DIR" in run.stderr
