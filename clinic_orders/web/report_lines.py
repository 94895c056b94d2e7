"""The lines of a form in which numbers are typed beside medicines: usual ones first, then what a search adds.

What lies on a shelf is written as people see it: whole packs (`p-CODE`) and loose pieces (`q-CODE`) in two boxes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from flask import request
from flask_babel import gettext

from clinic_orders.queries import ordering
from clinic_orders.queries.ordering import ItemRow
from clinic_orders.rules.pinyin import SearchKeys, matches, rank
from clinic_orders.rules.quantities import PacksRefused, parse_units
from clinic_orders.web.errors import say

MOST_USUAL = 40
MOST_FOUND = 30
_MOST_UNITS = 9_999_999


@dataclass(frozen=True, slots=True)
class TypedLine:
    """One medicine with its box; `packs` is what the box of whole packs holds, None where there is none."""

    item: ItemRow
    name: str
    typed: str
    packs: str | None
    error: str
    found: bool


def found_items(on: date, query: str) -> list[int]:
    """The items of the edition in force that a search finds, by row id, the nearest first: Chinese or pinyin."""
    ranked = [
        (rank(query, SearchKeys(text, initials, pinyin)), item_id)
        for item_id, text, initials, pinyin in ordering.search_keys_on(on, every=False)
        if matches(query, SearchKeys(text, initials, pinyin))
    ]
    return [item_id for _, item_id in sorted(ranked)[:MOST_FOUND]]


class TypedLines:
    """What is shown and what was typed; everything typed stays, whatever is searched."""

    def __init__(
        self,
        institution_id: int,
        *,
        on: date,
        stored: Mapping[int, int],
        also: Collection[int] = (),
        query: str = "",
        filled: bool = False,
        in_packs: bool = False,
    ) -> None:
        """Gather the lines.

        Args:
            institution_id: whose.
            on: the day of the catalogue.
            stored: what stands, by item.
            also: further items that belong on the page.
            query: what is searched.
            filled: whether the request brings typed boxes, which then go before what stands.
            in_packs: the numbers are base units, asked for as whole packs and pieces.

        """
        day = ordering.items_on(on, every=True)
        by_id, by_code = day.by_id, {item.code: item for item in day.items}
        usual = ordering.usual_items(institution_id)
        if not usual:
            last = ordering.last_time(institution_id, on=on)
            usual = [one for one, _ in sorted(last.items(), key=lambda pair: (-pair[1].times, pair[0]))]
        typed, packs = (
            {
                by_code[name[2:]].id: value.strip()
                for name, value in request.form.items()
                if name.startswith(box) and name[2:] in by_code
            }
            for box in ("q-", "p-")
        )
        self.query = query
        hits = found_items(on, query) if query else []
        kept = [
            one for one, value in (typed | packs if in_packs else typed).items() if value or typed.get(one)
        ]
        shown = dict.fromkeys([*hits, *stored, *kept, *usual[:MOST_USUAL], *also])
        self.numbers: dict[str, int] = {}
        self.errors: list[tuple[str, str]] = []
        self.nothing_found = bool(query) and not hits
        found = set(hits)
        self.lines = []
        for item in (by_id[one] for one in shown if one in by_id):
            two = in_packs and item.pack_size > 1
            there = stored.get(item.id)
            if filled and item.id in typed:
                boxes = typed[item.id], packs.get(item.id, "") if two else None
            elif there is None:
                boxes = "", "" if two else None
            else:
                boxes = (
                    (str(there % item.pack_size), str(there // item.pack_size)) if two else (str(there), None)
                )
            self.lines.append(self._line(item, *boxes, item.id in found))

    def _line(self, item: ItemRow, typed: str, packs: str | None, found: bool) -> TypedLine:
        error = ""
        units = [
            (box, value, size)
            for box, value, size in (("p", packs, item.pack_size), ("q", typed, 1))
            if value
        ]
        for box, value, size in units:
            try:
                number = parse_units(value, minimum=0, maximum=_MOST_UNITS // size) * size
            except PacksRefused as refusal:
                error = say(refusal)
                self.errors.append(
                    (f"{box}-{item.code}", gettext("%(name)s: %(problem)s", name=item.name, problem=error))
                )
                break
            self.numbers[item.code] = self.numbers.get(item.code, 0) + number
        return TypedLine(item, item.name, typed, packs, error, found)
