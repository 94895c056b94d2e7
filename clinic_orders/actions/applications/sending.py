"""The applicant signs the letter, sends the application, or withdraws it (R-ROSTER-2, R-ROSTER-4)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import exists, select

from clinic_orders.actions.applications._common import note_nearest, remark, step, take, write
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.applications import Application
from clinic_orders.models.base import db
from clinic_orders.models.roster import InstitutionRecord, Membership
from clinic_orders.queries.applications import (
    barred_until,
    declared,
    missing_parts,
    other_application,
    terms,
)
from clinic_orders.rules.applications import (
    ApplicationSide,
    ApplicationState,
    ApplicationStep,
    check_complete,
    check_not_kept_out,
    check_signature,
    check_window,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ladder import ReentryTooEarly
from clinic_orders.rules.parties import Actor

_APPLICANT: Final = ApplicationSide.APPLICANT


class AlreadyMember(RuleBroken):
    """Whoever takes part already need not apply."""

    message = N_("A unit with this identity code takes part already. Ask your county bureau for its account.")


class AppliesAlready(RuleBroken):
    """One application at a time."""

    message = N_(
        "Application %(number)s with this identity code is under way. Go on with that one, or withdraw it."
    )


@transactional
def sign_letter(
    number: str,
    version: str,
    *,
    read: Collection[int],
    signer: str,
    rate: Decimal | None,
    device: str,
    mark: str = "",
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Application:
    """Sign the commitment letter, read clause by clause.

    Args:
        number: of the application.
        version: of the letter on the page.
        read: the clauses that were ticked.
        signer: who signs.
        rate: the promised markup rate, checked by ``rules.applications.read_rate``.
        device: what the browser says about itself.
        mark: what was drawn; empty: nothing.
        seen_version: of the application on the page.
        by: the visitor.
        at: when.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it can't be signed.
        LetterVersionUnknown, ClausesUnread, SignerMissing, MarkRefused: what is wrong.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    step(found, sides, ApplicationStep.SIGN)
    letter, name, drawn = check_signature(version, read=read, signer=signer, mark=mark, on=day_in_china(at))
    found.letter_version, found.markup_rate = letter.version, rate
    found.signed_by, found.signed_at = name, at
    found.signed_device, found.signed_mark = device[:200], drawn
    said = {"version": letter.version, "signer": name, "markup_rate": rate}
    write(
        found, ApplicationStep.SIGN, "sign_letter", _APPLICANT, by=by, at=at,
        facts={"version": letter.version, "signer": name}, after=said,
    )  # fmt: skip
    return found


def _is_member(uscc: str, on: date) -> bool:
    record = InstitutionRecord
    return bool(
        db.session.scalar(
            select(
                exists().where(
                    record.uscc == uscc,
                    Membership.institution_id == record.institution_id,
                    Membership.joined_on <= on,
                    Membership.left_on.is_(None) | (Membership.left_on >= on),
                )
            )
        )
    )


@transactional
def submit_application(
    number: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Application:
    """Send the application to the county.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it can't be sent (any more).
        PartsMissing: it is not complete.
        WindowClosed: applications are not taken now; what was sent back may be completed at any time.
        KeptOut, KeptOutWhileItHolds, ReentryTooEarly: the applicant may not take part yet.
        AlreadyMember, AppliesAlready: it takes part, or has applied.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    after = step(found, sides, ApplicationStep.SUBMIT)
    today = day_in_china(at)
    asked = terms(found.kind, on=today)
    check_complete(missing_parts(found, on=today))
    if found.state is ApplicationState.DRAFT:
        check_window(asked.window, on=today)
    check_not_kept_out(declared(found), months=asked.lookback_months, on=today)
    bar = barred_until(found.uscc, on=today)
    if bar is not None:
        raise ReentryTooEarly(code=found.uscc, document=bar.document, day=bar.until)
    if _is_member(found.uscc, today):
        raise AlreadyMember
    other = other_application(found.uscc, found.id)
    if other is not None:
        raise AppliesAlready(number=other)
    note_nearest(found)
    before = found.state
    found.state, found.submitted_at = after, at
    found.opinion, found.decision, found.decided_by_id, found.decided_by_name = None, None, None, ""
    write(
        found, ApplicationStep.SUBMIT, "submit_application", _APPLICANT, by=by, at=at,
        facts={"nearest_m": found.nearest_m, "people": found.people},
        before={"application_state": before.value},
        after={"application_state": after.value, "name": found.name, "uscc": found.uscc},
    )  # fmt: skip
    return found


@transactional
def withdraw_application(
    number: str, reason: str = "", *, seen_version: int | None = None, by: Actor, at: datetime
) -> Application:
    """Withdraw an application that is not over.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it is over.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    after = step(found, sides, ApplicationStep.WITHDRAW)
    before, said = found.state, remark(reason)
    found.state = after
    write(
        found, ApplicationStep.WITHDRAW, "withdraw_application", _APPLICANT, by=by, at=at, note=said,
        before={"application_state": before.value}, after={"application_state": after.value, "reason": said},
    )  # fmt: skip
    return found
