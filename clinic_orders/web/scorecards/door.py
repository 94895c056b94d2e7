"""What the pages of scorecards share: the blueprint, the month, the distributor and the county asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, request, url_for

from clinic_orders.queries.scorecards import Scored, distributor_of
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Role
from clinic_orders.web.guards import actor, today

blueprint = Blueprint("scorecards", __name__, url_prefix="/scorecards")


def asked_month() -> Month:
    """The month of the address; this one where it names none; 404 for one that has not come yet."""
    typed = request.args.get("month", "")
    try:
        month = Month.parse(typed) if typed else Month.of(today())
    except RuleBroken:
        abort(404)
    if month.first_day > today():
        abort(404)
    return month


def months_to_choose(chosen: Month) -> list[tuple[str, str]]:
    """The last thirteen months, and the one that is shown."""
    months = [Month.of(today()).plus(-back) for back in range(13)]
    return [(str(one), str(one)) for one in (months if chosen in months else [*months, chosen])]


def own_county() -> str | None:
    """The county beyond which the reader does not see; None = there is none."""
    return actor().county_code if actor().role is Role.COUNTY else None


def distributor(code: str | None) -> Scored:
    """The distributor of an address, or the reader's own; 404 where there is none."""
    found = distributor_of(row_id=actor().distributor_id or 0) if code is None else distributor_of(code=code)
    if found is None:
        abort(404)
    return found


def address_of(code: str | None, month: Month) -> Callable[..., str]:
    """Makes addresses of a distributor's pages, whoever reads: ``url("lines", show="late")``."""

    def url(page: str, **asked: Any) -> str:
        name = page if code is not None else "own" if page == "show" else f"own_{page}"
        if code is not None:
            asked = {**asked, "code": code}
        return url_for(f"scorecards.{name}", month=str(month), **asked)

    return url
