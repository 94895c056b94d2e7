"""Findings and statistics, as the checks and the months answer them (formats.md section 3)."""

from __future__ import annotations

from clinic_orders.actions.loading import NotFound
from clinic_orders.api.cursors import cursor, place_of
from clinic_orders.api.door import Asked, Reply, number, reads
from clinic_orders.exchange.api_shapes import (
    FINDING,
    FINDINGS,
    FINDINGS_QUERY,
    STATISTICS,
    STATISTICS_QUERY,
)
from clinic_orders.exchange.schemas import filled
from clinic_orders.queries.changes import findings_after
from clinic_orders.queries.institutions import counties
from clinic_orders.queries.statistics import shown_statistics
from clinic_orders.rules.days import Month, MonthNotUnderstood
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import Permission, Role


class NotReckonedYet(RuleBroken):
    """An open month of so many orders is reckoned at night or where somebody asks for it on the page."""

    message = N_(
        "%(month)s is not reckoned yet. It is every night; who needs it now asks for it on the page of the month."
    )


@reads(
    "/findings",
    Permission.FINDINGS_READ,
    N_("Findings in the order in which they were raised"),
    answer=FINDINGS,
    query=FINDINGS_QUERY,
)
def list_findings(asked: Asked) -> Reply:
    """The findings that the account may see, a page of them."""
    values = asked.values
    rows = findings_after(
        asked.actor,
        at=asked.at,
        rule=CheckRule(values["rule"]) if values["rule"] else None,
        state=FindingState(values["state"]) if values["state"] else None,
        after=place_of(values["cursor"], int)[0] if values["cursor"] else 0,
        limit=values["limit"] + 1,
    )
    page = rows[: values["limit"]]
    return Reply(
        {
            "data": [filled(FINDING, row | {"key": row["key"] or None}) for row in page],
            "next": cursor(page[-1]["id"]) if len(rows) > len(page) else None,
        }
    )


@reads(
    "/statistics/{month}",
    Permission.STATISTICS_READ,
    N_("The indicators of a month; a county reads its own"),
    answer=STATISTICS,
    query=STATISTICS_QUERY,
    refusals=frozenset({404, 409}),
)
def show_statistics(asked: Asked, month: str) -> Reply:
    """The figures of a month."""
    try:
        wanted = Month.parse(number(month))
    except MonthNotUnderstood:
        raise NotFound(number=month) from None
    county = asked.actor.county_code if asked.actor.role is Role.COUNTY else asked.values["county"]
    if wanted.first_day > asked.on or (county and county not in dict(counties(asked.actor))):
        raise NotFound(number=month)
    found = shown_statistics(wanted, county or None)
    if found is None:
        raise NotReckonedYet(month=month)
    return Reply(filled(STATISTICS, found.as_json()))
