"""Long exports that are made behind the scenes: one row a file, from the wish to its end."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.background import Work
from clinic_orders.models.base import Base, word
from clinic_orders.rules.export_jobs import EXPORT, ExportRefusal, ExportState
from clinic_orders.rules.parties import Role


class ExportJob(Work, Base):
    """A file to be made (``rules.export_jobs``) with the rights of the role in which it was asked for.

    ``form`` is csv or xlsx. ``total`` rows were counted when it was asked for, ``rows`` are written. ``county_code`` is
    that of a county's bureau, empty for the city's.
    """

    __tablename__ = "export_job"
    course = EXPORT

    kind: Mapped[str] = mapped_column(String(32))
    form: Mapped[str] = mapped_column(String(4))
    state: Mapped[ExportState] = mapped_column(word(ExportState), default=ExportState.WAITING)
    refusal: Mapped[ExportRefusal | None] = mapped_column(word(ExportRefusal))
    by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    role: Mapped[Role] = mapped_column(word(Role))
    county_code: Mapped[str] = mapped_column(String(6), default="")
    total: Mapped[int]
    rows: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(BigInteger, default=0)

    __table_args__ = (
        CheckConstraint(
            "(state IN ('done', 'refused', 'failed', 'cancelled')) = (ended_at IS NOT NULL)",
            name="ended_has_instant",
        ),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refused_has_reason"),
        CheckConstraint("form IN ('csv', 'xlsx')", name="form_is_known"),
        CheckConstraint("total >= 0 AND rows >= 0 AND size >= 0", name="sizes_not_negative"),
        Index("ix_export_job_state", "state", "id"),
        Index("ix_export_job_by_id", "by_id", "id"),
    )
