"""Exports behind the scenes: those of a person, whose turn it is, and with whose rights one is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, and_, func, select

from clinic_orders.models.base import db
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.queries.accounts import actor_again
from clinic_orders.rules.export_jobs import EXPORT, ExportState
from clinic_orders.rules.parties import Actor, Permission

EXPORT_SORTS: Final = {
    "at": ExportJob.requested_at,
    "kind": ExportJob.kind,
    "total": ExportJob.total,
    "size": ExportJob.size,
}


@dataclass(frozen=True, slots=True)
class ExportsWanted:
    """Which exports are wanted; None asks for all.

    Attributes:
        kinds: of these kinds.
        state: in this state.

    """

    kinds: Collection[str] | None = None
    state: ExportState | None = None


def exports_of(actor: Actor) -> ColumnElement[bool]:
    """The exports that a person asked for in the role in which they are here; nobody else sees them."""
    return and_(
        ExportJob.by_id == actor.user_id,
        ExportJob.role == actor.role,
        ExportJob.county_code == (actor.county_code or ""),
    )


def _conditions(actor: Actor, wanted: ExportsWanted) -> list[ColumnElement[bool]]:
    conditions = [exports_of(actor)]
    if wanted.kinds is not None:
        conditions.append(ExportJob.kind.in_(wanted.kinds))
    if wanted.state is not None:
        conditions.append(ExportJob.state == wanted.state)
    return conditions


def count_exports(actor: Actor, wanted: ExportsWanted) -> int:
    """How many of a person's exports are wanted."""
    statement = select(func.count()).select_from(ExportJob).where(*_conditions(actor, wanted))
    return db.session.scalar(statement) or 0


def exports(
    actor: Actor, wanted: ExportsWanted, *, sort: str = "-at", offset: int = 0, limit: int | None = None
) -> Sequence[ExportJob]:
    """Those exports in an order of EXPORT_SORTS (``-`` = downwards)."""
    column = EXPORT_SORTS[sort.removeprefix("-")]
    order = column.desc() if sort.startswith("-") else column.asc()
    statement = select(ExportJob).where(*_conditions(actor, wanted)).order_by(order, ExportJob.id.desc())
    return db.session.scalars(statement.offset(offset).limit(limit)).all()


def find_export(number: int, actor: Actor) -> ExportJob | None:
    """One export, if it is the actor's own."""
    return db.session.scalars(
        select(ExportJob).where(ExportJob.id == number, exports_of(actor))
    ).one_or_none()


def open_export(kind: str, form: str, actor: Actor) -> ExportJob | None:
    """The actor's export of this kind and form that is still to be made; None if there is none."""
    return db.session.scalars(
        select(ExportJob)
        .where(
            exports_of(actor),
            ExportJob.kind == kind,
            ExportJob.form == form,
            ExportJob.state.in_(EXPORT.open),
        )
        .limit(1)
    ).one_or_none()


def exporter_of(job: ExportJob, on: date) -> Actor | None:
    """Who asked, in the role in which they asked; None if they do not hold it on a day or may not export."""
    found = actor_again(job.by_id, job.role, job.county_code, on=on)
    return found if found is not None and found.may(Permission.FILES_EXPORT) else None
