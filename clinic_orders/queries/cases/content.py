"""The text of a letter of a case, with the party's own figures (R-CASE-2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseAnswer, CaseFile, CaseLetter
from clinic_orders.models.roster import County, Distributor, Institution
from clinic_orders.queries.cases.standards import Standard, documents
from clinic_orders.queries.findings import FindingRow, sold_lines
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ladder import LetterState, Level, reentry_day
from clinic_orders.rules.letter_requests import LetterRequest, bureau_name
from clinic_orders.rules.letters import OF_LEVEL, Contact, LetterContent, LetterKind, LetterNumber
from clinic_orders.rules.letters.matters import Matter, Sold
from clinic_orders.rules.letters.wording import Earlier, Issuer, Meeting, Terms, compose
from clinic_orders.rules.parties import Actor, Role

_WITH_SALES: Final = frozenset({CheckRule.OVER_MARKUP, CheckRule.OVER_SHELF_PRICE})
# To whom a proposal about designated status goes; it decides, the bureau only proposes.
_AGENCY: Final = "医保经办机构"


def county_of(case: CaseFile, *, on: date) -> tuple[str, str]:
    """Code and name of the county of an institution on a day; empty for a distributor."""
    if case.institution_id is None:
        return "", ""
    code = standing(case.institution_id, on=on).county_code
    return code, db.session.get_one(County, code).name


def issuing_county(case: CaseFile, by: Actor, *, on: date) -> str:
    """The name of the county whose bureau issues a letter; empty for the city's."""
    return county_of(case, on=on)[1] if by.role is Role.COUNTY else ""


def _matter(found: FindingRow) -> Matter:
    sales: tuple[Sold, ...] = ()
    if found.rule in _WITH_SALES and found.institution_id is not None:
        sales = tuple(
            Sold(
                day_in_china(one.sold_at), one.sale_no, f"{one.product} {one.strength}".strip(),
                one.base_units, one.amount,
            )
            for one in sold_lines(found.institution_id, found.rows)
        )  # fmt: skip
    other = found.distributor if found.institution_id is not None else ""
    return Matter(
        found.rule, found.grade, found.key, found.period, found.formula, found.figures, found.item, other, sales
    )  # fmt: skip


def _earlier(case_id: int) -> tuple[Earlier, ...]:
    """The letters that went before, with the day of the first answer to each."""
    answered: dict[int, datetime] = {}
    for letter_id, at in db.session.execute(
        select(CaseAnswer.letter_id, CaseAnswer.at)
        .where(CaseAnswer.case_id == case_id)
        .order_by(CaseAnswer.id)
    ):
        answered.setdefault(letter_id, at)
    sent = db.session.scalars(
        select(CaseLetter)
        .where(CaseLetter.case_id == case_id, CaseLetter.state == LetterState.ISSUED)
        .order_by(CaseLetter.id)
    )
    return tuple(
        Earlier(
            LetterNumber.parse(one.number or ""),
            one.kind,
            one.issued_on or day_in_china(one.made_at),
            day_in_china(answered[one.id]) if one.id in answered else None,
        )
        for one in sent
    )


def _terms(case: CaseFile, request: LetterRequest, standards: Sequence[Standard], on: date) -> Terms:
    again = None
    if request.level is Level.CANCELLATION:
        months = policy_book("case.reentry_months").whole("case.reentry_months", on=on)
        again = reentry_day(request.first_day or on, months)
    return Terms(
        deadline=request.deadline,
        meeting=Meeting(request.meeting_at, request.meeting_place.strip()) if request.meeting_at else None,
        first_day=request.first_day,
        last_day=request.last_day,
        again_from=again,
        ends_status=request.ends_status,
        about=OF_LEVEL[request.level],
        documents=documents(standards),
        earlier=_earlier(case.id),
        jump_reason=request.jump_reason,
    )


def content_of(
    case: CaseFile,
    request: LetterRequest,
    findings: Sequence[FindingRow],
    standards: Sequence[Standard],
    *,
    by: Actor,
    on: date,
) -> LetterContent:
    """The draft of a letter, without number and token.

    Args:
        case: about whom.
        request: what the officer typed, checked.
        findings: what it rests on.
        standards: the policy by which these were judged.
        by: the officer, who answers questions.
        on: the day it bears.

    """
    county = issuing_county(case, by, on=on)
    if case.institution_id is None:
        distributor = db.session.get_one(Distributor, case.distributor_id)
        party, copies, demo = distributor.name, [], distributor.demo
    else:
        party = standing(case.institution_id, on=on).name
        copies = [] if county else [bureau_name(county_of(case, on=on)[1])]
        demo = db.session.get_one(Institution, case.institution_id).demo
    name = bureau_name(county)
    to_agency = request.kind is LetterKind.PROPOSAL
    return compose(
        request.kind,
        issuer=Issuer(name, Contact(person=by.name), f"{name}办公室"),
        party=party,
        matters=[_matter(one) for one in findings],
        terms=_terms(case, request, standards, on),
        signed_on=on,
        addressee=_AGENCY if to_agency else "",
        to_distributor=case.institution_id is None,
        note=request.words,
        copies=[party, *copies] if to_agency else copies,
        demo=demo,
    )
