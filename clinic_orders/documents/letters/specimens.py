"""Specimens 样张: letters of every kind about every check, with invented figures, for tests and ``bench letters``."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from clinic_orders.rules.findings import FIGURES, CheckRule, Figure, Grade
from clinic_orders.rules.letters import (
    Contact,
    Earlier,
    Issuer,
    LetterContent,
    LetterKind,
    LetterNumber,
    Matter,
    Meeting,
    Sold,
    Terms,
    compose,
)

SIGNED = date(2026, 11, 20)
ISSUER = Issuer(
    "洛阳市医疗保障局",
    Contact("医药服务管理科", "陈静", "0379-00000000（演示）", "洛阳市洛龙区开元大道1号（演示）"),
    "洛阳市医疗保障局办公室",
)
LONG_NAME = "洛阳市伊川县安和堂大药房连锁有限公司鸦岭镇第一百二十三分店（原鸦岭镇康复医药超市）"
_DRUGS = (
    "硫酸氢氯吡格雷片（75mg×28片）",
    "缬沙坦胶囊（80mg×36粒）",
    "阿莫西林胶囊（0.25g×24粒）",
    "苯磺酸氨氯地平片（5mg×28片，深圳某制药有限公司）",
    "盐酸二甲双胍缓释片（0.5g×60片）",
)
_VALUES: dict[Figure, Any] = {
    Figure.COUNT: 23,
    Figure.AMOUNT: "215.06",
    Figure.RATE: "0.2017",
    Figure.POINTS: "12.50",
}
_WORD = {
    "ageing": "31-60",
    "due_on": "2026-11-05",
    "asked": "集采药品按双标签公示价格。",
    "about": "dearer",
    "remark": "柜台二层没有标签。",
}
_FORMULA = "allowed = 68.24 × (1 + 0.10) × 28 / 28 → 75.06; 82.00 > 75.06; Σ excess = 215.06"
_QUARTERS = {CheckRule.NONSELECTED_SHARE}
_DAYS = {
    CheckRule.PAYMENT_OVERDUE,
    CheckRule.VOLUME_BEHIND,
    CheckRule.LATE_CONFIRMATION,
    CheckRule.LATE_ACCEPTANCE,
    CheckRule.INSPECTION,
    CheckRule.COMPLAINT,
}
_CLUES = {CheckRule.SETTLED_NOT_SOLD, CheckRule.EMERGENCY_SHARE, CheckRule.TIED_SALE}


def matter(rule: CheckRule, number: int = 0, *, sales: int = 0) -> Matter:
    """A finding of a rule, another one for every number."""
    figures: dict[str, Any] = {}
    for name, form in FIGURES[rule].items():
        if form is Figure.WORD:
            figures[name] = _WORD[name]
        elif form is Figure.WORDS:
            figures[name] = ["C001", "C002"]
        elif form is Figure.COUNT:
            figures[name] = 23 + number
        else:
            figures[name] = str(Decimal(_VALUES[form]) + Decimal(number) / 100)
    period = "2026-Q3" if rule in _QUARTERS else "2026-09-30" if rule in _DAYS else "2026-10"
    key = "sales" if rule is CheckRule.REPORT_MISSING else f"PS20261001-{number + 1:04}"
    if rule.value.startswith("trace_") and rule is not CheckRule.TRACE_MISSING:
        key = f"{84319550000000000000 + number}"
    return Matter(
        rule,
        Grade.CLUE if rule in _CLUES or rule.value.startswith("trace_") else Grade.VIOLATION,
        key,
        period,
        _FORMULA,
        figures,
        item=_DRUGS[number % len(_DRUGS)],
        other="国药控股洛阳有限公司（演示）" if rule is CheckRule.PAYMENT_OVERDUE else "",
        sales=tuple(
            Sold(
                date(2026, 10, 1) + timedelta(days=place % 31),
                f"XS202610{place % 31 + 1:02}-{place:05}/1",
                _DRUGS[number % len(_DRUGS)],
                28,
                Decimal("82.00"),
            )
            for place in range(sales)
        ),
    )


TERMS = Terms(
    deadline=date(2026, 12, 3),
    meeting=Meeting(datetime(2026, 12, 4, 1, 30, tzinfo=UTC), "洛阳市医疗保障局三楼302会议室"),
    first_day=date(2026, 12, 10),
    last_day=date(2027, 3, 9),
    again_from=date(2028, 12, 10),
    documents=("《关于集采药品加价率的通知》（洛医保〔2026〕8号）",),
    earlier=(
        Earlier(LetterNumber("洛医保函", 2026, 3), LetterKind.INQUIRY, date(2026, 9, 1), date(2026, 9, 8)),
        Earlier(LetterNumber("洛医保约", 2026, 2), LetterKind.INTERVIEW, date(2026, 10, 9)),
    ),
)


def letter(
    kind: LetterKind = LetterKind.INQUIRY,
    rules: tuple[CheckRule, ...] = (CheckRule.OVER_MARKUP,),
    *,
    findings: int = 2,
    sales: int = 0,
    party: str = "安和堂大药房伊川店",
    serial: int | None = 17,
    **more: Any,
) -> LetterContent:
    """A whole letter; without a serial number a draft."""
    return compose(
        kind,
        issuer=ISSUER,
        party=party,
        matters=[matter(rule, number, sales=sales) for rule in rules for number in range(findings)],
        terms=more.pop("terms", TERMS),
        signed_on=SIGNED,
        number=None if serial is None else LetterNumber("洛医保函", 2026, serial),
        token="" if serial is None else f"sample-token-{serial:08}",
        addressee="各县（区）医疗保障局，各有关单位" if kind is LetterKind.BULLETIN else "",
        copies=("伊川县医疗保障局",),
        demo=True,
        **more,
    )
