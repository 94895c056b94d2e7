"""What stands on the order page: lines ready for the template, the sum, what the minimum still lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from flask_babel import gettext

from clinic_orders.queries import ordering as queries
from clinic_orders.queries.ordering import DraftRow, DraftView, Facts, ItemRow, LastTime
from clinic_orders.queries.scanning import searched_item
from clinic_orders.queries.stock import Reorder, suggestions
from clinic_orders.queries.stocking_lists import listed_items
from clinic_orders.queries.supply import Shortage, shortages
from clinic_orders.rules.cart import SUGGESTION_DAYS, suggest
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.money import ZERO, line_amount
from clinic_orders.rules.order_refusals import (
    BuyerRefused,
    DuplicateNotConfirmed,
    EarlierOrder,
    NoDistributor,
    OrderRefused,
    PaymentHold,
    refusals,
)
from clinic_orders.rules.payment_holds import HoldScope
from clinic_orders.rules.pinyin import SearchKeys, matches, rank
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.quantities import PacksRefused, parse_cart_packs
from clinic_orders.web.display import day
from clinic_orders.web.errors import say
from clinic_orders.web.ordering.door import Cart
from clinic_orders.web.stock_words import formula_of, use_of

USUAL_FROM_HISTORY = 20
MOST_FOUND = 50
PER_PAGE = 30
_PLAIN_FORM = "口服常释剂型"
_EMPTY = DraftRow(0, "", "", None, None, None)


@dataclass(frozen=True, slots=True)
class SuggestionText:
    """A suggestion as it is told."""

    packs: int
    text: str
    formula: str


@dataclass(slots=True)
class Line:
    """One medicine on the page, every value ready to be shown."""

    item_id: int
    code: str
    name: str
    spec: str
    maker: str
    price: Decimal | None
    document: str
    typed: str
    keys: str
    packs: int = 0
    amount: Decimal | None = None
    error: str = ""
    last: int | None = None
    suggestion: SuggestionText | None = None
    duplicate: str = ""
    duplicate_no: str = ""
    accepted: bool = False
    shortage: str = ""
    refusal: str = ""
    untold: bool = False
    distributor_id: int | None = None
    picks: bool = False
    picked: int | None = None
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lacking:
    """What the minimum lacks (R-STOCK-1); ``minimum`` None = not set, ``average`` is the reference then."""

    carried: int
    minimum: int | None
    planned: int
    confirmed: bool
    average: Decimal | None
    offers: Sequence[Line]

    @property
    def missing(self) -> int:
        """How many items are still missing with this draft."""
        return max(0, (self.minimum or 0) - self.carried - self.planned)


@dataclass(slots=True)
class Sum:
    """Kinds, packs and yuan."""

    kinds: int = 0
    packs: int = 0
    amount: Decimal = ZERO

    def add(self, line: Line) -> None:
        """Count a line that can go."""
        if line.amount is not None and line.packs:
            self.kinds, self.packs, self.amount = (
                self.kinds + 1,
                self.packs + line.packs,
                self.amount + line.amount,
            )


def _shortage_text(found: Shortage) -> str:
    """What is said beside an item that can't be had (R-VOL-7)."""
    since = day(found.first_day)
    if not found.backup:
        return str(gettext("Short since %(day)s.", day=since))
    return str(
        gettext("Short since %(day)s. %(name)s counts for it meanwhile.", day=since, name=found.backup)
    )


def spec_of(item: ItemRow, pack: str) -> str:
    """Strength, pack and, where it is not a plain tablet, the form: 0.5g × 64片／盒 · 缓释控释."""
    spec = f"{item.strength} × {item.pack_size}{item.base_unit}／{pack}"
    return spec if item.form == _PLAIN_FORM else f"{spec} · {item.form}"


class OrderPage:
    """Everything the order page asks the database for, a fixed number of statements.

    ``with_history``: what was ordered last; ``with_usual``: the usual list and what was accepted lately, which the
    whole catalogue does not show.
    """

    def __init__(self, cart: Cart, *, with_history: bool = True, with_usual: bool = True) -> None:
        self.cart = cart
        buyer, on = cart.buyer, cart.on
        self.book: PolicyBook = queries.ordering_policy()
        self.draft: DraftView = queries.draft_of(
            buyer.ordering_id, buyer.institution_id, emergency=cart.urgent
        )
        self.last: dict[int, LastTime] = {}
        known: dict[int, EarlierOrder] | None = None
        if with_history and cart.urgent:
            self.last = queries.last_time(buyer.institution_id, on=on)
        elif with_history:
            known, self.last = queries.duplicates_and_last_time(
                buyer.institution_id, at=cart.at, on=on, book=self.book
            )
        self.facts: Facts = queries.facts(
            buyer,
            at=cart.at,
            on=on,
            book=self.book,
            emergency=cart.urgent,
            # Whether a reason is given is asked at the end, not beside every line.
            reason=self.draft.emergency_reason or "…",
            known=known,
            payer=self.draft.payer,
        )
        self._day = queries.items_on(on, every=cart.urgent, also=self.draft.lines)
        self.items: Sequence[ItemRow] = self._day.items
        self.by_id: Mapping[int, ItemRow] = self._day.by_id
        self.days: int = self.book.whole("stocking.window_days", on=on)
        self.window: dict[int, int] = {}
        self.month: dict[int, int] = {}
        self.reorder: dict[int, Reorder] = {}
        if with_history and with_usual and not cart.urgent:
            self.window = queries.accepted_packs(buyer.institution_id, on=on, days=self.days)
            self.month = (
                self.window
                if self.days == SUGGESTION_DAYS
                else queries.accepted_packs(buyer.institution_id, on=on, days=SUGGESTION_DAYS)
            )
            # Who records sales or counts gets what is there and under way taken off.
            self.reorder = suggestions(buyer.institution_id, self.by_id, at=cart.at, on=on, book=self.book)
        self.usual_ids: list[int] = (
            queries.usual_items(buyer.institution_id) if with_history and with_usual else []
        )
        # The dense table of the whole catalogue has no room for it.
        self.shortages: Mapping[str, Shortage] = (
            shortages(buyer.county_code, on=on) if with_history and with_usual else {}
        )
        self.usual_is_own = bool(self.usual_ids)
        if not self.usual_ids:
            frequent = sorted(self.last.items(), key=lambda pair: (-pair[1].times, pair[0]))
            self.usual_ids = [item for item, _ in frequent[:USUAL_FROM_HISTORY]]
        self._made: dict[int, Line] = {}
        # Looked up once: a page may have hundreds of lines.
        self._pack = gettext("pack")

    # Lines ------------------------------------------------------------------------------------------------

    def line(self, item: ItemRow) -> Line:
        """The line of an item; made once."""
        made = self._made.get(item.id)
        if made is None:
            made = self._made[item.id] = self._make(item)
        return made

    def _make(self, item: ItemRow) -> Line:
        drafted = self.draft.lines.get(item.id, _EMPTY)
        line = Line(
            item_id=item.id,
            code=item.code,
            name=item.name,
            spec=spec_of(item, self._pack),
            maker=item.manufacturer,
            price=item.price,
            document=item.price_document or "",
            typed=drafted.typed,
            keys=f"{item.name} {item.initials} {item.manufacturer}",
            picked=drafted.picked_distributor_id,
        )
        last = self.last.get(item.id)
        line.last = last.packs if last is not None else None
        if item.code in self.shortages:
            line.shortage = _shortage_text(self.shortages[item.code])
        if item.id in self.reorder:
            line.suggestion = self._reorder(self.reorder[item.id], item)
        elif item.id in self.month:
            line.suggestion = self._suggestion(self.month[item.id])
        self._hold(line, item, drafted)
        return line

    def _reorder(self, found: Reorder, item: ItemRow) -> SuggestionText | None:
        """The suggestion by what is used, there and under way; none where enough is there."""
        if not found.packs:
            return None
        unit = item.base_unit
        return SuggestionText(found.packs, use_of(found, unit), formula_of(found, unit))

    @property
    def low(self) -> dict[str, int]:
        """The packs suggested, by item code, of what it is time to order and is not in the draft yet."""
        return {
            self.by_id[item_id].code: found.packs
            for item_id, found in self.reorder.items()
            if found.is_low and item_id in self._offered_ids and item_id not in self.draft.lines
        }

    @cached_property
    def _offered_ids(self) -> frozenset[int]:
        """What can be ordered at all: offered, priced and delivered."""
        return frozenset(
            item.id
            for item in self.offered()
            if item.price_units is not None and self.facts.relations.distributor_of(item.id) is not None
        )

    def _suggestion(self, accepted: int) -> SuggestionText | None:
        found = suggest(accepted)
        if found is None:
            return None
        return SuggestionText(
            found.packs,
            gettext(
                "%(accepted)s packs were accepted in the last %(days)s days; that is a mean of %(packs)s a month.",
                accepted=found.accepted,
                days=found.days,
                packs=found.packs,
            ),
            gettext(
                "%(accepted)s × 30 ÷ %(days)s = %(packs)s packs",
                accepted=found.accepted,
                days=found.days,
                packs=found.packs,
            ),
        )

    def _hold(self, line: Line, item: ItemRow, drafted: DraftRow) -> None:
        """What stands against the line, each thing where it belongs."""
        line.distributor_id = self.facts.relations.distributor_of(item.id) or line.picked
        if self.is_plain(item):
            return
        found = refusals(self.facts.request(item, drafted, drafted.typed or "1"))
        for error in found:
            if isinstance(error, PacksRefused):
                line.error = say(error)
            elif isinstance(error, DuplicateNotConfirmed):
                line.duplicate = say(error)
            elif isinstance(error, NoDistributor):
                if self.cart.urgent:
                    line.picks = True
                else:
                    line.refusal = self._undelivered
                    line.untold = True
            elif isinstance(error, PaymentHold) or (
                isinstance(error, OrderRefused) and not isinstance(error, BuyerRefused)
            ):
                line.refusal = line.refusal or say(error)
            line.reasons.append(say(error))
        line.picks = line.picks or (self.cart.urgent and self.facts.relations.distributor_of(item.id) is None)
        duplicate = self.facts.duplicates.get(item.id)
        if duplicate is not None:
            line.duplicate_no = duplicate.order_no
            line.accepted = duplicate.order_no in drafted.confirmed_duplicates.split(";")
            if line.accepted:
                line.duplicate = say(
                    DuplicateNotConfirmed(
                        packs=duplicate.packs,
                        day=day_in_china(duplicate.submitted_at),
                        order_no=duplicate.order_no,
                    )
                )
        self._count(line, item)

    @cached_property
    def _undelivered(self) -> str:
        """What stands where nobody delivers, found once for the lines that need it."""
        county = self.cart.buyer.county_name
        return str(gettext("No distributor delivers this medicine to %(county)s yet.", county=county))

    def is_plain(self, item: ItemRow) -> bool:
        """Whether nothing was typed and nothing can stand against it: most of a long list."""
        return (
            item.id not in self.draft.lines
            and item.price_units is not None
            and item.id not in self.facts.duplicates
            and (not item.suits or item.suits_kind(self.cart.buyer.kind))
            and bool(item.in_edition)
            and not self.cart.urgent
            and self.facts.relations.distributor_of(item.id) is not None
        )

    def beside(self, items: Iterable[ItemRow]) -> dict[int, Line]:
        """The lines of a long list that have more to say than the item itself."""
        return {item.id: self.line(item) for item in items if not self.is_plain(item)}

    def _count(self, line: Line, item: ItemRow) -> None:
        if line.error or line.refusal or not line.typed or item.price is None:
            return
        try:
            line.packs = parse_cart_packs(line.typed, maximum=self.facts.max_packs)
        except PacksRefused as error:
            line.error = say(error)
            return
        line.amount = line_amount(item.price, line.packs)

    # Which lines ------------------------------------------------------------------------------------------

    def drafted(self) -> list[Line]:
        """The draft's lines in the order in which they were put in."""
        return [self.line(self.by_id[item]) for item in self.draft.lines if item in self.by_id]

    def usual(self) -> list[Line]:
        """The usual list, then what else the draft holds."""
        known = [item for item in self.usual_ids if item in self.by_id]
        more = [item for item in self.draft.lines if item in self.by_id and item not in set(known)]
        return [self.line(self.by_id[item]) for item in known + more]

    def offered(self) -> Sequence[ItemRow]:
        """The edition's items that suit the kind."""
        return self._day.offered(self.cart.buyer.kind, urgent=self.cart.urgent)

    def whole(self) -> Sequence[ItemRow]:
        """What is offered, then what the draft still holds although it is not."""
        offered = self.offered()
        if not self.draft.lines:
            return offered
        known = {item.id for item in offered}
        more = (item for item in self.items if item.id in self.draft.lines and item.id not in known)
        return (*offered, *more)

    def rest(self) -> list[ItemRow]:
        """What is offered beside the usual list."""
        usual = set(self.usual_ids) | set(self.draft.lines)
        return [item for item in self.offered() if item.id not in usual]

    @cached_property
    def listed_ids(self) -> frozenset[int]:
        """The stocking list of the receiver; asked for only where it is shown, one statement (R-STOCK-2)."""
        return frozenset(listed_items(self.cart.buyer.institution_id))

    def not_on_shelf(self) -> list[Line]:
        """What the receiver's stocking list has and was not accepted lately."""
        return [
            self.line(item)
            for item in self.offered()
            if item.id in self.listed_ids and item.id not in self.window
        ]

    def found(self, query: str) -> list[Line]:
        """What a search finds, the nearest first: Chinese, pinyin of every reading, approval number, scanned code."""
        hits = []
        scanned = searched_item(query)
        for item_id, text, initials, pinyin in queries.search_keys_on(self.cart.on, every=self.cart.urgent):
            keys = SearchKeys(text, initials, pinyin)
            item = self.by_id.get(item_id)
            if item is None:
                continue
            if item_id == scanned or query.casefold() == item.code.casefold() or matches(query, keys):
                hits.append((rank(query, keys), item.name, item.code, item_id))
        return [self.line(self.by_id[hit[3]]) for hit in sorted(hits)[:MOST_FOUND]]

    def total(self, lines: Iterable[Line]) -> Sum:
        """The sum of lines."""
        found = Sum()
        for line in lines:
            found.add(line)
        return found

    @property
    def buyer_refusals(self) -> list[str]:
        """What stands against the institution itself, whatever it orders."""
        probe = ItemRow(0, "", "", "", "", 1, "", "", "", "", False, True, 10000, "")
        request = self.facts.request(probe, _EMPTY, "1")
        return [say(error) for error in refusals(request) if isinstance(error, BuyerRefused)]

    @property
    def hold_notes(self) -> list[str]:
        """What stops the orders to some distributors; what stops all of them is a refusal of the buyer's."""
        facts = self.facts
        if facts.hold_scope is HoldScope.ALL:
            return []
        mine = [hold.distributor_id for hold in facts.holds if hold.paying_id == facts.paying_id]
        found = [facts.hold_for(distributor) for distributor in mine]
        return [say(hold.refusal) for hold in found if hold is not None]

    # The last order, the minimum ---------------------------------------------------------------------------

    @property
    def last_order(self) -> tuple[datetime, int] | None:
        """The day of the last order and how many items it had."""
        if not self.last:
            return None
        newest = max(row.submitted_at for row in self.last.values())
        kinds = sum(1 for row in self.last.values() if row.submitted_at == newest)
        return newest, kinds

    def lacking(self, average: Decimal | None = None) -> Lacking:
        """What the minimum lacks, with up to three items to add that can be ordered now."""
        buyer, on = self.cart.buyer, self.cart.on
        value = self.book.find("stocking.minimum", kind=buyer.kind, scale=buyer.scale or None, on=on)
        minimum = value.value if isinstance(value.value, int) else None
        offered = [item for item in self.items if item.in_edition and item.suits_kind(buyer.kind)]
        carried = sum(1 for item in offered if item.id in self.window)
        planned = sum(
            1
            for item in offered
            if item.id in self.draft.lines and item.id not in self.window and self.line(item).packs
        )
        short = (minimum or 0) - carried - planned
        offers: list[Line] = []
        if short > 0:
            usual, listed = set(self.usual_ids), self.listed_ids
            free = [
                item
                for item in offered
                if item.id not in self.window
                and item.id not in self.draft.lines
                and item.price is not None
                and self.facts.relations.distributor_of(item.id) is not None
            ]
            free.sort(
                key=lambda item: (
                    item.id not in listed,
                    item.id not in usual,
                    not item.supplies_here,
                    item.price,
                    item.code,
                )
            )
            offers = [self.line(item) for item in free[: min(3, short)]]
        return Lacking(carried, minimum, planned, value.confirmed, average, offers)


def errors_of(lines: Iterable[Line]) -> list[tuple[str, str]]:
    """(id of the line, sentence) for the summary of a refused form: name first, then what is wrong."""
    return [
        (line.code, gettext("%(name)s: %(problem)s", name=line.name, problem=line.error))
        for line in lines
        if line.error
    ]
