"""Files in and out again: the report, dry runs, batches; what is exported imports unchanged."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from clinic_orders.actions.answering import Answer, answer_order, close_short
from clinic_orders.actions.bulk import reserve_ids
from clinic_orders.actions.receiving import LineAcceptance, accept_shipment
from clinic_orders.actions.returns import ReturnedPacks, agree_return, request_return
from clinic_orders.actions.shipping import ShipLine, ship
from clinic_orders.actions.withdrawing import withdraw_order
from clinic_orders.exchange.exporting import CSV, XLSX, export_file
from clinic_orders.exchange.importing import import_file
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item, Price
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.parties import SYSTEM, Actor, NotAllowed, Role
from tests.files_world import (
    COUNTY,
    NOW,
    WORLD,
    counts,
    empty_database,
    going_back,
    make_county,
    make_world,
    moment,
    order,
    receipt,
    take_well,
)

pytestmark = pytest.mark.both_databases
TODAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def an_app(app: Flask) -> Iterator[None]:
    yield
    db.session.rollback()


def exported(form: str = CSV, *, by: Actor = SYSTEM) -> dict[str, bytes]:
    """Every kind as a file."""
    files = {}
    for kind in KINDS:
        out = io.BytesIO()
        export_file(kind, form, out, by=by, on=TODAY)
        files[kind] = out.getvalue()
    return files


def take_files(files: Mapping[str, bytes]) -> dict[str, tuple[int, int, int]]:
    """Import them in the order in which they rest on each other; nothing may be refused."""
    found = {}
    first = ("catalogue", "prices", "editions", "distributors", "institutions")
    for kind in (*first, *(name for name in KINDS if name not in first)):
        report = import_file(kind, io.BytesIO(files[kind]), f"{kind}.csv", by=SYSTEM, at=NOW)
        assert [problem.as_dict() for problem in report.errors] == []
        found[kind] = counts(report)
    assert problems() == []
    return found


def check_round_trip() -> None:
    """Export, import into an empty database, export the same bytes; import again, in both forms, changes nothing."""
    files = exported()
    sheets = exported(XLSX)
    empty_database()
    make_county()
    made = take_files(files)
    assert all(updated == unchanged == 0 for _, updated, unchanged in made.values())
    assert exported() == files
    for again in (take_files(files), take_files(sheets)):
        assert again == {kind: (0, 0, made[kind][0]) for kind in made}
    assert exported() == files


def test_a_whole_world_goes_out_and_comes_back() -> None:
    make_world()
    take_well(
        "orders",
        order(channel="省平台"),
        order(
            "LY002",
            emergency=False,
            channel="省平台",
            closed_packs=1,
            closed_at=NOW,
            closed_reason="other:停供",
        ),
    )
    take_well("receipts", receipt(trace_codes=("81234567890123456789", "01234567890123456789")))
    take_well("returns", going_back(trace_codes=("81234567890123456789",)))
    check_round_trip()


# Random worlds.

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Z"])
    | st.sampled_from("=+-@＝＋'\",;|\n"),
    min_size=1,
    max_size=12,
).filter(lambda text: text == text.strip())
CODES = st.text(st.sampled_from("0123456789AbZ-_"), min_size=1, max_size=8)
PRICES = st.decimals(Decimal("0.0001"), Decimal("9999.9999"), places=4)
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))
START = datetime.fromisoformat("2026-01-05T01:00:00+00:00")


def _instants(after: datetime) -> st.SearchStrategy[datetime]:
    return st.timedeltas(timedelta(0), timedelta(days=40)).map(lambda later: after + later)


@st.composite
def catalogues(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        {
            "item_code": code,
            "generic_name": draw(WORDS),
            "form": draw(WORDS),
            "strength": draw(WORDS),
            "pack_size": draw(st.integers(1, 99_999)),
            "base_unit": "片",
            "manufacturer": draw(WORDS),
            "batch": draw(WORDS),
            "variety": draw(WORDS | st.just("")),
            "suits": draw(st.sampled_from([(), ("village_clinic",), ("village_clinic", "retail_pharmacy")])),
            "ceiling_price": draw(PRICES | st.none()),
            "supplies_here": draw(st.booleans()),
            "cold_chain": draw(st.booleans()),
        }
        for code in draw(st.lists(CODES, min_size=1, max_size=5, unique=True))
    ]


@st.composite
def histories(
    draw: st.DrawFn,
) -> tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]], Sequence[dict[str, Any]]]:
    """Orders with what became of them, within the arithmetic."""
    orders: list[dict[str, Any]] = []
    receipts: list[dict[str, Any]] = []
    returns: list[dict[str, Any]] = []
    for order_no in draw(st.lists(CODES, max_size=4, unique=True)):
        submitted = draw(_instants(START))
        head = {
            "order_no": order_no,
            "submitted_at": submitted,
            "mode": draw(st.sampled_from(["direct", "proxy", "medical_community"])),
            "ordering_code": draw(st.sampled_from(["0V01", "0H01"])),
            "channel": draw(st.sampled_from(["clinic_orders", "省平台"])),
            "emergency": draw(st.booleans()),
            "emergency_reason": draw(st.just("") | WORDS),
        }
        for code in draw(st.lists(st.sampled_from(["LY001", "LY002", "LY003"]), min_size=1, unique=True)):
            packs = draw(st.integers(1, 30))
            confirmed = draw(st.none() | st.integers(0, packs))
            row = order(code, **head, packs=packs, pack_price=draw(PRICES), confirmed_packs=confirmed)
            row["confirmed_at"] = None if confirmed is None else draw(_instants(submitted))
            orders.append(row)
            if confirmed is None:
                if draw(st.booleans()):
                    withdrawn = draw(st.integers(0, packs))
                    row |= {"withdrawn_packs": withdrawn, "withdrawn_at": draw(_instants(submitted))}
                continue
            shipped = draw(st.integers(0, confirmed))
            closed = draw(st.integers(0, confirmed - shipped))
            if closed:
                reason = draw(st.sampled_from(["", "stock_out", "other:缺"]))
                row |= {"closed_packs": closed, "closed_reason": reason}
                row["closed_at"] = draw(_instants(row["confirmed_at"]))
            rest = confirmed - shipped - closed
            if rest and draw(st.booleans()):
                row |= {"withdrawn_packs": rest, "withdrawn_at": draw(_instants(row["confirmed_at"]))}
            if shipped:
                _receipt(draw, order_no, code, shipped, receipts, returns)
    return orders, receipts, returns


def _receipt(
    draw: st.DrawFn,
    order_no: str,
    code: str,
    shipped: int,
    receipts: list[dict[str, Any]],
    returns: list[dict[str, Any]],
) -> None:
    number = f"R{len(receipts)}"
    accepted_at = draw(st.none() | _instants(START))
    base = {
        "order_no": order_no,
        "receipt_no": number,
        "shipped_at": draw(st.none() | _instants(START)),
        "delivered_at": draw(st.none() | _instants(START)),
        "accepted_at": accepted_at,
    }
    split = draw(st.integers(0, shipped - 1))
    for batch_no, packs in (("B1", shipped - split), ("=B2", split)):
        if not packs:
            continue
        rejected = draw(st.integers(0, packs))
        row = receipt(
            code, **base, batch_no=batch_no, shipped_packs=packs, invoice_no=draw(st.just("") | WORDS)
        )
        row |= {
            "accepted_packs": None if accepted_at is None else packs - rejected,
            "rejected_packs": None if accepted_at is None else rejected,
            "reject_reason": draw(st.sampled_from(["damaged", "other:压坏"])),
            "expiry_date": draw(st.dates(date(2026, 4, 1), date(2029, 1, 1))),
            "trace_codes": draw(st.just(()) | st.just((f"{len(receipts):020d}",))),
        }
        receipts.append(row)
        kept = 0 if accepted_at is None else packs - rejected
        if accepted_at is not None and kept and draw(st.booleans()):
            returns.append(
                going_back(
                    code,
                    receipt_no=number,
                    return_no=f"T{len(returns)}",
                    batch_no=batch_no,
                    packs=draw(st.integers(1, kept)),
                    agreed_at=draw(_instants(accepted_at)),
                )
            )


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(catalogues())
def test_any_catalogue_goes_out_and_comes_back(items: list[dict[str, Any]]) -> None:
    empty_database()
    make_county()
    take_well("catalogue", *items)
    code = items[0]["item_code"]
    take_well("prices", {"item_code": code, "valid_from": TODAY, "pack_price": Decimal("0.0001")})
    take_well(
        "editions", *({"edition": "=1", "valid_from": TODAY, "item_code": row["item_code"]} for row in items)
    )
    check_round_trip()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(histories())
def test_any_history_goes_out_and_comes_back(
    rows: tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]], Sequence[dict[str, Any]]],
) -> None:
    empty_database()
    make_world()
    for kind, kind_rows in zip(("orders", "receipts", "returns"), rows, strict=True):
        take_well(kind, *kind_rows)
    check_round_trip()


# The report.

PRICES_CSV = (
    "item_code,valid_from,pack_price\nLY001,2026-02-01,3.36\nLY999,2026-02-01,1\nLY002,2026-01-01,3.3650\n"
)


def test_a_dry_run_reports_the_same_and_stores_nothing() -> None:
    make_world()
    good = PRICES_CSV.replace("LY999", "LY003").encode()
    before = db.session.scalar(select(func.count()).select_from(Price))
    tried = import_file("prices", io.BytesIO(good), "prices.csv", dry_run=True, by=SYSTEM, at=NOW)
    assert db.session.scalar(select(func.count()).select_from(Price)) == before
    done = import_file("prices", io.BytesIO(good), "prices.csv", by=SYSTEM, at=NOW)
    assert tried.as_dict() == done.as_dict()
    assert done.as_dict() == {
        "kind": "prices",
        "rows": 3,
        "created": 2,
        "updated": 0,
        "unchanged": 1,
        "rejected": 0,
        "errors": [],
        "warnings": [],
    }


def test_one_bad_row_stores_nothing_and_is_named() -> None:
    make_world()
    report = import_file("prices", io.BytesIO(PRICES_CSV.encode()), "prices.csv", by=SYSTEM, at=NOW)
    found = report.as_dict()
    assert found["errors"] == [
        {
            "row": 3,
            "column": "item_code",
            "value": "LY999",
            "message": "LY999 is not known here. Import it first, or correct the code.",
        }
    ]
    assert (found["rows"], found["created"], found["rejected"]) == (3, 0, 1)


def test_rows_that_can_be_read_are_tried_beside_those_that_cannot() -> None:
    make_world()
    content = PRICES_CSV.replace("3.36\n", "3.36001\n").encode()
    report = import_file("prices", io.BytesIO(content), "prices.csv", by=SYSTEM, at=NOW)
    places = [(problem.row, problem.column) for problem in report.errors]
    assert places == [(2, "pack_price"), (3, "item_code")]
    assert (counts(report), report.rejected) == ((0, 0, 0), 2)


INSTITUTIONS_CSV = """code,name,kind,county_code,township,supervisor_code,joined_on
0H01,车村镇卫生院,township_hospital,410325,车村镇,,2025-01-01
0H02,旧县镇卫生院,township_hospital,410325,旧县镇,,2025-02-30
0V02,旧县镇村卫生室,village_clinic,410325,旧县镇,0H02,2025-03-01
0V03,龙王村卫生室,village_clinic,410325,车村镇,0H99,2025-03-01
"""


def test_a_clinic_is_not_refused_for_its_hospital_that_could_not_be_read() -> None:
    make_world()
    report = import_file("institutions", io.BytesIO(INSTITUTIONS_CSV.encode()), "x.csv", by=SYSTEM, at=NOW)
    found = [(problem.row, problem.column, problem.value) for problem in report.errors]
    assert found == [(3, "joined_on", "2025-02-30"), (5, "supervisor_code", "0H99")]
    mended = INSTITUTIONS_CSV.replace("02-30", "02-28").replace("0H99", "0H01")
    report = import_file("institutions", io.BytesIO(mended.encode()), "x.csv", by=SYSTEM, at=NOW)
    assert [problem.as_dict() for problem in report.errors] == []


def test_unknown_orders_of_receipts_are_told_beside_rows_that_can_not_be_read() -> None:
    make_world()
    take_well("orders", order(), order("LY002"))
    take_well("receipts", receipt(), receipt(item_code="LY002"))
    head = "receipt_no,order_no,item_code,batch_no,shipped_packs,accepted_packs,rejected_packs,expiry_date,shipped_at,delivered_at,accepted_at\n"
    times = "2028-06-30,2026-11-17T08:00,2026-11-17T16:00,2026-11-19T09:00\n"
    content = head + "R1,A1,LY001,B1,10,10,0," + times + "R1,A1,LY002,B1,ten,10,0," + times
    content += "R9,A9,LY001,B1,10,10,0," + times
    report = import_file("receipts", io.BytesIO(content.encode()), "x.csv", by=SYSTEM, at=NOW)
    found = [(problem.row, problem.column, problem.refusal.code) for problem in report.errors]
    assert found == [(3, "shipped_packs", "PacksNotWhole"), (4, "order_no", "UnknownCode")]


def test_a_batch_keeps_which_file_it_was() -> None:
    make_world()
    content = PRICES_CSV.replace("LY999", "LY003").encode()
    import_file("prices", io.BytesIO(content), "价格.csv", by=SYSTEM, at=NOW)
    batch = db.session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc())).first()
    assert batch is not None
    assert (batch.filename, batch.rows, batch.created, batch.unchanged) == ("价格.csv", 3, 2, 1)
    assert batch.sha256 == hashlib.sha256(content).hexdigest()


def test_a_county_exports_what_belongs_to_its_institutions() -> None:
    make_world()
    take_well("orders", order())
    take_well("receipts", receipt())
    take_well("returns", going_back())
    own, other = Actor("李", Role.COUNTY, county_code=COUNTY), Actor("王", Role.COUNTY, county_code="410329")
    assert exported(by=own) == exported()
    foreign = exported(by=other)
    for kind in (
        "institutions",
        "mandates",
        "commitments",
        "delivery-relations",
        "orders",
        "receipts",
        "returns",
    ):
        assert foreign[kind].count(b"\r\n") == 1
    assert foreign["catalogue"] == exported()["catalogue"]


def test_only_who_may_export_exports_and_only_who_may_import_imports() -> None:
    buyer, county = (
        Actor("刘", Role.INSTITUTION, institution_id=1),
        Actor("李", Role.COUNTY, county_code=COUNTY),
    )
    with pytest.raises(NotAllowed):
        exported(by=buyer)
    with pytest.raises(NotAllowed):
        import_file("prices", io.BytesIO(b"item_code,valid_from,pack_price\n"), "x.csv", by=county, at=NOW)


def test_ids_are_reserved_once() -> None:
    make_world()
    table = Item.__table__
    taken = set(db.session.scalars(select(Item.id)))
    ids = list(reserve_ids(table, 3))  # type: ignore[arg-type]
    assert len(set(ids)) == 3
    assert not taken & set(ids)
    assert list(reserve_ids(table, 0)) == []  # type: ignore[arg-type]


assert set(WORLD) < set(KINDS)


def test_what_people_did_here_goes_out_and_comes_back() -> None:
    """A line withdrawn before and after the answer, closed twice, shipped, rejected in part, returned."""
    make_world()
    waiting = order(confirmed_packs=None, confirmed_at=None, submitted_at=moment("2026-11-16T09:00"))
    take_well("orders", waiting | {"packs": 30}, waiting | {"item_code": "LY002"})
    ids = dict(db.session.execute(select(Institution.code, Institution.id)).all())
    seller_id = db.session.scalar(select(Distributor.id).where(Distributor.code == "D01"))
    buyer = Actor("刘", Role.INSTITUTION, institution_id=ids["0V01"])
    seller = Actor("周", Role.DISTRIBUTOR, distributor_id=seller_id)
    withdraw_order("A1", {1: 2}, by=buyer, at=moment("2026-11-16T10:00"))
    answer_order("A1", {1: Answer(26, "stock_out"), 2: Answer(10)}, by=seller, at=moment("2026-11-16T11:00"))
    batch = ShipLine(1, "B1", date(2028, 1, 1), 12, "", ("01234567890123456789",))
    sent = ship("A1", [batch], by=seller, at=moment("2026-11-16T12:00"))
    close_short("A1", {1: 2}, "stock_out", by=seller, at=moment("2026-11-16T13:00"))
    close_short("A1", {1: 3}, "other:停供", by=seller, at=moment("2026-11-16T14:00"))
    withdraw_order("A1", {1: 9}, by=buyer, at=moment("2026-11-19T09:00"))
    found = LineAcceptance(accepted=10, rejected=2, reason="damaged")
    line_id = sent.lines[0].id
    accept_shipment(sent.receipt_no, {line_id: found}, by=buyer, at=moment("2026-11-17T09:00"))
    asked = request_return(
        sent.receipt_no, {line_id: ReturnedPacks(3, "quality")}, by=buyer, at=moment("2026-11-18T09:00")
    )
    agree_return(asked.return_no, by=seller, at=moment("2026-11-19T09:00"))
    assert set(take_files(exported()).values()) <= {(0, 0, number) for number in range(9)}
    check_round_trip()
