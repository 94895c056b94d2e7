"""Findings are raised once, kept up to date, and end when cured (R-CASE-1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeVar

from sqlalchemy import delete, insert, or_, select, update

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.models.supervision import FindingHistory, FindingInstitution, FindingRecord
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries.checks.report_missing import arrived
from clinic_orders.rules.finding_states import (
    FindingState,
    FindingStep,
    covers,
    has_news,
    item_code_of,
)
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.reporting import ReportKind

_CHUNK: Final = 500
T = TypeVar("T")
Identity = tuple[CheckRule, str, str, str]


def _parts(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts that a database takes in one statement."""
    return (whole[start : start + _CHUNK] for start in range(0, len(whole), _CHUNK))


@dataclass(slots=True)
class Raised:
    """What storing the findings of one look did: numbers of findings."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    ended: int = 0
    reopened: int = 0

    @property
    def touched(self) -> int:
        """How many findings are not as they were."""
        return self.new + self.changed + self.ended + self.reopened


def _subject(institution: str | None, distributor: str | None) -> str:
    return f"{institution or ''}/{distributor or ''}"


def _identity(finding: Finding) -> Identity:
    return (
        finding.rule,
        _subject(finding.institution, finding.distributor),
        finding.key or "",
        finding.period,
    )


@transactional
def raise_findings(
    as_of: date,
    findings: Iterable[Finding],
    rules: Collection[CheckRule],
    *,
    institution_ids: Collection[int] | None = None,
    keys: Collection[str] | None = None,
    pairs: Collection[tuple[int, int]] | None = None,
    by: Actor,
    at: datetime,
) -> Raised:
    """Store what one look of some checks found; safe to repeat (R-CASE-1).

    What is new is raised; what was known gets its new figures, and a line of history where they differ in more
    than the passing of days; what the look covered (``rules.finding_states.covers``) and did not find any more
    ends as cured, and so does a missing report of any period that has come. A waived or decided finding keeps its state. A look at an earlier day than the last one that
    saw a finding changes nothing about it, so that days may be caught up in any order.

    Args:
        as_of: the day D of the look.
        findings: all that it found.
        rules: the checks that looked; nothing of others is touched.
        institution_ids: the subjects that were looked at; None = everybody. A look at some institutions ends
            only findings that name one of them.
        keys: the keys of findings, such as trace codes, that were looked at; None = all. Nothing of others is touched.
        pairs: the institutions and items (row ids) that were looked at; None = all items. A look at some ends nothing else.
        by: who.
        at: when.

    """
    by.need(Permission.JOBS_RUN)
    found = {_identity(one): one for one in findings if one.rule in rules}
    done = Raised()
    known = _known(found, rules, keys)
    _update(known, found, done, as_of=as_of, at=at)
    insert_new([one for identity, one in found.items() if identity not in known], done, as_of=as_of, at=at)
    _end(known, found, institution_ids, pairs, done, as_of=as_of, at=at)
    if done.touched:
        audit.record(
            "raise_findings",
            by=by,
            at=at,
            subject_type="finding",
            subject=as_of.isoformat(),
            after={"as_of": as_of, "created": done.new, "updated": done.changed + done.reopened,
                   "ended": done.ended, "unchanged": done.unchanged},
        )  # fmt: skip
    return done


def _known(
    found: Mapping[Identity, Finding], rules: Collection[CheckRule], keys: Collection[str] | None
) -> dict[Identity, FindingRecord]:
    """The stored findings of the checks that are open, or are about a period of what was found; locked."""
    record = FindingRecord
    periods = {period for *_, period in found}
    statement = (
        select(record)
        .where(record.rule.in_(rules), or_(record.state == FindingState.OPEN, record.period.in_(periods)))
        .order_by(record.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    asked = (
        [statement]
        if keys is None
        else [statement.where(record.key.in_(part)) for part in _parts(sorted(keys))]
    )
    return {
        (one.rule, one.subject, one.key, one.period): one
        for each in asked
        for one in db.session.scalars(each)
    }


def _update(
    known: Mapping[Identity, FindingRecord],
    found: Mapping[Identity, Finding],
    done: Raised,
    *,
    as_of: date,
    at: datetime,
) -> None:
    only_seen: list[int] = []
    elsewhere: dict[int, Finding] = {}
    for identity, record in known.items():
        seen = found.get(identity)
        if seen is None or as_of < max(record.last_seen, record.ended_on or record.last_seen):
            continue
        written = seen.written_figures()
        reopened = record.state is FindingState.ENDED
        if reopened:
            record.state, record.ended_on = FindingState.OPEN, None
            done.reopened += 1
        news = record.grade is not seen.grade or has_news(record.figures, written)
        if not (reopened or news) and record.figures == written and record.formula == seen.formula:
            only_seen.append(record.id)
            done.unchanged += 1
            continue
        if record.figures.get("institutions") != written.get("institutions"):
            elsewhere[record.id] = seen
        record.grade, record.figures, record.formula = seen.grade, written, seen.formula
        record.rows, record.last_seen = [list(row) for row in seen.rows], as_of
        if reopened or news:
            step = FindingStep.REOPENED if reopened else FindingStep.CHANGED
            remember(record, step, as_of=as_of, at=at)
            done.changed += not reopened
        else:
            done.unchanged += 1
    db.session.flush()
    _put_institutions(elsewhere)
    for ids in _parts(only_seen):
        # Nothing that a reader acts on has changed, so the version stays and nobody's page is refused for it.
        db.session.execute(
            update(FindingRecord)
            .where(FindingRecord.id.in_(ids))
            .values(last_seen=as_of)
            .execution_options(synchronize_session=False)
        )


def remember(
    record: FindingRecord, step: FindingStep, *, as_of: date, at: datetime, by_name: str = "", note: str = ""
) -> None:
    """Add a line to the history of a finding. Called inside a deed."""
    db.session.add(
        FindingHistory(
            finding_id=record.id,
            step=step,
            as_of=as_of,
            at=at,
            by_name=by_name,
            grade=record.grade,
            figures=record.figures,
            note=note,
        )
    )


def insert_new(new: list[Finding], done: Raised, *, as_of: date, at: datetime) -> None:
    """Store findings that are not known yet, each with its first line of history. Called inside a deed."""
    if not new:
        return
    institutions = _ids(Institution, {one.institution for one in new if one.institution})
    distributors = _ids(Distributor, {one.distributor for one in new if one.distributor})
    items = _item_ids({item_code_of(one.rule, one.key) for one in new})
    for part in _parts(new):
        rows = [
            {
                "rule": one.rule,
                "subject": _subject(one.institution, one.distributor),
                "key": one.key or "",
                "period": one.period,
                "institution_id": institutions[one.institution] if one.institution else None,
                "distributor_id": distributors[one.distributor] if one.distributor else None,
                "item_id": items.get(item_code_of(one.rule, one.key)),
                "grade": one.grade,
                "formula": one.formula,
                "figures": one.written_figures(),
                "rows": [list(row) for row in one.rows],
                "state": FindingState.OPEN,
                "first_seen": as_of,
                "last_seen": as_of,
                "raised_at": at,
            }
            for one in part
        ]
        statement = insert(FindingRecord).returning(FindingRecord.id, sort_by_parameter_order=True)
        ids = db.session.scalars(statement, rows).all()
        db.session.execute(
            insert(FindingHistory),
            [
                {
                    "finding_id": number,
                    "step": FindingStep.RAISED,
                    "as_of": as_of,
                    "at": at,
                    "grade": row["grade"],
                    "figures": row["figures"],
                }
                for number, row in zip(ids, rows, strict=True)
            ],
        )
        _put_institutions(dict(zip(ids, part, strict=True)))
    done.new += len(new)


def _put_institutions(found: Mapping[int, Finding]) -> None:
    """The institutions of findings that name several, for whom they concern (T2, T3)."""
    named = {number: one.figures["institutions"] for number, one in found.items() if one.institution is None
             and "institutions" in one.figures}  # fmt: skip
    if not named:
        return
    codes = {number: [str(code) for code in value] for number, value in named.items()}  # type: ignore[union-attr]
    ids = _ids(Institution, {code for several in codes.values() for code in several})
    rows = [
        {"finding_id": number, "institution_id": ids[code]}
        for number, several in codes.items()
        for code in sorted(set(several))
    ]
    for part in _parts(sorted(named)):
        db.session.execute(delete(FindingInstitution).where(FindingInstitution.finding_id.in_(part)))
    db.session.execute(insert(FindingInstitution), rows)


def _ids(model: type[Institution] | type[Distributor], codes: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in _parts(sorted(codes)):
        found.update(
            (code, number)
            for code, number in db.session.execute(select(model.code, model.id).where(model.code.in_(part)))
        )
    return found


def _item_ids(codes: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in _parts(sorted(codes)):
        found.update(
            (code, number)
            for code, number in db.session.execute(
                select(Item.item_code, Item.id).where(Item.item_code.in_(part))
            )
        )
    return found


def _end(
    known: Mapping[Identity, FindingRecord],
    found: Mapping[Identity, Finding],
    institution_ids: Collection[int] | None,
    pairs: Collection[tuple[int, int]] | None,
    done: Raised,
    *,
    as_of: date,
    at: datetime,
) -> None:
    looked_at = None if institution_ids is None else frozenset(institution_ids)
    own = None if pairs is None else frozenset(pairs)
    gone = [
        record
        for identity, record in known.items()
        if identity not in found
        and record.state is FindingState.OPEN
        and as_of >= record.last_seen
        and (looked_at is None or record.institution_id in looked_at)
        and (own is None or (record.institution_id, record.item_id) in own)
    ]
    came = _reports_that_came([one for one in gone if one.rule is CheckRule.REPORT_MISSING], as_of)
    cycles = _cycle_ends([one for one in gone if one.rule is CheckRule.VOLUME_BEHIND])
    for record in gone:
        looked = covers(record.rule, record.period, as_of=as_of, cycle_end=cycles.get(record.id))
        if not looked and record.id not in came:
            continue
        record.state, record.ended_on = FindingState.ENDED, as_of
        remember(record, FindingStep.ENDED, as_of=as_of, at=at)
        done.ended += 1


def _reports_that_came(records: list[FindingRecord], as_of: date) -> set[int]:
    """The findings of missing reports, of whatever period, whose report has come; one statement a kind and period."""
    asked: dict[tuple[ReportKind, str], dict[int, int]] = {}
    for one in records:
        if one.institution_id is not None:
            asked.setdefault((ReportKind(one.key), one.period), {})[one.institution_id] = one.id
    return {
        numbers[institution_id]
        for (kind, period), numbers in asked.items()
        for ids in _parts(sorted(numbers))
        for institution_id in arrived(kind, period, ids, on=as_of)
    }


def _cycle_ends(records: list[FindingRecord]) -> dict[int, date]:
    """The last day of the agreement that each finding is about; none where it no longer stands."""
    if not records:
        return {}
    agreements = {
        (code, item, start.isoformat()): end
        for code, item, start, end in db.session.execute(
            select(Institution.code, Item.item_code, AgreedVolume.cycle_start, AgreedVolume.cycle_end)
            .join(Institution, Institution.id == AgreedVolume.institution_id)
            .join(Item, Item.id == AgreedVolume.item_id)
            .where(
                AgreedVolume.replaced_at.is_(None),
                AgreedVolume.cycle_start.in_({date.fromisoformat(one.period) for one in records}),
            )
        )
    }
    ends = {}
    for one in records:
        item, _, holder = one.key.partition("@")
        end = agreements.get((holder or one.subject.partition("/")[0], item, one.period))
        if end is not None:
            ends[one.id] = end
    return ends
