"""The past months of trade: orders with their answers, receipts and returns, month by month, up to this hour."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from clinic_orders.exchange.demonstration.buying_elsewhere import BuyingElsewhere
from clinic_orders.exchange.demonstration.tracing import MANY_PACKS, scanned, take_back
from clinic_orders.exchange.demonstration.volumes import Volumes
from clinic_orders.exchange.demonstration.world import Demonstration, File, Place, Planted, Row, dice_for
from clinic_orders.rules.days import (
    SHANGHAI,
    Month,
    Quarter,
    add_months,
    add_working_days,
    day_in_china,
    is_working_day,
    start_of_day,
    working_days_after,
)
from clinic_orders.rules.delivery import acceptance_due_day
from clinic_orders.rules.money import line_amount
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.payment_terms import DueRule, due_date

# So many order lines go into one file: enough to be quick, few enough to be held in memory.
ROWS_A_FILE = 20_000
# The default of policy ``stocking.window_days``, which the example policies leave as it is.
WINDOW_DAYS = 90
# The default of policy ``delivery.accept_days``.
_ACCEPT_DAYS = 2
# Of so many lines the distributor that delivers too little has none, in so many months up to the judged day.
_ONE_MISSING, _MONTHS_MISSING = 4, 3
# More papers than a prefecture has on one day.
_A_DAY = 10_000
# A pair of payer and distributor, and what each receipt that falls due on a day owes.
Dues = dict[tuple[date, str, str], dict[str, Decimal]]


def working_moment(day: date, dice: random.Random, first_hour: int = 8, last_hour: int = 17) -> datetime:
    """Some instant of a day's working hours."""
    hours = first_hour + int(dice.random() * (last_hour - first_hour))
    return start_of_day(day) + timedelta(hours=hours, seconds=int(dice.random() * 3600))


def next_working(day: date) -> date:
    """The day itself, if people work on it, else the next on which they do."""
    return day if is_working_day(day) else add_working_days(day, 1)


@dataclass(slots=True)
class _Numbers:
    """Paper numbers of the past, one series a day; another prefecture's begin where this one's never come to."""

    prefecture: int = 0
    last: dict[str, int] = field(default_factory=dict)
    invoices: int = 4100260000

    def next(self, prefix: str, moment: datetime) -> str:
        series = f"{prefix}{moment.astimezone(SHANGHAI):%Y%m%d}"
        self.last[series] = self.last.get(series, self.prefecture * _A_DAY) + 1
        return f"{series}-{self.last[series]:04d}"

    def invoice(self) -> str:
        self.invoices += 1
        return f"{self.invoices + self.prefecture * 1_000_000_000:012d}"


@dataclass(slots=True)
class Trade:
    """Makes orders and what becomes of them.

    Attributes:
        world: whose places order.
        dues: what it makes payable, filled as the months go by.
        received: base units that each place accepted of each item, by year and month.
        kept: the items that each place accepted in the days that count for keeping them (R-STOCK-3).
        volumes: what was agreed and how it is fulfilled.
        elsewhere: what is bought besides, quarter by quarter.

    """

    world: Demonstration
    dues: Dues = field(default_factory=dict)
    received: dict[tuple[int, int], dict[tuple[str, str], int]] = field(default_factory=dict)
    kept: dict[str, set[str]] = field(default_factory=dict)
    volumes: Volumes = field(init=False)
    elsewhere: tuple[BuyingElsewhere, ...] = ()
    _pack_sizes: dict[str, int] = field(default_factory=dict)
    _emergencies: set[str] = field(default_factory=set)
    _late: set[str] = field(default_factory=set)
    _failing: str = ""
    _asked_of_failing: int = 0
    _numbers: _Numbers = field(default_factory=_Numbers)
    _dice: random.Random = field(default_factory=random.Random)
    _orders: list[Row] = field(default_factory=list)
    _receipts: list[Row] = field(default_factory=list)
    _returns: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Look up once what every receipt asks for, and choose who will buy too much as an emergency."""
        self._pack_sizes = {str(item["item_code"]): int(item["pack_size"]) for item in self.world.items}
        codes = [place.code for place in self.world.places if place.code != self.world.show_clinic]
        dice = dice_for(self.world.seed, "emergencies")
        self._emergencies = set(dice.sample(codes, max(2, len(codes) // 200)))
        others = [code for code in codes if code not in self._emergencies]
        self._late = set(dice_for(self.world.seed, "late").sample(others, max(2, len(codes) // 100)))
        self._numbers.prefecture = self.world.number
        self.volumes = Volumes(self.world)
        problem = self.volumes.problem
        variety = {str(item["item_code"]): str(item["variety"]) for item in self.world.items}
        avoided = frozenset() if problem is None else frozenset({variety[problem.item]})
        quarters = {self.world.last_quarter, Quarter.of(self.world.as_of)}
        self.elsewhere = tuple(
            BuyingElsewhere(self.world, quarter, avoided)
            for quarter in sorted(quarters, key=lambda one: one.first_day)
        )
        self._plant_delivery_rate()

    def months(self) -> Iterator[tuple[date, Iterator[File]]]:
        """Each month with its orders, receipts and returns in a few files, the oldest first."""
        month = self.world.start
        while month <= self.world.today:
            yield month, self._month(month)
            month = (month + timedelta(days=32)).replace(day=1)

    def _month(self, month: date) -> Iterator[File]:
        self._dice = dice_for(self.world.seed, f"trade {month}")
        part = 0
        for submitted, place in self._plans(month):
            self._place_orders(submitted, place)
            if len(self._orders) >= ROWS_A_FILE:
                part += 1
                yield from self._filled(f"{month:%Y-%m} {part}")
        if (month.year, month.month) == (self.world.today.year, self.world.today.month):
            self._show_orders()
        yield from self._filled(f"{month:%Y-%m} {part + 1}")

    def _filled(self, name: str) -> Iterator[File]:
        for kind, rows in (
            ("orders", self._orders), ("receipts", self._receipts), ("returns", self._returns)
        ):  # fmt: skip
            if rows:
                yield File(kind, name, rows)
        self._orders, self._receipts, self._returns = [], [], []

    def _plans(self, month: date) -> list[tuple[datetime, Place]]:
        """When who orders in a month: every place once, many hospitals twice."""
        dice = self._dice
        plans: list[tuple[datetime, Place]] = []
        for place in self.world.places:
            times = 2 if place.kind is InstitutionKind.TOWNSHIP_HOSPITAL and dice.random() < 0.5 else 1
            for _ in range(times):
                day = next_working(month + timedelta(days=int(dice.random() * 26)))
                if place.joined_on <= day < self.world.today:
                    plans.append((working_moment(day, dice), place))
        plans.sort(key=lambda plan: (plan[0], plan[1].code))
        return plans

    def _place_orders(self, submitted: datetime, place: Place) -> None:
        """One cart, split by distributor (R-ORD-1)."""
        dice = self._dice
        share = dice.uniform(0.9, 1.0)
        groups: dict[str, list[tuple[str, int]]] = {}
        day = day_in_china(submitted)
        seen: set[str] = set()
        # Each item is due every second month, so that two orders bring all of them.
        for usual, packs in place.usual[day.month % 2 :: 2]:
            item_code = self.volumes.instead(usual, place.county, day)
            if item_code in seen:
                continue
            seen.add(item_code)
            if dice.random() < share and (place.county, item_code) in self.world.relation:
                groups.setdefault(self.world.relation[place.county, item_code], []).append(
                    (item_code, max(1, round(packs * dice.uniform(0.7, 1.3))))
                )
        emergency = bool(groups) and self._plant_emergency(place, submitted)
        for distributor, group in sorted(groups.items()):
            self._one_order(place, distributor, group, submitted, emergency=emergency)

    def _plant_emergency(self, place: Place, submitted: datetime) -> bool:
        """In the judged month a few buy everything as an emergency (R-ORD-9); one finding a place."""
        as_of, day = self.world.as_of, day_in_china(submitted)
        if place.code not in self._emergencies or (day.year, day.month) != (as_of.year, as_of.month):
            return False
        found = Planted("emergency_share", "clue", place.code, "", "", f"{as_of:%Y-%m}")
        if found not in self.world.planted:
            self.world.planted.append(found)
        return True

    def _show_orders(self) -> None:
        """For the people who log in: goods to receive, an order to ship and one to answer, whatever the seed."""
        world, dice = self.world, self._dice
        clinic = next(place for place in world.places if place.code == world.show_clinic)
        lines = [
            line
            for line in clinic.usual
            if self.world.relation.get((clinic.county, line[0])) == world.show_distributor
        ]
        if len(lines) < 4:
            extra = [
                code
                for (county, code), who in sorted(self.world.relation.items())
                if (county, who) == (clinic.county, world.show_distributor)
            ]
            lines = (lines + [(code, dice.randrange(2, 12)) for code in extra if code not in dict(lines)])[:5]
        working = [
            day for days in range(1, 30) if is_working_day(day := self.world.today - timedelta(days=days))
        ]
        for day, stage in ((working[2], "receive"), (working[1], "ship"), (working[0], "answer")):
            submitted = start_of_day(day) + timedelta(hours=8, minutes=dice.randrange(60))
            self._one_order(clinic, world.show_distributor, lines, submitted, stage=stage)

    def _is_answered(self, order_no: str, distributor: str, submitted: datetime) -> bool:
        """A few orders are never answered: they lapse, or are still waiting; in the judged month each is planted."""
        if self._dice.random() >= 0.012:
            return True
        world = self.world
        last_day = add_working_days(day_in_china(submitted), 2)
        ends = (last_day, last_day + timedelta(days=1))
        judged = [(day.year, day.month) == (world.as_of.year, world.as_of.month) for day in ends]
        if any(judged) and not all(judged):
            # Whether it falls into the judged month would hang on a hair; somebody answers after all.
            return True
        if all(judged):
            days = working_days_after(day_in_china(submitted), last_day)
            world.planted.append(
                Planted(
                    "late_confirmation", "warning", "", distributor, order_no, last_day.isoformat(),
                    (("working_days", days),),
                )
            )  # fmt: skip
        return False

    def _one_order(
        self,
        place: Place,
        distributor: str,
        group: list[tuple[str, int]],
        submitted: datetime,
        stage: str = "",
        *,
        emergency: bool = False,
    ) -> None:
        """One order's life, cut off at ``now``: what would lie in the future has not happened.

        ``stage`` stops it where somebody is to act: ``answer``, ``ship`` or ``receive``; empty lets it go on.
        """
        dice, now = self._dice, self.world.now
        order_no = self._numbers.next("CG", submitted)
        answered = working_moment(add_working_days(submitted.astimezone(SHANGHAI).date(), 1), dice)
        is_answered = stage != "answer" and (
            bool(stage) or emergency or self._is_answered(order_no, distributor, submitted)
        )
        answered_at = answered if is_answered and answered <= now else None
        head: Row = {
            "order_no": order_no,
            "institution_code": place.code,
            "ordering_code": place.supervisor if place.proxy else place.code,
            "paying_code": place.code,
            "distributor_code": distributor,
            "submitted_at": submitted,
            "mode": "proxy" if place.proxy else "direct",
            "channel": "clinic_orders",
            "emergency": emergency,
        }
        if emergency:
            # An emergency is answered within the hour and leaves at once.
            answered = submitted + timedelta(minutes=40)
            answered_at = answered if answered <= now else None
            head["emergency_reason"] = "病人急需（演示）"
        shipped_at = working_moment(add_working_days(answered.astimezone(SHANGHAI).date(), 1), dice, 7, 12)
        if emergency:
            shipped_at = answered + timedelta(hours=1)
        lines: list[tuple[str, int]] = []
        submitted_on = day_in_china(submitted)

        def missed(item_code: str, packs: int, known_on: date) -> None:
            if packs:
                self.volumes.missed(
                    place.code, item_code, distributor, packs, on=submitted_on, known_on=known_on
                )

        lapses_on = add_working_days(submitted_on, 2)
        answered_on, shipped_on = day_in_china(answered), day_in_china(shipped_at)
        for item_code, packs in group:
            row = head | {"item_code": item_code, "packs": packs, "pack_price": self.world.prices[item_code]}
            if answered_at is not None:
                confirmed = int(dice.random() * packs) if dice.random() < 0.02 else packs
                row["confirmed_packs"], row["confirmed_at"] = confirmed, answered_at
                missed(item_code, packs - confirmed, answered_on)
                is_closed = confirmed and (
                    dice.random() < 0.008 or self._fails(place.code, item_code, distributor, submitted_on)
                )
                if is_closed and shipped_at <= now:
                    row |= {"closed_packs": confirmed, "closed_at": shipped_at, "closed_reason": "stock_out"}
                    missed(item_code, confirmed, shipped_on)
                elif confirmed and not is_closed:
                    lines.append((item_code, confirmed))
            else:
                missed(item_code, packs, lapses_on)
            self._orders.append(row)
        if lines and answered_at is not None and shipped_at <= now and stage != "ship":
            self._one_receipt(head, lines, shipped_at, accepts=not stage)

    def _plant_delivery_rate(self) -> None:
        """One distributor, of those that deliver little, has every fourth line out of stock for three months (R-DEL-4)."""
        world = self.world
        let_down = {
            world.relation[place.county, item_code]
            for place in world.places
            for code, item_code in self.volumes.let_down
            if place.code == code
        }
        many = Counter(
            who for who in world.relation.values() if who not in {world.show_distributor} | let_down
        )
        first = add_months(world.as_of.replace(day=1), 1 - _MONTHS_MISSING)
        if not many or world.start > first:
            return
        self._failing = min(many, key=lambda code: (many[code], code))
        world.planted.append(
            Planted(
                "delivery_rate", "violation", "", self._failing, "", f"{world.as_of:%Y-%m}",
                (("months_below", _MONTHS_MISSING),),
            )
        )  # fmt: skip

    def _fails(self, place: str, item_code: str, distributor: str, on: date) -> bool:
        """Whether the distributor has nothing of a line that it confirmed."""
        if (place, item_code) in self.volumes.let_down:
            return True
        first = add_months(self.world.as_of.replace(day=1), 1 - _MONTHS_MISSING)
        if distributor != self._failing or not first <= on <= self.world.as_of:
            return False
        self._asked_of_failing += 1
        return self._asked_of_failing % _ONE_MISSING == 0

    def _accept_late(self, order: Row, receipt_no: str, delivered_at: datetime) -> datetime | None:
        """Some places leave goods unlooked at in the judged month (R-DEL-6); when they accept them, None if in time."""
        as_of, code = self.world.as_of, str(order["institution_code"])
        due = acceptance_due_day(delivered_at, accept_days=_ACCEPT_DAYS)
        if code not in self._late or due not in Month.of(as_of) or due >= as_of:
            return None
        accepted_on = add_working_days(due, 1 + int(self._dice.random() * 5))
        days = working_days_after(due, min(accepted_on, as_of))
        self.world.planted.append(
            Planted(
                "late_acceptance", "warning", code, "", receipt_no, due.isoformat(), (("working_days", days),)
            )
        )
        return working_moment(accepted_on, self._dice, 8, 18)

    def _one_receipt(
        self, order: Row, lines: list[tuple[str, int]], shipped_at: datetime, *, accepts: bool
    ) -> None:
        """The goods of an order under way and, unless they wait for somebody, received on the next working day."""
        dice, now = self._dice, self.world.now
        hours = 2 if order["emergency"] else 3 + int(dice.random() * 27)
        delivered_at = shipped_at + timedelta(hours=hours)
        accepted_at = working_moment(
            next_working(delivered_at.astimezone(SHANGHAI).date() + timedelta(days=1)), dice, 8, 18
        )
        head: Row = {
            "receipt_no": self._numbers.next("PS", shipped_at),
            "order_no": order["order_no"],
            "invoice_no": self._numbers.invoice(),
            "shipped_at": shipped_at,
        }
        if delivered_at <= now:
            head["delivered_at"] = delivered_at
        late = self._accept_late(order, str(head["receipt_no"]), delivered_at) if accepts else None
        accepted_at = late or accepted_at
        accepted = accepts and accepted_at <= now
        if accepted:
            head["accepted_at"] = accepted_at
        accepted_on = day_in_china(accepted_at)
        code, distributor = str(order["institution_code"]), str(order["distributor_code"])
        first_of_month = shipped_at.date().replace(day=1)
        owed = Decimal(0)
        for item_code, packs in lines:
            expiry = first_of_month + timedelta(days=300 + int(dice.random() * 700))
            row = head | {
                "item_code": item_code,
                "batch_no": f"{shipped_at:%y%m}{int(dice.random() * 100):02d}",
                "shipped_packs": packs,
                "expiry_date": expiry.replace(day=1) - timedelta(days=1),
            }
            if accepted:
                rejected = 1 + int(dice.random() * packs) if dice.random() < 0.006 else 0
                row["accepted_packs"], row["rejected_packs"] = packs - rejected, rejected
                if rejected:
                    row["reject_reason"] = dice.choice(["damaged", "wrong_quantity", "no_papers"])
                kept = packs - rejected
                if kept and code in self.world.scanning and item_code in self.world.traced:
                    row |= scanned(self.world, (code, item_code), kept, delivered_at, accepted_at)
                if kept and 0 <= (self.world.as_of - accepted_on).days < WINDOW_DAYS:
                    self.kept.setdefault(code, set()).add(item_code)
                size = self._pack_sizes[item_code]
                for elsewhere in self.elsewhere:
                    elsewhere.accepted(code, item_code, kept * size, on=accepted_on)
                self.volumes.accepted(code, item_code, kept, on=accepted_on)
                if rejected:
                    self.volumes.missed(
                        code, item_code, distributor, rejected, on=accepted_on, known_on=accepted_on
                    )
                # Who counts stock sends nothing back, so that its ledger never falls below its counts.
                if code not in self.world.counting:
                    kept -= self._send_scanned_back(row, order, kept, accepted_at) or self._maybe_return(
                        row, order, kept, accepted_at
                    )
                owed += line_amount(self.world.prices[item_code], kept)
                stock = self.received.setdefault((accepted_on.year, accepted_on.month), {})
                stock[code, item_code] = stock.get((code, item_code), 0) + kept * size
            self._receipts.append(row)
        if accepted:
            # Whoever accepts late does not pay later for it (R-PAY-2).
            from_day = (
                accepted_on if late is None else acceptance_due_day(delivered_at, accept_days=_ACCEPT_DAYS)
            )
            due_on = due_date(from_day, DueRule.END_OF_NEXT_MONTH)
            whose = (due_on, str(order["paying_code"]), distributor)
            self.dues.setdefault(whose, {})[str(head["receipt_no"])] = owed

    def _send_scanned_back(self, receipt_line: Row, order: Row, kept: int, accepted_at: datetime) -> int:
        """One pack of a few scanned lines goes back with its code, for somebody to sell it all the same (R-TRACE-2, T7)."""
        key = (str(order["institution_code"]), str(receipt_line["item_code"]))
        agreed = accepted_at + timedelta(days=1)
        on = day_in_china(agreed)
        if (
            not receipt_line.get("trace_codes")
            or kept < MANY_PACKS
            or agreed > self.world.now
            or Month.of(on) != Month.of(day_in_china(accepted_at))
            or (code := take_back(self.world, key, on)) is None
        ):
            return 0
        self._note_return(order, key[1], 1, "overstock", accepted_at, agreed)
        self._returns.append(
            {
                "return_no": self._numbers.next("TH", agreed),
                "receipt_no": receipt_line["receipt_no"],
                "item_code": receipt_line["item_code"],
                "batch_no": receipt_line["batch_no"],
                "packs": 1,
                "agreed_at": agreed,
                "reason": "overstock",
                "trace_codes": (code,),
            }
        )
        return 1

    def _maybe_return(self, receipt_line: Row, order: Row, kept: int, accepted_at: datetime) -> int:
        """A few lines go back in part; answers how many packs."""
        dice = self._dice
        if not kept or dice.random() >= 0.004:
            return 0
        agreed = accepted_at + timedelta(days=dice.randrange(3, 20))
        if agreed > self.world.now:
            return 0
        if Month.of(day_in_china(accepted_at)) != Month.of(day_in_china(agreed)):
            # A count at the month's end would hold what goes back after it.
            return 0
        packs, reason = dice.randrange(1, kept + 1), dice.choice(["near_expiry", "quality", "overstock"])
        self._note_return(order, str(receipt_line["item_code"]), packs, reason, accepted_at, agreed)
        self._returns.append(
            {
                "return_no": self._numbers.next("TH", agreed),
                "receipt_no": receipt_line["receipt_no"],
                "item_code": receipt_line["item_code"],
                "batch_no": receipt_line["batch_no"],
                "packs": packs,
                "agreed_at": agreed,
                "reason": reason,
            }
        )
        return packs

    def _note_return(
        self, order: Row, item_code: str, packs: int, reason: str, accepted_at: datetime, agreed: datetime
    ) -> None:
        """What goes back by the judged day does not count, and is the distributor's fault if the goods were bad."""
        agreed_on, on = day_in_china(agreed), day_in_china(accepted_at)
        if agreed_on > self.world.as_of:
            return
        code = str(order["institution_code"])
        self.volumes.accepted(code, item_code, -packs, on=on)
        if reason == "quality":
            who = str(order["distributor_code"])
            self.volumes.missed(code, item_code, who, packs, on=on, known_on=agreed_on)
