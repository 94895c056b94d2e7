"""What the pages of the statistics share: the blueprint, the month and county asked for, how a figure is written."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, request

from clinic_orders.documents.statistics_words import BY_NAME, value_of, written
from clinic_orders.queries.statistics import MonthStatistics, frozen, last_reckoned, shown_statistics
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Role
from clinic_orders.web.guards import actor, today

blueprint = Blueprint("statistics", __name__, url_prefix="/statistics")


def shown(name: str, block: dict[str, Any]) -> str:
    """An indicator of a block for the reader."""
    return written(BY_NAME[name], value_of(BY_NAME[name], block))


def asked_county() -> str:
    """The county whose figures are shown: a county's own, or the one that the city asks for; "" = the city."""
    if actor().role is Role.COUNTY:
        return actor().county_code or ""
    return request.args.get("county", "")[:12]


def asked_month(text: str) -> Month:
    """The month of an address; 404 where it is none, or has not come yet."""
    try:
        month = Month.parse(text)
    except RuleBroken:
        abort(404)
    if month.first_day > today():
        abort(404)
    return month


def compared_with(found: MonthStatistics, county: str) -> MonthStatistics | None:
    """What a closed month would be from what was recorded since its closing; None where nobody has reckoned it."""
    return last_reckoned(found.month, county or None, since=found.cut_off_at)


def asked_figures(month: Month, county: str) -> MonthStatistics | None:
    """The figures that the address asks for: those shown, or with ``now=1`` those beside the frozen ones."""
    closed = frozen(month, county or None)
    if closed is not None and request.args.get("now") == "1":
        return compared_with(closed, county)
    return closed or shown_statistics(month, county or None)
