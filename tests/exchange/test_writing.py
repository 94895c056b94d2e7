"""Files out come back unchanged, and are harmless when a spreadsheet opens them."""
# ruff: noqa: DTZ001 - spreadsheets and Hypothesis take instants without a zone.

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from clinic_orders.exchange import writing
from clinic_orders.exchange.reading import open_file
from clinic_orders.exchange.tables import KINDS
from clinic_orders.exchange.writing import write_csv, write_error_csv, write_error_xlsx, write_xlsx

WRITERS = [write_csv, write_xlsx]
ORDER = {
    "order_no": "0001", "institution_code": "410302001", "ordering_code": "H1", "paying_code": "410302001",
    "distributor_code": "P1", "item_code": "LY001", "packs": 12, "pack_price": Decimal("3.3650"),
    "submitted_at": datetime(2026, 1, 31, 16, 30, 5, tzinfo=UTC), "mode": "proxy", "channel": "clinic_orders",
    "emergency": True, "emergency_reason": "=HYPERLINK(\"x\")", "confirmed_packs": 0, "confirmed_at": None, "closed_packs": None,
    "closed_at": datetime(2026, 2, 1, 0, 0, 0, 1234, tzinfo=UTC), "closed_reason": "other:厂家停产", "withdrawn_packs": None,
    "withdrawn_at": None,
}  # fmt: skip


def written(writer, kind, rows, **options):
    out = io.BytesIO()
    assert writer(kind, rows, out, **options) == len(rows)
    assert not out.closed
    out.seek(0)
    return out


def again(kind, file):
    reading = open_file(kind, file)
    rows = [row for _, row in reading.rows()]
    assert [problem.as_dict() for problem in reading.problems] == []
    return rows


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("labels", [False, True])
def test_an_order_comes_back_unchanged(writer, labels):
    assert again(KINDS["orders"], written(writer, KINDS["orders"], [ORDER], labels=labels)) == [ORDER]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_an_export_of_nothing_is_a_file_with_a_header(writer, kind):
    assert again(kind, written(writer, kind, [])) == []


WORDS = st.text(st.characters(exclude_categories=["Cc", "Cf", "Co", "Cs", "Zl", "Zp"]), max_size=20).map(
    str.strip
)
RISKY = st.builds(
    str.__add__, st.sampled_from(["=", "+", "-", "@", "'", "''=", "'-", "＝", "_x0041_"]), WORDS
).map(str.strip)


@pytest.mark.parametrize("writer", WRITERS)
@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "item_code": st.one_of(RISKY, WORDS, st.from_regex(r"0[0-9]{1,20}", fullmatch=True)).filter(
                    bool
                ),
                "valid_from": st.dates(date(1900, 1, 1), date(2199, 12, 31)),
                "pack_price": st.decimals("0.0001", "9999999.9999", places=4),
                "document_no": st.one_of(RISKY, WORDS),
            }
        ),
        max_size=4,
        unique_by=lambda row: (row["item_code"], row["valid_from"]),
    )
)
def test_any_price_comes_back_unchanged(writer, rows):
    kind = KINDS["prices"]
    assert again(kind, written(writer, kind, rows)) == rows


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC)),
        min_size=1,
        max_size=5,
    )
)
def test_any_instant_comes_back_from_a_spreadsheet(moments):
    kind = KINDS["orders"]
    rows = [ORDER | {"order_no": str(n), "submitted_at": moment} for n, moment in enumerate(moments)]
    assert again(kind, written(write_xlsx, kind, rows)) == rows


def test_no_cell_of_a_csv_file_begins_a_formula():
    texts = ["=1+1", "+86 379", "-1", "@x", "＝1", "'=1", "normal"]
    rows = [{"code": str(n), "name": text} for n, text in enumerate(texts)]
    out = written(write_csv, KINDS["distributors"], rows)
    assert out.getvalue().startswith(b"\xef\xbb\xbf")
    names = [line[1] for line in csv.reader(io.StringIO(out.getvalue().decode("utf-8-sig")))][1:]
    assert names == ["'=1+1", "'+86 379", "'-1", "'@x", "'＝1", "''=1", "normal"]
    assert [row["name"] for row in again(KINDS["distributors"], out)] == texts


def test_a_spreadsheet_has_typed_cells_and_text_codes():
    out = written(write_xlsx, KINDS["orders"], [ORDER])
    header, row = CalamineWorkbook.from_filelike(out).get_sheet_by_index(0).to_python()
    cells = dict(zip(header, row, strict=True))
    assert cells["order_no"] == "0001"
    assert cells["packs"] == 12.0
    assert cells["pack_price"] == 3.365
    assert cells["submitted_at"] == datetime(2026, 2, 1, 0, 30, 5)
    assert cells["emergency_reason"] == '=HYPERLINK("x")'
    out = written(
        write_xlsx,
        KINDS["prices"],
        [{"item_code": "1", "valid_from": date(2026, 1, 1), "pack_price": Decimal(1)}],
    )
    assert CalamineWorkbook.from_filelike(out).get_sheet_by_index(0).to_python()[1][1] == date(2026, 1, 1)


def test_what_a_spreadsheet_can_not_hold_is_refused_and_not_dropped(monkeypatch):
    long = tuple(f"{n:020}" for n in range(2_000))
    receipt = {"receipt_no": "R1", "trace_codes": long}
    with pytest.raises(writing.TooMuchForSheet):
        write_xlsx(KINDS["receipts"], [receipt], io.BytesIO())
    monkeypatch.setattr(writing, "SHEET_ROWS", 2)
    with pytest.raises(writing.TooMuchForSheet):
        write_xlsx(KINDS["distributors"], [{"code": "1"}, {"code": "2"}], io.BytesIO())


BAD = (
    "每盒价格,item_code,valid_from,message\n"
    "3.36,0012,2026-01-01,\n"
    "3.36001,0013,2026-02-30,old\n"
    "-1,=1+1,2026-01-01,\n"
    "5,'=x,2026-13-01,\n"
)


@pytest.mark.parametrize("writer", [write_error_csv, write_error_xlsx])
def test_the_error_file_repeats_the_bad_rows_with_a_message_and_can_be_mended(writer):
    reading = open_file(KINDS["prices"], io.BytesIO(BAD.encode("gb18030")))
    assert len(list(reading.rows())) == 1
    out = io.BytesIO()
    assert writer(reading, out, lambda refusal: f"«{refusal.code}»") == 3
    second = open_file(KINDS["prices"], out)
    assert second.headings == ["每盒价格", "item_code", "valid_from", "message"]
    assert list(second.rows()) == []
    found = {(problem.row, problem.column, problem.value.lstrip("'")) for problem in second.problems}
    assert found == {
        (2, "pack_price", "3.36001"), (2, "valid_from", "2026-02-30"), (3, "pack_price", "-1"), (4, "valid_from", "2026-13-01"),
    }  # fmt: skip


def test_the_message_names_each_column_and_no_cell_is_a_formula():
    reading = open_file(KINDS["prices"], io.BytesIO(BAD.encode()))
    list(reading.rows())
    out = io.BytesIO()
    write_error_csv(reading, out)
    lines = list(csv.reader(io.StringIO(out.getvalue().decode("utf-8-sig"))))
    assert lines[1][3].startswith("pack_price: The price 3.36001 has 5 decimals.")
    assert "; valid_from: " in lines[1][3]
    assert lines[2][:2] == ["-1", "'=1+1"]
    assert lines[3][1] == "'=x"


def test_a_file_that_could_not_be_read_has_no_bad_rows_to_repeat():
    reading = open_file(KINDS["prices"], io.BytesIO(b""))
    out = io.BytesIO()
    assert write_error_csv(reading, out) == 0
    assert out.getvalue().decode("utf-8-sig") == "message\r\n"
