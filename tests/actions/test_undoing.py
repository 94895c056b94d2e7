"""Undoing an import: everything is as before, for every kind; what rests on it is named; nothing gets lost."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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


# Random files of every kind, small enough to meet what is there.

ITEMS = st.sampled_from(["LY001", "LY002", "LY003", "LY004"])
PLACES = st.sampled_from(["0H01", "0V01", "0V02"])
COMPANIES = st.sampled_from(["D01", "D02", "D03"])
DAYS = st.sampled_from([date(2026, 1, 1), date(2026, 3, 1), date(2026, 6, 1)])
NUMBERS = st.integers(1, 4).map(str)
PACKS = st.integers(1, 6)
PRICE = st.sampled_from([Decimal("0.125"), Decimal("3.3650"), Decimal(12)])
WORDS = st.sampled_from(["", "甲", "乙"])
START = datetime(2026, 1, 10, 2, tzinfo=UTC)


def rows(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(dict(columns))


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    packs = draw(st.integers(4, 9))
    answered = draw(st.booleans())
    return {
        "order_no": f"O{draw(NUMBERS)}",
        "institution_code": "0V01",
        "distributor_code": draw(st.sampled_from(["D01", "D02"])),
        "item_code": draw(st.sampled_from(["LY001", "LY002"])),
        "packs": packs,
        "pack_price": draw(PRICE),
        "submitted_at": START,
        "mode": "direct",
        "channel": draw(st.sampled_from(["clinic_orders", "省平台"])),
        "emergency": False,
        "confirmed_packs": packs if answered else None,
        "confirmed_at": START + timedelta(hours=2) if answered else None,
    }


@st.composite
def receipts(draw: st.DrawFn) -> dict[str, Any]:
    packs, accepted = draw(st.integers(1, 4)), draw(st.booleans())
    return {
        "receipt_no": f"R{draw(NUMBERS)}",
        "order_no": f"O{draw(NUMBERS)}",
        "item_code": draw(st.sampled_from(["LY001", "LY002"])),
        "batch_no": draw(st.sampled_from(["B1", "B2"])),
        "shipped_packs": packs,
        "accepted_packs": packs if accepted else None,
        "rejected_packs": 0 if accepted else None,
        "expiry_date": date(2028, 1, 1),
        "shipped_at": START + timedelta(days=1),
        "delivered_at": START + timedelta(days=2),
        "accepted_at": START + timedelta(days=3) if accepted else None,
        "trace_codes": draw(st.sampled_from([(), ("81234567890123456789",)])),
    }


@st.composite
def institutions(draw: st.DrawFn) -> dict[str, Any]:
    code = draw(PLACES)
    return {
        "code": code,
        "valid_from": draw(DAYS),
        "name": f"{code}{draw(WORDS)}",
        "kind": "township_hospital" if code == "0H01" else "village_clinic",
        "county_code": COUNTY,
        "supervisor_code": None if code == "0H01" else draw(st.sampled_from([None, "0H01"])),
        "joined_on": date(2025, 1, 1),
        "left_on": draw(st.sampled_from([None, date(2027, 1, 1)])),
    }


FILES: Mapping[str, st.SearchStrategy[dict[str, Any]]] = {
    "catalogue": rows(
        item_code=ITEMS, generic_name=st.sampled_from(["氯吡格雷", "阿卡波糖"]), form=st.just("片剂"),
        strength=st.just("75mg"), pack_size=st.just(28), base_unit=st.just("片"), manufacturer=st.just("厂"),
        batch=st.just("第七批"), suits=st.sampled_from([(), ("village_clinic",)]),
    ),
    "prices": rows(item_code=ITEMS, valid_from=DAYS, pack_price=PRICE, document_no=WORDS),
    "editions": rows(edition=st.just("2026"), valid_from=st.just(date(2026, 1, 1)), item_code=ITEMS)
    | rows(edition=st.just("2027"), valid_from=st.just(date(2027, 1, 1)), item_code=ITEMS)
    | rows(edition=st.just("2026"), valid_from=st.just(date(2026, 2, 1)), item_code=ITEMS),
    "institutions": institutions(),
    "mandates": rows(
        institution_code=st.just("0V01"), hospital_code=st.just("0H01"), valid_from=DAYS,
        valid_to=st.sampled_from([None, date(2026, 12, 31)]),
    ),
    "commitments": rows(institution_code=PLACES, signed_on=DAYS, version=st.sampled_from(["1", "2"])),
    "distributors": rows(code=COMPANIES, name=st.sampled_from(["康", "和"]), phone=WORDS),
    "delivery-relations": rows(
        scope=st.sampled_from([COUNTY, "0V01"]), item_code=ITEMS | st.just("*"), distributor_code=COMPANIES,
        valid_from=DAYS, valid_to=st.sampled_from([None, date(2026, 12, 31)]),
    ),
    "policies": rows(
        parameter=st.just("order.max_packs"), valid_from=DAYS, value=st.sampled_from(["", "50", "60"]),
        document_no=WORDS,
    ),
    "orders": orders(),
    "receipts": receipts(),
    "returns": rows(
        return_no=NUMBERS.map("T".__add__), receipt_no=NUMBERS.map("R".__add__),
        item_code=st.sampled_from(["LY001", "LY002"]), batch_no=st.sampled_from(["B1", "B2"]),
        packs=st.integers(1, 2), agreed_at=st.just(START + timedelta(days=5)),
        reason=st.sampled_from(["quality", "recall"]),
        trace_codes=st.just(()),
    ),
    "payments": rows(
        institution_code=st.just("0V01"), distributor_code=st.sampled_from(["D01", "D02"]),
        payment_no=NUMBERS.map("P".__add__), amount=st.sampled_from([Decimal(1), Decimal("2.5")]),
        paid_on=DAYS, receipt_no=st.just("") | NUMBERS.map("R".__add__),
    ),
    "agreed-volumes": rows(
        institution_code=PLACES, item_code=ITEMS, cycle_start=st.just(date(2026, 1, 1)),
        cycle_end=st.just(date(2026, 12, 31)), agreed_packs=PACKS,
    ),
    "supply-problems": rows(
        item_code=ITEMS, county_code=st.sampled_from([None, COUNTY]), first_day=DAYS,
        last_day=st.sampled_from([None, date(2026, 12, 31)]), verified_by=st.sampled_from(["市局", "县局"]),
    ),
    "sales": rows(
        institution_code=st.just("0V01"), sale_no=NUMBERS, line_no=st.just("1"), item_code=ITEMS,
        sold_at=st.just(START), base_units=PACKS, amount=PRICE.map(lambda price: round(price, 2)),
        trace_codes=st.sampled_from([(), ("81234567890123456789",)]),
    ),
    "settlements": rows(
        institution_code=PLACES, item_code=ITEMS, month=st.sampled_from(["2026-01", "2026-02"]),
        base_units=PACKS, amount=st.just(Decimal(3)),
    ),
    "stock-counts": rows(institution_code=PLACES, item_code=ITEMS, counted_on=DAYS, base_units=PACKS),
    "shelf-prices": rows(institution_code=PLACES, item_code=ITEMS, posted_on=DAYS, price=PRICE),
    "other-purchases": rows(
        institution_code=PLACES, document_no=NUMBERS, line_no=st.just("1"), group=st.just("组"),
        product_name=st.sampled_from(["甲片", "乙片"]), base_units=PACKS, amount=st.just(Decimal(1)),
        purchased_on=DAYS,
    ),
    "trace-products": rows(
        prefix=st.sampled_from(["8123456", "8123457"]), item_code=ITEMS, base_units_per_code=PACKS
    ),
    "product-codes": rows(barcode=st.sampled_from(["6901234567892", "6901234567908"]), item_code=ITEMS),
    "issued-clues": rows(
        issued_batch=st.just("线索1"), clue_no=NUMBERS, trace_code=st.just("81234567890123456789"),
        institution_code=st.sampled_from(["", "0V01"]), issuer=st.sampled_from(["省局", "国家局"]), issued_on=DAYS,
    ),
    "designated-pharmacies": rows(
        code=NUMBERS, name=st.sampled_from(["甲药店", "乙药店"]), lng=st.just(Decimal("112.1")),
        lat=st.just(Decimal("34.1")),
    ),
    "monitored-prices": rows(institution_code=PLACES, item_code=ITEMS, observed_on=DAYS, price=PRICE),
    "listed-products": rows(
        product_code=NUMBERS, variety=st.just("甲片"), product_name=st.just("甲片 10mg×10片"),
        manufacturer=st.just("甲厂"), status=st.just("passed"), listed_from=DAYS, price=PRICE,
    ),
}  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> list[tuple[str, list[dict[str, Any]]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(FILES)), min_size=1, max_size=4))
    # Orders and what follows from them meet more often this way.
    kinds += draw(
        st.sampled_from([[], ["orders", "receipts"], ["orders", "receipts", "returns", "payments"]])
    )
    return [(kind, draw(_file(kind))) for kind in kinds]


def _file(kind: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    def key(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row.get(name) for name in KINDS[kind].key)

    return st.lists(FILES[kind], min_size=1, max_size=4, unique_by=key)


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
