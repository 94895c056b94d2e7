"""Long files: read in parts, stored whole or not at all, gone on with after a crash, in memory that does not grow."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from clinic_orders.actions.files import FileFacts, storing
from clinic_orders.exchange import staging as staging_module
from clinic_orders.exchange.importing import Report, import_file
from clinic_orders.exchange.long_files import LongFile, Phase
from clinic_orders.exchange.reading import limits, open_file
from clinic_orders.exchange.staging import Staging
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.base import db
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.sales import SaleLine
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.parties import SYSTEM
from tests.files_world import NOW, counts, make_world

SALES = ("institution_code", "sale_no", "line_no", "item_code", "sold_at", "base_units", "amount")
ORDERS = (
    "order_no",
    "institution_code",
    "distributor_code",
    "item_code",
    "packs",
    "pack_price",
    "submitted_at",
)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts so short that a small file has many."""
    monkeypatch.setattr(staging_module, "BLOCK", 7)
    monkeypatch.setattr(staging_module, "PART", 20)


def text_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([columns, *rows])
    return out.getvalue()


def sale(number: int, **other: str) -> list[str]:
    """A row of a sale, one line each."""
    values = {
        "institution_code": "0V01",
        "sale_no": f"S{number:06d}",
        "line_no": "1",
        "item_code": "LY001",
        "sold_at": f"2026-11-{number % 19 + 1:02d}T09:30",
        "base_units": str(number % 28 + 1),
        "amount": "3.50",
    }
    return list((values | other).values())


def long_file(tmp_path: Path, text: str, kind: str = "sales") -> LongFile:
    (tmp_path / "file.csv").write_text(text, encoding="utf-8")
    return LongFile(kind, tmp_path / "file.csv", "file.csv", tmp_path / "rows.sqlite3")


def take(tmp_path: Path, text: str, kind: str = "sales", *, dry_run: bool = False) -> Report:
    """Import a file from the beginning."""
    for old in tmp_path.glob("rows.sqlite3*"):
        old.unlink()
    return long_file(tmp_path, text, kind).take_in(dry_run=dry_run, by=SYSTEM, at=NOW)


def places(report: Report) -> list[tuple[int | None, str | None, str]]:
    return [(problem.row, problem.column, problem.refusal.code) for problem in report.errors]


def lines() -> int:
    return db.session.scalar(select(func.count()).select_from(SaleLine)) or 0


@pytest.mark.both_databases
class TestStoring:
    """On both databases."""

    @pytest.fixture(autouse=True)
    def a_world(self, app: Flask) -> Iterator[None]:
        make_world()
        yield
        db.session.rollback()

    def test_many_parts_are_one_batch_and_the_same_file_changes_nothing(self, tmp_path: Path) -> None:
        text = text_of(SALES, [sale(number) for number in range(90)])
        tried = take(tmp_path, text, dry_run=True)
        assert (counts(tried), lines()) == ((90, 0, 0), 0)
        report = take(tmp_path, text)
        assert (places(report), counts(report), report.rows) == ([], (90, 0, 0), 90)
        batch = db.session.get_one(ImportBatch, report.stored.batch_id)
        assert (batch.rows, batch.created, batch.filename) == (90, 90, "file.csv")
        assert set(db.session.scalars(select(SaleLine.import_batch_id))) == {batch.id}
        assert counts(take(tmp_path, text)) == (0, 0, 90)
        assert counts(import_file("sales", io.BytesIO(text.encode()), "x.csv", by=SYSTEM, at=NOW)) == (
            0,
            0,
            90,
        )
        assert problems() == []

    def test_everything_wrong_is_told_in_one_round_and_nothing_is_stored(self, tmp_path: Path) -> None:
        rows = [sale(number) for number in range(90)]
        rows[3], rows[40] = sale(3, item_code="LY999"), sale(40, base_units="1.5")
        rows[60], rows[88] = sale(3), sale(88, institution_code="0V99")
        report = take(tmp_path, text_of(SALES, rows))
        assert places(report) == [
            (5, "item_code", "UnknownCode"),
            (42, "base_units", "UnitsNotWhole"),
            (62, "institution_code", "RowTwice"),
            (90, "institution_code", "UnknownCode"),
        ]
        assert [problem.value for problem in report.errors] == ["LY999", "1.5", "0V01", "0V99"]
        assert (lines(), counts(report), report.rejected) == (0, (0, 0, 0), 4)
        assert db.session.scalar(select(func.count()).where(ImportBatch.kind == "sales")) == 0
        assert report.reading is not None
        assert [number for number, _, _ in report.reading.bad_rows()] == [5, 42, 62, 90]

    def test_the_lines_of_an_order_find_each_other_wherever_they_stand(self, tmp_path: Path) -> None:
        rows = [
            [f"A{number}", "0V01", "D01", item, "10", "3.36", "2026-11-02T09:00"]
            for item in ("LY001", "LY002", "LY003")
            for number in range(30)
        ]
        report = take(tmp_path, text_of(ORDERS, rows), "orders")
        assert (places(report), counts(report)) == ([], (90, 0, 0))
        found = db.session.execute(
            select(Order.lines_count, func.count(OrderLine.id)).join(OrderLine).group_by(Order.id)
        ).all()
        assert set(found) == {(3, 3)}
        assert problems() == []
        rows[70][4], rows[80][2] = "0", "D02"
        report = take(tmp_path, text_of(ORDERS, rows), "orders")
        assert places(report) == [(72, "packs", "PacksTooFew"), (82, "distributor_code", "RowsDisagree")]

    def test_what_was_read_before_a_crash_is_not_read_again(self, tmp_path: Path) -> None:
        rows = [sale(number) for number in range(90)]
        rows[5] = sale(5, amount="x")
        text = text_of(SALES, rows)

        def crash(_phase: Phase, _share: float, done: int) -> None:
            if done > 40:
                raise KeyboardInterrupt

        work = long_file(tmp_path, text)
        with pytest.raises(KeyboardInterrupt):
            work.take_in(by=SYSTEM, at=NOW, progress=crash)
        db.session.rollback()
        staging = Staging(work.staging, KINDS["sales"])
        kept = sum(len(part) for part in staging.parts())
        staging.close()
        assert 40 <= kept < 89
        report = work.take_in(by=SYSTEM, at=NOW)
        assert (places(report), lines()) == ([(7, "amount", "AmountNotUnderstood")], 0)
        (tmp_path / "file.csv").write_text(text_of(SALES, [sale(number) for number in range(90)]))
        for old in tmp_path.glob("rows*"):
            old.unlink()

        def crash_storing(phase: Phase, _share: float, done: int) -> None:
            if phase is Phase.STORING and done > 40:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            work.take_in(by=SYSTEM, at=NOW, progress=crash_storing)
        assert lines() == 0
        assert counts(work.take_in(by=SYSTEM, at=NOW)) == (90, 0, 0)
        assert lines() == 90

    def test_a_refusal_that_only_comes_from_an_unread_row_is_left_out(self, tmp_path: Path) -> None:
        columns = ("code", "name", "kind", "county_code", "township", "supervisor_code", "joined_on")
        hospital = ["0H02", "旧县镇卫生院", "township_hospital", "410325", "旧县镇", "", "2025-02-30"]
        clinic = ["0V02", "旧县镇村卫生室", "village_clinic", "410325", "旧县镇", "0H02", "2025-03-01"]
        report = take(tmp_path, text_of(columns, [hospital, clinic]), "institutions")
        assert places(report) == [(2, "joined_on", "DayNotUnderstood")]


def test_a_header_alone_and_a_file_that_is_none_say_so(app: Flask, tmp_path: Path) -> None:
    assert (places(take(tmp_path, text_of(SALES, []))), take(tmp_path, text_of(SALES, [])).rows) == ([], 0)
    assert [code for _, _, code in places(take(tmp_path, "x" * 2_000_000))] == ["RecordTooLong"]
    assert [code for _, _, code in places(take(tmp_path, "a," * 1000))] == ["TooManyColumns"]
    db.session.rollback()


def test_the_rows_on_their_way_are_readable_for_their_owner_alone(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "rows.sqlite3", KINDS["sales"])
    staging.close()
    assert (tmp_path / "rows.sqlite3").stat().st_mode & 0o777 == 0o600


def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging_module, "BLOCK", 200)
    monkeypatch.setattr(staging_module, "PART", 500)
    monkeypatch.setattr(limits, "MAX_REMEMBERED", 500)

    def peak(rows: int) -> int:
        work = long_file(tmp_path, text_of(SALES, [sale(number) for number in range(rows)]))
        staging = Staging(tmp_path / f"{rows}.sqlite3", KINDS["sales"])
        tracemalloc.start()
        reading = open_file(KINDS["sales"], work.source)
        staging.fill(reading)
        assert sum(len(part) for part in staging.parts()) == rows
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        staging.close()
        return most

    # Five times the rows; whatever grew with them would show five times.
    assert peak(20_000) < 1.5 * peak(4_000)


@pytest.mark.only_on("sqlite", reason="PostgreSQL keeps its pages in a process of its own")
def test_the_database_keeps_few_pages_while_a_long_file_is_stored_and_its_usual_number_afterwards(
    app: Flask,
) -> None:
    def kept() -> int:
        return -int(db.session.execute(text("PRAGMA cache_size")).scalar_one())

    facts, usual = FileFacts("sales.csv", "0" * 64, 1), kept()
    with storing("sales", facts, by=SYSTEM, at=NOW):
        assert kept() < usual / 4
    assert kept() == usual
    with pytest.raises(ZeroDivisionError), storing("sales", facts, by=SYSTEM, at=NOW):
        raise ZeroDivisionError
    assert kept() == usual
