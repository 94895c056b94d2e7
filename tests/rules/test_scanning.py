"""What scanners send is understood, and nothing else is."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules.scanning import Scan, ScanKind, read_scan, read_scans
from clinic_orders.rules.tracing import TraceCodeNotUnderstood, parse_trace_code, parse_trace_codes

CODE = "81234567890123456789"
GS = "\x1d"


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        f"  {CODE}\r",
        "８１２３４５６７８９０１２３４５６７８９",
        f"http://example.cn/{CODE}",
        f"药品追溯码:{CODE}",
    ],
)
def test_twenty_digits_are_a_pack_wherever_they_stand(text: str) -> None:
    assert read_scan(text) == Scan(ScanKind.PACK, CODE)


@pytest.mark.parametrize(
    ("sent", "kept", "batch_no", "expiry"),
    [
        (f"]d20106901234567892172806301025A{GS}21S77", "(01)06901234567892(17)280630(10)25A(21)S77", "25A", date(2028, 6, 30)),
        (f"0106901234567892172806301025A{GS}21S77", "(01)06901234567892(17)280630(10)25A(21)S77", "25A", date(2028, 6, 30)),
        ("]C1010690123456789221S77", "(01)06901234567892(21)S77", "", None),
        ("(01)06901234567892(10)25A(17)280630(21)S77", "(01)06901234567892(10)25A(17)280630(21)S77", "25A", date(2028, 6, 30)),
        # A day 00 is the end of the month.
        ("(01)06901234567892(17)280200(21)S77", "(01)06901234567892(17)280200(21)S77", "", date(2028, 2, 29)),
    ],
)  # fmt: skip
def test_a_gs1_string_says_product_batch_and_expiry_too(
    sent: str, kept: str, batch_no: str, expiry: date | None
) -> None:
    assert read_scan(sent) == Scan(ScanKind.PACK, kept, "6901234567892", batch_no, expiry)
    assert parse_trace_code(sent) == kept


def test_without_a_serial_number_a_gs1_string_is_only_the_product() -> None:
    assert read_scan("(01)06901234567892(10)25A") == Scan(
        ScanKind.PRODUCT, "6901234567892", "6901234567892", "25A"
    )


@pytest.mark.parametrize("text", ["6901234567892", "]E06901234567892"])
def test_the_69_code_is_only_the_product(text: str) -> None:
    assert read_scan(text) == Scan(ScanKind.PRODUCT, "6901234567892", "6901234567892")


@pytest.mark.parametrize(
    "text",
    [
        "", "12", CODE[:-1], f"{CODE}1", "6901234567893", "(01)123", "]d2", f"{CODE[:-1]}x",
        "0106901234567893" + "21S77", "%", "010690123456789217%", "0106901234567892179999992177",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(TraceCodeNotUnderstood):
        read_scan(text)


def test_of_a_list_the_good_ones_are_taken_and_the_others_named() -> None:
    scans, problems = read_scans(f"{CODE}\n6901234567892，12; {CODE}")
    assert [scan.code for scan in scans] == [CODE, "6901234567892", CODE]
    assert [problem.facts["typed"] for problem in problems] == ["12"]


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader_and_what_is_kept_reads_as_itself(text: str) -> None:
    try:
        scan = read_scan(text)
    except TraceCodeNotUnderstood:
        return
    if scan.kind is ScanKind.PACK:
        assert parse_trace_codes(scan.code) == (scan.code,)
        assert read_scan(scan.code) == scan
