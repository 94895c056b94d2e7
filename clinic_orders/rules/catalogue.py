"""The catalogue on a day: editions, prices, who delivers, and the codes of the field (section 2).

>>> prices = [PriceRow(date(2026, 1, 1), Decimal("3.36")), PriceRow(date(2026, 7, 1), Decimal("3.10"))]
>>> price_in_force(prices, on=date(2026, 6, 30)).pack_price
Decimal('3.36')
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Protocol, TypeVar

from stdnum.cn import uscc as uscc_number
from stdnum.exceptions import ValidationError

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.roster import Dated, covers, state_on

D = TypeVar("D", bound=Dated)

ALL_ITEMS: Final = "*"
"""How a delivery relation for all items is written in files (formats.md)."""


# Editions, suitability and prices ---------------------------------------------------------------------


def suits(kinds: Collection[InstitutionKind], kind: InstitutionKind) -> bool:
    """Whether an item suits a kind of institution; none said means all (R-CAT-1).

    >>> suits((), InstitutionKind.VILLAGE_CLINIC)
    True
    >>> suits((InstitutionKind.TOWNSHIP_HOSPITAL,), InstitutionKind.VILLAGE_CLINIC)
    False
    """
    return not kinds or kind in kinds


def edition_in_force(editions: Iterable[D], *, on: date) -> D | None:
    """The list in force on a day: the latest whose first day is not later (R-CAT-1)."""
    return state_on(editions, on)


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A price of a pack in yuan from a day on, 00:00 Asia/Shanghai, with its document (R-CAT-2)."""

    valid_from: date
    pack_price: Decimal
    document_no: str = ""


def price_in_force(prices: Iterable[D], *, on: date) -> D | None:
    """The price that holds on a day of Asia/Shanghai; an order line freezes it on submission (R-CAT-2)."""
    return state_on(prices, on)


# Who delivers (R-CAT-3) -------------------------------------------------------------------------------


class RelationLike(Protocol):
    """A delivery relation as it is stored; exactly one of institution and county is set, no item = all."""

    @property
    def institution_id(self) -> int | None: ...  # noqa: D102 - the names say it.
    @property
    def county_code(self) -> str | None: ...  # noqa: D102
    @property
    def item_id(self) -> int | None: ...  # noqa: D102
    @property
    def valid_from(self) -> date: ...  # noqa: D102
    @property
    def valid_to(self) -> date | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Relation:
    """Who delivers an item to an institution or a county (配送关系); the last day is included."""

    distributor_id: int
    valid_from: date
    institution_id: int | None = None
    county_code: str | None = None
    item_id: int | None = None
    valid_to: date | None = None


RelationT = TypeVar("RelationT", bound=RelationLike)


def relation_rank(
    relation: RelationLike, *, institution_id: int, county_code: str, item_id: int
) -> int | None:
    """How specific a relation is for an institution and an item; None where it is about others.

    3 institution + item, 2 institution + all, 1 county + item, 0 county + all.
    """
    if relation.item_id is not None and relation.item_id != item_id:
        return None
    if relation.institution_id is not None:
        scope = 2 if relation.institution_id == institution_id else None
    else:
        scope = 0 if relation.county_code == county_code else None
    return None if scope is None else scope + (relation.item_id is not None)


def relation_in_force(
    relations: Iterable[RelationT], *, institution_id: int, county_code: str, item_id: int, on: date
) -> RelationT | None:
    """The one relation by which an item reaches an institution on a day; None = no distributor (R-CAT-3).

    The most specific wins: institution + item, institution + all items, county + item, county + all; then the
    latest first day. The last day is included.

    >>> county = Relation(1, date(2026, 1, 1), county_code="410311")
    >>> own = Relation(2, date(2025, 1, 1), institution_id=7, valid_to=date(2026, 6, 30))
    >>> [relation_in_force([county, own], institution_id=7, county_code="410311", item_id=5, on=day).distributor_id
    ...     for day in (date(2026, 6, 30), date(2026, 7, 1))]
    [2, 1]
    """
    best: RelationT | None = None
    best_rank: tuple[int, date] | None = None
    for relation in relations:
        if not covers(relation.valid_from, relation.valid_to, on):
            continue
        specific = relation_rank(
            relation, institution_id=institution_id, county_code=county_code, item_id=item_id
        )
        if specific is None:
            continue
        rank = (specific, relation.valid_from)
        if best_rank is None or rank > best_rank:
            best, best_rank = relation, rank
    return best


# Codes of the field -----------------------------------------------------------------------------------


class CodeRefused(RuleBroken):
    """A code does not have the form its kind has."""


class ApprovalNumberRefused(CodeRefused):
    """Not a drug approval number."""

    message = N_("“%(typed)s” is not an approval number. It looks like 国药准字H20250001.")


class DrugCodeRefused(CodeRefused):
    """Not a drug code of medical insurance."""

    message = N_(
        "“%(typed)s” is not an insurance drug code. It has 23 characters, 20 for Chinese patent medicine."
    )


class InstitutionCodeRefused(CodeRefused):
    """Not an institution code of medical insurance."""

    message = N_(
        "“%(typed)s” is not an insurance institution code. It looks like H41030500001 or P41030500001."
    )


class CreditCodeRefused(CodeRefused):
    """Not a unified social credit code, or its check character is wrong."""

    message = N_("“%(typed)s” is not a unified social credit code. Check its 18 characters.")


_APPROVAL: Final = re.compile(r"国药准字[HZSJ][CJ]?[0-9]{8}")
_WESTERN_DRUG: Final = re.compile(r"X[A-Z][0-9A-Z]{21}")
_PATENT_DRUG: Final = re.compile(r"Z[A-Z][0-9A-Z]{18}")
_NHSA_INSTITUTION: Final = re.compile(r"[HP][0-9]{11}")


def check_approval_number(text: str) -> str:
    """The approval number in its usual writing: 国药准字, one or two letters, 8 digits.

    Raises:
        ApprovalNumberRefused: another form.

    >>> check_approval_number("国药准字h20250001")
    '国药准字H20250001'

    """
    code = "".join(text.split()).upper()
    if _APPROVAL.fullmatch(code) is None:
        raise ApprovalNumberRefused(typed=text)
    return code


def check_drug_code(text: str) -> str:
    """The drug code of medical insurance: 23 characters (western, X…) or 20 (Chinese patent medicine, Z…).

    Raises:
        DrugCodeRefused: another form.

    >>> check_drug_code("XC10AAA178A001010105623")
    'XC10AAA178A001010105623'

    """
    code = text.strip().upper()
    if _WESTERN_DRUG.fullmatch(code) is None and _PATENT_DRUG.fullmatch(code) is None:
        raise DrugCodeRefused(typed=text)
    return code


def check_institution_code(text: str) -> str:
    """The institution code of medical insurance: H or P, 6 digits of region, 5 of serial.

    Raises:
        InstitutionCodeRefused: another form.

    >>> check_institution_code("h41030500012")
    'H41030500012'

    """
    code = text.strip().upper()
    if _NHSA_INSTITUTION.fullmatch(code) is None:
        raise InstitutionCodeRefused(typed=text)
    return code


def check_credit_code(text: str) -> str:
    """The unified social credit code, 18 characters with a check character (GB 32100-2015).

    Raises:
        CreditCodeRefused: another form or a wrong check character.

    >>> check_credit_code("91110000600037341L")
    '91110000600037341L'

    """
    try:
        return str(uscc_number.validate(text.strip()))
    except ValidationError:
        raise CreditCodeRefused(typed=text) from None
