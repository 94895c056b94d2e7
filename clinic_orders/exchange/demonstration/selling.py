"""What the demonstration's institutions sell, post and have settled; where they break a rule, it is planted.

Everybody sells what was accepted in the months before, mostly at the price of purchase, pharmacies and private
institutions at the rate they promised. In the judged month each kind of finding is planted by a function of its own.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from clinic_orders.exchange.demonstration.tracing import TracePlanter, in_order_of_chance
from clinic_orders.exchange.demonstration.trade import ROWS_A_FILE, working_moment
from clinic_orders.exchange.demonstration.world import Demonstration, File, Place, Planted, Row, dice_for
from clinic_orders.rules.days import Month, add_months, start_of_day
from clinic_orders.rules.parties import InstitutionKind

Stock = dict[tuple[str, str], int]
_PUBLIC_RATE = Decimal(0)
_TIED_RECEIPTS = 24
# Of ten items in stock so many are sold in a month.
_SELLS = 0.6
_MOST_CODES = 12
_TIED_PRODUCT = "深海鱼油软胶囊（演示）"
_SHOPS = frozenset({InstitutionKind.RETAIL_PHARMACY, InstitutionKind.PRIVATE_INSTITUTION})


def worth(price: Decimal, rate: Decimal, units: int, pack_size: int) -> Decimal:
    """``rules.markup.allowed_amount`` by whole numbers, for hundreds of thousands of sales.

    >>> worth(Decimal("3.50"), Decimal("0.15"), 1, 1), worth(Decimal("0.10"), Decimal(0), 1, 100)
    (Decimal('4.03'), Decimal('0.01'))
    """
    whole = int(price.scaleb(4)) * (10_000 + int(rate.scaleb(4))) * units
    parts = 1_000_000 * pack_size
    return max(Decimal((2 * whole + parts) // (2 * parts)).scaleb(-2), Decimal("0.01"))


_REPORTED_AFTER = timedelta(days=2, hours=16)


@dataclass(slots=True)
class Selling:
    """Makes the sales of one month after another.

    Attributes:
        world: whose places sell.
        stock: base units of each item that each place has, from acceptances before the month.
        sold_before: who sold anything in the month before the judged one.
        counted_before: who counted stock at its end.
        counted: how many items each place has at the end of the judged day, of those that count their stock.

    """

    world: Demonstration
    stock: Stock = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    sold_before: set[str] = field(default_factory=set)
    counted_before: set[str] = field(default_factory=set)
    _places: dict[str, Place] = field(default_factory=dict)
    _rates: dict[str, Decimal] = field(default_factory=dict)
    _pack_sizes: dict[str, int] = field(default_factory=dict)
    _posted: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    _sales: list[Row] = field(default_factory=list)
    _sold: Stock = field(default_factory=dict)
    _serial: int = 0
    _reserved: set[tuple[str, str]] = field(default_factory=set)
    _uncoded: Counter[tuple[str, str]] = field(default_factory=Counter)
    _coming: frozenset[tuple[str, str]] = frozenset()
    _sold_before: list[tuple[str, tuple[str, str], datetime]] = field(default_factory=list)
    _none_left: list[Row] = field(default_factory=list)
    _reported_at: datetime | None = None

    def __post_init__(self) -> None:
        """Look up once what every sale asks for."""
        self._places = {place.code: place for place in self.world.places}
        self._pack_sizes = {str(item["item_code"]): int(item["pack_size"]) for item in self.world.items}
        # Nobody takes more than was promised; where there is no letter, nothing is added.
        self._rates = {
            str(row["institution_code"]): row["markup_rate"] for row in self.world.rows["commitments"]
        }

    def month(self, first: date, accepted: Stock) -> Iterator[File]:
        """The files of a month, and then what was accepted in it comes into stock."""
        dice = dice_for(self.world.seed, f"selling {first}")
        judged = (first.year, first.month) == (self.world.as_of.year, self.world.as_of.month)
        self._sold, self._serial, self._reserved = {}, 0, set()
        self._uncoded, self._coming = Counter(), frozenset(accepted)
        # Whoever reports does so within the days that the policy gives; what the running month sold is new today.
        reported_at = start_of_day(add_months(first, 1)) + _REPORTED_AFTER
        self._reported_at = reported_at if reported_at < self.world.now else None
        name = f"{first:%Y-%m}"
        posted = self._plant_over_shelf(first, dice) if judged else []
        posted += [self._post(key, first) for key in sorted(self.stock) if self._is_new_on_a_shelf(key)]
        if posted:
            yield File("shelf-prices", name, posted)
        part = 1
        if judged:
            self._plant_over_markup(first, dice)
            self._plant_tied(first, dice)
            self._plant_traces(first)
        for key in sorted(self.stock):
            # Not everything is sold every month.
            if key not in self._reserved and self.stock[key] and dice.random() < _SELLS:
                self._sell(key, max(1, int(self.stock[key] * dice.uniform(0.5, 1))), first, dice)
            if len(self._sales) >= ROWS_A_FILE:
                yield self._file(f"{name} {part}")
                part += 1
        if self._sales:
            yield self._file(f"{name} {part}")
        if judged:
            self._note_missing(name)
            yield File("settlements", name, self._settlements(name, dice))
        is_before = Month.of(first) == Month.of(self.world.as_of).previous()
        if is_before:
            self.sold_before = {code for code, _ in self._sold}
        for key, units in self._sold.items():
            self.stock[key] -= units
        for key, units in accepted.items():
            self.stock[key] = self.stock.get(key, 0) + units
        last = Month.of(first).last_day
        if judged:
            counts = self._count(last)
            self._note_beyond_stock(counts)
            yield File("stock-counts", name, self._none_left + counts, self._reported_at)
        elif last < self.world.today and (counts := self._count(last)):
            if is_before:
                self.counted_before = {str(row["institution_code"]) for row in counts}
            yield File("stock-counts", name, counts, self._reported_at)

    def _file(self, name: str) -> File:
        """The sales made so far as a file; whole packs of items with trace products that went without a code are noted."""
        rows, self._sales = self._sales, []
        for row in rows:
            item = str(row["item_code"])
            if (
                item in self.world.traced
                and row["base_units"] % self._pack_sizes[item] == 0
                and not row.get("trace_codes")
            ):
                self._uncoded[str(row["institution_code"]), item] += 1
        return File("sales", name, rows, self._reported_at)

    def _note_missing(self, month: str) -> None:
        """What is sold without a code though it must have one, one clue per place and item (R-TRACE-2, T9)."""
        self.world.planted += [
            Planted("trace_missing", "clue", code, "", item, month, (("times", lines),))
            for (code, item), lines in sorted(self._uncoded.items())
        ]

    def _count(self, on: date) -> list[Row]:
        """What those who count their stock have at a month's end, also where nothing is left (R-STOCK-3)."""
        rows = []
        for code, stock in groupby(sorted(self.stock.items()), key=lambda entry: entry[0][0]):
            if code in self.world.silent:
                continue
            items = [(item_code, units) for (_, item_code), units in stock]
            if on == self.world.as_of:
                self.counted[code] = sum(units > 0 for _, units in items)
            if code not in self.world.counting:
                # One item, another one each month.
                items = [items[on.month % len(items)]]
            rows += [
                {"institution_code": code, "item_code": item_code, "counted_on": on, "base_units": units}
                for item_code, units in items
            ]
        return rows

    def _rate(self, code: str) -> Decimal:
        is_shop = self._places[code].kind in _SHOPS
        return self._rates.get(code, _PUBLIC_RATE) if is_shop else _PUBLIC_RATE

    def _allowed(self, key: tuple[str, str], units: int) -> Decimal:
        return worth(self.world.prices[key[1]], self._rate(key[0]), units, self._pack_sizes[key[1]])

    def _price_of(self, key: tuple[str, str], units: int) -> Decimal:
        """What is taken: what is allowed, and never more than what is posted."""
        amount = self._allowed(key, units)
        if key in self._posted:
            amount = min(amount, self._at_posted(key, units))
        return amount

    def _is_too_small(self, key: tuple[str, str], units: int) -> bool:
        """Whether so few units cost less than a cent on a price tag, so that any payment would be above it."""
        if key not in self._posted:
            return False
        return self._posted[key] * units < Decimal("0.02") * self._pack_sizes[key[1]]

    def _at_posted(self, key: tuple[str, str], units: int) -> Decimal:
        return worth(self._posted[key], _PUBLIC_RATE, units, self._pack_sizes[key[1]])

    def _moment_rows(self, key: tuple[str, str], units: int, first: date, dice: random.Random) -> Row:
        last = min((first + timedelta(days=32)).replace(day=1), self.world.today)
        day = first + timedelta(days=int(dice.random() * (last - first).days))
        self._serial += 1
        self._sold[key] = self._sold.get(key, 0) + units
        return {
            "institution_code": key[0],
            "sale_no": f"XS{first:%Y%m}-{self._serial:06d}",
            "line_no": "1",
            "item_code": key[1],
            "sold_at": working_moment(day, dice),
            "base_units": units,
            "insured": dice.random() < 0.7,
        }

    def _sell(self, key: tuple[str, str], units: int, first: date, dice: random.Random) -> None:
        has_days = first < self.world.today
        if not has_days or self._is_too_small(key, units):
            return
        codes: tuple[str, ...] = ()
        if key[0] in self.world.coding and key[1] in self.world.traced:
            codes, units = self._coded(key, units, first)
        row = self._moment_rows(key, units, first, dice)
        if key[0] in self.world.scanning:
            self._sold_before += [(code, key, row["sold_at"]) for code in codes[:1]]
        self._sales.append(row | {"amount": self._price_of(key, units), "trace_codes": codes})

    def _coded(self, key: tuple[str, str], units: int, first: date) -> tuple[tuple[str, ...], int]:
        """Whole packs with their codes, each only once (R-TRACE-2): scanned ones, or of the last months any."""
        packs = min(units // self._pack_sizes[key[1]], _MOST_CODES)
        if key[0] in self.world.scanning:
            own = self.world.packs.get(key, [])
            there = [pack for pack in own if pack.accepted_on < first][:packs]
            for pack in there:
                own.remove(pack)
            codes, packs = tuple(pack.code for pack in there), len(there)
        elif not packs or first < add_months(self.world.as_of.replace(day=1), -1):
            return (), units
        else:
            codes = self.world.new_codes(key[1], packs)
        return (codes, packs * self._pack_sizes[key[1]]) if packs else ((), units)

    def _plant_traces(self, first: date) -> None:
        """Clues on trace codes, each kind at places and items of its own (R-TRACE-2)."""
        dice = dice_for(self.world.seed, "traces")
        keys = [
            key
            for key, units in self.stock.items()
            if key[0] in self.world.coding
            and key[1] in self.world.traced
            and key not in self._reserved
            and units >= 2 * self._pack_sizes[key[1]]
        ]

        def sell(key: tuple[str, str], units: int, codes: tuple[str, ...], at: datetime | None) -> datetime:
            row = self._moment_rows(key, units, first, dice) | {"amount": self._price_of(key, units)}
            row |= {"trace_codes": codes} | ({} if at is None else {"sold_at": at})
            self._sales.append(row)
            sold_at: datetime = row["sold_at"]
            return sold_at

        planter = TracePlanter(
            self.world, first, in_order_of_chance(keys, dice), self._pack_sizes, sell, self._sold_before
        )
        self._reserved |= planter.plant()
        self._plant_beyond_stock(first, dice)

    def _plant_beyond_stock(self, first: date, dice: random.Random) -> None:
        """Places that counted nothing of an item and sold it all the same (R-TRACE-2, T10d)."""

        def fits(key: tuple[str, str]) -> bool:
            counts_sometimes = key[0] not in self.world.silent
            return counts_sometimes and key not in self._coming and not self._is_too_small(key, 1)

        wanted = self._choose(dice, 0.005, shops=True, units=2, also=fits)
        counted_on, sold_on = first + timedelta(days=4), first + timedelta(days=9)
        for key in wanted:
            row = self._moment_rows(key, 1, first, dice) | {"amount": self._price_of(key, 1)}
            self._sales.append(row | {"sold_at": working_moment(sold_on, dice)})
            self._none_left.append(
                {"institution_code": key[0], "item_code": key[1], "counted_on": counted_on, "base_units": 0}
            )

    def _note_beyond_stock(self, counts: list[Row]) -> None:
        """From the sale on less than nothing is there, until the place counts the item again."""
        sold_on = self.world.as_of.replace(day=10)
        counted = {(row["institution_code"], row["item_code"]) for row in counts}
        for row in self._none_left:
            key = (str(row["institution_code"]), str(row["item_code"]))
            days = (self.world.as_of - sold_on).days + (key not in counted)
            if key not in counted:
                self.counted[key[0]] -= 1
            self.world.planted.append(
                Planted(
                    "sold_beyond_stock", "clue", key[0], "", key[1], f"{sold_on:%Y-%m}", (("times", days),)
                )
            )

    # Shelf prices of pharmacies and private institutions (双标签).

    def _is_new_on_a_shelf(self, key: tuple[str, str]) -> bool:
        return key not in self._posted and self._places[key[0]].kind in _SHOPS

    def _post(self, key: tuple[str, str], first: date) -> Row:
        self._posted[key] = self._allowed(key, self._pack_sizes[key[1]])
        return {
            "institution_code": key[0],
            "item_code": key[1],
            "posted_on": first,
            "price": self._posted[key],
        }

    # What is planted in the judged month, a function for each kind of finding.

    def _choose(
        self,
        dice: random.Random,
        share: float,
        *,
        shops: bool,
        units: int,
        also: Callable[[tuple[str, str]], bool] = lambda _: True,
    ) -> list[tuple[str, str]]:
        """Some pairs of place and item, one a place, of which there is enough and which fit otherwise too."""
        of_place: dict[str, tuple[str, str]] = {}
        for key in sorted(self.stock):
            fits = (self._places[key[0]].kind in _SHOPS) is shops and self.stock[key] >= units
            if fits and key not in self._reserved and key[0] not in of_place and also(key):
                of_place[key[0]] = key
        wanted = max(2, round(len(self.world.places) * share))
        chosen = dice.sample(sorted(of_place.values()), min(wanted, len(of_place)))
        self._reserved.update(chosen)
        return sorted(chosen)

    def _planted(self, rule: str, grade: str, code: str, key: str, first: date) -> None:
        self.world.planted.append(Planted(rule, grade, code, "", key, f"{first:%Y-%m}"))

    def _plant_over_markup(self, first: date, dice: random.Random) -> None:
        """Public institutions that add a quarter to the price of purchase (R-PRICE-3)."""
        for key in self._choose(dice, 0.02, shops=False, units=1):
            for units in (max(1, self.stock[key] // 3), max(1, self.stock[key] // 4)):
                if self._sold.get(key, 0) + units <= self.stock[key]:
                    row = self._moment_rows(key, units, first, dice)
                    amount = (self._allowed(key, units) * Decimal("1.25")).quantize(Decimal("0.01"))
                    self._sales.append(row | {"amount": amount + Decimal("0.05")})
            self._planted("over_markup", "violation", key[0], key[1], first)

    def _plant_over_shelf(self, first: date, dice: random.Random) -> list[Row]:
        """Pharmacies that take more than their own price tag says, though not more than is allowed (R-PRICE-5)."""
        rows = []
        for key in self._choose(dice, 0.005, shops=True, units=1):
            units = self.stock[key]
            lower = self.world.prices[key[1]] / 2
            self._posted[key] = max(lower.quantize(Decimal("0.01")), Decimal("0.01"))
            rows.append(
                {
                    "institution_code": key[0],
                    "item_code": key[1],
                    "posted_on": first,
                    "price": self._posted[key],
                }
            )
            amount = self._allowed(key, units)
            if amount <= self._at_posted(key, units) or self._is_too_small(key, units):
                continue
            self._sales.append(self._moment_rows(key, units, first, dice) | {"amount": amount})
            self._planted("over_shelf_price", "violation", key[0], key[1], first)
        return rows

    def _plant_tied(self, first: date, dice: random.Random) -> None:
        """Pharmacies that sell an item only together with another product (R-PRICE-6)."""
        for key in self._choose(dice, 0.002, shops=True, units=_TIED_RECEIPTS):
            if self._is_too_small(key, 1):
                continue
            for _ in range(_TIED_RECEIPTS):
                row = self._moment_rows(key, 1, first, dice) | {"amount": self._price_of(key, 1)}
                other = {"line_no": "2", "item_code": "", "base_units": 1, "amount": Decimal("68.00")}
                self._sales += [row, row | other | {"other_product": _TIED_PRODUCT, "insured": False}]
            self._planted("tied_sale", "clue", key[0], f"{key[1]}+{_TIED_PRODUCT}", first)

    def _settlements(self, month: str, dice: random.Random) -> list[Row]:
        """The fund settles most of what was sold; from some it is asked for more than that (R-PRICE-7)."""
        sold = [key for key in sorted(self._sold) if self._places[key[0]].kind not in _SHOPS]
        too_much = set(dice.sample(sold, min(len(sold), max(2, len(self.world.places) // 150))))
        rows = []
        for key in sold:
            units = self._sold[key] + 20 if key in too_much else int(self._sold[key] * 0.7)
            if key in too_much:
                self.world.planted.append(Planted("settled_not_sold", "clue", key[0], "", key[1], month))
            if units:
                rows.append(
                    {
                        "institution_code": key[0],
                        "item_code": key[1],
                        "month": month,
                        "base_units": units,
                        "amount": self._allowed(key, units),
                    }
                )
        return rows
