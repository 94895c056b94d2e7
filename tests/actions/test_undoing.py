"""Undoing an import: everything is as before, for every kind; what rests on it is named; nothing gets lost."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Integer, func, select

from clinic_orders.actions.answering import Answer, answer_order
from clinic_orders.actions.clues import assign_clue, exclude_clue, record_check
from clinic_orders.actions.findings import raise_findings
from clinic_orders.actions.undoing import BatchRestedOn, BatchUndone, BatchUntraced, undo_batch
from clinic_orders.exchange.exporting import CSV, export_file
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.clues import IssuedClue
from clinic_orders.models.exchange import BatchRecord, ImportBatch, RecordChange
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import Distributor
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.integrity import problems
from clinic_orders.queries.resting import BELONGS_TO_IT, CHANGED_SINCE, DECIDED_BY_IT, Resting
from clinic_orders.queries.traced import TRACED
from clinic_orders.rules.clues import CheckWay, ClueState, ExclusionGround
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import SYSTEM, Actor, NotAllowed, Role
from tests.files_at_random import FILES, START, files
from tests.files_world import (
    COUNTY,
    NOW,
    empty_database,
    going_back,
    make_world,
    order,
    receipt,
    take,
    take_well,
)

pytestmark = pytest.mark.both_databases
TODAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def an_app(app: Flask) -> Iterator[None]:
    yield
    db.session.rollback()


def exported() -> dict[str, bytes]:
    """Every kind as a file."""
    files = {}
    for kind in KINDS:
        out = io.BytesIO()
        export_file(kind, CSV, out, by=SYSTEM, on=TODAY)
        files[kind] = out.getvalue()
    return files


def last_batch() -> int:
    """The number of the newest import."""
    return db.session.scalars(select(ImportBatch.id).order_by(ImportBatch.id.desc()).limit(1)).one()


def undo(batch_id: int) -> None:
    """Undo it, and see that the database agrees with itself afterwards."""
    undo_batch(batch_id, by=SYSTEM, at=NOW)
    assert problems() == []


def resting_on(batch_id: int) -> set[tuple[str, str]]:
    """Why and what stands on a batch, from the refusal."""
    with pytest.raises(BatchRestedOn) as refusal:
        undo_batch(batch_id, by=SYSTEM, at=NOW)
    assert all(one.count >= 1 for one in refusal.value.resting)
    return {(one.why, one.word) for one in refusal.value.resting}


def undone_or_resting(batch_id: int) -> list[Resting]:
    """Undo a batch; what rests on it, where that is refused."""
    try:
        undo(batch_id)
    except BatchRestedOn as refused:
        return refused.resting
    return []


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sent=files())
def test_undoing_files_one_after_the_other_leads_back_through_every_state(
    sent: list[tuple[str, list[dict[str, Any]]]],
) -> None:
    empty_database()
    make_world()
    states: list[tuple[int, str, list[dict[str, Any]], dict[str, bytes]]] = []
    for kind, of_file in sent:
        before = exported()
        report = take(kind, *of_file)
        if report.errors:
            assert exported() == before
        else:
            states.append((last_batch(), kind, of_file, before))
    after = exported()
    reported = {traced.word for traced in TRACED.values() if traced.is_recorded}
    for number, (batch_id, kind, of_file, before) in enumerate(reversed(states)):
        now = exported()
        resting = undone_or_resting(batch_id)
        if resting:
            # What was reported stays as history when its file is undone, and keeps the record of which it speaks.
            assert {one.why for one in resting} == {BELONGS_TO_IT}
            assert {one.word for one in resting} <= reported
            assert exported() == now
            return
        assert exported() == before
        if number == 0:
            take_well(kind, *of_file)
            assert exported() == after
            undo(last_batch())
            assert exported() == before


# One by one.


def test_an_undone_batch_stays_with_its_contents_and_the_history_tells_it() -> None:
    make_world()
    take_well("orders", order(channel="省平台"))
    batch_id = last_batch()
    undo(batch_id)
    batch = db.session.get_one(ImportBatch, batch_id)
    assert (batch.undone_at, batch.undone_by_name, batch.created) == (NOW, SYSTEM.name, 1)
    assert db.session.scalars(select(Order)).all() == []
    kept = db.session.scalars(select(BatchRecord).where(BatchRecord.batch_id == batch_id)).all()
    tables = {record.table_name for record in kept}
    assert tables == {"purchase_order", "order_line", "order_event"}
    assert all(record.after for record in kept)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "undo_batch")).one()
    assert (entry.subject_id, entry.after["removed"]) == (batch_id, 2)  # type: ignore[index]


def test_a_batch_is_undone_once() -> None:
    make_world()
    take_well("distributors", {"code": "D09", "name": "新"})
    undo(last_batch())
    with pytest.raises(BatchUndone):
        undo_batch(last_batch(), by=SYSTEM, at=NOW)


def test_a_batch_of_which_no_trace_was_kept_is_not_undone() -> None:
    make_world()
    batch = db.session.get_one(ImportBatch, last_batch())
    batch.traced = False
    db.session.commit()
    with pytest.raises(BatchUntraced):
        undo_batch(batch.id, by=SYSTEM, at=NOW)


def test_only_who_may_import_may_undo() -> None:
    make_world()
    county = Actor("张", Role.COUNTY, county_code=COUNTY)
    with pytest.raises(NotAllowed):
        undo_batch(last_batch(), by=county, at=NOW)


def test_a_file_that_changed_a_record_is_named_by_what_it_put_back() -> None:
    make_world()
    take_well("distributors", {"code": "D01", "name": "改名医药", "phone": "0379-0000-0001"})
    batch_id = last_batch()
    record = db.session.scalars(select(BatchRecord).where(BatchRecord.batch_id == batch_id)).one()
    assert (record.change, record.name) == (RecordChange.CHANGED, "D01")
    assert record.before == {"name": "豫西安康医药配送有限公司"}
    assert record.after == {"name": "改名医药"}
    undo(batch_id)
    names = select(Distributor.name).where(Distributor.code == "D01")
    assert db.session.scalars(names).one() == "豫西安康医药配送有限公司"


def batch_of(kind: str) -> int:
    """The first import of a kind."""
    return db.session.scalars(
        select(ImportBatch.id).where(ImportBatch.kind == kind).order_by(ImportBatch.id).limit(1)
    ).one()


def test_whatever_points_to_a_record_of_the_batch_rests_on_it() -> None:
    make_world()
    take_well("orders", order())
    take_well("receipts", receipt())
    take_well("returns", going_back())
    take_well(
        "payments",
        {
            "institution_code": "0V01",
            "distributor_code": "D01",
            "payment_no": "P1",
            "amount": Decimal("0.10"),
            "paid_on": date(2026, 3, 1),
        },
    )
    assert {(BELONGS_TO_IT, "price"), (BELONGS_TO_IT, "line of an order")} <= resting_on(
        batch_of("catalogue")
    )
    assert {(BELONGS_TO_IT, "order"), (BELONGS_TO_IT, "payment")} <= resting_on(batch_of("institutions"))
    assert (BELONGS_TO_IT, "delivery relation") in resting_on(batch_of("distributors"))
    assert (BELONGS_TO_IT, "receipt") in resting_on(batch_of("orders"))
    assert resting_on(batch_of("receipts")) == {
        (BELONGS_TO_IT, "line of a return"),
        (BELONGS_TO_IT, "return"),
        (DECIDED_BY_IT, "payment"),
    }
    for kind in ("payments", "returns", "receipts", "orders"):
        undo(batch_of(kind))


def test_a_later_file_that_changed_a_record_is_undone_first() -> None:
    make_world()
    first = batch_of("distributors")
    take_well("distributors", {"code": "D02", "name": "后来"})
    assert (CHANGED_SINCE, "distributor") in resting_on(first)
    undo(last_batch())
    assert (CHANGED_SINCE, "distributor") not in resting_on(first)


def test_what_people_did_to_an_imported_order_rests_on_its_file() -> None:
    make_world()
    take_well("orders", order(confirmed_packs=None, confirmed_at=None))
    batch_id = last_batch()
    imported = db.session.scalars(select(Order)).one()
    supplier = Actor(
        "周强",
        Role.DISTRIBUTOR,
        distributor_id=db.session.scalars(select(Distributor.id).where(Distributor.code == "D01")).one(),
    )
    at = imported.submitted_at + timedelta(hours=1)
    answer_order(imported.order_no, {1: Answer(imported.lines[0].packs)}, by=supplier, at=at)
    assert (CHANGED_SINCE, "order") in resting_on(batch_id)


def test_ten_thousand_prices_are_traced_one_by_one() -> None:
    make_world()
    first = date(2027, 1, 1)
    take_well(
        "prices",
        *(
            {"item_code": "LY001", "valid_from": first + timedelta(days=day), "pack_price": Decimal(1)}
            for day in range(10_000)
        ),
    )
    batch_id = last_batch()
    records = db.session.scalars(select(BatchRecord).where(BatchRecord.batch_id == batch_id)).all()
    assert len(records) == 10_000
    assert {record.name for record in records} >= {"LY001 2027-01-01", "LY001 2027-01-02"}
    assert all(record.after and record.after["pack_price"] == "1" for record in records)


def test_what_is_traced_row_by_row_has_a_row_id_first_in_its_key() -> None:
    own = [traced for traced in TRACED.values() if traced.is_recorded]
    followed = [
        traced
        for traced in TRACED.values()
        if traced not in own and not (traced.owner and traced.owner_table in own)
    ]
    assert all(isinstance(traced.keys[0].type, Integer) for traced in followed)


def test_a_clue_that_is_looked_into_rests_on_the_file_it_came_with() -> None:
    make_world()
    row = {
        "issued_batch": "线索1", "trace_code": "81234567890123456789", "issuer": "省局",
        "issued_on": date(2026, 3, 1), "institution_code": "0V01",
    }  # fmt: skip
    take_well("issued-clues", {**row, "clue_no": "1"}, {**row, "clue_no": "2"})
    batch_id = last_batch()
    officer = Actor("赵红军", Role.CITY, org_name="市医疗保障局")
    clue = assign_clue("第一专班", issued=("线索1", "2"), by=officer, at=NOW)
    assert resting_on(batch_id) == {(DECIDED_BY_IT, "clue that is looked into")}
    # Nothing of the file is gone, and the clue goes its way.
    assert db.session.scalar(select(func.count()).select_from(IssuedClue)) == 2
    record_check(clue.number, CheckWay.DATA, "与销售记录比对。", by=officer, at=NOW)


def test_a_finding_that_is_looked_into_stands_when_its_sales_are_undone() -> None:
    make_world()
    code = "81234567890123456789"
    sale = {
        "institution_code": "0V01", "line_no": "1", "item_code": "LY001", "sold_at": START,
        "base_units": 28, "amount": Decimal(2), "trace_codes": (code,),
    }  # fmt: skip
    take_well("sales", {**sale, "sale_no": "S1"}, {**sale, "sale_no": "S2"})
    batch_id = last_batch()
    scope, rules = Scope(date(2026, 1, 31)), [CheckRule.TRACE_REPEAT_SAME]
    raise_findings(scope.as_of, check(scope, rules), rules, by=SYSTEM, at=NOW)
    finding = db.session.scalars(select(FindingRecord)).one()
    officer = Actor("赵红军", Role.CITY, org_name="市医疗保障局")
    clue = assign_clue("第一专班", finding_id=finding.id, by=officer, at=NOW)
    undo(batch_id)
    # The next night finds it no more: it ends by itself, and the clue is excluded with that ground.
    raise_findings(scope.as_of, check(scope, rules), rules, by=SYSTEM, at=NOW + timedelta(days=1))
    db.session.refresh(finding)
    assert finding.state is FindingState.ENDED
    record_check(clue.number, CheckWay.DATA, "销售文件已撤回。", by=officer, at=NOW + timedelta(days=1))
    exclude_clue(
        clue.number, ExclusionGround.GONE, "销售文件已撤回。", by=officer, at=NOW + timedelta(days=1)
    )
    assert clue.state is ClueState.EXCLUDED


def test_every_kind_has_a_random_file() -> None:
    assert set(FILES) == set(KINDS)


def test_what_a_sale_had_replaced_stands_again_with_its_codes_from_then_on() -> None:
    make_world()
    sale = {
        "institution_code": "0V01", "sale_no": "S1", "line_no": "1", "item_code": "LY001", "sold_at": START,
        "base_units": 3, "amount": Decimal(2), "trace_codes": ("81234567890123456789",),
    }  # fmt: skip
    take_well("sales", sale)
    first, before = last_batch(), exported()
    take_well("sales", sale | {"base_units": 4, "trace_codes": ()})
    assert (CHANGED_SINCE, "sale") in resting_on(first)
    later = NOW + timedelta(days=1)
    undone = undo_batch(last_batch(), by=SYSTEM, at=later)
    assert (undone.removed, undone.restored) == (1, 1)
    assert exported() == before
    lines = db.session.scalars(select(SaleLine).order_by(SaleLine.id)).all()
    assert [(line.base_units, line.recorded_at, line.replaced_at) for line in lines] == [
        (3, NOW, NOW), (4, NOW, later), (3, later, None),
    ]  # fmt: skip
    undo_batch(first, by=SYSTEM, at=later)
    assert b"S1" not in exported()["sales"]
