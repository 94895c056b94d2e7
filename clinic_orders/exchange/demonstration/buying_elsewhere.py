"""What the demonstration's institutions buy besides the selected drugs (R-VOL-6), and who buys too much of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

from clinic_orders.exchange.demonstration.world import Demonstration, File, Planted, Row, dice_for
from clinic_orders.rules.days import Quarter
from clinic_orders.rules.findings import rounded
from clinic_orders.rules.parties import InstitutionKind

_SHOPS = frozenset({InstitutionKind.RETAIL_PHARMACY, InstitutionKind.PRIVATE_INSTITUTION})
# Base units bought elsewhere, in hundredths of those of selected items; the example policy allows a share of 0.20.
_PARTS = {"too_much": 100, "little": 10, "justified": 80}
_WITHOUT_SELECTED = 60


@dataclass(slots=True)
class BuyingElsewhere:
    """Chooses who buys elsewhere in a quarter, and keeps count of the selected items of the same group.

    Attributes:
        world: whose places buy.
        quarter: the one that the judged day lies in, or the one that ended before.
        avoided: groups in which a supply problem would justify everything.

    """

    world: Demonstration
    quarter: Quarter
    avoided: frozenset[str] = frozenset()
    _chosen: dict[tuple[str, str], str] = field(default_factory=dict)
    _selected: dict[tuple[str, str], int] = field(default_factory=dict)
    _group: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose pairs of an institution and a group that it usually orders from."""
        world, dice = self.world, dice_for(self.world.seed, f"elsewhere {self.quarter}")
        self._group = {str(item["item_code"]): str(item["group"] or item["variety"]) for item in world.items}
        places = [
            place
            for place in world.places
            if place.kind not in _SHOPS
            and place.joined_on <= self.quarter.first_day
            and any(self._group[code] not in self.avoided for code, _ in place.usual)
        ]
        many = max(2, len(places) // 120)
        kinds = ["too_much"] * many + ["little"] * (2 * many) + ["justified"] * many
        for place, kind in zip(dice.sample(places, min(len(places), len(kinds))), kinds, strict=False):
            group = next(group for code, _ in place.usual if (group := self._group[code]) not in self.avoided)
            self._chosen[place.code, group] = kind

    @property
    def _until(self) -> date:
        """The last day of the quarter that has passed on the judged day."""
        return min(self.world.as_of, self.quarter.last_day)

    def accepted(self, place: str, item_code: str, units: int, *, on: date) -> None:
        """Base units of a selected item that were accepted on a day."""
        key = place, self._group[item_code]
        if key in self._chosen and self.quarter.first_day <= on <= self._until:
            self._selected[key] = self._selected.get(key, 0) + units

    def files(self) -> Iterator[File]:
        """The purchases of the quarter; too much is a finding only on the quarter's last day."""
        dice = dice_for(self.world.seed, f"other purchases {self.quarter}")
        highest: dict[str, Fraction] = {}
        name: dict[str, str] = {}
        for item in self.world.items:
            code = str(item["item_code"])
            price = Fraction(self.world.prices[code]) / int(item["pack_size"])
            highest[self._group[code]] = max(price, highest.get(self._group[code], price))
            name[self._group[code]] = str(item["generic_name"])
        rows = []
        for number, ((place, group), kind) in enumerate(sorted(self._chosen.items()), 1):
            selected = self._selected.get((place, group), 0)
            units = selected * _PARTS[kind] // 100 or (0 if kind == "little" else _WITHOUT_SELECTED)
            if units:
                rows.append(self._row(place, group, units, highest[group], dice, number, kind, name[group]))
            if kind == "too_much":
                self._plant(place, group, units, selected)
        if rows:
            yield File("other-purchases", str(self.quarter), rows)

    def _row(
        self,
        place: str,
        group: str,
        units: int,
        price: Fraction,
        dice: random.Random,
        number: int,
        kind: str,
        name: str,
    ) -> Row:
        days = (self._until - self.quarter.first_day).days
        # Dearer than any selected item of the group, so that the price does not justify it.
        worth = price * units * Fraction(13, 10)
        amount = Decimal(worth.numerator) / Decimal(worth.denominator)
        return {
            "institution_code": place,
            "document_no": f"FZX{self.quarter}-{number:04d}",
            "line_no": "1",
            "group": group,
            "product_name": f"{name}（非中选，演示）",
            "base_units": units,
            "amount": amount.quantize(Decimal("0.01"), ROUND_CEILING),
            "purchased_on": self.quarter.first_day + timedelta(days=dice.randrange(days + 1)),
            "justified": kind == "justified",
        }

    def _plant(self, place: str, group: str, units: int, selected: int) -> None:
        if self._until != self.quarter.last_day:
            return
        limit = next(
            (
                Decimal(str(row["value"]))
                for row in self.world.policies
                if row["parameter"] == "volume.nonselected_share"
            ),
            None,
        )
        share = Fraction(units, units + selected)
        if limit is not None and share > Fraction(limit):
            figures = (("share", str(rounded(share, Decimal("0.0001")))),)
            found = Planted("nonselected_share", "violation", place, "", group, str(self.quarter), figures)
            judged_now = self.world.as_of == self.quarter.last_day
            (self.world.planted if judged_now else self.world.planted_last_quarter).append(found)
