"""What the deeds on a clue share: finding it locked, the step, the event, the audit, who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.attachments import of_file
from clinic_orders.models.base import db
from clinic_orders.models.clues import Clue, ClueEvent, ClueEvidence, ClueParty
from clinic_orders.queries.clues.visible import clues_visible_to, sides_of
from clinic_orders.rules.attachments import MOST_FILES, AttachedFile, TooManyFiles
from clinic_orders.rules.clues import ClueSide, ClueState, ClueStep, check_clue_step
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.letter_requests import check_length
from clinic_orders.rules.parties import Actor, Permission

NOTE: Final = 1000
"""Characters of a reason or remark."""


@dataclass(slots=True)
class Hand:
    """A clue in the hand of a deed: locked, with its institutions and what the actor is to it."""

    clue: Clue
    parties: dict[int, ClueParty]
    sides: frozenset[ClueSide]

    @property
    def side(self) -> ClueSide:
        """The side as which the actor is written down."""
        for one in (ClueSide.OFFICER, ClueSide.HELPER, ClueSide.PARTY):
            if one in self.sides:
                return one
        return ClueSide.SYSTEM


def take(number: str, *, by: Actor, at: datetime, seen_version: int | None = None) -> Hand:
    """The clue, locked until the deed ends.

    Raises:
        NotFound: no such clue for this actor.
        ChangedMeanwhile: its version is no longer ``seen_version``.

    """
    found = db.session.execute(
        select(Clue)
        .where(Clue.number == number, clues_visible_to(by, day_in_china(at)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=number)
    if seen_version is not None and seen_version != found.version:
        raise ChangedMeanwhile(number=number)
    return in_hand(found, by=by)


def in_hand(clue: Clue, *, by: Actor) -> Hand:
    """A locked clue with its institutions."""
    parties = db.session.scalars(
        select(ClueParty)
        .where(ClueParty.clue_id == clue.id)
        .order_by(ClueParty.institution_id)
        .execution_options(populate_existing=True)
    ).all()
    by_id = {one.institution_id: one for one in parties}
    return Hand(clue, by_id, sides_of(by, clue, by_id.keys()))


def take_as_bureau(number: str, *, by: Actor, at: datetime, seen_version: int | None = None) -> Hand:
    """The clue in the hand of an officer.

    Raises:
        NotAllowed, NotFound, ChangedMeanwhile: it is not theirs, or not as they saw it.

    """
    by.need(Permission.CLUES_HANDLE)
    return take(number, by=by, at=at, seen_version=seen_version)


def step(hand: Hand, wanted: ClueStep) -> ClueState:
    """The state to which a step leads; see ``rules.clues.check_clue_step`` for the refusals."""
    return check_clue_step(wanted, hand.clue.state, hand.sides)


def remark(text: str) -> str:
    """A reason or remark without blanks around it, refused where it is too long."""
    return check_length(text, NOTE)


def write(
    hand: Hand,
    taken: ClueStep,
    deed: str,
    *,
    by: Actor,
    at: datetime,
    note: str = "",
    facts: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    institution_id: int | None = None,
) -> ClueEvent:
    """Write the event and the audit entry of a step; the clue is flushed with its new version."""
    clue = hand.clue
    clue.moved_at = at
    # The version rises with every step, also with one of the same instant.
    flag_modified(clue, "moved_at")
    event = ClueEvent(
        clue_id=clue.id,
        step=taken,
        side=hand.side,
        at=at,
        by_id=by.user_id,
        by_name=by.name,
        note=note,
        facts=facts or {},
    )
    db.session.add(event)
    db.session.flush()
    only = next(iter(hand.parties)) if len(hand.parties) == 1 else None
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="clue",
        subject_id=clue.id,
        subject=clue.number,
        institution_id=institution_id or only,
        county_code=clue.county_code,
        before=before,
        after={"clue_state": clue.state.value, **(facts or {}), **({"reason": note} if note else {})},
    )
    return event


def keep_files(
    hand: Hand,
    files: Sequence[AttachedFile],
    *,
    answer_id: int | None = None,
    event_id: int | None = None,
) -> None:
    """Note the files of an answer or of a check, which are stored already.

    Raises:
        TooManyFiles: more than may come at once.

    """
    if len(files) > MOST_FILES:
        raise TooManyFiles(limit=MOST_FILES)
    db.session.add_all(
        ClueEvidence(clue_id=hand.clue.id, answer_id=answer_id, event_id=event_id, **of_file(one))
        for one in files
    )


def tell_party(kind: str, hand: Hand, institution_id: int, facts: dict[str, Any], *, at: datetime) -> None:
    """Tell an institution that was asked."""
    notices.tell(
        kind,
        at=at,
        facts={"clue": hand.clue.number, **facts},
        link=f"/self-checks/{hand.clue.number}",
        institution_id=institution_id,
    )


def tell_bureau(kind: str, hand: Hand, facts: dict[str, Any], *, at: datetime) -> None:
    """Tell the bureau in charge."""
    notices.tell(
        kind,
        at=at,
        facts={"clue": hand.clue.number, **facts},
        link=f"/clues/{hand.clue.number}",
        county_code=hand.clue.county_code,
    )
