"""``import`` and ``export`` at the console: bad files are refused by row and column, and nothing is stored."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders.cli import run
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item, Price
from clinic_orders.models.exchange import BatchRecord, ImportBatch
from clinic_orders.models.orders import Order
from tests.files_world import make_world

pytestmark = pytest.mark.both_databases


@dataclass
class Outcome:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on the standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Command = Callable[..., Outcome]


@pytest.fixture
def command(app: Flask, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as left:
            run(lambda: app, [str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Outcome(left.value.code, said.out, said.err)

    return call


@pytest.fixture
def world(app: Flask) -> None:
    make_world()


def count(table: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def places(outcome: Outcome) -> list[tuple[int | None, str | None, str]]:
    return [(e["row"], e["column"], e["value"]) for e in outcome.document["errors"]]


HEADER = "item_code,valid_from,pack_price,document_no\n"


def test_a_good_file_is_stored_and_the_second_time_changes_nothing(
    command: Command, world: None, tmp_path: Path
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(f"{HEADER}LY003,2026-02-01,3.36,洛医保〔2026〕1号\n", encoding="utf-8")
    first = command("import", "prices", file, "--format", "json")
    assert first.status == 0
    assert first.document == {
        "kind": "prices",
        "rows": 1,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
        "errors": [],
        "warnings": [],
    }
    again = command("import", "prices", file)
    assert (again.status, again.out, again.err) == (
        0,
        "prices：共 1 行；新增 0，修改 0，未变 1\n",
        "",
    )


def test_a_dry_run_stores_nothing(command: Command, world: None, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(f"{HEADER}LY003,2026-02-01,3.36,\n", encoding="utf-8")
    before = count(Price), count(ImportBatch)
    assert command("import", "prices", file, "--dry-run", "--format", "json").document["created"] == 1
    assert (count(Price), count(ImportBatch)) == before


def test_a_dry_run_says_what_is_new_and_of_what_changes_old_and_new(
    command: Command, world: None, tmp_path: Path
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(f"{HEADER}LY001,2026-01-01,4.5,\nLY003,2026-02-01,3.36,\n", encoding="utf-8")
    before = count(Price), count(BatchRecord), count(AuditEntry)
    outcome = command("import", "prices", file, "--dry-run")
    *records, last = outcome.out.splitlines()
    assert (outcome.status, outcome.err) == (0, "")
    assert sorted(records) == [
        "修改 价格 LY001 2026-01-01：每盒价格 0.125 → 4.5",
        "新增 价格 LY003 2026-02-01：品规编码 LY003；生效日期 2026-02-01；每盒价格 3.36",
    ]
    assert last == "prices：共 2 行；将新增 1，将修改 1，未变 0；这次只是试跑，没有保存"
    assert (count(Price), count(BatchRecord), count(AuditEntry)) == before
    assert set(command("import", "prices", file, "--dry-run", "--format", "json").document) == {
        "kind", "rows", "created", "updated", "unchanged", "rejected", "errors", "warnings",
    }  # fmt: skip


def test_a_long_dry_run_names_the_first_fifty_and_how_many_more(
    command: Command, world: None, tmp_path: Path
) -> None:
    file = tmp_path / "prices.csv"
    lines = "".join(f"LY003,2027-{day // 28 + 1:02}-{day % 28 + 1:02},1,\n" for day in range(53))
    file.write_text(HEADER + lines, encoding="utf-8")
    said = command("import", "prices", file, "--dry-run").out.splitlines()
    assert len(said) == 52
    assert said[50] == "…… 另有 3 条记录"


def test_a_refused_dry_run_shows_no_differences(command: Command, world: None, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(f"{HEADER}LY001,2026-01-01,4.5,\nLY003,2026-02-01,0,\n", encoding="utf-8")
    outcome = command("import", "prices", file, "--dry-run")
    assert (outcome.status, outcome.out) == (1, "")


def test_imports_are_listed_undone_and_refused_by_number(
    command: Command, world: None, tmp_path: Path
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(f"{HEADER}LY003,2026-02-01,3.36,\n", encoding="utf-8")
    command("import", "prices", file)
    (newest,) = json.loads(command("batch", "list", "--limit", 1, "--format", "json").out)
    assert (newest["kind"], newest["file"], newest["created"]) == ("prices", "prices.csv", 1)
    assert newest["can_be_undone"]
    listed = command("batch", "list", "--kind", "prices").out.splitlines()
    assert len(listed) == 2
    assert listed[0].split()[0] == str(newest["batch"])
    assert "1 行  +1 ~0 =0  prices.csv" in listed[0]
    had = count(Price)
    undone = command("batch", "undo", newest["batch"])
    assert (undone.status, count(Price)) == (0, had - 1)
    assert undone.out == f"批次 {newest['batch']} 已撤销：移除 1 条记录，恢复原状 0 条，找回 0 条\n"
    assert "已撤销" in command("batch", "list", "--limit", 1).out
    again = command("batch", "undo", newest["batch"])
    assert (again.status, again.out) == (1, "")
    catalogue = json.loads(command("batch", "list", "--kind", "catalogue", "--format", "json").out)[0]
    refused = command("batch", "undo", catalogue["batch"])
    assert refused.status == 1
    assert "价格 × 2，" in refused.err
    assert command("batch", "undo", 999_999).status == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("heading", [HEADER, "品规编码,生效日期,每盒价格,依据文号\n"])
def test_encodings_and_chinese_headings_are_understood(
    command: Command, world: None, tmp_path: Path, encoding: str, heading: str
) -> None:
    file = tmp_path / "价格.csv"
    file.write_text(f"{heading}LY003,2026-02-01,3.36,洛医保发〔2026〕1号\n", encoding=encoding)
    assert command("import", "prices", file).status == 0
    assert "洛医保发〔2026〕1号" in db.session.scalars(select(Price.document_no)).all()


def test_wrong_columns_are_named(command: Command, world: None, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("item_code,valid_from,price\nLY003,2026-02-01,3.36\n", encoding="utf-8")
    outcome = command("import", "prices", file, "--format", "json")
    assert outcome.status == 1
    assert places(outcome) == [(1, "price", "price"), (1, "pack_price", "")]
    assert outcome.err == "不能导入：有 2 处要改；没有保存任何内容\n"
    assert count(Price) == 2


def test_three_bad_rows_of_ten_thousand_store_nothing(command: Command, world: None, tmp_path: Path) -> None:
    rows = [f"N{number:05d},名,片剂,1mg,28,片,厂,批" for number in range(10_000)]
    rows[17] = "N00017,名,片剂,1mg,1.5,片,厂,批"
    rows[4_998] = "N04998,名,片剂,1mg,28,片,,批"
    rows[9_999] = "N00003,名,片剂,1mg,28,片,厂,批"
    file = tmp_path / "catalogue.csv"
    header = "item_code,generic_name,form,strength,pack_size,base_unit,manufacturer,batch"
    file.write_text("\n".join([header, *rows]), encoding="utf-8")
    outcome = command("import", "catalogue", file, "--format", "json")
    assert outcome.status == 1
    assert places(outcome) == [
        (19, "pack_size", "1.5"),
        (5_000, "manufacturer", ""),
        (10_001, "item_code", "N00003"),
    ]
    assert (outcome.document["rows"], outcome.document["rejected"], outcome.document["created"]) == (
        10_000,
        3,
        0,
    )
    assert count(Item) == 3


ORDER_HEADER = "order_no,institution_code,distributor_code,item_code,packs,pack_price,submitted_at\n"


def order_file(folder: Path, **more: str) -> Path:
    cells = {
        "order_no": "A1",
        "institution_code": "0V01",
        "distributor_code": "D01",
        "item_code": "LY001",
        "packs": "1",
        "pack_price": "3.36",
        "submitted_at": "2026-02-28T09:00",
    } | more
    file = folder / "orders.csv"
    good = "A0,0V01,D01,LY001,1,3.36,2026-02-28T09:00\n"
    file.write_text(f"{ORDER_HEADER}{good}{','.join(cells.values())}\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("column", "typed"),
    [
        ("packs", "0"),
        ("packs", "-1"),
        ("packs", "1.5"),
        ("packs", "1e9"),
        ("packs", "一"),
        ("pack_price", "3.36001"),
        ("pack_price", "0"),
        ("submitted_at", "2026-02-30T09:00"),
        ("submitted_at", "2026-02-30"),
        ("institution_code", "V01"),
    ],
)
def test_a_bad_cell_is_named_with_row_and_column(
    command: Command, world: None, tmp_path: Path, column: str, typed: str
) -> None:
    file = order_file(tmp_path, **{column: typed})
    outcome = command("import", "orders", file, "--format", "json")
    assert outcome.status == 1
    assert places(outcome) == [(3, column, typed)]
    assert outcome.document["errors"][0]["message"]
    plain = command("import", "orders", file)
    assert (plain.status, plain.out) == (1, "")
    assert plain.err.startswith(f"第 3 行 {column} 列：")
    assert count(Order) == 0


@pytest.mark.parametrize("typed", ["2026-02-30", "2026-13-01", "1/2/2026", "20260230"])
def test_a_day_that_is_none_is_named(command: Command, world: None, tmp_path: Path, typed: str) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(f"{HEADER}LY003,{typed},3.36,\n", encoding="utf-8")
    assert places(command("import", "prices", file, "--format", "json")) == [(2, "valid_from", typed)]


def test_wrong_usage_is_told_from_a_refusal(command: Command, app: Flask, tmp_path: Path) -> None:
    assert command("import", "contracts", tmp_path).status == 2
    assert command("import", "prices", tmp_path / "nowhere.csv").status == 2
    assert command("export", "prices", tmp_path / "prices.pdf").status == 2
    empty = tmp_path / "empty.csv"
    empty.touch()
    assert command("import", "prices", empty).status == 1


def test_what_is_exported_is_imported_unchanged(command: Command, world: None, tmp_path: Path) -> None:
    for name in ("items.csv", "items.xlsx"):
        file = tmp_path / name
        assert command("export", "catalogue", file).status == 0
        assert command("import", "catalogue", file, "--format", "json").document["unchanged"] == 3
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["items.csv", "items.xlsx"]


def test_a_dash_exports_to_the_standard_output(
    command: Command, world: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    assert command("export", "editions", "-").status == 0
    out.seek(0)
    lines: Sequence[str] = out.read().splitlines()
    assert lines[0].lstrip("\ufeff") == "edition,valid_from,item_code"
    assert len(lines) == 3
