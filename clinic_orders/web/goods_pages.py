"""What the pages of receipts, returns and payables share: the frame, the filter by month, the summary of a form."""

from __future__ import annotations

from collections.abc import Iterable

from flask import request
from flask_babel import gettext

from clinic_orders.models.catalogue import Item
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Role
from clinic_orders.web.display import month
from clinic_orders.web.guards import actor


def frame() -> str:
    """The page frame: clinics work on phones, all others at desks."""
    return "layout/phone.html" if actor().role is Role.INSTITUTION else "layout/desk.html"


def asked_month(name: str = "month") -> Month | None:
    """The month that a filter asks for; what is no month filters nothing."""
    try:
        return Month.parse(request.args.get(name, ""))
    except RuleBroken:
        return None


def month_options(months: Iterable[Month]) -> list[tuple[str, str]]:
    """Months as a filter offers them."""
    return [(str(one), month(one.first_day)) for one in months]


def named(item: Item, problem: str) -> str:
    """What is wrong, with the medicine in front, for the summary on top of a form."""
    return str(gettext("%(name)s: %(problem)s", name=item.generic_name, problem=problem))
