"""The commitment letter 承诺书 by versions: its clauses, and which rule checks each of them (R-ROSTER-4).

The wording is that of the paper, hence Chinese; a version that was signed stays as it is, a new wording is a new
version.

>>> [clause.number for clause in letter_text("2026-1").clauses]
[1, 2, 3, 4, 5, 6, 7]
>>> newest(date(2026, 11, 22)).version
'2026-1'
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule

_C = CheckRule


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause.

    Attributes:
        number: in its letter, from 1.
        text: what is promised; ``{rate}`` stands for the promised markup rate.
        rules: the rules of the scheme that check it.
        checks: the checks that find its breach; none where an inspection looks.

    """

    number: int
    text: str
    rules: tuple[str, ...]
    checks: tuple[CheckRule, ...] = ()


@dataclass(frozen=True, slots=True)
class LetterText:
    """A version of the letter, in force from a day on."""

    version: str
    valid_from: date
    opening: str
    clauses: tuple[Clause, ...]
    closing: str


_LETTERS: Final = (
    LetterText(
        "2026-1",
        date(2026, 1, 1),
        "我单位自愿参加集采药品“三进”行动，已逐条阅读并郑重承诺：",
        (
            Clause(
                1,
                "如实、足量报送采购需求，按约定完成采购量。",
                ("R-VOL-1", "R-VOL-3"),
                (_C.VOLUME_BEHIND, _C.NONSELECTED_SHARE),
            ),
            Clause(
                2,
                "按时结算货款，最晚于收货次月底前支付。",
                ("R-PAY-1",),
                (_C.PAYMENT_OVERDUE,),
            ),
            Clause(
                3,
                "按要求按时报送计划采购量、销售和库存，数据真实、完整。",
                ("R-VOL-1", "R-CASE-1"),
                (_C.REPORT_MISSING,),
            ),
            Clause(
                4,
                "集采药品销售价格公开，{rate}，不变相涨价、不搭售。",
                ("R-PRICE-1", "R-PRICE-5", "R-PRICE-6"),
                (_C.OVER_MARKUP, _C.OVER_SHELF_PRICE, _C.TIED_SALE),
            ),
            Clause(
                5,
                "落实“六统一”：统一标牌、专区（柜）、双标签公示、价格承诺、监督管理、宣传标语。",
                ("R-CASE-5",),
            ),
            Clause(
                6,
                "落实药品追溯规定，逐盒扫码，来源明确、去向可查。",
                ("R-TRACE-1", "R-TRACE-2"),
                (_C.TRACE_MISSING, _C.TRACE_NOT_RECEIVED, _C.TRACE_REPEAT_FAR, _C.SOLD_BEYOND_STOCK),
            ),
            Clause(
                7,
                "不跨地域、跨单位串换、转卖中选药品。",
                ("R-TRACE-2", "R-PRICE-7"),
                (_C.TRACE_REPEAT_FAR, _C.SETTLED_NOT_SOLD),
            ),
        ),
        "违反以上承诺的，愿意接受通报、约谈、暂停直至取消参与集采资格和医保定点等处理。",
    ),
)


class LetterVersionUnknown(RuleBroken):
    """No such version was ever in force."""

    message = N_("The letter has been worded anew meanwhile. Read it again and sign it.")


class ClausesUnread(RuleBroken):
    """The letter is signed clause by clause."""

    message = N_("Read every clause and tick it. Those not ticked yet are marked.")


class SignerMissing(RuleBroken):
    """A letter is signed with a name."""

    message = N_("Type the full name of whoever signs.")


class MarkRefused(RuleBroken):
    """The drawn mark is none that was drawn here."""

    message = N_("The drawn signature could not be read. Draw it again, or leave it away.")


class RateAboveCap(RuleBroken):
    """Nobody promises more than may be taken."""

    message = N_("The promised markup rate is above the highest one, %(cap)s. Type that or less.")


class RateNotUnderstood(RuleBroken):
    """Not a per cent figure."""

    message = N_("Type the markup rate in per cent, for example 15 or 12.5.")


def newest(on: date) -> LetterText:
    """The version in force on a day: the latest that had begun, before the first the first."""
    begun = [one for one in _LETTERS if one.valid_from <= on]
    return max(begun, key=lambda one: one.valid_from) if begun else _LETTERS[0]


def letter_text(version: str) -> LetterText:
    """The wording of a version.

    Raises:
        LetterVersionUnknown: there is none.

    """
    for one in _LETTERS:
        if one.version == version:
            return one
    raise LetterVersionUnknown


def rate_words(rate: Decimal | None) -> str:
    """The promised rate as the clause says it.

    >>> rate_words(Decimal("0.15")), rate_words(Decimal(0)), rate_words(None)
    ('加价率不超过15%', '执行零差率', '执行医保部门公布的加价率')

    """
    if rate is None:
        return "执行医保部门公布的加价率"
    if rate == 0:
        return "执行零差率"
    return f"加价率不超过{(rate * 100).normalize():f}%"


def read_rate(text: str, *, cap: Decimal | None) -> Decimal | None:
    """The promised rate as typed in per cent; empty where no cap is set and none is promised.

    Raises:
        RateNotUnderstood, RateAboveCap: it can't be promised.

    >>> read_rate("12.5", cap=Decimal("0.15")), read_rate("", cap=None)
    (Decimal('0.125'), None)

    """
    typed = text.strip().removesuffix("%").removesuffix("％").strip()
    if not typed and cap is None:
        return None
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", typed):
        raise RateNotUnderstood
    rate = Decimal(typed) / 100
    if cap is not None and rate > cap:
        raise RateAboveCap(cap=f"{(cap * 100).normalize():f}%")
    return rate


_MARK: Final = re.compile(r"M[0-9]{1,3},[0-9]{1,3}(?:[ML][0-9]{1,3},[0-9]{1,3}){1,2000}")


def check_signature(
    version: str, *, read: Collection[int], signer: str, mark: str, on: date
) -> tuple[LetterText, str, str]:
    """Check that the version in force was read as a whole and is signed.

    Args:
        version: that the page showed.
        read: the numbers of the clauses that were ticked.
        signer: the name typed.
        mark: what was drawn with the finger, as points of a path; empty: nothing.
        on: the day.

    Returns:
        the letter, the name and the mark.

    Raises:
        LetterVersionUnknown, ClausesUnread, SignerMissing, MarkRefused: it is not signed.

    >>> check_signature("2026-1", read=range(1, 8), signer=" 王桂兰 ", mark="M10,10L20,25", on=date(2026, 11, 22))[1:]
    ('王桂兰', 'M10,10L20,25')

    """
    letter = newest(on)
    if version != letter.version:
        raise LetterVersionUnknown
    if {clause.number for clause in letter.clauses} - set(read):
        raise ClausesUnread
    name = " ".join(signer.split())[:40]
    if len(name) < 2:
        raise SignerMissing
    if mark and not _MARK.fullmatch(mark):
        raise MarkRefused
    return letter, name, mark
