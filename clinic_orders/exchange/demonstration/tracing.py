"""Trace codes in the demonstration: who scans what comes, and in the judged month each kind of clue (R-TRACE-2).

A few pharmacies scan every pack of the items that have trace codes. What they sell of them is sold by its code, each
once – but for what is planted here, each kind at another place and item.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from clinic_orders.exchange.demonstration.world import Demonstration, Pack, Planted, Row
from clinic_orders.rules.days import day_in_china, start_of_day

MANY_PACKS: Final = 4
"""A line of fewer packs is left as it is."""
_OF_EACH: Final = 2
# After so many days no two sales are near, and neither are those of T2.
_FAR: Final = timedelta(days=32)
Key = tuple[str, str]


def scanned(world: Demonstration, key: Key, packs: int, delivered_at: datetime, accepted_at: datetime) -> Row:
    """The codes of accepted packs; a line or two expires in the judged month, and only one of its packs is sold."""
    codes = world.new_codes(key[1], packs)
    delivered_on, accepted_on = day_in_china(delivered_at), day_in_china(accepted_at)
    own = world.packs.setdefault(key, [])
    expires = (
        packs >= MANY_PACKS
        and len(world.expiring) < _OF_EACH
        and key not in world.expiring
        and key not in world.sent_back
        and accepted_on < world.as_of.replace(day=1)
    )
    if expires:
        world.expiring[key] = codes[0]
        return {
            "trace_codes": codes,
            "expiry_date": world.as_of.replace(day=8),
            "short_expiry_reason": "近期可用完（演示）",
        }
    own += [Pack(code, delivered_on, accepted_on) for code in codes]
    return {"trace_codes": codes}


def take_back(world: Demonstration, key: Key, on: date) -> str | None:
    """The code of a pack that goes back before the judged month; None if enough have gone."""
    own = world.packs.get(key)
    if (
        not own
        or len(world.sent_back) >= _OF_EACH
        or key in world.sent_back
        or key in world.expiring
        or on >= world.as_of.replace(day=1)
    ):
        return None
    world.sent_back[key] = own.pop().code
    return world.sent_back[key]


@dataclass(slots=True)
class TracePlanter:
    """Plants the clues of the judged month.

    Attributes:
        world: whose packs.
        first: first day of the month.
        keys: places and items that have enough and of which nothing else is planned, in an order of chance.
        pack_sizes: base units of a pack, by item code.
        sell: makes a sale of base units with codes at an instant, or at one of chance; answers with it.
        sold_before: the codes sold in earlier months at scanning places, with place, item and instant.

    """

    world: Demonstration
    first: date
    keys: list[Key]
    pack_sizes: dict[str, int]
    sell: Callable[[Key, int, tuple[str, ...], datetime | None], datetime]
    sold_before: list[tuple[str, Key, datetime]]
    used: set[Key] = field(default_factory=set)

    def plant(self) -> set[Key]:
        """Each kind a few times; answers with the places and items of which something was sold."""
        for plan in (
            self._expired,
            self._after_return,
            self._before_receipt,
            self._near,
            self._far,
            self._same,
            self._not_received,
            self._wrong_item,
        ):
            plan()
        return self.used

    def _planted(self, rule: str, place: str, code: str, times: int) -> None:
        month = f"{self.first:%Y-%m}"
        self.world.planted.append(Planted(rule, "clue", place, "", code, month, (("times", times),)))

    def _free(self, *, scanning: bool = True) -> Iterator[Key]:
        """Places and items that are not taken yet, at most as many as are wanted of a kind."""
        for key in self.keys:
            if key not in self.used and (key[0] in self.world.scanning) is scanning:
                yield key

    def _pack(self, key: Key) -> Pack | None:
        """A pack that was on the shelf before the month began."""
        own = self.world.packs.get(key, [])
        for place, pack in enumerate(own):
            if pack.accepted_on < self.first:
                return own.pop(place)
        return None

    def _one(self, key: Key, code: str, at: datetime | None = None) -> datetime:
        self.used.add(key)
        return self.sell(key, self.pack_sizes[key[1]], (code,), at)

    def _expired(self) -> None:
        for key, code in self.world.expiring.items():
            if key in self.keys and key not in self.used:
                self._one(key, code, self._at(self.first.replace(day=12)))
                self._planted("trace_expired", key[0], code, 1)

    def _after_return(self) -> None:
        for key, code in self.world.sent_back.items():
            if key in self.keys and key not in self.used:
                self._one(key, code)
                self._planted("trace_sold_after_return", key[0], code, 1)

    def _before_receipt(self) -> None:
        done = 0
        for key in self._free():
            own = self.world.packs.get(key, [])
            late = [
                pack
                for pack in own
                if pack.delivered_on > self.first + timedelta(days=1) and pack.accepted_on <= self.world.as_of
            ]
            if late and done < _OF_EACH:
                own.remove(late[0])
                self._one(key, late[0].code, self._at(late[0].delivered_on - timedelta(days=1)))
                self._planted("trace_before_receipt", key[0], late[0].code, 1)
                done += 1

    def _near(self) -> None:
        done = 0
        for key in self._free():
            other = self._elsewhere(key[1])
            if done < _OF_EACH and other is not None and (pack := self._pack(key)) is not None:
                at = self._one(key, pack.code)
                self._one(other, pack.code, at + timedelta(hours=1))
                self._planted("trace_repeat_near", "", pack.code, 2)
                done += 1

    def _far(self) -> None:
        at = self._at(self.world.as_of)
        done = 0
        for code, key, sold_at in self.sold_before:
            other = self._elsewhere(key[1])
            if done < _OF_EACH and other is not None and at - sold_at > _FAR:
                self._one(other, code, at)
                self._planted("trace_repeat_far", "", code, 2)
                done += 1

    def _same(self) -> None:
        done = 0
        for key in self._free():
            if done < _OF_EACH and (pack := self._pack(key)) is not None:
                self._one(key, pack.code)
                self._one(key, pack.code)
                self._planted("trace_repeat_same", key[0], pack.code, 2)
                done += 1

    def _not_received(self) -> None:
        for _, key in zip(range(_OF_EACH), list(self._free()), strict=False):
            (code,) = self.world.new_codes(key[1], 1)
            self._one(key, code)
            self._planted("trace_not_received", key[0], code, 1)

    def _wrong_item(self) -> None:
        done = 0
        for key in self._free():
            others = [one for one in self._free() if one[0] == key[0] and one[1] != key[1]]
            if (
                done < _OF_EACH
                and key not in self.used
                and others
                and (pack := self._pack(others[0])) is not None
            ):
                self._one(key, pack.code)
                self._planted("trace_wrong_item", key[0], pack.code, 1)
                done += 1

    def _elsewhere(self, item_code: str) -> Key | None:
        """A place that sells the item by code and did not scan what came, so that nobody asks where a pack is from."""
        return next((key for key in self._free(scanning=False) if key[1] == item_code), None)

    @staticmethod
    def _at(day: date) -> datetime:
        return start_of_day(day) + timedelta(hours=10)


def in_order_of_chance(keys: list[Key], dice: random.Random) -> list[Key]:
    """The places and items in another order."""
    shuffled = sorted(keys)
    dice.shuffle(shuffled)
    return shuffled
