"""Files on their way in: encodings, headers, bad cells, and files that mean harm."""

import io
import tracemalloc
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.exchange import cells
from clinic_orders.exchange.reading import limits, open_file, refusals
from clinic_orders.exchange.reading import rows as rows_module
from clinic_orders.exchange.tables import KINDS
from clinic_orders.rules import days
from clinic_orders.rules.errors import RuleBroken

CATALOG = Path(__file__).resolve().parents[2] / "catalog"
PRICES = KINDS["prices"]
EDITIONS = KINDS["editions"]
HEADER = "item_code,valid_from,pack_price,document_no\n"
GOOD = HEADER + "0012,2026-01-01,3.36,豫医保〔2026〕1号\n"


def read(text, kind=PRICES, encoding="utf-8"):
    data = text if isinstance(text, bytes) else text.encode(encoding)
    reading = open_file(kind, io.BytesIO(data))
    return reading, list(reading.rows())


def refused(text, kind=PRICES):
    reading, rows = read(text, kind)
    assert rows == []
    for problem in reading.problems:
        assert str(problem.refusal)
    return [(problem.row, problem.column, problem.refusal.code) for problem in reading.problems]


def workbook(*rows, extra=None):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        hidden = book.add_worksheet("说明")
        hidden.hide()
        sheet = book.add_worksheet("数据")
        sheet.activate()
        sheet.set_first_sheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for index, row in enumerate(rows):
            for place, value in enumerate(row):
                if isinstance(value, date):
                    sheet.write_datetime(index, place, value, day)
                else:
                    sheet.write(index, place, value)
        if extra:
            extra(book, sheet)
    return out.getvalue()


ROW = {
    "item_code": "0012",
    "valid_from": date(2026, 1, 1),
    "pack_price": Decimal("3.36"),
    "document_no": "豫医保〔2026〕1号",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_the_usual_encodings_and_line_ends_read_the_same(encoding, newline):
    reading, rows = read(GOOD.replace("\n", newline), encoding=encoding)
    assert reading.problems == []
    assert rows == [(2, ROW)]


@pytest.mark.parametrize("word", ["支", "片", "瓶", "片支瓶"])
def test_gb18030_that_is_valid_utf_8_by_accident_is_read_as_chinese(word):
    data = (HEADER + f"0012,2026-01-01,3.36,{word}\n").encode("gb18030")
    data.decode("utf-8")
    assert read(data)[1][0][1]["document_no"] == word


@pytest.mark.parametrize("word", ["5µg", "α-甲", "Süd", "β"])
def test_latin_and_greek_in_utf_8_stay(word):
    assert read(HEADER + f"0012,2026-01-01,3.36,{word}\n")[1][0][1]["document_no"] == word


def test_damaged_utf_8_is_not_taken_for_gb18030():
    data = GOOD.encode()
    assert refused(data.replace("豫".encode(), "豫".encode()[:2])) == [(None, None, "EncodingUnknown")]
    assert refused(b"\xef\xbb\xbf" + GOOD.encode("gb18030")) == [(None, None, "EncodingUnknown")]
    assert refused(HEADER.encode() + b"\xff\xff\xff\xfe,\xff") == [(None, None, "EncodingUnknown")]


def test_a_character_across_two_chunks_is_read_whole(monkeypatch):
    monkeypatch.setattr(limits, "CHUNK", 5)
    for encoding in ("utf-8", "gb18030"):
        assert read(GOOD, encoding=encoding)[1] == [(2, ROW)]


def test_columns_come_in_any_order_by_name_or_label():
    reading, rows = read("每盒价格, Valid_From ,品规编码\n3.36,2026-01-01,0012\n")
    assert reading.problems == []
    assert rows == [(2, ROW | {"document_no": ""})]


def test_every_fault_of_the_header_is_named_at_once():
    assert refused("item_code,品规编码,price,valid_from\n1,2,3,4\n") == [
        (1, "item_code", "ColumnTwice"), (1, "price", "ColumnUnknown"), (1, "pack_price", "ColumnMissing"),
    ]  # fmt: skip


@pytest.mark.parametrize("found", [";", "\t", "；"])
def test_another_delimiter_is_named(found):
    assert refused(HEADER.replace(",", found)) == [(1, None, "WrongDelimiter")]


def test_empty_columns_and_rows_are_nothing():
    reading, rows = read("\nitem_code,,valid_from,pack_price,,\n\n,,,,,\n0012,,2026-01-01,3.36,,\n\n")
    assert reading.problems == []
    assert [number for number, _ in rows] == [5]
    assert reading.rows_read == 1


def test_a_value_under_no_heading_and_a_row_of_another_length_are_refused():
    text = "item_code,,valid_from,pack_price\n0012,x,2026-01-01,3.36\n0013,,2026-01-01\n0014,,2026-01-01,3.36,y\n"
    assert refused(text) == [
        (2, None, "CellWithoutHeading"),
        (3, None, "CellsCounted"),
        (4, None, "CellsCounted"),
    ]


def test_all_bad_cells_are_collected_with_row_column_and_value():
    text = HEADER + "0012,2026-02-30,3.36001,\n,2026-01-01,1,\n0013,2026-01-01,3.5,\n"
    reading, rows = read(text)
    assert [number for number, _ in rows] == [4]
    assert [(problem.row, problem.column, problem.value) for problem in reading.problems] == [
        (2, "valid_from", "2026-02-30"), (2, "pack_price", "3.36001"), (3, "item_code", ""),
    ]  # fmt: skip
    first = reading.problems[0].as_dict()
    assert set(first) == {"row", "column", "value", "message"}
    assert "2026-02-30" in first["message"]


def test_ten_thousand_rows_with_three_bad_ones_give_three_problems():
    bad = {77: "0", 5000: "1e9", 9999: "一"}
    rows = "".join(f"D{n},H1,P1,LY{n:05},{bad.get(n, '1')},3.36,2026-01-31T09:30\n" for n in range(10_000))
    header = "order_no,institution_code,distributor_code,item_code,packs,pack_price,submitted_at\n"
    reading, good = read(header + rows, KINDS["orders"])
    assert len(good) == 9_997
    assert [(problem.row, problem.column, problem.value) for problem in reading.problems] == [
        (79, "packs", "0"), (5002, "packs", "1e9"), (10001, "packs", "一"),
    ]  # fmt: skip


def test_what_is_left_out_has_its_default():
    header = "order_no,institution_code,distributor_code,item_code,packs,pack_price,submitted_at\n"
    _, rows = read(header + "D1,H1,P1,LY001,2,3.36,2026-01-31T09:30\n", KINDS["orders"])
    row = rows[0][1]
    assert row["ordering_code"] == row["paying_code"] == "H1"
    assert (row["mode"], row["channel"], row["emergency"]) == ("direct", "clinic_orders", False)
    assert (row["confirmed_packs"], row["confirmed_at"], row["closed_reason"]) == (None, None, "")
    assert row["submitted_at"] == datetime(2026, 1, 31, 1, 30, tzinfo=UTC)


def test_an_institution_holds_from_the_day_it_joined_unless_said():
    _, rows = read(
        "code,name,kind,county_code,joined_on\n01,甲,村卫生室,410325,2026-01-01\n", KINDS["institutions"]
    )
    assert rows[0][1]["valid_from"] == date(2026, 1, 1)


def test_a_policy_may_be_set_to_nothing_but_not_by_leaving_the_column_out():
    assert read("parameter,valid_from,value\nx,2026-01-01,\n", KINDS["policies"])[1][0][1]["value"] == ""
    assert refused("parameter,valid_from\nx,2026-01-01\n", KINDS["policies"]) == [
        (1, "value", "ColumnMissing")
    ]


def test_two_rows_with_one_key_are_refused_where_the_second_stands():
    reading, rows = read(GOOD + "0012,2026-01-01,3.40,\n")
    assert len(rows) == 1
    assert [(problem.row, problem.refusal.code) for problem in reading.problems] == [(3, "RowTwice")]
    assert "row 2: item_code 0012, valid_from 2026-01-01" in str(reading.problems[0].refusal)


def test_batches_of_one_item_may_be_returned_together():
    header = "return_no,receipt_no,item_code,batch_no,packs,agreed_at,reason\n"
    line = "T1,R1,LY001,{},1,2026-01-31T09:30,召回\n"
    reading, rows = read(header + line.format("A") + line.format("B"), KINDS["returns"])
    assert (len(rows), reading.problems) == (2, [])


def test_a_value_with_commas_quotes_and_lines_is_one_value():
    _, rows = read('code,name\n01,"甲, ""乙""\r\n丙"\n02,丁\n', KINDS["distributors"])
    assert [(number, row["name"]) for number, row in rows] == [(2, '甲, "乙"\n丙'), (3, "丁")]


def test_the_shipped_catalogue_is_read_without_a_problem():
    for name, rows in (("catalogue", 338), ("prices", 338), ("editions", 338)):
        reading = open_file(KINDS[name], CATALOG / "recommended_338" / f"{name}.csv")
        assert len(list(reading.rows())) == rows
        assert reading.problems == []
    examples = CATALOG / "policies_example.csv"
    reading = open_file(KINDS["policies"], examples)
    assert len(list(reading.rows())) == len(examples.read_text(encoding="utf-8").splitlines()) - 1
    assert reading.is_clean


def test_rows_can_be_gone_through_again():
    reading, rows = read(GOOD)
    assert list(reading.rows()) == rows


def test_the_importer_adds_refusals_of_its_own():
    reading, _ = read(GOOD)
    reading.refuse(2, refusals.FileEmpty(), "item_code", "0012")
    assert not reading.is_clean
    assert [(number, cells) for number, cells, _ in reading.bad_rows()] == [
        (2, ["0012", "2026-01-01", "3.36", "豫医保〔2026〕1号"])
    ]


# Files that mean harm, or were saved wrongly ----------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "FileEmpty"), (b"\n\n,,\n", "FileEmpty"), (GOOD.encode("utf-16"), "Utf16"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OldSpreadsheet"),
     (b"PK\x03\x04 nothing", "NotASpreadsheet"), (GOOD.encode().replace(b"0012", b"00\x0012"), "NotText"),
     (HEADER.encode() + b'0012,"2026-01-01,3.36,\n', "QuotesBroken"), (HEADER.encode() + b'"00"12,2026-01-01,3.36,\n', "QuotesBroken")],
)  # fmt: skip
def test_files_that_can_not_be_read_say_why(data, why):
    assert [code for _, _, code in refused(data)] == [why]


def test_a_nul_byte_is_named_with_its_row():
    assert refused(GOOD.encode() + b"0013,2026-01-01,3.36,\0\n") == [(3, None, "NotText")]


def test_a_thousand_columns_are_refused():
    assert refused(",".join(f"c{n}" for n in range(1000)) + "\n") == [(1, None, "TooManyColumns")]
    assert refused(HEADER + "," * 1000 + "\n") == [(2, None, "TooManyColumns")]


class Endless(io.RawIOBase):
    """A file of one huge line that takes no memory itself."""

    def __init__(self, size, start=b""):
        self.size, self.start, self.at = size, start, 0

    def read(self, count=-1):
        count = max(0, min(count if count >= 0 else self.size, self.size - self.at))
        data = (self.start[self.at : self.at + count]).ljust(count, b"x")
        self.at += count
        return data

    def seek(self, offset, whence=0):
        self.at = offset if whence == 0 else self.size + offset
        return self.at

    def tell(self):
        return self.at


@pytest.mark.parametrize(
    "start", [b"", HEADER.encode(), HEADER.encode() + b'"'], ids=["line", "row", "quote"]
)
def test_one_huge_line_is_refused_in_little_memory(start):
    tracemalloc.start()
    reading = open_file(PRICES, Endless(100_000_000, start))
    assert list(reading.rows()) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reading.problems[0].refusal.code == "RecordTooLong"
    assert peak < 12_000_000


def test_a_row_of_very_many_quoted_lines_is_refused():
    assert refused(HEADER + ('"a\nb",' * 200_000) + "\n") == [(2, None, "RecordTooLong")]


def test_too_large_a_file_is_refused_unread():
    assert [code for _, _, code in refused_file(Endless(300_000_000))] == ["FileTooLarge"]


def refused_file(file):
    reading = open_file(PRICES, file)
    return [(problem.row, problem.column, problem.refusal.code) for problem in reading.problems]


def test_reading_stops_after_very_many_problems_and_rows(monkeypatch):
    monkeypatch.setattr(limits, "MAX_PROBLEMS", 5)
    reading, _ = read(HEADER + "x,y,z,\n" * 100)
    assert len(reading.problems) <= 8
    assert reading.problems[-1].refusal.code == "TooManyProblems"
    monkeypatch.setattr(limits, "MAX_ROWS", 3)
    reading, rows = read(HEADER + "".join(f"{n},2026-01-01,1,\n" for n in range(9)))
    assert len(rows) == 3
    assert reading.problems[-1].refusal.code == "TooManyRows"


def test_a_long_value_is_cut_in_the_report():
    reading, _ = read(HEADER + "0012," + "9" * 5000 + ",3.36,\n")
    assert len(reading.problems[0].value) == 80
    assert len(str(reading.problems[0].refusal)) < 400


def test_reading_goes_on_where_it_ended_and_looks_at_the_bad_rows_again():
    text = HEADER + "".join(f"{n},2026-01-01,{'x' if n % 4 == 3 else 1},\n" for n in range(2, 12))
    whole, _ = read(text)
    bad = [problem.row for problem in whole.problems]
    again = open_file(PRICES, io.BytesIO(text.encode()))
    rest = [number for number, _ in again.values(after=6, refused=[n for n in bad if n <= 6])]
    assert rest == [n for n in range(7, 12) if n not in bad]
    assert [(p.row, p.column) for p in again.problems] == [(p.row, p.column) for p in whole.problems]
    assert (again.rows_read, again.share) == (10, 1.0)


# A spreadsheet's instants have no zone.
YEARS = (datetime(1985, 1, 1), datetime(2098, 12, 31))  # noqa: DTZ001


@given(
    st.sampled_from([column for kind in KINDS.values() for column in kind.columns]),
    st.text(max_size=20)
    | st.from_regex(r"'*[=+@]?[0-9]{1,4}-?[0-9]{0,2}(\.[0-9]{1,5})?", fullmatch=True)
    | st.datetimes(*YEARS).map(lambda moment: moment.isoformat())
    | st.datetimes(*YEARS)
    | st.floats(-1e17, 1e17) | st.booleans() | st.dates(),
)  # fmt: skip
def test_what_is_remembered_of_a_cell_is_what_looking_closely_gives(column, raw):
    def outcome(look):
        try:
            return look()
        except RuleBroken as refusal:
            return type(refusal), str(refusal)

    remembered = rows_module._Remembered(column)
    closely = outcome(lambda: rows_module._value(column, raw))
    assert outcome(lambda: remembered[raw]) == closely
    assert outcome(lambda: remembered[raw]) == closely


@given(st.datetimes(*YEARS), st.sampled_from(["", "+08:00", "Z", "+00:00"]))
def test_the_short_way_to_an_instant_gives_what_the_rule_gives(moment, zone):
    for text in (f"{moment:%Y-%m-%dT%H:%M:%S}{zone}", f"{moment:%Y-%m-%d %H:%M}{zone}"):
        assert cells.instant().read(text) == days.parse_moment(text)


# Spreadsheets -----------------------------------------------------------------------------------------


def test_a_spreadsheet_is_read_with_text_codes_typed_dates_and_numbers():
    data = workbook(
        ("品规编码", "生效日期", "每盒价格", "依据文号"),
        ("0012", date(2026, 1, 1), 3.36, "豫医保〔2026〕1号"),
        (410302, "2026-02-01", "0.1", ""),
    )
    reading, rows = read(data)
    assert reading.problems == []
    assert rows == [
        (2, ROW),
        (
            3,
            {
                "item_code": "410302",
                "valid_from": date(2026, 2, 1),
                "pack_price": Decimal("0.1"),
                "document_no": "",
            },
        ),
    ]


def test_rows_above_and_columns_left_of_the_table_do_not_shift_its_numbers():
    data = workbook((), (), ("", "item_code", "valid_from", "pack_price"), (), ("", "x", "2026-02-30", 1))
    assert refused(data) == [(5, "valid_from", "DayNotUnderstood")]


def test_a_code_of_twenty_digits_typed_as_a_number_is_refused():
    header = ("edition", "valid_from", "item_code")
    data = workbook(header, ("甲", "2026-01-01", 81234567890123456789))
    assert refused(data, EDITIONS) == [(2, "item_code", "NumberLostDigits")]


def test_the_quantities_of_a_spreadsheet_are_as_strict_as_those_of_a_csv_file():
    header = ("return_no", "receipt_no", "item_code", "packs", "agreed_at", "reason")
    bad = [0, -1, 1.5, 1e9, "一", True]
    data = workbook(
        header, *((f"T{n}", "R", "I", value, "2026-01-31T09:30", "召回") for n, value in enumerate(bad))
    )
    assert [(row, column) for row, column, _ in refused(data, KINDS["returns"])] == [
        (n, "packs") for n in range(2, 8)
    ]


def test_the_error_of_a_formula_is_not_read_as_an_empty_cell():
    data = workbook(
        ("item_code", "valid_from", "pack_price"),
        ("0012", "2026-01-01", 1),
        extra=lambda book, sheet: sheet.write_formula(1, 2, "=1/0", None, "#DIV/0!"),
    )
    assert refused(data) == [(2, None, "FormulaFailed")]


def tampered(data, name, change):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            markup = old.read(part)
            new.writestr(part, change(markup) if part == name else markup)
    return out.getvalue()


SHEET = "xl/worksheets/sheet2.xml"
BOOK = workbook(("item_code", "valid_from", "pack_price"), ("0012", "2026-01-01", 1))


@pytest.mark.parametrize(
    ("markup", "why"),
    [(b'<row r="1048576"><c r="A1048576"><v>1</v></c></row>', "SpreadsheetTooLarge"),
     (b'<row r="9"><c r="XFD9"><v>1</v></c></row>', "TooManyColumns"),
     (b'<row r="1048576"><c a=">" r="CV1048576"><v>1</v></c></row>', "SpreadsheetTooLarge"),
     (b'<row r="1048576"><c><v>1</v></c><c/><c r="CV1048576"><v>1</v></c></row>', "SpreadsheetTooLarge"),
     (b'<row r="99999999999"><c><v>1</v></c></row>', "SpreadsheetTooLarge")],
)  # fmt: skip
def test_a_few_bytes_that_ask_for_a_huge_sheet_are_refused(markup, why, monkeypatch):
    monkeypatch.setattr(limits, "MAX_CELLS", 1_000_000)
    data = tampered(BOOK, SHEET, lambda old: old.replace(b"</sheetData>", markup + b"</sheetData>"))
    assert [code for _, _, code in refused(data)] == [why]


def test_a_cell_far_away_is_seen_behind_many_usual_rows(monkeypatch):
    monkeypatch.setattr(limits, "MAX_CELLS", 1_000)
    rows = [("item_code", "valid_from", "pack_price"), *(("0012", "2026-01-01", 1) for _ in range(300))]
    reading = open_file(PRICES, io.BytesIO(workbook(*rows[:300])))
    assert reading.problems == []
    far = b'<row r="300"><c r="A400"><v>1</v></c></row></sheetData>'
    for data in (
        workbook(*rows, *rows[1:101]),
        tampered(workbook(*rows[:301]), SHEET, lambda old: old.replace(b"</sheetData>", far)),
    ):
        assert [code for _, _, code in refused(data)] == ["SpreadsheetTooLarge"]


def test_styled_empty_cells_far_away_do_no_harm():
    markup = b'<row r="1048576"><c r="XFD1048576" s="1"/></row></sheetData>'
    reading, rows = read(tampered(BOOK, SHEET, lambda old: old.replace(b"</sheetData>", markup)))
    assert (len(rows), reading.problems) == (1, [])


def test_one_long_text_in_very_many_cells_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "MAX_TEXT", 100_000)
    data = workbook(
        ("item_code", "valid_from", "pack_price"), *(("x" * 30_000, "2026-01-01", 1) for _ in range(5))
    )
    assert [code for _, _, code in refused(data)] == ["SpreadsheetTooLarge"]


def test_a_zip_bomb_is_refused_unpacked():
    data = tampered(BOOK, "docProps/app.xml", lambda old: b" " * 200_000_000)
    assert len(data) < 1_000_000
    assert [code for _, _, code in refused(data)] == ["SpreadsheetTooLarge"]


def test_entities_and_other_encodings_are_refused():
    for change in (
        lambda old: b'<!DOCTYPE x [<!ENTITY a "b">]>' + old,
        lambda old: old.decode().encode("utf-16"),
    ):
        assert [code for _, _, code in refused(tampered(BOOK, SHEET, change))] == ["NotASpreadsheet"]


def test_a_damaged_part_is_refused():
    cut = BOOK[: len(BOOK) // 2] + b"\0" * 40 + BOOK[len(BOOK) // 2 + 40 :]
    assert [code for _, _, code in refused(cut)] == ["NotASpreadsheet"]
    assert [code for _, _, code in refused(BOOK[:300])] == ["NotASpreadsheet"]
