"""The stage board: the set-based question and a plain restatement of R-STAT-5 agree on random histories."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from clinic_orders.actions.stages import keep_stages
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.queries.checks import Scope
from clinic_orders.queries.payables.laying import Which, allocation_of
from clinic_orders.queries.stages import (
    BoardWanted,
    Cycle,
    board,
    by_county,
    item_rows,
    papers_behind,
    reckon_stages,
)
from clinic_orders.queries.stages.behind import FIGURES
from clinic_orders.rules.days import day_in_china, end_of_day
from clinic_orders.rules.delivery import acceptance_due_day
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.roster import Days
from clinic_orders.rules.stages import CycleStages, ItemStages, Stage, together
from clinic_orders.rules.volume_progress import standing
from tests.files_world import take_well
from tests.volume_world import (
    History,
    attributed,
    draw_history,
    empty,
    make_volume_world,
    missing,
    store,
)

pytestmark = pytest.mark.both_databases

JUSTIFIED = {"damaged", "quality"}


@pytest.fixture
def world(app: Flask) -> None:
    make_volume_world()


def pay(history: History, dice: Random) -> None:
    """Some payments between everybody who traded, so that some receipts are paid, some in part, some not."""
    pairs = sorted({(row["institution_code"], row["distributor_code"]) for row in history.orders})
    rows = [
        {
            "institution_code": institution,
            "distributor_code": distributor,
            "payment_no": f"P{number}-{place}",
            "amount": Decimal(dice.randint(1, 400)) / 100,
            "paid_on": date(2026, 1, 1) + timedelta(days=dice.randrange(110)),
        }
        for number, (institution, distributor) in enumerate(pairs)
        for place in range(dice.randint(0, 3))
    ]
    if rows:
        take_well("payments", *rows)


def unpaid_receipts(on: date) -> dict[str, date]:
    """The receipts on which something is outstanding by the plain rule, with their due days."""
    found = {}
    connection = db.session.connection()
    due = dict(db.session.execute(select(Shipment.receipt_no, Shipment.due_on)).all())
    pairs = db.session.execute(select(Shipment.paying_id, Shipment.distributor_id).distinct()).all()
    for paying, distributor in pairs:
        which = Which(
            (Shipment.paying_id == paying) & (Shipment.distributor_id == distributor),
            (Payment.paying_id == paying) & (Payment.distributor_id == distributor),
        )
        for number, outstanding in allocation_of(connection, on, which).outstanding.items():
            if outstanding:
                found[number] = due[number]
    return found


def plain(history: History, on: date) -> dict[tuple[str, date], CycleStages]:
    """R-STAT-5, one agreement and one row at a time."""
    by_no = {row["order_no"]: row for row in history.orders}
    open_, ends = unpaid_receipts(on), end_of_day(on)
    gathered: dict[tuple[str, date], list[ItemStages]] = {}
    for one in history.agreements:
        if one.first > on:
            continue
        figures = dict.fromkeys(
            ("ordered", "undelivered", "counted", *("waiting", "waiting_late"), *("unpaid", "overdue")), 0
        )
        for row in history.orders:
            day = day_in_china(row["submitted_at"])
            if day > on or attributed(history, row, day) != one:
                continue
            back = (
                row.get("withdrawn_packs", 0) if "withdrawn_at" in row and row["withdrawn_at"] < ends else 0
            )
            figures["ordered"] += row["packs"] - back
            figures["undelivered"] += missing(history, row, on, on)
        for row in history.receipts:
            head = by_no[row["order_no"]]
            if row["accepted_at"] >= ends:
                delivered = row["delivered_at"]
                if delivered is not None and delivered < ends:
                    day = day_in_china(delivered)
                    if attributed(history, head, day) == one:
                        figures["waiting"] += row["shipped_packs"]
                        late = acceptance_due_day(delivered, accept_days=2) < on
                        figures["waiting_late"] += row["shipped_packs"] if late else 0
                continue
            if attributed(history, head, day_in_china(row["accepted_at"])) != one:
                continue
            back = [
                entry
                for entry in history.returns
                if entry["receipt_no"] == row["receipt_no"] and entry["agreed_at"] < ends
            ]
            counted = row["accepted_packs"] - sum(entry["packs"] for entry in back)
            figures["counted"] += counted
            figures["undelivered"] += sum(entry["packs"] for entry in back if entry["reason"] in JUSTIFIED)
            figures["undelivered"] += row["rejected_packs"] if row["reject_reason"] in JUSTIFIED else 0
            if row["receipt_no"] in open_:
                figures["unpaid"] += counted
                figures["overdue"] += counted if open_[row["receipt_no"]] < on else 0
        members = [Days(history.joined_on if one.institution == "0H02" else date(2025, 1, 1))]
        state = standing(one, counted=figures.pop("counted"), members=members, on=on)
        if state is not None:
            gathered.setdefault((one.institution, one.first), []).append(ItemStages(state, **figures))
    return {key: together(those, on=on, warn_pp=10, interview_pp=25) for key, those in gathered.items()}


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32), on=st.dates(date(2026, 1, 5), date(2026, 5, 10)))
def test_sql_and_restatement_reckon_the_same_board(world, seed, on):
    db.session.execute(delete(Payment))
    empty()
    dice = Random(seed)
    history = draw_history(dice)
    store(history)
    pay(history, dice)
    db.session.commit()
    found = reckon_stages(Scope(on))
    keep_stages(found, on, by=SYSTEM, at=end_of_day(on))
    rows = board(SYSTEM, on=on, wanted=BoardWanted())
    expected = plain(history, on)
    assert {(row.code, row.cycle_start) for row in rows} == expected.keys()
    for row in rows:
        wanted = expected[row.code, row.cycle_start]
        for name in ("items", "agreed", "due", "ordered", "undelivered", "counted", "waiting", "waiting_late",
                     "unpaid", "overdue", "behind", "grade", "stands", "paid"):  # fmt: skip
            assert getattr(row, name) == getattr(wanted, name), name
        # The filter by warning and the items and papers behind the line say the same as the rule.
        for stage in (Stage.REPORT, Stage.ORDER, Stage.ACCEPT, Stage.PAY):
            warned = board(SYSTEM, on=on, wanted=BoardWanted(warns=stage))
            assert (row.id in {one.id for one in warned}) == (stage in wanted.warnings)
        items = item_rows(row.id)
        for figure in FIGURES:
            assert sum(getattr(one, figure) for one in items) == getattr(row, figure), figure
    # The papers of one agreement are enough: each asks the database anew.
    for row in rows[:1]:
        one, cycle = item_rows(row.id)[0], Cycle(row.cycle_start, row.cycle_end)
        for figure in FIGURES:
            papers = papers_behind(figure, row.institution_id, one.id, cycle, as_of=on)
            assert sum(paper.packs for paper in papers) == getattr(one, figure), figure
    sums = by_county(SYSTEM, on=on, wanted=BoardWanted())
    assert sum(one.paid for one in sums) == sum(row.paid for row in rows)
    assert sum(one.lines for one in sums) == len(rows)
