"""One order's life at random over the real actions: whatever happens, R-ORD-5 holds and every sum has its rows."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from clinic_orders.actions.answering import Answer, answer_order, close_short
from clinic_orders.actions.receiving import LineAcceptance, accept_shipment
from clinic_orders.actions.returns import ReturnedPacks, agree_return, refuse_return, request_return
from clinic_orders.actions.shipping import ShipLine, ship, void_shipment
from clinic_orders.actions.withdrawing import disown_order, withdraw_order
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment, ShipmentLine
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.ordering import LineQuantities, check_quantities, is_open
from clinic_orders.rules.parties import Actor, Role
from tests import factories as make

# How much of what is possible: mostly some or all of it, now and then nothing or too much.
PARTS = st.sampled_from(["one", "half", "all", "all", "half", "none", "too many", "negative"])
DEEDS = (
    ["ship"] * 5
    + ["receive"] * 5
    + ["ask back"] * 3
    + ["decide return"] * 3
    + ["answer", "answer in full", "withdraw", "close", "void", "wait", "say not mine"]
)
LINES = st.integers(min_value=1, max_value=3)
ORDERED = (4, 7, 12)
_codes = itertools.count(1)


def some(part: str, limit: int) -> int:
    """Packs out of a limit."""
    return {
        "one": min(1, limit),
        "half": limit // 2,
        "all": limit,
        "none": 0,
        "too many": limit + 1,
        "negative": -1,
    }[part]


class Life(RuleBasedStateMachine):
    """The buyer, its hospital and the distributor do whatever comes to their minds, right or wrong."""

    world: make.World

    @initialize(answered=st.sampled_from([False, True, True]))
    def order(self, answered: bool) -> None:
        code = next(_codes)
        clinic = make.make_institution(f"L{code:05d}", f"随机村卫生室{code}", supervisor=self.world.hospital)
        db.session.commit()
        make.give_mandate(self.world, clinic)
        self.clinic = Actor("村医", Role.INSTITUTION, institution_id=clinic.id, org_name="村卫生室")
        self.hospital = self.world.actor(self.world.hospital)
        self.seller = self.world.seller
        self.at: datetime = make.NOW
        self.order_no = make.make_order(
            self.world, ORDERED, institution=clinic, by=self.world.hospital, at=self.at
        )
        self.lines = {number: LineQuantities(ordered=packs) for number, packs in enumerate(ORDERED, start=1)}
        self.batches: dict[int, tuple[int, int]] = {}
        self.returns: dict[str, tuple[int, int]] = {}
        if answered:
            self.answer_in_full()

    @rule(
        deed=st.sampled_from(DEEDS),
        number=LINES,
        part=PARTS,
        parts=st.tuples(PARTS, PARTS, PARTS),
        which=st.integers(min_value=0, max_value=5),
        slip=st.sampled_from([0, 0, 0, 1]),
        agree=st.booleans(),
    )
    def something_happens(
        self,
        deed: str,
        number: int,
        part: str,
        parts: tuple[str, str, str],
        which: int,
        slip: int,
        agree: bool,
    ) -> None:
        """One deed; a single rule, so that every life has all of them in the proportions of DEEDS."""
        if deed == "wait":
            self.at += timedelta(hours=5 * (which + 1))
        elif deed == "answer":
            self.answer(parts)
        elif deed == "answer in full":
            self.answer_in_full()
        elif deed == "withdraw":
            self.withdraw(number, part)
        elif deed == "say not mine":
            self.say_not_mine()
        elif deed == "close":
            self.close(number, part if which < 2 else "one")
        elif deed == "ship":
            self.send_goods(number, part)
        elif deed == "void":
            self.void(which)
        elif deed == "receive":
            self.receive(which, part, slip)
        elif deed == "ask back":
            self.ask_back(which, part)
        elif self.returns:
            self.decide_return(which, agree)

    # What they try ------------------------------------------------------------------------------------------

    def tried(self, deed: Any, *args: Any, by: Actor, **more: Any) -> Any:
        """The deed's answer, or None where it was refused; a refused deed leaves everything as it was."""
        self.at += timedelta(minutes=7)
        try:
            return deed(*args, by=by, at=self.at, **more)
        except RuleBroken:
            db.session.rollback()
            return None

    def changed(self, number: int, **plus: int) -> None:
        line = self.lines[number]
        self.lines[number] = replace(
            line, **{name: (getattr(line, name) or 0) + packs for name, packs in plus.items()}
        )

    def answer(self, parts: tuple[str, str, str]) -> None:
        confirmed = [
            some(part, line.to_answer) for part, line in zip(parts, self.lines.values(), strict=True)
        ]
        said = {n: Answer(packs, "stock_out") for n, packs in enumerate(confirmed, start=1)}
        if self.tried(answer_order, self.order_no, said, by=self.seller) is not None:
            for number, packs in enumerate(confirmed, start=1):
                self.lines[number] = replace(self.lines[number], confirmed=packs)

    def answer_in_full(self) -> None:
        said = {number: Answer(line.to_answer) for number, line in self.lines.items()}
        if self.tried(answer_order, self.order_no, said, by=self.seller) is not None:
            for number, line in self.lines.items():
                self.lines[number] = replace(line, confirmed=line.to_answer)

    def withdraw(self, number: int, part: str) -> None:
        line = self.lines[number]
        answered = line.is_answered
        packs = some(part, line.to_ship if answered else line.to_answer)
        if self.tried(withdraw_order, self.order_no, {number: packs}, by=self.hospital) is not None:
            self.changed(number, **{"withdrawn_after" if answered else "withdrawn_before": packs})

    def say_not_mine(self) -> None:
        self.tried(disown_order, self.order_no, by=self.clinic)
        if db.session.scalar(select(Order.disowned_at).where(Order.order_no == self.order_no)) is not None:
            for number, line in self.lines.items():
                self.lines[number] = replace(line, withdrawn_before=line.ordered)

    def close(self, number: int, part: str) -> None:
        packs = some(part, self.lines[number].to_ship)
        if self.tried(close_short, self.order_no, {number: packs}, "stock_out", by=self.seller) is not None:
            self.changed(number, closed=packs)

    def send_goods(self, number: int, part: str) -> None:
        packs = some(part, self.lines[number].to_ship)
        line = ShipLine(number, f"B{next(_codes)}", date(2029, 1, 1), packs)
        if self.tried(ship, self.order_no, [line], by=self.seller) is not None:
            self.changed(number, shipped=packs)
            found = db.session.scalar(select(func.max(ShipmentLine.id)))
            assert found is not None
            self.batches[found] = (number, packs)

    def _some(self, which: int, accepted: bool) -> tuple[str, int, int, int] | None:
        """A batch of this order under way or received: receipt number, row id, line number, packs."""
        rows = db.session.execute(
            select(Shipment.receipt_no, ShipmentLine.id)
            .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
            .join(Order, Order.id == Shipment.order_id)
            .where(
                Order.order_no == self.order_no,
                Shipment.accepted_at.is_not(None) if accepted else Shipment.accepted_at.is_(None),
            )
            .order_by(ShipmentLine.id)
        ).all()
        if not rows:
            return None
        row = rows[which % len(rows)]
        return (row.receipt_no, row.id, *self.batches[row.id])

    def void(self, which: int) -> None:
        found = self._some(which, accepted=False)
        if found and self.tried(void_shipment, found[0], "写错了", by=self.seller) is not None:
            self.changed(found[2], shipped=-found[3])

    def receive(self, which: int, part: str, slip: int) -> None:
        found = self._some(which, accepted=False)
        if found is None:
            return
        receipt_no, row, number, packs = found
        rejected = packs - some(part, packs)
        said = LineAcceptance(packs - rejected + slip, rejected, "damaged" if rejected else "")
        if self.tried(accept_shipment, receipt_no, {row: said}, by=self.clinic) is not None:
            self.changed(number, accepted=packs - rejected, rejected=rejected)

    def ask_back(self, which: int, part: str) -> None:
        found = self._some(which, accepted=True)
        if found is None:
            return
        packs = some(part, found[3])
        asked = self.tried(
            request_return, found[0], {found[1]: ReturnedPacks(packs, "overstock")}, by=self.clinic
        )
        if asked is not None:
            self.returns[asked.return_no] = (found[2], packs)

    def decide_return(self, which: int, agree: bool) -> None:
        return_no = list(self.returns)[which % len(self.returns)]
        if agree:
            if self.tried(agree_return, return_no, by=self.seller) is not None:
                number, packs = self.returns[return_no]
                self.changed(number, returned=packs)
        else:
            self.tried(refuse_return, return_no, "不收", by=self.seller)

    # What always holds ------------------------------------------------------------------------------------------

    @invariant()
    def quantities_are_those_of_the_events_and_keep_their_bounds(self) -> None:
        db.session.expire_all()
        rows = db.session.scalars(
            select(OrderLine).join(Order).where(Order.order_no == self.order_no).order_by(OrderLine.line_no)
        ).all()
        assert [row.quantities for row in rows] == list(self.lines.values())
        for row in rows:
            check_quantities(row.quantities)

    @invariant()
    def what_is_over_stays_over(self) -> None:
        lines = list(self.lines.values())
        if not is_open(lines, lapsed=True) and all(line.is_answered for line in lines):
            assert all(line.to_ship == 0 and line.under_way == 0 for line in lines)

    @invariant()
    def every_withdrawal_has_its_event(self) -> None:
        noted = db.session.scalar(
            select(func.coalesce(func.sum(OrderEvent.packs), 0))
            .join(Order)
            .where(
                Order.order_no == self.order_no,
                OrderEvent.kind.in_([EventKind.WITHDRAWN_BEFORE, EventKind.WITHDRAWN_AFTER]),
            )
        )
        assert noted == sum(line.withdrawn for line in self.lines.values())

    def teardown(self) -> None:
        assert problems() == []
        assert not db.session.scalars(
            select(GoodsReturn).where(GoodsReturn.agreed_at.is_not(None), GoodsReturn.amount.is_(None))
        ).all()


@pytest.mark.usefixtures("app")
def test_quantities_hold_under_random_lives_of_an_order() -> None:
    Life.world = make.make_world()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )
