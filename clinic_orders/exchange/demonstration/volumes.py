"""Agreed volumes of one cycle, one supply problem with its backup item, and who is behind by whose fault.

What is agreed follows from what was ordered: most institutions keep up with the time gone by, some are behind for
want of orders, and one is let down by its distributor. The items are some of those that Henan really agreed on; the
packs of an institution are invented.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from math import ceil

from clinic_orders.exchange.demonstration.world import Demonstration, File, Place, Planted, Row, dice_for
from clinic_orders.exchange.divisions import CATALOG
from clinic_orders.rules.days import add_months
from clinic_orders.rules.parties import InstitutionKind

_ITEMS = 24
# The cycle is in its tenth month on the judged day, so that time enough has gone by to be behind.
_MONTHS_GONE = 9
_HOSPITALS = frozenset({InstitutionKind.TOWNSHIP_HOSPITAL, InstitutionKind.COMMUNITY_HEALTH_CENTER})
_CLINICS = frozenset({InstitutionKind.VILLAGE_CLINIC, InstitutionKind.COMMUNITY_HEALTH_STATION})
# How far behind the time gone by, in hundredths of the agreed volume; the policy warns at 10 and interviews at 25.
_BEHIND, _SEVERELY = Fraction(17, 100), Fraction(40, 100)
# With fewer packs a rounded figure might fall on the other side of a limit.
_ENOUGH_PACKS = 20


def henan_items(items: list[Row]) -> list[str]:
    """Codes of the items for this province whose variety and strength Henan agreed on, the largest volume first."""
    with (CATALOG / "henan_agreed_volumes.csv").open(encoding="utf-8", newline="") as file:
        volumes = {
            (row["variety_name"], row["strength"]): float(row["first_year_volume_10k_units"])
            for row in csv.DictReader(file)
        }
    known = [item for item in items if (item["variety"], item["strength"]) in volumes]
    here = [item for item in known if item["supplies_here"] == "Y"] or known
    here.sort(key=lambda item: (-volumes[item["variety"], item["strength"]], item["item_code"]))
    return [str(item["item_code"]) for item in here]


@dataclass(frozen=True, slots=True)
class SupplyProblem:
    """An item that one county could not get for some weeks, and what stood in for it (R-VOL-7)."""

    item: str
    backup: str
    county: str
    first: date
    last: date


@dataclass(slots=True)
class _Tally:
    """Packs of an item that count, and packs that did not come, by distributor."""

    counted: int = 0
    blamed: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Volumes:
    """Keeps count of the agreed items while orders are made, and agrees on volumes afterwards.

    Attributes:
        world: whose places agree.
        first: first day of the cycle.
        last: its last day.
        items: the agreed items.
        problem: the supply problem, if there is one.
        let_down: places and items of which the distributor never delivers any.

    """

    world: Demonstration
    first: date = date.min
    last: date = date.min
    items: frozenset[str] = frozenset()
    problem: SupplyProblem | None = None
    let_down: frozenset[tuple[str, str]] = frozenset()
    _holders: frozenset[str] = frozenset()
    _county: dict[str, str] = field(default_factory=dict)
    _tallies: dict[tuple[str, str], _Tally] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose the items, the clinics that agree for themselves, the supply problem, and who is let down."""
        world, dice = self.world, dice_for(self.world.seed, "volumes")
        self.first = add_months(world.as_of.replace(day=1), -_MONTHS_GONE)
        self.last = add_months(self.first, 12) - timedelta(days=1)
        ordered = Counter(code for place in world.places for code, _ in place.usual)
        chosen = [code for code in henan_items(list(world.items)) if ordered[code]][:_ITEMS]
        self.items = frozenset(chosen)
        self._county = {place.code: place.county for place in world.places}
        clinics = [
            place
            for place in world.places
            if place.kind in _CLINICS and place.code != world.show_clinic and place.joined_on <= self.first
        ]
        self._holders = frozenset(
            place.code for place in dice.sample(clinics, min(len(clinics), max(3, len(clinics) // 8)))
        )
        self.problem = self._choose_problem(ordered)
        self.let_down = self._choose_let_down([place for place in clinics if place.code in self._holders])

    def _choose_problem(self, ordered: Counter[str]) -> SupplyProblem | None:
        """The most wanted agreed item that another one of its variety can stand in for."""
        world, county = self.world, self.world.show_county
        variety = {str(item["item_code"]): str(item["variety"]) for item in world.items}
        for code in sorted(self.items, key=lambda code: (-ordered[code], code)):
            for other in sorted(variety):
                stands_in = other not in self.items and variety[other] == variety[code]
                if stands_in and {(county, code), (county, other)} <= world.relation.keys():
                    first = add_months(world.as_of.replace(day=1), -2)
                    return SupplyProblem(code, other, county, first, world.as_of.replace(day=15))
        return None

    def _choose_let_down(self, clinics: list[Place]) -> frozenset[tuple[str, str]]:
        """The clinic and item with the most packs a month, so that they are ordered again and again."""
        wanted = [
            (packs, place.code, code)
            for place in clinics
            for code, packs in place.usual
            if code in self.items
            and (place.county, code) in self.world.relation
            and (self.problem is None or code not in {self.problem.item, self.problem.backup})
        ]
        return frozenset(((max(wanted)[1:]),)) if wanted else frozenset()

    # While orders are made.

    def instead(self, item_code: str, county: str, on: date) -> str:
        """The item itself, or what is ordered while it cannot be had."""
        problem = self.problem
        if problem is not None and (problem.item, problem.county) == (item_code, county):
            return problem.backup if problem.first <= on <= problem.last else item_code
        return item_code

    def _tally(self, place: str, item_code: str, on: date) -> _Tally | None:
        """Where packs of a day belong; None where they belong to no cycle seen on the judged day (R-VOL-7)."""
        if not self.first <= on <= self.world.as_of:
            return None
        problem = self.problem
        if problem is not None and (problem.backup, problem.county) == (item_code, self._county[place]):
            if not problem.first <= on <= problem.last:
                return None
            item_code = problem.item
        if item_code not in self.items:
            return None
        return self._tallies.setdefault((place, item_code), _Tally())

    def accepted(self, place: str, item_code: str, packs: int, *, on: date) -> None:
        """Packs that were accepted on a day, less those that go back by the judged day."""
        if (tally := self._tally(place, item_code, on)) is not None:
            tally.counted += packs

    def missed(
        self, place: str, item_code: str, distributor: str, packs: int, *, on: date, known_on: date
    ) -> None:
        """Packs that the distributor did not deliver, or that failed for its fault (R-VOL-5).

        Args:
            place: of the institution that ordered.
            item_code: what it ordered.
            distributor: who did not deliver.
            packs: how many.
            on: the day they are attributed by: of submission, or of acceptance if they came.
            known_on: the day from which it counts.

        """
        if known_on <= self.world.as_of and (tally := self._tally(place, item_code, on)) is not None:
            tally.blamed[distributor] += packs

    # Afterwards.

    def files(self) -> Iterator[File]:
        """The supply problem, and what each holder agreed on."""
        if self.problem is not None:
            yield File(
                "supply-problems",
                "",
                [
                    {
                        "item_code": self.problem.item,
                        "county_code": self.problem.county,
                        "first_day": self.problem.first,
                        "last_day": self.problem.last,
                        "backup_item_code": self.problem.backup,
                        "verified_by": "县医疗保障局（演示）",
                    }
                ],
            )
        rows = self._agreements(dice_for(self.world.seed, "agreements"))
        if rows:
            yield File("agreed-volumes", f"{self.first:%Y-%m}", rows)

    def _held(self) -> dict[tuple[str, str], _Tally]:
        """The tallies by holder: a clinic that agreed itself, else its hospital (R-VOL-2)."""
        places = {place.code: place for place in self.world.places}
        found: dict[tuple[str, str], _Tally] = {}
        for (code, item_code), tally in sorted(self._tallies.items()):
            place = places[code]
            own = place.kind in _HOSPITALS or (code in self._holders and tally.counted > 0)
            holder = code if own or (code, item_code) in self.let_down else place.supervisor
            if holder is None or places[holder].joined_on > self.first:
                continue
            total = found.setdefault((holder, item_code), _Tally())
            total.counted += tally.counted
            total.blamed.update(tally.blamed)
        return found

    def _agreements(self, dice: random.Random) -> list[Row]:
        held = self._held()
        gone = Fraction((self.world.as_of - self.first).days + 1, (self.last - self.first).days + 1)
        # Only where nothing else went wrong, so that the fault is the institution's alone.
        clear = [
            key for key, tally in sorted(held.items()) if tally.counted >= _ENOUGH_PACKS and not tally.blamed
        ]
        many = max(2, len(self.world.places) // 100)
        late = dice.sample(clear, min(len(clear), 2 * many))
        lags = {key: _BEHIND if number < many else _SEVERELY for number, key in enumerate(late)}
        rows = []
        for key, tally in sorted(held.items()):
            blamed = tally.blamed.total()
            if key in lags:
                agreed = ceil(tally.counted / (gone - lags[key]))
            elif key in self.let_down and not tally.counted:
                agreed = blamed
            else:
                # A little ahead of the time gone by, or at most a twentieth behind it.
                agreed = int(tally.counted / (gone * Fraction(dice.randrange(95, 121), 100)))
            if agreed < 1 and not tally.counted:
                continue
            agreed = max(1, agreed)
            if key in lags or (key in self.let_down and not tally.counted):
                self._plant(key, tally, agreed, "behind" if lags.get(key) == _BEHIND else "severely_behind")
            rows.append(
                {
                    "institution_code": key[0],
                    "item_code": key[1],
                    "cycle_start": self.first,
                    "cycle_end": self.last,
                    "reported_packs": agreed + dice.randrange(0, 1 + agreed // 5),
                    "agreed_packs": agreed,
                }
            )
        return rows

    def _plant(self, key: tuple[str, str], tally: _Tally, agreed: int, grade: str) -> None:
        """Note a finding: of the distributor where it alone is at fault, else of the institution (R-VOL-5)."""
        shortfall = agreed - tally.counted
        undelivered = min(shortfall, tally.blamed.total())
        code, item_code = key
        whole = undelivered == shortfall
        self.world.planted.append(
            Planted(
                "volume_behind",
                grade,
                "" if whole else code,
                max(sorted(tally.blamed), key=tally.blamed.__getitem__) if whole else "",
                f"{item_code}@{code}" if whole else item_code,
                self.first.isoformat(),
                (
                    ("agreed", agreed),
                    ("counted", tally.counted),
                    ("undelivered", undelivered),
                    ("not_ordered", shortfall - undelivered),
                ),
            )
        )
