"""The divisions shipped in catalog/: counties, townships, villages (statistical codes)."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path

CATALOG = Path(__file__).resolve().parent.parent.parent / "catalog"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_divisions(folder: Path = CATALOG / "divisions") -> dict[str, list[dict[str, str]]]:
    """The rows of counties.csv, townships.csv and villages.csv by the file's name, as text."""
    return {name: _rows(folder / f"{name}.csv") for name in ("counties", "townships", "villages")}


@cache
def county_rings() -> dict[str, list[list[list[float]]]]:
    """The outlines of the counties by code: rings of points, longitude first."""
    text = (CATALOG / "divisions" / "luoyang_counties.geojson").read_text(encoding="utf-8")
    shapes: dict[str, list[list[list[float]]]] = {}
    for feature in json.loads(text)["features"]:
        geometry = feature["geometry"]
        polygons = (
            geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        )
        shapes[feature["properties"]["code"]] = [ring for polygon in polygons for ring in polygon]
    return shapes
