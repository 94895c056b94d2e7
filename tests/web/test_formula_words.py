"""The formula of every check is said in words, with the numbers of the stored one."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask_babel import force_locale

from clinic_orders.rules.days import Month, Quarter
from clinic_orders.rules.findings import CheckRule, Finding, Grade
from clinic_orders.rules.reporting import DueReport, ReportKind, report_missing
from clinic_orders.rules.roster import Days
from clinic_orders.rules.settlement import settled_not_sold
from clinic_orders.rules.shares import emergency_share, nonselected_share
from clinic_orders.rules.stocking import stocking_short
from clinic_orders.rules.volume_progress import Agreement, standing, volume_behind
from clinic_orders.web.formula_words import formula_words

MARCH = Month(2026, 3)


def samples() -> list[Finding | None]:
    agreement = Agreement("X1", "C1", date(2026, 1, 1), date(2026, 12, 31), agreed=100)
    state = standing(agreement, counted=10, members=[Days(date(2025, 1, 1))], on=date(2026, 7, 2))
    assert state is not None
    return [
        volume_behind(state, Grade.BEHIND, undelivered_by={"D1": 3}, rejected=2),
        emergency_share("C1", MARCH, emergency_lines=3, lines=10, limit=Decimal("0.2")),
        nonselected_share(
            "C1", "G", Quarter(2026, 1), other_units=1, selected_units=2, limit=Decimal("0.25")
        ),
        settled_not_sold("C1", "X1", MARCH, settled=10, sold=10, opening=0, accepted=9),
        settled_not_sold("C1", "X1", MARCH, settled=12, sold=10, opening=5, accepted=10),
        stocking_short(
            "C1",
            29,
            minimum=30,
            member_since=date(2025, 1, 1),
            suspended=False,
            grace_days=90,
            on=date(2026, 3, 31),
        ),
        report_missing(
            "C1",
            DueReport(ReportKind.SALES, "2026-02", date(2026, 3, 5)),
            received=False,
            on=date(2026, 3, 6),
        ),
    ]


@pytest.mark.parametrize("found", samples(), ids=lambda one: one.formula)
def test_a_formula_is_said_without_code_names(app: Flask, found: Finding) -> None:
    with app.test_request_context(), force_locale("zh_CN"):
        said = formula_words(found.rule, found.formula)
    assert said != found.formula
    assert not re.search(r"[a-z_]{3,}", said), said


@pytest.mark.parametrize(
    ("rule", "formula", "said"),
    [
        (
            CheckRule.OVER_MARKUP,
            "allowed = 3.36 × (1 + 0.15) × 10 / 28 → 1.38; 2.00 > 1.38; Σ excess = 0.62",
            "基准价 3.36 ×（1 + 15.0%）× 10 ÷ 每盒 28 → 最多收 1.38 元，实收 2.00 元；全月共多收 0.62 元",
        ),
        (
            CheckRule.OVER_SHELF_PRICE,
            "Σ excess = 0.05 + 0.02 = 0.07; lines = 2",
            "多收 0.05 + 0.02 = 0.07 元",
        ),
        (CheckRule.OVER_SHELF_PRICE, "Σ excess = 0.05 = 0.05; lines = 1", "多收 0.05 元，共 1 笔"),
        (
            CheckRule.PAYMENT_OVERDUE,
            "outstanding = 5.10 > 0; 2026-03-02 − 2026-02-28 = 2",
            "未付 5.10 元；从 2026 年 2 月 28 日到 2026 年 3 月 2 日，逾期 2 天",
        ),
        (CheckRule.DELIVERY_RATE, "rate = 0.8870 < 0.90; months_below = 3 ≥ 3", "配送率 88.7% < 90.0%"),
        (CheckRule.EMERGENCY_SHARE, "3 / 10 = 0.3000 > 0.20", "急救 3 行 ÷ 全部 10 行 = 30.0%，上限 20.0%"),
        (CheckRule.TRACE_MISSING, "nobody wrote this form", "nobody wrote this form"),
    ],
)
def test_the_numbers_stay(app: Flask, rule: CheckRule, formula: str, said: str) -> None:
    with app.test_request_context(), force_locale("zh_CN"):
        assert said in formula_words(rule, formula)


def test_the_time_gone_is_said_in_per_cent(app: Flask) -> None:
    found = samples()[0]
    assert found is not None
    gone = (date(2026, 7, 2) - date(2026, 1, 1) + timedelta(days=1)).days / 365
    with app.test_request_context(), force_locale("zh_CN"):
        assert f"{gone:.1%}" in formula_words(found.rule, found.formula)
