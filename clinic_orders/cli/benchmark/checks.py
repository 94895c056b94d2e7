"""Each check of a whole month against the leanest single SQL over the same rows, and a night against a full run."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from flask import Flask
from sqlalchemy import text, update

from clinic_orders import clock
from clinic_orders.actions.payables import keep_payables
from clinic_orders.actions.price_marks import keep_price_mark
from clinic_orders.actions.stock_balances import carry_stock
from clinic_orders.actions.transaction import transaction
from clinic_orders.cli.benchmark.floors import FLOORS, PAYMENTS_ADDED_UP, PAYMENTS_IN_ORDER, Floor
from clinic_orders.cli.benchmark.measuring import (
    PROCESSOR,
    Comparison,
    Rounds,
    Seconds,
    Spread,
    timed_with_server,
    work_alone,
)
from clinic_orders.cli.benchmark.supervised import Stage, tidy_up
from clinic_orders.models.base import db
from clinic_orders.models.price_marks import PriceMark
from clinic_orders.queries.checks import CHECKS, Scope, check
from clinic_orders.queries.checks.price_night import RULES, tonight
from clinic_orders.rules.days import Month, end_of_day, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.parties import SYSTEM

LAID_OUT: Final = "payment_overdue where nothing is kept"
NIGHT: Final = "night"
DESK: Final = "desk"
PARTS: Final = (*(rule.value for rule in FLOORS), NIGHT, DESK)
"""What can be measured by itself: each check with a floor, the night, and what ``benchmark.desk`` measures."""

_NIGHT_GOAL: Final = 0.05


def _whole_month(rule: CheckRule, as_of: date) -> list[Finding]:
    """The findings of a rule and of those that the same check finds with it."""
    return check(Scope(as_of), next(one.RULES for one in CHECKS if rule in one.RULES))


def _lean(floor: Floor, stage: Stage) -> None:
    db.session.connection().execute(floor.bound(stage)).all()


def carry_to(app: Flask, stage: Stage, say: Callable[[str], None]) -> Seconds:
    """Carry stock forward to the end of the month before, as closing that month does; answers how long it took."""
    with app.app_context():
        work_alone()
        say(f"{stage.months} months: carrying stock forward to the month")
        opening = Month.of(stage.on).first_day - timedelta(days=1)
        took, _ = timed_with_server(partial(carry_stock, by=SYSTEM, at=clock.now(), days=[opening]))
        db.session.remove()
        tidy_up(db.engine)
    return took


def measure_checks(
    app: Flask, stage: Stage, rounds: int, say: Callable[[str], None], parts: Collection[str] = PARTS
) -> dict[str, Any]:
    """Every check that has a floor and is among the parts, turn by turn with it; then the night.

    What it writes it writes again each time: a database may be measured as often as one likes.
    """
    with app.app_context():
        work_alone()
        by = PROCESSOR
        comparisons, found = [], {}
        for rule, floor in FLOORS.items():
            if rule.value not in parts:
                continue
            say(f"{stage.months} months: {rule.value}")
            if rule is CheckRule.PAYMENT_OVERDUE:
                _keep_money(stage)
            held = Rounds()
            for _ in range(rounds):
                gc.collect()
                ours, findings = timed_with_server(partial(_whole_month, rule, floor.as_of(stage)))
                lean, _ = timed_with_server(partial(_lean, floor, stage))
                held.add(ours, lean)
                held.close()
                db.session.rollback()
            found[rule.value] = Counter(one.rule.value for one in findings)
            comparisons.append(Comparison(rule.value, floor.says, floor.goal, True, held, by))
            if rule is CheckRule.PAYMENT_OVERDUE:
                comparisons += _measure_laying_out(stage, rounds, by)
        night = None
        if NIGHT in parts:
            say(f"{stage.months} months: the night")
            night = _measure_night(stage, rounds, by)
        return {
            "months": stage.months,
            "rows": {"sale lines": stage.sale_lines, "order lines": stage.order_lines},
            "as_of": stage.on.isoformat(),
            "findings": found,
            "comparisons": [one.as_dict() for one in comparisons],
            "night": night,
        }


def _keep_money(stage: Stage) -> None:
    """Have the money of every pair lie as it is kept on the stage's day, as it is for the job of that night (decision 0027)."""
    if keep_payables(by=SYSTEM, at=start_of_day(stage.on)):
        db.session.remove()
        tidy_up(db.engine)


def _measure_laying_out(stage: Stage, rounds: int, by: str) -> list[Comparison]:
    """The check of payments on a day for which nothing is kept, the one before, against sums with an order and without."""
    before = replace(stage, on=stage.on - timedelta(days=1))
    ordered, added = Rounds(), Rounds()
    for _ in range(rounds):
        gc.collect()
        ours, _ = timed_with_server(partial(_whole_month, CheckRule.PAYMENT_OVERDUE, before.on))
        for held, floor in ((ordered, PAYMENTS_IN_ORDER), (added, PAYMENTS_ADDED_UP)):
            lean, _ = timed_with_server(partial(_lean, floor, before))
            held.add(ours, lean)
            held.close()
        db.session.rollback()
    return [
        Comparison(f"{LAID_OUT}, {name}", floor.says, floor.goal, True, held, by)
        for name, held, floor in (
            ("against a running sum", ordered, PAYMENTS_IN_ORDER),
            ("against plain sums", added, PAYMENTS_ADDED_UP),
        )
    ]


def _measure_night(stage: Stage, rounds: int, by: str) -> dict[str, Any]:
    """The last day's sales and acceptances as the night after it finds them, against a full run of both checks."""
    before, at = stage.on - timedelta(days=1), end_of_day(stage.on)
    _keep_mark(before, start_of_day(stage.on))
    held = Rounds()
    looked_at = 0
    for _ in range(rounds):
        gc.collect()
        ours, looked_at = timed_with_server(lambda: _night(stage.on, at))
        whole, _ = timed_with_server(lambda: check(Scope(stage.on), RULES))
        held.add(ours, whole)
        held.close()
        db.session.rollback()
    comparison = Comparison(
        "the night's price check", "both price checks of the whole month", _NIGHT_GOAL, True, held, by
    )
    return comparison.as_dict() | {
        "institutions": looked_at,
        "ratios": Spread.of(comparison.ratios(by)).as_dict(),
    }


def _keep_mark(as_of: date, looked_at: datetime) -> None:
    """The mark of the night before: everything sold before the day has been seen."""
    night = tonight(as_of, at=looked_at)
    assert night.mark is not None
    keep_price_mark(night.mark, by=SYSTEM, at=looked_at)
    last = db.session.connection().execute(
        text("SELECT max(id) FROM sale_line WHERE recorded_at < :at AND item_id IS NOT NULL").bindparams(
            at=f"{looked_at.replace(tzinfo=None)}.000000"
            if db.engine.dialect.name == "sqlite"
            else looked_at.replace(tzinfo=None)
        )
    )
    sale_line_id = last.scalar_one()
    with transaction():
        db.session.execute(update(PriceMark).values(sale_line_id=sale_line_id))


def _night(as_of: date, at: datetime) -> int:
    """What the job does but for storing; answers how many institutions were looked at again."""
    count = 0
    for look in tonight(as_of, at=at).looks:
        check(look.scope, RULES)
        count += len(look.institution_ids or ())
    return count
