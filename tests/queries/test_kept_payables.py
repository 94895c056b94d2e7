"""What is kept of the allocation is on every day what the rule says, whatever has changed since (R-PAY-3)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import and_, delete, func, insert, select, text, true, update

from clinic_orders import jobs
from clinic_orders.actions.payables import keep_payables
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.doubles import OrderDouble
from clinic_orders.models.payables import PayableChange, PayableOpen, PayablePair
from clinic_orders.models.payments import Payment
from clinic_orders.queries.checks import Scope as Asked
from clinic_orders.queries.checks import check
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.integrity import kept
from clinic_orders.queries.payables import Book
from clinic_orders.queries.payables.kept import FEW, kept_pairs
from clinic_orders.queries.payables.laying import Which, lay_out_all
from clinic_orders.queries.payables.records import Scope
from clinic_orders.rules.doubles import DoubleDecision
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import SYSTEM
from tests.examples import examples
from tests.orders_in_work import World, make_order, make_world
from tests.queries.test_laying import CITY, FIRST, drawn_payments, drawn_receipts, moment, write

Pair = tuple[int, int]
Figures = tuple[dict[str, Decimal], int, dict[Pair, Decimal]]

few_histories = settings(
    max_examples=examples(20),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(items=1)


def shown(on: date) -> Figures:
    book = Book(CITY, on=on)
    return {row.receipt_no: row.outstanding for row in book.receipts}, book.count, book.advances


def laid_out(on: date) -> Figures:
    """The same without anything that is kept."""
    db.session.flush()
    open_: dict[str, Decimal] = {}
    count, advances = 0, {}
    which = Which(counts_once(Shipment.order_id), true())
    for pair, receipts, laid in lay_out_all(db.session.connection(), on, which):
        count += len(receipts)
        open_ |= {one.receipt_no: Decimal(one.left).scaleb(-4) for one in laid.open}
        if laid.ahead:
            advances[pair] = Decimal(laid.ahead).scaleb(-4)
    return open_, count, advances


def found_overdue(on: date, ids: list[int] | None = None) -> dict[str, Any]:
    """What the check of payments finds."""
    db.session.flush()
    found = check(Asked(on, ids), {CheckRule.PAYMENT_OVERDUE})
    assert len({one.key for one in found}) == len(found)
    return {one.key: one.figures["outstanding"] for one in found}


def laid_overdue(on: date, *which: Any) -> dict[str, Any]:
    """The same without anything that is kept, and without the check."""
    dues = {
        row.receipt_no: row.due_on for row in db.session.execute(select(Shipment.receipt_no, Shipment.due_on))
    }
    pairs = lay_out_all(
        db.session.connection(), on, Which(and_(counts_once(Shipment.order_id), *which), true())
    )
    return {
        one.receipt_no: Decimal(one.left).scaleb(-4)
        for _, _, laid in pairs
        for one in laid.open
        if dues[one.receipt_no] < on
    }


def is_all_kept(on: date) -> bool:
    return not kept_pairs(CITY, on, Scope.OWN).stale


@pytest.mark.both_databases
@few_histories
@given(
    receipts=drawn_receipts,
    payments=drawn_payments,
    days=st.lists(st.integers(-1, 90), min_size=2, max_size=4),
    asked=st.integers(-1, 90),
)
def test_what_is_kept_says_on_every_day_what_the_rule_says(
    world: World, receipts: list[Any], payments: list[Any], days: list[int], asked: int
) -> None:
    history = write(world, receipts, payments)
    for number in days:
        keep_payables(by=SYSTEM, at=moment(number))
        assert is_all_kept(FIRST + timedelta(days=number))
        for day in (number, number + 1, asked):
            on = FIRST + timedelta(days=day)
            rules = history.laid(on).items()
            assert shown(on) == (
                {number: left for _, rule in rules for number, left in rule.outstanding.items() if left},
                sum(len(rule.outstanding) for _, rule in rules),
                {pair: rule.ahead for pair, rule in rules if rule.ahead},
            )
            assert found_overdue(on) == {
                owed.receipt_no: history.laid(on)[pair].outstanding[owed.receipt_no]
                for pair, made in history.receipts.items()
                for owed, _ in made
                if owed.due_on < on and history.laid(on)[pair].outstanding.get(owed.receipt_no)
            }


def _pick(model: type[Any], place: int) -> int | None:
    found = db.session.scalars(select(model.id).order_by(model.id)).all()
    return found[place % len(found)] if found else None


def _set(model: type[Any], place: int, **values: Any) -> None:
    db.session.execute(update(model).where(model.id == _pick(model, place)).values(**values))


def _withdraw(place: int, day: int) -> None:
    _set(Payment, place, withdrawn_at=moment(day), confirmed_at=None)


def _dispute(place: int, day: int) -> None:
    _set(
        Payment,
        place,
        disputed_at=moment(day),
        dispute_reason="?",
        upheld_at=None,
        confirmed_at=None,
        rejected_at=None,
        rejection_reason="",
    )


def _reject(place: int, day: int) -> None:
    _dispute(place, day)
    _set(Payment, place, rejected_at=moment(day + 1), rejection_reason="?")


def _settle(place: int, day: int) -> None:
    _set(Payment, place, confirmed_at=moment(day), withdrawn_at=None, rejected_at=None, rejection_reason="")


def _pay_more(place: int, day: int) -> None:
    _set(Payment, place, amount=Decimal(day + 1), paid_on=FIRST + timedelta(days=day))


def _send_back(place: int, _day: int) -> None:
    _set(Payment, place, is_refund=True, shipment_id=None)


def _take_a_payment_out(place: int, _day: int) -> None:
    db.session.execute(delete(Payment).where(Payment.id == _pick(Payment, place)))


def _take_a_receipt_out(place: int, _day: int) -> None:
    found = _pick(Shipment, place)
    db.session.execute(delete(GoodsReturn).where(GoodsReturn.shipment_id == found))
    db.session.execute(update(Payment).where(Payment.shipment_id == found).values(shipment_id=None))
    db.session.execute(delete(Shipment).where(Shipment.id == found))


def _accept_again(place: int, day: int) -> None:
    due = FIRST + timedelta(days=day + 30)
    _set(Shipment, place, accepted_at=moment(day), owed=Decimal(day), due_on=due)


def _give_back(place: int, day: int) -> None:
    _set(GoodsReturn, place, agreed_at=moment(day), amount=Decimal(0))


def _swap_payers(place: int, _day: int) -> None:
    payers = sorted(
        set(db.session.scalars(select(Payment.paying_id)))
        | set(db.session.scalars(select(Shipment.paying_id)))
    )
    if payers:
        _set(Shipment, place, paying_id=payers[place % len(payers)])
        _set(Payment, place, shipment_id=None)


def _set_aside(place: int, day: int) -> None:
    order = db.session.scalar(select(Shipment.order_id).where(Shipment.id == _pick(Shipment, place)))
    pair = db.session.scalar(select(OrderDouble.id))
    if order is None:
        return
    if pair is not None:
        db.session.execute(delete(OrderDouble))
        return
    other = db.session.scalar(text("SELECT max(id) FROM purchase_order"))
    db.session.execute(
        insert(OrderDouble).values(
            order_id=order,
            other_id=other,
            found_at=moment(day),
            decision=DoubleDecision.SAME,
            set_aside_id=order,
            decided_at=moment(day),
        )
    )


CHANGES: tuple[Callable[[int, int], None], ...] = (
    _withdraw,
    _dispute,
    _reject,
    _settle,
    _pay_more,
    _send_back,
    _take_a_payment_out,
    _take_a_receipt_out,
    _accept_again,
    _give_back,
    _swap_payers,
    _set_aside,
)


@pytest.mark.both_databases
@few_histories
@given(
    receipts=drawn_receipts,
    payments=drawn_payments,
    steps=st.lists(
        st.tuples(st.sampled_from(CHANGES), st.integers(0, 12), st.integers(0, 60), st.booleans()),
        min_size=1,
        max_size=8,
    ),
    asked=st.integers(-1, 90),
)
def test_whatever_is_changed_past_the_deeds_is_seen_at_once(
    world: World, receipts: list[Any], payments: list[Any], steps: list[Any], asked: int
) -> None:
    db.session.execute(delete(OrderDouble))
    write(world, receipts, payments)
    make_order(world, (1,))
    on = FIRST + timedelta(days=asked)
    keep_payables(by=SYSTEM, at=moment(asked))
    for change, place, day, keep in steps:
        change(place, day)
        db.session.expire_all()
        assert shown(on) == laid_out(on)
        assert found_overdue(on) == laid_overdue(on)
        if keep:
            keep_payables(by=SYSTEM, at=moment(asked))
            assert is_all_kept(on)
            assert shown(on) == laid_out(on)
            assert found_overdue(on) == laid_overdue(on)
    db.session.execute(delete(OrderDouble))


@pytest.mark.both_databases
def test_only_the_pair_that_changed_is_laid_out_and_a_page_of_the_rest_asks_two_questions(
    world: World, count_sql: Any
) -> None:
    receipts = [(number % 4, 3, number, Decimal(5), 20, None, 0) for number in range(12)]
    write(world, receipts, [])
    on = FIRST + timedelta(days=9)
    assert jobs.run_now("keep-payables").changed == 4
    keep_payables(by=SYSTEM, at=moment(9))
    pairs = db.session.scalar(select(func.count()).select_from(PayablePair))
    with count_sql() as asked:
        assert len(Book(CITY, on=on).receipts) == 12
    assert asked.count == 2
    # What does not decide about money is no change.
    db.session.execute(update(Shipment).values(packs=7, accepted_by_name="王桂兰"))
    assert is_all_kept(on)
    _pay_more(0, 3)
    assert is_all_kept(on)
    db.session.execute(update(Shipment).where(Shipment.receipt_no == "PS00").values(owed=Decimal(6)))
    assert len(kept_pairs(CITY, on, Scope.OWN).stale) == 1
    with count_sql() as asked:
        assert sum(row.outstanding for row in Book(CITY, on=on).receipts) == 61
    assert asked.count == 5
    assert pairs == 4
    assert keep_payables(by=SYSTEM, at=moment(9)) == 1
    assert keep_payables(by=SYSTEM, at=moment(9)) == 0
    assert db.session.scalar(select(func.sum(PayableOpen.outstanding))) == 61


@pytest.mark.both_databases
def test_two_that_keep_at_once_and_a_payment_between_them_leave_nothing_old(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world(items=1)
        write(world, [(0, 3, number, Decimal(5), 20, None, 0) for number in range(4)], [])
        db.session.commit()
        pair = (world.clinic.id, world.distributor.id)
    failed: list[BaseException] = []

    def work(step: Callable[[int], None]) -> None:
        try:
            with committed_app.app_context():
                for number in range(6):
                    step(number)
        except BaseException as error:
            failed.append(error)

    def pay(number: int) -> None:
        with db.engine.begin() as connection:
            connection.execute(
                insert(Payment).values(
                    payment_no=f"FK{number}",
                    paying_id=pair[0],
                    distributor_id=pair[1],
                    amount=Decimal(1),
                    paid_on=FIRST,
                    entered_by="institution",
                    recorded_at=moment(0),
                )
            )

    steps = (
        lambda _: keep_payables(by=SYSTEM, at=moment(9)),
        lambda _: keep_payables(by=SYSTEM, at=moment(9)),
        pay,
    )
    threads = [threading.Thread(target=work, args=[step]) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with committed_app.app_context():
        on = FIRST + timedelta(days=9)
        assert shown(on) == laid_out(on)
        keep_payables(by=SYSTEM, at=moment(9))
        assert db.session.scalar(select(func.count()).select_from(PayableChange)) == 0
        assert shown(on) == laid_out(on)
        assert sum(shown(on)[0].values()) == 14


COLUMNS = {
    "shipment": {
        "receipt_no": "'PS-X'",
        "accepted_at": "'2026-02-01 01:00:00.000000'",
        "due_on": "'2026-12-31'",
        "owed": "owed + 100",
    },
    "goods_return": {"agreed_at": "'2026-02-01 01:00:00.000000'", "amount": "amount + 100"},
    "payment": {
        "payment_no": "'FK-X'",
        "amount": "amount + 100",
        "paid_on": "'2026-02-01'",
        "is_refund": "true, shipment_id = NULL",
        "shipment_id": "(SELECT max(id) FROM shipment)",
        "confirmed_at": "'2026-02-01 01:00:00.000000'",
        "disputed_at": "'2026-02-01 01:00:00.000000', dispute_reason = '?'",
        "rejected_at": "'2026-02-01 01:00:00.000000', rejection_reason = '?'",
        "upheld_at": "'2026-02-01 01:00:00.000000'",
        "withdrawn_at": "'2026-02-01 01:00:00.000000'",
    },
}


@pytest.mark.both_databases
def test_each_column_that_decides_about_money_notes_its_pair_and_so_does_a_row_that_comes_or_goes(
    world: World,
) -> None:
    write(world, [(0, 3, 0, Decimal(5), 20, 1, 50)], [(0, 4, Decimal(2), None, None, None, None, None)])
    noted = {(world.clinic.id, world.distributor.id)}
    keep_payables(by=SYSTEM, at=moment(9))
    for table, columns in COLUMNS.items():
        for column, value in columns.items():
            nested = db.session.begin_nested()
            if column in {"rejected_at", "upheld_at"}:
                # Only a disputed one is decided about; that alone is another change.
                disputed = COLUMNS["payment"]["disputed_at"]
                db.session.execute(text(f"UPDATE payment SET disputed_at = {disputed}"))
                db.session.execute(delete(PayableChange))
            db.session.execute(text(f"UPDATE {table} SET {column} = {value}"))
            assert kept_pairs(CITY, FIRST + timedelta(days=9), Scope.OWN).stale == noted, column
            nested.rollback()
            assert is_all_kept(FIRST + timedelta(days=9))
    for table in ("payment", "goods_return", "shipment"):
        db.session.execute(text(f"DELETE FROM {table}"))
        assert kept_pairs(CITY, FIRST + timedelta(days=9), Scope.OWN).stale == noted, table
        keep_payables(by=SYSTEM, at=moment(9))
    assert shown(FIRST + timedelta(days=9)) == ({}, 0, {})


@pytest.mark.both_databases
def test_money_that_is_kept_wrongly_is_named_by_the_check_of_the_records(world: World) -> None:
    write(world, [(0, 3, 0, Decimal(5), 20, 1, 50)], [(0, 4, Decimal(2), None, None, None, None, None)])
    on = FIRST + timedelta(days=9)
    keep_payables(by=SYSTEM, at=moment(9))
    assert list(kept.problems(on)) == []
    db.session.execute(update(PayableOpen).values(outstanding=Decimal("0.01")))
    (problem,) = kept.problems(on)
    assert problem.facts["kept"] == Decimal("0.01")
    assert problem.facts["laid"] == Decimal("0.5")
    db.session.execute(update(PayablePair).values(paying_id=PayablePair.paying_id + 1000))
    assert len(list(kept.problems(on))) == 1


def test_where_more_has_changed_than_a_page_may_wait_for_all_of_it_is_laid_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(world, [(number % 4, 3, number, Decimal(5), 20, None, 0) for number in range(12)], [])
    on = FIRST + timedelta(days=9)
    monkeypatch.setattr("clinic_orders.queries.payables.book.FEW", 1)
    assert FEW > 1
    assert shown(on) == laid_out(on)
    assert sum(shown(on)[0].values()) == 60


@pytest.mark.both_databases
def test_the_check_of_payments_reads_what_is_open_and_lays_out_only_whose_money_has_changed(
    world: World, count_sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = [(number % 4, 3, number, Decimal(5), number, None, 0) for number in range(12)]
    write(world, receipts, [])
    on = FIRST + timedelta(days=9)
    keep_payables(by=SYSTEM, at=moment(9))
    everything = laid_overdue(on)
    assert 0 < len(everything) < 12
    with count_sql() as asked:
        assert found_overdue(on) == everything
    kept_only = asked.count
    only = [world.clinic.id]
    mine = laid_overdue(on, Shipment.paying_id == world.clinic.id)
    assert 0 < len(mine) < len(everything)
    assert found_overdue(on, only) == mine
    _pay_more(0, 3)
    db.session.execute(update(Shipment).where(Shipment.receipt_no == "PS00").values(owed=Decimal(6)))
    with count_sql() as asked:
        assert found_overdue(on) == everything | {"PS00": Decimal(6)}
    assert asked.count == kept_only + 4
    assert found_overdue(on, only) == mine | {"PS00": Decimal(6)}
    # Where too many have changed, and on days on which nothing is kept, all of it is laid out.
    assert found_overdue(on - timedelta(days=1)) == laid_overdue(on - timedelta(days=1))
    monkeypatch.setattr("clinic_orders.queries.payables.overdue.FEW", 0)
    assert found_overdue(on) == everything | {"PS00": Decimal(6)}
    assert found_overdue(on, only) == mine | {"PS00": Decimal(6)}


@pytest.mark.both_databases
def test_sums_that_cover_what_is_due_say_nothing_where_the_money_lies_elsewhere(world: World) -> None:
    five = Decimal(5)
    # By pair, acceptance and due day: the first of each pair is what is due.
    receipts = [
        (place, accepted, 0, five, due - accepted, None, 0)
        for place, accepted, due in (
            (0, 3, 5), (0, 6, 60),
            (1, 3, 5),
            (2, 10, 12), (2, 3, 60),
            (3, 3, 5), (3, 6, 60),
        )
    ]  # fmt: skip
    payments = [
        (place, day, five, named, None, None, None, None)
        for place, day, named in (
            # It names the receipt that is not due.
            (0, 8, 1),
            # An advance was sent back before anything was due.
            (1, 1, None), (1, 2, 14),
            # What falls due later was accepted, and paid, first.
            (2, 5, None),
            # All is as usual.
            (3, 8, None),
        )
    ]  # fmt: skip
    write(world, receipts, payments)
    on = FIRST + timedelta(days=20)
    assert laid_overdue(on) == dict.fromkeys(("PS00", "PS01", "PS08"), five)
    assert found_overdue(on) == laid_overdue(on)
