from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules.allocation import (
    Allocation,
    PaymentMade,
    ReceiptOwed,
    allocate,
    paid_in_time,
)
from clinic_orders.rules.payments import (
    AlreadySettled,
    AmountNotPositive,
    NotOwnEntry,
    OwnEntry,
    PaidInFuture,
    PaymentFacts,
    PaymentSide,
    check_answer,
    check_entry,
    check_withdrawal,
    counts_on,
)

FIRST = date(2026, 1, 1)
END = date(2027, 1, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def receipt(number: str, accepted: int, owed: str, *, due: int | None = None, minute: int = 0) -> ReceiptOwed:
    on = day(accepted)
    at = datetime(on.year, on.month, on.day, 2, minute, tzinfo=UTC)
    return ReceiptOwed(number, at, on, day(accepted + 30 if due is None else due), Decimal(owed))


def paid(number: str, on: int, amount: str, named: str = "") -> PaymentMade:
    return PaymentMade(number, day(on), Decimal(amount), named)


def back(number: str, on: int, amount: str) -> PaymentMade:
    return PaymentMade(number, day(on), Decimal(amount), refund=True)


def told(result: Allocation) -> list[tuple[str, str, str, int]]:
    return [
        (part.payment_no, part.receipt_no, str(part.amount), (part.on - FIRST).days) for part in result.parts
    ]


def test_unnamed_money_goes_to_the_oldest_due_date_then_the_smaller_number() -> None:
    receipts = [
        receipt("C", 0, "10", due=40),
        receipt("B", 1, "10", due=50),
        receipt("A", 2, "10", due=50),
    ]
    result = allocate(receipts, [paid("P1", 3, "25")], on=END)
    assert told(result) == [("P1", "C", "10", 3), ("P1", "A", "10", 3), ("P1", "B", "5", 3)]
    assert [result.outstanding[number] for number in "ABC"] == [0, 5, 0]


def test_named_money_goes_to_its_receipt_first_up_to_what_it_owes_then_to_the_oldest() -> None:
    result = allocate([receipt("A", 0, "10"), receipt("B", 1, "10")], [paid("P1", 2, "15", "B")], on=END)
    assert told(result) == [("P1", "B", "10", 2), ("P1", "A", "5", 2)]


def test_what_is_left_waits_and_goes_to_the_next_receipts_in_order_of_acceptance() -> None:
    receipts = [
        receipt("A", 0, "10"),
        receipt("B", 5, "10", due=90, minute=1),
        receipt("C", 5, "10", due=10, minute=2),
    ]
    result = allocate(receipts, [paid("P1", 1, "25")], on=END)
    # B was accepted before C, though C falls due earlier.
    assert told(result) == [("P1", "A", "10", 1), ("P1", "B", "10", 5), ("P1", "C", "5", 5)]
    assert allocate(receipts, [paid("P1", 1, "25")], on=day(4)).advance == 15


def test_acceptances_of_one_instant_take_the_advance_by_their_numbers() -> None:
    result = allocate([receipt("B", 5, "10"), receipt("A", 5, "10")], [paid("P1", 1, "12")], on=END)
    assert told(result) == [("P1", "A", "10", 5), ("P1", "B", "2", 5)]


def test_the_days_acceptances_come_before_its_payments() -> None:
    result = allocate([receipt("A", 3, "10", minute=59)], [paid("P1", 3, "10")], on=END)
    assert told(result) == [("P1", "A", "10", 3)]


def test_a_payment_waits_whole_for_the_receipt_it_names_though_others_are_open() -> None:
    receipts = [receipt("A", 0, "10"), receipt("B", 9, "10")]
    before = allocate(receipts, [paid("P1", 1, "15", "B")], on=day(8))
    assert (told(before), before.outstanding, before.advance) == ([], {"A": Decimal(10)}, Decimal(15))
    assert before.waiting == [("P1", "B", Decimal(15))]
    after = allocate(receipts, [paid("P1", 1, "15", "B")], on=day(9))
    # What it leaves over is an unnamed payment of the day of acceptance, and so reaches A on that day.
    assert told(after) == [("P1", "B", "10", 9), ("P1", "A", "5", 9)]


def test_what_a_waiting_payment_leaves_over_comes_after_the_days_acceptances_and_before_its_payments() -> (
    None
):
    receipts = [
        receipt("A", 9, "10", minute=1),
        receipt("B", 9, "10", due=20, minute=2),
        receipt("C", 9, "6", due=15, minute=3),
    ]
    payments = [paid("P1", 1, "15", "A"), paid("P0", 9, "10")]
    result = allocate(receipts, payments, on=END)
    assert told(result) == [
        ("P1", "A", "10", 9),
        ("P1", "C", "5", 9),
        ("P0", "C", "1", 9),
        ("P0", "B", "9", 9),
    ]


def test_a_receipt_takes_the_money_that_names_it_before_an_advance() -> None:
    payments = [paid("P1", 1, "10"), paid("P2", 2, "10", "A")]
    result = allocate([receipt("A", 9, "10")], payments, on=END)
    assert told(result) == [("P2", "A", "10", 9)]
    assert result.advances == [("P1", Decimal(10))]


def test_payments_of_one_day_go_in_the_order_of_their_numbers_and_partly() -> None:
    payments = [paid("P2", 1, "4"), paid("P1", 1, "3"), paid("P3", 2, "9")]
    result = allocate([receipt("A", 0, "10.50")], payments, on=END)
    assert told(result) == [("P1", "A", "3", 1), ("P2", "A", "4", 1), ("P3", "A", "3.50", 2)]
    assert result.advance == Decimal("5.50")


def test_a_return_after_payment_frees_money_that_goes_on_to_other_receipts() -> None:
    payments = [paid("P1", 1, "10")]
    kept = allocate([receipt("A", 0, "10"), receipt("B", 0, "8", due=60)], payments, on=END)
    assert [kept.outstanding[number] for number in "AB"] == [0, 8]
    back = allocate([receipt("A", 0, "0"), receipt("B", 0, "8", due=60)], payments, on=END)
    assert told(back) == [("P1", "B", "8", 1)]
    assert back.outstanding["B"] == 0
    assert back.advance == 2


def test_what_lies_after_the_day_is_not_seen() -> None:
    result = allocate([receipt("A", 5, "10")], [paid("P1", 6, "10")], on=day(5))
    assert not result.parts
    assert result.outstanding["A"] == 10
    assert result.advance == 0


def test_in_time_is_what_reached_the_receipt_by_its_due_date() -> None:
    owing = receipt("A", 0, "10", due=5)
    payments = [paid("P1", 5, "4"), paid("P2", 6, "6")]
    assert paid_in_time(owing, allocate([owing], payments, on=END).parts) == 4


def returned(result: Allocation) -> list[tuple[str, str, str, int]]:
    return [
        (one.refund_no, one.payment_no, str(one.amount), (one.on - FIRST).days) for one in result.sent_back
    ]


def test_a_refund_takes_the_oldest_unnamed_money_first_then_what_waits_for_a_receipt() -> None:
    payments = [paid("P1", 1, "10", "Z"), paid("P2", 2, "10"), paid("P3", 3, "10"), back("T1", 4, "25")]
    result = allocate([], payments, on=END)
    assert returned(result) == [("T1", "P2", "10", 4), ("T1", "P3", "10", 4), ("T1", "P1", "5", 4)]
    assert (result.advances, result.waiting) == ([], [("P1", "Z", Decimal(5))])
    assert (result.ahead, result.uncovered) == (5, [])


def test_a_days_refunds_come_after_its_payments_and_what_they_took_pays_nothing_more() -> None:
    payments = [back("A1", 3, "4"), paid("P1", 3, "10")]
    result = allocate([receipt("R", 3, "5"), receipt("S", 9, "5")], payments, on=END)
    assert told(result) == [("P1", "R", "5", 3), ("P1", "S", "1", 9)]
    assert returned(result) == [("A1", "P1", "4", 3)]
    assert result.outstanding["S"] == 4


def test_what_a_refund_does_not_find_is_filled_by_what_comes_free_later() -> None:
    payments = [back("T1", 1, "10"), paid("P1", 5, "12")]
    before = allocate([receipt("R", 2, "3")], payments, on=day(4))
    assert (before.uncovered, before.ahead) == ([("T1", Decimal(10))], Decimal(-10))
    after = allocate([receipt("R", 2, "3")], payments, on=END)
    # Receipts first; then what the refund lacked, and nothing of it waits.
    assert told(after) == [("P1", "R", "3", 5)]
    assert returned(after) == [("T1", "P1", "9", 5)]
    assert (after.uncovered, after.advance, after.ahead) == ([("T1", Decimal(1))], 0, -1)


# A plain restatement of R-PAY-3, cent by cent and without any of the program's shortcuts.


def restated(receipts: list[ReceiptOwed], payments: list[PaymentMade], on: date) -> dict[str, Decimal]:
    """What each accepted receipt still owes: walks through every day and re-sorts everything each time."""
    owes = {one.receipt_no: one.owed for one in receipts if one.accepted_on <= on}
    open_: dict[str, ReceiptOwed] = {}
    advance: list[Decimal] = []
    reserved: dict[str, list[tuple[date, str, Decimal]]] = defaultdict(list)
    lacking = Decimal(0)

    def put_by(money: Decimal) -> None:
        nonlocal lacking
        filled = min(money, lacking)
        lacking -= filled
        advance.append(money - filled)

    def give(money: Decimal, numbers: list[str]) -> Decimal:
        for number in numbers:
            part = min(money, owes[number])
            owes[number] -= part
            money -= part
        return money

    def by_age() -> list[str]:
        return [
            one.receipt_no for one in sorted(open_.values(), key=lambda one: (one.due_on, one.receipt_no))
        ]

    today = FIRST
    while today <= on:
        leftovers = []
        for one in sorted(receipts, key=lambda one: (one.accepted_at, one.receipt_no)):
            if one.accepted_on != today:
                continue
            open_[one.receipt_no] = one
            for dated, number, money in sorted(reserved.pop(one.receipt_no, [])):
                leftovers.append((dated, number, give(money, [one.receipt_no])))
            advance = [give(money, [one.receipt_no]) for money in advance]
        for _, _, money in sorted(leftovers):
            put_by(give(money, by_age()))
        for payment in sorted(payments, key=lambda one: one.payment_no):
            if payment.paid_on != today or payment.refund:
                continue
            if payment.receipt_no and payment.receipt_no not in open_:
                entry = (today, payment.payment_no, payment.amount)
                reserved[payment.receipt_no].append(entry)
                continue
            rest = give(payment.amount, [payment.receipt_no] if payment.receipt_no else [])
            put_by(give(rest, by_age()))
        for payment in sorted(payments, key=lambda one: one.payment_no):
            if payment.paid_on != today or not payment.refund:
                continue
            wanted = payment.amount
            for place, money in enumerate(advance):
                taken = min(wanted, money)
                advance[place] -= taken
                wanted -= taken
            for dated, number, name in sorted(
                (dated, number, name) for name, some in reserved.items() for dated, number, _ in some
            ):
                place = next(n for n, one in enumerate(reserved[name]) if one[:2] == (dated, number))
                money = reserved[name][place][2]
                taken = min(wanted, money)
                reserved[name][place] = (dated, number, money - taken)
                wanted -= taken
            lacking += wanted
        today += timedelta(days=1)
    return owes


cents = st.integers(0, 400).map(lambda value: Decimal(value).scaleb(-2))
drawn_receipts = st.lists(
    st.tuples(st.integers(0, 12), cents, st.integers(0, 15), st.integers(0, 3)), max_size=7
)
drawn_payments = st.lists(
    st.tuples(st.integers(0, 14), cents.filter(bool), st.none() | st.integers(0, 8)), max_size=7
)
drawn_refunds = st.lists(st.tuples(st.integers(0, 14), cents.filter(bool)), max_size=4)


@given(drawn_receipts, drawn_payments, drawn_refunds, st.integers(-1, 16))
def test_the_pass_agrees_with_a_plain_restatement_and_loses_no_cent(
    owing: list[tuple[int, Decimal, int, int]],
    money: list[tuple[int, Decimal, int | None]],
    sent_back: list[tuple[int, Decimal]],
    asked: int,
) -> None:
    receipts = [
        receipt(f"R{place}", accepted, str(owed), due=accepted + terms, minute=minute)
        for place, (accepted, owed, terms, minute) in enumerate(owing)
    ]
    payments = [
        paid(f"P{place}", on, str(amount), "" if named is None else f"R{named}")
        for place, (on, amount, named) in enumerate(money)
    ]
    refunds = [back(f"T{place}", on, str(amount)) for place, (on, amount) in enumerate(sent_back)]
    payments += refunds
    on = day(asked)
    result = allocate(receipts, payments, on=on)
    assert result.outstanding == restated(receipts, payments, on)
    spent_in_all = sum(part.amount for part in result.parts)
    dated = [payment for payment in payments if payment.paid_on <= on]
    refunded = sum(one.amount for one in result.sent_back)
    lacking = sum(amount for _, amount in result.uncovered)
    assert sum(one.amount for one in dated if not one.refund) == spent_in_all + result.advance + refunded
    assert sum(one.amount for one in dated if one.refund) == refunded + lacking
    assert result.ahead == result.advance - lacking
    by_number = {one.receipt_no: one for one in receipts}
    made = {one.payment_no: one for one in payments}
    for one in receipts:
        if one.accepted_on <= on:
            reached = sum(part.amount for part in result.parts if part.receipt_no == one.receipt_no)
            assert 0 <= reached <= one.owed
            assert result.outstanding[one.receipt_no] == one.owed - reached
    for part in result.parts:
        assert part.amount > 0
        assert part.on == max(part.on, by_number[part.receipt_no].accepted_on, made[part.payment_no].paid_on)
    for payment in payments:
        spent = sum(part.amount for part in result.parts if part.payment_no == payment.payment_no)
        spent += sum(one.amount for one in result.sent_back if one.payment_no == payment.payment_no)
        assert spent <= payment.amount
    # Asked twice, and with the rows in another order, it answers the same.
    assert allocate(receipts[::-1], payments[::-1], on=on) == result


MONDAY = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        (PaymentFacts(), (1, 2, 9, 10, 20)),
        (PaymentFacts(confirmed_at=MONDAY), (1, 2, 9, 10, 20)),
        (PaymentFacts(disputed_at=MONDAY), (1, 2, 9)),
        (PaymentFacts(disputed_at=MONDAY, upheld_at=MONDAY + timedelta(days=18)), (1, 2, 9, 20)),
        (PaymentFacts(disputed_at=MONDAY, upheld_at=MONDAY + timedelta(days=1)), (1, 2, 9, 10, 20)),
        (PaymentFacts(disputed_at=MONDAY, rejected_at=MONDAY + timedelta(days=1)), (1, 2)),
        (PaymentFacts(disputed_at=MONDAY, confirmed_at=MONDAY + timedelta(days=8)), (1, 2, 9, 10, 20)),
        (PaymentFacts(withdrawn_at=MONDAY + timedelta(days=7)), (1, 2)),
    ],
)
def test_a_payment_counts_from_entry_until_a_dispute_has_stood_for_five_working_days(
    facts: PaymentFacts, counted: tuple[int, ...]
) -> None:
    asked = (1, 2, 9, 10, 20)
    assert tuple(number for number in asked if counts_on(facts, date(2026, 11, number))) == counted


def test_an_entry_is_above_nothing_and_not_dated_ahead() -> None:
    check_entry(Decimal("0.01"), FIRST, today=FIRST)
    with pytest.raises(AmountNotPositive):
        check_entry(Decimal("0.00"), FIRST, today=FIRST)
    with pytest.raises(PaidInFuture):
        check_entry(Decimal(1), day(1), today=FIRST)


def test_the_other_side_answers_and_only_the_own_entry_is_taken_back() -> None:
    mine, other = PaymentSide.INSTITUTION, PaymentSide.DISTRIBUTOR
    check_answer(PaymentFacts(), entered_by=mine, side=other, payment_no="P")
    check_withdrawal(PaymentFacts(disputed_at=MONDAY), entered_by=mine, side=mine, payment_no="P")
    with pytest.raises(OwnEntry):
        check_answer(PaymentFacts(), entered_by=mine, side=mine, payment_no="P")
    with pytest.raises(NotOwnEntry):
        check_withdrawal(PaymentFacts(), entered_by=mine, side=other, payment_no="P")
    for settled in (PaymentFacts(confirmed_at=MONDAY), PaymentFacts(withdrawn_at=MONDAY)):
        with pytest.raises(AlreadySettled):
            check_answer(settled, entered_by=mine, side=other, payment_no="P")
        with pytest.raises(AlreadySettled):
            check_withdrawal(settled, entered_by=mine, side=mine, payment_no="P")
