"""What the deeds on a case share: finding it locked, the step, the event, the audit, who is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseEvent, CaseFile, CaseLetter
from clinic_orders.queries.cases import cases_visible_to, county_of, last_letter, sides_of
from clinic_orders.queries.payments import name_of_distributor, name_of_institution
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.ladder import CaseSide, CaseState, CaseStep, check_case_step
from clinic_orders.rules.letter_requests import check_length
from clinic_orders.rules.parties import Actor, Role

NOTE: Final = 500
"""Characters of a reason or remark."""


@dataclass(slots=True)
class Hand:
    """A case in the hand of a deed.

    Attributes:
        case: locked.
        last: its newest letter that was not sent back.
        sides: what the actor is to it.

    """

    case: CaseFile
    last: CaseLetter | None
    sides: frozenset[CaseSide]

    @property
    def side(self) -> CaseSide:
        """The side as which the actor is written down: the one that may do most."""
        for one in (CaseSide.SECOND, CaseSide.DECIDER, CaseSide.OFFICER, CaseSide.PARTY):
            if one in self.sides:
                return one
        return CaseSide.SYSTEM

    @property
    def letter(self) -> CaseLetter:
        """The last letter of a case of which one is out."""
        assert self.last is not None, "the table of steps lets nobody come here without a letter"
        return self.last


def take(number: str, *, by: Actor, at: datetime, seen_version: int | None = None, lock: bool = True) -> Hand:
    """The case, locked until the deed ends; a preview only looks.

    Raises:
        NotFound: no such case for this actor.
        ChangedMeanwhile: its version is no longer ``seen_version``.

    """
    statement = select(CaseFile).where(CaseFile.number == number, cases_visible_to(by, day_in_china(at)))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound(number=number)
    if seen_version is not None and seen_version != found.version:
        raise ChangedMeanwhile(number=number)
    last = last_letter(found.id)
    return Hand(found, last, sides_of(by, found, last))


def step(hand: Hand, wanted: CaseStep) -> CaseState:
    """The state to which a step leads; see ``rules.ladder.check_case_step`` for the refusals."""
    return check_case_step(wanted, hand.case.state, hand.sides)


def remark(text: str) -> str:
    """A reason or remark without blanks around it, refused where it is too long."""
    return check_length(text, NOTE)


def write(
    hand: Hand,
    taken: CaseStep,
    deed: str,
    *,
    by: Actor,
    at: datetime,
    note: str = "",
    letter_id: int | None = None,
    answer_id: int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Write the event and the audit entry of a step; the case is flushed with its new version."""
    case = hand.case
    case.moved_at = at
    # The version rises with every step, also with one of the same instant.
    flag_modified(case, "moved_at")
    db.session.add(
        CaseEvent(
            case_id=case.id,
            step=taken,
            side=hand.side,
            at=at,
            by_id=by.user_id,
            by_name=by.name,
            letter_id=letter_id,
            answer_id=answer_id,
            note=note,
            facts=facts or {},
        )
    )
    db.session.flush()
    county, _ = county_of(case, on=day_in_china(at))
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="case",
        subject_id=case.id,
        subject=case.number,
        institution_id=case.institution_id,
        distributor_id=case.distributor_id,
        county_code=county or None,
        before=before,
        after=after,
    )


def tell_party(kind: str, hand: Hand, facts: dict[str, Any], *, at: datetime) -> None:
    """Tell the accused; the notice opens the last letter."""
    notices.tell(
        kind,
        at=at,
        facts=facts,
        link=f"/letters/{hand.letter.id}",
        institution_id=hand.case.institution_id,
        distributor_id=hand.case.distributor_id,
    )


def tell_bureau(kind: str, hand: Hand, facts: dict[str, Any], *, at: datetime) -> None:
    """Tell the bureau that handles the case: the county of an institution, the city for severe levels and distributors."""
    county, _ = county_of(hand.case, on=day_in_china(at))
    last = hand.last
    officer = Actor("", Role.COUNTY, county_code=county)
    of_city = not county or not sides_of(officer, hand.case, last)
    notices.tell(
        kind,
        at=at,
        facts={"case": hand.case.number, "party": party_name(hand.case, at=at), **facts},
        link=f"/cases/{hand.case.number}",
        county_code=None if of_city else county,
    )


def party_name(case: CaseFile, *, at: datetime) -> str:
    """The name of the accused."""
    if case.institution_id is not None:
        return name_of_institution(case.institution_id, on=day_in_china(at))
    assert case.distributor_id is not None, "a case has a party"
    return name_of_distributor(case.distributor_id)
