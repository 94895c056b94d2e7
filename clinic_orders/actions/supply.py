"""Supply problems on screen: reported by whoever meets one, verified, refused and ended by the bureau (R-VOL-7)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import County
from clinic_orders.models.volume import SupplyProblem
from clinic_orders.queries.reported import supply_problems_visible_to
from clinic_orders.queries.roster import standing
from clinic_orders.rules.answering import ReasonTooLong
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission, Role
from clinic_orders.rules.supply import (
    NotYourCounty,
    ProblemDecided,
    ProblemInFuture,
    ProblemKnown,
    ProblemNotRunning,
    WordsMissing,
    check_problem,
)

_WORDS = 200


def _item(item_code: str) -> Item:
    found = db.session.scalars(select(Item).where(Item.item_code == item_code)).first()
    if found is None:
        raise NotFound(number=item_code)
    return found


def _county_of(by: Actor, county_code: str, *, on: date) -> str | None:
    """The county of which the actor speaks: an institution of its own, an office or distributor of any it may."""
    if by.institution_id is not None:
        return standing(by.institution_id, on=on).county_code
    if by.role is Role.COUNTY:
        return by.county_code
    if county_code and db.session.get(County, county_code) is None:
        raise NotFound(number=county_code)
    return county_code or None


def _refuse_known(item_id: int, county_code: str | None, day: date) -> None:
    problem = SupplyProblem
    known = db.session.scalars(
        select(problem.first_day)
        .where(
            problem.item_id == item_id,
            problem.replaced_at.is_(None),
            problem.refused_at.is_(None),
            or_(problem.county_code.is_(None), problem.county_code == county_code),
            problem.first_day <= day,
            or_(problem.last_day.is_(None), problem.last_day >= day),
        )
        .order_by(problem.first_day)
    ).first()
    if known is not None:
        raise ProblemKnown(first=known)


def _checked(words: str) -> str:
    found = words.strip()
    if not found:
        raise WordsMissing
    if len(found) > _WORDS:
        raise ReasonTooLong(limit=_WORDS)
    return found


@transactional
def report_supply_problem(
    item_code: str, first_day: date, words: str, *, county_code: str = "", by: Actor, at: datetime
) -> SupplyProblem:
    """Report that an item can't be had; the county's bureau, or the city's, is told.

    Args:
        item_code: which item.
        first_day: since when, today or earlier.
        words: what is the matter, one sentence.
        county_code: where, for those who are of no county; empty = in the whole city.
        by: who.
        at: when.

    Raises:
        NotFound: no such item or county.
        ProblemInFuture, ProblemKnown, WordsMissing, ReasonTooLong: what is wrong with the report.

    """
    by.need(Permission.SUPPLY_REPORT)
    today = day_in_china(at)
    item, county = _item(item_code), _county_of(by, county_code, on=today)
    if first_day > today:
        raise ProblemInFuture(first=first_day)
    # Reports of one item wait for each other, so that two at once make one.
    db.session.execute(select(Item.id).where(Item.id == item.id).with_for_update())
    _refuse_known(item.id, county, first_day)
    problem = SupplyProblem(
        item_id=item.id,
        county_code=county,
        first_day=first_day,
        reported_at=at,
        reported_by_id=by.user_id,
        reported_by_name=by.name,
        reporting_institution_id=by.institution_id,
        reporting_distributor_id=by.distributor_id,
        words=_checked(words),
        recorded_at=at,
    )
    db.session.add(problem)
    db.session.flush()
    after = {"item_code": item_code, "first_day": first_day, "reason": problem.words}
    _write_down("report_supply_problem", problem, item, by=by, at=at, after=after)
    if by.role not in {Role.COUNTY, Role.CITY}:
        notices.tell(
            "supply_problem_reported",
            at=at,
            facts={"item": item.generic_name, "who": by.org_name or by.name},
            link=f"/supply/{problem.id}",
            county_code=county,
        )
    return problem


def _for_decision(
    problem_id: int, seen: int | None, *, by: Actor, at: datetime
) -> tuple[SupplyProblem, Item]:
    by.need(Permission.SUPPLY_VERIFY)
    found = db.session.execute(
        select(SupplyProblem)
        .where(
            SupplyProblem.id == problem_id,
            SupplyProblem.replaced_at.is_(None),
            supply_problems_visible_to(by, day_in_china(at)),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=str(problem_id))
    if by.role is Role.COUNTY and found.county_code is None:
        raise NotYourCounty
    item = db.session.get_one(Item, found.item_id)
    if seen is not None and seen != found.version:
        raise ChangedMeanwhile(number=item.generic_name)
    return found, item


@transactional
def verify_supply_problem(
    problem_id: int,
    backup_item_code: str = "",
    last_day: date | None = None,
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> SupplyProblem:
    """Verify a report as the bureau, and name the backup item that counts from its first day on (R-VOL-7).

    Args:
        problem_id: its row.
        backup_item_code: what counts meanwhile; empty if nothing does.
        last_day: if it is known already.
        seen_version: the version on the page.
        by: who.
        at: when.

    Raises:
        NotFound, NotYourCounty, ChangedMeanwhile, ProblemDecided: it can't be decided by this actor now.
        BackupIsTheItem, ProblemEndsBeforeStart: see ``rules.supply``.

    """
    problem, item = _for_decision(problem_id, seen_version, by=by, at=at)
    if problem.verified_at is not None or problem.refused_at is not None:
        raise ProblemDecided
    check_problem(
        item=item.item_code, backup=backup_item_code, first_day=problem.first_day, last_day=last_day
    )
    backup = _item(backup_item_code) if backup_item_code else None
    problem.verified_at, problem.verified_by_id, problem.verified_by = at, by.user_id, by.name
    problem.backup_item_id = None if backup is None else backup.id
    if last_day is not None:
        problem.last_day, problem.ended_at, problem.ended_by_id = last_day, at, by.user_id
    db.session.flush()
    after = {"backup_item_code": backup_item_code, "last_day": last_day, "verified_by": by.name}
    _write_down("verify_supply_problem", problem, item, by=by, at=at, after=after)
    facts = {"item": item.generic_name, "backup": backup.generic_name if backup else ""}
    _tell_reporter("supply_problem_verified", problem, facts, at=at)
    return problem


@transactional
def refuse_supply_problem(
    problem_id: int, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> SupplyProblem:
    """Refuse a report as the bureau, with a reason that the reporter reads. It may be reported again.

    Raises:
        NotFound, NotYourCounty, ChangedMeanwhile, ProblemDecided: it can't be decided by this actor now.
        WordsMissing, ReasonTooLong: what is wrong with the reason.

    """
    problem, item = _for_decision(problem_id, seen_version, by=by, at=at)
    if problem.verified_at is not None or problem.refused_at is not None:
        raise ProblemDecided
    problem.refused_at, problem.refused_by_id, problem.refusal_reason = at, by.user_id, _checked(reason)
    db.session.flush()
    after = {"refused_at": at, "reason": problem.refusal_reason}
    _write_down("refuse_supply_problem", problem, item, by=by, at=at, after=after)
    facts = {"item": item.generic_name, "reason": problem.refusal_reason}
    _tell_reporter("supply_problem_refused", problem, facts, at=at)
    return problem


@transactional
def end_supply_problem(
    problem_id: int, last_day: date, *, seen_version: int | None = None, by: Actor, at: datetime
) -> SupplyProblem:
    """Say as the bureau on which day a verified problem ends or ended; packs of the backup count up to it.

    Raises:
        NotFound, NotYourCounty, ChangedMeanwhile: it can't be decided by this actor now.
        ProblemNotRunning: it is not verified, or has a last day.
        ProblemEndsBeforeStart: see ``rules.supply``.

    """
    problem, item = _for_decision(problem_id, seen_version, by=by, at=at)
    if problem.verified_at is None or problem.last_day is not None:
        raise ProblemNotRunning
    check_problem(item=item.item_code, backup="", first_day=problem.first_day, last_day=last_day)
    problem.last_day, problem.ended_at, problem.ended_by_id = last_day, at, by.user_id
    db.session.flush()
    _write_down("end_supply_problem", problem, item, by=by, at=at, after={"last_day": last_day})
    return problem


@transactional
def continue_supply_problem(
    problem_id: int, *, seen_version: int | None = None, by: Actor, at: datetime
) -> SupplyProblem:
    """Take a last day back that was set by mistake, or that did not hold.

    Raises:
        NotFound, NotYourCounty, ChangedMeanwhile: it can't be decided by this actor now.
        ProblemNotRunning: it has no last day, or is not verified.

    """
    problem, item = _for_decision(problem_id, seen_version, by=by, at=at)
    if problem.verified_at is None or problem.last_day is None:
        raise ProblemNotRunning
    before = {"last_day": problem.last_day}
    problem.last_day = problem.ended_at = problem.ended_by_id = None
    db.session.flush()
    _write_down(
        "continue_supply_problem", problem, item, by=by, at=at, before=before, after={"last_day": None}
    )
    return problem


def _write_down(
    deed: str,
    problem: SupplyProblem,
    item: Item,
    *,
    by: Actor,
    at: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any],
) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="supply_problem",
        subject_id=problem.id,
        subject=f"{item.item_code} {item.generic_name}"[:128],
        institution_id=problem.reporting_institution_id,
        distributor_id=problem.reporting_distributor_id,
        county_code=problem.county_code,
        before=before,
        after=after,
    )


def _tell_reporter(kind: str, problem: SupplyProblem, facts: dict[str, Any], *, at: datetime) -> None:
    if problem.reporting_institution_id is None and problem.reporting_distributor_id is None:
        return
    notices.tell(
        kind,
        at=at,
        facts=facts,
        link=f"/supply/{problem.id}",
        institution_id=problem.reporting_institution_id,
        distributor_id=problem.reporting_distributor_id,
    )
