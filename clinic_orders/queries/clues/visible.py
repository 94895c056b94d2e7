"""Who sees which clues, and what somebody is to a clue (R-TRACE-3)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import ColumnElement, exists, false, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.clues import Clue, ClueParty, ClueTransfer, IssuedClue
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.clues import ClueSide
from clinic_orders.rules.parties import BUYER_ROLES, Actor, Role


def clues_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The clues that a person may see.

    The city sees all, a county those about an institution of its own. An institution sees those about which it was
    asked: before somebody looks into a clue, whoever may be under suspicion is not told.
    """
    if actor.role in {Role.CITY, Role.SYSTEM}:
        return Clue.id.is_not(None)
    party = ClueParty
    if actor.role is Role.COUNTY:
        of_county = exists(
            select(party.clue_id).where(
                party.clue_id == Clue.id, institutions_of(actor, party.institution_id, on)
            )
        )
        return or_(Clue.county_code == actor.county_code, of_county)
    if actor.role in BUYER_ROLES:
        return exists(
            select(party.clue_id).where(
                party.clue_id == Clue.id,
                party.institution_id == actor.institution_id,
                party.asked_at.is_not(None),
            )
        )
    return false()


def issued_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The clues from above that a person may see: a county those that name an institution of its own."""
    if actor.role in {Role.CITY, Role.SYSTEM}:
        return IssuedClue.id.is_not(None)
    if actor.role is Role.COUNTY:
        return institutions_of(actor, IssuedClue.institution_id, on)
    return false()


def transfers_visible_to(actor: Actor) -> ColumnElement[bool]:
    """The transfer lists that a person may see: a county those of its own."""
    if actor.role in {Role.CITY, Role.SYSTEM}:
        return ClueTransfer.id.is_not(None)
    if actor.role is Role.COUNTY:
        return ClueTransfer.county_code == actor.county_code
    return false()


def sides_of(actor: Actor, clue: Clue, party_ids: Collection[int]) -> frozenset[ClueSide]:
    """What somebody who sees a clue is to it.

    Args:
        actor: who.
        clue: of which.
        party_ids: the institutions that it is about.

    """
    if actor.role is Role.SYSTEM:
        return frozenset({ClueSide.SYSTEM})
    if actor.role is Role.CITY:
        return frozenset({ClueSide.OFFICER})
    if actor.role is Role.COUNTY:
        own = clue.county_code == actor.county_code
        return frozenset({ClueSide.OFFICER if own else ClueSide.HELPER})
    if actor.role in BUYER_ROLES and actor.institution_id in party_ids:
        return frozenset({ClueSide.PARTY})
    return frozenset()


def county_of_all(institution_ids: Collection[int], *, on: date) -> str | None:
    """The county in which all of the institutions are on a day; None where there are several, or none."""
    record = InstitutionRecord
    found = db.session.scalars(
        select(record.county_code)
        .where(record.institution_id.in_(sorted(institution_ids)), current(record, on))
        .distinct()
    ).all()
    return found[0] if len(found) == 1 else None
