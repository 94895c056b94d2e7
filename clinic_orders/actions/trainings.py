"""An institution records a training of its staff, or takes a record back (R-STAT-3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import NotFound, own_institution
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.queries.roster import standing
from clinic_orders.rules.attachments import AttachedFile
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.trainings import Training


def _write(deed: str, record: TrainingRecord, *, by: Actor, at: datetime) -> None:
    db.session.flush()
    held = standing(record.institution_id, on=day_in_china(at))
    audit.record(
        deed, by=by, at=at, subject_type="training", subject_id=record.id, subject=record.subject,
        institution_id=record.institution_id, county_code=held.county_code,
        after={"day": record.day, "persons": record.persons_count, "hours": record.hours},
    )  # fmt: skip


@transactional
def record_training(
    training: Training, file: AttachedFile | None, *, key: str, by: Actor, at: datetime
) -> TrainingRecord:
    """Record a training; the same form sent twice records it once.

    Raises:
        NotAllowed, NotFound: the actor is of no institution.

    """
    institution_id = own_institution(by)
    known = db.session.scalar(
        select(TrainingRecord).where(
            TrainingRecord.form_key == key, TrainingRecord.institution_id == institution_id
        )
    )
    if known is not None:
        return known
    record = TrainingRecord(
        institution_id=institution_id, day=training.day, subject=training.subject, persons=training.persons,
        persons_count=training.count, hours=training.hours, form_key=key, recorded_at=at,
        recorded_by_name=by.name[:64],
    )  # fmt: skip
    if file is not None:
        record.file_name, record.media_type = file.name, file.media_type.value
        record.sha256, record.stored_as = file.sha256, file.stored_as
    db.session.add(record)
    _write("record_training", record, by=by, at=at)
    return record


@transactional
def remove_training(training_id: int, *, by: Actor, at: datetime) -> None:
    """Take a record of one's own back; it stays on file.

    Raises:
        NotAllowed, NotFound: there is none.

    """
    institution_id = own_institution(by)
    record = db.session.scalar(
        select(TrainingRecord)
        .where(
            TrainingRecord.id == training_id,
            TrainingRecord.institution_id == institution_id,
            TrainingRecord.removed_at.is_(None),
        )
        .with_for_update()
    )
    if record is None:
        raise NotFound(number=str(training_id))
    record.removed_at = at
    _write("remove_training", record, by=by, at=at)
