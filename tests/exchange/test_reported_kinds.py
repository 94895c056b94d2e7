"""Volumes, supply problems, sales, settlements, stock, prices, trace products, pharmacies: in, corrected, out again."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders.exchange.exporting import CSV, XLSX, export_file
from clinic_orders.exchange.importing import Report, import_file
from clinic_orders.exchange.tables import KINDS
from clinic_orders.exchange.writing import write_csv
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.models.volume import SupplyProblem
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.parties import SYSTEM, Actor, Role
from tests.files_world import COUNTY, NOW, counts, make_world, moment, refused, take, take_well
from tests.reported_rows import ROWS, one

pytestmark = pytest.mark.both_databases
TODAY = date(2026, 11, 20)
LATER = NOW + timedelta(hours=1)

# Per kind: a column and what can't stand in it.
WRONG = [
    ("agreed-volumes", "agreed_packs", ("0", "-1", "1.5", "1e9", "一", "")),
    ("agreed-volumes", "reported_packs", ("-1", "1.5")),
    ("agreed-volumes", "cycle_end", ("2026-02-30", "2025-12-31")),
    ("agreed-volumes", "item_code", ("LY1", "")),
    ("agreed-volumes", "institution_code", ("V01",)),
    ("supply-problems", "first_day", ("2026-02-30", "2026-3-1")),
    ("supply-problems", "backup_item_code", ("LY999", "LY001")),
    ("supply-problems", "county_code", ("410999",)),
    ("supply-problems", "last_day", ("2026-02-28",)),
    ("supply-problems", "verified_by", ("",)),
    ("sales", "base_units", ("0", "1.5", "1e9", "一", "99999999999")),
    ("sales", "amount", ("-0.01", "3.36001", "1e9", "一")),
    ("sales", "sold_at", ("2026-02-30T09:00", "2026-01-31")),
    ("sales", "item_code", ("LY999",)),
    ("sales", "institution_code", ("V01", "")),
    ("sales", "trace_codes", ("8123", "01234567890123456789;x")),
    ("sales", "insured", ("也许",)),
    ("settlements", "base_units", ("-1", "1.5", "1e9", "一")),
    ("settlements", "amount", ("-1", "3.36001")),
    ("settlements", "month", ("2026-13", "2026-1", "2026-01-01")),
    ("settlements", "item_code", ("LY999",)),
    ("stock-counts", "base_units", ("-1", "1.5", "1e9", "一", "")),
    ("stock-counts", "counted_on", ("2026-02-30",)),
    ("stock-counts", "item_code", ("ly001",)),
    ("shelf-prices", "price", ("0", "-1", "1e9", "一", "3.36001")),
    ("shelf-prices", "posted_on", ("2026-02-30",)),
    ("shelf-prices", "institution_code", ("V01",)),
    ("other-purchases", "base_units", ("0", "-1", "1.5", "1e9", "一")),
    ("other-purchases", "amount", ("-1", "3.36001")),
    ("other-purchases", "purchased_on", ("2026-02-30",)),
    ("other-purchases", "institution_code", ("V01",)),
    ("other-purchases", "group", ("",)),
    ("trace-products", "prefix", ("123456", "12345678", "012345六")),
    ("trace-products", "base_units_per_code", ("0", "-1", "1.5", "1e9")),
    ("trace-products", "item_code", ("LY999",)),
    ("product-codes", "barcode", ("6901234567893", "123456", "690123456789二")),
    ("product-codes", "item_code", ("LY999",)),
    ("issued-clues", "institution_code", ("V999",)),
    ("issued-clues", "trace_code", ("123",)),
    ("issued-clues", "deadline", ("2026-11-01", "x")),
    ("designated-pharmacies", "lng", ("181", "东", "")),
    ("designated-pharmacies", "lat", ("-91",)),
    ("monitored-prices", "price", ("0", "-1", "一", "")),
    ("listed-products", "status", ("好", "")),
]


@pytest.fixture(autouse=True)
def world(app: Flask) -> Iterator[None]:
    make_world()
    yield
    db.session.rollback()


def take_all() -> None:
    for kind, rows in ROWS.items():
        assert counts(take_well(kind, *rows)) == (len(rows), 0, 0)


def exported(kind: str, form: str = CSV, *, labels: bool = False, by: Actor = SYSTEM) -> bytes:
    out = io.BytesIO()
    export_file(kind, form, out, by=by, on=TODAY, labels=labels)
    return out.getvalue()


def take_file(kind: str, content: bytes) -> Report:
    return import_file(kind, io.BytesIO(content), f"{kind}.csv", by=SYSTEM, at=LATER)


def test_everything_goes_out_in_every_form_and_comes_back_unchanged() -> None:
    take_all()
    for kind, rows in ROWS.items():
        plain = exported(kind)
        files = (
            plain,
            exported(kind, labels=True),
            exported(kind, XLSX),
            exported(kind, XLSX, labels=True),
            plain.decode("utf-8-sig").encode("gb18030"),
        )
        for content in files:
            report = take_file(kind, content)
            assert [problem.as_dict() for problem in report.errors] == []
            assert counts(report) == (0, 0, len(rows)), kind
        assert exported(kind) == plain


def test_formulas_are_harmless_in_files_and_the_same_afterwards() -> None:
    take_all()
    for kind, typed in (("sales", "=蜂蜜,大枣"), ("other-purchases", "+氯吡格雷（非中选）")):
        lines = exported(kind).decode("utf-8-sig")
        assert f"'{typed}" in lines
        assert counts(take_file(kind, lines.encode())) == (0, 0, len(ROWS[kind]))
    assert db.session.scalar(select(SaleLine.other_product).where(SaleLine.line_no == "2")) == "=蜂蜜,大枣"


CHANGED: Mapping[str, Mapping[str, Any]] = {
    "agreed-volumes": {"agreed_packs": 150},
    "supply-problems": {"last_day": date(2026, 5, 1)},
    "sales": {"amount": Decimal("3.35")},
    "settlements": {"base_units": 84},
    "stock-counts": {"base_units": 3},
    "shelf-prices": {"price": Decimal("3.37")},
    "other-purchases": {"justified": False},
    "trace-products": {"item_code": "LY002"},
    "product-codes": {"item_code": "LY002"},
    "issued-clues": {"institution_code": ""},
    "designated-pharmacies": {"lat": Decimal("34.61")},
    "monitored-prices": {"out_of_stock": True},
    "listed-products": {"price": Decimal("90.00")},
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_with_other_values_is_a_correction_that_keeps_the_row_before(kind: str) -> None:
    take_well(kind, *ROWS[kind])
    model: Any = {mapper.class_.__table__.name: mapper.class_ for mapper in db.Model.registry.mappers}[
        {"sales": "sale_line", "designated-pharmacies": "designated_pharmacy"}.get(
            kind, kind.replace("-", "_").removesuffix("s")
        )
    ]
    db.session.expunge_all()
    before = set(db.session.scalars(select(model.id)))
    report = take_file(kind, _csv(kind, one(kind, **CHANGED[kind])))
    assert [str(problem.refusal) for problem in report.errors] == []
    assert counts(report) == (0, 1, 0)
    old = db.session.scalars(select(model).where(model.replaced_at.is_not(None))).one()
    new = db.session.scalars(select(model).where(model.id.not_in(before))).one()
    assert (old.replaced_at, new.recorded_at, new.replaces_id, new.replaced_at) == (
        LATER,
        LATER,
        old.id,
        None,
    )
    assert old.recorded_at == NOW
    # A month closed between the two sees the old row and not the new one.
    cut_off = NOW + timedelta(minutes=30)
    seen = select(model.id).where(
        model.recorded_at <= cut_off, model.replaced_at.is_(None) | (model.replaced_at > cut_off)
    )
    assert set(db.session.scalars(seen)) == before
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    entries = db.session.scalars(
        select(AuditEntry).where(AuditEntry.subject_id == new.id, AuditEntry.at == LATER)
    ).all()
    assert entry is not None
    assert entry.deed == "store_file"
    changed = next(found for found in entries if found.before)
    assert set(changed.before or {}) == set(changed.after or {}) == set(CHANGED[kind])
    assert counts(take_file(kind, exported(kind))) == (0, 0, len(ROWS[kind]))


def _csv(kind: str, row: Mapping[str, Any]) -> bytes:
    whole = {column.name: row.get(column.name, column.cell.absent) for column in KINDS[kind].columns}
    out = io.BytesIO()
    write_csv(KINDS[kind], [whole], out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "column", "typed"),
    [(kind, column, typed) for kind, column, many in WRONG for typed in many],
)
def test_a_bad_cell_is_named_with_row_and_column_and_nothing_is_stored(
    kind: str, column: str, typed: str
) -> None:
    header, row = _csv(kind, one(kind)).decode("utf-8-sig").splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    cells[column] = typed
    report = take_file(kind, f"{','.join(cells)}\n{','.join(cells.values())}\n".encode())
    assert [(problem.row, problem.column) for problem in report.errors] == [(2, column)]
    assert str(report.errors[0].refusal)
    assert exported(kind).count(b"\r\n") == 1


def test_all_refusals_of_a_file_come_at_once() -> None:
    report = take(
        "sales",
        one("sales", institution_code="?", item_code="??"),
        one("sales", line_no="2", item_code=""),
        one("sales", line_no="3", other_product="蜂蜜"),
        one("sales", line_no="4", base_units=0),
        one("sales", line_no="4"),
    )
    assert refused(report) == [
        (2, "institution_code", "UnknownCode"),
        (2, "item_code", "UnknownCode"),
        (3, "item_code", "NeitherItemNorProduct"),
        (4, "other_product", "ItemAndProduct"),
        (5, "base_units", "UnitsZero"),
        (6, "institution_code", "RecordTwice"),
    ]


def test_a_return_with_money_in_is_stored_and_pointed_at() -> None:
    report = take_well("sales", one("sales", base_units=-28))
    assert [(found.row, found.column) for found in report.warnings] == [(2, "amount")]
    assert counts(report) == (1, 0, 0)


def test_other_trace_codes_are_a_correction_and_the_old_line_keeps_its_own() -> None:
    take_well("sales", one("sales"))
    assert counts(take_well("sales", one("sales", trace_codes=("01234567890123456789",)))) == (0, 1, 0)
    found = db.session.execute(
        select(SaleLine.replaced_at.is_(None), func.count())
        .join(SaleCode, SaleCode.sale_line_id == SaleLine.id)
        .group_by(SaleLine.replaced_at.is_(None))
    ).all()
    assert sorted((bool(standing), count) for standing, count in found) == [(False, 2), (True, 1)]


def test_many_new_lines_a_correction_and_an_unchanged_line_go_in_together_each_with_its_codes() -> None:
    kept, wrong = one("sales"), one("sales", line_no="wrong")
    take_well("sales", kept, wrong)
    new = [one("sales", line_no=f"n{place}", trace_codes=(f"{place:020d}",)) for place in range(60)]
    other = one("sales", line_no="other", item_code="", other_product="蜂蜜", trace_codes=())
    right = wrong | {"amount": Decimal("1.25")}
    assert counts(take_well("sales", kept, *new, right, other)) == (61, 1, 1)
    standing = select(SaleLine).where(SaleLine.replaced_at.is_(None))
    lines = {line.line_no: line for line in db.session.scalars(standing)}
    assert len(lines) == 63
    assert (lines["wrong"].amount, lines["wrong"].replaces_id is None) == (Decimal("1.25"), False)
    assert (lines["other"].item_id, lines["other"].other_product) == (None, "蜂蜜")
    found = db.session.execute(
        select(SaleCode.code, SaleLine.line_no).join(SaleLine).where(SaleLine.line_no.like("n%"))
    )
    assert dict(found.all()) == {f"{place:020d}": f"n{place}" for place in range(60)}
    said = ("institution_id", "sale_no", "item_id", "sold_at", "sold_on", "base_units", "amount", "insured")
    assert [getattr(lines["n7"], name) for name in said] == [
        getattr(lines[kept["line_no"]], name) for name in said
    ]
    assert lines["n7"].import_batch_id == lines["other"].import_batch_id
    entry = db.session.scalars(
        select(AuditEntry).where(AuditEntry.deed == "put_sales").order_by(AuditEntry.id.desc())
    ).first()
    assert entry is not None
    assert entry.after == {"created": 61, "updated": 1}


def test_a_sale_belongs_to_its_day_in_china() -> None:
    take_well("sales", one("sales", sold_at=moment("2026-02-01T00:30")))
    assert db.session.scalar(select(SaleLine.sold_on)) == date(2026, 2, 1)


def test_a_high_price_a_wrong_code_and_the_future_are_no_refusals() -> None:
    take_well("trace-products", one("trace-products", item_code="LY002"))
    take_well("sales", one("sales", amount=Decimal("9999.99"), sold_at=moment("2030-01-01T00:00")))
    take_well("stock-counts", one("stock-counts", counted_on=date(2031, 1, 1)))


# Supply problems.


def test_a_problem_that_waits_is_in_no_file_and_a_file_verifies_it() -> None:
    item = db.session.scalar(select(Item.id).where(Item.item_code == "LY001"))
    waiting = SupplyProblem(
        item_id=item, county_code=COUNTY, first_day=date(2026, 3, 1), reported_at=NOW, words="断货",
        reported_by_name="周", recorded_at=NOW,
    )  # fmt: skip
    db.session.add(waiting)
    db.session.flush()
    assert exported("supply-problems").count(b"\r\n") == 1
    assert counts(take_well("supply-problems", one("supply-problems"))) == (0, 1, 0)
    standing = db.session.scalars(select(SupplyProblem).where(SupplyProblem.replaced_at.is_(None))).one()
    assert (standing.verified_by, standing.words, standing.reported_by_name) == ("李明", "断货", "周")


# Who sees what.


def test_a_county_exports_what_belongs_to_its_institutions() -> None:
    take_all()
    own, other = Actor("李", Role.COUNTY, county_code=COUNTY), Actor("王", Role.COUNTY, county_code="410329")
    for kind, rows in ROWS.items():
        # A clue from above that names no institution is the city's to assign.
        nobodys = 1 if kind == "issued-clues" else 0
        lines = exported(kind).splitlines(keepends=True)
        assert exported(kind, by=own) == b"".join(lines[: len(lines) - nobodys])
        everybodys = {
            "supply-problems",
            "trace-products",
            "product-codes",
            "designated-pharmacies",
            "listed-products",
        }
        left = 1 if kind in everybodys else 0
        assert exported(kind, by=other).count(b"\r\n") == 1 + left, rows


def test_a_large_file_is_summed_up_in_the_history() -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(60)]
    take_well("stock-counts", *(one("stock-counts", counted_on=day) for day in days))
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "put_stock_counts")).one()
    assert (entry.subject, entry.after) == ("× 60", {"created": 60, "updated": 0})
    assert db.session.scalar(select(func.count()).select_from(StockCount)) == 60
    assert problems() == []
