"""``check`` at the console answers to the letter of formats.md section 3, and stores nothing."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal

import pytest
from flask import Flask

from clinic_orders.cli import run
from tests.files_world import make_world, moment, order, receipt, take_well


@pytest.fixture(autouse=True)
def world(app: Flask) -> None:
    make_world()
    for number in range(4):
        take_well(
            "orders",
            order(
                order_no=f"E{number}",
                submitted_at=moment(f"2026-01-0{number + 5}T09:00"),
                confirmed_at=moment(f"2026-01-0{number + 5}T10:00"),
                emergency=number == 0,
            ),
        )


def check(app: Flask, *arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        run(lambda: app, ["check", *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_findings_come_as_one_json_document(app: Flask, capsys: pytest.CaptureFixture[str]):
    rule = ("--rule", "emergency_share")
    assert check(app, "--as-of", "2026-01-31", "--format", "json", *rule) == 0
    assert json.loads(capsys.readouterr().out) == {
        "as_of": "2026-01-31",
        "findings": [
            {
                "rule": "emergency_share",
                "grade": "clue",
                "institution": "0V01",
                "distributor": None,
                "key": None,
                "period": "2026-01",
                "formula": "1 / 4 = 0.2500 > 0.20",
                "share": "0.2500",
            }
        ],
    }


def test_a_month_is_judged_on_its_last_day(app: Flask, capsys: pytest.CaptureFixture[str]):
    assert check(app, "--as-of", "2026-01-30", "--format", "json", "--rule", "emergency_share") == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


def test_findings_come_as_csv_and_text(app: Flask, capsys: pytest.CaptureFixture[str]):
    rule = ("--rule", "emergency_share")
    assert check(app, "--as-of", "2026-01-31", "--format", "csv", *rule) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["rule"], row["institution"], row["figures"]) == ("emergency_share", "0V01", "share=0.2500")
    assert check(app, "--as-of", "2026-01-31", *rule) == 0
    said = capsys.readouterr()
    assert "0V01" in said.out
    assert said.err == "1 findings\n"


@pytest.mark.parametrize(
    "arguments", [(), ("--as-of", "2026-02-30"), ("--as-of", "2026-01-31", "--rule", "no")]
)
def test_wrong_usage_is_status_2(app: Flask, arguments: tuple[str, ...]):
    assert check(app, *arguments) == 2


def test_a_receipt_not_paid_in_time_names_both_sides(app: Flask, capsys: pytest.CaptureFixture[str]):
    take_well("receipts", receipt(order_no="E1"))
    paid = {"payment_no": "P1", "amount": Decimal("0.50"), "paid_on": date(2026, 3, 31)}
    take_well("payments", {"institution_code": "0V01", "distributor_code": "D01", **paid})
    rule = ("--format", "json", "--rule", "payment_overdue")
    assert check(app, "--as-of", "2026-02-28", *rule) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    assert check(app, "--as-of", "2026-03-30", *rule) == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["outstanding"], found["days_overdue"], found["ageing"]) == ("1.25", 30, "1-30")
    assert (found["grade"], found["institution"], found["distributor"]) == ("warning", "0V01", "D01")
    assert (found["key"], found["period"]) == ("R1", "2026-02-28")
    assert check(app, "--as-of", "2026-03-31", *rule) == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["outstanding"], found["ageing"], found["grade"]) == ("0.75", "31-60", "violation")
