"""People, their passwords and what they are in which organisation."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic_orders.models.base import Base, word
from clinic_orders.models.roster import County, Distributor, Institution
from clinic_orders.rules.parties import Role


class User(Base):
    """A person who can log in with a mobile number or an institution code."""

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    phone: Mapped[str | None] = mapped_column(String(32))
    password_hash: Mapped[str] = mapped_column(String(256))
    must_change_password: Mapped[bool] = mapped_column(default=False)
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    # Raising the epoch ends every session of this person, everywhere.
    session_epoch: Mapped[int] = mapped_column(default=0)
    language: Mapped[str] = mapped_column(String(8), default="zh_CN")
    big_print: Mapped[bool] = mapped_column(default=False)
    demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
    password_changed_at: Mapped[datetime | None]
    # When the term of the closed account was over and the person became a number (decision 0056).
    forgotten_at: Mapped[datetime | None]

    assignments: Mapped[list[RoleAssignment]] = relationship(
        back_populates="user", order_by="RoleAssignment.id"
    )

    __table_args__ = (CheckConstraint("failed_logins >= 0", name="failed_logins_not_negative"),)


class RoleAssignment(Base):
    """What a person is in one organisation, from a day on (one person may serve in several)."""

    __tablename__ = "role_assignment"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    role: Mapped[Role] = mapped_column(word(Role))
    institution_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    distributor_id: Mapped[int | None] = mapped_column(ForeignKey("distributor.id"), index=True)
    county_code: Mapped[str | None] = mapped_column(ForeignKey("county.code"), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]

    user: Mapped[User] = relationship(back_populates="assignments")
    institution: Mapped[Institution | None] = relationship()
    distributor: Mapped[Distributor | None] = relationship()
    county: Mapped[County | None] = relationship()

    __table_args__ = (
        CheckConstraint(
            "(role IN ('institution', 'hospital')) = (institution_id IS NOT NULL)", name="institution_of_role"
        ),
        CheckConstraint("(role = 'distributor') = (distributor_id IS NOT NULL)", name="distributor_of_role"),
        CheckConstraint("(role = 'county') = (county_code IS NOT NULL)", name="county_of_role"),
        CheckConstraint("role <> 'system'", name="nobody_is_the_system"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="days_in_order"),
    )


class DeviceSession(Base):
    """A log-in on one device, so that it can be ended from another one, and a copied cookie with it."""

    __tablename__ = "device_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    # Of the token in the cookie: who reads the database can't make cookies of it.
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    device: Mapped[str] = mapped_column(String(200), default="")
    # A session of an older epoch than its person's has ended with all the others.
    epoch: Mapped[int]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
