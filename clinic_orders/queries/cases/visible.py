"""Who sees which cases, and what somebody is to a case (R-CASE-2, R-CASE-3)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, and_, exists, false, select

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.queries.roster import institutions_of
from clinic_orders.rules.ladder import SEVERE, CaseSide, CaseState, LetterState, Level
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.parties import BUYER_ROLES, Actor, Role

OUT = frozenset({LetterState.ISSUED, LetterState.REVOKED})
"""Letters that have left the bureau."""


def cases_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The cases that a person may see.

    The city sees all, a county those against institutions of its own. A party sees those against itself of which a
    letter has reached it: a draft accuses nobody.
    """
    if actor.role in {Role.CITY, Role.SYSTEM}:
        return CaseFile.id.is_not(None)
    if actor.role is Role.COUNTY:
        return institutions_of(actor, CaseFile.institution_id, on)
    sent = exists(select(CaseLetter.id).where(CaseLetter.case_id == CaseFile.id, CaseLetter.state.in_(OUT)))
    if actor.role is Role.DISTRIBUTOR:
        return and_(CaseFile.distributor_id == actor.distributor_id, sent)
    if actor.role in BUYER_ROLES:
        return and_(CaseFile.institution_id == actor.institution_id, sent)
    return false()


def letters_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The letters that a person may see: those of their cases; a party only those that have left the bureau."""
    of_case = CaseLetter.case_id.in_(select(CaseFile.id).where(cases_visible_to(actor, on)))
    if actor.role in BUYER_ROLES or actor.role is Role.DISTRIBUTOR:
        return and_(of_case, CaseLetter.state.in_(OUT))
    return of_case


def sides_of(actor: Actor, case: CaseFile, last: CaseLetter | None) -> frozenset[CaseSide]:
    """What somebody who sees a case is to it.

    A county's officer handles what has not come to a severe level; from the prior notice of one on, the city does.

    Args:
        actor: who.
        case: against whom.
        last: its last letter, proposed ones included, those sent back not.

    """
    if actor.role is Role.SYSTEM:
        return frozenset({CaseSide.SYSTEM})
    if actor.role is Role.CITY:
        waits = case.state is CaseState.PROPOSED and last is not None
        if waits and last is not None and actor.user_id is not None and last.made_by_id != actor.user_id:
            return frozenset({CaseSide.DECIDER, CaseSide.SECOND})
        return frozenset({CaseSide.DECIDER})
    if actor.role is Role.COUNTY:
        severe = last is not None and (last.kind is LetterKind.PRIOR_NOTICE or Level(last.level) in SEVERE)
        return frozenset() if severe else frozenset({CaseSide.OFFICER})
    own = (
        case.distributor_id == actor.distributor_id
        if actor.role is Role.DISTRIBUTOR
        else case.institution_id == actor.institution_id
    )
    return frozenset({CaseSide.PARTY}) if own else frozenset()


def last_letter(case_id: int) -> CaseLetter | None:
    """The newest letter of a case that was not sent back."""
    statement = (
        select(CaseLetter)
        .where(CaseLetter.case_id == case_id, CaseLetter.state != LetterState.SENT_BACK)
        .order_by(CaseLetter.id.desc())
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()


def last_letter_out(case_id: int) -> CaseLetter | None:
    """The newest letter of a case that has left the bureau."""
    statement = (
        select(CaseLetter)
        .where(CaseLetter.case_id == case_id, CaseLetter.state.in_(OUT))
        .order_by(CaseLetter.id.desc())
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()
