"""Institutions that were cancelled and may not take part again yet (R-CASE-4)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.rules.ladder import LetterState
from clinic_orders.rules.letters import LetterKind


class Bar(NamedTuple):
    """From which day an institution was cancelled, by which letter, and from which day it may come back."""

    cancelled_from: date
    document: str
    until: date


def reentry_bars(codes: Collection[str]) -> dict[str, list[Bar]]:
    """The cancellations of these institutions that were not revoked, by code; one statement."""
    rows = db.session.execute(
        select(Institution.code, CaseLetter.first_day, CaseLetter.number, CaseLetter.reentry_from)
        .join(CaseFile, CaseFile.institution_id == Institution.id)
        .join(CaseLetter, CaseLetter.case_id == CaseFile.id)
        .where(
            CaseLetter.kind == LetterKind.CANCELLATION,
            CaseLetter.state == LetterState.ISSUED,
            CaseLetter.reentry_from.is_not(None),
        )
    )
    found: dict[str, list[Bar]] = {}
    for code, first, number, until in rows:
        if code in codes and first and number and until:
            found.setdefault(code, []).append(Bar(first, number, until))
    return found


def reentry_bars_by_uscc(usccs: Collection[str]) -> dict[str, list[Bar]]:
    """The same by identity code: whoever comes back under another institution code is the same unit (R-CASE-4)."""
    wanted = {uscc for uscc in usccs if uscc}
    if not wanted:
        return {}
    rows = db.session.execute(
        select(InstitutionRecord.uscc, CaseLetter.first_day, CaseLetter.number, CaseLetter.reentry_from)
        .join(CaseFile, CaseFile.institution_id == InstitutionRecord.institution_id)
        .join(CaseLetter, CaseLetter.case_id == CaseFile.id)
        .where(
            CaseLetter.kind == LetterKind.CANCELLATION,
            CaseLetter.state == LetterState.ISSUED,
            CaseLetter.reentry_from.is_not(None),
            InstitutionRecord.uscc != "",
        )
        .distinct()
    )
    found: dict[str, list[Bar]] = {}
    for uscc, first, number, until in rows:
        if uscc in wanted and first and number and until:
            found.setdefault(uscc, []).append(Bar(first, number, until))
    return found
