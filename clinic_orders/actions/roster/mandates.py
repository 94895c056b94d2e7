"""Mandates for proxy buying 代采委托: given by the village, or recorded by the bureau (R-ROSTER-5)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.bulk import NumberedRow, Problems, Stored, UnknownCode, in_parts
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.roster.storing import (
    Wanted,
    counties_of,
    institution_id,
    institution_ids,
    note,
    refuse_twice,
    store,
)
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution, InstitutionRecord, Mandate
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import (
    SUPERVISED_KINDS,
    SUPERVISING_KINDS,
    Actor,
    InstitutionKind,
    NotAllowed,
    Permission,
)
from clinic_orders.rules.roster import state_on
from clinic_orders.rules.roster_records import LastDayBeforeFirst, MandateOfOthers, MandateThere


def _kinds(ids: Sequence[int]) -> dict[int, list[Any]]:
    """The dated kinds of institutions."""
    record = InstitutionRecord
    found: dict[int, list[Any]] = {id_: [] for id_ in ids}
    for part in in_parts(ids):
        for row in db.session.execute(
            select(record.institution_id, record.valid_from, record.kind)
            .where(record.institution_id.in_(part))
            .order_by(record.valid_from)
        ):
            found[row.institution_id].append(row)
    return found


def _kind(states: Sequence[Any], day: date) -> InstitutionKind:
    state = state_on(states, day) or states[0]
    return InstitutionKind(state.kind)


@transactional
def put_mandates(rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
    """Add or change mandates by (institution_code, hospital_code, valid_from) (formats.md kind ``mandates``).

    Raises:
        RowsRefused: unknown institution, not from a village or station to a hospital or health center of that
            day, last day before the first.

    """
    by.need(Permission.ROSTER_MANAGE)
    ids = institution_ids(code for _, row in rows for code in (row["institution_code"], row["hospital_code"]))
    kinds = _kinds(sorted(ids.values()))
    counties = counties_of(ids.values(), day_in_china(at))
    problems = Problems()
    wanted: list[Wanted] = []
    for number, row in rows:
        codes = (row["institution_code"], row["hospital_code"])
        first, last = row["valid_from"], row.get("valid_to")
        for column, code in zip(("institution_code", "hospital_code"), codes, strict=True):
            if code not in ids:
                problems.add(number, column, UnknownCode(code=code))
        if not all(code in ids for code in codes):
            continue
        village, hospital = ids[codes[0]], ids[codes[1]]
        if last is not None and last < first:
            problems.add(number, "valid_to", LastDayBeforeFirst(first=first, last=last))
        if (
            _kind(kinds[village], first) not in SUPERVISED_KINDS
            or _kind(kinds[hospital], first) not in SUPERVISING_KINDS
        ):
            problems.add(number, "hospital_code", MandateOfOthers())
        wanted.append(
            Wanted(
                number,
                (village, hospital, first),
                {"institution_id": village, "hospital_id": hospital, "valid_from": first},
                {"valid_to": last},
                f"{codes[0]} {codes[1]} {first}",
                institution_id=village,
                county_code=counties.get(village),
            )
        )
    refuse_twice(wanted, problems, "valid_from")
    problems.raise_if_any()
    known: dict[Hashable, Any] = {}
    for part in in_parts(sorted(set(ids.values()))):
        for found in db.session.execute(
            select(*Mandate.__table__.columns).where(Mandate.institution_id.in_(part))
        ):
            known[found.institution_id, found.hospital_id, found.valid_from] = found._mapping
    outcome = store(Mandate, wanted, known, at=at)
    note("put_mandates", "mandate", outcome.changes, by=by, at=at)
    return outcome.stored


def _may_change(institution: int, by: Actor) -> bool:
    """The village itself and the bureau may; nobody else, its hospital least of all."""
    return by.may(Permission.ROSTER_MANAGE) or (
        by.institution_id == institution and by.may(Permission.ORDERS_PLACE)
    )


def _facts(institution: int, hospital: int, on: date) -> dict[str, Any]:
    return {
        "institution": standing(institution, on=on).name,
        "hospital": standing(hospital, on=on).name,
    }


@transactional
def give_mandate(
    institution_code: str,
    hospital_code: str,
    *,
    valid_from: date,
    valid_to: date | None = None,
    by: Actor,
    at: datetime,
) -> None:
    """Let a hospital buy for a village from a day on; the last day is included (R-ROSTER-5). The hospital is told.

    The village gives it itself, to its own supervising hospital; the bureau may record any.

    Raises:
        NotFound: unknown institution, or another's.
        NotAllowed: the village names a hospital that does not supervise it.
        MandateOfOthers: not from a village or station to a hospital or health center.
        LastDayBeforeFirst, MandateThere: the days do not go.

    """
    village, hospital = institution_id(institution_code), institution_id(hospital_code)
    if not _may_change(village, by):
        raise NotFound(number=institution_code)
    record = InstitutionRecord
    supervisor = db.session.scalar(
        select(record.supervisor_id)
        .where(record.institution_id == village, record.valid_from <= valid_from)
        .order_by(record.valid_from.desc())
        .limit(1)
    )
    if not by.may(Permission.ROSTER_MANAGE) and supervisor != hospital:
        raise NotAllowed
    kinds = _kinds([village, hospital])
    if (
        _kind(kinds[village], valid_from) not in SUPERVISED_KINDS
        or _kind(kinds[hospital], valid_from) not in SUPERVISING_KINDS
    ):
        raise MandateOfOthers
    if valid_to is not None and valid_to < valid_from:
        raise LastDayBeforeFirst(first=valid_from, last=valid_to)
    # The lock on the village keeps two people from giving the same mandate at once.
    db.session.execute(select(Institution.id).where(Institution.id == village).with_for_update())
    same = [Mandate.institution_id == village, Mandate.hospital_id == hospital]
    ends_later = or_(Mandate.valid_to.is_(None), Mandate.valid_to >= valid_from)
    there = db.session.scalar(
        select(Mandate.valid_from)
        .where(*same, ends_later, *([Mandate.valid_from <= valid_to] if valid_to else []))
        .limit(1)
    )
    if there is not None:
        raise MandateThere(first=there)
    mandate = Mandate(
        institution_id=village, hospital_id=hospital, valid_from=valid_from, valid_to=valid_to, recorded_at=at
    )
    db.session.add(mandate)
    db.session.flush()
    today = day_in_china(at)
    notices.tell(
        "mandate_given",
        at=at,
        facts=_facts(village, hospital, today) | {"first_day": valid_from.isoformat()},
        institution_id=hospital,
    )
    audit.record(
        "give_mandate",
        by=by,
        at=at,
        subject_type="mandate",
        subject_id=mandate.id,
        subject=f"{institution_code} {hospital_code}",
        institution_id=village,
        county_code=standing(village, on=today).county_code,
        after={"hospital": hospital_code, "valid_from": valid_from, "valid_to": valid_to},
    )


@transactional
def revoke_mandate(mandate_id: int, *, by: Actor, at: datetime) -> None:
    """End a mandate at once: from this day on it does not hold (R-ROSTER-5). The hospital is told.

    Its last day becomes yesterday. A mandate that had not begun before today is taken out, since it has no day
    left; the history keeps it. Orders made under it stay what they are.

    Raises:
        NotFound: no such mandate, another's, or one that has already ended.

    """
    mandate = db.session.scalars(
        select(Mandate)
        .where(Mandate.id == mandate_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    today = day_in_china(at)
    yesterday = today - timedelta(days=1)
    if mandate is None or not _may_change(mandate.institution_id, by):
        raise NotFound(number=mandate_id)
    if mandate.valid_to is not None and mandate.valid_to <= yesterday:
        raise NotFound(number=mandate_id)
    village, hospital, before = mandate.institution_id, mandate.hospital_id, mandate.valid_to
    first = mandate.valid_from
    facts = _facts(village, hospital, today)
    if first > yesterday:
        db.session.execute(delete(Mandate).where(Mandate.id == mandate_id))
    else:
        mandate.valid_to = yesterday
    notices.tell("mandate_revoked", at=at, facts=facts, institution_id=hospital)
    if by.institution_id != village:
        notices.tell("mandate_revoked", at=at, facts=facts, institution_id=village)
    audit.record(
        "revoke_mandate",
        by=by,
        at=at,
        subject_type="mandate",
        subject_id=mandate_id,
        subject=f"{facts['institution']} {facts['hospital']}"[:128],
        institution_id=village,
        county_code=standing(village, on=today).county_code,
        before={"valid_from": first, "valid_to": before},
        after={"valid_to": yesterday},
    )
