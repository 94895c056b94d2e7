"""Hand clues over to the supervision of the fund: a numbered list, frozen as it was that day (R-TRACE-3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.clues._common import in_hand, remark, step, write
from clinic_orders.actions.clues.deciding import put_measure
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.numbers import next_of_year
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.clues import Clue, ClueTransfer, TransferredClue
from clinic_orders.queries.clues.visible import clues_visible_to
from clinic_orders.rules.clues import ClueStep, Measure
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.letter_requests import check_length
from clinic_orders.rules.parties import Actor, Permission, Role

_SERIES = "YS"  # 移送
_RECEIVER = 128


class NoClueChosen(RuleBroken):
    """A list names something."""

    message = N_("Choose at least one clue that was found to be a violation or a suspected fraud.")


class ReceiverOfListMissing(RuleBroken):
    """A list goes to somebody."""

    message = N_("Say who takes the list over.")


class TransferredAlready(RuleBroken):
    """A clue is handed over once."""

    message = N_("%(number)s was handed over already. Leave it out.")


@transactional
def transfer_clues(
    rows: Mapping[str, Mapping[str, Any]],
    receiver: str,
    note: str = "",
    *,
    issuer: str,
    demo: bool,
    key: str,
    by: Actor,
    at: datetime,
) -> ClueTransfer:
    """Hand over clues of violation or suspected fraud; each is noted as a measure of its clue.

    Args:
        rows: by number of the clue what the list says of it, frozen here.
        receiver: the office that takes them over.
        note: said above the list.
        issuer: the bureau that hands them over.
        demo: whether they are of the demonstration.
        key: made when the form was rendered; the same key always answers with the same list.
        by: an officer.
        at: when.

    Raises:
        NoClueChosen, NotFound, ClueStepNotAllowed, TransferredAlready: these can't be handed over.
        ReceiverOfListMissing, TextTooLong: what is wrong with the form.

    """
    by.need(Permission.CLUES_HANDLE)
    known = db.session.scalars(select(ClueTransfer).where(ClueTransfer.form_key == key)).one_or_none()
    if known is not None:
        return known
    if not rows:
        raise NoClueChosen
    to, said = check_length(receiver, _RECEIVER), remark(note)
    if not to:
        raise ReceiverOfListMissing
    clues = _locked(rows.keys(), by=by, at=at)
    today = day_in_china(at)
    transfer = ClueTransfer(
        number=f"{_SERIES}{today.year}-{next_of_year(_SERIES, today.year):04d}",
        receiver=to,
        note=said,
        issuer=issuer,
        county_code=by.county_code if by.role is Role.COUNTY else None,
        clues=len(clues),
        rows=[dict(rows[clue.number]) for clue in clues],
        demo=demo,
        made_at=at,
        made_by_id=by.user_id,
        made_by_name=by.name,
        form_key=key,
    )
    db.session.add(transfer)
    db.session.flush()
    facts = {"number": transfer.number, "receiver": to}
    for clue in clues:
        hand = in_hand(clue, by=by)
        clue.state = step(hand, ClueStep.TRANSFER)
        event = write(hand, ClueStep.TRANSFER, "transfer_clue", by=by, at=at, facts=facts)
        put_measure(hand, event, Measure.TRANSFER, today, document_no=transfer.number)
        db.session.add(TransferredClue(clue_id=clue.id, transfer_id=transfer.id))
    db.session.flush()
    audit.record("transfer_clues", by=by, at=at, subject_type="clue_transfer", subject_id=transfer.id,
                 subject=transfer.number, county_code=transfer.county_code,
                 after={"receiver": to, "clues": len(clues)})  # fmt: skip
    return transfer


def _locked(numbers: Collection[str], *, by: Actor, at: datetime) -> list[Clue]:
    """The clues, locked in the order of their numbers, none of which was handed over."""
    found = list(
        db.session.scalars(
            select(Clue)
            .where(Clue.number.in_(sorted(numbers)), clues_visible_to(by, day_in_china(at)))
            .order_by(Clue.number)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )
    missing = set(numbers) - {one.number for one in found}
    if missing:
        raise NotFound(number=min(missing))
    gone = db.session.scalars(
        select(Clue.number)
        .join(TransferredClue, TransferredClue.clue_id == Clue.id)
        .where(Clue.id.in_([one.id for one in found]))
        .order_by(Clue.number)
        .limit(1)
    ).one_or_none()
    if gone is not None:
        raise TransferredAlready(number=gone)
    return found
