"""The lines of the sale form: what stands in the draft, what is usually sold, what a search adds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from flask_babel import gettext

from clinic_orders.queries import ordering
from clinic_orders.queries import selling as queries
from clinic_orders.queries.ordering import ItemRow
from clinic_orders.queries.stock import Shelf, shelf_of
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.money import ZERO, parse_amount
from clinic_orders.rules.pinyin import SearchKeys, matches, rank
from clinic_orders.rules.quantities import parse_cart_packs, parse_units
from clinic_orders.rules.selling import Proposed, SaleWarning, Terms, propose, warnings
from clinic_orders.rules.stock_entries import MOST_PACKS, MOST_UNITS, units_of
from clinic_orders.rules.tracing import parse_trace_codes
from clinic_orders.web.errors import say

MOST_USUAL = 30
MOST_FOUND = 20
_OF_ITEMS = ("p-", "u-", "a-", "t-")
"""Beginnings of the names of boxes: packs, pieces, amount, trace codes; the item's code follows."""
_OF_OTHERS = ("n-", "q-", "m-")
"""The same of products outside the catalogue: name, number, amount; a place follows."""
BOXES = (*_OF_ITEMS, *_OF_OTHERS)
MOST_OTHERS = 10
"""So many products outside the catalogue fit on a form."""


@dataclass(slots=True)
class Line:
    """One medicine on the form, every value ready to be shown."""

    item: ItemRow
    packs: str
    pieces: str
    amount: str
    codes_text: str
    terms: Terms
    shelf: Shelf | None
    in_pieces: bool
    found: bool = False
    units: int = 0
    taken: Decimal | None = None
    codes: tuple[str, ...] = ()
    proposed: Proposed | None = None
    warnings: list[SaleWarning] = field(default_factory=list)
    error: str = ""
    amount_error: str = ""
    codes_error: str = ""

    @property
    def code(self) -> str:
        """The item's code, with which its boxes are named."""
        return self.item.code

    @property
    def pack_price(self) -> Proposed | None:
        """What a whole pack costs."""
        return propose(self.terms, self.item.pack_size)

    @property
    def piece_price(self) -> Proposed | None:
        """What one piece costs; None where a pack is one."""
        return propose(self.terms, 1) if self.item.pack_size > 1 else None

    @property
    def on_hand(self) -> int | None:
        """What should be there; None where nobody knows."""
        return self.shelf.on_hand if self.shelf is not None and self.shelf.known else None


@dataclass(slots=True)
class Other:
    """One product outside the catalogue on the form, every value ready to be shown.

    It counts for no stock, and no price of it is judged; together with items on one receipt it is looked at (tied sale).
    """

    place: int
    name: str
    pieces: str
    amount: str
    units: int = 0
    taken: Decimal | None = None
    in_catalogue: bool = False
    name_error: str = ""
    error: str = ""
    amount_error: str = ""

    @property
    def typed(self) -> bool:
        """Whether anything stands in its boxes."""
        return bool(self.name or self.pieces or self.amount)


class SaleForm:
    """What is shown and what was typed.

    Attributes:
        draft: as it is kept.
        lines: all of the page, those with something typed among them.
        sold: the lines with a number.
        others: products outside the catalogue: those typed, and an empty one to type in.
        sold_on: the day; the day typed, if it can be read.
        day_error: what is wrong with the day.

    """

    def __init__(self, institution_id: int, user_id: int | None, *, on: date, query: str = "") -> None:
        """Gather everything: a fixed number of statements."""
        self.draft = queries.sale_draft_of(institution_id, user_id)
        fields = self.draft.fields
        self.insured = fields.get("insured") == "1"
        self.query, self.day_typed, self.day_error, self.sold_on = query, fields.get("sold_on", ""), "", on
        if self.day_typed:
            try:
                self.sold_on = parse_day(self.day_typed)
            except RuleBroken as refusal:
                self.day_error = say(refusal)
        day = ordering.items_on(on, every=True)
        by_code = {item.code: item for item in day.items}
        usual = queries.usually_sold(institution_id, on=on)
        pieces = {one.item_id for one in usual if one.in_pieces}
        shelf = shelf_of(institution_id, on)
        typed = [by_code[name[2:]].id for name in fields if name[:2] in {"p-", "u-"} and name[2:] in by_code]
        hits = self._found(on, query) if query else []
        own_list = [one.item_id for one in usual] + ordering.usual_items(institution_id)
        # Who has never sold anything here sees first what is on the shelf.
        there = sorted((one for one in shelf if shelf[one].on_hand > 0), key=lambda one: -shelf[one].on_hand)
        shown = list(dict.fromkeys([*own_list, *there]))[:MOST_USUAL]
        wanted = [one for one in dict.fromkeys([*hits, *typed, *shown]) if one in day.by_id]
        terms = queries.sale_terms(institution_id, wanted, self.sold_on)
        self.nothing_found = bool(query) and not hits
        self.lines = [
            self._line(day.by_id[one], fields, terms[one], shelf.get(one), one in pieces, one in set(hits))
            for one in wanted
        ]

        names = {item.name for item in day.items}
        typed_others = [
            other for place in range(1, MOST_OTHERS + 1) if (other := _other(place, fields, names)).typed
        ]
        free = next(
            (one for one in range(1, MOST_OTHERS + 1) if one not in {other.place for other in typed_others}),
            None,
        )
        self.others = [*typed_others, *([Other(free, "", "", "")] if free else [])]
        self.other_names = queries.other_products(institution_id, on=on)

    @property
    def others_sold(self) -> list[Other]:
        """The products outside the catalogue that were typed."""
        return [other for other in self.others if other.typed]

    @property
    def kinds(self) -> int:
        """How many lines the receipt has."""
        return len(self.sold) + len(self.others_sold)

    @property
    def sold(self) -> list[Line]:
        """The lines with a number above 0, or one that can't be read."""
        return [line for line in self.lines if line.units or line.error]

    @property
    def total(self) -> Decimal:
        """The sum of the amounts that are known."""
        taken = [*(line.taken for line in self.sold), *(other.taken for other in self.others_sold)]
        return sum((amount for amount in taken if amount is not None), ZERO)

    @property
    def errors(self) -> list[tuple[str, str]]:
        """(id of the box, sentence) for the summary on top."""
        found = [("sold_on", self.day_error)] if self.day_error else []
        for line in self.sold:
            for box, problem in (
                (f"p-{line.code}", line.error),
                (f"a-{line.code}", line.amount_error),
                (f"t-{line.code}", line.codes_error),
            ):
                if problem:
                    found.append(
                        (box, gettext("%(name)s: %(problem)s", name=line.item.name, problem=problem))
                    )
        for other in self.others_sold:
            for box, problem in (
                (f"n-{other.place}", other.name_error),
                (f"q-{other.place}", other.error),
                (f"m-{other.place}", other.amount_error),
            ):
                if problem:
                    found.append(
                        (box, gettext("%(name)s: %(problem)s", name=other.name or "—", problem=problem))
                    )
        return found

    @property
    def numbers_wrong(self) -> bool:
        """Whether a number or a name can't be read, so that amounts make no sense yet."""
        return any(line.error for line in self.sold) or any(
            other.error or other.name_error for other in self.others_sold
        )

    @property
    def seen_warnings(self) -> str:
        """A word for all that is warned of now, by which a confirmation knows what it confirms."""
        return ";".join(
            f"{line.code}:{one.kind.value}:{line.units}:{line.taken}"
            for line in self.sold
            for one in line.warnings
        )

    def _found(self, on: date, query: str) -> list[int]:
        ranked = [
            (rank(query, SearchKeys(text, initials, pinyin)), item_id)
            for item_id, text, initials, pinyin in ordering.search_keys_on(on, every=True)
            if matches(query, SearchKeys(text, initials, pinyin))
        ]
        return [item_id for _, item_id in sorted(ranked)[:MOST_FOUND]]

    def _line(
        self,
        item: ItemRow,
        fields: dict[str, str],
        terms: Terms,
        shelf: Shelf | None,
        in_pieces: bool,
        found: bool,
    ) -> Line:
        packs, pieces, amount, codes = (fields.get(f"{box}{item.code}", "") for box in _OF_ITEMS)
        line = Line(item, packs, pieces, amount, codes, terms, shelf, in_pieces or bool(pieces), found)
        try:
            line.units = units_of(
                parse_cart_packs(packs, maximum=MOST_PACKS),
                parse_units(pieces or "0", minimum=0, maximum=MOST_UNITS),
                pack_size=item.pack_size,
            )
        except RuleBroken as refusal:
            line.error = say(refusal)
            return line
        if not line.units:
            return line
        line.proposed = propose(terms, line.units)
        self._read_amount(line)
        try:
            line.codes = parse_trace_codes(codes)
        except RuleBroken as refusal:
            line.codes_error = say(refusal)
        return line

    def _read_amount(self, line: Line) -> None:
        if not line.amount:
            line.taken = line.proposed.amount if line.proposed else None
            if line.taken is None:
                line.amount_error = gettext("Write what was taken for it; no price is known.")
        else:
            try:
                line.taken = parse_amount(line.amount)
            except RuleBroken as refusal:
                line.amount_error = say(refusal)
        if line.taken is not None:
            line.warnings = warnings(line.terms, line.units, line.taken, on_hand=line.on_hand)


def _other(place: int, fields: Mapping[str, str], names: Collection[str]) -> Other:
    """A product outside the catalogue as it was typed; one piece where no number stands beside it."""
    name, pieces, amount = (fields.get(f"{box}{place}", "").strip() for box in _OF_OTHERS)
    other = Other(place, name[:200], pieces, amount)
    if not other.typed:
        return other
    other.in_catalogue = other.name in names
    if not other.name:
        other.name_error = gettext("Write the name of what was sold.")
    try:
        other.units = parse_units(pieces or "1", minimum=1, maximum=MOST_UNITS)
    except RuleBroken as refusal:
        other.error = say(refusal)
    if not amount:
        other.amount_error = gettext("Write what was taken for it; no price is known.")
    else:
        try:
            other.taken = parse_amount(amount)
        except RuleBroken as refusal:
            other.amount_error = say(refusal)
    return other
