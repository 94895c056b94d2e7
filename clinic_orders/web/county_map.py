"""The counties as a drawing made on the server from the shipped outlines, shaded by one figure.

Only places and classes stand here; the words are the template's, and a table below says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from math import cos, radians

from clinic_orders.exchange.divisions import county_rings

WIDTH, HEIGHT = 600, 560
CLASSES = 5
_MARGIN = 8
# Inner districts are smaller than their names; a corner of the drawing enlarges them.
_ROOM = 70


@dataclass(frozen=True, slots=True)
class Area:
    """A county: its outline, where its name stands (None where there is no room), its class 1 to 5; 0 = no figure."""

    code: str
    path: str
    label: tuple[float, float] | None
    shade: int


@dataclass(frozen=True, slots=True)
class Inset:
    """The inner districts enlarged in a corner: where they lie in the drawing, and what the corner shows.

    Only the inner districts have a place for their number (``label``); their neighbours fill the frame.
    """

    x: float
    y: float
    width: float
    height: float
    areas: list[Area]


@dataclass(frozen=True, slots=True)
class CountyMap:
    """All counties, and the figures between which the classes lie (six bounds, empty where all are alike).

    ``inset`` is None where no inner district has a figure.
    """

    areas: list[Area]
    bounds: list[Decimal]
    inset: Inset | None = None


def _placing(
    rings: Iterable[list[list[float]]], width: int, height: int, margin: int
) -> Callable[[Sequence[float]], tuple[float, float]]:
    """How degrees become a place of a drawing in which all the rings have room."""
    points = [point for ring in rings for point in ring]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    # A degree of longitude is shorter than one of latitude.
    narrow = cos(radians((south + north) / 2))
    across, up = (east - west) * narrow, north - south
    scale = min((width - 2 * margin) / across, (height - 2 * margin) / up)
    left, top = (width - across * scale) / 2, (height - up * scale) / 2

    def place(point: Sequence[float]) -> tuple[float, float]:
        return round(left + (point[0] - west) * narrow * scale, 1), round(top + (north - point[1]) * scale, 1)

    return place


def _path(rings: Iterable[Sequence[tuple[float, float]]]) -> str:
    return "".join("M" + "L".join(f"{x},{y}" for x, y in ring) + "Z" for ring in rings)


@cache
def _outlines() -> dict[str, tuple[str, tuple[float, float] | None]]:
    """The outline of each county in the drawing, and where its name stands."""
    place = _placing((ring for rings in county_rings().values() for ring in rings), WIDTH, HEIGHT, _MARGIN)
    found = {}
    for code, rings in county_rings().items():
        drawn = [[place(point) for point in ring] for ring in rings]
        longest = max(drawn, key=len)
        xs, ys = [x for x, _ in longest], [y for _, y in longest]
        middle = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
        roomy = max(xs) - min(xs) > _ROOM and max(ys) - min(ys) > _ROOM
        found[code] = (
            _path(drawn),
            (round(middle[0], 1), round(middle[1], 1)) if roomy else None,
        )
    return found


# The corner of the drawing that holds the inner districts; their names stand below the drawing.
_INSET_RIGHT, _INSET_BOTTOM, _INSET_MARGIN = 246, 154, 12
_AROUND = 6


@cache
def _inset() -> tuple[tuple[float, float, float, float], dict[str, tuple[str, tuple[float, float] | None]]]:
    """The frame around the inner districts in the drawing, and the outlines of what the corner shows."""
    inner = [code for code, (_, label) in _outlines().items() if label is None]
    rings = [ring for code in inner for ring in county_rings()[code]]
    place = _placing((ring for every in county_rings().values() for ring in every), WIDTH, HEIGHT, _MARGIN)
    drawn = [place(point) for ring in rings for point in ring]
    west, east = min(x for x, _ in drawn) - _AROUND, max(x for x, _ in drawn) + _AROUND
    north, south = min(y for _, y in drawn) - _AROUND, max(y for _, y in drawn) + _AROUND
    near = _placing(rings, _INSET_RIGHT, _INSET_BOTTOM, _INSET_MARGIN)
    outlines: dict[str, tuple[str, tuple[float, float] | None]] = {}
    for code, every in county_rings().items():
        large = [[near(point) for point in ring] for ring in every]
        xs, ys = [x for ring in large for x, _ in ring], [y for ring in large for _, y in ring]
        if max(xs) < 0 or min(xs) > _INSET_RIGHT or max(ys) < 0 or min(ys) > _INSET_BOTTOM:
            continue
        middle = (round((min(xs) + max(xs)) / 2, 1), round((min(ys) + max(ys)) / 2 + 5, 1))
        outlines[code] = _path(large), middle if code in inner else None
    frame = round(west, 1), round(north, 1), round(east - west, 1), round(south - north, 1)
    return frame, outlines


@dataclass(frozen=True, slots=True)
class Sketch:
    """One county large: its outline, and where the given points lie in it (None: not within its frame)."""

    path: str
    pins: list[tuple[float, float] | None]


SKETCH_WIDTH, SKETCH_HEIGHT = 328, 250
_PIN = 13


def county_sketch(code: str, points: Iterable[tuple[float, float] | None]) -> Sketch | None:
    """A county with points in it, as large as its place allows; None where its outline is unknown.

    Args:
        code: the county's.
        points: longitude and latitude in degrees.

    """
    if code not in county_rings():
        return None
    path, place = _large(code)

    def pin(point: tuple[float, float] | None) -> tuple[float, float] | None:
        if point is None:
            return None
        x, y = place(point)
        inside = _PIN <= x <= SKETCH_WIDTH - _PIN and _PIN <= y <= SKETCH_HEIGHT - _PIN
        return (x, y) if inside else None

    return Sketch(path, [pin(point) for point in points])


@cache
def _large(code: str) -> tuple[str, Callable[[Sequence[float]], tuple[float, float]]]:
    rings = county_rings()[code]
    place = _placing(rings, SKETCH_WIDTH, SKETCH_HEIGHT, _MARGIN)
    return _path([[place(point) for point in ring] for ring in rings]), place


def county_map(values: Mapping[str, Decimal]) -> CountyMap:
    """Shade the counties by their figures, in five equal steps from the lowest to the highest.

    Args:
        values: by the county's code; a county that is missing is left unshaded.

    """
    low, high = (min(values.values()), max(values.values())) if values else (Decimal(0), Decimal(0))
    step = (high - low) / CLASSES

    def shade(code: str) -> int:
        if code not in values:
            return 0
        return CLASSES if not step else min(CLASSES, int((values[code] - low) / step) + 1)

    def shaded(outlines: Mapping[str, tuple[str, tuple[float, float] | None]]) -> list[Area]:
        return [Area(code, path, label, shade(code)) for code, (path, label) in outlines.items()]

    bounds = [low + step * number for number in range(CLASSES + 1)] if step else []
    frame, enlarged = _inset()
    inset = Inset(*frame, shaded(enlarged))
    inner = any(area.label and area.code in values for area in inset.areas)
    return CountyMap(shaded(_outlines()), bounds, inset if inner else None)
