"""What a check is asked for: the day, the rows it may look at, the policy; the same for every check."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import Month, Quarter, end_of_day, start_of_day
from clinic_orders.rules.policy import PolicyBook


@dataclass(frozen=True)
class Scope:
    """One question to the checks: what is found as of a day (rules section 0, "as of").

    Attributes:
        as_of: the day D; a check sees events dated on or before it.
        institution_ids: only these subjects are looked at; None = everybody. A check against a distributor that
            also needs rows of others reads them all the same.
        codes: only these trace codes are judged, and those of the month that may have a clue are not searched; None =
            they are. Only the clues on codes know of it.
        pairs: only these items (row ids) of these institutions are judged, which ``institution_ids`` names as well; None =
            all their items. Only the checks of selling prices know of it.
        book: all rows of policy.

    """

    as_of: date
    institution_ids: Collection[int] | None = None
    codes: Collection[str] | None = None
    pairs: Collection[tuple[int, int]] | None = None

    @cached_property
    def book(self) -> PolicyBook:
        """The policy, read once for all checks of the question."""
        return policy_book()

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What one check found out and another one, or the figures of the month, would ask again; never changed."""
        return {}

    @property
    def month(self) -> Month:
        """The month of the day."""
        return Month.of(self.as_of)

    @property
    def ends_month(self) -> bool:
        """Whether the day is the last one of its month."""
        return self.as_of == self.month.last_day

    @property
    def quarter(self) -> Quarter:
        """The quarter of the day."""
        return Quarter.of(self.as_of)

    @property
    def ends_quarter(self) -> bool:
        """Whether the day is the last one of its quarter."""
        return self.as_of == self.quarter.last_day

    @property
    def month_begins(self) -> datetime:
        """The first instant of the month, UTC."""
        return start_of_day(self.month.first_day)

    @property
    def ends(self) -> datetime:
        """The end of the day, UTC: what is dated before it is seen."""
        return end_of_day(self.as_of)

    def only(self, column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
        """The condition that a column of institution ids is one of those looked at."""
        return true() if self.institution_ids is None else column.in_(self.institution_ids)
