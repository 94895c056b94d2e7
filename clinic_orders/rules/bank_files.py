"""Lines of a bank statement: what its columns mean, who paid, for which receipt, and whether it was here before.

>>> guess_columns(["交易日期", "对方户名", "贷方金额", "摘要"])[BankField.AMOUNT]
2
>>> read_day("2026年11月5日"), read_amount("¥ 1,234.50")
(datetime.date(2026, 11, 5), Decimal('1234.50'))
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.money import parse_amount

MOST_LINES: Final = 2000


class BankField(StrEnum):
    """What a column of a bank statement means; the first two must be named."""

    DATE = "date"
    AMOUNT = "amount"
    PARTY = "party"
    ACCOUNT = "account"
    REFERENCE = "reference"


class BankLineState(StrEnum):
    """Where a line stands."""

    OPEN = "open"
    ENTERED = "entered"
    KNOWN = "known"


class ColumnsMissing(RuleBroken):
    """A statement without days or amounts is none."""

    message = N_("Say which column holds the day and which the amount, each another one.")


class NoLines(RuleBroken):
    """Nothing to enter."""

    message = N_("No line has a day and an amount in the chosen columns. Choose other columns.")


class TooManyLines(RuleBroken):
    """A statement too long to be looked through."""

    message = N_("A statement may have %(limit)s lines. Take a shorter period.")


class PartyUnknown(RuleBroken):
    """The line names nobody with whom the organisation deals."""

    message = N_("“%(typed)s” is nobody you deal with. Write the code or the whole name.")


_WORDS: Final[Mapping[BankField, tuple[str, ...]]] = {
    BankField.DATE: ("交易日期", "记账日期", "入账日期", "交易时间", "日期", "date"),
    BankField.AMOUNT: ("贷方", "收入", "借方", "支出", "交易金额", "发生额", "金额", "amount"),
    BankField.PARTY: ("对方户名", "对方名称", "对方单位", "付款人", "收款人", "户名", "name"),
    BankField.ACCOUNT: ("对方账号", "对方帐号", "付款账号", "账号", "帐号", "account"),
    BankField.REFERENCE: ("附言", "摘要", "用途", "备注", "流水", "reference"),
}


def guess_columns(headings: Sequence[str]) -> dict[BankField, int]:
    """Which column probably means what; each column once."""
    found: dict[BankField, int] = {}
    for field, words in _WORDS.items():
        places = [
            place
            for word in words
            for place, heading in enumerate(headings)
            if word in plain(heading) and place not in found.values()
        ]
        if places:
            found[field] = places[0]
    return found


def plain(text: str) -> str:
    """A name as it is compared: without spaces, brackets' width and capitals."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


_DAY: Final = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[ T].*)?")


def read_day(text: str) -> date:
    """A day as banks write it; with a time behind it, if any.

    Raises:
        DayNotUnderstood: it is none.

    """
    found = _DAY.fullmatch(text.strip())
    return parse_day(text if found is None else f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}")


def read_amount(text: str) -> Decimal:
    """An amount as banks write it, negative for what went the other way.

    Raises:
        AmountNotUnderstood, AmountTooFine: it is none.

    """
    typed = re.sub(r"[,\s¥￥元+]", "", unicodedata.normalize("NFKC", text))
    return parse_amount(typed, may_be_negative=True)


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One line of the statement, read.

    Attributes:
        row_no: as a spreadsheet numbers it.
        paid_on: the day.
        amount: yuan, above 0.
        party: the other side's name.
        account: its account.
        reference: the bank's number or what was written with it.
        fingerprint: the same for the same line of a later file.

    """

    row_no: int
    paid_on: date
    amount: Decimal
    party: str
    account: str
    reference: str
    fingerprint: str


def read_entries(
    rows: Iterable[tuple[int, Sequence[str]]], columns: Mapping[BankField, int]
) -> list[BankEntry]:
    """The lines of a statement; what has no day or no amount (sums, blank lines) is left out.

    Where amounts of both signs stand in one column only the more frequent sign is taken: the other ones are money
    that went the other way. Two lines that are equal in everything are two; the second is fingerprinted as such.

    >>> rows = [(2, ["2026-11-05", "100"]), (3, ["2026-11-05", "100"]), (4, ["合计", "200"]), (5, ["2026-11-06", "-3"])]
    >>> found = read_entries(rows, {BankField.DATE: 0, BankField.AMOUNT: 1})
    >>> [one.row_no for one in found], found[0].fingerprint == found[1].fingerprint
    ([2, 3], False)

    Raises:
        ColumnsMissing, NoLines: nothing can be read with these columns.

    """
    if not {BankField.DATE, BankField.AMOUNT} <= set(columns) or len(set(columns.values())) < len(columns):
        raise ColumnsMissing
    read: list[tuple[int, date, Decimal, list[str]]] = []
    for number, cells in rows:

        def cell(field: BankField, cells: Sequence[str] = cells) -> str:
            place = columns.get(field)
            return cells[place].strip() if place is not None and place < len(cells) else ""

        try:
            day, amount = read_day(cell(BankField.DATE)), read_amount(cell(BankField.AMOUNT))
        except RuleBroken:
            continue
        texts = [cell(field) for field in (BankField.PARTY, BankField.ACCOUNT, BankField.REFERENCE)]
        if amount:
            read.append((number, day, amount, texts))
    if not read:
        raise NoLines
    incoming = sum(1 for _, _, amount, _ in read if amount > 0)
    positive = incoming * 2 >= len(read)
    seen: dict[str, int] = {}
    found = []
    for number, day, amount, (party, account, reference) in read:
        if (amount > 0) is not positive:
            continue
        whole = "\x1f".join(
            [day.isoformat(), f"{abs(amount):.2f}", plain(party), plain(account), plain(reference)]
        )
        seen[whole] = seen.get(whole, 0) + 1
        mark = hashlib.sha256(f"{whole}\x1f{seen[whole]}".encode()).hexdigest()
        found.append(BankEntry(number, day, abs(amount), party[:100], account[:64], reference[:200], mark))
    if len(found) > MOST_LINES:
        raise TooManyLines(limit=MOST_LINES)
    return found


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody with whom the organisation deals: a pair of institution and distributor."""

    paying_id: int
    distributor_id: int
    code: str
    name: str


def match_party(name: str, parties: Sequence[Party]) -> Party | None:
    """Who a name on a statement is: the same name or code, else the only one whose name holds it or is held by it.

    >>> two = [Party(1, 9, "V01", "明白川村卫生室"), Party(2, 9, "V02", "龙王村卫生室")]
    >>> match_party("嵩县明白川村卫生室", two).code, match_party("卫生室", two), match_party("v02", two).code
    ('V01', None, 'V02')
    """
    asked = plain(name)
    if not asked:
        return None
    same = [one for one in parties if asked in {plain(one.name), plain(one.code)}]
    if not same:
        same = [
            one
            for one in parties
            if plain(one.name) and (plain(one.name) in asked or asked in plain(one.name))
        ]
    return same[0] if len(same) == 1 else None


@dataclass(frozen=True, slots=True)
class OpenAmount:
    """A receipt of a pair that is not fully paid."""

    paying_id: int
    distributor_id: int
    receipt_no: str
    outstanding: Decimal


def match_receipt(reference: str, amount: Decimal, party: Party, receipts: Iterable[OpenAmount]) -> str:
    """The receipt that a line is for: the one whose number it writes, else the only one of just this amount; or "".

    >>> party = Party(1, 9, "V01", "明白川村卫生室")
    >>> two = [OpenAmount(1, 9, "PS1", Decimal("6.73")), OpenAmount(1, 9, "PS2", Decimal("10.00"))]
    >>> match_receipt("货款 ps2", Decimal("6.73"), party, two), match_receipt("", Decimal("6.73"), party, two)
    ('PS2', 'PS1')
    """
    own = [
        one
        for one in receipts
        if (one.paying_id, one.distributor_id) == (party.paying_id, party.distributor_id)
    ]
    text = plain(reference)
    named = [one.receipt_no for one in own if plain(one.receipt_no) in text]
    if named:
        return max(named, key=len)
    same = [one.receipt_no for one in own if one.outstanding == amount]
    return same[0] if len(same) == 1 else ""
