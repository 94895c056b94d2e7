"""What the demonstration's institutions pay, and who stays in arrears."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from clinic_orders.exchange.demonstration.trade import Dues
from clinic_orders.exchange.demonstration.world import Demonstration, File, Planted, Row, dice_for

# Of a hundred pairs of payer and distributor so many stop paying in one of the last months.
_STOPS = 0.03
_LATE = 0.08
# Late payers pay before they pay what falls due next, so that no payment runs past its own receipts.
_MOST_DAYS_LATE = 20
_MOST_DAYS_EARLY = 8


def payments(world: Demonstration, dues: Dues) -> Iterator[File]:
    """Institutions pay what falls due in a month to each distributor: most in time, some late, a few not at all.

    Each payment is what its month's receipts owe, and comes before the next month's, so by R-PAY-3 it reaches
    exactly them. What is unpaid on the judged day is planted as ``payment_overdue``.
    """
    dice = dice_for(world.seed, "payments")
    months = sorted({due_on for due_on, _, _ in dues})
    stops: dict[tuple[str, str], date] = {}
    for pair in sorted({(paying, distributor) for _, paying, distributor in dues}):
        # Where the history is short, nobody has stopped before its first month.
        back = dice.randrange(1, 6)
        if dice.random() < _STOPS:
            stops[pair] = max(
                (day for day in months if day <= _month_end(world.as_of, back)), default=months[0]
            )
    for due_on, group in groupby(sorted(dues.items()), key=lambda entry: entry[0][0]):
        rows: list[Row] = []
        for (_, paying, distributor), receipts in group:
            is_late = dice.random() < _LATE
            days = (
                dice.randrange(1, _MOST_DAYS_LATE + 1)
                if is_late
                else -dice.randrange(0, _MOST_DAYS_EARLY + 1)
            )
            paid_on: date | None = due_on + timedelta(days=days)
            if (paying, distributor) in stops and due_on >= stops[paying, distributor]:
                paid_on = None
            amount = sum(receipts.values(), Decimal(0))
            method = dice.choice(("transfer", "transfer", "transfer", "alipay"))
            reference = dice.randrange(10**8)
            if due_on < world.as_of and (paid_on is None or paid_on > world.as_of):
                _plant_overdue(world, paying, distributor, due_on, receipts)
            if paid_on is None or paid_on > world.today or not amount:
                continue
            rows.append(
                {
                    "institution_code": paying,
                    "distributor_code": distributor,
                    "payment_no": f"FK{due_on:%Y%m}-{paying}",
                    "amount": amount,
                    "paid_on": paid_on,
                    "method": method,
                    "reference": f"{paid_on:%Y%m%d}{reference:08d}",
                }
            )
        if rows:
            yield File("payments", f"{due_on:%Y-%m}", rows)


def _month_end(day: date, back: int) -> date:
    """The last day of the month so many months before a day's month."""
    first = day.replace(day=1)
    for _ in range(back - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    return first - timedelta(days=1)


def _plant_overdue(
    world: Demonstration, paying: str, distributor: str, due_on: date, receipts: dict[str, Decimal]
) -> None:
    grade = "warning" if (world.as_of - due_on).days <= 30 else "violation"
    world.planted += [
        Planted("payment_overdue", grade, paying, distributor, receipt_no, due_on.isoformat())
        for receipt_no, owed in receipts.items()
        if owed
    ]
