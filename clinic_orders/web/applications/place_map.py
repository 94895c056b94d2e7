"""A map without tiles, drawn on the server: county outlines, designated pharmacies, the unit, a scale (R-ROSTER-2).

The picture is a square; one pixel of it is the same length in both directions. Tapping it sends the pixel, which
``place_at`` turns back into degrees. Only places, names and metres stand in it; a text beside it says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from math import cos, radians
from typing import Final

from flask_babel import gettext
from markupsafe import escape

from clinic_orders.exchange.divisions import county_rings
from clinic_orders.queries.pharmacies import Near
from clinic_orders.rules.geodesy import Place

SIZE: Final = 288
"""Pixels of a side."""
SPANS: Final = (600, 1_500, 4_000, 10_000, 30_000, 80_000, 200_000)
"""Metres that a side may show, from near to far."""
_NAMED: Final = 6
_PER_DEGREE: Final = 110_950.0
"""Metres of a degree of latitude at the latitude of the prefecture; good enough for drawing."""
_BARS: Final = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


@dataclass(frozen=True, slots=True)
class Window:
    """What the map shows: a centre and how many metres a side is."""

    centre: Place
    span: int

    @property
    def reach(self) -> float:
        """Metres from the centre to a corner."""
        return self.span * 0.71

    @property
    def _narrow(self) -> float:
        return cos(radians(float(self.centre.lat)))

    def pixel(self, lng: float, lat: float) -> tuple[float, float]:
        """Where a place stands in the picture."""
        scale = SIZE / self.span * _PER_DEGREE
        return (
            round(SIZE / 2 + (lng - float(self.centre.lng)) * self._narrow * scale, 1),
            round(SIZE / 2 - (lat - float(self.centre.lat)) * scale, 1),
        )

    def place_at(self, x: int, y: int) -> Place:
        """The place of a pixel."""
        step = self.span / SIZE / _PER_DEGREE
        return Place(
            _six(float(self.centre.lng) + (x - SIZE / 2) * step / self._narrow),
            _six(float(self.centre.lat) - (y - SIZE / 2) * step),
        )

    def nearer(self) -> Window:
        """The same centre, the next nearer span."""
        return Window(self.centre, max((one for one in SPANS if one < self.span), default=SPANS[0]))

    def farther(self) -> Window:
        """The same centre, the next wider span."""
        return Window(self.centre, min((one for one in SPANS if one > self.span), default=SPANS[-1]))


def _six(value: float) -> Decimal:
    return Decimal(f"{value:.6f}")


def window(lng: Decimal, lat: Decimal, span: int) -> Window:
    """A window whose span is one of those there are."""
    return Window(Place(lng, lat), min(SPANS, key=lambda one: abs(one - span)))


@cache
def centre_of(county_code: str) -> Place:
    """The middle of a county's outline; that of all counties where it is not known."""
    shapes = county_rings()
    rings = shapes.get(county_code) or [ring for found in shapes.values() for ring in found]
    points = [point for ring in rings for point in ring]
    east, north = [x for x, _ in points], [y for _, y in points]
    return Place(_six((min(east) + max(east)) / 2), _six((min(north) + max(north)) / 2))


def metres_words(metres: float) -> str:
    """A length as the map says it."""
    if metres >= 1_000:
        return str(gettext("%(num)s km", num=f"{metres / 1000:g}"))
    return str(gettext("%(num)s m", num=int(metres)))


def drawing(shown: Window, pin: Place | None, pharmacies: Sequence[Near], *, least: int) -> str:
    """The picture as SVG.

    Args:
        shown: what to show.
        pin: where the unit is, if it has said so.
        pharmacies: those in the window.
        least: the least distance in metres, drawn as a ring around the unit where it is wide enough to be seen.

    """
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}">'
            f'<rect width="{SIZE}" height="{SIZE}" fill="#eef2ee"/>'
        )
    ]
    for rings in county_rings().values():
        for ring in rings:
            drawn = "L".join(f"{x},{y}" for x, y in (shown.pixel(lng, lat) for lng, lat in ring))
            parts.append(f'<path d="M{drawn}Z" fill="#fff" stroke="#9fb3ab" stroke-width="1"/>')
    kept = least / shown.span * SIZE
    if pin is not None:
        x, y = shown.pixel(float(pin.lng), float(pin.lat))
        if kept > 8:
            parts.append(
                f'<circle cx="{x}" cy="{y}" r="{kept:.1f}" fill="#b3261e" fill-opacity=".08" stroke="#b3261e" '
                'stroke-dasharray="4 3"/>'
            )
    for number, one in enumerate(pharmacies):
        x, y = shown.pixel(float(one.place.lng), float(one.place.lat))
        parts.append(f'<rect x="{x - 4}" y="{y - 4}" width="8" height="8" fill="#1f5fa8" stroke="#fff"/>')
        if number < _NAMED and shown.span <= 10_000:
            name = one.name if len(one.name) <= 9 else f"{one.name[:8]}…"
            parts.append(_text(min(x + 7, SIZE - 110), y + 4, name, "#1f5fa8"))
    if pin is not None:
        x, y = shown.pixel(float(pin.lng), float(pin.lat))
        parts.append(
            f'<path d="M{x},{y}l-7,-12a8,8 0 1 1 14,0z" fill="#b3261e" stroke="#fff"/>'
            f'<circle cx="{x}" cy="{y - 15}" r="3" fill="#fff"/>'
        )
    length = max((one for one in _BARS if one <= shown.span / 2.5), default=_BARS[0])
    wide = length / shown.span * SIZE
    parts.append(
        f'<path d="M10,{SIZE - 12}v4h{wide:.1f}v-4" fill="none" stroke="#333" stroke-width="1.5"/>'
        + _text(14, SIZE - 14, metres_words(length), "#333")
    )
    parts.append("</svg>")
    return "".join(parts)


def _text(x: float, y: float, words: str, colour: str) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="11" fill="{colour}" stroke="#fff" stroke-width="3" paint-order="stroke" '
        f'font-family="sans-serif">{escape(words)}</text>'
    )
